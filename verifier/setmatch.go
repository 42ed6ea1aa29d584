// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
)

// setGap is why no set counts toward a requirement although somebody approved one
// for the document: the approval that covers the most of the documents that the
// rule matches, and the first that it does not cover.
type setGap struct {
	by        *principal
	set       *policySet
	missing   *documentEvaluation
	documents int // how many documents the rule matches and does not pin
}

// matchSets compares what the documents of a request have each been approved as:
// toward a requirement that asks for sets, an approval counts only where its
// principal approved one and the same set for every document that the rule
// matches. A document that the rule pins needs no approval, so none is asked for.
func matchSets(documents []*documentAt) {
	var rules []*rule
	results := map[*rule][]*ruleResult{}
	for _, d := range documents {
		for _, r := range slices.Concat(d.results, d.shadowResults) {
			if !r.rule.sets || r.pinned || !d.attestationsRead {
				continue
			}
			if results[r.rule] == nil {
				rules = append(rules, r.rule)
			}
			results[r.rule] = append(results[r.rule], r)
		}
	}
	for _, r := range rules {
		for i, q := range r.require {
			if q.predicateType == SetPredicateType {
				keepSharedSets(results[r], i)
			}
		}
	}
}

// setApproval is that a principal approved a set.
type setApproval struct {
	by  *principal
	set setName
}

// keepSharedSets removes the approvals of sets that their principal did not
// approve for every one of the documents that the results of one rule are about.
//
// SPEC: R7 one set, of the same id, version and members, covers every document
// that the rule matches.
func keepSharedSets(results []*ruleResult, i int) {
	covered := map[setApproval]int{} // how many of the documents
	for _, r := range results {
		for _, g := range r.groups[i] {
			for who := range g.byPrincipal {
				covered[setApproval{who, g.set.name}]++
			}
		}
	}
	gaps := make([]*setGap, len(results)) // before anything is removed
	for j, r := range results {
		gaps[j] = r.widestGap(i, covered, results)
	}
	for j, r := range results {
		for _, g := range r.groups[i] {
			for who := range g.byPrincipal {
				if covered[setApproval{who, g.set.name}] < len(results) {
					delete(g.byPrincipal, who)
				}
			}
		}
		r.groups[i] = slices.DeleteFunc(r.groups[i], func(g approvalGroup) bool { return len(g.byPrincipal) == 0 })
		if len(r.groups[i]) == 0 {
			r.gaps[i] = gaps[j]
		}
	}
}

// widestGap says what the approval of a set that covers most lacks; nil when
// nobody approved one.
func (r *ruleResult) widestGap(i int, covered map[setApproval]int, results []*ruleResult) *setGap {
	var widest *setGap
	most := 0
	for _, g := range r.groups[i] {
		for _, who := range g.principalsAt(0) {
			if n := covered[setApproval{who, g.set.name}]; n > most {
				most, widest = n, &setGap{by: who, set: g.set, documents: len(results)}
			}
		}
	}
	if widest == nil {
		return nil
	}
	for _, other := range results {
		if widest.missing == nil && !slices.ContainsFunc(other.groups[i], func(g approvalGroup) bool {
			return g.set.name == widest.set.name && g.byPrincipal[widest.by] != nil
		}) {
			widest.missing = other.document
		}
	}
	return widest
}

// text says what is not covered, for people.
func (g *setGap) text(r *rule) string {
	doc := g.missing.parsed
	return clip(fmt.Sprintf("the rule %s asks for one set over all %s that it matches: the set %s, which %s approved, is not approved for documents[%d], the %s %s",
		quote(r.name), documents(g.documents), g.set.name, plain(g.by.name), g.missing.index, doc.role, quote(doc.subject.name)), MaxDetail-4)
}
