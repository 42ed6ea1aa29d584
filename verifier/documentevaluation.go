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
type documentEvaluation struct {
	index            int
	purpose          Purpose
	target           *Target
	sha256           [32]byte
	doc              *parsedDocument // nil when the body was refused
	fault            *Finding        // why it is refused whatever was signed; nil for nothing
	rules            []*rule         // matching, in force
	shadowRules      []*rule         // matching, in shadow mode
	attestationsRead bool            // whether the attestations were looked at
	approvals        []*approval
	findings         []attestationFinding // attestations that never count
	signedFloor      uint64               // the highest signed floor that matches
	ownFloor         Floor                // the driver's own
	// signedBy are the attestations whose signer trust knows.
	evidence []int
}

// remark is a finding about an attestation, with the predicate type it turned
// out to have; empty when it did not get so far.
type attestationFinding struct {
	Finding
	predicateType string
}

// open reads one document of the request against trust.
func newDocumentEvaluation(q requestSource, index int, trust *Trust, floors Floors, budget *signatureBudget) *documentEvaluation {
	req := q.request()
	d := &documentEvaluation{index: index, purpose: req.Purpose, target: &req.Target}
	if d.doc, d.fault = q.document(index); d.fault != nil {
		d.sha256 = q.digest(index)
		return d
	}
	d.sha256 = d.doc.sha256
	d.signedFloor = trust.signedFloor(d.doc.floorKey)
	d.ownFloor = floors.Floor(d.doc.floorKey)
	wanted := map[string]bool{}
	for _, r := range trust.authorities.rules {
		if !r.matches(d.doc, &req.Target) {
			continue
		}
		if r.shadow {
			d.shadowRules = append(d.shadowRules, r)
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
	if d.fault == nil || len(d.shadowRules) > 0 { // else no rule would listen
		d.verifyAttestations(q, trust, wanted, budget)
	}
	return d
}

// hear checks every attestation and keeps what counts for this document.
// SPEC: R4 what does not is a finding and counts for nothing; the others go on.
func (d *documentEvaluation) verifyAttestations(q requestSource, trust *Trust, wanted map[string]bool, budget *signatureBudget) {
	d.attestationsRead = true
	for i := range q.request().Documents[d.index].Attestations {
		h := q.verifyAttestation(trust, d.index, i, budget)
		if h.signerKnown {
			d.evidence = append(d.evidence, i)
		}
		for _, f := range h.findings {
			d.findings = append(d.findings, attestationFinding{Finding: f})
		}
		for _, c := range h.claims {
			v, f := d.newApproval(c, wanted)
			if f != nil {
				d.findings = append(d.findings, attestationFinding{*f, c.statement.predicateType})
				continue
			}
			d.approvals = append(d.approvals, v)
		}
	}
}

// ruling is what a dossier comes to at one instant.
type documentVerdict struct {
	result    DocumentResult
	denied    *Finding // SPEC: R2–R7 failed; nil when they hold
	rollback  *Finding // SPEC: R8 failed
	shortfall *shortfall
	findings  []Finding // without denied and rollback, unless they are about an attestation
	shadow    []Finding
}

// sitting is a dossier at one instant: what counts then, tallied for each rule.
type documentAt struct {
	*documentEvaluation
	findings      []attestationFinding // of the dossier, and on what does not count now
	results       []*ruleResult        // of the rules in force
	shadowResults []*ruleResult
}

// sit tallies the votes of the dossier at one instant. It checks no signature.
func (d *documentEvaluation) at(now time.Time) *documentAt {
	remarks, timely := d.timely(now)
	s := &documentAt{documentEvaluation: d, results: d.tally(d.rules, timely, now), shadowResults: d.tally(d.shadowRules, timely, now)}
	s.findings = append(remarks, unusedApprovals(s.results, s.shadowResults, timely, now)...)
	return s
}

// rule judges the document, once all documents have been brought together.
func (s *documentAt) verdict() documentVerdict {
	r := documentVerdict{result: DocumentResult{SHA256: s.sha256}}
	for _, m := range s.findings {
		r.findings = append(r.findings, m.Finding)
	}
	r.shadow = s.shadowFindings()
	if s.fault != nil {
		r.denied = s.fault
		return r
	}
	a := combine(s.results)
	if a.shortfall != nil {
		r.shortfall, r.denied = a.shortfall, s.shortfallFinding(a.shortfall)
		return r
	}
	r.result.Version, r.result.NotAfter, r.result.Principals = a.version, a.until, names(a.counted)
	r.rollback = s.belowFloor(a.version)
	return r
}

// shadow reports what the rules in shadow mode would have denied.
func (s *documentAt) shadowFindings() (found []Finding) {
	for _, t := range s.shadowResults {
		if a := combine([]*ruleResult{t}); a.shortfall != nil {
			f := s.shortfallFinding(a.shortfall)
			f.Detail = clip(fmt.Sprintf("shadow rule %s would deny: %s", quote(t.rule.name), f.Detail), MaxDetail-4)
			found = append(found, *f)
		}
	}
	return found
}

// timely splits the votes into those that count at now and remarks about the rest.
func (d *documentEvaluation) timely(now time.Time) (remarks []attestationFinding, votes []*approval) {
	remarks = slices.Clone(d.findings)
	for _, v := range d.approvals {
		if f := v.checkWindow(now); f != nil {
			remarks = append(remarks, attestationFinding{*f, v.statement.predicateType})
		} else {
			votes = append(votes, v)
		}
	}
	return remarks, votes
}

func (d *documentEvaluation) tally(rules []*rule, votes []*approval, now time.Time) []*ruleResult {
	all := make([]*ruleResult, len(rules))
	for i, r := range rules {
		all[i] = evaluateRule(r, d.sha256, votes, now)
		all[i].document = d
	}
	return all
}

// idle remarks on the votes that no requirement of any rule takes, with the
// requirement of a rule in force that came closest to taking them.
func unusedApprovals(tallies, shadows []*ruleResult, votes []*approval, now time.Time) []attestationFinding {
	var out []attestationFinding
	all := slices.Concat(tallies, shadows)
	for _, v := range votes {
		var best Reason
		var by *rule
		var missed *requirement
		taken := false
		for i, t := range all {
			for j := range t.rule.require {
				q := &t.rule.require[j]
				reason := v.checkRequirement(t.rule, q, now)
				taken = taken || reason == ReasonUnspecified
				if i < len(tallies) && closeness[reason] > closeness[best] {
					best, by, missed = reason, t.rule, q
				}
			}
		}
		if !taken && missed != nil {
			out = append(out, attestationFinding{*v.requirementFinding(best, by, missed), v.statement.predicateType})
		}
	}
	return out
}

// closeness orders the refusals of vote.against by how late they come.
var closeness = map[Reason]int{PredicateType: 1, SignerOutOfScope: 2, Algorithm: 3, AttestationTooOld: 4}

// shortFinding says why a rule does not hold: THRESHOLD when somebody counted,
// else what became of the attestation that got furthest, else that none was offered.
func (s *documentAt) shortfallFinding(short *shortfall) *Finding {
	f := &Finding{Reason: short.reason, Attestation: -1, Detail: short.text()}
	if short.reason != AttestationMissing {
		return f
	}
	var best *attestationFinding
	for i := range s.findings {
		m := &s.findings[i]
		if short.requirement == nil || m.predicateType != "" && m.predicateType != short.requirement.predicateType && m.Reason != PredicateType {
			continue // about another requirement
		}
		if best == nil || gotFurther(m, best) {
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
func gotFurther(a, b *attestationFinding) bool {
	return cmp.Or(cmp.Compare(b.Reason.Stage(), a.Reason.Stage()),
		cmp.Compare(a.Attestation, b.Attestation), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail)) < 0
}

// belowFloor checks the version that was agreed on against the floors.
func (d *documentEvaluation) belowFloor(version uint64) *Finding {
	if version == 0 { // SPEC: R8 … it has no version and no floor.
		return nil
	}
	// SPEC: R8 below the floor (signed floors, then the driver's own) it is denied.
	if version < d.signedFloor {
		return &Finding{Reason: VersionRollback, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, and the signed floor is %d", version, d.signedFloor)}
	}
	if version < d.ownFloor.Version {
		return &Finding{Reason: VersionRollback, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, and version %d has been in force", version, d.ownFloor.Version)}
	}
	// SPEC: R8 a version already bound to another digest is equivocation.
	if version == d.ownFloor.Version && d.ownFloor.SHA256 != [32]byte{} && d.ownFloor.SHA256 != d.sha256 {
		return &Finding{Reason: VersionEquivocation, Attestation: -1,
			Detail: fmt.Sprintf("version %d has been in force with another document, sha256:%s", version, hex.EncodeToString(d.ownFloor.SHA256[:]))}
	}
	return nil
}

// changes lists the instants at which the ruling may become another.
func (d *documentEvaluation) changes() []time.Time {
	var at []time.Time
	rules := slices.Concat(d.rules, d.shadowRules)
	for _, v := range d.approvals {
		at = append(at, v.changes(rules)...)
	}
	return at
}

// weight is how many votes have to be counted for a ruling, once for each
// requirement of each rule.
func (d *documentEvaluation) cost() int {
	n := 0
	for _, r := range slices.Concat(d.rules, d.shadowRules) {
		n += len(r.require) * len(d.approvals)
	}
	return n
}

func names(votes []*approval) []string {
	set := map[string]bool{}
	for _, v := range votes {
		set[v.principal.name] = true
	}
	return slices.Sorted(maps.Keys(set))
}
