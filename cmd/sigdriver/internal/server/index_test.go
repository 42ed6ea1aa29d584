// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// unbuilt gives a world an index that has not read its folder yet, in which are the
// attestations of a scenario.
func unbuilt(t *testing.T, s *verifiertest.Scenario) *world {
	t.Helper()
	w := newWorld(t, s)
	for i := range s.Request.Documents {
		if err := os.WriteFile(filepath.Join(w.dir, "of-"+s.SHA256(i)), bytes.Join(s.Request.Documents[i].Attestations, []byte("\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.index = trust.NewIndex(w.dir, func() time.Time { return verifiertest.Now }, hclog.NewNullLogger())
	w.index.SetTrust(w.trust.Current().Trust, nil)
	w.Server.Index = w.index
	return w
}

// A driver that has just started has a question wait until it knows what there is, and
// decides it once.
func TestQuestionsWaitForTheIndex(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := unbuilt(t, s)
	for i := range s.Request.Documents {
		s.Offer(i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := w.askRaw(ctx, encode(t, requestOf(s, "r-1"))); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("before the index is built: %v", err)
	}
	answered := make(chan error, 1)
	go func() {
		got, err := w.askRaw(context.Background(), encode(t, requestOf(s, "r-1")))
		if err == nil && got.Reason != allowed {
			t.Errorf("it is answered %v: %v", got.Reason, got.Findings)
		}
		answered <- err
	}()
	w.index.Fill(t.Context())
	if err := <-answered; err != nil {
		t.Error(err)
	}
	w.expect(s, allowed)
	if n := w.record.appends.Load(); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// What brings all that it takes does not wait for the index; what brings too little does.
func TestOwnAttestationsComeFirst(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := unbuilt(t, s)
	w.expect(s, allowed)
	some := verifiertest.ComposeLayers()
	some.Offer(0)
	some.Request.Target = verifiertest.WebTwo
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := w.askRaw(ctx, encode(t, requestOf(some, "r-2"))); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("before the index is built: %v", err)
	}
	answered := make(chan error, 1)
	go func() {
		got, err := w.ask(some)
		if err == nil && got.Reason != allowed {
			t.Errorf("it is answered %v: %v", got.Reason, got.Findings)
		}
		answered <- err
	}()
	w.index.Fill(t.Context())
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// tired is an index that is not built and not worth waiting for.
type tired struct{ *trust.Index }

func (tired) Settled() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// Nothing is refused because of what was not read yet, however long that takes. What
// brings its own attestations is allowed.
func TestNothingIsRefusedBeforeTheIndexIsBuilt(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := unbuilt(t, s)
	w.Server.Index = tired{w.index}
	w.expect(s, allowed)
	bare := verifiertest.ComposeLayers()
	bare.Offer(0)
	bare.Request.Target = verifiertest.WebTwo
	_, err := w.ask(bare)
	fails(t, err, codes.Unavailable, reasonIndexUnavailable)
	if n := w.record.appends.Load(); n != 1 {
		t.Errorf("%d entries", n)
	}
	w.index.Fill(t.Context())
	w.expect(bare, allowed)
}

// Trust that refuses everything does not wait for attestations.
func TestExpiredTrustWaitsForNothing(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := unbuilt(t, s)
	w.Server.Index = tired{w.index}
	w.now.set(verifiertest.Now.AddDate(2, 0, 0), nil)
	w.expect(s, signingv1.Reason_REASON_TRUST_STALE)
}
