// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package cputime measures what a test's own work costs, whatever else the machine
// does: a bound on the time by the clock would fail where others have the processors.
// Only tests use it.
package cputime

import (
	"runtime"
	"time"
)

// Of calls f and returns the time for which processors worked on it, in its own
// goroutine alone. Where the system does not tell, it is the time by the clock.
func Of(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := thread()
	f()
	return thread() - before
}
