// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
	"unicode/utf8"

	shown "github.com/sigdriver/sigdriver/internal/printable"
)

// word makes foreign text fit to stand in a line: as it is, if it is made of
// letters of ASCII and what paths and hosts consist of; quoted otherwise.
func word(s string) string {
	if s == "" {
		return `""`
	}
	for i := range len(s) {
		if !plainByte(s[i]) {
			return quoted(s)
		}
	}
	return s
}

func plainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._/*:@+,=?%[]{}()&<>;$~^", c) >= 0
}

func words(list []string) string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = word(s)
	}
	return strings.Join(all, ", ")
}

// quoted quotes a text so that a terminal shows it and obeys none of it: no
// controls, nothing invisible, nothing that reorders a line or sits on its
// neighbour. It is also a YAML double-quoted scalar, unless the text is no UTF-8.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02X`, s[i])
		case shown.Shows(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
