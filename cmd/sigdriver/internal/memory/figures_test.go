// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

var figures = flag.Int("figures", 0, "rounds of TestFigures; 0 skips it")

// TestFigures measures what sharing costs, in rounds that alternate with a driver that
// remembers alone. `make memory-figures` runs it.
func TestFigures(t *testing.T) {
	if *figures == 0 {
		t.Skip("asked for with -figures")
	}
	p := memorytest.Start(t)
	a, b, c := newDriver(t, "a", p.URL()).up().ready(), newDriver(t, "b", p.URL()).up().ready(), newDriver(t, "c", p.URL()).up().ready()
	alone := newDriver(t, "alone", "")
	alone.store = alone.open()
	defer alone.store.Close()
	var one, shared [][]time.Duration
	for round := range *figures {
		one = append(one, raises(t, alone, round, 100))
		shared = append(shared, raises(t, a, round, 100))
	}
	print := func(what string, rounds [][]time.Duration) {
		t.Helper()
		var p50, p99 []time.Duration
		for _, r := range rounds {
			slices.Sort(r)
			p50, p99 = append(p50, r[len(r)/2]), append(p99, r[len(r)*99/100])
		}
		slices.Sort(p50)
		slices.Sort(p99)
		n := len(rounds)
		t.Logf("%s: p50 %s (%s to %s), p99 %s (%s to %s), over %d rounds", what, p50[n/2], p50[0], p50[n-1], p99[n/2], p99[0], p99[n-1], n)
	}
	print("a raising ALLOW, alone", one)
	print("a raising ALLOW, shared", shared)

	// Three drivers, 64 callers, while the lag between two of them is watched.
	stop := make(chan struct{})
	var count atomic.Int64
	var asking sync.WaitGroup
	for i := range 64 {
		d := []*driver{a, b, c}[i%3]
		asking.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if got := d.ask(fmt.Sprintf("load-%d-%d", i, n%8), floor(uint64(n+1), 1)); got.allowed {
					count.Add(1)
				}
			}
		})
	}
	time.Sleep(time.Second)
	began, before := time.Now(), count.Load()
	var lags []time.Duration
	for n := range 200 {
		if got := a.ask("watched", floor(uint64(n+1), 1)); !got.allowed {
			t.Fatal(got.err)
		}
		at, left := a.store.Position().Revision, time.Now()
		for b.store.Position().Revision < at {
			time.Sleep(100 * time.Microsecond)
		}
		lags = append(lags, time.Since(left))
	}
	rate := float64(count.Load()-before) / time.Since(began).Seconds()
	close(stop)
	asking.Wait()
	slices.Sort(lags)
	t.Logf("three drivers, 64 callers: %.0f raises a second; another driver knows one p50 %s, p99 %s, at most %s after its answer", rate, lags[100], lags[197], lags[199])
}

// raises is how long each of n raises of new versions takes.
func raises(t *testing.T, d *driver, round, n int) []time.Duration {
	t.Helper()
	var took []time.Duration
	for i := range n {
		name := fmt.Sprintf("fig-%d-%d", round, i)
		begin := time.Now()
		req, dec := decide(d.store.View(), name, verifier.Place{Workspace: "prod", Name: name}, floor(1, 1))
		e := record.NewEntry(req, dec)
		e.Time = time.Now().UTC()
		if _, _, err := d.store.Commit(e, req, dec); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	return took
}
