// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Recalled is a request of which a record is left: everything but the bodies,
// which a driver never keeps, and the attestations that nobody it knew had signed.
// What is not at hand is taken from the record: which bodies were refused and why,
// the id of a profile, whether digests of a body other than sha256 fit, how the
// effective document differed from the composition, and what was found against an
// attestation. All else is judged again, by the code that judges requests.
//
// It is for auditors. What it yields is a Recollection, which no gateway can be
// answered with.
type Recalled struct {
	req    *Request
	record *RecordedRequest
	was    *Decision
	memo   *Memo
	faults []*Finding // by document: why its body was refused
	names  []string   // by document: the name in its floor's key
	bodies bool       // every body and the effective document are at hand
}

// Recollection is what a recalled request comes to.
type Recollection struct {
	Verdict    Verdict
	Reason     Reason
	Findings   []Finding
	ValidUntil time.Time
	// Assumed counts the attestations that were not at hand: what was found
	// against them is taken from the record. Unread tells that a body was not.
	Assumed int
	Unread  bool

	decision Decision // stays here: no caller gets one that was not asked for
}

// JSON is DecisionJSON of what was decided again.
func (r *Recollection) JSON() []byte { return DecisionJSON(&r.decision) }

// RecallError says why a record cannot be decided again.
type RecallError struct {
	// Contradiction tells that the record cannot be what any driver wrote; false,
	// that something is not at hand.
	Contradiction bool
	Text          string
}

func (e *RecallError) Error() string { return e.Text }

func lost(format string, args ...any) error { return &RecallError{false, fmt.Sprintf(format, args...)} }

func contradicts(format string, args ...any) error {
	return &RecallError{true, fmt.Sprintf(format, args...)}
}

// Recall reads what a record says about a request. The request is r.Request()
// with the bytes that were found, each checked against its digest by the caller;
// nil stands for those that were not. The memo may be nil. The error is a
// *RecallError.
func Recall(r *RecordedRequest, req *Request, was *Decision, memo *Memo) (*Recalled, error) {
	q := &Recalled{req: req, record: r, was: was, memo: memo, bodies: (r.Effective == nil) == (req.Effective == nil)}
	if err := CheckRequest(req); err != nil {
		return nil, contradicts("no driver takes its request: %v", err)
	}
	if len(was.Documents) != len(r.Documents) || len(req.Documents) != len(r.Documents) {
		return nil, contradicts("its decision is about %d documents, its request has %d", len(was.Documents), len(r.Documents))
	}
	for i := range r.Documents {
		if len(req.Documents[i].Attestations) != len(r.Documents[i].Attestations) {
			return nil, contradicts("document %d has another number of attestations", i)
		}
		if req.Documents[i].Body == nil {
			q.bodies = false
		}
	}
	if q.distrusted() {
		return q, nil // it looked at no document
	}
	if err := q.readOutcomes(); err != nil {
		return nil, err
	}
	return q, q.readEvidence()
}

// distrusted reports whether the decision was made without looking at a document.
func (q *Recalled) distrusted() bool {
	return slices.Contains([]Reason{TrustUnavailable, TrustStale, DriverTooOld}, q.was.Reason)
}

// unread are the reasons for which a body is refused.
var unread = map[Reason]bool{DocumentMissing: true, DocumentNoncanonical: true, DocumentDuplicateKey: true, DocumentSurface: true, DocumentReservedName: true}

// readOutcomes takes from the record which bodies were refused and the subjects
// of the others. Only the name of a profile is news in a subject: its body's id.
func (q *Recalled) readOutcomes() error {
	consulted := q.was.Consulted
	for i := range q.req.Documents {
		fault := q.refusal(i)
		q.faults, q.names = append(q.faults, fault), append(q.names, "")
		if fault != nil {
			continue
		}
		if len(consulted) == 0 {
			return contradicts("it does not say which floor it looked at for document %d", i)
		}
		key := consulted[0].Key
		consulted = consulted[1:]
		q.names[i] = key.Name
		if q.floorKey(i) != key {
			return contradicts("it looked at the floor of another subject for document %d", i)
		}
	}
	if len(consulted) > 0 {
		return contradicts("it looked at %d floors too many", len(consulted))
	}
	return nil
}

// refusal is the recorded finding that a body was refused by, nil for none.
func (q *Recalled) refusal(i int) *Finding {
	for _, f := range q.was.Findings {
		if f.Document == i && f.Attestation < 0 && unread[f.Reason] {
			return &Finding{Reason: f.Reason, Document: -1, Attestation: -1, Detail: f.Detail}
		}
	}
	return nil
}

func (q *Recalled) floorKey(i int) FloorKey {
	d := &q.req.Documents[i]
	about := subjectOf(d, q.names[i], &q.req.Target)
	return FloorKey{about.gateway, d.Role, about.workspace, about.name}
}

// readEvidence refuses a record of which something that bore on it is lost.
func (q *Recalled) readEvidence() error {
	for _, at := range q.was.Evidence {
		if at[0] < 0 || at[0] >= len(q.req.Documents) || at[1] < 0 || at[1] >= len(q.req.Documents[at[0]].Attestations) {
			return contradicts("it names an attestation %d of document %d", at[1], at[0])
		}
		if q.req.Documents[at[0]].Attestations[at[1]] == nil {
			return lost("attestation %d of document %d, %s, which bore on it, is not in the archive", at[1], at[0], q.record.Documents[at[0]].Attestations[at[1]])
		}
		if q.spent(at[0], at[1]) {
			return lost("it ran out of signature checks within attestation %d of document %d", at[1], at[0])
		}
	}
	return nil
}

// spent reports whether signatures of an attestation were not looked at any more.
func (q *Recalled) spent(i, attestation int) bool {
	return slices.ContainsFunc(q.foundAgainst(i, attestation), func(f Finding) bool { return f.Reason == TooManySignatures })
}

// foundAgainst is what the record says about an attestation.
func (q *Recalled) foundAgainst(i, attestation int) []Finding {
	var list []Finding
	for _, f := range q.was.Findings {
		if f.Document == i && f.Attestation == attestation {
			f.Hint = ""
			list = append(list, f)
		}
	}
	return list
}

// Again decides the request by the same code as Verify. The error is a *RecallError.
func (q *Recalled) Again(trust *Trust, floors Floors, now time.Time) (*Recollection, error) {
	if q.distrusted() && trustFinding(trust, floors, now) == nil {
		return nil, contradicts("it was refused as %s, and there was trust that held", q.was.Reason)
	}
	d := evaluate(q, trust, floors, now)
	r := &Recollection{Verdict: d.Verdict, Reason: d.Reason, Findings: d.Findings, ValidUntil: d.ValidUntil, Unread: !q.bodies, decision: d}
	for i := range q.req.Documents {
		for j := range q.req.Documents[i].Attestations {
			if q.assumed(i, j) {
				r.Assumed++
			}
		}
	}
	return r, nil
}

func (q *Recalled) assumed(i, attestation int) bool {
	return q.req.Documents[i].Attestations[attestation] == nil || q.spent(i, attestation)
}

func (q *Recalled) request() *Request { return q.req }

func (q *Recalled) digest(i int) [32]byte { return q.record.Documents[i].SHA256 }

func (q *Recalled) document(i int) (*parsedDocument, *Finding) {
	d := &q.req.Documents[i]
	if d.Body != nil {
		return parseDocument(d, &q.req.Target)
	}
	if f := q.faults[i]; f != nil {
		refused := *f
		return nil, &refused
	}
	return &parsedDocument{
		role: d.Role, surface: roleSurface[d.Role], sha256: q.digest(i),
		subject: subjectOf(d, q.names[i], &q.req.Target), floorKey: q.floorKey(i), provider: d.Provider,
		recordedFindings: func(attestation int) []Finding { return q.foundAgainst(i, attestation) },
	}, nil
}

func (q *Recalled) verifyAttestation(trust *Trust, i, attestation int, _ *signatureBudget) verifiedAttestation {
	if q.assumed(i, attestation) {
		return verifiedAttestation{findings: q.foundAgainst(i, attestation)}
	}
	return q.memo.verifyAttestation(trust, attestation, q.req.Documents[i].Attestations[attestation])
}

func (q *Recalled) effectiveSHA256() ([32]byte, bool) {
	if q.record.Effective == nil {
		return sha256.Sum256(nil), false
	}
	return *q.record.Effective, true
}

// compose compares what is at hand; else it repeats what was found, the finding
// that led first: others may stand before it in the order of a decision.
func (q *Recalled) compareEffective(parsed []*parsedDocument) []Finding {
	if q.bodies {
		return checkComposition(q.req, parsed)
	}
	var list []Finding
	for _, f := range q.was.Findings {
		if f.Document < 0 {
			f.Hint = ""
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return cmp.Compare(q.leads(b), q.leads(a)) })
	return list
}

func (q *Recalled) leads(f Finding) int {
	if f.Reason == q.was.Reason {
		return 1
	}
	return 0
}
