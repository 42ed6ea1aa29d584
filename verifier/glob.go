// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"strings"
)

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

// NameGlobFault says why no name of a workspace, a sandbox or a provider profile fits
// the pattern, "" where some can: those names are DNS labels, and a pattern in the
// language of another tool would match nothing, without a word. The empty pattern
// stands for no name.
func NameGlobFault(pattern string) string {
	for _, r := range pattern {
		if !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '*') {
			return fmt.Sprintf("%s holds %q, which no name has: names are lower-case letters, digits and hyphens, and * is the only wildcard", quote(pattern), r)
		}
	}
	if strings.HasPrefix(pattern, "-") || strings.HasSuffix(pattern, "-") {
		return fmt.Sprintf("%s begins or ends with a hyphen, which no name does: * stands for what may follow", quote(pattern))
	}
	return ""
}

// nameGlobFault is NameGlobFault of a pattern that may be absent.
func nameGlobFault(pattern *string) string {
	if pattern == nil {
		return ""
	}
	return NameGlobFault(*pattern)
}
