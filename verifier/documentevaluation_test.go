// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

const slsa = "https://slsa.dev/provenance/v1"

// A document allowed by a pin alone has no version, so no floor is above it.
func TestPinnedStandsAboveFloors(t *testing.T) {
	s := vt.ComposePlain()
	s.Offer(0).SetFloor(0, 99, "")
	s.Authorities.Floors = append(s.Authorities.Floors, vt.SignedFloor{Role: "SANDBOX_POLICY", Version: "99"})
	if d := decide(t, s); d.Verdict == verifier.Allow {
		t.Fatal("unsigned and unpinned, and yet allowed")
	}
	s.Authorities.Rules[0].Pinned = []string{s.SHA256(0)}
	d := decide(t, s)
	if d.Verdict != verifier.Allow || d.Documents[0].Version != 0 || len(d.Raises) != 0 {
		t.Errorf("%v at version %d, raises %v", d.Reason, d.Documents[0].Version, d.Raises)
	}
}

// What became of an attestation of one type does not explain why a requirement
// of another type fails.
func TestARequirementIsExplainedByItsOwnType(t *testing.T) {
	s := vt.AdmitPolicy()
	s.Authorities.Rules[0].Require = append(s.Authorities.Rules[0].Require, vt.Requirement{Authority: "platform", PredicateType: slsa})
	provenance := vt.Provenance(s.Body(0)).Seal(vt.Person("dave")).JSON()
	approvals := s.Request.Documents[0].Attestations
	s.Offer(0, append(approvals, provenance)...)
	if d := decide(t, s); d.Verdict != verifier.Allow {
		t.Fatalf("the base must be allowed, not %v", d.Reason)
	}
	late := s.Approval(0)
	late.NotAfter = vt.Now.Add(-time.Hour).Format(time.RFC3339)
	expired := late.Of(s.Body(0)).Seal(vt.Person("carol")).JSON()
	s.Offer(0, append(approvals, expired)...)
	if d := decide(t, s); d.Reason != verifier.AttestationMissing {
		t.Errorf("%v: an approval's end explains a missing provenance", d.Reason)
	}
	foreign := vt.Provenance(s.Body(0)).Seal(vt.Person("alice")).JSON()
	s.Offer(0, append(approvals, expired, foreign)...)
	if d := decide(t, s); d.Reason != verifier.SignerOutOfScope {
		t.Errorf("%v: a provenance by somebody else explains it", d.Reason)
	}
}

// Without a rule no attestation is listened to, unless a shadow rule wants to.
func TestWithoutARuleNothingIsRead(t *testing.T) {
	s := vt.AdmitPolicy()
	s.Offer(0, []byte("junk"))
	s.Authorities.Rules[0].Workspace = "elsewhere"
	if d := decide(t, s); d.Reason != verifier.RuleMissing || len(d.Findings) != 1 {
		t.Errorf("%v with %d findings", d.Reason, len(d.Findings))
	}
	s.Authorities.Rules[0].Workspace = "prod"
	s.Authorities.Rules[0].Mode = "shadow"
	if d := decide(t, s); d.Reason != verifier.RuleMissing || len(d.Findings) != 2 || len(d.Shadow) != 1 {
		t.Errorf("%v with %d findings, %d in shadow", d.Reason, len(d.Findings), len(d.Shadow))
	}
}

// The evidence of a decision is what somebody known has signed, whether it counts
// or not, and nothing else: strangers must not fill the archive.
func TestEvidenceIsOfThoseWhoAreKnown(t *testing.T) {
	s := vt.AdmitProfile()
	good := s.Attestation(0, 0)
	stranger := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("mallory")).JSON()
	expired := s.Approval(0)
	expired.NotAfter = vt.Now.Format(time.RFC3339)
	old := expired.Of(s.Body(0)).Seal(vt.Person("dave")).JSON()
	s.Offer(0, []byte("junk"), stranger, old, good)
	d := decide(t, s)
	if want := [][2]int{{0, 2}, {0, 3}}; d.Verdict != verifier.Allow || !slices.Equal(d.Evidence, want) {
		t.Errorf("%v, evidence %v, want %v", d.Reason, d.Evidence, want)
	}
}

// A document that is denied has not passed, whatever the others did, and what was
// consulted is the floor of every document that could be read.
func TestPassed(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(*vt.Scenario)
		passed    []bool
		consulted []int
	}{
		"all":        {func(*vt.Scenario) {}, []bool{true, true, true}, []int{0, 1, 2}},
		"unattested": {func(s *vt.Scenario) { s.Offer(1) }, []bool{true, false, true}, []int{0, 1, 2}},
		"rollback":   {func(s *vt.Scenario) { s.SetFloor(2, 43, "") }, []bool{true, true, false}, []int{0, 1, 2}},
		"unreadable": {func(s *vt.Scenario) { s.Request.Documents[1].Body = []byte("{") }, []bool{true, false, true}, []int{0, 2}},
		"moved":      {func(s *vt.Scenario) { s.SetPlace("prod", "web-7") }, []bool{false, true, true}, []int{0, 1, 2}},
	} {
		s := vt.ComposeLayers()
		var want []verifier.FloorKey
		for _, i := range c.consulted {
			want = append(want, s.FloorKey(i))
		}
		for _, i := range c.consulted[1:] { // a profile of the whole gateway, in this workspace
			key := s.FloorKey(i)
			key.Workspace = "prod"
			want = append(want, key)
		}
		c.change(s)
		var passed []bool
		d := decide(t, s)
		for _, r := range d.Documents {
			passed = append(passed, r.Passed)
		}
		var consulted []verifier.FloorKey
		for _, r := range d.Consulted {
			consulted = append(consulted, r.Key)
			if r.Floor != s.Floors.Floor(r.Key) {
				t.Errorf("%s: consulted %v, the floor is %v", name, r, s.Floors.Floor(r.Key))
			}
		}
		if !slices.Equal(passed, c.passed) || !slices.Equal(consulted, want) {
			t.Errorf("%s: passed %v, want %v; consulted %v, want %v", name, passed, c.passed, consulted, want)
		}
	}
}

// Of one person's approvals at one version the one that ends last says until when
// the document is approved, in whatever order they were offered.
func TestTheLongestApprovalCounts(t *testing.T) {
	s := vt.AdmitProfile()
	until := func(at time.Time) []byte {
		a := s.Approval(0)
		a.NotAfter = at.Format(time.RFC3339)
		return a.Of(s.Body(0)).Seal(vt.Person("dave")).JSON()
	}
	short, long := until(vt.Now.Add(time.Hour)), until(vt.Now.Add(2*time.Hour))
	for _, order := range [][][]byte{{short, long}, {long, short}} {
		d := decide(t, s.Offer(0, order...))
		if want := vt.Now.Add(2 * time.Hour); d.Verdict != verifier.Allow || !d.Documents[0].NotAfter.Equal(want) {
			t.Errorf("%v until %v, want %v", d.Reason, d.Documents[0].NotAfter, want)
		}
	}
	s.Authorities.Rule("profiles").Require[0].PredicateType = slsa
	s.Authorities.Principals["dave"].Keys[0].NotAfter = vt.Now.Add(time.Hour).Format(time.RFC3339)
	s.Authorities.Principals["dave"].Keys = append(s.Authorities.Principals["dave"].Keys, vt.Person("frank").Listed())
	ending, endless := vt.Provenance(s.Body(0)).Seal(vt.Person("dave")).JSON(), vt.Provenance(s.Body(0)).Seal(vt.Person("frank")).JSON()
	for _, order := range [][][]byte{{ending, endless}, {endless, ending}} {
		if d := decide(t, s.Offer(0, order...)); d.Verdict != verifier.Allow || !d.Documents[0].NotAfter.IsZero() {
			t.Errorf("%v until %v, want for ever", d.Reason, d.Documents[0].NotAfter)
		}
	}
}

// The reason of several refused attestations is that of the one that got
// furthest, whatever their order.
func TestTheFurthestSpeaks(t *testing.T) {
	s := vt.AdmitProfile()
	other := s.Approval(0)
	other.Scope.Name = "another"
	scope := other.Of(s.Body(0)).Seal(vt.Person("dave")).JSON()
	unknown := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("mallory")).JSON()
	for _, order := range [][][]byte{{scope, unknown, []byte("{")}, {[]byte("{"), unknown, scope}} {
		if d := decide(t, s.Offer(0, order...)); d.Reason != verifier.ScopeMismatch {
			t.Errorf("%v", d.Reason)
		}
	}
}
