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

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Question is one request as it was last asked and recorded.
type Question struct {
	Seq   uint64 // of the journal entry
	Entry *journal.Entry
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
	r := &reader{archive: filepath.Join(dir, "archive"), documents: documents, state: &State{
		Floors: verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: map[verifier.SandboxKey]verifier.Place{}},
	}}
	latest := map[journal.Digest]journal.Stored{}
	for e, err := range journal.Read(disk.OS{}, filepath.Join(dir, "audit"), 0) {
		var torn *journal.TornError
		if errors.As(err, &torn) {
			break // an entry that is being written
		}
		if err != nil {
			return nil, err
		}
		if e.Suppressed != nil {
			r.state.Suppressed += e.Suppressed.Count
		}
		if e.Decision == nil {
			continue
		}
		if err := r.raise(&e); err != nil {
			return nil, fmt.Errorf("journal entry %d: %w", e.Seq, err)
		}
		e.Raw = nil
		latest[e.Decision.RequestSHA256] = e
	}
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

// raise follows the floors and places. The last floor counts, not the highest: a
// signed reset lowers one, and shows when the next version is raised above it.
func (r *reader) raise(e *journal.Stored) error {
	d := e.Decision
	sandbox := verifier.SandboxKey{GatewayID: d.Target.GatewayID, SandboxID: d.Target.SandboxID}
	if _, known := r.state.Floors.Places[sandbox]; d.Bound && !known {
		r.state.Floors.Places[sandbox] = verifier.Place{Workspace: d.Target.Workspace, Name: d.Target.Name}
	}
	if slices.Contains(d.Elided, journal.ElidedRaised) {
		record, err := r.record(d)
		if err != nil {
			return err
		}
		for _, raise := range record.Decision.Raises {
			r.state.Floors.Versions[raise.Key] = raise.Floor
		}
		return nil
	}
	for _, f := range d.Raised {
		role, ok := verifier.RoleByName(f.Role)
		if !ok {
			return fmt.Errorf("%.40q is no role", f.Role)
		}
		key := verifier.FloorKey{GatewayID: d.Target.GatewayID, Role: role, Workspace: f.Workspace, Name: f.Name}
		r.state.Floors.Versions[key] = verifier.Floor{Version: f.After.Version, SHA256: f.After.SHA256}
	}
	return nil
}

func (r *reader) record(e *journal.Entry) (*journal.Record, error) {
	data, err := archive.Read(r.archive, e.Record)
	if err != nil {
		return nil, err
	}
	return journal.ParseRecord(data)
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
func (r *reader) request(e *journal.Entry) (req *verifier.Request, unarchived int, err error) {
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
func (r *reader) attestations(doc *verifier.Document, sums []journal.Digest) (missing int, err error) {
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
