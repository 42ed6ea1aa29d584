// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"testing"
	"time"
)

// hands are a wall clock and a monotonic clock that a test moves.
type hands struct {
	wall time.Time
	mono time.Duration
}

func (h *hands) now() (time.Time, time.Duration) { return h.wall, h.mono }

// pass lets time pass as it does.
func (h *hands) pass(d time.Duration) { h.wall, h.mono = h.wall.Add(d), h.mono+d }

// step sets the wall clock only.
func (h *hands) step(d time.Duration) { h.wall = h.wall.Add(d) }

// marks is a Mark that outlives a Clock.
type marks struct{ high time.Time }

func (m *marks) HighWater() time.Time     { return m.high }
func (m *marks) SetHighWater(t time.Time) { m.high = t }

func beginClock(m *marks) (*Clock, *hands) {
	h := &hands{wall: noonOfAugust}
	return startClock(m, h, func(time.Time) bool { return true }), h
}

var noonOfAugust = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func startClock(m *marks, h *hands, vouches func(time.Time) bool) *Clock {
	c := NewClockAt(m, h.now)
	c.VouchedBy(vouches)
	return c
}

// untilTomorrow vouches for a day, as fresh trust does.
func untilTomorrow(t time.Time) bool { return t.Before(noonOfAugust.AddDate(0, 0, 1)) }

// A time at which trust has expired is one to refuse at, and is forgotten with its
// cause: in the process once the clock has kept to the truth for a while, and at once
// in the next.
func TestGlitchBeyondTrustIsNotRemembered(t *testing.T) {
	m := &marks{}
	h := &hands{wall: noonOfAugust}
	c := startClock(m, h, untilTomorrow)
	before := trusted(t, c)
	h.step(30 * 24 * time.Hour)
	untrusted(t, c)
	h.pass(ClockSettle + time.Second)
	if got := trusted(t, c); !got.Equal(h.wall) {
		t.Errorf("Now is %v, want %v to refuse at", got, h.wall)
	}
	if !m.high.Equal(before) {
		t.Fatalf("remembered: %v", m.high)
	}
	h.step(-30 * 24 * time.Hour)
	trusted(t, startClock(m, h, untilTomorrow))
	untrusted(t, c)
	h.pass(ClockSettle)
	if got := trusted(t, c); !got.Equal(h.wall) {
		t.Errorf("Now is %v, want %v", got, h.wall)
	}
}

func TestBootInTheFuture(t *testing.T) {
	m := &marks{high: noonOfAugust}
	h := &hands{wall: noonOfAugust.AddDate(10, 0, 0)}
	c := startClock(m, h, untilTomorrow)
	trusted(t, c)
	h.wall = noonOfAugust.Add(time.Hour)
	untrusted(t, c)
	h.pass(ClockSettle)
	trusted(t, c)
	h.step(-2 * time.Hour) // behind a time that trust vouched for
	untrusted(t, c)
	h.pass(ClockSettle)
	untrusted(t, c)
}

// Until trust is there nobody vouches, and nothing is remembered.
func TestNobodyVouches(t *testing.T) {
	m := &marks{}
	h := &hands{wall: noonOfAugust}
	c := NewClockAt(m, h.now)
	trusted(t, c)
	if !m.high.IsZero() {
		t.Errorf("remembered: %v", m.high)
	}
}

func trusted(t *testing.T, c *Clock) time.Time {
	t.Helper()
	now, err := c.Now()
	if err != nil {
		t.Fatalf("Now: %v", err)
	}
	return now
}

func untrusted(t *testing.T, c *Clock) {
	t.Helper()
	now, err := c.Now()
	var u *ClockError
	if !errors.As(err, &u) || !now.IsZero() {
		t.Fatalf("Now: %v, %v; want an *ClockError", now, err)
	}
}

func TestTimePasses(t *testing.T) {
	c, h := beginClock(&marks{})
	for range 100 {
		h.pass(time.Hour)
		if got := trusted(t, c); !got.Equal(h.wall) {
			t.Fatalf("Now is %v at %v", got, h.wall)
		}
	}
}

func TestSmallStepBackNeverResurrects(t *testing.T) {
	c, h := beginClock(&marks{})
	before := trusted(t, c)
	h.step(-MaxClockStep)
	if got := trusted(t, c); !got.Equal(before) {
		t.Errorf("Now went from %v to %v", before, got)
	}
}

func TestStepBackStopsUntilItRecovers(t *testing.T) {
	c, h := beginClock(&marks{})
	trusted(t, c)
	h.step(-2 * MaxClockStep)
	untrusted(t, c)
	h.pass(ClockSettle) // it keeps to where it is, which is behind the highest time
	untrusted(t, c)
	h.step(MaxClockStep)
	trusted(t, c)
}

func TestStuckClock(t *testing.T) {
	c, h := beginClock(&marks{})
	h.mono += MaxClockStep
	trusted(t, c)
	for range 600 {
		h.mono += time.Second
		untrusted(t, c)
	}
}

func TestStepForwardIsBelievedOnceItHolds(t *testing.T) {
	c, h := beginClock(&marks{})
	trusted(t, c)
	h.step(10 * 365 * 24 * time.Hour)
	untrusted(t, c)
	h.pass(ClockSettle - time.Second)
	untrusted(t, c)
	h.pass(time.Second)
	if got := trusted(t, c); !got.Equal(h.wall) {
		t.Errorf("Now is %v, want %v", got, h.wall)
	}
}

func TestGlitchForwardLeavesNoMark(t *testing.T) {
	m := &marks{}
	c, h := beginClock(m)
	before := trusted(t, c)
	h.step(time.Hour)
	untrusted(t, c)
	if !m.high.Equal(before) {
		t.Errorf("a glitch was noted: %v", m.high)
	}
	h.step(-time.Hour)
	if got := trusted(t, c); !got.Equal(h.wall) {
		t.Errorf("Now is %v, want %v", got, h.wall)
	}
	// A second glitch to another time begins its own wait.
	h.step(2 * time.Hour)
	untrusted(t, c)
	h.pass(ClockSettle / 2)
	h.step(time.Hour)
	untrusted(t, c)
	h.pass(ClockSettle / 2)
	untrusted(t, c)
}

func TestHighestTimeOutlivesTheProcess(t *testing.T) {
	m := &marks{}
	c, h := beginClock(m)
	h.pass(time.Hour)
	high := trusted(t, c)
	again, h := beginClock(m) // an hour back
	untrusted(t, again)
	h.wall = high.Add(-MaxClockStep)
	again = startClock(m, h, func(time.Time) bool { return true })
	if got := trusted(t, again); !got.Equal(high) {
		t.Errorf("Now is %v, want the highest time %v", got, high)
	}
}
