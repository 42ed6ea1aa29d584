// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package replaytest makes the evidence of a driver that has lived through a lot:
// a real server on a real socket, with a real journal, archive, floors and TUF
// client, and a clock and a repository that a test moves. What it is asked comes
// from a seed.
package replaytest

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/daemon"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// Start is when the driver is first asked.
var Start = verifiertest.Now

// World is a driver with its gateway, its clock and its repository.
type World struct {
	Dir    string // the state folder
	Root   string // the file with the pinned root
	Bodies string // an export of the gateway: every body and every effective policy
	LogKey string // the key of the tile log, as auditors pin it

	Repo        *tuftest.Repo
	Authorities *verifiertest.Authorities
	Revoked     []verifiertest.Revocation

	t       testing.TB
	rand    *rand.Rand
	clock   clock
	client  *tuf.Client
	keeper  *trust.Keeper
	record  *record.Store
	tiles   *tilelog.Log
	grpc    *grpc.Server
	gateway signingv1.PolicySigningDriverClient
	close   sync.Once
}

// clock is moved by the test and goes on by a second at each look.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements server.Clock.
func (c *clock) Now() (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now, nil
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// folder is short, for a socket's path ends at 107 bytes, and in memory where
// that is possible: these tests are not about the disk.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "replay-")
	if err != nil {
		if dir, err = os.MkdirTemp("", "replay-"); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// New starts a driver that has accepted its first trust.
func New(t testing.TB, seed uint64) *World {
	t.Helper()
	base := folder(t)
	w := &World{t: t, Dir: filepath.Join(base, "state"), Root: filepath.Join(base, "root.json"), Bodies: filepath.Join(base, "bodies"),
		Repo: tuftest.New(t, tuftest.At(Start)), Authorities: authorities(), rand: rand.New(rand.NewPCG(seed, 1)), clock: clock{now: Start}}
	for _, dir := range []string{w.Dir, w.Bodies} {
		w.must(os.Mkdir(dir, 0o700))
	}
	w.must(os.WriteFile(w.Root, w.Repo.Root(), 0o600))
	w.Publish()
	w.start(filepath.Join(base, "s"))
	w.must(w.keeper.Refresh(t.Context()))
	return w
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// authorities are those of the scenarios with a rule in shadow mode beside them,
// so that decisions have findings of every kind.
func authorities() *verifiertest.Authorities {
	a := verifiertest.BaseAuthorities()
	a.Authorities["everybody"] = &verifiertest.Authority{Principals: []string{"alice", "bob", "carol"}, Threshold: 3}
	a.Rules = append(a.Rules, &verifiertest.Rule{Name: "three of three", Surface: verifiertest.PolicySurface, Workspace: "prod", Mode: "shadow",
		Require: []verifiertest.Requirement{{Authority: "everybody", PredicateType: verifiertest.ApprovalType}}})
	return a
}

// start wires the driver as the daemon does.
func (w *World) start(path string) {
	w.t.Helper()
	store, err := archive.Open(filepath.Join(w.Dir, "archive"), nil)
	w.must(err)
	w.record, err = record.Open(w.Dir, record.Options{Archive: store, DenyBudget: 1 << 20, Now: w.clock.read})
	w.must(err)
	w.openTiles()
	w.client, err = tuf.Open(tuf.Config{Root: w.Repo.Root(), Source: tuf.DirSource(w.Repo.Dir()), Dir: filepath.Join(w.Dir, "trust"),
		ArchiveDir: filepath.Join(w.Dir, "archive"), Now: w.clock.read, Logger: hclog.NewNullLogger()})
	w.must(err)
	known := trust.NewIndex("", w.clock.read, hclog.NewNullLogger())
	metrics := daemon.NewMetrics(version.Driver)
	w.keeper = trust.NewKeeper(trust.KeeperConfig{Client: w.client, Clock: &w.clock, Index: filled{known}, Floors: w.record, Metrics: metrics, Logger: hclog.NewNullLogger(),
		DriverVersion: version.Driver, Interval: time.Hour})
	w.must(w.keeper.Load())
	s, err := socket.Listen(socket.Options{Path: path, GID: -1, Mode: 0o600})
	w.must(err)
	listener := socket.NewPeerListener(s, socket.SameUser(uint32(os.Geteuid())), 64, func(socket.Refused) {})
	w.grpc = server.New(server.Config{Peers: listener.List, Trust: w.keeper, Clock: &w.clock, Index: known, Record: w.record,
		Metrics: metrics, Logger: hclog.NewNullLogger()}).GRPC()
	go w.grpc.Serve(listener)
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	w.must(err)
	w.gateway = signingv1.NewPolicySigningDriverClient(conn)
	w.t.Cleanup(func() { conn.Close(); w.Close() })
}

// filled is an index that has done its work as soon as there is other trust.
type filled struct{ *trust.Index }

func (f filled) SetTrust(t *verifier.Trust, targets map[string][]byte) {
	f.Index.SetTrust(t, targets)
	f.Fill(context.Background())
}

// openTiles keeps a tile log over the journal.
func (w *World) openTiles() {
	w.t.Helper()
	made, err := keys.Generate(keys.Ed25519)
	w.must(err)
	key, err := tilelog.NewKey("driver.example/log", made)
	w.must(err)
	w.LogKey = key.VKey()
	w.tiles, err = tilelog.Open(filepath.Join(w.Dir, "log"), w.record.Journal, tilelog.Options{Key: key, Logger: hclog.NewNullLogger()})
	w.must(err)
}

// Close stops the driver when its log has all entries; its folder stays.
func (w *World) Close() {
	w.close.Do(func() {
		w.grpc.Stop()
		for end := time.Now().Add(time.Minute); w.tiles.Status().Covered < uint64(w.Size()) && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		if s := w.tiles.Status(); s.Covered != uint64(w.Size()) {
			w.t.Errorf("the log covers %d entries of %d: %v", s.Covered, w.Size(), s.Err)
		}
		w.must(w.tiles.Close())
		w.must(w.record.Close())
		w.must(w.client.Close())
	})
}

// Now is the driver's time.
func (w *World) Now() time.Time { return w.clock.read() }

// Advance moves the time of driver and repository.
func (w *World) Advance(d time.Duration) {
	w.clock.mu.Lock()
	w.clock.now = w.clock.now.Add(d)
	now := w.clock.now
	w.clock.mu.Unlock()
	w.Repo.Advance(now.Sub(w.Repo.Now()))
}

// Publish signs what is trusted now.
func (w *World) Publish() {
	w.t.Helper()
	w.Repo.SetTarget("authorities.json", w.Authorities.JSON())
	w.Repo.SetTarget("revocations.json", verifiertest.Revocations(w.Revoked...))
	w.Repo.Publish()
	if w.keeper != nil {
		w.must(w.keeper.Refresh(w.t.Context()))
	}
}

// Size is the number of journal entries.
func (w *World) Size() int { return int(w.record.Head().Size) }

// Ask asks like a gateway and exports the bodies. A call that is no decision fails
// the test.
func (w *World) Ask(s *verifiertest.Scenario) signingv1.Reason {
	r := &s.Request
	m := &signingv1.VerifyRequest{RequestId: "r", Purpose: signingv1.Purpose(r.Purpose), Effective: r.Effective, Recipe: r.Recipe, ProvidersV2Enabled: r.ProvidersV2,
		ProvidersWithoutProfile: r.WithoutProfile,
		Target:                  &signingv1.Target{GatewayId: r.Target.GatewayID, Workspace: r.Target.Workspace, SandboxId: r.Target.SandboxID, Name: r.Target.Name}}
	bodies := [][]byte{r.Effective}
	for _, d := range r.Documents {
		m.Documents = append(m.Documents, &signingv1.Document{Role: signingv1.Role(d.Role), Provider: d.Provider, Workspace: d.Workspace, NoLayer: signingv1.NoLayer(d.NoLayer), Body: d.Body, Attestations: d.Attestations})
		bodies = append(bodies, d.Body)
	}
	for _, body := range bodies {
		name := filepath.Join(w.Bodies, verifiertest.SHA256(body))
		if _, err := os.Stat(name); err != nil && len(body) > 0 {
			if err := os.WriteFile(name, body, 0o600); err != nil {
				w.t.Error(err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got, err := w.gateway.Verify(ctx, m)
	if err != nil {
		w.t.Errorf("no decision: %v", err)
		return 0
	}
	return got.Reason
}
