// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "testing"

// TestGlobsMeet compares with all names of up to five letters, of which one
// stands in no glob.
func TestGlobsMeet(t *testing.T) {
	words := []string{""}
	globs := []string{""}
	for n, last := 0, []string{""}; n < 5; n++ {
		var longer []string
		for _, w := range last {
			for _, c := range "abz" {
				longer = append(longer, w+string(c))
			}
		}
		words, last = append(words, longer...), longer
	}
	for n, last := 0, []string{""}; n < 3; n++ {
		var longer []string
		for _, w := range last {
			for _, c := range "ab*" {
				longer = append(longer, w+string(c))
			}
		}
		globs, last = append(globs, longer...), longer
	}
	met := 0
	for _, a := range globs {
		for _, b := range globs {
			want := false
			for _, w := range words {
				want = want || matchGlob(a, w) && matchGlob(b, w)
			}
			if got := globsMeet(a, b); got != want {
				t.Errorf("%q and %q: %v, want %v", a, b, got, want)
			}
			if want {
				met++
			}
		}
	}
	if met < 100 {
		t.Errorf("only %d pairs meet", met)
	}
}
