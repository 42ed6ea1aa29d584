// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Request is one request as it was last asked and recorded.
type Request struct {
	Seq   uint64 // of the journal entry
	Entry *record.Entry
	// Asked is the whole request, and Lost empty; or Lost says in one sentence what
	// of it cannot be found.
	Asked *verifier.Request
	Lost  string
	// Unarchived counts the attestations that were offered and are not in the
	// archive, because they did not count then.
	Unarchived int
}

// Requests is what a driver was asked, and what it remembers of it.
type Requests struct {
	// List is in the order of their last entry; equal requests are one.
	List []Request
	// Floors are the driver's own after the last entry.
	Floors verifier.MapFloors
	// Suppressed counts refusals that the journal holds as a number only.
	Suppressed uint64
}

// ReadRequests reads the state folder of a driver. Requests asked last before since
// are left out; their floors are not. A damaged journal is an error, a damaged or
// missing record makes its request Lost.
func ReadRequests(dir string, documents *Documents, since time.Time) (*Requests, error) {
	archive, out := OpenArchive(dir), &Requests{}
	state := record.NewState(archive.Object)
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
			out.Suppressed += e.Suppressed.Count
		}
		if e.Decision == nil {
			continue
		}
		e.Raw = nil
		latest[e.Decision.RequestSHA256] = e
	}
	if err := archive.Settle(); err != nil {
		return nil, err
	}
	out.Floors = state.MapFloors()
	for _, e := range latest {
		if !e.Decision.Time.Before(since) {
			out.List = append(out.List, Request{Seq: e.Seq, Entry: e.Decision})
		}
	}
	slices.SortFunc(out.List, func(a, b Request) int { return cmp.Compare(a.Seq, b.Seq) })
	for i := range out.List {
		q := &out.List[i]
		whole, err := archive.Reconstruct(q.Entry, documents)
		if err == nil {
			q.Asked, q.Unarchived, err = whole.Complete()
		}
		if err != nil {
			q.Asked, q.Unarchived, q.Lost = nil, 0, err.Error()
		}
	}
	return out, nil
}
