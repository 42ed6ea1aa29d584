// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package receipt_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// Numbers are held against those of the driver that signed, and of no other.
func TestSeen(t *testing.T) {
	all := vectors(t)
	var name string
	for _, n := range slices.Sorted(maps.Keys(all)) {
		if v := all[n]; v.Expect == "VERIFIED" && len(v.Want.Keys) == 1 && v.Want.Keys[0].Driver != "" && v.Want.MinSequence == "0" {
			name = n
			break
		}
	}
	if name == "" {
		t.Fatal("no vector is verified by a key that says whose it is")
	}
	v := all[name]
	want := wantOf(t, v)
	id := want.Keys[0].Driver
	want.Seen = receipt.Seen{"another driver": {MinEpoch: 1 << 40, MinSequence: 1 << 40}}
	s, err := receipt.Verify(v.Receipt, want)
	if err != nil {
		t.Fatalf("beside another driver with higher numbers: %v", err)
	}
	want.Seen.Take(s)
	if got := want.Seen[id]; got.MinEpoch != s.Predicate.Trust.Epoch || got.MinSequence != s.Predicate.Sequence+1 {
		t.Errorf("kept %+v", got)
	}
	stale := func(what string) {
		t.Helper()
		var r *receipt.Refusal
		if _, err := receipt.Verify(v.Receipt, want); !errors.As(err, &r) || r.Finding != receipt.FindingStale {
			t.Errorf("%s: %v", what, err)
		}
	}
	stale("the same receipt again")
	want.Seen = receipt.Seen{id: {MinEpoch: s.Predicate.Trust.Epoch + 1}}
	stale("after a later epoch")
	want.Seen = receipt.Seen{}
	want.Keys[0].Driver = ""
	var r *receipt.Refusal
	if _, err := receipt.Verify(v.Receipt, want); !errors.As(err, &r) || r.Finding != receipt.FindingSignature {
		t.Errorf("by a key that does not say whose it is: %v", err)
	}
}
