// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

var million = flag.Bool("million", false, "TestMillion with a million sandboxes")

// TestMillion fills a state with many sandboxes, writes its snapshot, and reports what
// the next start and a lookup cost. It fails where the start holds rows in memory.
func TestMillion(t *testing.T) {
	n := 100_000 // floors on more pages than are kept
	if *million {
		n = 1_000_000
	}
	s := openStore(t, t.TempDir(), Options{})
	allow(t, s, "web-0", floor(1, 1)) // the entry that the snapshot stands for
	rememberMany(s, n)
	begin := time.Now()
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	wrote := time.Since(begin)
	info, err := os.Stat(filepath.Join(s.dir, fileSnapshot))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	begin = time.Now()
	s = openStore(t, s.dir, Options{})
	opened := time.Since(begin)
	held := int64(heap()) - int64(before)
	const lookups = 20_000
	begin = time.Now()
	for i := range lookups {
		name := fmt.Sprint("sandbox-", i*7919%n)
		if f := s.View().Floor(key(name)); f.Version != uint64(i*7919%n+1) {
			t.Fatalf("%s is at %v", name, f)
		}
	}
	each := time.Since(begin) / lookups
	t.Logf("%d sandboxes: snapshot of %.1f MiB written in %v; opened in %v with %.1f MiB held; a lookup %v",
		n, float64(info.Size())/(1<<20), wrote.Round(time.Millisecond), opened.Round(time.Microsecond), float64(held)/(1<<20), each)
	if most := info.Size() / 16; held > most+1<<20 {
		t.Errorf("%d bytes are held of a snapshot of %d", held, info.Size())
	}
	if s.Holds(Seen{Consulted: []verifier.Raise{{Key: key("sandbox-3"), Floor: floor(4, 1)}}}) != true {
		t.Error("a floor in the snapshot does not hold")
	}
}

var growthDoublings = flag.Int("growth", 1, "how often TestGrowthOfASnapshot doubles its rows")

// rememberMany puts the floors and places of n sandboxes into a store.
func rememberMany(s *Store, n int) {
	s.mu.Lock()
	for i := range n {
		name := fmt.Sprint("sandbox-", i)
		s.state.top.floors[key(name)] = floor(uint64(i+1), 1)
		s.state.top.places[binding(name).Key] = binding(name).Place
	}
	s.mu.Unlock()
}

// TestGrowthOfASnapshot doubles how many sandboxes were ever allowed: what a start allocates
// grows no faster, and what a decision looks up not at all.
func TestGrowthOfASnapshot(t *testing.T) {
	const lookups = 64
	var sizes, opened, looked []float64
	for n := 4096; n <= 4096<<*growthDoublings; n *= 2 {
		s := openStore(t, t.TempDir(), Options{})
		allow(t, s, "web-0", floor(1, 1))
		rememberMany(s, n)
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		open, look := math.Inf(1), math.Inf(1)
		for range 3 { // what runs beside it can only add
			open = min(open, verifiertest.Allocated(func() { s = openStore(t, s.dir, Options{}) }))
			look = min(look, verifiertest.Allocated(func() {
				for i := range lookups {
					if f := s.View().Floor(key(fmt.Sprint("sandbox-", i*7919%n))); f.Version != uint64(i*7919%n+1) {
						t.Fatalf("a floor is at %v", f)
					}
				}
			}))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		sizes, opened, looked = append(sizes, float64(n)), append(opened, open), append(looked, look)
	}
	for what, bytes := range map[string][]float64{"a start": opened, "lookups": looked} {
		fitted := verifiertest.Exponent(sizes, bytes)
		t.Logf("%s allocated at %v: %v, exponent %.2f", what, sizes, bytes, fitted)
		if fitted > verifiertest.MostExponent {
			t.Errorf("what %s allocates grows with the sandboxes ever allowed to the power %.2f, at most %v is allowed", what, fitted, verifiertest.MostExponent)
		}
	}
}
