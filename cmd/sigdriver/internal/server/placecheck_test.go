// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A look at the disk is shared by calls that were under way when it began, for a while;
// one that failed, or is older than the call, is not.
func TestPlaceCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p placeCheck
		looks := 0
		var found error
		ask := func(since time.Time, want int, ok bool) {
			t.Helper()
			err := p.check(since, func() error { looks++; return found })
			if looks != want || (err == nil) != ok {
				t.Errorf("%d looks, want %d; %v", looks, want, err)
			}
		}
		first, second := time.Now(), time.Now().Add(10*time.Microsecond)
		time.Sleep(20 * time.Microsecond)
		ask(first, 1, true)
		ask(second, 1, true)      // it was under way when the first looked
		ask(time.Now(), 2, true)  // it came with the look, not before
		ask(time.Time{}, 3, true) // nobody knows when it began, or its entry is new
		time.Sleep(time.Microsecond)
		ask(time.Now(), 4, true) // it came after the look
		early := time.Now()
		time.Sleep(time.Microsecond)
		ask(time.Now(), 5, true)
		time.Sleep(maxPlaceAge)
		found = errors.New("it is gone")
		ask(early, 6, false) // the look is too old
		ask(early, 7, false) // and one that failed tells nothing
	})
}

// misplaced is a record whose files are gone.
type misplaced struct{ Record }

func (misplaced) InPlace() error { return errors.New("it is gone") }

// An answer that was there before leaves on a look that another call had; one whose entry
// was just made does not.
func TestNewEntryIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Config: Config{Record: misplaced{}}}
		ctx := context.WithValue(t.Context(), beginKey{}, &beginning{at: time.Now()})
		time.Sleep(time.Microsecond)
		looked := time.Now()
		s.place.good.Store(&looked)
		a := &answer{entry: &place{}}
		if err := s.mayLeave(ctx, a, true); err != nil {
			t.Errorf("a cached answer: %v", err)
		}
		if s.mayLeave(ctx, a, false) == nil {
			t.Error("a new one leaves")
		}
	})
}
