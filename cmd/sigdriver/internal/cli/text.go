// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strconv"
	"unicode/utf8"

	shown "github.com/sigdriver/sigdriver/internal/printable"
)

// printable makes foreign text safe for a terminal: one line, no control or
// invisible characters, valid UTF-8. What cannot be printed is escaped.
func printable(s string) string { return shown.Text(s) }

// clip shortens printable text to n bytes at most, at a character's edge.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// plural is "1 key", "2 keys".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
