// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import (
	"bytes"
	"testing"
	"testing/iotest"

	"golang.org/x/net/http2"
)

// crumbs is a connection of so many streams with so many pieces of so many bytes each.
func crumbs(t *testing.T, streams, pieces, size int, end bool) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&b, nil)
	for s := range streams {
		id := uint32(2*s + 1)
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: make([]byte, 3000), EndHeaders: true})
		for range pieces {
			f.WriteData(id, false, make([]byte, size))
		}
		if end {
			f.WriteData(id, true, nil)
		}
	}
	return b.Bytes()
}

func TestCrumbsEndTheConnection(t *testing.T) {
	for _, c := range []struct {
		what                  string
		streams, pieces, size int
		end, well             bool
	}{
		{"one message in whole frames", 1, 512, 16 << 10, true, true},
		{"many calls of one small frame", 5000, 1, 20, true, true},
		{"calls open, each with a small frame", maxCounting, 1, 20, false, true},
		{"at the bound", 3, maxSmall, 1, true, true},
		{"one past it", 1, maxSmall + 1, 1, true, false},
		{"too many streams with small frames", maxCounting + 1, 1, 1, false, false},
	} {
		data := crumbs(t, c.streams, c.pieces, c.size, c.end)
		var whole, bytewise frames
		if whole.take(data) != c.well {
			t.Errorf("%s: well is %t", c.what, !c.well)
		}
		if len(data) > 1<<20 {
			continue
		}
		well, one := true, make([]byte, 1)
		for r := iotest.OneByteReader(bytes.NewReader(data)); well; {
			n, err := r.Read(one)
			if err != nil {
				break
			}
			well = bytewise.take(one[:n])
		}
		if well != c.well {
			t.Errorf("%s, byte by byte: well is %t", c.what, well)
		}
	}
}
