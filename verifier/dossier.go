// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
)

// dossier is one document with all that bears on it and does not depend on the
// time: the parsed body, the rules that match, the votes, the floors. Every
// signature is checked while it is made, none afterwards.
type dossier struct {
	index   int
	purpose Purpose
	where   *Target
	sha256  [32]byte
	doc     *parsedDocument // nil when the body was refused
	fault   *Finding        // why it is refused whatever was signed; nil for nothing
	rules   []*rule         // matching, in force
	shadows []*rule         // matching, in shadow mode
	heard   bool            // whether the attestations were looked at
	votes   []*vote
	remarks []remark // attestations that never count
	signed  uint64   // the highest signed floor that matches
	own     Floor    // the driver's own
	// signedBy are the attestations whose signer trust knows.
	signedBy []int
}

// remark is a finding about an attestation, with the predicate type it turned
// out to have; empty when it did not get so far.
type remark struct {
	Finding
	predicateType string
}

// open reads one document of the request against trust.
func open(q question, index int, trust *Trust, floors Floors, budget *checks) *dossier {
	req := q.request()
	d := &dossier{index: index, purpose: req.Purpose, where: &req.Target}
	if d.doc, d.fault = q.document(index); d.fault != nil {
		d.sha256 = q.digest(index)
		return d
	}
	d.sha256 = d.doc.sha256
	d.signed = trust.signedFloor(d.doc.floorKey)
	d.own = floors.Floor(d.doc.floorKey)
	wanted := map[string]bool{}
	for _, r := range trust.authorities.rules {
		if !r.matches(d.doc, &req.Target) {
			continue
		}
		if r.shadow {
			d.shadows = append(d.shadows, r)
		} else {
			d.rules = append(d.rules, r)
		}
		for _, q := range r.require {
			wanted[q.predicateType] = true
		}
	}
	switch {
	case trust.revoked.document(d.sha256): // SPEC: R3 denied, whatever signed or pinned it.
		d.fault = &Finding{Reason: DocumentRevoked, Attestation: -1,
			Detail: fmt.Sprintf("sha256:%s is revoked", hex.EncodeToString(d.sha256[:]))}
	case len(d.rules) == 0:
		d.fault = &Finding{Reason: RuleMissing, Attestation: -1,
			Detail: fmt.Sprintf("no enforced rule speaks about a %s named %s in workspace %s", d.doc.role, quote(d.doc.subject.name), quote(req.Target.Workspace))}
	}
	if d.fault == nil || len(d.shadows) > 0 { // else no rule would listen
		d.hear(q, trust, wanted, budget)
	}
	return d
}

// hear checks every attestation and keeps what counts for this document.
// SPEC: R4 what does not is a finding and counts for nothing; the others go on.
func (d *dossier) hear(q question, trust *Trust, wanted map[string]bool, budget *checks) {
	d.heard = true
	for i := range q.request().Documents[d.index].Attestations {
		h := q.hear(trust, d.index, i, budget)
		if h.signed {
			d.signedBy = append(d.signedBy, i)
		}
		for _, f := range h.refused {
			d.remarks = append(d.remarks, remark{Finding: f})
		}
		for _, c := range h.claims {
			v, f := d.cast(c, wanted)
			if f != nil {
				d.remarks = append(d.remarks, remark{*f, c.statement.predicateType})
				continue
			}
			d.votes = append(d.votes, v)
		}
	}
}

// ruling is what a dossier comes to at one instant.
type ruling struct {
	result   DocumentResult
	denied   *Finding // SPEC: R2–R7 failed; nil when they hold
	rollback *Finding // SPEC: R8 failed
	short    *shortfall
	findings []Finding // without denied and rollback, unless they are about an attestation
	shadow   []Finding
}

// sitting is a dossier at one instant: what counts then, tallied for each rule.
type sitting struct {
	*dossier
	remarks []remark // of the dossier, and on what does not count now
	tallies []*tally // of the rules in force
	shadows []*tally
}

// sit tallies the votes of the dossier at one instant. It checks no signature.
func (d *dossier) sit(now time.Time) *sitting {
	remarks, timely := d.timely(now)
	s := &sitting{dossier: d, tallies: d.tally(d.rules, timely, now), shadows: d.tally(d.shadows, timely, now)}
	s.remarks = append(remarks, idle(s.tallies, s.shadows, timely, now)...)
	return s
}

// rule judges the document, once all documents have been brought together.
func (s *sitting) rule() ruling {
	r := ruling{result: DocumentResult{SHA256: s.sha256}}
	for _, m := range s.remarks {
		r.findings = append(r.findings, m.Finding)
	}
	r.shadow = s.shadow()
	if s.fault != nil {
		r.denied = s.fault
		return r
	}
	a := agree(s.tallies)
	if a.short != nil {
		r.short, r.denied = a.short, s.shortFinding(a.short)
		return r
	}
	r.result.Version, r.result.NotAfter, r.result.Principals = a.version, a.until, names(a.counted)
	r.rollback = s.belowFloor(a.version)
	return r
}

// shadow reports what the rules in shadow mode would have denied.
func (s *sitting) shadow() (found []Finding) {
	for _, t := range s.shadows {
		if a := agree([]*tally{t}); a.short != nil {
			f := s.shortFinding(a.short)
			f.Detail = clip(fmt.Sprintf("shadow rule %s would deny: %s", quote(t.rule.name), f.Detail), MaxDetail-4)
			found = append(found, *f)
		}
	}
	return found
}

// timely splits the votes into those that count at now and remarks about the rest.
func (d *dossier) timely(now time.Time) (remarks []remark, votes []*vote) {
	remarks = slices.Clone(d.remarks)
	for _, v := range d.votes {
		if f := v.inTime(now); f != nil {
			remarks = append(remarks, remark{*f, v.statement.predicateType})
		} else {
			votes = append(votes, v)
		}
	}
	return remarks, votes
}

func (d *dossier) tally(rules []*rule, votes []*vote, now time.Time) []*tally {
	all := make([]*tally, len(rules))
	for i, r := range rules {
		all[i] = count(r, d.sha256, votes, now)
		all[i].of = d
	}
	return all
}

// idle remarks on the votes that no requirement of any rule takes, with the
// requirement of a rule in force that came closest to taking them.
func idle(tallies, shadows []*tally, votes []*vote, now time.Time) []remark {
	var out []remark
	all := slices.Concat(tallies, shadows)
	for _, v := range votes {
		var best Reason
		var by *rule
		var missed *requirement
		taken := false
		for i, t := range all {
			for j := range t.rule.require {
				q := &t.rule.require[j]
				reason := v.against(t.rule, q, now)
				taken = taken || reason == ReasonUnspecified
				if i < len(tallies) && closeness[reason] > closeness[best] {
					best, by, missed = reason, t.rule, q
				}
			}
		}
		if !taken && missed != nil {
			out = append(out, remark{*v.uncounted(best, by, missed), v.statement.predicateType})
		}
	}
	return out
}

// closeness orders the refusals of vote.against by how late they come.
var closeness = map[Reason]int{PredicateType: 1, SignerOutOfScope: 2, Algorithm: 3, AttestationTooOld: 4}

// shortFinding says why a rule does not hold: THRESHOLD when somebody counted,
// else what became of the attestation that got furthest, else that none was offered.
func (s *sitting) shortFinding(short *shortfall) *Finding {
	f := &Finding{Reason: short.reason, Attestation: -1, Detail: short.text()}
	if short.reason != AttestationMissing {
		return f
	}
	var best *remark
	for i := range s.remarks {
		m := &s.remarks[i]
		if short.requirement == nil || m.predicateType != "" && m.predicateType != short.requirement.predicateType && m.Reason != PredicateType {
			continue // about another requirement
		}
		if best == nil || further(m, best) {
			best = m
		}
	}
	switch {
	case best != nil:
		copied := best.Finding
		return &copied
	case s.purpose == Compose:
		f.Reason = CompositionPartUnattested
	}
	return f
}

// further orders remarks: the later stage, then the lower index, then the lower
// reason, then the detail, so that no order of signatures shows.
func further(a, b *remark) bool {
	return cmp.Or(cmp.Compare(b.Reason.Stage(), a.Reason.Stage()),
		cmp.Compare(a.Attestation, b.Attestation), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail)) < 0
}

// belowFloor checks the version that was agreed on against the floors.
func (d *dossier) belowFloor(version uint64) *Finding {
	if version == 0 { // SPEC: R8 … it has no version and no floor.
		return nil
	}
	// SPEC: R8 below the floor (signed floors, then the driver's own) it is denied.
	if version < d.signed {
		return &Finding{Reason: VersionRollback, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, and the signed floor is %d", version, d.signed)}
	}
	if version < d.own.Version {
		return &Finding{Reason: VersionRollback, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, and version %d has been in force", version, d.own.Version)}
	}
	// SPEC: R8 a version already bound to another digest is equivocation.
	if version == d.own.Version && d.own.SHA256 != [32]byte{} && d.own.SHA256 != d.sha256 {
		return &Finding{Reason: VersionEquivocation, Attestation: -1,
			Detail: fmt.Sprintf("version %d has been in force with another document, sha256:%s", version, hex.EncodeToString(d.own.SHA256[:]))}
	}
	return nil
}

// changes lists the instants at which the ruling may become another.
func (d *dossier) changes() []time.Time {
	var at []time.Time
	rules := slices.Concat(d.rules, d.shadows)
	for _, v := range d.votes {
		at = append(at, v.changes(rules)...)
	}
	return at
}

// weight is how many votes have to be counted for a ruling, once for each
// requirement of each rule.
func (d *dossier) weight() int {
	n := 0
	for _, r := range slices.Concat(d.rules, d.shadows) {
		n += len(r.require) * len(d.votes)
	}
	return n
}

func names(votes []*vote) []string {
	set := map[string]bool{}
	for _, v := range votes {
		set[v.principal.name] = true
	}
	return slices.Sorted(maps.Keys(set))
}
