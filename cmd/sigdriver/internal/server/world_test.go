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

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// gatewayUID is who the gateway of the tests runs as.
const gatewayUID = 990

var gateway = socket.Credentials{UID: gatewayUID, GID: gatewayUID, PID: 7}

// world is a Server with a real record and index, and a trust and a
// clock that the test moves.
type world struct {
	*Server
	t       testing.TB
	now     testClock
	trust   testTrust
	record  *testRecord
	index   *trust.Index
	dir     string // of local attestations
	metrics testMetrics
	// source is what the trust in use is parsed from, and verified what its signatures
	// are remembered in.
	source   verifier.TrustSource
	verified verifier.VerifiedSignatures
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
	snap    *trust.Snapshot
	changed chan struct{}
}

func (c *testTrust) Current() *trust.Snapshot {
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
	generation := c.snap.Generation + 1
	if t != nil && c.snap.Trust != nil && t.Epoch() == c.snap.Trust.Epoch() {
		generation-- // as the keeper does
	}
	c.snap = &trust.Snapshot{Trust: t, Generation: generation}
	close(c.changed)
	c.changed = make(chan struct{})
}

// testRecord is a real record that can be told to fail, and counts.
type testRecord struct {
	*record.Store
	archive *testArchive
	appends atomic.Int64
	fail    atomic.Pointer[error]
	before  func() // runs in Commit, if set
}

func (r *testRecord) Commit(e record.Entry, req *verifier.Request, d *verifier.Decision) (uint64, record.Digest, error) {
	if r.before != nil {
		r.before()
	}
	if err := r.fail.Load(); err != nil {
		return 0, record.Digest{}, *err
	}
	r.archive.begin()
	seq, sum, err := r.Store.Commit(e, req, d)
	if err == nil {
		r.appends.Add(1)
	}
	return seq, sum, err
}

// testArchive is a real archive that remembers what the last commit put into it.
type testArchive struct {
	*archive.Store
	mu   sync.Mutex
	puts [][]byte
}

func (a *testArchive) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.puts = nil
}

func (a *testArchive) Put(data []byte) ([32]byte, error) {
	a.mu.Lock()
	a.puts = append(a.puts, data)
	a.mu.Unlock()
	return a.Store.Put(data)
}

// evidence is what was archived with the last decision, but for its record.
func (a *testArchive) evidence() [][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.puts[:len(a.puts)-1]
}

type testMetrics struct {
	decided, cached, faulted, panics, ahead atomic.Int64
	unapproved                              [3]atomic.Int64
}

func (m *testMetrics) Unapproved(what verifier.Unapproved) {
	m.unapproved[what].Add(1)
}

func (m *testMetrics) Decided(_ verifier.Verdict, _ verifier.Reason, cached bool, _ time.Duration) {
	m.decided.Add(1)
	if cached {
		m.cached.Add(1)
	}
}
func (m *testMetrics) Faulted(string)    { m.faulted.Add(1) }
func (m *testMetrics) Ahead()            { m.ahead.Add(1) }
func (m *testMetrics) Shadowed()         {}
func (m *testMetrics) Panicked()         { m.panics.Add(1) }
func (m *testMetrics) Unrecorded(string) {}

// newWorld makes a world with the trust and the time of a scenario.
func newWorld(t testing.TB, s *verifiertest.Scenario) *world {
	t.Helper()
	state := t.TempDir()
	store, err := archive.Open(filepath.Join(state, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := &testArchive{Store: store}
	r, err := record.Open(state, record.Options{Archive: kept, DenyBudget: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	w := &world{t: t, record: &testRecord{Store: r, archive: kept}, dir: t.TempDir()}
	w.index = trust.NewIndex(w.dir, func() time.Time { return verifiertest.Now }, hclog.NewNullLogger())
	w.now.set(s.Now, nil)
	w.trust = testTrust{snap: &trust.Snapshot{}, changed: make(chan struct{})}
	id := uint32(gatewayUID)
	list := socket.NewPeerList([]socket.PeerEntry{{UID: &id, GatewayIDs: []string{s.Request.Target.GatewayID}}})
	w.Server = New(Config{
		Peers: func() *socket.PeerList { return list }, Trust: &w.trust, Clock: &w.now, Index: w.index,
		Record: w.record, Metrics: &w.metrics, Logger: hclog.NewNullLogger(),
	})
	w.swap(s)
	return w
}

// parse reads the trust of a scenario, as the keeper does.
func (w *world) parse(s *verifiertest.Scenario) *verifier.Trust {
	w.t.Helper()
	w.source = s.Source()
	remembering := w.source
	remembering.Verified = &w.verified
	trust, err := verifier.ParseTrust(remembering)
	if err != nil {
		w.t.Fatal(err)
	}
	return trust
}

// resign swaps in trust of the same epoch.
func (w *world) resign(s *verifiertest.Scenario) { w.trust.swap(w.parse(s)) }

// swap puts the trust of a scenario into use.
func (w *world) swap(s *verifiertest.Scenario) {
	w.t.Helper()
	trust := w.parse(s)
	w.index.SetTrust(trust, nil)
	w.index.Fill(context.Background())
	w.trust.swap(trust)
}

// message makes the request of a scenario as a gateway would send it.
func requestOf(s *verifiertest.Scenario, id string) *signingv1.VerifyRequest {
	r := &s.Request
	out := &signingv1.VerifyRequest{
		RequestId: id, Purpose: signingv1.Purpose(r.Purpose),
		Target:    &signingv1.Target{GatewayId: r.Target.GatewayID, Workspace: r.Target.Workspace, SandboxId: r.Target.SandboxID, Name: r.Target.Name},
		Effective: r.Effective, Recipe: r.Recipe, ProvidersV2Enabled: r.ProvidersV2,
		ProvidersWithoutProfile: r.WithoutProfile,
	}
	for _, d := range r.Documents {
		out.Documents = append(out.Documents, &signingv1.Document{
			Role: signingv1.Role(d.Role), Workspace: d.Workspace, Provider: d.Provider, NoLayer: signingv1.NoLayer(d.NoLayer), Body: d.Body, Attestations: d.Attestations,
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
