// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"maps"
	"slices"
	"sort"
	"time"
)

// ruleResult is one rule with the approvals that count toward each of its
// requirements, for one document at one instant. One principal counts once,
// however many keys and attestations they have.
type ruleResult struct {
	rule     *rule
	document *documentEvaluation // nil in the self-check
	pinned   bool
	groups   [][]approvalGroup // by requirement
	gaps     []*setGap         // by requirement: why no set counts; nil where one does or none was asked for
}

// approvalGroup is approvals that may be counted together toward one requirement:
// all of them, or those of one set. Of every principal it has the one with the
// highest version, and of several of these the one that counts for longest.
type approvalGroup struct {
	set         *policySet // nil where no set was asked for
	byPrincipal map[*principal]*approval
	versions    []uint64 // that approvals say, those that were superseded too
}

// evaluateRule counts the approvals for one rule.
func evaluateRule(r *rule, sha256 [32]byte, approvals []*approval, now time.Time) *ruleResult {
	result := &ruleResult{rule: r, pinned: r.pinned[sha256], groups: make([][]approvalGroup, len(r.require)), gaps: make([]*setGap, len(r.require))}
	for i := range r.require {
		for _, a := range approvals {
			if a.checkRequirement(r, &r.require[i], now) != ReasonUnspecified {
				continue
			}
			group := result.group(i, a.set)
			if a.versioned {
				group.versions = append(group.versions, a.version)
			}
			if a.supersedes(group.byPrincipal[a.principal], r) {
				group.byPrincipal[a.principal] = a
			}
		}
	}
	return result
}

// group returns the approvals that count together with one of the set, toward
// requirement i.
func (r *ruleResult) group(i int, set *policySet) *approvalGroup {
	for j := range r.groups[i] {
		g := &r.groups[i][j]
		if set == nil && g.set == nil || set != nil && g.set != nil && g.set.name == set.name {
			return g
		}
	}
	r.groups[i] = append(r.groups[i], approvalGroup{set: set, byPrincipal: map[*principal]*approval{}})
	return &r.groups[i][len(r.groups[i])-1]
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

// shortfallAt returns what keeps the rule from holding at version v; nil when it holds.
// SPEC: R7 each requirement needs ≥ threshold distinct principals at one and
// the same version v.
func (r *ruleResult) shortfallAt(v uint64) *shortfall {
	if r.pinned {
		return nil
	}
	if len(r.groups) == 0 { // an empty require never holds by itself
		return &shortfall{rule: r.rule, reason: AttestationMissing}
	}
	for i := range r.groups {
		q := &r.rule.require[i]
		have, set := r.largestGroup(i, v)
		if len(have) >= q.authority.threshold {
			continue
		}
		reason := AttestationMissing
		switch {
		case len(have) > 0:
			reason = Threshold
		case r.gaps[i] != nil:
			reason = SetMismatch
		}
		return &shortfall{r.rule, q, reason, have, q.authority.threshold, set, r.gaps[i]}
	}
	return r.distinctAt(v)
}

// largestGroup returns who counts toward requirement i at version v: of several
// groups the largest.
func (r *ruleResult) largestGroup(i int, v uint64) (have []*principal, set *policySet) {
	for _, g := range r.groups[i] {
		if who := g.principalsAt(v); len(who) > len(have) {
			have, set = who, g.set
		}
	}
	return have, set
}

// distinctAt checks the pairs of authorities that must be different people: with
// each threshold met, two sets can be told apart exactly when their union is at
// least the sum of the thresholds. Which sets of documents the two approved does
// not matter: any two groups will do.
func (r *ruleResult) distinctAt(v uint64) *shortfall {
	for _, pair := range r.rule.distinct {
		var of [2]int // the one requirement of each
		for i := range r.rule.require {
			switch r.rule.require[i].authority {
			case pair[0]:
				of[0] = i
			case pair[1]:
				of[1] = i
			}
		}
		need := pair[0].threshold + pair[1].threshold
		if widest := widestUnion(r.groupsAt(of[0], v), r.groupsAt(of[1], v), need); len(widest) < need {
			return &shortfall{rule: r.rule, requirement: &r.rule.require[max(of[0], of[1])], reason: Distinct, have: widest, need: need}
		}
	}
	return nil
}

// groupsAt lists the principals of each group that meets requirement i at version v.
func (r *ruleResult) groupsAt(i int, v uint64) (out [][]*principal) {
	for _, g := range r.groups[i] {
		if who := g.principalsAt(v); len(who) >= r.rule.require[i].authority.threshold {
			out = append(out, who)
		}
	}
	return out
}

// widestUnion returns the first union of a group of each that has as many
// principals as are needed, else the first of the largest.
func widestUnion(a, b [][]*principal, need int) (widest []*principal) {
	for _, x := range a {
		for _, y := range b {
			if n := unionSize(x, y); n > len(widest) {
				widest = union(x, y, n)
			}
			if len(widest) >= need {
				return widest
			}
		}
	}
	return widest
}

// unionSize counts the principals of two lists that are sorted by name.
func unionSize(x, y []*principal) int {
	n := len(x) + len(y)
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch c := byName(x[i], y[j]); {
		case c == 0:
			n, i, j = n-1, i+1, j+1
		case c < 0:
			i++
		default:
			j++
		}
	}
	return n
}

// union merges two lists of n different principals, sorted by name.
func union(x, y []*principal, n int) []*principal {
	all := slices.Concat(x, y)
	slices.SortFunc(all, byName)
	return slices.Compact(all)[:n]
}

// principalsAt returns who of the group counts at version v, by name.
func (g approvalGroup) principalsAt(v uint64) []*principal {
	at := make([]*principal, 0, len(g.byPrincipal))
	for who, a := range g.byPrincipal {
		if a.version >= v { // SPEC: R7 an approval counts at every version up to the one it says
			at = append(at, who)
		}
	}
	slices.SortFunc(at, byName)
	return at
}

func sortedPrincipals(set map[*principal]bool) []*principal {
	return slices.SortedFunc(maps.Keys(set), byName)
}

// combinedResult is what the rules in force come to together.
type combinedResult struct {
	shortfall *shortfall  // nil: every rule holds
	version   uint64      // SPEC: R8 the highest at which every rule holds, 0 for none
	counted   []*approval // what counted at that version
	until     time.Time   // when the first of it stops counting
}

// combine finds the highest version up to limit at which every rule holds. Where
// approvals name versions above the limit alone, it is one of these. A rule that
// holds at a version holds at every lower one, since an approval does.
func combine(results []*ruleResult, limit uint64) combinedResult {
	versions, any := approvalVersions(results)
	if !any {
		versions = []uint64{1} // SPEC: R8 … it has no version and no floor
	}
	holds := func(v uint64) bool { return firstShortfall(results, v) == nil }
	if len(versions) == 0 || !holds(versions[0]) {
		// Nothing holds at any version, so not at the lowest, where every approval counts.
		return combinedResult{shortfall: firstShortfall(results, 1)}
	}
	if any {
		beyond := sort.Search(len(versions), func(i int) bool { return versions[i] > limit })
		if beyond > 0 { // SPEC: R8 what approvals say above the limit names no version.
			versions = versions[:beyond]
		}
	}
	fails := sort.Search(len(versions), func(i int) bool { return !holds(versions[i]) })
	c := combinedResult{version: versions[fails-1]}
	for _, r := range results {
		c.collect(r)
	}
	if !any {
		c.version = 0
	}
	return c
}

func firstShortfall(results []*ruleResult, v uint64) *shortfall {
	for _, r := range results {
		if s := r.shortfallAt(v); s != nil {
			return s
		}
	}
	return nil
}

// approvalVersions lists the versions that approvals say, lowest first, and
// reports whether any rule that is not pinned asks for an approval at all.
func approvalVersions(results []*ruleResult) (versions []uint64, any bool) {
	for _, r := range results {
		if r.pinned {
			continue
		}
		for i, groups := range r.groups {
			if !versioned(r.rule.require[i].predicateType) {
				continue
			}
			any = true
			for _, g := range groups {
				versions = append(versions, g.versions...)
			}
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions), any
}

// collect gathers the approvals that carried the version for one rule.
func (c *combinedResult) collect(r *ruleResult) {
	if r.pinned {
		return
	}
	for i, groups := range r.groups {
		for _, g := range groups {
			who := g.principalsAt(c.version)
			if len(who) < r.rule.require[i].authority.threshold {
				continue
			}
			for _, p := range who {
				c.counted = append(c.counted, g.byPrincipal[p])
				c.until = earliest(c.until, g.byPrincipal[p].countsUntil(r.rule))
			}
		}
	}
}
