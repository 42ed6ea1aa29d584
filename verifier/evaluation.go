// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
	"time"
)

// evaluation is a request with everything that bears on it and does not depend
// on the time.
type evaluation struct {
	requestSource
	req       *Request
	trust     *Trust
	documents []*documentEvaluation
	missing   *Finding // a document that should be there and is not
	effective [32]byte // sha256 of the effective document
	binding   *Binding // of the sandbox, from an earlier ALLOW; nil for none
	// bindingFault says that the sandbox was first allowed in another place.
	bindingFault *Finding
	// compositionFaults keep the effective policy from being the composition.
	compositionFaults []Finding
}

// newEvaluation checks every signature and compares the composition.
func newEvaluation(src requestSource, trust *Trust, floors Floors) *evaluation {
	req := src.request()
	e := &evaluation{requestSource: src, req: req, trust: trust}
	budget := newSignatureBudget()
	parsed := make([]*parsedDocument, len(req.Documents))
	complete := true
	for i := range req.Documents {
		d := newDocumentEvaluation(src, i, trust, floors, budget)
		e.documents = append(e.documents, d)
		parsed[i] = d.parsed
		complete = complete && d.parsed != nil
	}
	e.missing = e.missingDocument()
	if req.Purpose != Compose {
		return e
	}
	e.effective, _ = src.effectiveSHA256()
	e.checkBinding(floors)
	// SPEC: R9 the effective document equals the recipe applied to the others.
	if complete && e.missing == nil {
		e.compositionFaults = src.compareEffective(parsed)
	}
	return e
}

// missingDocument names a document without which the request cannot be decided.
// SPEC: R2 a missing document or source is DENY.
func (e *evaluation) missingDocument() *Finding {
	missing := func(what string) *Finding {
		return &Finding{Reason: DocumentMissing, Document: -1, Attestation: -1, Detail: what}
	}
	if e.req.Purpose != Compose {
		if len(e.req.Documents) == 0 {
			return missing("the request has no document")
		}
		return nil
	}
	if e.source() < 0 {
		return missing("the request has no source policy: without one the sandbox image would supply its own")
	}
	if _, some := e.effectiveSHA256(); !some {
		return missing("the request has no effective policy to compare with")
	}
	if r := e.asksForSettings(); r != nil {
		return missing(fmt.Sprintf("the rule %s asks for the SETTINGS of this sandbox", quote(r.name)))
	}
	if r := e.asksForProfiles(); r != nil {
		return missing(fmt.Sprintf("the provider %s has no profile, and the rule %s asks for that of every provider whose credentials this sandbox is given",
			quote(e.req.WithoutProfile[0]), quote(r.name)))
	}
	return nil
}

// asksForSettings returns the rule without whose SETTINGS nothing can be decided.
// SPEC: R2 where an enforced rule for SETTINGS matches, COMPOSE without it is DENY.
func (e *evaluation) asksForSettings() *rule {
	if slices.ContainsFunc(e.req.Documents, func(d Document) bool { return d.Role == Settings }) {
		return nil
	}
	probe := &parsedDocument{role: Settings, surface: surfaceSettings}
	probe.subject.name = e.req.Target.Name
	return e.trust.firstEnforced(func(r *rule) bool { return r.matches(probe, &e.req.Target) })
}

// asksForProfiles returns the rule by which an attached provider needs a profile and has
// none. What a profile is called decides nothing: one that is not there has no name.
// SPEC: R2 where an enforced rule for profiles holds at the target, COMPOSE with a
// provider that has no profile is DENY, unless each such rule says allowWithoutProfile.
func (e *evaluation) asksForProfiles() *rule {
	if len(e.req.WithoutProfile) == 0 {
		return nil
	}
	return e.trust.firstEnforced(func(r *rule) bool {
		return r.isAbout(ProviderProfile) && r.holdsAt(&e.req.Target) && !r.allowWithoutProfile
	})
}

// checkBinding looks up where the sandbox was first allowed. A row that keeps its
// id and takes another name would otherwise choose among approvals by glob.
func (e *evaluation) checkBinding(floors Floors) {
	was, ok := floors.Place(e.sandbox())
	if !ok {
		return
	}
	e.binding = &Binding{e.sandbox(), was}
	// SPEC: R6 another pair later is a scope mismatch.
	if is := (Place{e.req.Target.Workspace, e.req.Target.Name}); is != was {
		e.bindingFault = &Finding{Reason: ScopeMismatch, Attestation: -1,
			Detail: fmt.Sprintf("sandbox %s was first allowed as %s in workspace %s, and now asks as %s in %s",
				quote(e.req.Target.SandboxID), quote(was.Name), quote(was.Workspace), quote(is.Name), quote(is.Workspace))}
	}
}

// sandbox names the request's sandbox across renames.
func (e *evaluation) sandbox() SandboxKey {
	return SandboxKey{e.req.Target.GatewayID, e.req.Target.SandboxID}
}

// source returns the index of the source policy, -1 for none.
func (e *evaluation) source() int {
	for i, d := range e.req.Documents {
		if d.Role == SandboxPolicy || d.Role == GlobalPolicy {
			return i
		}
	}
	return -1
}

// evaluateDocuments comes to a verdict on every document at one instant: on each
// alone, and on the documents of one subject against each other.
func (e *evaluation) evaluateDocuments(now time.Time) []documentVerdict {
	documents := make([]*documentAt, len(e.documents))
	for i, d := range e.documents {
		documents[i] = d.at(now)
	}
	matchSets(documents)
	verdicts := make([]documentVerdict, len(documents))
	highest := map[FloorKey]int{}
	for i, d := range documents {
		verdicts[i] = d.verdict()
		if i == e.source() && verdicts[i].denied == nil {
			verdicts[i].denied = e.bindingFault
		}
		if version := verdicts[i].result.Version; version > 0 {
			for _, key := range []FloorKey{d.parsed.floors.own, verdicts[i].raises} {
				if top, ok := highest[key]; !ok || version > verdicts[top].result.Version {
					highest[key] = i
				}
			}
		}
	}
	for i, d := range documents {
		v := &verdicts[i]
		if v.result.Version > 0 {
			for _, key := range []FloorKey{d.parsed.floors.own, v.raises} {
				if v.rollback == nil {
					v.rollback = v.compareHighest(&verdicts[highest[key]])
				}
			}
		}
		v.result.Passed = v.denied == nil && v.rollback == nil
	}
	return verdicts
}

// compareHighest compares two documents of one subject in one request as if the one
// with the higher version had been in force before.
func (v *documentVerdict) compareHighest(highest *documentVerdict) *Finding {
	switch {
	case v.result.Version < highest.result.Version:
		return &Finding{Reason: VersionRollback, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, beside version %d of the same subject", v.result.Version, highest.result.Version)}
	case v.result.SHA256 != highest.result.SHA256:
		return &Finding{Reason: VersionEquivocation, Attestation: -1,
			Detail: fmt.Sprintf("version %d stands for two documents of the same subject in this request", v.result.Version)}
	}
	return nil
}

// maxInstants bounds how many coming instants are decided in advance.
const maxInstants = 32

// lookahead is how many instants are decided in advance: fewer where there are
// many approvals to count, so that the cost has a bound.
func (e *evaluation) lookahead() int {
	cost := 1
	for _, d := range e.documents {
		cost += d.cost()
	}
	return min(maxInstants, MaxLookahead/cost)
}

// changes lists the instants at which an approval begins or stops to count.
func (e *evaluation) changes() []time.Time {
	var at []time.Time
	for _, doc := range e.documents {
		at = append(at, doc.changes()...)
	}
	return at
}

// nextOf returns the first of some instants that comes after now, zero for none.
func nextOf(at []time.Time, now time.Time) time.Time {
	var next time.Time
	for _, t := range at {
		if t.After(now) {
			next = earliest(next, t)
		}
	}
	return next
}

// validUntil returns the next instant at which anything in the decision may
// change, and the first at which its verdict or reason does. SPEC: R11.
func (e *evaluation) validUntil(now time.Time, changes []time.Time, d *Decision) (recheck, validUntil time.Time) {
	at := append(e.trust.changes(), changes...)
	at = slices.DeleteFunc(at, func(t time.Time) bool { return !t.After(now) })
	slices.SortFunc(at, time.Time.Compare)
	at = slices.CompactFunc(at, time.Time.Equal)
	most := e.lookahead()
	for i, t := range at {
		if c, _, _ := e.trust.condition(t); c == Refused || i == most {
			return at[0], t // R1 applies from here, or there is too much to decide in advance
		}
		if later := e.decide(t); later.Verdict != d.Verdict || later.Reason != d.Reason {
			return at[0], t
		}
	}
	return earliest(at...), time.Time{}
}
