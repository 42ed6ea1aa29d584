// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// maxStrayLines bounds the lines of a file that are no JSON, each of which may be read as
// far as JSON may nest; what comes after them is one piece.
const maxStrayLines = 16

// SplitAttestations cuts a file into the attestations in it: one, or several JSON
// texts after each other, as in JSON Lines, or in an array. A byte order mark before
// them is left out. A line that is no JSON is a piece by itself, so that it
// spoils no other. Nothing is judged: each piece is for Prove and Verify to read.
func SplitAttestations(file []byte) [][]byte {
	rest := bytes.TrimPrefix(file, byteOrderMark)
	if isWire(rest) {
		return [][]byte{rest}
	}
	var pieces [][]byte
	stray := 0
	for rest = trimSpace(rest); len(rest) > 0; rest = trimSpace(rest) {
		n := wholeValue(rest)
		if n == 0 {
			stray++
			if n = bytes.IndexByte(rest, '\n') + 1; n == 0 || stray > maxStrayLines {
				n = len(rest)
			}
			pieces = append(pieces, rest[:n:n])
		} else if list, ok := elementsOf(rest[:n], n); ok {
			for _, v := range list {
				pieces = append(pieces, v)
			}
		} else {
			pieces = append(pieces, rest[:n:n])
		}
		rest = rest[n:]
	}
	return pieces
}

func trimSpace(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// wholeValue is the length of the JSON value that a text begins with, 0 where it
// begins with none.
func wholeValue(text []byte) int {
	d := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := d.SkipValue(); err != nil {
		return 0
	}
	return int(d.InputOffset())
}
