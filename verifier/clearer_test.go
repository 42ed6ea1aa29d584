// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// Whoever signed with a clock that is ahead need not sign again: the nearest miss says
// when the approval begins to count, and it does.
func TestNearestMissOfAClockAhead(t *testing.T) {
	s := vt.AdmitPolicy()
	from := func(name, begins string) []byte {
		a := s.Approval(0)
		a.NotBefore = begins
		return a.Of(s.Body(0)).Seal(vt.Person(name)).JSON()
	}
	s.Offer(0, from("alice", "2026-09-01T12:00:20Z"), from("bob", "2026-09-01T12:03:20Z"))
	d := decide(t, s)
	if d.Reason != verifier.AttestationNotYetValid {
		t.Fatalf("%v", d.Reason)
	}
	const want = "at 2026-09-01T12:03:20Z it would be allowed as it is: the approval by bob begins then; if that was signed just now, the signer's clock is ahead"
	if d.NearestMiss.Text != want || d.NearestMiss.Command != "" {
		t.Errorf("%q, %q", d.NearestMiss.Text, d.NearestMiss.Command)
	}
	at, err := time.Parse(time.RFC3339, "2026-09-01T12:03:20Z")
	if err != nil {
		t.Fatal(err)
	}
	s.Now = at
	if d := decide(t, s); d.Verdict != verifier.Allow {
		t.Errorf("at the time that was named: %v %v", d.Reason, d.Findings)
	}
	s = vt.AdmitPolicy()
	s.Offer(0, from("alice", "2026-09-02T12:00:00Z"))
	if m := decide(t, s).NearestMiss; !strings.Contains(m.Text, "by ") || strings.Contains(m.Text, "would be allowed as it is") || m.Command == "" {
		t.Errorf("one of two, later: %q, %q", m.Text, m.Command)
	}
}

// An RSA key that trust declares with the other padding is told from a wrong signature.
func TestOtherPadding(t *testing.T) {
	for _, c := range []struct{ signed, declared verifier.KeyAlgorithm }{
		{verifier.RSAPSSSHA256, verifier.RSAPKCS1v15}, {verifier.RSAPKCS1v15, verifier.RSAPSSSHA256},
	} {
		for _, hinted := range []bool{true, false} {
			s := vt.AdmitProfile()
			s.Authorities.Principals["rita"] = vt.HeldBy(vt.NewKey("rita", c.declared))
			s.Authorities.Authorities["platform"].Principals = []string{"rita"}
			e := s.Approval(0).Of(s.Body(0)).Seal(vt.NewKey("rita", c.signed))
			if !hinted {
				e.Signatures[0].KeyID = ""
			}
			d := decide(t, s.Offer(0, e.JSON()))
			want := "signed this as " + string(c.signed) + ", and authorities.json declares it as " + string(c.declared)
			if d.Reason != verifier.SignatureInvalid || !strings.Contains(d.Findings[0].Detail, want) {
				t.Errorf("%v %v: %s", d.Reason, d.Findings, want)
			}
		}
	}
}
