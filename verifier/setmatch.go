// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
)

// apart is why no set counts toward a requirement although somebody approved one
// for the document: the vote that speaks for the most of the documents that the
// rule matches, and the first that it does not speak for.
type setGap struct {
	by        *principal
	set       *policySet
	missing   *documentEvaluation
	documents int // how many documents the rule matches and does not pin
}

// concert brings together what the documents of a request have each been
// approved as: toward a requirement that asks for sets, a vote counts only where
// its principal approved one and the same set for every document that the rule
// matches. A document that the rule pins needs no vote, so none is asked for.
func matchSets(sittings []*documentAt) {
	var rules []*rule
	tallies := map[*rule][]*ruleResult{}
	for _, s := range sittings {
		for _, t := range slices.Concat(s.results, s.shadowResults) {
			if !t.rule.sets || t.pinned || !s.attestationsRead {
				continue
			}
			if tallies[t.rule] == nil {
				rules = append(rules, t.rule)
			}
			tallies[t.rule] = append(tallies[t.rule], t)
		}
	}
	for _, r := range rules {
		for i, q := range r.require {
			if q.predicateType == SetPredicateType {
				keepSharedSets(tallies[r], i)
			}
		}
	}
}

// ballot is that a principal approved a set.
type setApproval struct {
	by  *principal
	set setName
}

// concur leaves the votes for sets that their principal cast for every one of
// the documents.
//
// SPEC: R7 one set, of the same id, version and members, covers every document
// that the rule matches.
func keepSharedSets(tallies []*ruleResult, i int) {
	cast := map[setApproval]int{}
	for _, t := range tallies {
		for _, p := range t.groups[i] {
			for who := range p.byPrincipal {
				cast[setApproval{who, p.set.name}]++
			}
		}
	}
	gaps := make([]*setGap, len(tallies))
	for j, t := range tallies {
		gaps[j] = t.widestGap(i, cast, tallies)
	}
	for j, t := range tallies {
		for _, p := range t.groups[i] {
			for who := range p.byPrincipal {
				if cast[setApproval{who, p.set.name}] < len(tallies) {
					delete(p.byPrincipal, who)
				}
			}
		}
		t.groups[i] = slices.DeleteFunc(t.groups[i], func(p approvalGroup) bool { return len(p.byPrincipal) == 0 })
		if len(t.groups[i]) == 0 {
			t.gaps[i] = gaps[j]
		}
	}
}

// gap says what the widest vote for a set lacks; nil when nobody voted for one.
func (t *ruleResult) widestGap(i int, cast map[setApproval]int, tallies []*ruleResult) *setGap {
	var widest *setGap
	most := 0
	for _, p := range t.groups[i] {
		for _, who := range p.principalsAt(0) {
			if n := cast[setApproval{who, p.set.name}]; n > most {
				most, widest = n, &setGap{by: who, set: p.set}
			}
		}
	}
	if widest == nil {
		return nil
	}
	widest.documents = len(tallies)
	for _, other := range tallies {
		if widest.missing == nil && !other.covers(i, widest) {
			widest.missing = other.document
		}
	}
	return widest
}

func (t *ruleResult) covers(i int, a *setGap) bool {
	return slices.ContainsFunc(t.groups[i], func(p approvalGroup) bool { return p.set.name == a.set.name && p.byPrincipal[a.by] != nil })
}

// text says what is not covered, for people.
func (a *setGap) text(r *rule) string {
	doc := a.missing.doc
	return clip(fmt.Sprintf("the rule %s asks for one set over all %s that it matches: the set %s, which %s approved, is not approved for documents[%d], the %s %s",
		quote(r.name), documents(a.documents), a.set.name, plain(a.by.name), a.missing.index, doc.role, quote(doc.subject.name)), MaxDetail-4)
}
