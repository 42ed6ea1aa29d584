// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Options of a journal. The zero value of each is its default.
type Options struct {
	// Archive takes decision records and attestations before the entry that
	// names them. Required.
	Archive Archive
	// FS is the file system; the real one by default.
	FS disk.FS
	// SegmentSize is when a new segment is begun, in bytes. Default 64 MiB.
	SegmentSize int64
	// Reserve is the free disk space, in bytes, below which a DENY gets no
	// entry, so that there is room for ALLOWs. Default 64 MiB.
	Reserve uint64
	// DenyBudget is how many DENY entries one peer may cause about one target
	// in a minute. Default 30.
	DenyBudget int
	// Now is the clock that minutes are counted by; time.Now by default.
	Now func() time.Time
}

// Archive stores bytes durably and returns their sha256.
type Archive interface {
	Put(data []byte) ([32]byte, error)
}

// Head is the end of a journal: how many entries it has had, and the sha256 of
// the last one.
type Head struct {
	Size uint64
	Sum  Digest
}

// Journal is an open journal: the only writer of its folder. It is safe for
// concurrent use.
type Journal struct {
	dir    string
	opts   Options
	lock   io.Closer
	cut    *TornError
	budget budget

	head   atomic.Pointer[Head]
	failed atomic.Pointer[error]

	mu      sync.Mutex // guards what follows
	pending []*waiting
	closed  bool
	wake    chan struct{}
	done    chan struct{}

	// Only the committer touches these.
	file disk.File
	size int64 // of the segment
}

// waiting is an entry on its way to the disk.
type waiting struct {
	member string // one of the members below
	body   []byte
	done   chan struct{}
	seq    uint64
	sum    Digest
	err    error
}

// The members that an entry's kind is known by.
const (
	memberDecision   = "decision"
	memberServed     = "served"
	memberSuppressed = "suppressed"
)

// ErrClosed is returned by a journal after Close.
var ErrClosed = errors.New("the journal is closed")

// WriteError says that the journal could not be written. It stays: every later
// append gets the same error.
type WriteError struct{ Err error }

func (e *WriteError) Error() string {
	return fmt.Sprintf("the audit journal could not be written: %v; mend the disk and restart the driver", e.Err)
}

func (e *WriteError) Unwrap() error { return e.Err }

// FullError says that the disk has no room for an entry. Nothing was written,
// and the next append may succeed.
type FullError struct {
	Dir        string
	Free, Need uint64 // bytes
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%q has %d bytes free and needs %d for this entry: free some space", e.Dir, e.Free, e.Need)
}

// SuppressedError says that a DENY is beyond the budget of its peer and target.
// It was counted, and an entry after the end of the minute will say how many were.
type SuppressedError struct {
	Peer   Peer
	Target Target
}

func (e *SuppressedError) Error() string {
	return fmt.Sprintf("too many denials of peer uid %d for sandbox %q this minute: counted, not recorded one by one", e.Peer.UID, clip(e.Target.Name))
}

// minFree is the free space that an ALLOW needs: its record, its attestations
// and a segment's metadata.
const minFree = 1 << 20

// Open opens the journal in dir, creating the folder when there is none, and
// cuts off a torn tail (see Cut). A journal in use is a *disk.LockedError, a
// damaged one a *CorruptError.
func Open(dir string, opts Options) (*Journal, error) {
	if opts.Archive == nil {
		return nil, errors.New("journal: an archive is required")
	}
	j := &Journal{dir: dir, opts: opts.withDefaults(), wake: make(chan struct{}, 1), done: make(chan struct{})}
	if err := j.opts.FS.MakeDir(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := j.opts.FS.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	j.lock = lock
	if err := j.recover(); err != nil {
		lock.Close()
		return nil, err
	}
	j.budget = budget{limit: j.opts.DenyBudget}
	go j.run()
	return j, nil
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = disk.OS{}
	}
	if o.SegmentSize <= 0 {
		o.SegmentSize = 64 << 20
	}
	if o.Reserve == 0 {
		o.Reserve = 64 << 20
	}
	if o.DenyBudget <= 0 {
		o.DenyBudget = 30
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Head returns the end of what is durable.
func (j *Journal) Head() Head { return *j.head.Load() }

// Cut tells what Open cut off; nil for nothing.
func (j *Journal) Cut() *TornError { return j.cut }

// Err returns the *WriteError that stopped the journal, nil while it works.
func (j *Journal) Err() error {
	if p := j.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Append makes one decision durable and returns its place: first the full
// decision record and the evidence (attestations that counted) in the archive,
// then the entry, whose Record it sets. Without an error all of it outlives a
// loss of power.
//
// A DENY may be refused with a *SuppressedError or a *FullError: the refusal
// may go out, without a receipt. After any error an ALLOW must not go out. An
// entry whose context ends may still be recorded, then whole.
func (j *Journal) Append(ctx context.Context, e Entry, record []byte, evidence ...[]byte) (uint64, [32]byte, error) {
	if err := first(ctx.Err(), j.Err(), e.check()); err != nil {
		return 0, Digest{}, err
	}
	if err := j.admit(&e); err != nil {
		return 0, Digest{}, err
	}
	for _, data := range evidence {
		if _, err := j.opts.Archive.Put(data); err != nil {
			return 0, Digest{}, fmt.Errorf("archiving an attestation: %w", err)
		}
	}
	sum, err := j.opts.Archive.Put(record)
	if err != nil {
		return 0, Digest{}, fmt.Errorf("archiving the decision record: %w", err)
	}
	e.Record = sum
	body, err := e.body()
	if err != nil {
		return 0, Digest{}, err
	}
	return j.submit(ctx, memberDecision, body)
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// admit keeps refusals from filling the disk, before anything is written.
func (j *Journal) admit(e *Entry) error {
	need := uint64(minFree)
	if e.Verdict != verifier.Allow.String() {
		need = j.opts.Reserve
		if !j.budget.spend(e.Peer, e.Target, j.opts.Now()) {
			return &SuppressedError{Peer: e.Peer, Target: e.Target}
		}
	}
	return j.room(need)
}

// Room reports whether the entry of an ALLOW finds room on the disk: a *FullError
// where it does not, or why nothing is appended any more.
func (j *Journal) Room() error {
	if err := j.Err(); err != nil {
		return err
	}
	return j.room(minFree)
}

func (j *Journal) room(need uint64) error {
	free, err := j.opts.FS.Free(j.dir)
	if err != nil {
		return err
	}
	if free < need {
		return &FullError{Dir: j.dir, Free: free, Need: need}
	}
	return nil
}

// submit hands a body to the committer and waits for it to be durable.
func (j *Journal) submit(ctx context.Context, member string, body []byte) (uint64, [32]byte, error) {
	w := &waiting{member: member, body: body, done: make(chan struct{})}
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return 0, Digest{}, ErrClosed
	}
	j.pending = append(j.pending, w)
	j.mu.Unlock()
	j.nudge()
	select {
	case <-w.done:
	case <-ctx.Done():
		j.withdraw(w)
		return 0, Digest{}, ctx.Err()
	}
	return w.seq, w.sum, w.err
}

// withdraw takes back an entry that the committer has not taken yet.
func (j *Journal) withdraw(w *waiting) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, p := range j.pending {
		if p == w {
			j.pending = append(j.pending[:i], j.pending[i+1:]...)
			return
		}
	}
}

func (j *Journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default: // it is awake already, and takes all that is pending
	}
}

// Close makes what is pending durable and releases the folder.
func (j *Journal) Close() error {
	j.mu.Lock()
	already := j.closed
	j.closed = true
	j.mu.Unlock()
	if already {
		return ErrClosed
	}
	j.nudge()
	<-j.done
	return errors.Join(j.Err(), j.file.Close(), j.lock.Close())
}

// segmentName is the file of the segment that begins with entry seq.
func segmentName(dir string, seq uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d.seg", seq))
}

// begin opens a new segment for entry seq and makes its name durable.
func (j *Journal) begin(seq uint64) error {
	f, err := j.opts.FS.Open(segmentName(j.dir, seq), os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := j.opts.FS.SyncDir(j.dir); err != nil {
		f.Close()
		return err
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size = f, 0
	return nil
}
