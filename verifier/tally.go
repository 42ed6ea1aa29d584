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
// at one instant: for every principal the one with the highest version. One
// principal is one vote, however many keys and attestations they have.
type tally struct {
	rule   *rule
	pinned bool
	counts []map[*principal]*vote // by requirement
}

// count tallies the votes for one rule.
func count(r *rule, sha256 [32]byte, votes []*vote, now time.Time) *tally {
	t := &tally{rule: r, pinned: r.pinned[sha256], counts: make([]map[*principal]*vote, len(r.require))}
	for i := range r.require {
		t.counts[i] = map[*principal]*vote{}
		for _, v := range votes {
			if v.counts(r, &r.require[i], now) != nil {
				continue
			}
			if best := t.counts[i][v.principal]; best == nil || v.version > best.version {
				t.counts[i][v.principal] = v
			}
		}
	}
	return t
}

// shortfall is the first thing that keeps a rule from holding.
type shortfall struct {
	rule        *rule
	requirement *requirement // nil: the rule requires nothing and pins nothing
	reason      Reason       // Threshold, AttestationMissing or Distinct
	have        []*principal // who counted toward the requirement
	need        int          // how many
}

// at returns what keeps the rule from holding at version v; nil when it holds.
// SPEC: R7 each requirement needs ≥ threshold distinct principals at one and
// the same version v.
func (t *tally) at(v uint64) *shortfall {
	if t.pinned {
		return nil
	}
	if len(t.counts) == 0 { // an empty require never holds by itself
		return &shortfall{rule: t.rule, reason: AttestationMissing}
	}
	for i := range t.counts {
		q := &t.rule.require[i]
		have := t.voters(i, v)
		if len(have) >= q.authority.threshold {
			continue
		}
		reason := AttestationMissing
		if len(have) > 0 {
			reason = Threshold
		}
		return &shortfall{t.rule, q, reason, have, q.authority.threshold}
	}
	return t.distinctAt(v)
}

// distinctAt checks the pairs of authorities that must be different people: with
// each threshold met, two sets can be told apart exactly when their union is at
// least the sum of the thresholds.
func (t *tally) distinctAt(v uint64) *shortfall {
	for _, pair := range t.rule.distinct {
		union := map[*principal]bool{}
		var last *requirement
		for i := range t.counts {
			q := &t.rule.require[i]
			if q.authority != pair[0] && q.authority != pair[1] {
				continue
			}
			last = q
			for _, p := range t.voters(i, v) {
				union[p] = true
			}
		}
		if need := pair[0].threshold + pair[1].threshold; len(union) < need {
			return &shortfall{t.rule, last, Distinct, sortedPrincipals(union), need}
		}
	}
	return nil
}

// voters returns who counts toward requirement i at version v, by name.
func (t *tally) voters(i int, v uint64) []*principal {
	at := map[*principal]bool{}
	for p, vote := range t.counts[i] {
		if vote.version >= v { // SPEC: R7 an approval counts at every version up to the one it says
			at[p] = true
		}
	}
	return sortedPrincipals(at)
}

func sortedPrincipals(set map[*principal]bool) []*principal {
	return slices.SortedFunc(maps.Keys(set), func(a, b *principal) int { return cmp.Compare(a.name, b.name) })
}

// agreed is what the tallies of all enforce rules come to.
type agreed struct {
	short   *shortfall // nil: every rule holds
	version uint64     // SPEC: R8 the highest at which every rule holds, 0 for none
	counted []*vote    // what counted at that version
	until   time.Time  // when the first of it stops counting
}

// agree finds the highest version at which every rule holds.
func agree(tallies []*tally) agreed {
	versions, versioned := approvalVersions(tallies)
	if !versioned {
		versions = []uint64{1} // SPEC: R8 … it has no version and no floor
	}
	for _, v := range versions {
		if firstShort(tallies, v) == nil {
			a := agreed{version: v}
			a.collect(tallies)
			if !versioned {
				a.version = 0
			}
			return a
		}
	}
	// Nothing holds at any version, so not at the lowest, where every vote counts.
	return agreed{short: firstShort(tallies, 1)}
}

func firstShort(tallies []*tally, v uint64) *shortfall {
	for _, t := range tallies {
		if s := t.at(v); s != nil {
			return s
		}
	}
	return nil
}

// approvalVersions lists the versions that approvals say, highest first, and
// tells whether any rule that is not pinned asks for an approval at all.
func approvalVersions(tallies []*tally) (versions []uint64, versioned bool) {
	for _, t := range tallies {
		if t.pinned {
			continue
		}
		for i, counts := range t.counts {
			if t.rule.require[i].predicateType != ApprovalPredicateType {
				continue
			}
			versioned = true
			for _, v := range counts {
				versions = append(versions, v.version)
			}
		}
	}
	slices.SortFunc(versions, func(a, b uint64) int { return cmp.Compare(b, a) })
	return slices.Compact(versions), versioned
}

// collect gathers the votes that carried the version.
func (a *agreed) collect(tallies []*tally) {
	for _, t := range tallies {
		if t.pinned {
			continue
		}
		for i := range t.counts {
			for _, p := range t.voters(i, a.version) {
				v := t.counts[i][p]
				a.counted = append(a.counted, v)
				a.until = earliest(a.until, v.ends(t.rule))
			}
		}
	}
}
