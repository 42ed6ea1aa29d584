// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"strings"
	"testing"
	"time"
)

// people makes principals and an authority over each list of them.
func people(names ...string) map[string]*principal {
	all := map[string]*principal{}
	for _, n := range names {
		all[n] = &principal{name: n}
	}
	return all
}

func authorityOf(name string, threshold int, members ...*principal) *authority {
	a := &authority{name: name, threshold: threshold, members: map[*principal]bool{}}
	for _, p := range members {
		a.members[p] = true
	}
	return a
}

func approvalBy(p *principal, version uint64) *approval {
	return &approval{claim: &claim{principal: p, algorithm: Ed25519, statement: &statement{predicateType: ApprovalPredicateType}},
		versioned: true, version: version, notAfter: time.Unix(1000, 0), notBefore: time.Unix(0, 0), ageFrom: time.Unix(0, 0)}
}

func attestedBy(p *principal, predicateType string) *approval {
	return &approval{claim: &claim{principal: p, algorithm: Ed25519, statement: &statement{predicateType: predicateType}}, version: everyVersion}
}

var noon = time.Unix(500, 0)

func agreeOn(r *rule, approvals ...*approval) combinedResult {
	return combine([]*ruleResult{evaluateRule(r, [32]byte{1}, approvals, noon)}, everyVersion)
}

func TestVersionIsTheHighestThatEnoughAgreeOn(t *testing.T) {
	p := people("a", "b", "c")
	r := &rule{require: []requirement{{authorityOf("s", 2, p["a"], p["b"], p["c"]), ApprovalPredicateType}}}
	for _, c := range []struct {
		name      string
		approvals []*approval
		want      uint64
		short     Reason
	}{
		{"two at one version", []*approval{approvalBy(p["a"], 7), approvalBy(p["b"], 7)}, 7, 0},
		{"an approval counts below its version", []*approval{approvalBy(p["a"], 9), approvalBy(p["b"], 7)}, 7, 0},
		{"the second highest of three", []*approval{approvalBy(p["a"], 9), approvalBy(p["b"], 7), approvalBy(p["c"], 8)}, 8, 0},
		{"one far ahead moves nothing", []*approval{approvalBy(p["a"], 1<<62), approvalBy(p["b"], 7)}, 7, 0}, // SE-04
		{"above 2^53 is exact", []*approval{approvalBy(p["a"], 9007199254740993), approvalBy(p["b"], 9007199254740993)}, 9007199254740993, 0},
		{"one principal counts once", []*approval{approvalBy(p["a"], 7), approvalBy(p["a"], 7)}, 0, Threshold},
		{"one of two", []*approval{approvalBy(p["a"], 7)}, 0, Threshold},
		{"nobody", nil, 0, AttestationMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := agreeOn(r, c.approvals...)
			if got.version != c.want || (got.shortfall != nil) != (c.short != 0) {
				t.Fatalf("version %d, shortfall %+v", got.version, got.shortfall)
			}
			if got.shortfall != nil && got.shortfall.reason != c.short {
				t.Errorf("reason %v, want %v", got.shortfall.reason, c.short)
			}
		})
	}
}

func TestEveryRequirementAtOneVersion(t *testing.T) {
	p := people("a", "b", "ci")
	r := &rule{require: []requirement{
		{authorityOf("s", 1, p["a"]), ApprovalPredicateType},
		{authorityOf("o", 1, p["b"]), ApprovalPredicateType},
		{authorityOf("build", 1, p["ci"]), "slsa"},
	}}
	if got := agreeOn(r, approvalBy(p["a"], 9), approvalBy(p["b"], 7), attestedBy(p["ci"], "slsa")); got.version != 7 || got.shortfall != nil {
		t.Errorf("version %d, short %v: want 7", got.version, got.shortfall)
	}
	if got := agreeOn(r, approvalBy(p["a"], 9), approvalBy(p["b"], 7)); got.shortfall == nil || got.shortfall.reason != AttestationMissing {
		t.Errorf("without the build: %+v", got.shortfall)
	}
	// Two rules hold only together.
	both := []*ruleResult{
		evaluateRule(&rule{require: r.require[:1]}, [32]byte{}, []*approval{approvalBy(p["a"], 9)}, noon),
		evaluateRule(&rule{require: r.require[1:2]}, [32]byte{}, []*approval{approvalBy(p["b"], 7)}, noon),
	}
	if got := combine(both, everyVersion); got.version != 7 || len(got.counted) != 2 {
		t.Errorf("two rules: version %d, counted %d", got.version, len(got.counted))
	}
}

func TestWithoutApprovalThereIsNoVersion(t *testing.T) {
	p := people("ci")
	r := &rule{require: []requirement{{authorityOf("build", 1, p["ci"]), "slsa"}}}
	if got := agreeOn(r, attestedBy(p["ci"], "slsa")); got.shortfall != nil || got.version != 0 || len(got.counted) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestPinnedSatisfiesItsOwnRuleOnly(t *testing.T) {
	p := people("a")
	pin := map[[32]byte]bool{{1}: true}
	requires := []requirement{{authorityOf("s", 1, p["a"]), ApprovalPredicateType}}
	if got := agreeOn(&rule{require: requires, pinned: pin}); got.shortfall != nil || got.version != 0 {
		t.Errorf("pinned: %+v", got)
	}
	if got := agreeOn(&rule{pinned: pin}); got.shortfall != nil {
		t.Errorf("pinned beside an empty require: %+v", got.shortfall)
	}
	if got := agreeOn(&rule{}); got.shortfall == nil {
		t.Error("an empty require holds by itself")
	}
	two := []*ruleResult{evaluateRule(&rule{pinned: pin}, [32]byte{1}, nil, noon), evaluateRule(&rule{require: requires}, [32]byte{1}, nil, noon)}
	if got := combine(two, everyVersion); got.shortfall == nil {
		t.Error("a pin in one rule satisfies another")
	}
	other := evaluateRule(&rule{require: requires, pinned: pin}, [32]byte{2}, nil, noon)
	if combine([]*ruleResult{other}, everyVersion).shortfall == nil {
		t.Error("a pin holds for another document")
	}
}

func TestDistinctAuthoritiesAreDifferentPeople(t *testing.T) {
	p := people("a", "b", "c")
	s, o := authorityOf("s", 1, p["a"], p["b"]), authorityOf("o", 1, p["b"], p["c"])
	r := &rule{distinct: [][2]*authority{{s, o}},
		require: []requirement{{s, ApprovalPredicateType}, {o, ApprovalPredicateType}}}
	if got := agreeOn(r, approvalBy(p["b"], 3)); got.shortfall == nil || got.shortfall.reason != Distinct {
		t.Errorf("one person for both: %+v", got.shortfall)
	}
	if got := agreeOn(r, approvalBy(p["b"], 3), approvalBy(p["c"], 3)); got.shortfall != nil {
		t.Errorf("two people: %+v", got.shortfall)
	}
	// Somebody who speaks for a third authority makes no second person of them.
	third := &rule{distinct: r.distinct, require: append(r.require[:2:2], requirement{authorityOf("t", 1, p["a"]), "slsa"})}
	if got := agreeOn(third, approvalBy(p["b"], 3), attestedBy(p["a"], "slsa")); got.shortfall == nil || got.shortfall.reason != Distinct {
		t.Errorf("one person for both, and a bystander: %+v", got.shortfall)
	}
	// The second person counts at version 3 only.
	if got := agreeOn(r, approvalBy(p["b"], 5), approvalBy(p["c"], 3)); got.version != 3 {
		t.Errorf("version %d, want 3", got.version)
	}
}

func TestApprovalRequirements(t *testing.T) {
	p := people("a", "b")
	r := &rule{name: "r", maxAge: time.Minute, algorithms: map[KeyAlgorithm]bool{Ed25519: true}}
	q := requirement{authorityOf("s", 1, p["a"]), ApprovalPredicateType}
	good := approvalBy(p["a"], 1)
	good.ageFrom = noon.Add(-time.Minute + 1)
	if got := good.checkRequirement(r, &q, noon); got != ReasonUnspecified {
		t.Fatalf("the base must count: %v", got)
	}
	for name, c := range map[string]struct {
		edit func(v *approval)
		want Reason
		text string
	}{
		"predicate type": {func(v *approval) { v.statement = &statement{predicateType: "slsa"} }, PredicateType, `is a "slsa"`},
		"authority":      {func(v *approval) { v.principal = p["b"] }, SignerOutOfScope, `"b" does not speak for`},
		"algorithm":      {func(v *approval) { v.algorithm = ECDSAP256 }, Algorithm, "signed with ecdsa-p256-sha256"},
		"age unknown":    {func(v *approval) { v.ageFrom = time.Time{} }, AttestationTooOld, "nothing shows its age"},
		"too old":        {func(v *approval) { v.ageFrom = noon.Add(-time.Minute) }, AttestationTooOld, "dates from "},
	} {
		c2 := *good.claim
		v := *good
		v.claim = &c2
		c.edit(&v)
		got := v.checkRequirement(r, &q, noon)
		if f := v.requirementFinding(got, r, &q); got != c.want || f.Reason != c.want || !strings.HasPrefix(f.Detail, c.text) {
			t.Errorf("%s: %v, %+v, want %v", name, got, f, c.want)
		}
	}
}

func TestApprovalWindows(t *testing.T) {
	v := approvalBy(people("a")["a"], 1)
	for _, c := range []struct {
		at   int64
		want Reason
	}{{-1, AttestationNotYetValid}, {0, 0}, {999, 0}, {1000, AttestationExpired}} {
		f := v.checkWindow(time.Unix(c.at, 0))
		if (f == nil) != (c.want == 0) || f != nil && f.Reason != c.want {
			t.Errorf("at %d: %+v", c.at, f)
		}
	}
	v.claim.from, v.claim.until = time.Unix(100, 0), time.Unix(200, 0)
	for at, want := range map[int64]Reason{99: SignerExpired, 100: 0, 199: 0, 200: SignerExpired} {
		f := v.checkWindow(time.Unix(at, 0))
		if (f == nil) != (want == 0) || f != nil && f.Reason != want {
			t.Errorf("key window at %d: %+v", at, f)
		}
	}
}
