// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package recorded reads back what a driver was asked: the requests in its
// journal and archive, with the bodies, which it never keeps, from an export of
// the gateway. A driver at work in the folder is not disturbed.
package recorded

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Question is one request as it was last asked and recorded.
type Question struct {
	Seq   uint64 // of the journal entry
	Entry *record.Entry
	// Request is whole, and Lost empty; or Lost says in one sentence what of the
	// request cannot be found.
	Request *verifier.Request
	Lost    string
	// Unarchived counts the attestations that were offered and are not in the
	// archive, because they did not count then.
	Unarchived int
}

// State is what a driver remembers.
type State struct {
	// Questions are in the order of their last entry; equal requests are one.
	Questions []Question
	// Floors are the driver's own after the last entry.
	Floors verifier.MapFloors
	// Suppressed counts refusals that the journal holds as a number only.
	Suppressed uint64
}

// Read reads the state folder of a driver. Questions asked last before since are
// left out; their floors are not. A damaged journal is an error, a damaged or
// missing record makes its question Lost.
func Read(dir string, documents *Documents, since time.Time) (*State, error) {
	r := &reader{archive: filepath.Join(dir, "archive"), documents: documents, state: &State{}}
	state := record.NewState(r.object)
	latest := map[record.Digest]record.Stored{}
	for e, err := range record.Read(disk.OS{}, filepath.Join(dir, "audit"), 0) {
		var torn *record.TornError
		if errors.As(err, &torn) {
			break // an entry that is being written
		}
		if err != nil {
			return nil, err
		}
		if _, err := state.Apply(&e); err != nil {
			return nil, err
		}
		if e.Suppressed != nil {
			r.state.Suppressed += e.Suppressed.Count
		}
		if e.Decision == nil {
			continue
		}
		e.Raw = nil
		latest[e.Decision.RequestSHA256] = e
	}
	r.state.Floors = state.MapFloors()
	for _, e := range latest {
		if !e.Decision.Time.Before(since) {
			r.state.Questions = append(r.state.Questions, Question{Seq: e.Seq, Entry: e.Decision})
		}
	}
	slices.SortFunc(r.state.Questions, func(a, b Question) int { return cmp.Compare(a.Seq, b.Seq) })
	for i := range r.state.Questions {
		r.restore(&r.state.Questions[i])
	}
	return r.state, nil
}

type reader struct {
	archive   string
	documents *Documents
	state     *State
}

func (r *reader) object(sum [32]byte) ([]byte, error) { return archive.Read(r.archive, sum) }

func (r *reader) record(e *record.Entry) (*record.DecisionRecord, error) {
	data, err := archive.Read(r.archive, e.Record)
	if err != nil {
		return nil, err
	}
	return record.ParseDecisionRecord(data)
}

// restore finds the bytes of a question.
func (r *reader) restore(q *Question) {
	req, unarchived, err := r.request(q.Entry)
	if err != nil {
		q.Lost = err.Error()
		return
	}
	q.Request, q.Unarchived = req, unarchived
}

// request puts a recorded request together again. It is the one that was asked:
// every part has the digest that the journal has for it.
func (r *reader) request(e *record.Entry) (req *verifier.Request, unarchived int, err error) {
	record, err := r.record(e)
	if err != nil {
		return nil, 0, err
	}
	if sha256.Sum256(record.Request) != e.RequestSHA256 {
		return nil, 0, errors.New("its decision record is about another request")
	}
	summary, err := verifier.ParseRequestJSON(record.Request)
	if err != nil {
		return nil, 0, err
	}
	if len(record.Attestations) != len(summary.Documents) {
		return nil, 0, errors.New("its decision record does not fit its request")
	}
	req = summary.Request()
	for i, d := range summary.Documents {
		doc := &req.Documents[i]
		if doc.Body = r.documents.Get(d.SHA256); doc.Body == nil {
			return nil, 0, fmt.Errorf("the body of its %s, sha256:%x, is not among the exported documents", d.Role, d.SHA256)
		}
		n, err := r.attestations(doc, record.Attestations[i])
		if err != nil {
			return nil, 0, err
		}
		unarchived += n
	}
	if summary.Effective != nil {
		if req.Effective = effective(r.documents, req, *summary.Effective); req.Effective == nil {
			return nil, 0, fmt.Errorf("its effective policy, sha256:%x, is neither exported nor what its documents compose to", *summary.Effective)
		}
	}
	if unarchived == 0 && verifier.RequestSHA256(req) != e.RequestSHA256 {
		return nil, 0, errors.New("what was found is not what was asked")
	}
	return req, unarchived, verifier.CheckRequest(req)
}

// attestations reads what was offered with a document, and counts what the
// archive does not have.
func (r *reader) attestations(doc *verifier.Document, sums []record.Digest) (missing int, err error) {
	for _, sum := range sums {
		raw, err := archive.Read(r.archive, sum)
		var none *archive.MissingError
		switch {
		case errors.As(err, &none):
			missing++
		case err != nil:
			return 0, err
		default:
			doc.Attestations = append(doc.Attestations, raw)
		}
	}
	return missing, nil
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
