// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package printable makes foreign text safe to print in an error or a log.
package printable

import "strconv"

// Quote quotes a name, clipped.
func Quote(s string) string {
	if len(s) > 128 {
		s = s[:128] + "…"
	}
	return strconv.Quote(s)
}

// Clip escapes text that is a sentence of its own, clipped.
func Clip(s string) string {
	if len(s) > 256 {
		s = s[:256] + "…"
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
