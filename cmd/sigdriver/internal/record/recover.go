// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"os"
)

// recover finds the head, cuts off a torn tail and opens the last segment for
// appending. It checks the last segment record by record, and that the one
// before leads up to it. Read checks all of them.
func (j *Journal) recover() error {
	segments, err := list(j.opts.FS, j.dir)
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		j.head.Store(&Head{})
		return j.begin(0)
	}
	c := chain{next: segments[len(segments)-1]}
	var room []byte
	if n := len(segments); n > 1 {
		c = chain{next: segments[n-2]}
		before, err := open(j.opts.FS, j.dir, segments[n-2], false, nil)
		if err != nil {
			return err
		}
		if err := before.follow(&c, nil); err != nil {
			return err
		}
		room = before.data
	}
	return j.resume(&c, segments[len(segments)-1], room)
}

// resume opens the last segment where its last whole record ends.
func (j *Journal) resume(c *chain, first uint64, room []byte) error {
	s, err := open(j.opts.FS, j.dir, first, true, room)
	if err != nil {
		return err
	}
	err = s.follow(c, nil)
	if err != nil && !errors.As(err, &j.cut) {
		return err
	}
	f, err := j.opts.FS.Open(segmentName(j.dir, first), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	j.file, j.size = f, int64(len(s.data))
	if j.cut != nil {
		j.size = j.cut.Offset
		err = f.Truncate(j.size)
	}
	// Also without a cut: what a killed process wrote may not be durable yet,
	// and from here on it counts.
	open, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Sync(), j.opts.FS.SyncDir(j.dir)); err != nil {
		f.Close()
		return &WriteError{Err: err}
	}
	j.segment.Store(&openSegment{segmentName(j.dir, first), open, j.size})
	j.head.Store(&Head{Size: c.next, Sum: c.prev})
	return nil
}

// split takes the first record off data, false if it does not check.
func split(data []byte) (entry []byte, sum Digest, ok bool) {
	if len(data) < 4 {
		return nil, sum, false
	}
	n := int(binary.BigEndian.Uint32(data))
	if n == 0 || n > MaxEntry || len(data) < 4+n+len(sum) {
		return nil, sum, false
	}
	entry = data[4 : 4+n]
	sum = sha256.Sum256(entry)
	return entry, sum, bytes.Equal(sum[:], data[4+n:4+n+len(sum)])
}

// sector is the unit in which disks write, and unwritten bytes read as zeros.
const sector = 512

// torn reports whether bytes that do not begin with a whole record can be what a
// crash left of an append, offset being their place in the file. They are not
// if a whole record follows or hides in them, for then somebody may have been
// told of one; and a record that is all there but wrong was changed.
func torn(rest []byte, offset int64) bool {
	if holdsRecord(rest) {
		return false
	}
	if unwritten(rest, offset) {
		return true
	}
	if len(rest) < 4 {
		return true
	}
	n := int(binary.BigEndian.Uint32(rest))
	return n > 0 && n <= MaxEntry && len(rest) < 4+n+sha256.Size
}

// unwritten reports whether a sector of the bytes is all zeros. JSON has no zero
// byte; a few zeros at the edge of a sector may be chance, or a change.
func unwritten(rest []byte, offset int64) bool {
	for from := 0; from < len(rest); {
		to := min(from+sector-int((offset+int64(from))%sector), len(rest))
		if to-from >= 16 && len(bytes.Trim(rest[from:to], "\x00")) == 0 {
			return true
		}
		from = to
	}
	return false
}

// holdsRecord reports whether a whole record begins anywhere in data, or stands at
// its beginning under a length that was changed.
func holdsRecord(data []byte) bool {
	return hiddenRecord(data) || bytes.Contains(data, []byte(`"schema":"`+schema+`"`)) && laterRecord(data)
}

// laterRecord looks for a record after the first byte: at each opening brace
// with a length before it.
func laterRecord(data []byte) bool {
	for at := 1; at+4 < len(data); at++ {
		if data[at+4] != '{' {
			continue
		}
		if _, _, ok := split(data[at:]); ok {
			return true
		}
	}
	return false
}

// hiddenRecord tries every length for the record at the beginning of data.
func hiddenRecord(data []byte) bool {
	if len(data) < 4 {
		return false
	}
	body := data[4:]
	running := sha256.New()
	for n := 1; n <= MaxEntry && n+sha256.Size <= len(body); n++ {
		running.Write(body[n-1 : n])
		if body[n-1] != '}' {
			continue
		}
		state, err := running.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return false
		}
		fork := sha256.New()
		if fork.(encoding.BinaryUnmarshaler).UnmarshalBinary(state) != nil {
			return false
		}
		if bytes.Equal(fork.Sum(nil), body[n:n+sha256.Size]) {
			return true
		}
	}
	return false
}
