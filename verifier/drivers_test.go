// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// driverKey is the receipt key of a driver in the tests.
func driverKey(name string) verifiertest.DriverKey {
	return verifiertest.DriverKey{PEM: verifiertest.NewKey(name, verifier.ECDSAP256).PEM()}
}

func withDrivers(data []byte) verifier.TrustSource {
	src := verifiertest.AdmitPolicy().Source()
	src.Drivers = data
	return src
}

func TestReceiptKeys(t *testing.T) {
	windowed := driverKey("old")
	windowed.NotBefore, windowed.NotAfter = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
	trust, err := verifier.ParseTrust(withDrivers(verifiertest.Drivers(map[string][]verifiertest.DriverKey{
		"west": {{PEM: verifiertest.NewKey("west", verifier.Ed25519).PEM()}},
		"east": {windowed, driverKey("new")},
	})))
	if err != nil {
		t.Fatal(err)
	}
	keys := trust.ReceiptKeys()
	if len(keys) != 3 || keys[0].Driver != "east" || keys[1].Driver != "east" || keys[2].Driver != "west" {
		t.Fatalf("%+v", keys)
	}
	if !keys[0].NotBefore.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || !keys[0].NotAfter.Equal(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)) || !keys[1].NotAfter.IsZero() {
		t.Errorf("windows %+v", keys)
	}
	if trust, err := verifier.ParseTrust(withDrivers(nil)); err != nil || len(trust.ReceiptKeys()) != 0 {
		t.Errorf("no file: %v", err)
	}
	if (*verifier.Trust)(nil).ReceiptKeys() != nil {
		t.Error("no trust knows keys")
	}
}

// A revoked receipt key is none.
func TestRevokedReceiptKey(t *testing.T) {
	src := withDrivers(verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {driverKey("lost"), driverKey("kept")}}))
	src.Revocations = verifiertest.Revocations(verifiertest.Revoke("key", verifiertest.NewKey("lost", verifier.ECDSAP256).SHA256()))
	trust, err := verifier.ParseTrust(src)
	if err != nil {
		t.Fatal(err)
	}
	kept := verifiertest.NewKey("kept", verifier.ECDSAP256)
	if keys := trust.ReceiptKeys(); len(keys) != 1 || fmt.Sprintf("%x", keys[0].SPKI) != kept.SHA256() {
		t.Errorf("%+v", keys)
	}
}

// RC-06: no key signs receipts and approves policies, whoever's driver it is.
func TestReceiptKeyThatApproves(t *testing.T) {
	for _, name := range []string{"alice", "bob"} {
		key := verifiertest.DriverKey{PEM: verifiertest.Person(name).PEM()}
		_, err := verifier.ParseTrust(withDrivers(verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {driverKey("d"), key}})))
		var reserved *verifier.ReservedKeyError
		if !errors.As(err, &reserved) || reserved.Principal != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDriversFileIsStrict(t *testing.T) {
	good := verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {driverKey("d")}})
	edit := func(old, new string) []byte { return verifiertest.Edit(good, old, new) }
	twice := driverKey("d")
	long := map[string][]verifiertest.DriverKey{}
	for i := range verifier.MaxKeys + 1 {
		long[fmt.Sprint("d", i)] = []verifiertest.DriverKey{{PEM: verifiertest.NewKey(fmt.Sprint("many", i), verifier.Ed25519).PEM()}}
	}
	for name, data := range map[string][]byte{
		"empty":            {},
		"another schema":   edit("drivers/v1", "drivers/v2"),
		"unknown member":   edit(`"keys":`, `"note":"","keys":`),
		"duplicate member": edit(`"schema":`, `"schema":"x","schema":`),
		"no keys":          verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {}}),
		"no name":          edit(`"east"`, `""`),
		"a control char":   edit(`"east"`, `"ea\u0007st"`),
		"a long name":      edit(`"east"`, `"`+strings.Repeat("e", verifier.MaxName+1)+`"`),
		"no PEM":           edit(`-----BEGIN PUBLIC KEY`, `-----BEGIN NOTHING`),
		"a key twice":      verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {twice}, "west": {twice}}),
		"P-384":            verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {{PEM: verifiertest.Person("carol").PEM()}}}),
		"RSA":              verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {{PEM: verifiertest.Person("rita").PEM()}}}),
		"a local time":     verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {{PEM: twice.PEM, NotAfter: "2026-01-01T00:00:00+01:00"}}}),
		"ends at once":     verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east": {{PEM: twice.PEM, NotBefore: "2026-01-01T00:00:00Z", NotAfter: "2026-01-01T00:00:00Z"}}}),
		"too many":         verifiertest.Drivers(long),
		"too long":         append(bytes.Clone(good), bytes.Repeat([]byte(" "), verifier.MaxTrustFile+1-len(good))...),
	} {
		_, err := verifier.ParseTrust(withDrivers(data))
		var file *verifier.TrustError
		if !errors.As(err, &file) || file.File != "drivers.json" {
			t.Errorf("%s: %v", name, err)
		}
	}
	delete(long, "d0")
	for name, data := range map[string][]byte{
		"as it is":   good,
		"at most":    verifiertest.Drivers(long),
		"no drivers": verifiertest.Drivers(nil),
		"as long":    append(bytes.Clone(good), bytes.Repeat([]byte(" "), verifier.MaxTrustFile-len(good))...),
	} {
		if _, err := verifier.ParseTrust(withDrivers(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
