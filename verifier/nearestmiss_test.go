// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"strings"
	"testing"
)

// What is missing is said in the singular and in the plural.
func TestMissingIsCounted(t *testing.T) {
	for _, c := range []struct {
		need int
		what string
		want string
	}{
		{1, "approval", "one approval by a or b"},
		{2, "approval", "2 approvals by a and b"},
		{1, `attestation of type "t"`, `one attestation of type "t" by a or b`},
		{2, `attestation of type "t"`, `2 attestations of type "t" by a and b`},
	} {
		if got := (&shortfall{need: c.need}).missing(c.what, "", []string{"a", "b"}); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	s := &shortfall{reason: Distinct, need: 3, rule: &rule{name: "r"}, requirement: &requirement{}, have: []*principal{{name: "a"}, {name: "b"}}}
	if got := s.text(); !strings.HasSuffix(got, "only a, b have spoken") {
		t.Errorf("%q", got)
	}
}
