// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// tally is one rule with the votes that count toward each of its requirements
// for one document at one instant. One principal is one vote, however many keys
// and attestations they have.
type ruleResult struct {
	rule     *rule
	document *documentEvaluation // nil in the self-check
	pinned   bool
	groups   [][]approvalGroup // by requirement
	gaps     []*setGap         // by requirement: what keeps every set from counting; nil for nothing
}

// party is votes that may be counted together toward one requirement: all of
// them, or those for one set. Of every principal it has the one with the highest
// version, and of several of these the one that counts for longest.
type approvalGroup struct {
	set         *policySet // nil where no set was asked for
	byPrincipal map[*principal]*approval
}

// count tallies the votes for one rule.
func evaluateRule(r *rule, sha256 [32]byte, votes []*approval, now time.Time) *ruleResult {
	t := &ruleResult{rule: r, pinned: r.pinned[sha256], groups: make([][]approvalGroup, len(r.require)), gaps: make([]*setGap, len(r.require))}
	for i := range r.require {
		for _, v := range votes {
			if v.checkRequirement(r, &r.require[i], now) != ReasonUnspecified {
				continue
			}
			votes := t.group(i, v.set)
			if v.supersedes(votes[v.principal], r) {
				votes[v.principal] = v
			}
		}
	}
	return t
}

// votesFor returns the votes of the party that a vote for the set belongs to.
func (t *ruleResult) group(i int, set *policySet) map[*principal]*approval {
	for _, p := range t.groups[i] {
		if set == nil && p.set == nil || set != nil && p.set != nil && p.set.name == set.name {
			return p.byPrincipal
		}
	}
	p := approvalGroup{set, map[*principal]*approval{}}
	t.groups[i] = append(t.groups[i], p)
	return p.byPrincipal
}

// shortfall is the first thing that keeps a rule from holding.
type shortfall struct {
	rule        *rule
	requirement *requirement // nil: the rule requires nothing and pins nothing
	reason      Reason       // Threshold, AttestationMissing, SetMismatch or Distinct
	have        []*principal // who counted toward the requirement
	need        int          // how many
	set         *policySet   // that those who counted approved; nil for none
	gap         *setGap      // of a SetMismatch
}

// at returns what keeps the rule from holding at version v; nil when it holds.
// SPEC: R7 each requirement needs ≥ threshold distinct principals at one and
// the same version v.
func (t *ruleResult) shortfallAt(v uint64) *shortfall {
	if t.pinned {
		return nil
	}
	if len(t.groups) == 0 { // an empty require never holds by itself
		return &shortfall{rule: t.rule, reason: AttestationMissing}
	}
	for i := range t.groups {
		q := &t.rule.require[i]
		have, set := t.largestGroup(i, v)
		if len(have) >= q.authority.threshold {
			continue
		}
		reason := AttestationMissing
		switch {
		case len(have) > 0:
			reason = Threshold
		case t.gaps[i] != nil:
			reason = SetMismatch
		}
		return &shortfall{t.rule, q, reason, have, q.authority.threshold, set, t.gaps[i]}
	}
	return t.distinctAt(v)
}

// largest returns who counts toward requirement i at version v: of several
// parties the largest.
func (t *ruleResult) largestGroup(i int, v uint64) (have []*principal, set *policySet) {
	for _, p := range t.groups[i] {
		if who := p.principalsAt(v); len(who) > len(have) {
			have, set = who, p.set
		}
	}
	return have, set
}

// distinctAt checks the pairs of authorities that must be different people: with
// each threshold met, two sets can be told apart exactly when their union is at
// least the sum of the thresholds. Which sets of documents the two approved does
// not matter: any two parties will do.
func (t *ruleResult) distinctAt(v uint64) *shortfall {
	for _, pair := range t.rule.distinct {
		var last *requirement
		unions := []map[*principal]bool{{}}
		for i := range t.groups {
			q := &t.rule.require[i]
			if q.authority == pair[0] || q.authority == pair[1] {
				last = q
				unions = t.joinGroups(unions, i, v)
			}
		}
		widest := slices.MaxFunc(unions, func(a, b map[*principal]bool) int { return cmp.Compare(len(a), len(b)) })
		if need := pair[0].threshold + pair[1].threshold; len(widest) < need {
			return &shortfall{rule: t.rule, requirement: last, reason: Distinct, have: sortedPrincipals(widest), need: need}
		}
	}
	return nil
}

// joined adds to each union the voters of each party that meets requirement i.
func (t *ruleResult) joinGroups(unions []map[*principal]bool, i int, v uint64) (out []map[*principal]bool) {
	for _, p := range t.groups[i] {
		who := p.principalsAt(v)
		if len(who) < t.rule.require[i].authority.threshold {
			continue
		}
		for _, u := range unions {
			u = maps.Clone(u)
			for _, p := range who {
				u[p] = true
			}
			out = append(out, u)
		}
	}
	return out
}

// voters returns who of the party counts at version v, by name.
func (p approvalGroup) principalsAt(v uint64) []*principal {
	at := make([]*principal, 0, len(p.byPrincipal))
	for who, vote := range p.byPrincipal {
		if vote.version >= v { // SPEC: R7 an approval counts at every version up to the one it says
			at = append(at, who)
		}
	}
	slices.SortFunc(at, byName)
	return at
}

func sortedPrincipals(set map[*principal]bool) []*principal {
	return slices.SortedFunc(maps.Keys(set), byName)
}

// agreed is what the tallies of all enforce rules come to.
type combinedResult struct {
	shortfall *shortfall  // nil: every rule holds
	version   uint64      // SPEC: R8 the highest at which every rule holds, 0 for none
	counted   []*approval // what counted at that version
	until     time.Time   // when the first of it stops counting
}

// agree finds the highest version at which every rule holds.
func combine(tallies []*ruleResult) combinedResult {
	versions, any := approvalVersions(tallies)
	if !any {
		versions = []uint64{1} // SPEC: R8 … it has no version and no floor
	}
	for _, v := range versions {
		if firstShortfall(tallies, v) == nil {
			a := combinedResult{version: v}
			a.collect(tallies)
			if !any {
				a.version = 0
			}
			return a
		}
	}
	// Nothing holds at any version, so not at the lowest, where every vote counts.
	return combinedResult{shortfall: firstShortfall(tallies, 1)}
}

func firstShortfall(tallies []*ruleResult, v uint64) *shortfall {
	for _, t := range tallies {
		if s := t.shortfallAt(v); s != nil {
			return s
		}
	}
	return nil
}

// approvalVersions lists the versions that approvals say, highest first, and
// reports whether any rule that is not pinned asks for an approval at all.
func approvalVersions(tallies []*ruleResult) (versions []uint64, any bool) {
	for _, t := range tallies {
		if t.pinned {
			continue
		}
		for i, parties := range t.groups {
			if !versioned(t.rule.require[i].predicateType) {
				continue
			}
			any = true
			for _, p := range parties {
				for _, v := range p.byPrincipal {
					versions = append(versions, v.version)
				}
			}
		}
	}
	slices.SortFunc(versions, func(a, b uint64) int { return cmp.Compare(b, a) })
	return slices.Compact(versions), any
}

// collect gathers the votes that carried the version.
func (a *combinedResult) collect(tallies []*ruleResult) {
	for _, t := range tallies {
		if t.pinned {
			continue
		}
		for i, parties := range t.groups {
			for _, p := range parties {
				a.collectFrom(p, t.rule, t.rule.require[i].authority.threshold)
			}
		}
	}
}

func (a *combinedResult) collectFrom(p approvalGroup, r *rule, threshold int) {
	who := p.principalsAt(a.version)
	if len(who) < threshold {
		return
	}
	for _, w := range who {
		a.counted = append(a.counted, p.byPrincipal[w])
		a.until = earliest(a.until, p.byPrincipal[w].countsUntil(r))
	}
}
