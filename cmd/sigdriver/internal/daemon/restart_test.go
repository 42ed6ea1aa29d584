// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record/recordtest"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// restartEntries is how long the journal of TestRestartOverLongLog is.
var restartEntries = flag.Int("restart-entries", 5000, "entries of the journal that the driver restarts over")

// A driver is ready after a second's work, however long its log is: what has to be
// read does not grow with it.
func TestRestartOverLongLog(t *testing.T) {
	w := newWorld(t)
	w.transparent("")
	w.start()
	w.expect(compose(5), verifier.Allowed)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.fill(*restartEntries)
	w.start() // puts them into tiles
	for until := time.Now().Add(5 * time.Minute); w.metric("sigdriver_log_checkpoint_entries") != w.metric("sigdriver_journal_entries"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the log never has all of them")
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	best := time.Hour
	for range 5 {
		begin, worked := time.Now(), processorTime(t)
		w.start()
		took, work := time.Since(begin), processorTime(t)-worked
		w.expect(compose(5), verifier.Allowed)
		best = min(best, work)
		t.Logf("%s entries: ready after %v, of them %v of work", w.metric("sigdriver_journal_entries"), took, work)
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if best > time.Second {
		t.Errorf("ready after %v of work", best)
	}
}

// processorTime is what this process has used of the processors: it does not
// depend on what else the machine does.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// fill appends refusals to the journal, as a driver with a busy gateway has them.
func (w *world) fill(n int) {
	w.t.Helper()
	store, err := archive.Open(w.path("state/archive"), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var last *record.Entry
	for e, err := range record.Read(disk.OS{}, w.path("state/audit"), 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		last = e.Decision
	}
	var entries []record.Content
	for i := range n {
		e := record.Entry{Time: time.Now(), Driver: "test", Purpose: "COMPOSE", Verdict: "DENY", Reason: "THRESHOLD", Rules: verifier.RulesVersion, Revision: last.Revision,
			Target:        record.Target{GatewayID: "gw-east", Workspace: "prod", SandboxID: fmt.Sprint("sb-", i), Name: fmt.Sprint("web-", i)},
			RequestSHA256: sha256.Sum256(fmt.Append(nil, i)), Documents: make([]record.Digest, 12)}
		entries = append(entries, recordtest.Decision(w.t, store, e, record.DecisionRecord{Decision: &verifier.Decision{}}))
	}
	recordtest.Append(w.t, w.path("state"), entries...)
}
