// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func namedSet(id string, version uint64) *policySet {
	return &policySet{name: setName{id: id, version: version}}
}

func setBy(p *principal, s *policySet) *approval {
	v := approvalBy(p, s.name.version)
	v.statement, v.set = &statement{predicateType: SetPredicateType}, s
	return v
}

// evaluatedTogether decides documents that one rule matches, by the approvals of each,
// through the code that Verify uses.
func evaluatedTogether(r *rule, approvals ...[]*approval) (out []combinedResult) {
	var documents []*documentAt
	for i, v := range approvals {
		d := &documentEvaluation{index: i, attestationsRead: true, sha256: [32]byte{byte(i + 1)}, rules: []*rule{r}, approvals: v,
			parsed: &parsedDocument{role: ProviderProfile, subject: documentSubject{name: fmt.Sprint("p", i)}}}
		documents = append(documents, d.at(noon))
	}
	matchSets(documents)
	for _, s := range documents {
		out = append(out, combine(s.results, everyVersion))
	}
	return out
}

// bySpec says the highest version at which the rule holds for all documents, 0
// for none: by trying every version, every choice of a set for each requirement
// and, for the pair, every choice of different people.
func bySpec(r *rule, approvals [][]*approval, sets []*policySet) uint64 {
	best := uint64(0)
	for v := uint64(1); v <= 4; v++ {
		who := make([][][]*principal, len(r.require)) // by requirement: who approved a set everywhere, set by set
		for i, q := range r.require {
			for _, s := range sets {
				var everywhere []*principal
				for p := range q.authority.members {
					if s.name.version >= v && !slices.ContainsFunc(approvals, func(doc []*approval) bool {
						return !slices.ContainsFunc(doc, func(x *approval) bool { return x.principal == p && x.set.name == s.name })
					}) {
						everywhere = append(everywhere, p)
					}
				}
				if len(everywhere) >= q.authority.threshold {
					who[i] = append(who[i], everywhere)
				}
			}
		}
		if holdsBySpec(r, who) {
			best = v
		}
	}
	return best
}

func holdsBySpec(r *rule, who [][][]*principal) bool {
	for _, options := range who {
		if len(options) == 0 {
			return false
		}
	}
	if len(r.distinct) == 0 {
		return true
	}
	for _, a := range who[0] {
		for _, b := range who[1] {
			if disjoint(a, b, r.require[0].authority.threshold, r.require[1].authority.threshold) {
				return true
			}
		}
	}
	return false
}

// disjoint reports whether na of a and nb of b can be chosen without a person in both.
func disjoint(a, b []*principal, na, nb int) bool {
	for mask := range 1 << len(a) {
		var chosen []*principal
		for i, p := range a {
			if mask>>i&1 == 1 {
				chosen = append(chosen, p)
			}
		}
		left := 0
		for _, p := range b {
			if !slices.Contains(chosen, p) {
				left++
			}
		}
		if len(chosen) == na && left >= nb {
			return true
		}
	}
	return false
}

// Whatever was approved for which document, the outcome is that of the rule
// as it is written down, for every document the same, and in any order.
func TestSetsAreCountedAsTheRuleSays(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	p := people("a", "b", "c")
	sets := []*policySet{namedSet("x", 1), namedSet("x", 2), namedSet("y", 2), namedSet("z", 4)}
	held, refused := 0, 0
	for range 20000 {
		rule := &rule{name: "r", sets: true, require: []requirement{
			{authorityOf("s", 1+r.IntN(2), p["a"], p["b"]), SetPredicateType}, {authorityOf("o", 1+r.IntN(2), p["b"], p["c"]), SetPredicateType}}}
		if rule.require = rule.require[:1+r.IntN(2)]; len(rule.require) == 2 && r.IntN(2) == 0 {
			rule.distinct = [][2]*authority{{rule.require[0].authority, rule.require[1].authority}}
		}
		approvals := make([][]*approval, 1+r.IntN(3))
		for _, who := range []string{"a", "b", "c"} {
			for _, s := range sets {
				often := r.IntN(3) // never, mostly, always
				for i := range approvals {
					if often == 2 || often == 1 && r.IntN(4) > 0 {
						approvals[i] = append(approvals[i], setBy(p[who], s))
					}
				}
			}
		}
		for i := range approvals {
			r.Shuffle(len(approvals[i]), func(a, b int) { approvals[i][a], approvals[i][b] = approvals[i][b], approvals[i][a] })
		}
		want := bySpec(rule, approvals, sets)
		for i, got := range evaluatedTogether(rule, approvals...) {
			if (got.shortfall == nil) != (want > 0) || got.version != want {
				t.Fatalf("document %d of %d: version %d, short %+v, want %d", i, len(approvals), got.version, got.shortfall, want)
			}
		}
		if want > 0 {
			held++
		} else {
			refused++
		}
	}
	if held < 2000 || refused < 2000 {
		t.Errorf("%d held, %d refused", held, refused)
	}
}

// What is said of a mix names the widest set and the document that it lacks.
func TestAMixIsNamed(t *testing.T) {
	p := people("a", "b")
	r := &rule{name: "r", sets: true, require: []requirement{{authorityOf("s", 1, p["a"], p["b"]), SetPredicateType}}}
	wide, narrow := namedSet("wide", 2), namedSet("narrow", 3)
	got := evaluatedTogether(r, []*approval{setBy(p["b"], narrow), setBy(p["a"], wide)}, []*approval{setBy(p["a"], wide)}, []*approval{setBy(p["b"], narrow)}, nil)
	for i, want := range []string{
		`the set "narrow" version 3, which b approved, is not approved for documents[1], the PROVIDER_PROFILE "p1"`,
		`the set "wide" version 2, which a approved, is not approved for documents[2], the PROVIDER_PROFILE "p2"`,
		`the set "narrow" version 3, which b approved, is not approved for documents[1], the PROVIDER_PROFILE "p1"`,
	} {
		if s := got[i].shortfall; s == nil || s.reason != SetMismatch || !strings.Contains(s.text(), want) || !strings.Contains(s.text(), "over all 4 documents") {
			t.Errorf("document %d: %+v", i, s)
		}
	}
	if s := got[3].shortfall; s == nil || s.reason != AttestationMissing {
		t.Errorf("nothing was offered: %+v", s)
	}
}

// A document that is denied without its attestations being read asks nothing of the others.
func TestAnUnreadDocumentIsNotAskedFor(t *testing.T) {
	p := people("a")
	r := &rule{name: "r", sets: true, require: []requirement{{authorityOf("s", 1, p["a"]), SetPredicateType}}}
	read := &documentEvaluation{attestationsRead: true, rules: []*rule{r}, approvals: []*approval{setBy(p["a"], namedSet("x", 1))}}
	unread := &documentEvaluation{index: 1, rules: []*rule{r}, parsed: &parsedDocument{}}
	both := []*documentAt{read.at(noon), unread.at(noon)}
	matchSets(both)
	if a := combine(both[0].results, everyVersion); a.shortfall != nil {
		t.Errorf("%+v", a.shortfall)
	}
	unread.attestationsRead = true
	both = []*documentAt{read.at(noon), unread.at(noon)}
	matchSets(both)
	if a := combine(both[0].results, everyVersion); a.shortfall == nil || a.shortfall.reason != SetMismatch {
		t.Errorf("read, and without a set: %+v", a.shortfall)
	}
}

// Only who carried the requirement is named: not somebody alone with another set.
func TestWhoCarriedASet(t *testing.T) {
	p := people("a", "b", "c")
	r := &rule{name: "r", sets: true, require: []requirement{{authorityOf("s", 2, p["a"], p["b"], p["c"]), SetPredicateType}}}
	x, y := namedSet("x", 2), namedSet("y", 2)
	approvals := []*approval{setBy(p["c"], y), setBy(p["a"], x), setBy(p["b"], x)}
	for _, got := range evaluatedTogether(r, approvals, approvals) {
		if got.shortfall != nil || !slices.Equal(names(got.counted), []string{"a", "b"}) || !got.until.Equal(approvals[0].notAfter) {
			t.Errorf("%v, shortfall %+v", names(got.counted), got.shortfall)
		}
	}
}

func names(approvals []*approval) []string {
	set := map[string]bool{}
	for _, a := range approvals {
		set[a.principal.name] = true
	}
	return slices.Sorted(maps.Keys(set))
}
