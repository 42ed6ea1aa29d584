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

// A large snapshot is made anew less often than a small one, but what is in memory until
// then does not grow with it.
func TestWhenASnapshotIsDue(t *testing.T) {
	for _, c := range []struct {
		rows, entries, last uint64
		want                bool
	}{
		{snapshotRows - 1, snapshotEntries - 1, 0, false},
		{snapshotRows, 0, 0, true},
		{0, snapshotEntries, 0, true},
		{snapshotRows, snapshotEntries, 100_000, false},
		{100_000 / 8, 0, 100_000, true},
		{0, 100_000 / 32, 100_000, true},
		{snapshotMost - 1, snapshotMost - 1, 1_000_000_000, false},
		{snapshotMost, 0, 1_000_000_000, true},
		{0, snapshotMost, 1_000_000_000, true},
	} {
		if got := snapshotDueAfter(c.rows, c.entries, c.last); got != c.want {
			t.Errorf("%d rows and %d entries after one of %d rows: %t", c.rows, c.entries, c.last, got)
		}
	}
}
