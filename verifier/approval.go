// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"math"
	"time"
)

// vote is one claim that speaks for one document: a principal, what kind of
// statement, and when it may be counted. Nothing in it depends on the time at
// which it is counted.
type approval struct {
	*claim
	// version is the highest at which the vote counts: what an approval says,
	// and anything for other statements. SPEC: R7.
	version   uint64
	versioned bool       // of a document, alone or in a set
	set       *policySet // that it was approved in; nil for none
	// An approval counts from notBefore until before notAfter. SPEC: R6.
	notBefore, notAfter time.Time
	// seen is what age is measured from; zero when nothing says. SPEC: R7.
	ageFrom time.Time
}

// everyVersion is above any version that an approval can say.
const everyVersion = math.MaxUint64

// cast turns a claim into a vote for the document, or says why it is none. The
// order of the checks is the order of the stages: statement, then scope.
func (d *documentEvaluation) newApproval(c *claim, wanted map[string]bool) (*approval, *Finding) {
	typ := c.statement.predicateType
	if len(wanted) > 0 && !wanted[typ] { // with no rule at all, RULE_MISSING says it
		return nil, refuse(c, PredicateType, "predicate type %s is not what a rule for this document asks for", quote(typ))
	}
	if n := len(c.statement.subjects); typ == ApprovalPredicateType && n > 1 {
		return nil, refuse(c, SubjectAmbiguous, "an approval names exactly one subject, this one %d", n)
	}
	if f := checkSubjects(c, d.doc); f != nil {
		return nil, f
	}
	v := &approval{claim: c, version: everyVersion}
	if len(c.times) > 0 {
		v.ageFrom = c.times[0]
	}
	var f *Finding
	switch typ {
	case ApprovalPredicateType:
		f = v.approve(d.doc)
	case SetPredicateType:
		f = v.approveSet(d)
	}
	if f != nil {
		f.Attestation = c.attestation
		return nil, f
	}
	if v.versioned && v.ageFrom.IsZero() {
		v.ageFrom = v.notBefore
	}
	return v, nil
}

// approve makes the vote that of an approval.
func (v *approval) approve(doc *parsedDocument) *Finding {
	a, f := parseApprovalPredicate(v.statement.predicate)
	if f != nil {
		return f
	}
	v.versioned, v.version, v.notBefore, v.notAfter = true, a.version, a.notBefore, a.notAfter
	return inScope(v.claim, a, doc)
}

// approveSet makes the vote that of an approval of a set.
func (v *approval) approveSet(d *documentEvaluation) *Finding {
	s, f := parseSetStatement(v.statement)
	if f != nil {
		return f
	}
	// SPEC: R8 the set's version is each member's version.
	v.versioned, v.set, v.version, v.notBefore, v.notAfter = true, s, s.name.version, s.notBefore, s.notAfter
	return s.holds(v.claim, d.doc, d.target, d.purpose)
}

// inScope checks that an approval is about this kind of document and subject.
func inScope(c *claim, a *approvalPredicate, doc *parsedDocument) *Finding {
	// SPEC: R6 surface, role and scope match the document and its subject.
	switch s := doc.subject; {
	case a.surface != doc.surface:
		return refuse(c, ScopeMismatch, "approves surface %s, the document is %s", quote(a.surface), doc.surface)
	case a.role != doc.role.String():
		return refuse(c, ScopeMismatch, "approves role %s, the document is a %s", quote(a.role), doc.role)
	case !matchGlob(a.scope.gateway, s.gateway):
		return refuse(c, ScopeMismatch, "approves gateway %s, the subject is on %s", quote(a.scope.gateway), quote(s.gateway))
	case !matchGlob(a.scope.workspace, s.workspace):
		return refuse(c, ScopeMismatch, "approves workspace %s, the subject is in %s", quote(a.scope.workspace), quote(s.workspace))
	case !matchGlob(a.scope.name, s.name):
		return refuse(c, ScopeMismatch, "approves name %s, the subject is %s", quote(a.scope.name), quote(s.name))
	}
	return nil
}

// inTime checks the windows that time alone can close.
func (v *approval) checkWindow(now time.Time) *Finding {
	switch {
	case !v.from.IsZero() && now.Before(v.from):
		return refuse(v.claim, SignerExpired, "the key of %s is valid from %s only", quote(v.principal.name), stamp(v.from))
	case !v.until.IsZero() && !now.Before(v.until):
		return refuse(v.claim, SignerExpired, "the key of %s was valid until %s and nothing shows an earlier signing time", quote(v.principal.name), stamp(v.until))
	case v.versioned && now.Before(v.notBefore): // SPEC: R6 now ∈ [notBefore, notAfter).
		return refuse(v.claim, AttestationNotYetValid, "the approval by %s begins at %s", quote(v.principal.name), stamp(v.notBefore))
	case v.versioned && !now.Before(v.notAfter):
		return refuse(v.claim, AttestationExpired, "the approval by %s ended at %s", quote(v.principal.name), stamp(v.notAfter))
	}
	return nil
}

// against tells why the vote does not count toward one requirement of one rule;
// ReasonUnspecified when it counts.
func (v *approval) checkRequirement(r *rule, q *requirement, now time.Time) Reason {
	switch {
	case v.statement.predicateType != q.predicateType:
		return PredicateType
	case !q.authority.members[v.principal]:
		return SignerOutOfScope
	case r.algorithms != nil && !r.algorithms[v.algorithm]:
		return Algorithm
	case r.maxAge > 0 && v.ageFrom.IsZero(): // SPEC: R7 with neither, the claim does not count.
		return AttestationTooOld
	case r.maxAge > 0 && !now.Before(v.ageFrom.Add(r.maxAge)): // SPEC: R7 age = now − earliest verified time, else notBefore.
		return AttestationTooOld
	}
	return ReasonUnspecified
}

// uncounted says for people why the vote does not count.
func (v *approval) requirementFinding(reason Reason, r *rule, q *requirement) *Finding {
	switch {
	case reason == PredicateType:
		return refuse(v.claim, reason, "is a %s, the rule %s asks for %s", quote(v.statement.predicateType), quote(r.name), quote(q.predicateType))
	case reason == SignerOutOfScope:
		return refuse(v.claim, reason, "%s does not speak for the authority %s", quote(v.principal.name), quote(q.authority.name))
	case reason == Algorithm:
		return refuse(v.claim, reason, "signed with %s, which the rule %s does not accept", v.algorithm, quote(r.name))
	case v.ageFrom.IsZero():
		return refuse(v.claim, reason, "nothing shows its age, and the rule %s accepts %s at most", quote(r.name), r.maxAge)
	}
	return refuse(v.claim, reason, "dates from %s, and the rule %s accepts %s at most", stamp(v.ageFrom), quote(r.name), r.maxAge)
}

// changes lists the instants at which the vote begins or stops to count.
func (v *approval) changes(rules []*rule) []time.Time {
	at := []time.Time{v.from, v.until, v.notBefore, v.notAfter}
	for _, r := range rules {
		if r.maxAge > 0 && !v.ageFrom.IsZero() {
			at = append(at, v.ageFrom.Add(r.maxAge))
		}
	}
	return at
}

// ends returns when the vote stops to count for the rule, zero for never.
func (v *approval) countsUntil(r *rule) time.Time {
	end := earliest(v.until, v.notAfter)
	if r.maxAge > 0 {
		end = earliest(end, v.ageFrom.Add(r.maxAge))
	}
	return end
}

// outdoes reports whether the vote says more for its principal than another, which
// may be nil: no order in which they were offered is to show.
func (v *approval) supersedes(other *approval, r *rule) bool {
	if other == nil || v.version != other.version {
		return other == nil || v.version > other.version
	}
	end, than := v.countsUntil(r), other.countsUntil(r)
	return !than.IsZero() && (end.IsZero() || end.After(than))
}

// earliest returns the first of the instants that are set, zero for none.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// stamp writes an instant as people and tools both read it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
