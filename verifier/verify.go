// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"slices"
	"time"
)

// Verify decides whether the request may be enforced at now. It is a function
// of its arguments: no clock, no I/O, no state, and no error, for a refusal is a
// result. A request that CheckRequest refuses gets the zero Decision, which
// refuses without a reason.
//
// Signatures are checked once, into an evaluation that does not depend on the
// time; it is then decided at now, and again at the instants that follow, to
// learn until when the decision stands.
func Verify(req *Request, trust *Trust, floors Floors, now time.Time) Decision {
	if CheckRequest(req) != nil {
		return Decision{}
	}
	return evaluate(receivedRequest{req, map[[32]byte]verifiedAttestation{}}, trust, floors, now)
}

// evaluate decides a request, wherever it comes from: Verify received it,
// Replay.Decide has it from a record.
func evaluate(src requestSource, trust *Trust, floors Floors, now time.Time) Decision {
	// SPEC: R1 no trust, or trust that no longer holds: DENY.
	if f := trustFinding(trust, floors, now); f != nil {
		return denyAll(src, f)
	}
	e := newEvaluation(src, trust, floors)
	d := e.decide(now)
	d.sort()
	for i, doc := range e.documents {
		for _, j := range doc.evidence {
			d.Evidence = append(d.Evidence, [2]int{i, j})
		}
	}
	changes := e.changes()
	d.Recheck, d.ValidUntil = e.validUntil(now, changes, &d)
	d.HoldsUntil = nextOf(changes, now)
	d.NearestMiss = NearestMiss{Document: -1}
	if d.Verdict != Allow {
		e.explain(&d, now)
	}
	return d
}

// explain adds to a refusal what is for people: which documents are new and which
// were changed, and the nearest miss. Nothing about a changed one advises to
// approve it.
func (e *evaluation) explain(d *Decision, now time.Time) {
	m := missSearch{evaluation: e, decision: d, now: now, verdicts: e.evaluateDocuments(now), changed: map[int]Raise{}}
	for i, v := range m.verdicts {
		what, inForce := e.documents[i].unapproved(v.shortfall)
		d.unapproved = max(d.unapproved, what)
		if what != UnapprovedChanged {
			continue
		}
		m.changed[i] = inForce
		for j := range d.Findings {
			if d.Findings[j].Document == i {
				d.Findings[j].Hint = changedHint
			}
		}
	}
	d.NearestMiss = m.find()
}

// decide comes to a decision at one instant. Its findings are not sorted yet.
func (e *evaluation) decide(now time.Time) Decision {
	condition, _, _ := e.trust.condition(now)
	d := Decision{Verdict: Deny, EffectiveSHA256: e.effective, Place: e.binding, Stale: condition == Stale}
	verdicts := e.evaluateDocuments(now)
	for i := range verdicts {
		d.addDocument(i, &verdicts[i], e.documents[i])
	}
	d.addOtherFloors(e)
	d.addFinding(-1, e.missing)
	d.Findings = append(d.Findings, e.compositionFaults...)

	// The first denied document in request order leads, then versions, then composition.
	leading := e.missing
	lead := func(f *Finding) {
		if leading == nil {
			leading = f
		}
	}
	for i := range verdicts {
		lead(verdicts[i].denied)
	}
	for i := range verdicts {
		lead(verdicts[i].rollback)
	}
	for i := range e.compositionFaults {
		lead(&e.compositionFaults[i])
	}
	if leading != nil {
		d.Reason = leading.Reason
		d.leading = *leading
		return d
	}
	d.allow(e, verdicts)
	return d
}

// allow is the one place that says yes. SPEC: R10.
func (d *Decision) allow(e *evaluation, verdicts []documentVerdict) {
	if d.Reason != ReasonUnspecified || len(d.Documents) == 0 || slices.ContainsFunc(d.Documents, func(r DocumentResult) bool { return !r.Passed }) {
		return
	}
	d.Verdict, d.Reason = Allow, Allowed
	if e.req.Purpose != Compose { // SPEC: R8 only an allowed COMPOSE raises a floor or binds a version.
		return
	}
	for i, doc := range e.documents {
		floor := Floor{d.Documents[i].Version, doc.sha256}
		raise := Raise{verdicts[i].raises, floor}
		if floor.Version > 0 && !doc.floors.stands(raise) && !slices.Contains(d.Raises, raise) {
			d.Raises = append(d.Raises, raise)
		}
	}
	if e.binding == nil { // SPEC: R6 the first allowed COMPOSE binds.
		d.Binding = &Binding{e.sandbox(), Place{e.req.Target.Workspace, e.req.Target.Name}}
	}
}

// addDocument copies the verdict on one document into the decision.
func (d *Decision) addDocument(i int, v *documentVerdict, doc *documentEvaluation) {
	d.Documents = append(d.Documents, v.result)
	if doc.parsed != nil {
		d.Consulted = append(d.Consulted, doc.floors.own)
	}
	for _, f := range v.findings {
		d.addFinding(i, &f)
	}
	for _, f := range []*Finding{v.denied, v.rollback} {
		if f != nil {
			f.Document = i
			if f.Attestation < 0 { // the others are among the findings already
				d.addFinding(i, f)
			}
		}
	}
	for _, f := range v.shadow {
		f.Document = i
		d.Shadow = append(d.Shadow, f)
	}
}

// addOtherFloors adds the second floor of each document that has two, after the
// first of all.
func (d *Decision) addOtherFloors(e *evaluation) {
	for _, doc := range e.documents {
		if doc.floors.other != nil {
			d.Consulted = append(d.Consulted, *doc.floors.other)
		}
	}
}

func (d *Decision) addFinding(document int, f *Finding) {
	if f != nil {
		copied := *f
		copied.Document = document
		d.Findings = append(d.Findings, copied)
	}
}

// sort puts findings in the order of the contract and gives each its hint.
func (d *Decision) sort() {
	for _, list := range [][]Finding{d.Findings, d.Shadow} {
		slices.SortStableFunc(list, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(a.Document, b.Document), cmp.Compare(a.Attestation, b.Attestation),
				cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail))
		})
		for i := range list {
			if list[i].Hint == "" {
				list[i].Hint = list[i].Reason.remedy()
			}
		}
	}
}

// denyAll is the decision when trust itself does not hold.
func denyAll(src requestSource, f *Finding) Decision {
	d := Decision{Verdict: Deny, Reason: f.Reason, leading: *f}
	for i := range src.request().Documents {
		d.Documents = append(d.Documents, DocumentResult{SHA256: src.digest(i)})
	}
	if src.request().Purpose == Compose {
		d.EffectiveSHA256, _ = src.effectiveSHA256()
	}
	d.addFinding(-1, f)
	d.sort()
	d.NearestMiss = NearestMiss{Document: -1, Text: d.Findings[0].Hint, Command: f.Reason.command()}
	return d
}
