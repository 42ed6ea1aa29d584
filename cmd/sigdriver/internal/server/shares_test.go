// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestNoUIDTakesAll(t *testing.T) {
	s := newShares(3, 8)
	for uid := range uint32(2) {
		for i := range 5 {
			if got := s.try(uid, 1); got != (i < 3) {
				t.Errorf("uid %d, share %d: %t", uid, i, got)
			}
		}
	}
	if !s.try(7, 2) || s.try(8, 1) {
		t.Error("all together have another bound")
	}
	s.give(0, 1)
	if !s.try(8, 1) || s.Held() != 8 {
		t.Errorf("%d are held", s.Held())
	}
}

// Who holds least comes first, and one uid's requests in their order.
func TestSharesAreGivenInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShares(2, 2)
		s.try(1, 1)
		s.try(1, 1)
		var got []string
		wait := func(uid uint32, name string) {
			go func() {
				if s.take(t.Context(), uid, 1) == nil {
					got = append(got, name)
				}
			}()
			synctest.Wait()
		}
		wait(1, "first of 1")
		wait(1, "second of 1")
		wait(2, "of 2")
		for range 3 {
			s.give(1, 1)
			synctest.Wait()
		}
		if len(got) != 3 || got[0] != "of 2" || got[1] != "first of 1" || got[2] != "second of 1" {
			t.Errorf("in the order %q", got)
		}
	})
}

func TestWhoLeavesHoldsNothing(t *testing.T) {
	s := newShares(1, 1)
	s.try(1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.take(ctx, 2, 1); err == nil {
		t.Fatal("it waits no longer and holds a share")
	}
	s.give(1, 1)
	if len(s.waiting) != 0 || s.Held() != 0 || len(s.by) != 0 {
		t.Errorf("%d wait, %d held by %v", len(s.waiting), s.Held(), s.by)
	}
}

// One uid alone may hold all; while others ask, less.
func TestCrowdedShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShares(2, 16)
		s.crowded = 1
		for range 2 {
			if !s.try(1, 1) {
				t.Error("one uid alone does not hold all")
			}
		}
		if !s.try(2, 1) {
			t.Error("another has no share")
		}
		s.give(1, 2)
		if !s.try(1, 1) || s.try(1, 1) {
			t.Error("beside another uid it holds more than its part")
		}
		time.Sleep(2 * time.Second)
		if !s.try(1, 1) {
			t.Error("the other one has not asked for long")
		}
	})
}
