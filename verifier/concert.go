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
type apart struct {
	by      *principal
	set     *policySet
	without *dossier
	of      int // how many documents the rule matches and does not pin
}

// concert brings together what the documents of a request have each been
// approved as: toward a requirement that asks for sets, a vote counts only where
// its principal approved one and the same set for every document that the rule
// matches. A document that the rule pins needs no vote, so none is asked for.
func concert(sittings []*sitting) {
	var rules []*rule
	tallies := map[*rule][]*tally{}
	for _, s := range sittings {
		for _, t := range slices.Concat(s.tallies, s.shadows) {
			if !t.rule.sets || t.pinned || !s.heard {
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
				concur(tallies[r], i)
			}
		}
	}
}

// ballot is that a principal approved a set.
type ballot struct {
	by  *principal
	set setName
}

// concur leaves the votes for sets that their principal cast for every one of
// the documents.
//
// SPEC: R7 one set, of the same id, version and members, covers every document
// that the rule matches.
func concur(tallies []*tally, i int) {
	cast := map[ballot]int{}
	for _, t := range tallies {
		for _, p := range t.counts[i] {
			for who := range p.votes {
				cast[ballot{who, p.set.name}]++
			}
		}
	}
	gaps := make([]*apart, len(tallies))
	for j, t := range tallies {
		gaps[j] = t.gap(i, cast, tallies)
	}
	for j, t := range tallies {
		for _, p := range t.counts[i] {
			for who := range p.votes {
				if cast[ballot{who, p.set.name}] < len(tallies) {
					delete(p.votes, who)
				}
			}
		}
		t.counts[i] = slices.DeleteFunc(t.counts[i], func(p party) bool { return len(p.votes) == 0 })
		if len(t.counts[i]) == 0 {
			t.apart[i] = gaps[j]
		}
	}
}

// gap says what the widest vote for a set lacks; nil when nobody voted for one.
func (t *tally) gap(i int, cast map[ballot]int, tallies []*tally) *apart {
	var widest *apart
	most := 0
	for _, p := range t.counts[i] {
		for _, who := range p.voters(0) {
			if n := cast[ballot{who, p.set.name}]; n > most {
				most, widest = n, &apart{by: who, set: p.set}
			}
		}
	}
	if widest == nil {
		return nil
	}
	widest.of = len(tallies)
	for _, other := range tallies {
		if widest.without == nil && !other.has(i, widest) {
			widest.without = other.of
		}
	}
	return widest
}

func (t *tally) has(i int, a *apart) bool {
	return slices.ContainsFunc(t.counts[i], func(p party) bool { return p.set.name == a.set.name && p.votes[a.by] != nil })
}

// text says what is not covered, for people.
func (a *apart) text(r *rule) string {
	doc := a.without.doc
	return clip(fmt.Sprintf("the rule %s asks for one set over all %s that it matches: the set %s, which %s approved, is not approved for documents[%d], the %s %s",
		quote(r.name), documents(a.of), a.set.name, plain(a.by.name), a.without.index, doc.role, quote(doc.subject.name)), MaxDetail-4)
}
