// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Verify decides whether the request may be enforced at now. It is a function
// of its arguments: no clock, no I/O, no state, and no error, for a refusal is a
// result. A request that CheckRequest refuses gets the zero Decision, which
// refuses without a reason.
//
// Signatures are checked once, into a case that does not depend on the time;
// the case is then decided at now, and again at the instants that follow, to
// tell until when the decision stands.
func Verify(req *Request, trust *Trust, floors Floors, now time.Time) Decision {
	if CheckRequest(req) != nil {
		return Decision{}
	}
	return evaluate(receivedRequest{req}, trust, floors, now)
}

// answer decides a question, however it came to be known: Verify received it,
// Recalled.Again has it from a record.
func evaluate(q requestSource, trust *Trust, floors Floors, now time.Time) Decision {
	// SPEC: R1 no trust, or trust that no longer holds: DENY.
	if f := trustFinding(trust, floors, now); f != nil {
		return denyAll(q, f)
	}
	c := newEvaluation(q, trust, floors)
	d := c.decide(now)
	d.sort()
	d.Evidence = c.evidence()
	d.Recheck, d.ValidUntil = c.validUntil(now, &d)
	d.NearestMiss = c.nearestMiss(&d, now)
	return d
}

// hearing is a request with everything that bears on it and does not depend on
// the time.
type evaluation struct {
	requestSource
	req               *Request
	trust             *Trust
	documents         []*documentEvaluation
	missing           *Finding  // a document that should be there and is not
	bindingFault      *Finding  // the sandbox was first allowed in another place
	compositionFaults []Finding // what keeps the effective policy from being the composition
	binding           *Binding
	effective         [32]byte // of the effective document
}

// prepare checks every signature and compares the composition.
func newEvaluation(q requestSource, trust *Trust, floors Floors) *evaluation {
	req := q.request()
	h := &evaluation{requestSource: q, req: req, trust: trust}
	budget := newSignatureBudget()
	parsed := make([]*parsedDocument, len(req.Documents))
	whole := true
	for i := range req.Documents {
		d := newDocumentEvaluation(q, i, trust, floors, budget)
		h.documents = append(h.documents, d)
		parsed[i] = d.doc
		whole = whole && d.doc != nil
	}
	h.missing = h.missingDocument()
	if req.Purpose != Compose {
		return h
	}
	h.effective, _ = q.effectiveSHA256()
	h.checkBinding(floors)
	// SPEC: R9 the effective document equals the recipe applied to the others.
	if whole && h.missing == nil {
		h.compositionFaults = q.compareEffective(parsed)
	}
	return h
}

// evidence lists the attestations that somebody whom trust knows has signed.
func (h *evaluation) evidence() [][2]int {
	var list [][2]int
	for i, d := range h.documents {
		for _, j := range d.evidence {
			list = append(list, [2]int{i, j})
		}
	}
	return list
}

// decide judges the case at one instant. Its findings are not in order yet.
func (h *evaluation) decide(now time.Time) Decision {
	condition, _, _ := h.trust.condition(now)
	d := Decision{Verdict: Deny, EffectiveSHA256: h.effective, Place: h.binding, Stale: condition == Stale}
	leading := h.missing
	rulings := h.evaluateDocuments(now)
	lead := func(f *Finding) {
		if leading == nil {
			leading = f
		}
	}
	// The first denied document in request order speaks, then VERSION, then COMPOSITION.
	for i := range rulings {
		d.addDocument(i, &rulings[i], h.documents[i])
		lead(rulings[i].denied)
	}
	for i := range rulings {
		lead(rulings[i].rollback)
	}
	for i := range h.compositionFaults {
		lead(&h.compositionFaults[i])
	}
	d.add(-1, h.missing)
	d.Findings = append(d.Findings, h.compositionFaults...)
	if leading != nil {
		d.Reason = leading.Reason
		d.leading = *leading
		return d
	}
	d.allow(h)
	return d
}

// allow is the one place that says yes. SPEC: R10.
func (d *Decision) allow(h *evaluation) {
	if d.Reason != ReasonUnspecified || len(d.Documents) == 0 || slices.ContainsFunc(d.Documents, func(r DocumentResult) bool { return !r.Passed }) {
		return
	}
	d.Verdict, d.Reason = Allow, Allowed
	if h.req.Purpose != Compose { // SPEC: R8 only an allowed COMPOSE raises a floor or binds a version.
		return
	}
	d.Raises = h.raises(d)
	if h.binding == nil { // SPEC: R6 the first allowed COMPOSE binds.
		d.Binding = &Binding{h.sandbox(), Place{h.req.Target.Workspace, h.req.Target.Name}}
	}
}

// rule judges every document, and the documents of one subject against each other.
func (h *evaluation) evaluateDocuments(now time.Time) []documentVerdict {
	rulings := make([]documentVerdict, len(h.documents))
	sittings := make([]*documentAt, len(h.documents))
	for i, d := range h.documents {
		sittings[i] = d.at(now)
	}
	matchSets(sittings)
	highest := map[FloorKey]int{}
	for i, d := range h.documents {
		rulings[i] = sittings[i].verdict()
		if i == h.source() && rulings[i].denied == nil {
			rulings[i].denied = h.bindingFault
		}
		if v := rulings[i].result.Version; v > 0 {
			if top, ok := highest[d.doc.floorKey]; !ok || v > rulings[top].result.Version {
				highest[d.doc.floorKey] = i
			}
		}
	}
	for i, d := range h.documents {
		r := &rulings[i]
		if r.result.Version == 0 || r.rollback != nil {
			continue
		}
		top := highest[d.doc.floorKey]
		r.rollback = checkSameSubject(r, &rulings[top])
	}
	for i := range rulings {
		rulings[i].result.Passed = rulings[i].denied == nil && rulings[i].rollback == nil
	}
	return rulings
}

// twins judges two documents of one subject in one request as if the one with
// the higher version had been in force before.
func checkSameSubject(r, top *documentVerdict) *Finding {
	switch {
	case r.result.Version < top.result.Version:
		return &Finding{Reason: VersionRollback, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, beside version %d of the same subject", r.result.Version, top.result.Version)}
	case r.result.SHA256 != top.result.SHA256:
		return &Finding{Reason: VersionEquivocation, Attestation: -1,
			Detail: fmt.Sprintf("version %d stands for two documents of the same subject in this request", r.result.Version)}
	}
	return nil
}

// raises lists the floors that this ALLOW moves.
func (h *evaluation) raises(d *Decision) []Raise {
	var out []Raise
	for i, dos := range h.documents {
		floor := Floor{d.Documents[i].Version, dos.sha256}
		raised := Raise{dos.doc.floorKey, floor}
		if floor.Version > 0 && floor != dos.ownFloor && !slices.Contains(out, raised) {
			out = append(out, raised)
		}
	}
	return out
}

// take copies one ruling into the decision.
func (d *Decision) addDocument(i int, r *documentVerdict, dos *documentEvaluation) {
	d.Documents = append(d.Documents, r.result)
	if dos.doc != nil {
		d.Consulted = append(d.Consulted, Raise{dos.doc.floorKey, dos.ownFloor})
	}
	for _, f := range r.findings {
		d.add(i, &f)
	}
	for _, f := range []*Finding{r.denied, r.rollback} {
		if f != nil {
			f.Document = i
			if f.Attestation < 0 { // the others stand among the findings already
				d.add(i, f)
			}
		}
	}
	for _, f := range r.shadow {
		f.Document = i
		d.Shadow = append(d.Shadow, f)
	}
}

func (d *Decision) add(document int, f *Finding) {
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

// maxInstants bounds how many coming instants are decided in advance.
const maxInstants = 64

// instants is how many of them this case is worth: fewer where there is much to
// count, so that the price of foresight has a bound.
func (h *evaluation) lookahead() int {
	weight := 1
	for _, d := range h.documents {
		weight += d.cost()
	}
	return min(maxInstants, MaxLookahead/weight)
}

// standsUntil returns the next instant at which anything in the decision may
// change, and the first at which its verdict or reason does. SPEC: R11.
func (h *evaluation) validUntil(now time.Time, d *Decision) (recheck, validUntil time.Time) {
	at := h.trust.changes()
	for _, dos := range h.documents {
		at = append(at, dos.changes()...)
	}
	at = slices.DeleteFunc(at, func(t time.Time) bool { return !t.After(now) })
	slices.SortFunc(at, time.Time.Compare)
	at = slices.CompactFunc(at, time.Time.Equal)
	most := h.lookahead()
	for i, t := range at {
		if c, _, _ := h.trust.condition(t); c == Refused || i == most {
			return at[0], t // R1 speaks from here, or too many to look further
		}
		if later := h.decide(t); later.Verdict != d.Verdict || later.Reason != d.Reason {
			return at[0], t
		}
	}
	return earliest(at...), time.Time{}
}

// refuseAll is the decision when trust itself does not hold.
func denyAll(q requestSource, f *Finding) Decision {
	d := Decision{Verdict: Deny, Reason: f.Reason, leading: *f}
	for i := range q.request().Documents {
		d.Documents = append(d.Documents, DocumentResult{SHA256: q.digest(i)})
	}
	if q.request().Purpose == Compose {
		d.EffectiveSHA256, _ = q.effectiveSHA256()
	}
	d.add(-1, f)
	d.sort()
	d.NearestMiss = NearestMiss{Document: -1, Text: d.Findings[0].Hint, Command: f.Reason.command()}
	return d
}
