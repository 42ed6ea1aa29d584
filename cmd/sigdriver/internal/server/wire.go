// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import "google.golang.org/grpc/mem"

// wire reads the protobuf wire format over the buffers of a received message,
// without joining them.
type wire struct {
	rest mem.BufferSlice // after cur
	cur  []byte
	off  int // offset of cur in the message
}

// The wire types of protobuf. Groups are not among them: proto3 has none.
const (
	kindVarint  = 0
	kindFixed64 = 1
	kindBytes   = 2
	kindFixed32 = 5
)

// field is one field of a message. Offsets count from the start of the message.
type field struct {
	number     uint64
	kind       uint64
	start      int    // of the tag
	body, size int    // of a length-delimited value
	value      uint64 // of a varint
}

// next reads the next field before limit. It skips other values; of a
// length-delimited one it reads the length and stops at its first byte.
func (w *wire) next(limit int) (f field, ok bool) {
	f.start = w.off
	tag, ok := w.varint()
	if !ok || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return f, false
	}
	f.number, f.kind = tag>>3, tag&7
	switch f.kind {
	case kindVarint:
		f.value, ok = w.varint()
	case kindFixed64:
		ok = w.skip(8)
	case kindFixed32:
		ok = w.skip(4)
	case kindBytes:
		var n uint64
		if n, ok = w.varint(); ok && n > uint64(limit) {
			return f, false
		}
		f.body, f.size = w.off, int(n)
		return f, ok && f.body+f.size <= limit
	default:
		return f, false
	}
	return f, ok && w.off <= limit
}

func (w *wire) varint() (uint64, bool) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		if !w.fill() {
			return 0, false
		}
		b := w.cur[0]
		w.cur, w.off = w.cur[1:], w.off+1
		if shift == 63 && b > 1 {
			return 0, false
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, true
		}
	}
	return 0, false
}

// fill makes cur hold a byte, false at the end of the message.
func (w *wire) fill() bool {
	for len(w.cur) == 0 {
		if len(w.rest) == 0 {
			return false
		}
		w.cur, w.rest = w.rest[0].ReadOnlyData(), w.rest[1:]
	}
	return true
}

func (w *wire) skip(n int) bool {
	for n > 0 {
		if !w.fill() {
			return false
		}
		k := min(n, len(w.cur))
		w.cur, w.off, n = w.cur[k:], w.off+k, n-k
	}
	return true
}

// take returns the next n bytes, which live as long as the message does.
func (w *wire) take(n int) ([]byte, bool) {
	if n == 0 {
		return nil, true
	}
	if w.fill() && len(w.cur) >= n {
		out := w.cur[:n]
		w.cur, w.off = w.cur[n:], w.off+n
		return out, true
	}
	out := make([]byte, 0, n)
	for len(out) < n {
		if !w.fill() {
			return nil, false
		}
		k := min(n-len(out), len(w.cur))
		out = append(out, w.cur[:k]...)
		w.cur, w.off = w.cur[k:], w.off+k
	}
	return out, true
}
