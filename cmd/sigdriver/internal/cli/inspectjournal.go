// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// segment shows the entries of a journal segment, one a line. It says where an
// entry's own digest is wrong; whether the chain holds is for audit verify.
func (in *inspector) segment(data []byte) bool {
	entry, sum, rest, ok := nextRecord(data)
	if !ok {
		return false
	}
	in.head("Journal segment")
	for ok {
		in.line("  %s", record.Line(entry))
		if got := sha256.Sum256(entry); !bytes.Equal(got[:], sum) {
			in.line("  ^ this entry's bytes are not those of its digest")
		}
		entry, sum, rest, ok = nextRecord(rest)
	}
	if len(rest) > 0 {
		in.line("  %s at the end are no whole record", plural(len(rest), "byte", "bytes"))
	}
	return true
}

// nextRecord cuts one record off a segment.
func nextRecord(data []byte) (entry, sum, rest []byte, ok bool) {
	if len(data) < 4 {
		return nil, nil, data, false
	}
	size := int(binary.BigEndian.Uint32(data))
	if size < 2 || size > record.MaxEntry || len(data) < 4+size+sha256.Size || data[4] != '{' {
		return nil, nil, data, false
	}
	end := 4 + size
	return data[4:end], data[end : end+sha256.Size], data[end+sha256.Size:], true
}
