// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// A cached answer writes nothing to the journal, and points at the entry that made
// it; one entry says afterwards how often it was given.
func TestCachedAnswersAreCounted(t *testing.T) {
	s := verifiertest.ComposePlain()
	w := newWorld(t, s)
	w.served.begin(s.Now)
	first := w.expect(s, signingv1.Reason_REASON_ALLOWED)
	before := w.record.Head()
	const n = 1000
	for range n {
		if again := w.expect(s, signingv1.Reason_REASON_ALLOWED); again.Receipt.LogIndex != first.Receipt.LogIndex || string(again.Receipt.EntrySha256) != string(first.Receipt.EntrySha256) {
			t.Fatal("it points at another entry")
		}
	}
	if w.record.Head() != before || w.record.appends.Load() != 1 || w.metrics.cached.Load() != n {
		t.Fatalf("%d entries before, %d after, %d appends, %d cached", before.Size, w.record.Head().Size, w.record.appends.Load(), w.metrics.cached.Load())
	}
	w.count()
	for e, err := range w.record.Entries(before.Size) {
		if err != nil || e.Served == nil || len(e.Served.Answers) != 1 || e.Served.Answers[0] != (record.ServedAnswer{Index: first.Receipt.LogIndex, Count: n}) || e.Served.Others != 0 {
			t.Errorf("%+v, %v", e.Served, err)
		}
	}
	if w.record.Head().Size != before.Size+1 {
		t.Errorf("%d entries", w.record.Head().Size)
	}
	w.count() // nothing since
	if w.record.Head().Size != before.Size+1 {
		t.Error("an entry that counts nothing")
	}
}

// Nothing is lost and nothing counted twice, whoever counts and takes at the same
// time; beyond the bound there is one number for all.
func TestServedIsExact(t *testing.T) {
	var s served
	s.begin(time.Unix(1, 0))
	answers := make([]*answer, maxServed+500)
	for i := range answers {
		answers[i] = &answer{entry: &place{index: uint64(i)}}
	}
	answers[7].entry = nil // a refusal that was counted and has no entry
	const callers, each = 8, 20000
	var total, listed atomic.Uint64
	add := func(taken record.Served) {
		total.Add(taken.Others)
		if len(taken.Answers) > maxServed {
			t.Errorf("%d answers are listed", len(taken.Answers))
		}
		for i, a := range taken.Answers {
			total.Add(a.Count)
			listed.Add(1)
			if a.Index == 7 || i > 0 && a.Index <= taken.Answers[i-1].Index {
				t.Errorf("answer %d at %d", a.Index, i)
			}
		}
	}
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(c)))
			for i := range each {
				s.add(answers[random.IntN(len(answers))])
				if i%3000 == 0 {
					add(s.take(time.Unix(2, 0)))
				}
			}
		})
	}
	all.Wait()
	add(s.take(time.Unix(3, 0)))
	if total.Load() != callers*each || listed.Load() == 0 {
		t.Errorf("%d of %d counted, %d listed", total.Load(), callers*each, listed.Load())
	}
}

// Counts that the journal does not take wait, and nothing of them is lost.
func TestServedWaits(t *testing.T) {
	s := verifiertest.ComposePlain()
	w := newWorld(t, s)
	w.served.begin(s.Now)
	w.expect(s, signingv1.Reason_REASON_ALLOWED)
	for range 3 {
		w.expect(s, signingv1.Reason_REASON_ALLOWED)
	}
	full := &failingCount{Record: w.Config.Record, err: errors.New("full")}
	w.Config.Record = full
	w.count()
	full.err = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.CountServed(ctx) // ends, and records what it has
	if full.got.Others != 3 {
		t.Errorf("%+v", full.got)
	}
}

type failingCount struct {
	Record
	err error
	got record.Served
}

func (j *failingCount) Count(s record.Served) (record.Served, error) {
	if j.err != nil {
		return s, j.err
	}
	j.got.Others += s.Others
	for _, a := range s.Answers {
		j.got.Others += a.Count
	}
	return record.Served{}, nil
}

// testLog is a transparency log that says what the test wants.
type testLog struct {
	err error
	ill bool
}

func (l *testLog) MayAllow() error { return l.err }
func (l *testLog) Well() bool      { return !l.ill }

// While the log says that nothing may leave, no ALLOW does: not a new one, not a
// cached one. A refusal does, and a log that is only late holds nothing back.
func TestLogHoldsAllowsBack(t *testing.T) {
	s := verifiertest.ComposePlain()
	w := newWorld(t, s)
	log := &testLog{}
	w.Config.Log = log
	w.expect(s, signingv1.Reason_REASON_ALLOWED)
	held := func(what string, s *verifiertest.Scenario) {
		t.Helper()
		got, err := w.ask(s)
		if status.Code(err) != codes.Unavailable || got != nil || strings.Contains(err.Error(), "witness") {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	log.err = errors.New("a witness refuses")
	held("a cached ALLOW", s)
	other := verifiertest.ComposeLayers()
	held("a new ALLOW", other)
	if w.Recording() {
		t.Error("it says that it can answer")
	}
	denied := verifiertest.ComposePlain()
	denied.Request.Documents[0].Attestations = nil
	w.expect(denied, signingv1.Reason(verifier.CompositionPartUnattested))
	log.err, log.ill = nil, true
	w.expect(s, signingv1.Reason_REASON_ALLOWED)
	w.expect(other, signingv1.Reason_REASON_ALLOWED)
	if well, _ := w.Healthy("audit"); well || !w.Recording() {
		t.Errorf("health says %v, recording %v", well, w.Recording())
	}
	log.ill = false
	if well, _ := w.Healthy("audit"); !well {
		t.Error("it is still ill")
	}
}
