// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "strings"

// matchGlob reports whether the whole of s matches the pattern: `*` stands for any
// run of bytes, also none, also `/`; everything else for itself. Taking each
// literal at its first place leaves the most for the rest, so nothing is ever
// tried twice.
func matchGlob(pattern, s string) bool {
	first, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	for {
		literal, more, found := strings.Cut(rest, "*")
		if !found {
			return strings.HasSuffix(s, literal)
		}
		i := strings.Index(s, literal)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(literal):], more
	}
}
