// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"testing"
	"time"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// hotWorld has allowed one question.
func hotWorld(t *testing.T) (*world, *verifiertest.Scenario) {
	t.Helper()
	s := verifiertest.ComposeLayers()
	w := newWorld(t, s)
	w.expect(s, allowed)
	return w, s
}

// After a change of trust what was allowed is decided once, before it is asked, and then
// given to whoever asks.
func TestHotAnswersAreDecidedAhead(t *testing.T) {
	w, s := hotWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.DecideAhead(ctx) }()
	defer func() { cancel(); <-done }()
	for range 2 {
		s.Epoch++
		before := w.metrics.ahead.Load()
		w.swap(s)
		for end := time.Now().Add(time.Minute); w.metrics.ahead.Load() == before; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it is never decided ahead")
			}
		}
		cached := w.metrics.cached.Load()
		if got := w.expect(s, allowed); got.Trust.Epoch != s.Epoch || w.metrics.cached.Load() != cached+1 {
			t.Errorf("of epoch %d, and decided when it is asked", got.Trust.Epoch)
		}
	}
	if n := w.record.appends.Load(); n != 3 {
		t.Errorf("%d entries for three epochs", n)
	}
	if n := w.Admission.turns.Held() + w.Cold(); n != 0 {
		t.Errorf("%d turns and places are held", n)
	}
}

// Nothing but an ALLOW that changes nothing is decided ahead: no refusal that nobody asked
// for is recorded, and no floor moves.
func TestOnlyPlainAllowsAreDecidedAhead(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world, *verifiertest.Scenario)
		want   signingv1.Reason
	}{
		{"revoked", func(_ *world, s *verifiertest.Scenario) {
			s.Revocations = verifiertest.Revocations(verifiertest.Revoke("document", s.SHA256(0)))
		}, signingv1.Reason_REASON_DOCUMENT_REVOKED},
		{"nobody has asked for long", func(w *world, s *verifiertest.Scenario) {
			w.now.set(s.Now.Add(hotFor+2*time.Second), nil)
		}, allowed},
		{"another version was allowed meanwhile", func(w *world, s *verifiertest.Scenario) {
			next := verifiertest.ComposeLayers()
			a := next.Approval(0)
			a.Version = "43"
			tree := verifiertest.Policy()
			tree["note"] = "next"
			next.Request.Documents[0].Body = verifiertest.Canonical(tree)
			next.Recompose().ApproveAs(0, a, "alice", "bob")
			w.expect(next, allowed)
			w.hot.Drop(hotKey{w.fingerprint(next), gatewayUID})
		}, signingv1.Reason_REASON_VERSION_ROLLBACK},
	} {
		w, s := hotWorld(t)
		c.change(w, s)
		entries := w.record.appends.Load()
		s.Epoch++
		w.swap(s)
		w.decideHot(t.Context())
		if n := w.record.appends.Load(); n != entries || w.metrics.ahead.Load() != 0 {
			t.Errorf("%s: %d entries more", c.name, n-entries)
		}
		w.expect(s, c.want)
	}
}

// fingerprint is that of a scenario's question.
func (w *world) fingerprint(s *verifiertest.Scenario) fingerprint {
	data := pieces(encode(w.t, requestOf(s, "r-1")), 4096)
	q, err := readQuestion(data)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.printer.print(&q, data)
}
