// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestRevocationEntries(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	parse := func(entry string) error {
		_, err := parseRevocations(fmt.Appendf(nil, `{"schema":%q,"entries":[%s]}`, RevocationsSchema, entry), RevocationsSchema, MaxTrustFile)
		return err
	}
	for _, good := range []string{
		`{"kind":"document","sha256":"` + sum + `"}`,
		`{"kind":"attestation","sha256":"` + sum + `","reason":"r"}`,
		`{"kind":"key","sha256":"` + sum + `"}`,
		`{"kind":"identity","issuer":"i","san":"s","reason":"r"}`,
		`{"kind":"document","sha256":"` + sum + `","reason":"` + strings.Repeat("r", MaxRevocationReason) + `"}`,
		`{"kind":"identity","issuer":"` + strings.Repeat("i", MaxIdentity) + `","san":"` + strings.Repeat("s", MaxIdentity) + `"}`,
	} {
		if err := parse(good); err != nil {
			t.Fatalf("%s: %v", good, err)
		}
	}
	for name, bad := range map[string]string{
		"document with an issuer":   `{"kind":"document","sha256":"` + sum + `","issuer":"i"}`,
		"key with a SAN":            `{"kind":"key","sha256":"` + sum + `","san":"s"}`,
		"document without a digest": `{"kind":"document"}`,
		"short digest":              `{"kind":"key","sha256":"` + sum[1:] + `"}`,
		"upper case":                `{"kind":"key","sha256":"` + strings.ToUpper(sum) + `"}`,
		"identity without a SAN":    `{"kind":"identity","issuer":"i"}`,
		"identity without issuer":   `{"kind":"identity","san":"s"}`,
		"identity with a digest":    `{"kind":"identity","issuer":"i","san":"s","sha256":"` + sum + `"}`,
		"no kind":                   `{"sha256":"` + sum + `"}`,
		"long reason":               `{"kind":"document","sha256":"` + sum + `","reason":"` + strings.Repeat("r", MaxRevocationReason+1) + `"}`,
		"long issuer":               `{"kind":"identity","san":"s","issuer":"` + strings.Repeat("r", MaxIdentity+1) + `"}`,
		"long SAN":                  `{"kind":"identity","issuer":"i","san":"` + strings.Repeat("r", MaxIdentity+1) + `"}`,
		"unknown member":            `{"kind":"key","sha256":"` + sum + `","Reason":"r"}`,
	} {
		if parse(bad) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := parseRevocations([]byte(`{"schema":"sigdriver.revocations/v2","entries":[]}`), RevocationsSchema, MaxTrustFile); err == nil {
		t.Error("another schema is accepted")
	}
}

func TestRevocationLimits(t *testing.T) {
	list := fmt.Appendf(nil, `{"schema":%q,"entries":[]}`, RevocationsSchema)
	at := append(list, bytes.Repeat([]byte(" "), MaxTrustFile-len(list))...)
	if _, err := parseRevocations(at, RevocationsSchema, MaxTrustFile); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := parseRevocations(append(at, ' '), RevocationsSchema, MaxTrustFile); err == nil {
		t.Error("one byte past the limit is accepted")
	}
	many := ratchet{}
	for i := range MaxRevocations {
		many[revokedThing{kind: "document", sha256: [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}}] = ""
	}
	if _, err := many.apply(nil, nil); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := many.apply([]revocationEntry{{Kind: "identity", Issuer: "i", SAN: "s"}}, nil); err == nil {
		t.Error("one revocation past the limit is accepted")
	}
}

// The ratchet's bytes say the same whatever order it was filled in, and read back.
func TestRatchetBytes(t *testing.T) {
	entries := []revocationEntry{
		{Kind: "key", SHA256: strings.Repeat("02", 32), Reason: "b"},
		{Kind: "document", SHA256: strings.Repeat("01", 32), Reason: "a"},
		{Kind: "identity", Issuer: "i", SAN: "s"},
	}
	first, err := ratchet{}.apply(entries, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		entries = append(entries[1:], entries[0])
		if second, err := (ratchet{}).apply(entries, nil); err != nil || !bytes.Equal(first.bytes(), second.bytes()) {
			t.Fatalf("%s\n%s (%v)", first.bytes(), second.bytes(), err)
		}
	}
	back, err := parseRevocations(first.bytes(), RatchetSchema, MaxRatchet)
	if err != nil || len(back) != 3 {
		t.Errorf("%v, %d entries", err, len(back))
	}
}

// A full ratchet of the longest entries, each byte of which JSON escapes, reads
// back: a limit on its bytes would lose trust at the next start.
func TestFullRatchetReadsBack(t *testing.T) {
	long := ratchet{}
	for i := range 100 {
		id := fmt.Sprintf("%d", i)
		escaped := strings.Repeat("\x01", MaxIdentity-len(id))
		long[revokedThing{kind: "identity", id: revokedIdentity{escaped + id, strings.Repeat("\x01", MaxIdentity)}}] = strings.Repeat("\x01", MaxRevocationReason)
	}
	if each := len(long.bytes()) / len(long); each > MaxRatchet/MaxRevocations {
		t.Errorf("%d bytes an entry, and MaxRatchet counts on %d", each, MaxRatchet/MaxRevocations)
	}
}

// An overflowing list is not taken, and does not hold back authorities.json.
func TestOverflowingRevocationsAreAFault(t *testing.T) {
	before := ratchet{}
	for i := range MaxRevocations {
		before[revokedThing{kind: "document", sha256: [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}}] = ""
	}
	src := TrustSource{
		Authorities: []byte(baseAuthorities(t)), Ratchet: before.bytes(),
		Revocations: fmt.Appendf(nil, `{"schema":%q,"entries":[{"kind":"identity","issuer":"i","san":"s"}]}`, RevocationsSchema),
	}
	trust, err := ParseTrust(src)
	if err != nil || trust.RevocationFault() == nil {
		t.Errorf("%v, fault %v", err, trust.RevocationFault())
	}
}
