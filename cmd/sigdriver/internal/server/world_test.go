// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/floors"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/index"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/peer"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trustkeeper"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// gatewayUID is who the gateway of the tests runs as.
const gatewayUID = 990

var gateway = peer.Credentials{UID: gatewayUID, GID: gatewayUID, PID: 7}

// world is a Server with a real journal, floors and index, and a trust and a
// clock that the test moves.
type world struct {
	*Server
	t       testing.TB
	now     testClock
	trust   testTrust
	journal *testJournal
	store   *floors.Store
	index   *index.Index
	dir     string // of local attestations
	metrics testMetrics
}

type testClock struct {
	mu  sync.Mutex
	now time.Time
	err error
}

func (c *testClock) Now() (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, c.err
}

func (c *testClock) set(now time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.err = now, err
}

type testTrust struct {
	mu      sync.Mutex
	snap    *trustkeeper.Snapshot
	changed chan struct{}
}

func (c *testTrust) Current() *trustkeeper.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snap
}

func (c *testTrust) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *testTrust) swap(t *verifier.Trust) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snap = &trustkeeper.Snapshot{Trust: t, Generation: c.snap.Generation + 1}
	close(c.changed)
	c.changed = make(chan struct{})
}

// testJournal is a real journal that can be told to fail, and counts.
type testJournal struct {
	*journal.Journal
	appends atomic.Int64
	fail    atomic.Pointer[error]
	before  func()                   // runs in Append, if set
	kept    atomic.Pointer[[][]byte] // evidence of the last entry
}

func (j *testJournal) Room() error { return nil }

func (j *testJournal) Append(ctx context.Context, e journal.Entry, record []byte, evidence ...[]byte) (uint64, [32]byte, error) {
	if j.before != nil {
		j.before()
	}
	if err := j.fail.Load(); err != nil {
		return 0, [32]byte{}, *err
	}
	j.appends.Add(1)
	j.kept.Store(&evidence)
	return j.Journal.Append(ctx, e, record, evidence...)
}

type testMetrics struct {
	decided, cached, faulted, panics atomic.Int64
}

func (m *testMetrics) Decided(_ verifier.Verdict, _ verifier.Reason, cached bool, _ time.Duration) {
	m.decided.Add(1)
	if cached {
		m.cached.Add(1)
	}
}
func (m *testMetrics) Faulted(string) { m.faulted.Add(1) }
func (m *testMetrics) Shadowed()      {}
func (m *testMetrics) Panicked()      { m.panics.Add(1) }

// newWorld makes a world with the trust and the time of a scenario.
func newWorld(t testing.TB, s *verifiertest.Scenario) *world {
	t.Helper()
	state := t.TempDir()
	store, err := archive.Open(filepath.Join(state, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(filepath.Join(state, "audit"), journal.Options{Archive: store, DenyBudget: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	f, err := floors.Open(filepath.Join(state, "floors.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(); j.Close() })
	w := &world{t: t, journal: &testJournal{Journal: j}, store: f, dir: t.TempDir()}
	w.index = index.New(w.dir, hclog.NewNullLogger())
	w.now.set(s.Now, nil)
	w.trust = testTrust{snap: &trustkeeper.Snapshot{}, changed: make(chan struct{})}
	id := uint32(gatewayUID)
	list := peer.NewList([]peer.Entry{{UID: &id, GatewayIDs: []string{s.Request.Target.GatewayID}}})
	w.Server = New(Config{
		Peers: func() *peer.List { return list }, Trust: &w.trust, Clock: &w.now, Index: w.index,
		Floors: f, Journal: w.journal, Metrics: &w.metrics, Logger: hclog.NewNullLogger(),
	})
	w.swap(s)
	return w
}

// swap puts the trust of a scenario into use.
func (w *world) swap(s *verifiertest.Scenario) {
	w.t.Helper()
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		w.t.Fatal(err)
	}
	w.index.SetTrust(trust, nil)
	w.trust.swap(trust)
}

// message makes the request of a scenario as a gateway would send it.
func requestOf(s *verifiertest.Scenario, id string) *signingv1.VerifyRequest {
	r := &s.Request
	out := &signingv1.VerifyRequest{
		RequestId: id, Purpose: signingv1.Purpose(r.Purpose),
		Target:    &signingv1.Target{GatewayId: r.Target.GatewayID, Workspace: r.Target.Workspace, SandboxId: r.Target.SandboxID, Name: r.Target.Name},
		Effective: r.Effective, Recipe: r.Recipe, ProvidersV2Enabled: r.ProvidersV2,
	}
	for _, d := range r.Documents {
		out.Documents = append(out.Documents, &signingv1.Document{
			Role: signingv1.Role(d.Role), Workspace: d.Workspace, Provider: d.Provider, Body: d.Body, Attestations: d.Attestations,
		})
	}
	return out
}

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pieces cuts data into buffers of n bytes, as a transport would hand them over.
func pieces(data []byte, n int) mem.BufferSlice {
	var out mem.BufferSlice
	for len(data) > n {
		out, data = append(out, mem.SliceBuffer(data[:n])), data[n:]
	}
	return append(out, mem.SliceBuffer(data))
}

// ask sends the request of a scenario and returns the answer.
func (w *world) ask(s *verifiertest.Scenario) (*signingv1.VerifyResponse, error) {
	w.t.Helper()
	return w.askRaw(context.Background(), encode(w.t, requestOf(s, "r-1")))
}

func (w *world) askRaw(ctx context.Context, data []byte) (*signingv1.VerifyResponse, error) {
	w.t.Helper()
	r, err := w.answerCall(ctx, gateway, pieces(data, 4096))
	if err != nil {
		return nil, err
	}
	out := &signingv1.VerifyResponse{}
	if err := proto.Unmarshal(r.data.Materialize(), out); err != nil {
		w.t.Fatalf("the answer is no VerifyResponse: %v", err)
	}
	return out, nil
}

// expect asks and compares verdict and reason.
func (w *world) expect(s *verifiertest.Scenario, want signingv1.Reason) *signingv1.VerifyResponse {
	w.t.Helper()
	got, err := w.ask(s)
	if err != nil {
		w.t.Fatalf("want %v, got %v", want, err)
	}
	verdict := signingv1.Verdict_VERDICT_DENY
	if want == signingv1.Reason_REASON_ALLOWED {
		verdict = signingv1.Verdict_VERDICT_ALLOW
	}
	if got.Verdict != verdict || got.Reason != want {
		w.t.Fatalf("got %v %v, want %v: %v", got.Verdict, got.Reason, want, got.Findings)
	}
	return got
}

// hit makes a world that has the answer to a question about a source and four
// profiles, with bodies of at most 8 KiB together.
func hit(t testing.TB) (*world, mem.BufferSlice) {
	t.Helper()
	s := verifiertest.ComposePlain()
	for i := range 4 {
		profile := verifiertest.ForgeProfile()
		profile["id"] = []string{"forge", "mirror", "bridge", "cache"}[i]
		s.Attach([]string{"a", "b", "c", "d"}[i], profile).Approve(i+1, "dave")
	}
	s.Recompose()
	total := 0
	for i := range s.Request.Documents {
		total += len(s.Body(i))
	}
	if total > 8<<10 {
		t.Fatalf("%d bytes of bodies", total)
	}
	w := newWorld(t, s)
	w.expect(s, allowed)
	return w, pieces(encode(t, requestOf(s, "r-1")), 16<<10)
}
