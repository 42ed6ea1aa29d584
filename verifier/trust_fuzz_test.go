// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
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
