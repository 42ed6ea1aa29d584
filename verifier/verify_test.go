// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// decide runs a scenario that has a decision.
func decide(t testing.TB, s *vt.Scenario) verifier.Decision {
	t.Helper()
	d, err := s.Decide()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// bases are the scenarios that are allowed.
var bases = map[string]func() *vt.Scenario{
	"admit policy": vt.AdmitPolicy, "admit profile": vt.AdmitProfile, "compose plain": vt.ComposePlain,
	"compose layers": vt.ComposeLayers, "compose global": vt.ComposeGlobal,
}

func TestZeroValuesRefuse(t *testing.T) {
	if d := (verifier.Decision{}); d.Verdict == verifier.Allow {
		t.Error("the zero decision allows")
	}
	s := vt.ComposeLayers()
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	if d := verifier.Verify(&s.Request, trust, s.Floors, s.Now); d.Verdict != verifier.Allow {
		t.Fatalf("the base must be allowed, not %v", d.Reason)
	}
	for name, d := range map[string]verifier.Decision{
		"no request":   verifier.Verify(&verifier.Request{}, trust, s.Floors, s.Now),
		"no trust":     verifier.Verify(&s.Request, nil, s.Floors, s.Now),
		"zero trust":   verifier.Verify(&s.Request, &verifier.Trust{}, s.Floors, s.Now),
		"no floors":    verifier.Verify(&s.Request, trust, nil, s.Now),
		"no documents": verifier.Verify(&verifier.Request{Purpose: verifier.Compose, Target: s.Request.Target, Recipe: vt.Recipe}, trust, s.Floors, s.Now),
		"misshapen":    verifier.Verify(&verifier.Request{Purpose: verifier.Admit, Target: s.Request.Target, Documents: s.Request.Documents}, trust, s.Floors, s.Now),
	} {
		if d.Verdict == verifier.Allow {
			t.Errorf("%s: allowed", name)
		}
	}
}

func TestVerifyIsAFunction(t *testing.T) {
	for name, base := range bases {
		s := base()
		first := decide(t, s)
		for range 20 {
			if again := decide(t, s); !reflect.DeepEqual(first, again) {
				t.Fatalf("%s: equal arguments, two decisions:\n%+v\n%+v", name, first, again)
			}
		}
	}
}

// R11, both ways: nothing changes until Recheck, the outcome does not change
// until ValidUntil, and at ValidUntil it does.
func TestValidUntilIsWhenTheOutcomeChanges(t *testing.T) {
	for name, base := range bases {
		s := base()
		d := decide(t, s)
		if d.Verdict != verifier.Allow || d.ValidUntil.IsZero() {
			t.Fatalf("%s: %v %v until %v", name, d.Verdict, d.Reason, d.ValidUntil)
		}
		if d.Recheck.After(d.ValidUntil) || !d.Recheck.After(s.Now) {
			t.Errorf("%s: recheck at %v, valid until %v", name, d.Recheck, d.ValidUntil)
		}
		s.Now = d.ValidUntil.Add(-1)
		if late := decide(t, s); late.Verdict != d.Verdict || late.Reason != d.Reason {
			t.Errorf("%s: %v already before ValidUntil", name, late.Reason)
		}
		s.Now = d.ValidUntil
		if after := decide(t, s); after.Verdict == d.Verdict && after.Reason == d.Reason {
			t.Errorf("%s: nothing changed at ValidUntil", name)
		}
	}
}

func TestValidUntilLooksPastASpareApproval(t *testing.T) {
	s := vt.AdmitPolicy()
	short, long := s.Approval(0), s.Approval(0)
	short.NotAfter = vt.Now.Add(time.Hour).Format(time.RFC3339)
	long.NotAfter = vt.Now.Add(3 * time.Hour).Format(time.RFC3339)
	s.Offer(0, short.Of(s.Body(0)).Seal(vt.Person("carol")).JSON(),
		long.Of(s.Body(0)).Seal(vt.Person("alice")).JSON(), long.Of(s.Body(0)).Seal(vt.Person("bob")).JSON())
	d := decide(t, s)
	if d.Verdict != verifier.Allow {
		t.Fatalf("the base must be allowed, not %v", d.Reason)
	}
	if want := vt.Now.Add(3 * time.Hour); !d.ValidUntil.Equal(want) {
		t.Errorf("valid until %v, want %v: two of the three still hold", d.ValidUntil, want)
	}
	if !d.HoldsUntil.IsZero() && d.HoldsUntil.Before(d.Recheck) {
		t.Errorf("holds until %v, recheck at %v", d.HoldsUntil, d.Recheck)
	}
	if want := vt.Now.Add(time.Hour); !d.Recheck.Equal(want) {
		t.Errorf("recheck at %v, want %v", d.Recheck, want)
	}
}

// A DENY may turn into an ALLOW by time alone too.
func TestValidUntilOfADenyThatTimeMends(t *testing.T) {
	s := vt.AdmitPolicy()
	a := s.Approval(0)
	a.NotBefore = vt.Now.Add(time.Hour).Format(time.RFC3339)
	s.ApproveAs(0, a, "alice", "bob")
	d := decide(t, s)
	if d.Reason != verifier.AttestationNotYetValid || !d.ValidUntil.Equal(vt.Now.Add(time.Hour)) {
		t.Errorf("%v until %v", d.Reason, d.ValidUntil)
	}
}

// Revocations can only take away: with more of them nothing that was denied is
// allowed.
func TestRevocationsOnlyTakeAway(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	entries := func(s *vt.Scenario) []vt.Revocation {
		var all []vt.Revocation
		for i := range s.Request.Documents {
			all = append(all, vt.Revoke("document", s.SHA256(i)))
		}
		for _, n := range []string{"alice", "bob", "carol", "dave", "erin"} {
			all = append(all, vt.Revoke("key", vt.Person(n).SHA256()))
		}
		return append(all, vt.Revoke("attestation", strings.Repeat("0a", 32)))
	}
	allowed, denied := 0, 0
	for name, base := range bases {
		for range 100 {
			s := base()
			all := entries(s)
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			few := all[:r.IntN(3)]
			more := all[:len(few)+r.IntN(len(all)-len(few)+1)]
			s.Revocations = vt.Revocations(few...)
			with := decide(t, s)
			s.Revocations = vt.Revocations(more...)
			withMore := decide(t, s)
			if with.Verdict == verifier.Deny && withMore.Verdict == verifier.Allow {
				t.Fatalf("%s: more revocations allowed what fewer denied", name)
			}
			// The ratchet: a list without the entries changes nothing.
			trust, err := verifier.ParseTrust(s.Source())
			if err != nil {
				t.Fatal(err)
			}
			s.Ratchet, s.Revocations = trust.Ratchet(), vt.Revocations()
			if again := decide(t, s); again.Verdict != withMore.Verdict {
				t.Fatalf("%s: a shorter list changed %v to %v", name, withMore.Verdict, again.Verdict)
			}
			if withMore.Verdict == verifier.Allow {
				allowed++
			} else {
				denied++
			}
		}
	}
	if allowed == 0 || denied == 0 {
		t.Errorf("the property was not exercised: %d allowed, %d denied", allowed, denied)
	}
}

// Dropping attestations never turns a DENY into an ALLOW, nor does their order.
func TestAttestationsAreASet(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, base := range bases {
		for range 50 {
			s := base()
			d := decide(t, s)
			for i := range s.Request.Documents {
				a := slices.Clone(s.Request.Documents[i].Attestations)
				r.Shuffle(len(a), func(x, y int) { a[x], a[y] = a[y], a[x] })
				s.Offer(i, a...)
			}
			if again := decide(t, s); again.Verdict != d.Verdict || again.Reason != d.Reason {
				t.Fatalf("%s: the order of attestations decided", name)
			}
			i := r.IntN(len(s.Request.Documents))
			a := s.Request.Documents[i].Attestations
			s.Offer(i, a[:r.IntN(len(a))]...)
			if fewer := decide(t, s); fewer.Verdict == verifier.Allow && d.Verdict != verifier.Allow {
				t.Fatalf("%s: fewer attestations allowed", name)
			}
		}
	}
}

func TestOnlyAllowedComposeRaises(t *testing.T) {
	compose, admit := decide(t, vt.ComposeLayers()), decide(t, vt.AdmitPolicy())
	if len(compose.Raises) != 3 || compose.Binding == nil {
		t.Errorf("an allowed COMPOSE raises %d floors and binds %v", len(compose.Raises), compose.Binding)
	}
	if len(admit.Raises) != 0 || admit.Binding != nil {
		t.Errorf("ADMIT raises %v and binds %v", admit.Raises, admit.Binding)
	}
	s := vt.ComposeLayers()
	s.Offer(2)
	if d := decide(t, s); d.Verdict == verifier.Allow || len(d.Raises) != 0 || d.Binding != nil {
		t.Errorf("%v raises %v and binds %v", d.Verdict, d.Raises, d.Binding)
	}
	s = vt.ComposeLayers()
	after := s.After(compose)
	if d := decide(t, after); d.Verdict != verifier.Allow || len(d.Raises) != 0 || d.Binding != nil {
		t.Errorf("the second time: %v raises %v and binds %v", d.Verdict, d.Raises, d.Binding)
	}
}

// Two documents of one subject in one request: the lower version is a rollback,
// an equal version of another document is equivocation.
func TestTwoDocumentsOfOneSubject(t *testing.T) {
	two := func(first, second string) *vt.Scenario {
		s := vt.ComposePlain()
		other := vt.ForgeProfile()
		other["displayName"] = "Another"
		s.Attach("one", vt.ForgeProfile()).Attach("two", other)
		for i, v := range []string{first, second} {
			a := s.Approval(i + 1)
			a.Version = v
			s.ApproveAs(i+1, a, "dave")
		}
		return s.Recompose()
	}
	if d := decide(t, two("5", "6")); d.Reason != verifier.VersionRollback || d.NearestMiss.Document != 1 {
		t.Errorf("lower first: %v at %d", d.Reason, d.NearestMiss.Document)
	}
	if d := decide(t, two("6", "5")); d.Reason != verifier.VersionRollback || d.NearestMiss.Document != 2 {
		t.Errorf("lower second: %v at %d", d.Reason, d.NearestMiss.Document)
	}
	if d := decide(t, two("5", "5")); d.Reason != verifier.VersionEquivocation {
		t.Errorf("equal: %v", d.Reason)
	}
	s := vt.ComposePlain()
	s.Attach("one", vt.ForgeProfile()).Approve(1, "dave").Attach("two", vt.ForgeProfile()).Approve(2, "dave").Recompose()
	if d := decide(t, s); d.Verdict != verifier.Allow || len(d.Raises) != 2 {
		t.Errorf("one profile attached twice: %v, raises %v", d.Reason, d.Raises)
	}
}

func TestNearestMissNamesWhoIsMissing(t *testing.T) {
	s := vt.AdmitPolicy()
	s.Approve(0, "alice")
	d := decide(t, s)
	if d.Reason != verifier.Threshold {
		t.Fatalf("%v", d.Reason)
	}
	m := d.NearestMiss
	for _, want := range []string{"one approval by bob or carol", s.SHA256(0)} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q does not say %q", m.Text, want)
		}
	}
	for _, want := range []string{"--key bob.key", "--workspace prod", "--name web-1", "--gateway gw-east", "--version "} {
		if !strings.Contains(m.Command, want) {
			t.Errorf("%q does not say %q", m.Command, want)
		}
	}
	s.SetFloor(0, 99, "")
	if d := decide(t, s); !strings.Contains(d.NearestMiss.Command, "--version 99") {
		t.Errorf("%q does not reach the floor", d.NearestMiss.Command)
	}
}

// What a revocation says why stands beside it.
func TestRevocationsSayWhy(t *testing.T) {
	kinds := map[verifier.Reason]int{verifier.DocumentRevoked: 0, verifier.AttestationRevoked: 0, verifier.SignerRevoked: 0}
	for _, c := range cases.Catalogue() {
		if _, ours := kinds[c.Want.Reason]; !ours {
			continue
		}
		d, err := c.Scenario().Decide()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range d.Findings {
			if _, ours := kinds[f.Reason]; ours && regexp.MustCompile(` is revoked: "(withdrawn|taken over)"$`).MatchString(f.Detail) {
				kinds[f.Reason]++
			} else if ours {
				t.Errorf("%s: %s", c.Name, f.Detail)
			}
		}
	}
	for reason, n := range kinds {
		if n == 0 {
			t.Errorf("nothing is %v", reason)
		}
	}
}

// A nearest miss never sends people to a key that cannot count.
func TestNearestMissKnowsWhoCannotSpeak(t *testing.T) {
	s := vt.AdmitPolicy()
	s.Approve(0, "alice")
	s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("bob").SHA256()))
	own := s.Authorities.Principals["carol"].Keys
	// An RSA key that trust declares with PKCS#1's padding, with which sigdriver sign does not sign.
	s.Authorities.Principals["carol"].Keys = []vt.PublicKey{vt.Person("rita").Listed()}
	if m := decide(t, s).NearestMiss; !strings.Contains(m.Text, "one approval by carol ") || m.Command != "" {
		t.Errorf("%q, %q", m.Text, m.Command)
	}
	s.Authorities.Principals["carol"].Keys = own
	if m := decide(t, s).NearestMiss; !strings.Contains(m.Text, "one approval by carol ") || !strings.Contains(m.Command, "carol.key") {
		t.Errorf("%q, %q", m.Text, m.Command)
	}
	s.Authorities.Principals["carol"].Keys[0].NotAfter = vt.Now.Format(time.RFC3339)
	if m := decide(t, s).NearestMiss; !strings.Contains(m.Text, "whom trust would have to name first") || m.Command != "" {
		t.Errorf("%q, %q", m.Text, m.Command)
	}
	if m := decide(t, vt.AdmitPolicy().Offer(0)).NearestMiss; !strings.Contains(m.Text, "2 approvals by any 2 of alice, bob and carol over") {
		t.Errorf("%q", m.Text)
	}
}

// What a nearest miss says would help does help.
func TestNearestMissHelps(t *testing.T) {
	s := vt.AdmitPolicy()
	s.Approve(0, "alice")
	if d := decide(t, s); d.Verdict == verifier.Allow {
		t.Fatal("one of two is allowed")
	}
	if d := decide(t, s.Approve(0, "alice", "bob")); d.Verdict != verifier.Allow {
		t.Errorf("with bob: %v", d.Reason)
	}
}

// A shadow rule reports and decides nothing.
func TestShadowRules(t *testing.T) {
	s := vt.AdmitPolicy()
	rule := *s.Authorities.Rules[0]
	rule.Name, rule.Mode = "shadow", "shadow"
	rule.Require = slices.Clone(rule.Require)
	for i := range rule.Require {
		rule.Require[i].PredicateType = "https://slsa.dev/provenance/v1"
	}
	s.Authorities.Rules = append(s.Authorities.Rules, &rule)
	d := decide(t, s)
	if d.Verdict != verifier.Allow || len(d.Shadow) != 1 || d.Shadow[0].Reason != verifier.AttestationMissing {
		t.Fatalf("%v, shadow %+v", d.Reason, d.Shadow)
	}
	for _, r := range s.Authorities.Rules {
		r.Mode = "shadow"
	}
	if d := decide(t, s); d.Reason != verifier.RuleMissing {
		t.Errorf("with shadow rules only: %v", d.Reason)
	}
}

// BenchmarkVerifyCold decides one 2 KB document with one approval, beside a bare
// check of the same signature.
func BenchmarkVerifyCold(b *testing.B) {
	s := vt.AdmitProfile()
	profile := vt.ForgeProfile()
	profile["description"] = strings.Repeat("x", max(0, 2048-len(s.Body(0))))
	s.Request.Documents[0].Body = vt.Canonical(profile)
	s.Approve(0, "dave")
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		b.Fatal(err)
	}
	statement := s.Approval(0).Of(s.Body(0))
	message := vt.PAE("application/vnd.in-toto+json", statement.JSON())
	b.Logf("document of %d bytes, key %T", len(s.Body(0)), vt.Person("dave").Public())
	check := bareCheck(b, vt.Person("dave"), message)
	b.Run("bare signature", func(b *testing.B) {
		for b.Loop() {
			if !check() {
				b.Fatal("the signature does not check")
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if d := verifier.Verify(&s.Request, trust, s.Floors, s.Now); d.Verdict != verifier.Allow {
				b.Fatal(d.Reason)
			}
		}
	})
}
