// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "strconv"

// maxQuoted bounds foreign text inside a detail, in bytes before quoting.
const maxQuoted = 80

// quote makes foreign text inert: quoted, ASCII only, clipped.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.QuoteToASCII(s[:maxQuoted]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// clip shortens text to at most n bytes and an ellipsis.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 { // never in the middle of a rune
		n--
	}
	return s[:n] + "…"
}
