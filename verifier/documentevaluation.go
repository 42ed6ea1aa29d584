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

// documentEvaluation is one document with everything that bears on it and does
// not depend on the time: the parsed body, the rules that match, the approvals,
// the floors. Every signature is checked while it is made, none afterwards.
type documentEvaluation struct {
	index   int
	purpose Purpose
	target  *Target
	sha256  [32]byte
	parsed  *parsedDocument // nil when the body was refused
	fault   *Finding        // why it is denied whatever was signed; nil for nothing

	rules       []*rule // matching, in force
	shadowRules []*rule // matching, in shadow mode

	attestationsRead bool                 // false: no rule asked for them
	approvals        []*approval          // that count at some time
	findings         []attestationFinding // on attestations that never count
	evidence         []int                // attestations whose signer trust knows

	floors documentFloors
}

// attestationFinding is a finding about an attestation, with the predicate type
// of its statement; empty when the check did not get so far.
type attestationFinding struct {
	Finding
	predicateType string
}

// newDocumentEvaluation evaluates one document of the request as far as that
// does not depend on the time.
func newDocumentEvaluation(src requestSource, index int, trust *Trust, floors Floors, budget *signatureBudget) *documentEvaluation {
	req := src.request()
	d := &documentEvaluation{index: index, purpose: req.Purpose, target: &req.Target}
	if d.parsed, d.fault = src.document(index); d.fault != nil {
		d.sha256 = src.digest(index)
		return d
	}
	d.sha256 = d.parsed.sha256
	d.floors = newDocumentFloors(d.parsed.floors, trust, floors)

	wanted := map[string]bool{} // predicate types
	for _, r := range trust.authorities.rules {
		if !r.matches(d.parsed, &req.Target) {
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
			Detail: fmt.Sprintf("sha256:%s is revoked%s", hex.EncodeToString(d.sha256[:]), trust.revoked.why(revokedThing{kind: "document", sha256: d.sha256}))}
	case len(d.rules) == 0:
		d.fault = &Finding{Reason: RuleMissing, Attestation: -1,
			Detail: fmt.Sprintf("no enforced rule speaks about a %s named %s in workspace %s", d.parsed.role, quote(d.parsed.subject.name), quote(req.Target.Workspace))}
	}
	if d.fault != nil && len(d.shadowRules) == 0 {
		return d // no rule needs the attestations
	}

	// SPEC: R4 what does not count is a finding and counts for nothing; the others go on.
	d.attestationsRead = true
	for i := range req.Documents[index].Attestations {
		verified := src.verifyAttestation(trust, index, i, budget)
		if verified.signerKnown {
			d.evidence = append(d.evidence, i)
		}
		for _, f := range verified.findings {
			d.findings = append(d.findings, attestationFinding{Finding: f})
		}
		for _, c := range verified.claims {
			a, f := d.newApproval(c, wanted)
			if f != nil {
				d.findings = append(d.findings, attestationFinding{*f, c.statement.predicateType})
				continue
			}
			d.approvals = append(d.approvals, a)
		}
	}
	return d
}

// documentAt is a document evaluation at one instant: what counts then, by rule.
type documentAt struct {
	*documentEvaluation
	results       []*ruleResult // of the rules in force
	shadowResults []*ruleResult
	// findings are those of the evaluation, and those on what does not count now.
	findings []attestationFinding
}

// at counts the approvals of a document at one instant. It checks no signature.
func (d *documentEvaluation) at(now time.Time) *documentAt {
	at := &documentAt{documentEvaluation: d, findings: slices.Clone(d.findings)}
	var current []*approval
	for _, a := range d.approvals {
		if f := a.checkWindow(now); f != nil {
			at.findings = append(at.findings, attestationFinding{*f, a.statement.predicateType})
			continue
		}
		current = append(current, a)
	}
	results := func(rules []*rule) []*ruleResult {
		all := make([]*ruleResult, len(rules))
		for i, r := range rules {
			all[i] = evaluateRule(r, d.sha256, current, now)
			all[i].document = d
		}
		return all
	}
	at.results, at.shadowResults = results(d.rules), results(d.shadowRules)
	for _, a := range current {
		if f := at.unused(a, now); f != nil {
			at.findings = append(at.findings, attestationFinding{*f, a.statement.predicateType})
		}
	}
	return at
}

// unused is the finding on an approval that no requirement of any rule takes,
// about the requirement of a rule in force that came closest to taking it.
func (d *documentAt) unused(a *approval, now time.Time) *Finding {
	var closest Reason
	var by *rule
	var missed *requirement
	for i, result := range slices.Concat(d.results, d.shadowResults) {
		for j := range result.rule.require {
			q := &result.rule.require[j]
			reason := a.checkRequirement(result.rule, q, now)
			if reason == ReasonUnspecified {
				return nil
			}
			if i < len(d.results) && closeness[reason] > closeness[closest] {
				closest, by, missed = reason, result.rule, q
			}
		}
	}
	if missed == nil {
		return nil
	}
	return a.requirementFinding(closest, by, missed)
}

// closeness orders the refusals of approval.checkRequirement by how late they come.
var closeness = map[Reason]int{PredicateType: 1, SubjectMismatch: 2, SignerOutOfScope: 3, Algorithm: 4, AttestationTooOld: 5}

// documentVerdict is the verdict on one document at one instant.
type documentVerdict struct {
	result    DocumentResult
	raises    FloorKey // the floor that the version raises where it is allowed
	denied    *Finding // SPEC: R2–R7 failed; nil when they hold
	rollback  *Finding // SPEC: R8 failed
	shortfall *shortfall
	findings  []Finding // without denied and rollback, unless they are about an attestation
	shadow    []Finding
}

// verdict judges the document, once matchSets has compared all documents.
func (d *documentAt) verdict() documentVerdict {
	v := documentVerdict{result: DocumentResult{SHA256: d.sha256}}
	for _, f := range d.findings {
		v.findings = append(v.findings, f.Finding)
	}
	for _, result := range d.shadowResults {
		if c := combine([]*ruleResult{result}, everyVersion); c.shortfall != nil {
			f := d.shortfallFinding(c.shortfall)
			f.Detail = clip(fmt.Sprintf("shadow rule %s would deny: %s", quote(result.rule.name), f.Detail), MaxDetail-4)
			v.shadow = append(v.shadow, *f)
		}
	}
	if d.fault != nil {
		v.denied = d.fault
		return v
	}
	c := combine(d.results, d.floors.highest())
	if c.shortfall != nil {
		v.shortfall, v.denied = c.shortfall, d.shortfallFinding(c.shortfall)
		return v
	}
	names := map[string]bool{}
	for _, a := range c.counted {
		names[a.principal.name] = true
	}
	v.result.Version, v.result.NotAfter, v.result.Principals = c.version, c.until, slices.Sorted(maps.Keys(names))
	v.raises, v.rollback = d.reach(&c), d.checkVersion(&c)
	return v
}

// shortfallFinding says why a rule does not hold: THRESHOLD when somebody counted,
// else what became of the attestation that got furthest, else that none was offered.
func (d *documentAt) shortfallFinding(s *shortfall) *Finding {
	f := &Finding{Reason: s.reason, Attestation: -1, Detail: s.text()}
	if s.reason != AttestationMissing {
		return f
	}
	var best *attestationFinding
	for i := range d.findings {
		m := &d.findings[i]
		if s.requirement == nil || m.predicateType != "" && m.predicateType != s.requirement.predicateType && m.Reason != PredicateType {
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
	case d.purpose == Compose:
		f.Reason = CompositionPartUnattested
	}
	return f
}

// gotFurther orders findings: the later stage, then the lower index, then the
// lower reason, then the detail, so that no order of signatures shows.
func gotFurther(a, b *attestationFinding) bool {
	return cmp.Or(cmp.Compare(b.Reason.Stage(), a.Reason.Stage()),
		cmp.Compare(a.Attestation, b.Attestation), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail)) < 0
}

// changes lists the instants at which the verdict may change.
func (d *documentEvaluation) changes() []time.Time {
	var at []time.Time
	rules := slices.Concat(d.rules, d.shadowRules)
	for _, a := range d.approvals {
		at = append(at, a.changes(rules)...)
	}
	return at
}

// cost is how many approvals have to be counted for a verdict, once for each
// requirement of each rule.
func (d *documentEvaluation) cost() int {
	n := 0
	for _, r := range slices.Concat(d.rules, d.shadowRules) {
		n += len(r.require) * len(d.approvals)
	}
	return n
}
