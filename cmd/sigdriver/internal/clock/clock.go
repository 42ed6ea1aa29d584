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
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// MaxStep is how far the wall clock may disagree before it is not believed.
	MaxStep = 5 * time.Minute
	// Settle is how long a step forward must hold before it is believed.
	Settle = time.Minute
	// maxMark bounds the file that holds the highest time.
	maxMark = 64
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

// Clock is a clock that does not go back. It is safe for concurrent use.
type Clock struct {
	now  func() (wall time.Time, mono time.Duration)
	path string

	mu      sync.Mutex
	base    time.Time // wall time of the line that the wall clock should follow
	start   time.Duration
	high    time.Time // the highest time ever believed
	stepped time.Duration
	step    time.Duration // how far the wall clock is off the line, 0 for on it
}

// Open reads the highest time from the file "clock" in dir; a missing file is a
// first start. A file that cannot be read refuses: it is the driver's memory.
func Open(dir string) (*Clock, error) {
	begin := time.Now()
	return open(dir, func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(begin)
	})
}

func open(dir string, now func() (time.Time, time.Duration)) (*Clock, error) {
	c := &Clock{now: now, path: filepath.Join(dir, "clock")}
	data, err := os.ReadFile(c.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if len(data) > maxMark {
			data = data[:maxMark]
		}
		if c.high, err = time.Parse(time.RFC3339Nano, strings.TrimSpace(string(data))); err != nil {
			return nil, fmt.Errorf("%s holds no time: remove it if the system clock is right", c.path)
		}
	}
	c.base, c.start = now()
	return c, nil
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
	}
	return c.high, nil
}

// settled tells whether the wall clock has kept to a new line for long enough.
func (c *Clock) settled(off, mono time.Duration) bool {
	drift := off - c.step
	if c.step == 0 || drift > MaxStep || drift < -MaxStep {
		c.step, c.stepped = off, mono
		return false
	}
	return mono-c.stepped >= Settle
}

// Save makes the highest time durable. Call it every minute or so: what is lost
// is at most what passed since.
func (c *Clock) Save() error {
	c.mu.Lock()
	high := c.high
	c.mu.Unlock()
	if high.IsZero() {
		return nil
	}
	return writeAtomically(c.path, []byte(high.UTC().Format(time.RFC3339Nano)+"\n"))
}

// writeAtomically replaces a file so that a crash leaves the old or the new one.
func writeAtomically(path string, data []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
