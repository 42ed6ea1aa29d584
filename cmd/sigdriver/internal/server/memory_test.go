// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"slices"
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

// testMemory is a shared memory that was read some time ago.
type testMemory struct {
	asOf atomic.Pointer[time.Time] // nil: never
	err  error
}

func (m *testMemory) Err() error { return m.err }
func (m *testMemory) AsOf() time.Time {
	if p := m.asOf.Load(); p != nil {
		return *p
	}
	return time.Time{}
}

func (m *testMemory) read(ago time.Duration) {
	at := time.Now().Add(-ago)
	m.asOf.Store(&at)
}

// hooked is a record of which the revision is looked at.
type hooked struct {
	Record
	hook func()
}

func (h *hooked) Revision() uint64 {
	h.hook()
	return h.Record.Revision()
}

// An answer leaves by a view that is exactly as old as it may be, and none that is older.
func TestWithin(t *testing.T) {
	for _, c := range []struct {
		age, most time.Duration
		ok        bool
	}{
		{0, time.Second, true},
		{time.Second, time.Second, true},
		{time.Second + 1, time.Second, false},
		{verifier.DefaultFloorLag, (*verifier.Trust)(nil).FloorLag(), true},
		{verifier.DefaultFloorLag + 1, (*verifier.Trust)(nil).FloorLag(), false},
	} {
		if err := within(c.age, c.most); (err == nil) != c.ok {
			t.Errorf("%s of at most %s: %v", c.age, c.most, err)
		}
	}
}

func TestSharedMemory(t *testing.T) {
	s := verifiertest.ComposePlain()
	s.Authorities.MaxFloorLag = "1m"
	w := newWorld(t, s)
	m := &testMemory{}
	w.Memory = m
	refused := func(reason string) {
		t.Helper()
		_, err := w.ask(s)
		var f *fault
		if !errors.As(err, &f) || f.reason != reason || status.Code(err) != codes.Unavailable {
			t.Errorf("%v, want %s", err, reason)
		}
	}
	refused(reasonMemoryStale) // it was never read
	if w.Remembering() || w.Recording() != true {
		t.Error("it says that it remembers")
	}
	m.read(0)
	w.expect(s, signingv1.Reason_REASON_ALLOWED)
	w.expect(s, signingv1.Reason_REASON_ALLOWED) // from the cache
	m.read(2 * time.Minute)
	refused(reasonMemoryStale) // from the cache, too
	denied := verifiertest.ComposePlain()
	denied.Request.Target.Name = "other"
	if _, err := w.ask(denied); status.Code(err) != codes.Unavailable {
		t.Errorf("a refusal by an old view: %v", err)
	}
	m.read(30 * time.Second)
	w.expect(s, signingv1.Reason_REASON_ALLOWED)

	// The view counts that the answer was held against, not one that came meanwhile.
	m.read(2 * time.Minute)
	w.Server.Record = &hooked{w.Server.Record, func() { m.read(0) }}
	refused(reasonMemoryStale)

	m.read(0)
	m.err = errors.New("gone back")
	refused(reasonMemoryRolledBack)
	if w.Remembering() {
		t.Error("it says that it remembers")
	}
}

// What cannot be raised is not answered, and says so.
func TestMemoryUnavailable(t *testing.T) {
	s := verifiertest.ComposePlain()
	w := newWorld(t, s)
	w.record.Store.Share(noMemory{})
	_, err := w.ask(s)
	var f *fault
	if !errors.As(err, &f) || f.reason != reasonMemoryDown || status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
	if got := w.record.Head().Size; got != 0 {
		t.Errorf("%d entries", got)
	}
}

// noMemory is read and takes nothing.
type noMemory struct{}

func (noMemory) AsOf() time.Time { return time.Now() }
func (noMemory) Session() (record.Session, error) {
	return record.Session{}, &record.MemoryError{Err: errors.New("down")}
}
func (noMemory) Raise(record.Session, record.Ask) error { panic("there is no session") }

// BenchmarkHitShared is what sharing a memory costs a warm answer: pieces of both kinds
// alternate, and the median of their ratios is reported.
func BenchmarkHitShared(b *testing.B) {
	const piece = 200
	alone, data := hit(b)
	shared, _ := hit(b)
	m := &testMemory{}
	shared.Memory = m
	m.read(-time.Hour) // fresh for as long as it takes
	took := func(w *world) time.Duration {
		begin := time.Now()
		for range piece {
			if _, err := w.answerCall(context.Background(), gateway, data); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begin)
	}
	var ratios []float64
	for b.Loop() {
		one := took(alone)
		ratios = append(ratios, float64(took(shared))/float64(one))
	}
	slices.Sort(ratios)
	n := len(ratios)
	b.ReportMetric(ratios[n/2], "shared/alone")
	b.ReportMetric(ratios[n/4], "shared/alone-25%")
	b.ReportMetric(ratios[3*n/4], "shared/alone-75%")
}
