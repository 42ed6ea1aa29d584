// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"testing"
)

// A driver that stops leaves a snapshot when the next start would read many entries,
// also when none of them changed the state.
func TestStopLeavesASnapshot(t *testing.T) {
	archive := &objects{}
	s := openStore(t, t.TempDir(), Options{Archive: archive, DenyBudget: 2 * snapshotEntries})
	allow(t, s, "web-1", floor(7, 1))
	s = reopen(t, s)
	if s.base != nil {
		t.Error("one entry made a snapshot")
	}
	for i := range snapshotEntries {
		if _, _, err := commit(s, refusal(s.View(), fmt.Sprint("web-", i))); err != nil {
			t.Fatal(err)
		}
	}
	size := s.Head().Size
	s = reopen(t, s)
	if s.base == nil || s.base.header.Size != size {
		t.Fatalf("%d entries and no snapshot of them", size)
	}
	if got := s.View().Floor(key("web-1")); got != floor(7, 1) {
		t.Errorf("the floor is at %v", got)
	}
}
