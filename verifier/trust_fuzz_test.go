// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// FuzzParseTrust reads trust files of any bytes: it is whole or refused, and
// whatever is taken refuses what nobody signed.
func FuzzParseTrust(f *testing.F) {
	s := vt.ComposeLayers()
	f.Add(s.Authorities.JSON(), vt.Revocations(vt.Revoke("key", vt.Person("bob").SHA256())), []byte(nil))
	f.Add(s.Authorities.JSON(), []byte("{"), vt.Ratchet(vt.Revoke("document", s.SHA256(0))))
	pinned := vt.BaseAuthorities()
	pinned.Rules[0].Pinned = []string{s.SHA256(1)}
	f.Add(pinned.JSON(), []byte(nil), []byte(nil))
	f.Add([]byte(`{"schema":"sigdriver.authorities/v1"}`), []byte(nil), []byte(nil))
	unsigned := vt.ComposeLayers()
	for i := range unsigned.Request.Documents {
		unsigned.Offer(i)
	}
	f.Fuzz(func(t *testing.T, authorities, revocations, ratchet []byte) {
		src := s.Source()
		src.Authorities, src.Revocations, src.Ratchet = authorities, revocations, ratchet
		trust, err := verifier.ParseTrust(src)
		if (trust == nil) != (err != nil) {
			t.Fatalf("trust %v with error %v", trust != nil, err)
		}
		if err != nil {
			return
		}
		d := verifier.Verify(&unsigned.Request, trust, unsigned.Floors, unsigned.Now)
		pins := 0
		for _, r := range trust.Rules() {
			pins += r.Pinned
		}
		if d.Verdict == verifier.Allow && pins == 0 {
			t.Error("allows what nobody signed or pinned")
		}
		src.Ratchet, src.Revocations = trust.Ratchet(), nil
		if again, err := verifier.ParseTrust(src); err != nil || string(again.Ratchet()) != string(trust.Ratchet()) {
			t.Errorf("the ratchet does not read back: %v", err)
		}
	})
}

// FuzzDrivers: what is taken of drivers.json is keys of two kinds, each once, and
// nothing in it can be an approver's.
func FuzzDrivers(f *testing.F) {
	key := vt.DriverKey{PEM: vt.NewKey("east-1", verifier.ECDSAP256).PEM(), NotAfter: "2027-01-01T00:00:00Z"}
	other := vt.DriverKey{PEM: vt.NewKey("west-1", verifier.Ed25519).PEM()}
	f.Add(vt.Drivers(map[string][]vt.DriverKey{"east-1": {key}, "west-1": {other}}))
	f.Add(vt.Drivers(map[string][]vt.DriverKey{"east-1": {key, key}}))
	f.Add(vt.Drivers(map[string][]vt.DriverKey{"alice": {{PEM: vt.Person("alice").PEM()}}}))
	f.Add(vt.Drivers(nil))
	src := vt.AdmitPolicy().Source()
	f.Fuzz(func(t *testing.T, data []byte) {
		src.Drivers = data
		trust, err := verifier.ParseTrust(src)
		if err != nil {
			return
		}
		seen := map[[32]byte]bool{}
		for _, k := range trust.ReceiptKeys() {
			ec, isEC := k.Public.(*ecdsa.PublicKey)
			if _, isEd := k.Public.(ed25519.PublicKey); !isEd && (!isEC || ec.Curve != elliptic.P256()) {
				t.Errorf("a key of type %T", k.Public)
			}
			if seen[k.SPKI] || k.Driver == "" {
				t.Errorf("%q has a key that is there twice", k.Driver)
			}
			seen[k.SPKI] = true
		}
	})
}
