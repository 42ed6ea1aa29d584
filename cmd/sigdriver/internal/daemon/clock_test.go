// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// hands are a wall clock that a test sets, and a monotonic one that it moves.
type hands struct {
	mu    sync.Mutex
	begin time.Time
	off   time.Duration // of the wall clock
	more  time.Duration // that has passed for both
}

func newHands() *hands { return &hands{begin: time.Now()} }

func (h *hands) now() (time.Time, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	mono := time.Since(h.begin) + h.more
	return h.begin.Round(0).Add(mono + h.off), mono
}

func (h *hands) set(off time.Duration) { h.mu.Lock(); defer h.mu.Unlock(); h.off = off }

func (h *hands) pass(d time.Duration) { h.mu.Lock(); defer h.mu.Unlock(); h.more += d }

func (w *world) clockUntrusted(s *verifiertest.Scenario) {
	w.t.Helper()
	got, err := w.client().Verify(w.t.Context(), requestOf(s))
	if status.Code(err) != codes.Unavailable || reasonOf(err) != "CLOCK_UNTRUSTED" {
		w.t.Fatalf("got %v, %v", got, err)
	}
}

// A clock that is wrong for a minute, or at boot, by more than trust lives for, stops
// decisions as long as it is wrong and not a restart longer.
func TestClockGlitchEndsWithItsCause(t *testing.T) {
	const month = 30 * 24 * time.Hour
	w := newWorld(t)
	h := newHands()
	at := func(o *Options) { o.Clock = h.now }
	w.start(at)
	s := compose(5)
	w.expect(s, verifier.Allowed)
	epoch := w.metric("sigdriver_trust_epoch")
	h.set(month)
	w.clockUntrusted(s)
	if got := w.metric("sigdriver_trust_epoch"); got != epoch || epoch == "0" {
		t.Errorf("with a wrong clock the epoch is %s, before it was %s", got, epoch)
	}
	h.pass(61 * time.Second)
	w.expect(s, verifier.TrustStale)
	w.expect(compose(6), verifier.TrustStale) // and recorded, with its time
	h.set(0)
	w.clockUntrusted(s)
	h.pass(61 * time.Second)
	w.expect(s, verifier.Allowed)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}

	h.set(10 * 12 * month)
	w.start(at)
	w.expect(s, verifier.TrustStale)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	h.set(0)
	w.start(at)
	w.expect(s, verifier.Allowed)
	w.stop()
	w.verifyLog()
}

// A wrong time that trust vouches for is remembered, over restarts, until it is
// reached or the operator says otherwise, which is in the journal.
func TestAcceptClock(t *testing.T) {
	w := newWorld(t)
	h := newHands()
	at := func(o *Options) { o.Clock = h.now }
	w.start(at)
	s := compose(5)
	w.expect(s, verifier.Allowed)
	h.set(20 * time.Minute)
	w.clockUntrusted(s)
	h.pass(61 * time.Second)
	w.expect(s, verifier.Allowed)
	w.expect(compose(6), verifier.Allowed)
	h.set(0)
	w.clockUntrusted(s)
	h.pass(61 * time.Second)
	w.clockUntrusted(s)
	w.stop()
	w.start(at)
	w.clockUntrusted(s)
	w.stop()
	w.start(at, func(o *Options) { o.AcceptClock = true })
	w.expect(compose(6), verifier.Allowed)
	if !strings.Contains(w.log.String(), "on the operator's word") {
		t.Error("it is not said")
	}
	w.stop()
	w.start(at)
	w.expect(compose(6), verifier.Allowed)
	w.stop()
	w.verifyLog()
	accepted := 0
	for e, err := range record.Read(disk.OS{}, w.path("state/audit"), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Clock != nil && e.Clock.Accepted {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d entries say that the clock was accepted", accepted)
	}
}

// verifyLog holds what the driver left behind against the rules of an audit.
func (w *world) verifyLog() {
	w.t.Helper()
	r, err := evidence.Verify(w.path("state"), evidence.VerifyOptions{})
	if err != nil || !r.Well() {
		w.t.Errorf("the log: %+v, %v", r, err)
	}
}
