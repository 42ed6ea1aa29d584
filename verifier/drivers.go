// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto"
	"fmt"
	"maps"
	"slices"
	"time"
)

// DriversSchema names the format of drivers.json.
const DriversSchema = "sigdriver.drivers/v1"

// ReceiptKey is a key that a driver signs receipts with. It approves nothing.
type ReceiptKey struct {
	Driver    string           // the driver's id
	Public    crypto.PublicKey // Ed25519 or ECDSA P-256
	SPKI      [32]byte         // sha256 of the DER SubjectPublicKeyInfo
	NotBefore time.Time        // zero: since ever
	NotAfter  time.Time        // zero: for ever; exclusive
}

// driversFile is drivers.json: driver id → its receipt keys.
type driversFile struct {
	Schema  string `json:"schema"`
	Drivers map[string]struct {
		Keys []keyFile `json:"keys"`
	} `json:"drivers"`
}

func refuseDrivers(path, format string, args ...any) error {
	return &TrustError{File: "drivers.json", Path: path, Text: fmt.Sprintf(format, args...)}
}

// parseDrivers reads the whole file or refuses it. No file is no keys.
func parseDrivers(data []byte) ([]ReceiptKey, error) {
	if data == nil {
		return nil, nil
	}
	if len(data) > MaxTrustFile {
		return nil, refuseDrivers("", "longer than %d bytes", MaxTrustFile)
	}
	var f driversFile
	if err := unmarshalClosed(data, &f); err != nil {
		return nil, &TrustError{File: "drivers.json", Text: "refused", Err: err}
	}
	if f.Schema != DriversSchema {
		return nil, refuseDrivers("schema", "must be %q", DriversSchema)
	}
	var all []ReceiptKey
	owners := map[[32]byte]string{}
	for _, name := range slices.Sorted(maps.Keys(f.Drivers)) {
		at := "drivers." + quote(name)
		if !validName(name) {
			return nil, refuseDrivers(at, "%s", nameRule)
		}
		if len(f.Drivers[name].Keys) == 0 {
			return nil, refuseDrivers(at, "has no key: it can sign no receipt")
		}
		for i, k := range f.Drivers[name].Keys {
			key, err := readReceiptKey(name, k, fmt.Sprintf("%s.keys[%d]", at, i))
			if err != nil {
				return nil, err
			}
			if other, taken := owners[key.SPKI]; taken {
				return nil, refuseDrivers(at, "a key is listed already, under %s: one key is one driver's", quote(other))
			}
			owners[key.SPKI] = name
			all = append(all, key)
		}
	}
	if len(all) > MaxKeys {
		return nil, refuseDrivers("drivers", "more than %d keys", MaxKeys)
	}
	return all, nil
}

// readReceiptKey reads one key. Receipts are checked with two algorithms only, so
// that a small checker can be complete.
func readReceiptKey(driver string, f keyFile, at string) (ReceiptKey, error) {
	k, err := parseKey(f.PEM, f.Algorithm)
	if err != nil {
		return ReceiptKey{}, &TrustError{File: "drivers.json", Path: at, Text: "key refused", Err: err}
	}
	if k.algorithm != Ed25519 && k.algorithm != ECDSAP256 {
		return ReceiptKey{}, &TrustError{File: "drivers.json", Path: at, Text: "key refused",
			Err: &KeyError{Text: "receipts are signed with Ed25519 or ECDSA P-256, not with " + string(k.algorithm)}}
	}
	out := ReceiptKey{Driver: driver, Public: k.public, SPKI: k.spki}
	if out.NotBefore, err = readTime(f.NotBefore); err != nil {
		return ReceiptKey{}, refuseDrivers(at+".notBefore", "%v", err)
	}
	if out.NotAfter, err = readTime(f.NotAfter); err != nil {
		return ReceiptKey{}, refuseDrivers(at+".notAfter", "%v", err)
	}
	if !out.NotAfter.IsZero() && !out.NotBefore.Before(out.NotAfter) {
		return ReceiptKey{}, refuseDrivers(at, "notBefore must be before notAfter")
	}
	return out, nil
}

// ReceiptKeys returns the keys that drivers sign receipts with, by driver id,
// without those that are revoked. A nil Trust knows none.
func (t *Trust) ReceiptKeys() []ReceiptKey {
	if t == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.receiptKeys), func(k ReceiptKey) bool { return t.revoked.key(k.SPKI) })
}

// reserved adds the receipt keys of all drivers to a driver's own keys: what no
// principal may have.
func reserved(own [][32]byte, receipts []ReceiptKey) [][32]byte {
	all := slices.Clone(own)
	for i := range receipts {
		all = append(all, receipts[i].SPKI)
	}
	return all
}
