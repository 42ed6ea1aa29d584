// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cputime

import (
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	const pause = 100 * time.Millisecond
	if spent := Of(func() { time.Sleep(pause) }); spent >= pause {
		t.Errorf("%v are spent on a pause of %v", spent, pause)
	}
	const work = 10 * time.Millisecond
	worked := func() {
		for before := thread(); thread()-before < work; {
		}
	}
	if spent := Of(worked); spent < work {
		t.Errorf("%v are spent on work of %v", spent, work)
	}
}
