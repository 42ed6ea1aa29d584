// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import (
	"encoding/binary"
	"errors"
)

// Bounds of what HTTP/2 frames cost beside the bytes in them. The server keeps each
// DATA frame of a message in a buffer of its own until the message is whole, so that
// one byte a frame costs a hundred.
const (
	smallFrame  = 1 << 10 // bytes; a sender fills frames of 16 KiB
	maxSmall    = 256     // such frames in one stream
	maxCounting = 512     // streams with any
)

// errCrumbs ends a connection.
var errCrumbs = errors.New("the peer sends its messages in too small pieces")

// The frames that matter, of RFC 9113.
const (
	frameData      = 0x0
	frameReset     = 0x3
	flagEndStream  = 0x1
	prefaceLength  = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	frameHeaderLen = 9
)

// frames counts the small DATA frames of each stream of one connection.
type frames struct {
	preface int    // bytes of it that have passed
	header  []byte // of the frame that begins
	skip    int    // bytes left of the frame
	small   map[uint32]int
}

// take looks at the next bytes, false when the connection is to end.
func (f *frames) take(data []byte) bool {
	n := min(prefaceLength-f.preface, len(data))
	f.preface += n
	data = data[n:]
	for len(data) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(data))
			f.skip -= n
			data = data[n:]
			continue
		}
		n := min(frameHeaderLen-len(f.header), len(data))
		f.header = append(f.header, data[:n]...)
		data = data[n:]
		if len(f.header) == frameHeaderLen {
			if !f.frame() {
				return false
			}
			f.header = f.header[:0]
		}
	}
	return true
}

// frame takes one whole header.
func (f *frames) frame() bool {
	h := f.header
	length := int(h[0])<<16 | int(h[1])<<8 | int(h[2])
	kind, flags, stream := h[3], h[4], binary.BigEndian.Uint32(h[5:])&(1<<31-1)
	f.skip = length
	switch {
	case kind == frameReset, kind == frameData && flags&flagEndStream != 0:
		delete(f.small, stream)
	case kind == frameData && length < smallFrame:
		if f.small == nil {
			f.small = map[uint32]int{}
		}
		f.small[stream]++
		return f.small[stream] <= maxSmall && len(f.small) <= maxCounting
	}
	return true
}
