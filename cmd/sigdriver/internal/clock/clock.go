// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package clock tells the time that decisions are made at. It never goes back,
// also across restarts, and says so when the wall clock cannot be believed.
//
// The wall clock is compared with the monotonic clock of the process and with
// the highest time this driver has ever worked at, kept in its state folder. A
// disagreement of more than MaxStep stops decisions until it is gone; a step
// forward is taken for the truth once it has held for Settle.
package clock

import (
	"fmt"
	"sync"
	"time"
)

const (
	// MaxStep is how far the wall clock may disagree before it is not believed.
	MaxStep = 5 * time.Minute
	// Settle is how long a step forward must hold before it is believed.
	Settle = time.Minute
)

// UntrustedError says that the clock disagrees with what is known.
type UntrustedError struct {
	Wall     time.Time
	Expected time.Time
}

func (e *UntrustedError) Error() string {
	return fmt.Sprintf("the clock says %s, expected about %s: correct it (timedatectl), then ask again",
		e.Wall.UTC().Format(time.RFC3339), e.Expected.UTC().Format(time.RFC3339))
}

// Mark is durable memory of the highest time.
type Mark interface {
	// HighWater returns the highest time ever noted, the zero Time for none.
	HighWater() time.Time
	// SetHighWater notes a time. It must not block.
	SetHighWater(time.Time)
}

// Clock is a clock that does not go back. It is safe for concurrent use.
type Clock struct {
	now  func() (wall time.Time, mono time.Duration)
	mark Mark

	mu      sync.Mutex
	base    time.Time // wall time of the line that the wall clock should follow
	start   time.Duration
	high    time.Time // the highest time ever believed
	stepped time.Duration
	step    time.Duration // how far the wall clock is off the line, 0 for on it
}

// New starts a clock at the system's time.
func New(mark Mark) *Clock {
	begin := time.Now()
	return start(mark, func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(begin)
	})
}

func start(mark Mark, now func() (time.Time, time.Duration)) *Clock {
	c := &Clock{now: now, mark: mark, high: mark.HighWater()}
	c.base, c.start = now()
	return c
}

// Now returns max(wall clock, highest time). The error is an *UntrustedError,
// and then no decision may be made.
func (c *Clock) Now() (time.Time, error) {
	wall, mono := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	expected := c.base.Add(mono - c.start)
	off := wall.Sub(expected)
	if off > MaxStep && c.settled(off, mono) {
		c.base, c.start, off = wall, mono, 0
	}
	if off > MaxStep || off < -MaxStep {
		return time.Time{}, &UntrustedError{Wall: wall, Expected: expected}
	}
	if c.high.Sub(wall) > MaxStep {
		return time.Time{}, &UntrustedError{Wall: wall, Expected: c.high}
	}
	c.stepped, c.step = 0, 0
	if wall.After(c.high) {
		c.high = wall
		c.mark.SetHighWater(wall)
	}
	return c.high, nil
}

// settled reports whether the wall clock has kept to a new line for long enough.
func (c *Clock) settled(off, mono time.Duration) bool {
	drift := off - c.step
	if c.step == 0 || drift > MaxStep || drift < -MaxStep {
		c.step, c.stepped = off, mono
		return false
	}
	return mono-c.stepped >= Settle
}
