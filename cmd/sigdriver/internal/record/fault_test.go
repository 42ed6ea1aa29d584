// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

// A segment's name is durable before its first entry, an entry before Append
// returns, and what a killed process left before Open returns. SIGKILL cannot
// show this: it does not lose what the kernel holds.
func TestDurable(t *testing.T) {
	fs := &disktest.FS{}
	dir := t.TempDir()
	done := 0
	expect := func(what, want string) {
		t.Helper()
		ops := fs.Operations()
		if got := strings.Join(ops[done:], " "); got != want {
			t.Errorf("%s does %q, want %q", what, got, want)
		}
		done = len(ops)
	}
	j := start(t, dir, Options{FS: fs, SegmentSize: 1})
	expect("Open", "mkdir syncdir lock create syncdir")
	add(t, j, allowed("a"))
	expect("the first Append", "write sync")
	add(t, j, allowed("b"))
	expect("Append to a new segment", "create syncdir write sync")
	j.Close()
	expect("Close", "")
	j = start(t, dir, Options{FS: fs})
	expect("Open of what is there", "mkdir syncdir lock sync syncdir")
	j.Close()
	name := segmentName(dir, 1)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir, Options{FS: fs})
	expect("Open of a torn tail", "mkdir syncdir lock truncate sync syncdir")
}

func TestNoRetry(t *testing.T) {
	for op, skip := range map[string]int{"write": 1, "sync": 2} {
		fs := &disktest.FS{}
		j := start(t, t.TempDir(), Options{FS: fs})
		add(t, j, allowed("good"))
		head := j.Head()
		fs.Arm(skip, syscall.EIO)
		before := len(fs.Operations())
		var failed *WriteError
		if _, _, err := put(j, allowed("bad")); !errors.As(err, &failed) || !errors.Is(err, syscall.EIO) {
			t.Fatalf("%s: %v", op, err)
		}
		if ops := fs.Operations()[before:]; ops[len(ops)-1] != op {
			t.Fatalf("%s: the fault hit %v", op, ops)
		}
		after := len(fs.Operations())
		for range 3 {
			for _, e := range []Entry{allowed("more"), denied("more")} {
				if _, _, err := put(j, e); !errors.As(err, &failed) {
					t.Errorf("%s: after the fault: %v", op, err)
				}
			}
		}
		// Also one that was waiting already when the fault struck.
		waited := newWaiting(kindDecision, []byte("{}"))
		j.mu.Lock()
		j.pending = append(j.pending, waited)
		j.mu.Unlock()
		j.nudge()
		if <-waited.done; !errors.As(waited.err, &failed) {
			t.Errorf("%s: an entry that waited: %v", op, waited.err)
		}
		if j.Head() != head || !errors.As(j.Err(), &failed) {
			t.Errorf("%s: head %v, %v", op, j.Head(), j.Err())
		}
		if err := j.Close(); !errors.As(err, &failed) {
			t.Errorf("%s: closed with %v", op, err)
		}
		if ops := fs.Operations()[after:]; len(ops) > 0 {
			t.Errorf("%s: tried again: %v", op, ops)
		}
	}
}
