// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package tilelog keeps the journal's entries as a transparency log in tiles
// (c2sp.org/tlog-tiles), so that an auditor can hold a driver to what it said, and
// reads the log's checkpoints.
//
// The journal is the record: it gives each entry its index, and answers wait for
// it alone. One goroutine follows it and feeds the log, which may be late or stop
// without stopping anybody; that is loud. The log is a function of the journal:
// whatever a crash leaves of it, feeding the same entries again makes the same
// files. The folder is
//
//	checkpoint        how many entries, and the root hash over them, signed
//	tile/L/NNN        the Merkle tree, 256 nodes a tile
//	tile/entries/NNN  the entries, 256 a bundle
//	.state/           what the writer remembers; nobody needs it to read
//
// and any web server can publish it. A leaf is an entry's exact bytes, and its
// index is the sequence number inside.
//
// No checkpoint is signed blindly: every entry that it is the first to cover is
// read back from its bundle and compared with the journal, and the root is made
// again from what was read.
package tilelog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/transparency-dev/tessera"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

const (
	// DefaultInterval is the least time between two checkpoints.
	DefaultInterval = 500 * time.Millisecond
	// MinInterval is what the log's writer takes at most.
	MinInterval = 100 * time.Millisecond
	// poll is how often somebody looks for new entries and checkpoints.
	poll = 100 * time.Millisecond
	// batch is how many entries are put into tiles at once.
	batch = 1024
	// batchAge is how long the writer waits for more of them.
	batchAge = 20 * time.Millisecond
	// maxLag is how long an entry may wait for a checkpoint before that is trouble.
	maxLag = 30 * time.Second
	// closing bounds how long Close waits for a last checkpoint.
	closing = 1500 * time.Millisecond
)

// An entry has to fit what the log takes.
const _ = uint(tessera.DefaultEntrySizeLimit - record.MaxEntry)

// Options of a log.
type Options struct {
	// Key signs the checkpoints. Required.
	Key *Key
	// Witnesses have to sign each checkpoint too. Optional.
	Witnesses *Witnesses
	// Interval is the least time between two checkpoints. Default DefaultInterval.
	Interval time.Duration
	Logger   hclog.Logger // Required.
}

// Journal is the record as a log follows it.
type Journal interface {
	Head() record.Head
	Follow(from uint64) (*record.Cursor, error)
}

// Error says that the log and the journal do not belong together, or that
// somebody changed the log's files.
type Error struct {
	Finding string // one of journal's findings
	File    string // in the log's folder, or "" for no one file
	Entry   int64  // the log index, -1 for none
	Detail  string
}

func (e *Error) Error() string {
	at := e.File
	if at != "" {
		at = "tile log file " + at + ": "
	}
	if e.Entry >= 0 {
		at += fmt.Sprintf("entry %d: ", e.Entry)
	}
	return fmt.Sprintf("%s: %s%s; keep the folder as evidence, and find out which copy is right before the driver serves again", e.Finding, at, e.Detail)
}

// Status is how a log stands.
type Status struct {
	// Entries are in tiles; Covered of them by the checkpoint.
	Entries, Covered uint64
	// Since is when the oldest entry that no checkpoint covers was first seen;
	// zero when all are covered.
	Since time.Time
	// Err is why the log stands still, nil while it works.
	Err error
	// Stopped tells that it will not go on by itself.
	Stopped bool
}

// Well reports whether the log keeps up.
func (s Status) Well(now time.Time) bool {
	return s.Err == nil && (s.Since.IsZero() || now.Sub(s.Since) < maxLag)
}

// Log is a tile log that follows a journal. It is safe for concurrent use.
type Log struct {
	dir     string
	journal Journal
	opts    Options
	lock    io.Closer
	witness *gate // nil: no witnesses

	entries atomic.Uint64 // in tiles
	covered atomic.Uint64 // by the checkpoint

	mu     sync.Mutex // guards what follows
	status Status
	waits  uint64 // how much a checkpoint has to cover for Status.Since to move on

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Open opens the log in dir, creating it when there is none, and begins to follow
// the journal. A log in use is a *disk.LockedError. One that is not this journal's
// or that was changed is an *Error: nothing was written.
func Open(dir string, j Journal, o Options) (*Log, error) {
	if o.Key == nil || o.Logger == nil {
		return nil, errors.New("tilelog: a key and a logger are required")
	}
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.Interval < MinInterval {
		return nil, fmt.Errorf("tilelog: checkpoints cannot be made every %v: %v is the least", o.Interval, MinInterval)
	}
	l := &Log{dir: dir, journal: j, opts: o}
	for _, d := range []string{dir, filepath.Join(dir, stateDir)} {
		if err := (disk.OS{}).MakeDir(d, 0o700); err != nil {
			return nil, err
		}
	}
	// The writer's own lock would wait, not refuse.
	lock, err := (disk.OS{}).Lock(filepath.Join(dir, stateDir, "driver.lock"))
	if err != nil {
		return nil, err
	}
	l.lock = lock
	if err := l.begin(); err != nil {
		lock.Close()
		return nil, err
	}
	return l, nil
}

// begin looks at what is there and starts the goroutines.
func (l *Log) begin() error {
	g, err := l.examine()
	if err != nil {
		return err
	}
	l.covered.Store(g.size)
	if l.opts.Witnesses != nil {
		if l.witness, err = newGate(l); err != nil {
			return err
		}
	}
	quiet()
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.done.Go(func() { l.run(ctx) })
	l.done.Go(func() { l.watch(ctx) })
	return nil
}

// Close puts what is durable into tiles, waits a little for its checkpoint, and
// releases the folder. What is left over comes first at the next start.
func (l *Log) Close() error {
	l.cancel()
	l.done.Wait()
	return l.lock.Close()
}

// Status returns how the log stands.
func (l *Log) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Entries, s.Covered = l.entries.Load(), l.covered.Load()
	return s
}

// Well reports whether the log keeps up with the journal.
func (l *Log) Well() bool { return l.Status().Well(time.Now()) }

// MayAllow returns a *WitnessError while witnesses are required and the log does
// not have their word.
func (l *Log) MayAllow() error {
	if l.witness == nil || !l.opts.Witnesses.Required {
		return nil
	}
	return l.witness.err(time.Now())
}

// say notes why the log stands still, nil when it goes on, and tells so once.
func (l *Log) say(err error, stopped bool) {
	l.mu.Lock()
	before := l.status.Err
	l.status.Err, l.status.Stopped = err, stopped
	l.mu.Unlock()
	switch {
	case err != nil && (before == nil || before.Error() != err.Error()):
		l.opts.Logger.Error("the transparency log stands still; decisions go on, the journal is their record", "error", hclog.Quote(err.Error()), "stopped", stopped)
	case err == nil && before != nil:
		l.opts.Logger.Info("the transparency log goes on")
	}
}
