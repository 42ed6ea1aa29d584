// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "bytes"

// countValues returns how many JSON values a text has at most, as far as that is no
// more than limit; what it returns above may be too high. It costs a look at the bytes,
// where a value of two of them costs a reader fifty times as much.
func countValues(text []byte, limit int) int {
	n := 1
	for _, c := range []string{",", "[", "{"} {
		n += bytes.Count(text, []byte(c))
	}
	if n <= limit {
		return n
	}
	return 1 + countOutside(text)
}

// countOutside counts the commas and openings that are not in a string.
func countOutside(text []byte) (n int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}

// checkValues bounds the values of all documents together, before any is read.
func checkValues(req *Request) error {
	left := MaxValues - countValues(req.Effective, MaxValues)
	for i := range req.Documents {
		if left >= 0 {
			left -= countValues(req.Documents[i].Body, left)
		}
	}
	if left < 0 {
		return tooLarge("documents", MaxValues, "JSON values, with those of effective")
	}
	return nil
}
