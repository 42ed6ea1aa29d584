// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"math"
	"time"
)

// approval is one claim that counts for one document: by whom, of which kind, and
// when. Most are made with a policy-approval or a policy-bundle; a statement of
// any other type that a rule requires approves at every version. Nothing in it
// depends on the time at which it is counted.
type approval struct {
	*claim
	// version is the highest at which it counts: what a policy-approval says, and
	// anything for other statements. SPEC: R7.
	version   uint64
	versioned bool       // by a policy-approval or a policy-bundle
	set       *policySet // of a policy-bundle; nil for any other
	// gatewayWide reports whether it approves the document for a subject of the
	// whole gateway too, and not in its own workspace alone.
	gatewayWide bool
	// A versioned one counts from notBefore until before notAfter. SPEC: R6.
	notBefore, notAfter time.Time
	// ageFrom is what age is measured from; zero when nothing says. SPEC: R7.
	ageFrom time.Time
	// named: a subject of the Statement that is the document has its name, too.
	named bool
}

// everyVersion is above any version that an approval can say.
const everyVersion = math.MaxUint64

// newApproval turns a claim into an approval of the document, or says why it is
// none. The order of the checks is the order of the stages: statement, then scope.
func (d *documentEvaluation) newApproval(c *claim, wanted map[string]bool) (*approval, *Finding) {
	predicateType := c.statement.predicateType
	if len(wanted) > 0 && !wanted[predicateType] { // with no rule at all, RULE_MISSING says it
		return nil, refuse(c, PredicateType, "predicate type %s is not what a rule for this document asks for", quote(predicateType))
	}
	if n := len(c.statement.subjects); predicateType == ApprovalPredicateType && n > 1 {
		return nil, refuse(c, SubjectAmbiguous, "an approval names exactly one subject, this one %d", n)
	}
	if f := checkSubjects(c, d.parsed); f != nil {
		return nil, f
	}
	a := &approval{claim: c, named: namesDocument(c, d.parsed), version: everyVersion}
	if len(c.times) > 0 {
		a.ageFrom = c.times[0]
	}
	var f *Finding
	switch predicateType {
	case ApprovalPredicateType:
		var p *approvalPredicate
		if p, f = c.approved(); f == nil {
			a.versioned, a.version, a.notBefore, a.notAfter = true, p.version, p.notBefore, p.notAfter
			a.gatewayWide = matchGlob(p.scope.workspace, "")
			f = p.checkScope(c, d.parsed)
		}
	case SetPredicateType:
		var s *policySet
		if s, f = c.approvedSet(); f == nil {
			// SPEC: R8 the set's version is each member's version.
			a.versioned, a.set, a.version, a.notBefore, a.notAfter = true, s, s.name.version, s.notBefore, s.notAfter
			a.gatewayWide = true // its scope says where it is enforced, not whose it is
			f = s.checkScope(c, d.parsed, d.target, d.purpose)
		}
	}
	if f != nil {
		f.Attestation = c.attestation
		return nil, f
	}
	if a.versioned && a.ageFrom.IsZero() {
		a.ageFrom = a.notBefore
	}
	return a, nil
}

// checkWindow checks the windows that time alone can close.
func (a *approval) checkWindow(now time.Time) *Finding {
	switch {
	case a.latest().After(now.Add(maxAhead)): // SPEC: R4 a time that has not come proves nothing.
		return refuse(a.claim, TimestampInvalid, "a log or a timestamp authority vouches for %s, which has not come yet", stamp(a.latest()))
	case !a.from.IsZero() && now.Before(a.from):
		return refuse(a.claim, SignerExpired, "the key of %s is valid from %s only", quote(a.principal.name), stamp(a.from))
	case !a.until.IsZero() && !now.Before(a.until):
		return refuse(a.claim, SignerExpired, "the key of %s was valid until %s and nothing shows an earlier signing time", quote(a.principal.name), stamp(a.until))
	case a.versioned && now.Before(a.notBefore): // SPEC: R6 now ∈ [notBefore, notAfter).
		return refuse(a.claim, AttestationNotYetValid, "the approval by %s begins at %s", quote(a.principal.name), stamp(a.notBefore))
	case a.versioned && !now.Before(a.notAfter):
		return refuse(a.claim, AttestationExpired, "the approval by %s ended at %s", quote(a.principal.name), stamp(a.notAfter))
	}
	return nil
}

// checkRequirement says why the approval does not count toward one requirement of
// one rule; ReasonUnspecified when it counts.
func (a *approval) checkRequirement(r *rule, q *requirement, now time.Time) Reason {
	switch {
	case a.statement.predicateType != q.predicateType:
		return PredicateType
	case r.subjectName && !a.named: // SPEC: R5 … and its name, where the rule asks for it.
		return SubjectMismatch
	case !q.authority.members[a.principal]:
		return SignerOutOfScope
	case r.algorithms != nil && !r.algorithms[a.algorithm]:
		return Algorithm
	case r.maxAge > 0 && a.ageFrom.IsZero(): // SPEC: R7 with neither, the claim does not count.
		return AttestationTooOld
	case r.maxAge > 0 && !now.Before(a.ageFrom.Add(r.maxAge)): // SPEC: R7 age = now − earliest verified time, else notBefore.
		return AttestationTooOld
	}
	return ReasonUnspecified
}

// requirementFinding says for people what checkRequirement found.
func (a *approval) requirementFinding(reason Reason, r *rule, q *requirement) *Finding {
	switch {
	case reason == PredicateType:
		return refuse(a.claim, reason, "is a %s, the rule %s asks for %s", quote(a.statement.predicateType), quote(r.name), quote(q.predicateType))
	case reason == SubjectMismatch:
		return refuse(a.claim, reason, "its subject has another name than the document, which the rule %s asks for", quote(r.name))
	case reason == SignerOutOfScope:
		return refuse(a.claim, reason, "%s does not speak for the authority %s", quote(a.principal.name), quote(q.authority.name))
	case reason == Algorithm:
		return refuse(a.claim, reason, "signed with %s, which the rule %s does not accept", a.algorithm, quote(r.name))
	case a.ageFrom.IsZero():
		return refuse(a.claim, reason, "nothing shows its age, and the rule %s accepts %s at most", quote(r.name), r.maxAge)
	}
	return refuse(a.claim, reason, "dates from %s, and the rule %s accepts %s at most", stamp(a.ageFrom), quote(r.name), r.maxAge)
}

// changes lists the instants at which the approval begins or stops to count.
func (a *approval) changes(rules []*rule) []time.Time {
	at := []time.Time{a.from, a.until, a.notBefore, a.notAfter}
	if !a.latest().IsZero() {
		at = append(at, a.latest().Add(-maxAhead))
	}
	for _, r := range rules {
		if r.maxAge > 0 && !a.ageFrom.IsZero() {
			at = append(at, a.ageFrom.Add(r.maxAge))
		}
	}
	return at
}

// latest is the last of the verified times, zero for none.
func (c *claim) latest() time.Time {
	if len(c.times) == 0 {
		return time.Time{}
	}
	return c.times[len(c.times)-1]
}

// countsUntil returns when the approval stops to count for the rule, zero for never.
func (a *approval) countsUntil(r *rule) time.Time {
	end := earliest(a.until, a.notAfter)
	if r.maxAge > 0 {
		end = earliest(end, a.ageFrom.Add(r.maxAge))
	}
	return end
}

// supersedes reports whether the approval says more for its principal than another,
// which may be nil: the order in which they were offered must not show.
func (a *approval) supersedes(other *approval, r *rule) bool {
	if other == nil || a.version != other.version {
		return other == nil || a.version > other.version
	}
	end, than := a.countsUntil(r), other.countsUntil(r)
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
