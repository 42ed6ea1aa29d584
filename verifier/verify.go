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
	return answer(received{req}, trust, floors, now)
}

// answer decides a question, however it came to be known: Verify received it,
// Recalled.Again has it from a record.
func answer(q question, trust *Trust, floors Floors, now time.Time) Decision {
	// SPEC: R1 no trust, or trust that no longer holds: DENY.
	if f := distrust(trust, floors, now); f != nil {
		return refuseAll(q, f)
	}
	c := prepare(q, trust, floors)
	d := c.decide(now)
	d.sort()
	d.Evidence = c.evidence()
	d.Recheck, d.ValidUntil = c.standsUntil(now, &d)
	d.NearestMiss = c.nearestMiss(&d, now)
	return d
}

// hearing is a request with everything that bears on it and does not depend on
// the time.
type hearing struct {
	question
	req      *Request
	trust    *Trust
	dossiers []*dossier
	missing  *Finding  // a document that should be there and is not
	moved    *Finding  // the sandbox was first allowed in another place
	composed []Finding // what keeps the effective policy from being the composition
	place    *Binding
	sums     [32]byte // of the effective document
}

// prepare checks every signature and compares the composition.
func prepare(q question, trust *Trust, floors Floors) *hearing {
	req := q.request()
	h := &hearing{question: q, req: req, trust: trust}
	budget := newChecks()
	parsed := make([]*parsedDocument, len(req.Documents))
	whole := true
	for i := range req.Documents {
		d := open(q, i, trust, floors, budget)
		h.dossiers = append(h.dossiers, d)
		parsed[i] = d.doc
		whole = whole && d.doc != nil
	}
	h.missing = h.absent()
	if req.Purpose != Compose {
		return h
	}
	h.sums, _ = q.effective()
	h.find(floors)
	// SPEC: R9 the effective document equals the recipe applied to the others.
	if whole && h.missing == nil {
		h.composed = q.compose(parsed)
	}
	return h
}

// evidence lists the attestations that somebody whom trust knows has signed.
func (h *hearing) evidence() [][2]int {
	var list [][2]int
	for i, d := range h.dossiers {
		for _, j := range d.signedBy {
			list = append(list, [2]int{i, j})
		}
	}
	return list
}

// decide judges the case at one instant. Its findings are not in order yet.
func (h *hearing) decide(now time.Time) Decision {
	condition, _, _ := h.trust.condition(now)
	d := Decision{Verdict: Deny, EffectiveSHA256: h.sums, Place: h.place, Stale: condition == Stale}
	leading := h.missing
	rulings := h.rule(now)
	lead := func(f *Finding) {
		if leading == nil {
			leading = f
		}
	}
	// The first denied document in request order speaks, then VERSION, then COMPOSITION.
	for i := range rulings {
		d.take(i, &rulings[i], h.dossiers[i])
		lead(rulings[i].denied)
	}
	for i := range rulings {
		lead(rulings[i].rollback)
	}
	for i := range h.composed {
		lead(&h.composed[i])
	}
	d.add(-1, h.missing)
	d.Findings = append(d.Findings, h.composed...)
	if leading != nil {
		d.Reason = leading.Reason
		d.leading = *leading
		return d
	}
	d.allow(h)
	return d
}

// allow is the one place that says yes. SPEC: R10.
func (d *Decision) allow(h *hearing) {
	if d.Reason != ReasonUnspecified || len(d.Documents) == 0 || slices.ContainsFunc(d.Documents, func(r DocumentResult) bool { return !r.Passed }) {
		return
	}
	d.Verdict, d.Reason = Allow, Allowed
	if h.req.Purpose != Compose { // SPEC: R8 only an allowed COMPOSE raises a floor or binds a version.
		return
	}
	d.Raises = h.raises(d)
	if h.place == nil { // SPEC: R6 the first allowed COMPOSE binds.
		d.Binding = &Binding{h.sandbox(), Place{h.req.Target.Workspace, h.req.Target.Name}}
	}
}

// rule judges every document, and the documents of one subject against each other.
func (h *hearing) rule(now time.Time) []ruling {
	rulings := make([]ruling, len(h.dossiers))
	sittings := make([]*sitting, len(h.dossiers))
	for i, d := range h.dossiers {
		sittings[i] = d.sit(now)
	}
	concert(sittings)
	highest := map[FloorKey]int{}
	for i, d := range h.dossiers {
		rulings[i] = sittings[i].rule()
		if i == h.source() && rulings[i].denied == nil {
			rulings[i].denied = h.moved
		}
		if v := rulings[i].result.Version; v > 0 {
			if top, ok := highest[d.doc.floorKey]; !ok || v > rulings[top].result.Version {
				highest[d.doc.floorKey] = i
			}
		}
	}
	for i, d := range h.dossiers {
		r := &rulings[i]
		if r.result.Version == 0 || r.rollback != nil {
			continue
		}
		top := highest[d.doc.floorKey]
		r.rollback = twins(r, &rulings[top])
	}
	for i := range rulings {
		rulings[i].result.Passed = rulings[i].denied == nil && rulings[i].rollback == nil
	}
	return rulings
}

// twins judges two documents of one subject in one request as if the one with
// the higher version had been in force before.
func twins(r, top *ruling) *Finding {
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
func (h *hearing) raises(d *Decision) []Raise {
	var out []Raise
	for i, dos := range h.dossiers {
		floor := Floor{d.Documents[i].Version, dos.sha256}
		raised := Raise{dos.doc.floorKey, floor}
		if floor.Version > 0 && floor != dos.own && !slices.Contains(out, raised) {
			out = append(out, raised)
		}
	}
	return out
}

// take copies one ruling into the decision.
func (d *Decision) take(i int, r *ruling, dos *dossier) {
	d.Documents = append(d.Documents, r.result)
	if dos.doc != nil {
		d.Consulted = append(d.Consulted, Raise{dos.doc.floorKey, dos.own})
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
func (h *hearing) instants() int {
	weight := 1
	for _, d := range h.dossiers {
		weight += d.weight()
	}
	return min(maxInstants, MaxForesight/weight)
}

// standsUntil returns the next instant at which anything in the decision may
// change, and the first at which its verdict or reason does. SPEC: R11.
func (h *hearing) standsUntil(now time.Time, d *Decision) (recheck, validUntil time.Time) {
	at := h.trust.changes()
	for _, dos := range h.dossiers {
		at = append(at, dos.changes()...)
	}
	at = slices.DeleteFunc(at, func(t time.Time) bool { return !t.After(now) })
	slices.SortFunc(at, time.Time.Compare)
	at = slices.CompactFunc(at, time.Time.Equal)
	most := h.instants()
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
func refuseAll(q question, f *Finding) Decision {
	d := Decision{Verdict: Deny, Reason: f.Reason, leading: *f}
	for i := range q.request().Documents {
		d.Documents = append(d.Documents, DocumentResult{SHA256: q.digest(i)})
	}
	if q.request().Purpose == Compose {
		d.EffectiveSHA256, _ = q.effective()
	}
	d.add(-1, f)
	d.sort()
	d.NearestMiss = NearestMiss{Document: -1, Text: d.Findings[0].Hint, Command: f.Reason.command()}
	return d
}
