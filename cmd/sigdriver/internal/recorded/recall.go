// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package recorded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier"
)

// Recalled is a decision with what is left of its request.
type Recalled struct {
	Record  *record.DecisionRecord
	Summary *verifier.RecordedRequest
	// Request has nil where a body or an attestation is not at hand.
	Request *verifier.Request
}

// Archive is the archive of a state folder, and what it has been asked for
// before. It is safe for concurrent use.
type Archive struct {
	dir   string
	known sync.Map // record.Digest → []byte
	count atomic.Int64
}

// OpenArchive reads from a state folder. Nothing in it is touched.
func OpenArchive(state string) *Archive { return &Archive{dir: filepath.Join(state, "archive")} }

// maxRemembered bounds how many attestations are kept in memory.
const maxRemembered = 1 << 14

// attestation returns an encoded attestation, nil for one that is not there.
func (a *Archive) attestation(sum record.Digest) ([]byte, error) {
	if data, ok := a.known.Load(sum); ok {
		return data.([]byte), nil
	}
	data, err := archive.Read(a.dir, sum)
	var none *archive.MissingError
	if errors.As(err, &none) {
		return nil, nil
	}
	if err == nil && a.count.Add(1) <= maxRemembered {
		a.known.Store(sum, data)
	}
	return data, err
}

// Object reads one object.
func (a *Archive) Object(sum [32]byte) ([]byte, error) { return archive.Read(a.dir, sum) }

// Record reads the decision record of an entry. It is the one that was written:
// its digest is in the entry.
func (a *Archive) Record(e *record.Entry) (*record.DecisionRecord, error) {
	data, err := archive.Read(a.dir, e.Record)
	if err != nil {
		return nil, err
	}
	record, err := record.ParseDecisionRecord(data)
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(record.Request) != e.RequestSHA256 {
		return nil, errors.New("its decision record is about another request")
	}
	return record, nil
}

// Recall finds what is left of a request, every part by its digest.
func (a *Archive) Recall(e *record.Entry, documents *Documents) (*Recalled, error) {
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
	r := &Recalled{record, summary, summary.Request()}
	for i, d := range summary.Documents {
		doc := &r.Request.Documents[i]
		if doc.Body = documents.Get(d.SHA256); d.SHA256 == sha256.Sum256(nil) {
			doc.Body = []byte{} // everybody has that one
		}
		if len(record.Attestations[i]) != len(d.Attestations) {
			return nil, errors.New("its decision record does not fit its request")
		}
		for j, sum := range record.Attestations[i] {
			raw, err := a.attestation(sum)
			if err != nil {
				return nil, err
			}
			if raw != nil && verifier.AttestationDigest(raw) != d.Attestations[j] {
				return nil, fmt.Errorf("attestation %d of document %d is not the one that was asked with", j, i)
			}
			doc.Attestations = append(doc.Attestations, raw)
		}
	}
	if summary.Effective != nil {
		r.Request.Effective = effective(documents, r.Request, *summary.Effective)
	}
	return r, nil
}
