// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier"
)

// driver is a driver's record and its client of the memory, without a server.
type driver struct {
	t       testing.TB
	id      string
	dir     string
	url     string
	ordered func(*record.AskedReset) bool
	sign    func([]byte) ([]byte, error) // nil: it has no key, or is of a release that signs nothing

	store  *record.Store
	client *memory.Client
	stop   func()
	log    *syncWriter
}

type syncWriter struct {
	mu   sync.Mutex
	text []byte
}

func (w *syncWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p...)
	return len(p), nil
}

func (w *syncWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}

type noMetrics struct{}

func (noMetrics) Learned(uint64, int)          {}
func (noMetrics) Raised(string, time.Duration) {}

func newDriver(t testing.TB, id, url string) *driver {
	t.Helper()
	d := &driver{t: t, id: id, dir: t.TempDir(), url: url, log: &syncWriter{}, ordered: func(*record.AskedReset) bool { return false }}
	t.Cleanup(func() {
		if d.stop != nil {
			d.down()
		}
	})
	return d
}

// open opens the record alone.
func (d *driver) open() *record.Store {
	d.t.Helper()
	a, err := archive.Open(d.dir+"/archive", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	s, err := record.Open(d.dir, record.Options{Archive: a})
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

func (d *driver) up() *driver {
	d.t.Helper()
	d.store = d.open()
	db, err := memory.ParseURL(d.url, "")
	if err != nil {
		d.t.Fatal(err)
	}
	d.client = memory.New(memory.Config{
		Database: db, Sign: d.sign, Driver: d.id, Store: d.store, Ordered: func(r *record.AskedReset) bool { return d.ordered(r) }, Metrics: noMetrics{},
		Logger: hclog.New(&hclog.LoggerOptions{Name: d.id, Output: io.Writer(d.log)}),
	})
	d.store.Share(d.client)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.client.Run(ctx) })
	d.stop = func() { cancel(); running.Wait() }
	return d
}

func (d *driver) down() {
	d.t.Helper()
	d.stop()
	d.stop = nil
	if err := d.store.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// ready waits until the driver can raise.
func (d *driver) ready() *driver {
	d.t.Helper()
	d.until("a session", func() bool { _, err := d.client.Session(); return err == nil })
	return d
}

// until waits for something that will be so.
func (d *driver) until(what string, so func() bool) {
	d.t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("driver %s waited for %s; its log:\n%s", d.id, what, d.log)
		}
	}
}

// learned waits until the driver knows everything that is raised by now.
func (d *driver) learned() *driver {
	d.t.Helper()
	now := time.Now()
	d.until("a fresh view", func() bool { return d.client.AsOf().After(now) })
	return d
}

// outcome is how one question was answered.
type outcome struct {
	allowed bool
	index   uint64
	sum     record.Digest
	asOf    time.Time // of the view that it stands on
	err     error     // Unavailable
}

// ask has a driver decide about a sandbox at a version with a digest, as the server does:
// again while something it saw moved.
func (d *driver) ask(name string, to verifier.Floor) outcome {
	return d.askAt(name, verifier.Place{Workspace: "prod", Name: name}, to)
}

func (d *driver) askAt(name string, place verifier.Place, to verifier.Floor) outcome {
	for range 16 {
		req, dec := decide(d.store.View(), name, place, to)
		e := record.NewEntry(req, dec)
		e.Time, e.Driver, e.Peer = time.Now().UTC(), "0.3.0", record.Peer{UID: 998, GID: 998}
		asOf := d.client.AsOf()
		index, sum, err := d.store.Commit(e, req, dec)
		var conflict *record.ConflictError
		if errors.As(err, &conflict) {
			continue
		}
		var suppressed *record.SuppressedError
		if errors.As(err, &suppressed) {
			err = nil
		}
		return outcome{err == nil && dec.Verdict == verifier.Allow, index, sum, asOf, err}
	}
	return outcome{err: errors.New("too many conflicts")}
}

func floorKey(name string) verifier.FloorKey {
	return verifier.FloorKey{GatewayID: "gw", Role: verifier.SandboxPolicy, Workspace: "prod", Name: name}
}

func floor(version uint64, digest byte) verifier.Floor {
	return verifier.Floor{Version: version, SHA256: [32]byte{digest}}
}

// decide is the decision of a policy's version by the floors, in short.
func decide(f verifier.Floors, name string, place verifier.Place, to verifier.Floor) (*verifier.Request, *verifier.Decision) {
	body := fmt.Appendf(nil, "policy of %s at %d, %x", name, to.Version, to.SHA256[:1])
	sandbox := verifier.SandboxKey{GatewayID: "gw", SandboxID: "sb-" + name}
	req := &verifier.Request{
		Purpose: verifier.Compose, Target: verifier.Target{GatewayID: "gw", Workspace: place.Workspace, SandboxID: sandbox.SandboxID, Name: place.Name},
		Documents: []verifier.Document{{Role: verifier.SandboxPolicy, Body: body}},
	}
	stands := f.Floor(floorKey(name))
	d := &verifier.Decision{
		Verdict: verifier.Allow, Reason: verifier.Allowed,
		Documents: []verifier.DocumentResult{{SHA256: sha256.Sum256(body), Version: to.Version, Passed: true}},
		Consulted: []verifier.Raise{{Key: floorKey(name), Floor: stands}},
	}
	at, bound := f.Place(sandbox)
	if bound {
		d.Place = &verifier.Binding{Key: sandbox, Place: at}
	}
	switch {
	case bound && at != place:
		d.Verdict, d.Reason = verifier.Deny, verifier.ScopeMismatch
	case to.Version < stands.Version:
		d.Verdict, d.Reason = verifier.Deny, verifier.VersionRollback
	case to.Version == stands.Version && stands.SHA256 != [32]byte{} && stands.SHA256 != to.SHA256:
		d.Verdict, d.Reason = verifier.Deny, verifier.VersionEquivocation
	default:
		if stands != to {
			d.Raises = []verifier.Raise{{Key: floorKey(name), Floor: to}}
		}
		if !bound {
			d.Binding = &verifier.Binding{Key: sandbox, Place: place}
		}
	}
	return req, d
}
