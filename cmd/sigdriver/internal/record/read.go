// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// Stored is one entry as read back.
type Stored struct {
	Seq       uint64
	Prev, Sum Digest
	Raw       []byte // the entry's exact bytes
	Content
}

// The findings of a reader.
const (
	LogGap      = "LOG_GAP"      // entries are missing
	LogTampered = "LOG_TAMPERED" // bytes are not what was written
	LogFork     = "LOG_FORK"     // the journal and another memory of the driver disagree
)

// CorruptError says where a journal is damaged, and as what finding.
type CorruptError struct {
	Finding string // LOG_GAP or LOG_TAMPERED
	Segment string // file name
	Offset  int64  // of the record in the segment
	Seq     uint64 // that the record should have
	Detail  string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: journal segment %q, byte %d, entry %d: %s; keep the folder as evidence and restore nothing over it", e.Finding, e.Segment, e.Offset, e.Seq, e.Detail)
}

// TornError says that the journal ends inside a record that never became durable.
type TornError struct {
	Segment string
	Offset  int64 // where the record begins
	Bytes   int64 // from there to the end of the file
	Seq     uint64
}

func (e *TornError) Error() string {
	return fmt.Sprintf("journal segment %q ends inside entry %d: %d bytes from byte %d on were never made durable", e.Segment, e.Seq, e.Bytes, e.Offset)
}

// Entries reads the durable entries from a sequence number on, checking every
// hash and the chain. It ends with the first error.
func (j *Journal) Entries(from uint64) iter.Seq2[Stored, error] {
	size := j.Head().Size
	return func(yield func(Stored, error) bool) {
		if from >= size {
			return
		}
		for s, err := range Read(j.opts.FS, j.dir, from) {
			if !yield(s, err) || err != nil || s.Seq+1 == size {
				return
			}
		}
	}
}

// Read reads a journal folder from a sequence number on, with no lock, checking
// every hash and the chain. It ends with the first error: a *CorruptError, or a
// *TornError at the very end, which in a folder in use is an append under way.
func Read(fsys disk.FS, dir string, from uint64) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		for batch, err := range ReadBatches(fsys, dir, from) {
			for i := range batch {
				if !yield(batch[i], nil) {
					return
				}
			}
			if err != nil {
				yield(Stored{}, err)
				return
			}
		}
	}
}

// batchEntries is how many entries are parsed at once, on every processor.
const batchEntries = 256

// ReadBatches is Read by the batch: entries in their order, and with the last of them the
// error that ended it.
func ReadBatches(fsys disk.FS, dir string, from uint64) iter.Seq2[[]Stored, error] {
	return func(yield func([]Stored, error) bool) {
		segments, err := list(fsys, dir)
		if err != nil {
			yield(nil, err)
			return
		}
		for len(segments) > 1 && segments[1] <= from {
			segments = segments[1:]
		}
		if len(segments) == 0 || segments[0] > from {
			yield(nil, &CorruptError{Finding: LogGap, Segment: filepath.Base(segmentName(dir, from)), Seq: from, Detail: "the segment with this entry is missing"})
			return
		}
		c := chain{next: segments[0]}
		b := batch{from: from, yield: yield}
		for i, first := range segments {
			s, err := open(fsys, dir, first, i == len(segments)-1, nil)
			if err == nil {
				err = s.follow(&c, b.add)
			}
			if errors.Is(err, errStop) {
				return
			}
			if err != nil {
				b.deliver(err)
				return
			}
		}
		b.deliver(nil)
	}
}

// batch is entries of which the chain has been checked, and that nobody has heard of yet.
type batch struct {
	from    uint64
	records []record
	yield   func([]Stored, error) bool
}

// add takes the next entry of the chain; false when the reader has had enough.
func (b *batch) add(r record) (bool, error) {
	if r.seq < b.from {
		return true, nil
	}
	b.records = append(b.records, r)
	if len(b.records) < batchEntries {
		return true, nil
	}
	return b.deliver(nil), nil
}

// deliver parses what there is and hands it on, with what came after it. Of two errors the
// one about the earlier entry counts. It reports whether there is to be more.
func (b *batch) deliver(after error) bool {
	entries, faults := make([]Stored, len(b.records)), make([]error, len(b.records))
	InParallel(len(b.records), func(i int) { entries[i], faults[i] = Parse(b.records[i].entry) })
	if i := slices.IndexFunc(faults, func(err error) bool { return err != nil }); i >= 0 {
		entries, after = entries[:i], b.records[i].tampered(faults[i].Error())
	}
	b.records = b.records[:0]
	if len(entries) == 0 && after == nil {
		return true
	}
	return b.yield(entries, after) && after == nil
}

// InParallel does something with each of n things on every processor there is, and returns
// when all of it is done.
func InParallel(n int, do func(i int)) {
	const together = 16
	var next atomic.Int64
	work := func() {
		for {
			to := int(next.Add(together))
			for i := to - together; i < min(to, n); i++ {
				do(i)
			}
			if to >= n {
				return
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0)-1, (n-1)/together) {
		others.Go(work)
	}
	work()
	others.Wait()
}

// Segments returns the sequence numbers that the segments in a folder begin with,
// ascending.
func Segments(fsys disk.FS, dir string) ([]uint64, error) { return list(fsys, dir) }

// SegmentFile is the file of the segment that begins with entry seq.
func SegmentFile(seq uint64) string { return filepath.Base(segmentName("", seq)) }

// errStop ends a walk that its reader has had enough of.
var errStop = fmt.Errorf("stop")

// list returns the first sequence numbers of the segments, ascending.
func list(fsys disk.FS, dir string) ([]uint64, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, err
	}
	var firsts []uint64
	for _, name := range names {
		digits, isSegment := strings.CutSuffix(name, ".seg")
		n, err := strconv.ParseUint(digits, 10, 64)
		if isSegment && err == nil && name == filepath.Base(segmentName(dir, n)) {
			firsts = append(firsts, n)
		}
	}
	return firsts, nil
}

// chain is what the next record has to fit.
type chain struct {
	next  uint64
	prev  Digest
	known bool // prev is known: not at the start of a journal's first segment read
}

// segment is the bytes of one segment file.
type segment struct {
	name  string
	first uint64
	last  bool // nothing comes after it
	data  []byte
}

// record is one record of a segment.
type record struct {
	segment   string
	offset    int64
	entry     []byte
	sum, prev Digest
	seq       uint64
}

func (r record) tampered(detail string) error {
	return &CorruptError{Finding: LogTampered, Segment: r.segment, Offset: r.offset, Seq: r.seq, Detail: detail}
}

// MaxSegment bounds a segment in bytes: the default size and one write, and much
// for a driver that was told otherwise.
const MaxSegment = 256 << 20

// open reads a segment, into room that nobody needs any more where that is enough.
func open(fsys disk.FS, dir string, first uint64, last bool, room []byte) (*segment, error) {
	name := segmentName(dir, first)
	f, err := fsys.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, noSegment(fsys, name, first, err)
	}
	defer f.Close()
	size, err := f.Size()
	if err == nil && size > MaxSegment {
		return nil, &CorruptError{Finding: LogTampered, Segment: filepath.Base(name), Offset: MaxSegment, Seq: first, Detail: "the segment is longer than any that a driver writes"}
	}
	if err != nil {
		return nil, noSegment(fsys, name, first, err)
	}
	// Room for all of it at once: to make room bit by bit takes five times as much memory,
	// which a driver that has started has long after.
	if int64(cap(room)) < size+bytes.MinRead {
		room = make([]byte, 0, size+bytes.MinRead)
	}
	data := bytes.NewBuffer(room[:0])
	if _, err := data.ReadFrom(io.LimitReader(f, MaxSegment)); err != nil {
		return nil, noSegment(fsys, name, first, err)
	}
	return &segment{filepath.Base(name), first, last, data.Bytes()}, nil
}

// noSegment tells a link or a folder in a segment's place, which somebody put there, from a
// file that cannot be read.
func noSegment(fsys disk.FS, name string, first uint64, err error) error {
	if st, lost := fsys.Lstat(name); lost == nil && !st.Mode().IsRegular() {
		return &CorruptError{Finding: LogTampered, Segment: filepath.Base(name), Seq: first, Detail: "what is in the segment's place is no file"}
	}
	return err
}

// follow checks every record of the segment against the chain, moves the chain
// on, and hands each record to visit, which may be nil.
func (s *segment) follow(c *chain, visit func(record) (bool, error)) error {
	if s.first != c.next {
		return &CorruptError{Finding: LogGap, Segment: s.name, Seq: c.next, Detail: fmt.Sprintf("the segment begins with entry %d", s.first)}
	}
	for offset := int64(0); offset < int64(len(s.data)); {
		r, n, err := s.record(offset, c)
		if err != nil {
			return err
		}
		offset += n
		*c = chain{next: r.seq + 1, prev: r.sum, known: true}
		if visit == nil {
			continue
		}
		if more, err := visit(r); err != nil {
			return err
		} else if !more {
			return errStop
		}
	}
	return nil
}

// record reads the record at offset and checks that it is the next of the chain.
func (s *segment) record(offset int64, c *chain) (record, int64, error) {
	entry, sum, ok := split(s.data[offset:])
	if !ok {
		return record{}, 0, s.broken(offset, c.next)
	}
	r := record{segment: s.name, offset: offset, entry: entry, sum: sum, seq: c.next}
	seq, prev, ok := position(entry)
	switch {
	case !ok:
		return r, 0, r.tampered("it has no position")
	case seq > c.next:
		return r, 0, &CorruptError{Finding: LogGap, Segment: s.name, Offset: offset, Seq: c.next, Detail: fmt.Sprintf("entry %d stands in its place", seq)}
	case seq < c.next:
		return r, 0, r.tampered(fmt.Sprintf("entry %d stands in its place", seq))
	case (c.known || seq == 0) && prev != c.prev:
		return r, 0, r.tampered("it does not follow the entry before it")
	}
	r.prev = prev
	return r, 4 + int64(len(entry)) + int64(len(sum)), nil
}

// broken is the error for a record that does not check: torn if it is the end
// of the last segment and was never whole.
func (s *segment) broken(offset int64, seq uint64) error {
	rest := s.data[offset:]
	if s.last && torn(rest, offset) {
		return &TornError{Segment: s.name, Offset: offset, Bytes: int64(len(rest)), Seq: seq}
	}
	return record{segment: s.name, offset: offset, seq: seq}.tampered("its bytes do not match their sha256")
}

// position reads the sequence number and the previous digest out of an entry
// whose sha256 checked, without reading the rest.
func position(entry []byte) (seq uint64, prev Digest, ok bool) {
	// The members before and after are ours, and inside a JSON string every
	// quote is escaped: these marks occur once.
	const mark, middle = `"prev":"`, `","schema":"` + schema + `","seq":"`
	at := 1
	if !bytes.HasPrefix(entry, []byte("{"+mark)) {
		at = bytes.LastIndex(entry, []byte(mark)) // after the one member that sorts before it
	}
	if at < 0 {
		return 0, prev, false
	}
	rest := entry[at+len(mark):]
	if len(rest) < 64+len(middle) || string(rest[64:64+len(middle)]) != middle {
		return 0, prev, false
	}
	if prev.UnmarshalText(rest[:64]) != nil {
		return 0, prev, false
	}
	digits, _, found := bytes.Cut(rest[64+len(middle):], []byte(`"`))
	seq, err := strconv.ParseUint(string(digits), 10, 64)
	return seq, prev, found && err == nil
}
