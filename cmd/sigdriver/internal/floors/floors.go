// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package floors is the driver's durable memory of what it has allowed: the
// floor of each subject, the digest bound to it, and the place of each sandbox.
//
// Decisions read an immutable Snapshot and never touch the disk. Apply makes
// what a decision raises durable, if everything the decision saw still stands:
//
//	floors := store.Snapshot()
//	d := verifier.Verify(req, trust, floors, now)
//	err := store.Apply(&d) // before the ALLOW leaves; *ConflictError: decide again
//
// A floor only rises. The one way down is ResetOnce, for a signed reset.
//
// The rows live in a bbolt file. Each value carries a seal, because bbolt does
// not check rows. A commit that fails is never retried: what is on the disk is
// then unknown, and the store refuses every change until the driver starts again.
package floors

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Store is the durable memory. It is safe for concurrent use.
type Store struct {
	path   string
	fs     disk.FS
	lock   io.Closer
	db     *bolt.DB
	snap   atomic.Pointer[Snapshot]
	high   atomic.Int64 // clock high-water mark, nanoseconds since 1970
	failed atomic.Pointer[error]

	mu      sync.Mutex // guards what follows
	pending []*operation
	closed  bool
	wake    chan struct{}
	done    chan struct{}

	// Only the committer touches these, once Open is done.
	resets map[string]uint64
	saved  saved
	head   func() journal.Head // nil until Check
}

// saved is the part of the memory that is no floor, as last written.
type saved struct {
	revision uint64
	total    total
	high     int64
	head     journal.Head // of the journal, when last written
	joined   bool         // Check has once accepted this file beside a journal
}

// saveEvery is how often the clock high-water mark and the journal's head are
// written when nothing else is.
const saveEvery = time.Minute

// ErrClosed is returned by a store after Close.
var ErrClosed = errors.New("the floors are closed")

// ConflictError says that something a decision saw no longer stands, so that it
// has to be made again. Exactly one field is set.
type ConflictError struct {
	Floor   *verifier.FloorKey
	Sandbox *verifier.SandboxKey
}

func (e *ConflictError) Error() string {
	if e.Floor != nil {
		return fmt.Sprintf("the floor of %s %q/%q changed meanwhile: decide again", e.Floor.Role, e.Floor.Workspace, e.Floor.Name)
	}
	return fmt.Sprintf("sandbox %q was bound meanwhile: decide again", e.Sandbox.SandboxID)
}

// CommitError says that a change did not become durable. It stays: every later
// change gets the same error.
type CommitError struct{ Err error }

func (e *CommitError) Error() string {
	return fmt.Sprintf("floors.db could not be written: %v; mend the disk and restart the driver", e.Err)
}

func (e *CommitError) Unwrap() error { return e.Err }

// Snapshot returns the state as of now.
func (s *Store) Snapshot() *Snapshot { return s.snap.Load() }

// Holds is Snapshot().Holds: the check of the verdict cache.
func (s *Store) Holds(consulted []verifier.Raise, sandbox verifier.SandboxKey, place *verifier.Binding) bool {
	return s.snap.Load().Holds(consulted, sandbox, place)
}

// Err returns the *CommitError that stopped the store, nil while it works.
func (s *Store) Err() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Apply makes the raises and the binding of an allowed decision durable. It
// changes nothing and returns a *ConflictError unless everything that the
// decision saw still stands. A decision without raises and binding is only
// checked. A *CommitError means that the ALLOW must not leave.
func (s *Store) Apply(d *verifier.Decision) error {
	if err := s.Err(); err != nil {
		return err
	}
	if len(d.Raises) == 0 && d.Binding == nil {
		return s.snap.Load().stands(d)
	}
	if err := checkRaises(d); err != nil {
		return err
	}
	return s.submit(func(dr *draft) error { return dr.apply(d) })
}

// checkRaises refuses what no allowed decision contains.
func checkRaises(d *verifier.Decision) error {
	if d.Verdict != verifier.Allow {
		return fmt.Errorf("floors: a %s decision raises nothing", d.Verdict)
	}
	for _, r := range d.Raises {
		if r.Floor.Version == 0 || r.Floor.SHA256 == ([32]byte{}) {
			return fmt.Errorf("floors: a raise of %q without version or digest", r.Key.Name)
		}
	}
	return nil
}

// ResetOnce carries out a signed reset: every floor that matches and is above
// version becomes version, bound to no digest. An id is carried out once, and
// false says that it was before. SPEC: R8, the only way down.
func (s *Store) ResetOnce(id string, matches func(verifier.FloorKey) bool, version uint64) (bool, error) {
	if id == "" || version == 0 {
		return false, errors.New("floors: a reset needs an id and a version")
	}
	first := false
	err := s.submit(func(dr *draft) error {
		if _, ok := s.resets[id]; ok {
			return nil
		}
		first = true
		s.resets[id] = version
		dr.reset(id, matches, version)
		return nil
	})
	return first && err == nil, err
}

// SetHighWater notes that the clock has shown t. The mark never falls; it is
// written with the next change, or within a minute.
func (s *Store) SetHighWater(t time.Time) {
	n := t.UnixNano()
	for {
		old := s.high.Load()
		if n <= old || s.high.CompareAndSwap(old, n) {
			return
		}
	}
}

// HighWater returns the latest time the clock has ever shown, to the minute
// across a crash; the zero Time for none.
func (s *Store) HighWater() time.Time {
	n := s.high.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// stands reports whether everything that a decision saw is still so.
func (s *Snapshot) stands(d *verifier.Decision) error {
	for i, c := range d.Consulted {
		if s.Floor(c.Key) != c.Floor {
			return &ConflictError{Floor: &d.Consulted[i].Key}
		}
	}
	if d.Place != nil {
		if p, ok := s.Place(d.Place.Key); !ok || p != d.Place.Place {
			return &ConflictError{Sandbox: &d.Place.Key}
		}
	}
	return nil
}

// apply checks the whole decision before it changes anything.
func (d *draft) apply(dec *verifier.Decision) error {
	if err := d.stands(dec); err != nil {
		return err
	}
	for i, r := range dec.Raises {
		if !rises(d.Floor(r.Key), r.Floor) {
			return &ConflictError{Floor: &dec.Raises[i].Key}
		}
	}
	if b := dec.Binding; b != nil {
		if p, ok := d.Place(b.Key); ok && p != b.Place {
			return &ConflictError{Sandbox: &b.Key}
		} else if !ok {
			d.setPlace(b.Key, b.Place)
		}
	}
	for _, r := range dec.Raises {
		if d.Floor(r.Key) != r.Floor {
			d.setFloor(r.Key, r.Floor)
		}
	}
	return nil
}

// rises reports whether a floor may become to: a higher version, or the same one
// with the same digest, or with a first one after a reset.
func rises(from, to verifier.Floor) bool {
	if to.Version != from.Version {
		return to.Version > from.Version
	}
	return to.SHA256 == from.SHA256 || from.SHA256 == ([32]byte{})
}

func (d *draft) reset(id string, matches func(verifier.FloorKey) bool, version uint64) {
	d.put(resetRow(id, version))
	for i := range d.floors {
		for k, f := range d.floors[i] {
			if f.Version > version && matches(k) {
				d.setFloor(k, verifier.Floor{Version: version})
			}
		}
	}
}
