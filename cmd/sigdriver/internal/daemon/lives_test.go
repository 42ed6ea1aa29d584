// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// A restart does not make a role young again, and what is fresh is young however short
// its author wants its life.
func TestLivesOutliveARestart(t *testing.T) {
	w := newWorld(t)
	share := func() float64 {
		f, err := strconv.ParseFloat(w.metric(`sigdriver_trust_role_life_left_ratio{role="timestamp"}`), 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	w.start()
	if got := share(); got < 0.9 {
		t.Errorf("%v of a fresh timestamp's life is left", got)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	later := 14 * time.Hour // of the day that it lives for
	begin := time.Now()
	w.start(func(o *Options) {
		o.Clock = func() (time.Time, time.Duration) { return time.Now().Add(later), time.Since(begin) }
	})
	if got := share(); got > 0.45 {
		t.Errorf("after a restart and 14 hours %v of the timestamp's life is left", got)
	}
	w.eventually("the driver warns", func() bool { return strings.Contains(w.log.String(), "less than half of a role's life is left") })
}
