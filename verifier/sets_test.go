// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// When the set ends for one document it ends for all.
func TestValidUntilOfASet(t *testing.T) {
	s := vt.ComposeSet()
	s.Authorities.Authorities["security"].Threshold = 1
	long, short := s.Set("stack"), s.Set("stack")
	long.NotAfter = vt.Now.Add(3 * time.Hour).Format(time.RFC3339)
	short.NotAfter = vt.Now.Add(time.Hour).Format(time.RFC3339)
	s.OfferAll(long.By("alice")...).Offer(2, short.By("alice")...)
	d := decide(t, s)
	if d.Verdict != verifier.Allow || !d.ValidUntil.Equal(vt.Now.Add(time.Hour)) {
		t.Fatalf("%v until %v", d.Reason, d.ValidUntil)
	}
	s.Now = d.ValidUntil.Add(-1)
	if late := decide(t, s); late.Verdict != verifier.Allow {
		t.Errorf("%v already before", late.Reason)
	}
	s.Now = d.ValidUntil
	if after := decide(t, s); after.Reason != verifier.SetMismatch || !after.ValidUntil.Equal(vt.Now.Add(3*time.Hour)) {
		t.Errorf("%v until %v", after.Reason, after.ValidUntil)
	}
	// Another person's approval of the same set, for the third document alone, does not help; of all three it does.
	s.Offer(2, slices.Concat(short.By("alice"), long.By("bob"))...)
	if d := decide(t, s); d.Reason != verifier.SetMismatch {
		t.Errorf("half a set by each of two: %v", d.Reason)
	}
	s.OfferAll(slices.Concat(short.By("alice"), long.By("bob"))...)
	if d := decide(t, s); d.Verdict != verifier.Allow || !d.ValidUntil.Equal(vt.Now.Add(3*time.Hour)) {
		t.Errorf("%v until %v", d.Reason, d.ValidUntil)
	}
}

// An ALLOW for sets raises the floor of each member to the set's version, and an
// older set is refused from then on.
func TestSetsRaiseFloors(t *testing.T) {
	s := vt.ComposeSet()
	d := decide(t, s)
	if d.Verdict != verifier.Allow || len(d.Raises) != 3 {
		t.Fatalf("%v, %d floors", d.Reason, len(d.Raises))
	}
	for _, r := range d.Raises {
		if r.Floor.Version != 7 {
			t.Errorf("%v to %d", r.Key, r.Floor.Version)
		}
	}
	next := s.After(d)
	older := next.Set("stack")
	older.Version = "6"
	next.OfferAll(older.By("alice", "bob")...)
	if d := decide(t, next); d.Reason != verifier.VersionRollback {
		t.Errorf("an older set: %v", d.Reason)
	}
}

// A rule over every surface asks for the settings too.
func TestARuleOverEverySurfaceAsksForSettings(t *testing.T) {
	s := vt.ComposeSet()
	if d := decide(t, s); d.Verdict != verifier.Allow {
		t.Fatalf("the base must be allowed, not %v", d.Reason)
	}
	s.Authorities.Rules[0].Roles = nil
	if d := decide(t, s); d.Reason != verifier.DocumentMissing {
		t.Errorf("%v", d.Reason)
	}
}

// Surfaces other than every one are still exact, and a role belongs to one.
func TestRuleSurfaces(t *testing.T) {
	for surface, fine := range map[string]bool{"*": true, vt.ProfileSurface: true, "": false, "openshell.*": false, "**": false} {
		s := vt.AdmitProfile()
		s.Authorities.Rules[2].Surface = surface
		if _, err := s.Decide(); (err == nil) != fine {
			t.Errorf("%q: %v", surface, err)
		}
	}
	s := vt.AdmitProfile()
	s.Authorities.Rules[2].Surface, s.Authorities.Rules[2].Roles = vt.PolicySurface, []string{"PROVIDER_PROFILE"}
	if _, err := s.Decide(); err == nil {
		t.Error("a profile's role with a policy's surface")
	}
}

func TestNearestMissOfSets(t *testing.T) {
	one := func() *vt.Scenario {
		s := vt.ComposeSet()
		s.Authorities.Authorities["security"].Threshold = 1
		return s
	}
	missing, mixed, half, long := one(), one(), vt.ComposeSet(), one()
	missing.OfferAll()
	mixed.OfferAll(mixed.Set("stack").By("alice")...).Offer(2).SetFloor(1, 9, "")
	half.OfferAll(half.Set("my stack").By("alice")...)
	for i := range 12 {
		profile := vt.MirrorProfile()
		profile["id"] = strings.Repeat(string(rune('a'+i)), 100)
		long.Attach(profile["id"].(string), profile)
	}
	long.Recompose().OfferAll()
	members := " --member SANDBOX_POLICY:web-1:policy.json --member PROVIDER_PROFILE:forge:forge.json --member PROVIDER_PROFILE:mirror:mirror.json --key "
	place := " --gateway gw-east --workspace prod --name web-1"
	for _, c := range []struct {
		s             *vt.Scenario
		reason        verifier.Reason
		text, command string
	}{
		{missing, verifier.CompositionPartUnattested, `one approval of one set with all 3 documents that the rule "stacks" matches by alice, bob or carol would allow it`,
			"sigdriver sign --bundle-id ID --version 1" + members + "alice.key" + place},
		{mixed, verifier.SetMismatch, `one approval of one set with all 3 documents that the rule "stacks" matches by alice, bob or carol would allow it`,
			"sigdriver sign --bundle-id stack --version 9" + members + "alice.key" + place},
		{half, verifier.Threshold, `one approval of the set "my stack" version 7 by bob or carol would allow it`,
			"sigdriver sign --bundle-id 'my stack' --version 7" +
				" --member PROVIDER_PROFILE:forge:forge.json --member PROVIDER_PROFILE:mirror:mirror.json --member SANDBOX_POLICY:web-1:policy.json --key bob.key" + place},
		{long, verifier.CompositionPartUnattested, `one approval of one set with all 15 documents that the rule "stacks" matches by alice, bob or carol would allow it`,
			"sigdriver sign --bundle-id ID --version 1 --member ROLE:NAME:FILE --key alice.key" + place},
	} {
		d := decide(t, c.s)
		if d.Reason != c.reason || d.NearestMiss.Document != 0 || d.NearestMiss.Text != c.text || d.NearestMiss.Command != c.command {
			t.Errorf("%v at %d\n%s\n%s\nwant\n%s\n%s", d.Reason, d.NearestMiss.Document, d.NearestMiss.Text, d.NearestMiss.Command, c.text, c.command)
		}
	}
	// And what it says helps.
	half.OfferAll(half.Set("my stack").By("alice", "bob")...)
	if d := decide(t, half); d.Verdict != verifier.Allow {
		t.Errorf("%v", d.Reason)
	}
}

// What an attestation of a set proves is filed under each of its documents.
func TestEvidenceOfASet(t *testing.T) {
	s := vt.ComposeSet()
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	proved, faults := trust.Evidence(s.Attestation(0, 0))
	if len(faults) != 0 || len(proved) != 1 || proved[0].Version != 7 || proved[0].PredicateType != verifier.SetPredicateType || len(proved[0].SubjectSHA256) != 3 {
		t.Fatalf("%+v %+v", proved, faults)
	}
	for i := range 3 {
		if !slices.Contains(proved[0].SubjectSHA256, s.SHA256(i)) {
			t.Errorf("not about document %d", i)
		}
	}
	bad := s.Set("stack")
	st := bad.Statement()
	st.Subject = st.Subject[:2]
	if proved, faults := trust.Evidence(st.Seal(vt.Person("alice")).JSON()); len(proved) != 0 || len(faults) != 1 || faults[0].Reason != verifier.PredicateInvalid {
		t.Errorf("%+v %+v", proved, faults)
	}
}

// Lint takes a rule over every surface for one over each of them.
func TestLintOfEverySurface(t *testing.T) {
	s := vt.ComposeSet()
	s.Authorities.Rules[0].Roles, s.Authorities.Rules[0].MaxAge = nil, "72h"
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range trust.Lint(vt.Now, 0) {
		if f.Code == verifier.LintSurfaceWithoutRule || f.Code == verifier.LintRuleUnsatisfiable {
			t.Errorf("%s: %s", f.Code, f.Text)
		}
	}
}
