// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxChunk is how much of a segment a cursor reads at once: more than a record.
const maxChunk = 1 << 20

// Raw is one durable entry as bytes.
type Raw struct {
	Seq   uint64
	Sum   Digest
	Entry []byte
}

// Cursor follows the durable entries as the journal grows. It checks every hash
// and the chain, reads nothing twice, and is not safe for concurrent use.
type Cursor struct {
	journal *Journal
	chain   chain
	from    uint64 // the first entry to hand out
	segment uint64 // its first sequence number
	offset  int64  // in the segment
}

// Follow returns a cursor whose first entry is from, which the journal may not
// have yet.
func (j *Journal) Follow(from uint64) (*Cursor, error) {
	segments, err := list(j.opts.FS, j.dir)
	if err != nil {
		return nil, err
	}
	for len(segments) > 1 && segments[1] <= from {
		segments = segments[1:]
	}
	if len(segments) == 0 || segments[0] > from {
		return nil, &CorruptError{Finding: LogGap, Segment: filepath.Base(segmentName(j.dir, from)), Seq: from, Detail: "the segment with this entry is missing"}
	}
	return &Cursor{journal: j, chain: chain{next: segments[0]}, from: from, segment: segments[0]}, nil
}

// Next returns the entries that are durable and not yet read, at most limit; none
// when there are none. After an error the cursor is of no use.
func (c *Cursor) Next(limit int) ([]Raw, error) {
	size := c.journal.Head().Size
	var out []Raw
	for c.chain.next < size && len(out) < limit {
		data, err := c.read()
		if err != nil {
			return nil, err
		}
		if len(data) == 0 {
			if err := c.turn(); err != nil {
				return nil, err
			}
			continue
		}
		if out, err = c.take(out, data, size, limit); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// read returns what stands at the cursor, nothing at the end of a segment.
func (c *Cursor) read() ([]byte, error) {
	f, err := c.journal.opts.FS.Open(segmentName(c.journal.dir, c.segment), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, maxChunk)
	n, err := f.ReadAt(data, c.offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data[:n], err
}

// turn goes on to the next segment.
func (c *Cursor) turn() error {
	name := segmentName(c.journal.dir, c.chain.next)
	f, err := c.journal.opts.FS.Open(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) || c.chain.next == c.segment {
		return &CorruptError{Finding: LogGap, Segment: filepath.Base(name), Seq: c.chain.next, Detail: "the segment ends before an entry that is durable"}
	}
	if err != nil {
		return err
	}
	c.segment, c.offset = c.chain.next, 0
	return f.Close()
}

// take reads records off the front of data.
func (c *Cursor) take(out []Raw, data []byte, size uint64, limit int) ([]Raw, error) {
	s := segment{name: filepath.Base(segmentName(c.journal.dir, c.segment)), first: c.segment, data: data}
	for at := int64(0); c.chain.next < size && len(out) < limit; {
		if at > 0 && !allThere(data[at:]) {
			return out, nil // the rest comes with the next chunk
		}
		r, n, err := s.record(at, &c.chain)
		if err != nil {
			var corrupt *CorruptError
			if errors.As(err, &corrupt) {
				corrupt.Offset = c.offset
			}
			return nil, err
		}
		at, c.offset = at+n, c.offset+n
		c.chain = chain{next: r.seq + 1, prev: r.sum, known: true}
		if r.seq >= c.from {
			out = append(out, Raw{r.seq, r.sum, r.entry})
		}
	}
	return out, nil
}

// allThere reports whether data is as long as the record at its beginning says.
func allThere(data []byte) bool {
	return len(data) >= 4 && int64(len(data)) >= 4+int64(binary.BigEndian.Uint32(data))+sha256.Size
}
