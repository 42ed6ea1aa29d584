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
	h := &hands{wall: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)}
	return NewClockAt(m, h.now), h
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
	h.step(-MaxClockStep - time.Second)
	untrusted(t, c)
	h.pass(24 * time.Hour) // however long it lasts
	untrusted(t, c)
	h.step(MaxClockStep)
	trusted(t, c)
}

func TestStuckClock(t *testing.T) {
	c, h := beginClock(&marks{})
	h.mono += MaxClockStep
	trusted(t, c)
	h.mono += time.Second
	untrusted(t, c)
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
	again = NewClockAt(m, h.now)
	if got := trusted(t, again); !got.Equal(high) {
		t.Errorf("Now is %v, want the highest time %v", got, high)
	}
}
