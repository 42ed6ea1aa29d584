// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// Reconstruction is a decision with what is left of its request.
type Reconstruction struct {
	Record  *record.DecisionRecord
	Summary *verifier.RecordedRequest
	// Request has nil where a body or an attestation is not at hand.
	Request *verifier.Request
}

// Reconstruct finds what is left of a recorded request, every part by its digest.
func (a *Archive) Reconstruct(e *record.Entry, documents *Documents) (*Reconstruction, error) {
	record, err := a.Record(e)
	if err != nil {
		return nil, err
	}
	summary, err := verifier.ParseRequestJSON(record.Request)
	if err != nil {
		return nil, err
	}
	if len(record.Attestations) != len(summary.Documents) {
		return nil, errors.New("its decision record does not fit its request")
	}
	r := &Reconstruction{record, summary, summary.Request()}
	for i, d := range summary.Documents {
		doc := &r.Request.Documents[i]
		if doc.Body = documents.Get(d.SHA256); d.SHA256 == sha256.Sum256(nil) {
			doc.Body = []byte{} // everybody has that one
		}
		if len(record.Attestations[i]) != len(d.Attestations) {
			return nil, errors.New("its decision record does not fit its request")
		}
		for j, sum := range record.Attestations[i] {
			found, err := a.attestation(sum)
			switch {
			case err != nil:
				return nil, err
			case found == nil:
				doc.Attestations = append(doc.Attestations, nil)
			case found.digest != d.Attestations[j]:
				return nil, fmt.Errorf("attestation %d of document %d is not the one that was asked with", j, i)
			default:
				doc.Attestations = append(doc.Attestations, found.raw)
			}
		}
	}
	if summary.Effective != nil {
		r.Request.Effective = effective(documents, r.Request, *summary.Effective)
	}
	return r, nil
}

// Complete returns the request as it was asked, but for the attestations that the
// archive does not have: missing counts them. An error says in one sentence what else
// cannot be found.
func (r *Reconstruction) Complete() (req *verifier.Request, missing int, err error) {
	req = r.Request
	for i, d := range r.Summary.Documents {
		doc := &req.Documents[i]
		if doc.Body == nil {
			return nil, 0, fmt.Errorf("the body of its %s, sha256:%x, is not among the exported documents", d.Role, d.SHA256)
		}
		offered := len(doc.Attestations)
		doc.Attestations = slices.DeleteFunc(doc.Attestations, func(raw []byte) bool { return raw == nil })
		missing += offered - len(doc.Attestations)
	}
	if r.Summary.Effective != nil && req.Effective == nil {
		return nil, 0, fmt.Errorf("its effective policy, sha256:%x, is neither exported nor what its documents compose to", *r.Summary.Effective)
	}
	if missing == 0 && verifier.RequestSHA256(req) != sha256.Sum256(r.Record.Request) {
		return nil, 0, errors.New("what was found is not what was asked")
	}
	return req, missing, verifier.CheckRequest(req)
}

// effective is the exported effective policy, or what the documents compose to
// when that is the one: a gateway stores it nowhere.
func effective(documents *Documents, req *verifier.Request, want [32]byte) []byte {
	if data := documents.Get(want); data != nil {
		return data
	}
	if data, fault := verifier.Composed(req); fault == nil && sha256.Sum256(data) == want {
		return data
	}
	return nil
}
