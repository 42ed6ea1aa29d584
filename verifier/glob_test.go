// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/internal/cputime"
)

var globCases = []struct {
	pattern, s string
	want       bool
}{
	{"", "", true},
	{"", "a", false},
	{"*", "", true},
	{"*", "a/b\n\x00c", true},
	{"**", "", true},
	{"**", "ab", true},
	{"web-*", "web-1", true},
	{"web-*", "web-", true},
	{"web-*", "web", false},
	{"web-*", "my-web-1", false},
	{"*-prod", "eu/west-prod", true},
	{"*-prod", "eu-prod-2", false},
	{"a*a", "a", false},
	{"a*a", "aa", true},
	{"ab*ba", "aba", false},
	{"ab*ba", "abba", true},
	{"a*b*c", "a-b-b-c", true},
	{"a*b*c", "acb", false},
	{"*ab*ab*", "ab", false},
	{"*ab*ab*", "abab", true},
	{"a.c", "abc", false},
	{"a?c", "abc", false},
	{"[ab]", "a", false},
	{`a\*`, "a*", false},
	{`a\*`, `a\x`, true},
	{"Web", "web", false},
	{"é*", "é1", true},
	{"\xff*", "\xffa", true},
	{"web", "web", true},
	{"web", "web ", false},
	{"web", "we", false},
}

func TestMatchGlob(t *testing.T) {
	for _, c := range globCases {
		if got := matchGlob(c.pattern, c.s); got != c.want {
			t.Errorf("matchGlob(%q, %q) = %t", c.pattern, c.s, got)
		}
	}
}

// A matcher that backtracks would not come back from this in a lifetime.
func TestMatchGlobIsLinear(t *testing.T) {
	pattern := strings.Repeat("a*", 5_000) + "b"
	s := strings.Repeat("a", 100_000)
	took := cputime.Of(func() {
		if matchGlob(pattern, s) {
			t.Error("a run of a's matches a pattern that ends in b")
		}
		if !matchGlob(pattern, s+"b") {
			t.Error("the same run with a b at its end does not match")
		}
	})
	if took > time.Second {
		t.Errorf("took %v", took)
	}
}

// naiveGlob is the definition, tried out literally.
func naiveGlob(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		for i := 0; i <= len(s); i++ {
			if naiveGlob(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	return s != "" && s[0] == pattern[0] && naiveGlob(pattern[1:], s[1:])
}

func FuzzGlob(f *testing.F) {
	for _, c := range globCases {
		f.Add(c.pattern, c.s)
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if strings.Count(pattern, "*") > 4 || len(s) > 64 {
			t.Skip("the reference is exponential")
		}
		if got, want := matchGlob(pattern, s), naiveGlob(pattern, s); got != want {
			t.Errorf("matchGlob(%q, %q) = %t, the definition says %t", pattern, s, got, want)
		}
	})
}
