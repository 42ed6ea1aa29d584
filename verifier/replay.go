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

// Replay evaluates a recorded request again. A record has everything but the
// bodies, which a driver never keeps, and the attestations that nobody it knew had
// signed. What is missing is taken from the record: which bodies were refused and
// why, the id of a profile, whether digests of a body other than sha256 fit, how
// the effective document differed from the composition, and what was found about
// an attestation. Everything else is evaluated by the code that Verify uses.
//
// It is for auditors. Its result is a ReplayedDecision, not a Decision, so that no
// gateway can be answered with one.
type Replay struct {
	req      *Request
	record   *RecordedRequest
	recorded *Decision
	cache    *SignatureCache
	faults   []*Finding // by document: why its body was refused
	names    []string   // by document: the name in its floor's key
	complete bool       // every body and the effective document are there
}

// ReplayedDecision is the result of a Replay.
type ReplayedDecision struct {
	Verdict    Verdict
	Reason     Reason
	Findings   []Finding
	ValidUntil time.Time
	// Assumed counts the attestations that were missing: what was found about
	// them is taken from the record. Unread reports whether a body was missing.
	Assumed int
	Unread  bool

	decision Decision // not exported: only Verify returns one
}

// JSON is DecisionJSON of what was decided again.
func (r *ReplayedDecision) JSON() []byte { return DecisionJSON(&r.decision) }

// ReplayError says why a record cannot be replayed.
type ReplayError struct {
	// Contradiction reports whether the record is one that no driver writes; false
	// means that something it needs is missing.
	Contradiction bool
	Text          string
}

func (e *ReplayError) Error() string { return e.Text }

func incomplete(format string, args ...any) error {
	return &ReplayError{false, fmt.Sprintf(format, args...)}
}

func contradicts(format string, args ...any) error {
	return &ReplayError{true, fmt.Sprintf(format, args...)}
}

// NewReplay reads what a record says about a request. The request is record.Request()
// with the bytes that were found, each checked against its digest by the caller;
// nil stands for those that were not. The cache may be nil. The error is a
// *ReplayError.
func NewReplay(record *RecordedRequest, req *Request, recorded *Decision, cache *SignatureCache) (*Replay, error) {
	r := &Replay{req: req, record: record, recorded: recorded, cache: cache, complete: (record.Effective == nil) == (req.Effective == nil)}
	if err := CheckRequest(req); err != nil {
		return nil, contradicts("no driver takes its request: %v", err)
	}
	if len(recorded.Documents) != len(record.Documents) || len(req.Documents) != len(record.Documents) {
		return nil, contradicts("its decision is about %d documents, its request has %d", len(recorded.Documents), len(record.Documents))
	}
	for i := range record.Documents {
		if len(req.Documents[i].Attestations) != len(record.Documents[i].Attestations) {
			return nil, contradicts("document %d has another number of attestations", i)
		}
		if req.Documents[i].Body == nil {
			r.complete = false
		}
	}
	if r.deniedAsWhole() {
		return r, nil // it looked at no document
	}
	if err := r.readSubjects(); err != nil {
		return nil, err
	}
	return r, r.readEvidence()
}

// deniedAsWhole reports whether the decision was made without looking at a document.
func (r *Replay) deniedAsWhole() bool {
	return slices.Contains([]Reason{TrustUnavailable, TrustStale, DriverTooOld}, r.recorded.Reason)
}

// bodyFaults are the reasons for which a body is refused.
var bodyFaults = map[Reason]bool{DocumentMissing: true, DocumentNoncanonical: true, DocumentDuplicateKey: true, DocumentSurface: true, DocumentReservedName: true}

// readSubjects takes from the record which bodies were refused and the subjects
// of the others. Only a profile's name in its subject comes from its body: the id.
func (r *Replay) readSubjects() error {
	consulted := r.recorded.Consulted
	for i := range r.req.Documents {
		fault := r.recordedFault(i)
		r.faults, r.names = append(r.faults, fault), append(r.names, "")
		if fault != nil {
			continue
		}
		if len(consulted) == 0 {
			return contradicts("it does not say which floor it looked at for document %d", i)
		}
		key := consulted[0].Key
		consulted = consulted[1:]
		r.names[i] = key.Name
		if r.floors(i).own != key {
			return contradicts("it looked at the floor of another subject for document %d", i)
		}
	}
	return r.readOtherFloors(consulted)
}

// readOtherFloors reads the floors that follow those of the subjects themselves.
// Rules before version 2 looked at none.
func (r *Replay) readOtherFloors(consulted []Raise) error {
	if len(consulted) == 0 {
		return nil
	}
	for i := range r.req.Documents {
		other := r.floors(i).other
		if r.faults[i] != nil || other == nil {
			continue
		}
		if len(consulted) == 0 || consulted[0].Key != *other {
			return contradicts("it looked at one floor alone for document %d", i)
		}
		consulted = consulted[1:]
	}
	if len(consulted) > 0 {
		return contradicts("it looked at %d floors too many", len(consulted))
	}
	return nil
}

// recordedFault is the recorded finding that a body was refused by, nil for none.
func (r *Replay) recordedFault(i int) *Finding {
	for _, f := range r.recorded.Findings {
		if f.Document == i && f.Attestation < 0 && bodyFaults[f.Reason] {
			return &Finding{Reason: f.Reason, Document: -1, Attestation: -1, Detail: f.Detail}
		}
	}
	return nil
}

func (r *Replay) floors(i int) floorKeys {
	d := &r.req.Documents[i]
	return floorKeysOf(d.Role, subjectOf(d, r.names[i], &r.req.Target), &r.req.Target)
}

// readEvidence refuses a record that lacks an attestation which bore on it.
func (r *Replay) readEvidence() error {
	for _, at := range r.recorded.Evidence {
		if at[0] < 0 || at[0] >= len(r.req.Documents) || at[1] < 0 || at[1] >= len(r.req.Documents[at[0]].Attestations) {
			return contradicts("it names an attestation %d of document %d", at[1], at[0])
		}
		if r.req.Documents[at[0]].Attestations[at[1]] == nil {
			return incomplete("attestation %d of document %d, %s, which bore on it, is not in the archive", at[1], at[0], r.record.Documents[at[0]].Attestations[at[1]])
		}
		if r.ranOut(at[0], at[1]) {
			return incomplete("it ran out of signature checks within attestation %d of document %d", at[1], at[0])
		}
	}
	return nil
}

// ranOut reports whether signatures of an attestation were not looked at any more.
func (r *Replay) ranOut(i, attestation int) bool {
	return slices.ContainsFunc(r.recordedFindings(i, attestation), func(f Finding) bool { return f.Reason == TooManySignatures })
}

// recordedFindings is what the record says about an attestation.
func (r *Replay) recordedFindings(i, attestation int) []Finding {
	var list []Finding
	for _, f := range r.recorded.Findings {
		if f.Document == i && f.Attestation == attestation {
			f.Hint = ""
			list = append(list, f)
		}
	}
	return list
}

// Decide evaluates the request by the same code as Verify. The error is a *ReplayError.
func (r *Replay) Decide(trust *Trust, floors Floors, now time.Time) (*ReplayedDecision, error) {
	if r.deniedAsWhole() && trustFinding(trust, floors, now) == nil {
		return nil, contradicts("it was refused as %s, and there was trust that held", r.recorded.Reason)
	}
	d := evaluate(r, trust, floors, now)
	result := &ReplayedDecision{Verdict: d.Verdict, Reason: d.Reason, Findings: d.Findings, ValidUntil: d.ValidUntil, Unread: !r.complete, decision: d}
	for i := range r.req.Documents {
		for j := range r.req.Documents[i].Attestations {
			if r.assumed(i, j) {
				result.Assumed++
			}
		}
	}
	return result, nil
}

// Verdict is that of Decide alone, for less.
func (r *Replay) Verdict(trust *Trust, floors Floors, now time.Time) (Verdict, Reason) {
	if f := trustFinding(trust, floors, now); f != nil {
		return Deny, f.Reason
	}
	d := newEvaluation(r, trust, floors).decide(now)
	return d.Verdict, d.Reason
}

func (r *Replay) assumed(i, attestation int) bool {
	return r.req.Documents[i].Attestations[attestation] == nil || r.ranOut(i, attestation)
}

func (r *Replay) request() *Request { return r.req }

func (r *Replay) digest(i int) [32]byte { return r.record.Documents[i].SHA256 }

func (r *Replay) document(i int) (*parsedDocument, *Finding) {
	d := &r.req.Documents[i]
	if d.Body != nil {
		return parseDocument(d, &r.req.Target)
	}
	if f := r.faults[i]; f != nil {
		refused := *f
		return nil, &refused
	}
	return &parsedDocument{
		role: d.Role, surface: roleSurface[d.Role], sha256: r.digest(i),
		subject: subjectOf(d, r.names[i], &r.req.Target), floors: r.floors(i), provider: d.Provider, noLayer: d.NoLayer,
		recordedFindings: func(attestation int) []Finding { return r.recordedFindings(i, attestation) },
	}, nil
}

func (r *Replay) verifyAttestation(trust *Trust, i, attestation int, _ *signatureBudget) verifiedAttestation {
	if r.assumed(i, attestation) {
		return verifiedAttestation{findings: r.recordedFindings(i, attestation)}
	}
	return r.cache.verifyAttestation(trust, attestation, r.req.Documents[i].Attestations[attestation])
}

func (r *Replay) effectiveSHA256() ([32]byte, bool) {
	if r.record.Effective == nil {
		return sha256.Sum256(nil), false
	}
	return *r.record.Effective, true
}

// compareEffective compares the bodies where all are there. Else it repeats what
// was found, the leading finding first: sorting may have put others before it.
func (r *Replay) compareEffective(parsed []*parsedDocument) []Finding {
	if r.complete {
		return checkComposition(r.req, parsed)
	}
	var list []Finding
	for _, f := range r.recorded.Findings {
		if f.Document < 0 {
			f.Hint = ""
			list = append(list, f)
		}
	}
	leads := func(f Finding) int {
		if f.Reason == r.recorded.Reason {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return cmp.Compare(leads(b), leads(a)) })
	return list
}
