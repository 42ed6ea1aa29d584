// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
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
	// in a minute, and 64 times as many about all of them. Default 30.
	DenyBudget int
	// Now is the clock that minutes are counted by; time.Now by default.
	Now func() time.Time
	// Rebuild reads the state from the journal's first entry, on the operator's
	// word, whatever else the folder remembers.
	Rebuild bool
}

// Archive keeps bytes durably by their sha256.
type Archive interface {
	Has(sum [32]byte) bool
	Put(data []byte) ([32]byte, error)
	Get(sum [32]byte) ([]byte, error)
}

// Head is the end of a journal: how many entries it has had, and the sha256 of
// the last one.
type Head struct {
	Size uint64
	Sum  Digest
}

// Journal is the open segments: the only writer of their folder. It knows the
// order of entries and nothing of what they add up to; Store does. It is safe
// for concurrent use.
type Journal struct {
	dir    string
	opts   Options
	lock   io.Closer
	cut    *TornError
	budget budget

	head   atomic.Pointer[Head]
	failed atomic.Pointer[error]
	// segment is the open one, up to where it is durable.
	segment atomic.Pointer[openSegment]

	mu      sync.Mutex // guards what follows
	pending []*waiting
	closed  bool
	wake    chan struct{}
	done    chan struct{}

	// taking is called under mu when the committer takes what is pending, and
	// reports whether taken shall hear of the head once that is durable.
	taking func() bool
	taken  func(Head)
	// fresh has the next entry begin a segment.
	fresh atomic.Bool

	// Only the committer touches these.
	file disk.File
	size int64 // of the segment
}

// waiting is an entry on its way to the disk.
type waiting struct {
	kind kind
	body []byte
	done chan struct{}
	seq  uint64
	sum  Digest
	err  error
}

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

// SuppressedError says that a DENY is beyond the budget of its peer, or of its peer
// and target.
// It was counted, and an entry after the end of the minute will say how many were.
type SuppressedError struct {
	Peer   Peer
	Target Target
}

func (e *SuppressedError) Error() string {
	return fmt.Sprintf("too many denials of peer uid %d this minute, the last for sandbox %q: counted, not recorded one by one", e.Peer.UID, clip(e.Target.Name))
}

// minFree is the free space that an ALLOW needs: its record, its attestations
// and a segment's metadata.
const minFree = 1 << 20

// openJournal opens the segments in dir, creating the folder when there is none,
// and cuts off a torn tail (see Cut). A journal in use is a *disk.LockedError, a
// damaged one a *CorruptError. The committer starts with run.
func openJournal(dir string, opts Options) (*Journal, error) {
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

// submit hands an entry to the committer and waits for it to be durable. make
// returns its body; it runs alone, and entries become durable in the order in
// which their bodies were made, or not at all: after a failed write nothing that
// came later becomes durable either.
func (j *Journal) submit(k kind, make func() ([]byte, error)) (uint64, Digest, error) {
	w, err := j.enqueue(k, make)
	if err != nil {
		return 0, Digest{}, err
	}
	j.nudge()
	<-w.done
	return w.seq, w.sum, w.err
}

func (j *Journal) enqueue(k kind, make func() ([]byte, error)) (*waiting, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, ErrClosed
	}
	if err := j.Err(); err != nil {
		return nil, err
	}
	body, err := make()
	if err != nil {
		return nil, err
	}
	w := newWaiting(k, body)
	j.pending = append(j.pending, w)
	return w, nil
}

func newWaiting(k kind, body []byte) *waiting {
	return &waiting{kind: k, body: body, done: make(chan struct{})}
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
	return errors.Join(j.Err(), j.release())
}

func (j *Journal) release() error { return errors.Join(j.file.Close(), j.lock.Close()) }

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
	open, err := f.Stat()
	if err := errors.Join(err, j.opts.FS.SyncDir(j.dir)); err != nil {
		f.Close()
		return err
	}
	old := j.file
	j.file, j.size = f, 0
	j.segment.Store(&openSegment{segmentName(j.dir, seq), open, 0})
	if old != nil {
		old.Close() // after it: whoever looked at it meanwhile looks again
	}
	return nil
}
