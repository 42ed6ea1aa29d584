// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

const (
	// keepEvery is how often it is looked whether there is anything to keep.
	keepEvery = 5 * time.Second
	// markAfter is how far the clock may be ahead of the last decision before it
	// gets an entry of its own, and markAtClose likewise when the driver stops.
	markAfter   = 10 * time.Minute
	markAtClose = time.Minute
	// A snapshot is due when the state changed in as many rows as these, or the
	// journal grew by as many entries; more where the last snapshot is large, but never
	// more than snapshotMost: what changed is in memory until then.
	snapshotRows    = 4096
	snapshotEntries = 1024
	snapshotMost    = 1 << 15
)

// keeper is what keeps the next start short: the snapshot and the memory of the
// journal's head. None of it is needed for the state to be right.
type keeper struct {
	once sync.Once
	stop chan struct{}
	done chan struct{}

	writing sync.Mutex // one snapshot at a time
	under   *freeze
	due     bool // a snapshot shall be begun; guarded by Journal.mu
	memo    Head // as last written; only the keeper touches it
	// replacing is set while another snapshot than the open one may be in its place.
	replacing atomic.Bool
}

// freeze is the state at one entry, while its snapshot is written.
type freeze struct {
	layer  *layer
	header snapshotHeader
	head   chan Head
}

// halt stops the keeper, false when it was stopped before.
func (k *keeper) halt() bool {
	first := false
	k.once.Do(func() {
		first = true
		close(k.stop)
		<-k.done
	})
	return first
}

// keep looks after the files beside the journal until the store is closed. What
// fails is tried again; the journal has everything.
func (s *Store) keep() {
	defer close(s.keeper.done)
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.keeper.stop:
			return
		case <-tick.C:
		}
		s.begin()
		s.tryArchive()
		s.markClock(markAfter)
		s.writeHead()
		if s.snapshotDue() || s.snapshotGone() {
			s.Snapshot()
		}
	}
}

// snapshotGone reports whether the snapshot is not in its place any more, so that
// another one has to be made.
func (s *Store) snapshotGone() bool { return s.Journal.named() == nil && s.InPlace() != nil }

// markClock writes the clock's mark when decisions have not carried it for so long.
func (s *Store) markClock(after time.Duration) {
	high := s.HighWater()
	s.mu.RLock()
	behind := high.Sub(s.state.HighWater)
	s.mu.RUnlock()
	if behind >= after && s.spare() == nil {
		mark := &ClockMark{HighWater: high}
		s.note(kindClock, &Content{Clock: mark}, mark) // its error is the journal's, and stays there
	}
}

func (s *Store) snapshotDue() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var last snapshotHeader
	if s.base != nil {
		last = s.base.header
	}
	return snapshotDueAfter(uint64(s.state.top.size()), s.Head().Size-last.Size, last.Rows)
}

// snapshotDueAfter reports whether a snapshot is due when so many rows and entries came after
// one of last rows.
func snapshotDueAfter(rows, entries, last uint64) bool {
	return rows >= min(max(snapshotRows, last/8), snapshotMost) || entries >= min(max(snapshotEntries, last/32), snapshotMost)
}

// Snapshot writes a snapshot of the state as it is durable, and puts it under what
// changes from then on. Decisions go on meanwhile.
func (s *Store) Snapshot() error {
	s.keeper.writing.Lock()
	defer s.keeper.writing.Unlock()
	f := &freeze{head: make(chan Head, 1)}
	s.Journal.mu.Lock()
	s.keeper.under, s.keeper.due = f, true
	s.Journal.mu.Unlock()
	s.nudge()
	var head Head
	select {
	case head = <-f.head:
	case <-s.Journal.done:
		return ErrClosed
	}
	f.header.Size, f.header.Sum = head.Size, head.Sum
	s.keeper.replacing.Store(true)
	defer s.keeper.replacing.Store(false)
	return s.thaw(f, s.writeSnapshot(f.header, f.layer))
}

// freeze puts a new layer over the state, under the journal's lock: what is taken
// to the disk now is exactly what the layer below has.
func (s *Store) freeze() bool {
	if !s.keeper.due {
		return false
	}
	s.keeper.due = false
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.keeper.under
	f.layer, f.header = s.state.top, snapshotHeader{Revision: s.state.Revision, HighWater: s.state.HighWater, Memory: s.state.position()}
	s.state.top = newLayer(f.layer)
	return true
}

// frozen hears that all of what was frozen is durable.
func (s *Store) frozen(head Head) { s.keeper.under.head <- head }

func (s *Store) writeSnapshot(header snapshotHeader, l *layer) error {
	w := &snapshotWriter{header: header}
	w.header.Schema = snapshotSchema
	return disk.ReplaceBy(s.opts.FS, s.path(dirTemporary), s.path(fileSnapshot), 0o600, func(out io.Writer) error {
		w.out = out
		return w.write(merged(s.base, l))
	})
}

// thaw puts the snapshot that was written in the place of the frozen layer, or
// without one the two layers together again.
func (s *Store) thaw(f *freeze, err error) error {
	var fresh *snapshot
	if err == nil {
		fresh, err = openSnapshot(s.opts.FS, s.path(fileSnapshot))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.state.top = joined(f.layer, s.state.top)
		return err
	}
	old := s.base
	s.base, s.state.top.under = fresh, fresh
	if old != nil {
		old.file.Close()
	}
	return nil
}

// joined is one layer that says what two did, one over the other.
func joined(under, over *layer) *layer {
	for _, o := range over.orders {
		for k, f := range under.floors {
			if o.lowers(k, f) {
				f.Version, f.SHA256 = o.version, [32]byte{}
				under.floors[k] = f
			}
		}
	}
	under.orders = append(under.orders, over.orders...)
	for k, f := range over.floors {
		under.floors[k] = f
	}
	for k, p := range over.places {
		under.places[k] = p
	}
	for id, version := range over.resets {
		under.resets[id] = version
	}
	return under
}

// lastWords are written when the journal is closed already. After an error of the
// journal nothing is: what is on the disk is unknown.
func (s *Store) lastWords() error {
	if s.Err() != nil {
		return nil
	}
	if s.snapshotDue() {
		head := s.Head()
		header := snapshotHeader{Size: head.Size, Sum: head.Sum, Revision: s.state.Revision, HighWater: s.state.HighWater, Memory: s.state.position()}
		if err := s.writeSnapshot(header, s.state.top); err != nil {
			return err
		}
	}
	return s.writeHead()
}

// The memory of the journal's head: how many entries it had and the sha256 of the
// last, in one line that closes with the sha256 of the line before it. It shows
// when the journal is an old copy, and is never believed against it.

// maxHead bounds that file in bytes.
const maxHead = 256

func encodeHead(h Head) []byte {
	line := fmt.Sprintf("sigdriver.head/v1 %d %s", h.Size, h.Sum)
	return fmt.Appendf(nil, "%s %x\n", line, sha256.Sum256([]byte(line)))
}

// readHead reads what was remembered, the zero Head for nothing.
func readHead(fsys disk.FS, path string) (Head, error) {
	data, err := disk.Read(fsys, path, maxHead)
	if errors.Is(err, fs.ErrNotExist) {
		return Head{}, nil
	}
	if err != nil {
		return Head{}, err
	}
	var h Head
	var sum string
	if _, err := fmt.Sscanf(string(data), "sigdriver.head/v1 %d %64s", &h.Size, &sum); err == nil && h.Sum.UnmarshalText([]byte(sum)) == nil && string(encodeHead(h)) == string(data) {
		return h, nil
	}
	return Head{}, &SnapshotError{path, "it does not match its sha256"}
}

// writeHead remembers the journal's head when it moved.
func (s *Store) writeHead() error {
	head := s.Head()
	if head == s.keeper.memo || s.Err() != nil {
		return nil
	}
	err := disk.Replace(s.opts.FS, s.path(dirTemporary), s.path(fileHead), encodeHead(head), 0o600)
	if err == nil {
		s.keeper.memo = head
	}
	return err
}
