// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "testing"

// What is remembered is bounded, and what is used stays.
func TestRememberedIsForgotten(t *testing.T) {
	var m remembered[int]
	used := [32]byte{1}
	m.add(used, 7)
	for i := range 5 * maxRemembered / 2 {
		m.add([32]byte{2, byte(i), byte(i >> 8), byte(i >> 16)}, i)
		if v, ok := m.get(used); !ok || v != 7 {
			t.Fatalf("what is used is forgotten after %d", i)
		}
	}
	if n := len(m.young) + len(m.old); n > 2*maxRemembered {
		t.Errorf("%d are remembered", n)
	}
	if _, ok := m.get([32]byte{2}); ok {
		t.Error("what nobody asks about is never forgotten")
	}
}
