// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxClockStep is how far the wall clock may disagree before it is not believed.
	MaxClockStep = 5 * time.Minute
	// ClockSettle is how long a step must hold before it is believed.
	ClockSettle = time.Minute
)

// ClockError says that the clock disagrees with what is known.
type ClockError struct {
	Wall     time.Time
	Expected time.Time
}

func (e *ClockError) Error() string {
	return fmt.Sprintf("the clock says %s, expected about %s: correct it (timedatectl); if it is right, start once with --accept-clock",
		e.Wall.UTC().Format(time.RFC3339), e.Expected.UTC().Format(time.RFC3339))
}

// ClockMemory is durable memory of the highest time.
type ClockMemory interface {
	// HighWater returns the highest time ever noted, the zero Time for none.
	HighWater() time.Time
	// SetHighWater notes a time. It must not block.
	SetHighWater(time.Time)
}

// settleDrift is how far the wall clock may leave the line that it was seen on while
// it is waited whether it keeps to it. One that stands still leaves every line.
const settleDrift = ClockSettle / 10

// Clock tells the time that decisions are made at. It never goes back behind a time
// that trust vouched for, also across restarts, and says so when the wall clock cannot
// be believed. It is safe for concurrent use.
//
// The wall clock is compared with the monotonic clock of the process and with the
// highest time that trust vouched for, which the record remembers. A disagreement of
// more than MaxClockStep stops decisions until it is gone; a step is taken for the
// truth once it has held for ClockSettle, back to the highest time at most. What
// trust does not vouch for, because it has expired by then, is the time of decisions,
// which are refusals, and is never remembered.
type Clock struct {
	now     func() (wall time.Time, mono time.Duration)
	mark    ClockMemory
	vouches atomic.Pointer[func(time.Time) bool] // nil: nobody vouches for any time

	mu      sync.Mutex
	base    time.Time // wall time of the line that the wall clock should follow
	start   time.Duration
	high    time.Time // the highest time that trust vouched for
	stepped time.Duration
	step    time.Duration // how far the wall clock is off the line, 0 for on it
}

// NewClock starts a clock at the system's time.
func NewClock(mark ClockMemory) *Clock {
	begin := time.Now()
	return NewClockAt(mark, func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(begin)
	})
}

// NewClockAt starts a clock that reads its time from elsewhere: the wall clock, and one
// that never steps.
func NewClockAt(mark ClockMemory, now func() (time.Time, time.Duration)) *Clock {
	c := &Clock{now: now, mark: mark, high: mark.HighWater()}
	c.base, c.start = now()
	return c
}

// VouchedBy has trust say for which times it vouches. The function must not ask the
// clock.
func (c *Clock) VouchedBy(vouches func(time.Time) bool) { c.vouches.Store(&vouches) }

// Now returns max(wall clock, highest time). The error is an *ClockError,
// and then no decision may be made.
func (c *Clock) Now() (time.Time, error) {
	wall, mono := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	expected := c.base.Add(mono - c.start)
	off := wall.Sub(expected)
	if far(off) && c.settled(off, mono) {
		c.base, c.start, off = wall, mono, 0
	}
	if far(off) {
		return time.Time{}, &ClockError{Wall: wall, Expected: expected}
	}
	if c.high.Sub(wall) > MaxClockStep {
		return time.Time{}, &ClockError{Wall: wall, Expected: c.high}
	}
	c.stepped, c.step = 0, 0
	if !wall.After(c.high) {
		return c.high, nil
	}
	if vouches := c.vouches.Load(); vouches != nil && (*vouches)(wall) {
		c.high = wall
		c.mark.SetHighWater(wall)
	}
	return wall, nil
}

func far(off time.Duration) bool { return off > MaxClockStep || off < -MaxClockStep }

// settled reports whether the wall clock has kept to a new line for long enough.
func (c *Clock) settled(off, mono time.Duration) bool {
	if drift := off - c.step; c.step == 0 || drift > settleDrift || drift < -settleDrift {
		c.step, c.stepped = off, mono
		return false
	}
	return mono-c.stepped >= ClockSettle
}
