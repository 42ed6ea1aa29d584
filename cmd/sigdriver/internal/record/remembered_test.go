// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"slices"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
)

// What the record stands at is listed, wherever it is: in the snapshot, above it, or
// lowered since by a signed reset.
func TestFloorsListed(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	expect := func(want ...FloorRow) {
		t.Helper()
		got, total, err := s.Floors(100)
		if err != nil || total != uint64(len(want)) || !slices.Equal(got, want) {
			t.Errorf("%d of %v, %v, want %v", total, got, err, want)
		}
	}
	expect()
	allow(t, s, "web-1", floor(42, 1))
	allow(t, s, "db-1", floor(7, 2))
	expect(FloorRow{key("db-1"), floor(7, 2)}, FloorRow{key("web-1"), floor(42, 1)})
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	allow(t, s, "web-0", floor(3, 3))
	allow(t, s, "db-1", floor(8, 4))
	lower(t, s, "first", "web-*", 5)
	want := []FloorRow{{key("db-1"), floor(8, 4)}, {key("web-0"), floor(3, 3)}, {key("web-1"), verifier.Floor{Version: 5}}}
	expect(want...)
	if got, total, err := s.Floors(1); err != nil || total != 3 || !slices.Equal(got, want[:1]) {
		t.Errorf("%d of %v, %v", total, got, err)
	}
	s = reopen(t, s)
	expect(want...)
}
