// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func fresh(t testing.TB) *Store { return open(t, filepath.Join(t.TempDir(), "floors.db")) }

func reopen(t testing.TB, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, s.path)
}

func key(name string) verifier.FloorKey {
	return verifier.FloorKey{GatewayID: "gw", Role: verifier.SandboxPolicy, Workspace: "prod", Name: name}
}

func floor(version uint64, digest byte) verifier.Floor {
	return verifier.Floor{Version: version, SHA256: [32]byte{digest}}
}

func binding(name string) *verifier.Binding {
	return &verifier.Binding{
		Key:   verifier.SandboxKey{GatewayID: "gw", SandboxID: "sb-" + name},
		Place: verifier.Place{Workspace: "prod", Name: name},
	}
}

// compose is the ALLOW for one sandbox at a version, made from what f knows.
func compose(f verifier.Floors, name string, to verifier.Floor) *verifier.Decision {
	d := &verifier.Decision{Verdict: verifier.Allow, Consulted: []verifier.Raise{{Key: key(name), Floor: f.Floor(key(name))}}}
	if d.Consulted[0].Floor != to {
		d.Raises = []verifier.Raise{{Key: key(name), Floor: to}}
	}
	b := binding(name)
	if p, ok := f.Place(b.Key); ok {
		d.Place = &verifier.Binding{Key: b.Key, Place: p}
	} else {
		d.Binding = b
	}
	return d
}

func apply(t testing.TB, s *Store, name string, to verifier.Floor) {
	t.Helper()
	if err := s.Apply(compose(s.Snapshot(), name, to)); err != nil {
		t.Fatal(err)
	}
}

// ST-19: what was allowed is remembered, also after a restart.
func TestApply(t *testing.T) {
	s := fresh(t)
	before := s.Snapshot()
	apply(t, s, "web-1", floor(41, 1))
	apply(t, s, "web-1", floor(42, 2))
	apply(t, s, "web-1", floor(42, 2)) // nothing new
	apply(t, s, "web-2", floor(7, 3))
	if before.Floor(key("web-1")) != (verifier.Floor{}) || before.Revision() != 0 {
		t.Error("a snapshot changed")
	}
	for range 2 {
		f := s.Snapshot()
		if f.Floor(key("web-1")) != floor(42, 2) || f.Floor(key("web-2")) != floor(7, 3) || f.Floor(key("web-3")) != (verifier.Floor{}) {
			t.Errorf("floors %v %v", f.Floor(key("web-1")), f.Floor(key("web-2")))
		}
		if p, ok := f.Place(binding("web-1").Key); !ok || p != binding("web-1").Place {
			t.Errorf("place %v %v", p, ok)
		}
		if _, ok := f.Place(binding("web-3").Key); ok {
			t.Error("a sandbox that was never allowed has a place")
		}
		if f.Revision() != 3 {
			t.Errorf("revision %d", f.Revision())
		}
		s = reopen(t, s)
	}
}

// SE-03: a floor is of one concrete subject, whatever glob approved it.
func TestKeysAreConcrete(t *testing.T) {
	s := fresh(t)
	base := key("web-1")
	if err := s.Apply(&verifier.Decision{Verdict: verifier.Allow, Raises: []verifier.Raise{{Key: base, Floor: floor(7, 1)}}}); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	for _, other := range []verifier.FloorKey{
		{GatewayID: "gw2", Role: base.Role, Workspace: "prod", Name: "web-1"},
		{GatewayID: "gw", Role: verifier.GlobalPolicy, Workspace: "prod", Name: "web-1"},
		{GatewayID: "gw", Role: base.Role, Workspace: "pro", Name: "dweb-1"},
		{GatewayID: "gw", Role: base.Role, Workspace: "prod", Name: "web-2"},
		{GatewayID: "gw", Role: base.Role, Workspace: "prod", Name: "web-*"},
	} {
		if s.Snapshot().Floor(other) != (verifier.Floor{}) {
			t.Errorf("%v has the floor of %v", other, base)
		}
	}
	if s.Snapshot().Floor(base) != floor(7, 1) {
		t.Error("the floor itself is gone")
	}
}

// SE-01: what a decision saw must still stand when it is applied.
func TestConflict(t *testing.T) {
	s := fresh(t)
	apply(t, s, "web-1", floor(42, 2))
	good := func() *verifier.Decision { return compose(s.Snapshot(), "web-1", floor(43, 3)) }
	for name, spoil := range map[string]func(*verifier.Decision){
		"a floor rose meanwhile": func(d *verifier.Decision) { d.Consulted[0].Floor = floor(41, 1) },
		"a floor was seen that is none": func(d *verifier.Decision) {
			d.Consulted = append(d.Consulted, verifier.Raise{Key: key("web-2"), Floor: floor(1, 1)})
		},
		"another digest was seen":                  func(d *verifier.Decision) { d.Consulted[0].Floor.SHA256[0] = 9 },
		"a raise would lower":                      func(d *verifier.Decision) { d.Raises[0].Floor = floor(41, 1) },
		"a raise would bind a version again":       func(d *verifier.Decision) { d.Raises[0].Floor = floor(42, 9) },
		"the sandbox is bound to another name":     func(d *verifier.Decision) { d.Place.Place.Name = "web-9" },
		"the place it saw is none":                 func(d *verifier.Decision) { d.Place.Key.SandboxID = "sb-9" },
		"the sandbox would be bound a second time": func(d *verifier.Decision) { d.Place, d.Binding = nil, binding("web-1"); d.Binding.Place.Name = "x" },
	} {
		d := good()
		spoil(d)
		revision := s.Snapshot().Revision()
		var conflict *ConflictError
		if err := s.Apply(d); !errors.As(err, &conflict) || (conflict.Floor == nil) == (conflict.Sandbox == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if s.Snapshot().Revision() != revision || s.Snapshot().Floor(key("web-1")) != floor(42, 2) {
			t.Fatalf("%s: something was changed", name)
		}
	}
	if err := s.Apply(good()); err != nil {
		t.Errorf("the decision as it was made: %v", err)
	}
}

// Of a decision that conflicts in its last part, no part is applied.
func TestAllOrNothing(t *testing.T) {
	s := fresh(t)
	apply(t, s, "b", floor(5, 1))
	d := &verifier.Decision{Verdict: verifier.Allow, Binding: binding("a"), Raises: []verifier.Raise{
		{Key: key("a"), Floor: floor(1, 1)}, {Key: key("b"), Floor: floor(4, 1)},
	}}
	var conflict *ConflictError
	if err := s.Apply(d); !errors.As(err, &conflict) {
		t.Fatal(err)
	}
	f := s.Snapshot()
	if _, bound := f.Place(d.Binding.Key); bound || f.Floor(key("a")) != (verifier.Floor{}) {
		t.Error("half a decision was applied")
	}
	d.Raises[1].Floor = floor(6, 1)
	if err := s.Apply(d); err != nil {
		t.Fatal(err)
	}
}

// Only an ALLOW raises, and a raise says which document it is for.
func TestApplyRefuses(t *testing.T) {
	s := fresh(t)
	good := func() *verifier.Decision { return compose(s.Snapshot(), "web-1", floor(1, 1)) }
	for name, spoil := range map[string]func(*verifier.Decision){
		"a DENY":           func(d *verifier.Decision) { d.Verdict = verifier.Deny },
		"the zero verdict": func(d *verifier.Decision) { d.Verdict = verifier.VerdictUnspecified },
		"version 0":        func(d *verifier.Decision) { d.Raises[0].Floor.Version = 0 },
		"no digest":        func(d *verifier.Decision) { d.Raises[0].Floor.SHA256 = [32]byte{} },
	} {
		d := good()
		spoil(d)
		if err := s.Apply(d); err == nil || s.Snapshot().Revision() != 0 {
			t.Errorf("%s: applied", name)
		}
	}
	if err := s.Apply(good()); err != nil {
		t.Error(err)
	}
	// A DENY that raises nothing is only checked.
	if err := s.Apply(&verifier.Decision{Verdict: verifier.Deny, Consulted: []verifier.Raise{{Key: key("web-1"), Floor: floor(1, 1)}}}); err != nil {
		t.Error(err)
	}
}

func TestHolds(t *testing.T) {
	s := fresh(t)
	apply(t, s, "web-1", floor(42, 2))
	seen := []verifier.Raise{{Key: key("web-1"), Floor: floor(42, 2)}, {Key: key("web-2")}}
	place, unbound := binding("web-1"), binding("web-2").Key
	if !s.Holds(seen, place.Key, place) || !s.Holds(seen, unbound, nil) || !s.Holds(nil, verifier.SandboxKey{}, nil) {
		t.Error("what stands does not hold")
	}
	moved := *place
	moved.Place.Name = "web-9"
	for name, holds := range map[string]bool{
		"a bound sandbox as unbound":       s.Holds(seen, place.Key, nil),
		"an unbound sandbox as bound":      s.Holds(seen, unbound, binding("web-2")),
		"another place":                    s.Holds(seen, place.Key, &moved),
		"a lower floor":                    s.Holds([]verifier.Raise{seen[0], {Key: key("web-1"), Floor: floor(41, 2)}}, place.Key, place),
		"a floor where there is none":      s.Holds([]verifier.Raise{{Key: key("web-2"), Floor: floor(1, 1)}}, place.Key, place),
		"no floor where there is one":      s.Holds([]verifier.Raise{{Key: key("web-1")}}, place.Key, place),
		"the same version, another digest": s.Holds([]verifier.Raise{{Key: key("web-1"), Floor: floor(42, 3)}}, place.Key, place),
	} {
		if holds {
			t.Errorf("%s holds", name)
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.Holds(seen, place.Key, place) }); n > 0 {
		t.Errorf("Holds allocates %v times", n)
	}
}

func TestResetOnce(t *testing.T) {
	s := fresh(t)
	for name, version := range map[string]uint64{"web-1": 42, "web-2": 40, "web-3": 10, "db-1": 42} {
		apply(t, s, name, floor(version, 1))
	}
	web := func(k verifier.FloorKey) bool { return strings.HasPrefix(k.Name, "web-") }
	if done, err := s.ResetOnce("reset-1", web, 40); err != nil || !done {
		t.Fatal(done, err)
	}
	want := map[string]verifier.Floor{"web-1": {Version: 40}, "web-2": floor(40, 1), "web-3": floor(10, 1), "db-1": floor(42, 1)}
	for range 2 {
		for name, f := range want {
			if got := s.Snapshot().Floor(key(name)); got != f {
				t.Errorf("%s: %v, want %v", name, got, f)
			}
		}
		s = reopen(t, s)
	}
	// After the reset the version may be bound again, once.
	apply(t, s, "web-1", floor(40, 7))
	var conflict *ConflictError
	if err := s.Apply(compose(s.Snapshot(), "web-1", floor(40, 8))); !errors.As(err, &conflict) {
		t.Errorf("bound twice: %v", err)
	}
	apply(t, s, "web-1", floor(50, 7))
	if done, err := s.ResetOnce("reset-1", web, 40); err != nil || done {
		t.Errorf("a reset was carried out twice: %v", err)
	}
	if got := s.Snapshot().Floor(key("web-1")); got != floor(50, 7) {
		t.Errorf("the second time it changed a floor to %v", got)
	}
	if done, err := s.ResetOnce("reset-2", web, 45); err != nil || !done || s.Snapshot().Floor(key("web-1")).Version != 45 {
		t.Errorf("another reset: %v %v", done, err)
	}
	for _, c := range []struct {
		id      string
		version uint64
	}{{"", 1}, {"reset-3", 0}} {
		if _, err := s.ResetOnce(c.id, web, c.version); err == nil {
			t.Errorf("reset %q to %d was accepted", c.id, c.version)
		}
	}
}

// Random decisions by several callers at once: a floor never falls, a version
// keeps its digest, a sandbox keeps its place, and a restart changes nothing.
func TestMonotonic(t *testing.T) {
	s := fresh(t)
	for round := range 3 {
		var wg sync.WaitGroup
		for c := range 8 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(c)))
				for range 60 {
					name := fmt.Sprint("web-", r.IntN(3))
					before := s.Snapshot()
					err := s.Apply(compose(before, name, floor(1+r.Uint64N(20), byte(1+r.IntN(3)))))
					var conflict *ConflictError
					if err != nil && !errors.As(err, &conflict) {
						t.Error(err)
					}
					was, is := before.Floor(key(name)), s.Snapshot().Floor(key(name))
					if is.Version < was.Version || is.Version == was.Version && is != was {
						t.Errorf("%s went from %v to %v", name, was, is)
					}
				}
			})
		}
		wg.Wait()
		before := s.Snapshot()
		s = reopen(t, s)
		for i := range 3 {
			k := key(fmt.Sprint("web-", i))
			if before.Floor(k) != s.Snapshot().Floor(k) || before.Floor(k).Version == 0 {
				t.Errorf("%v before the restart, %v after", before.Floor(k), s.Snapshot().Floor(k))
			}
		}
	}
}

func TestHighWater(t *testing.T) {
	s := fresh(t)
	if !s.HighWater().IsZero() {
		t.Errorf("a new store has seen %v", s.HighWater())
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s.SetHighWater(now)
	s.SetHighWater(now.Add(-time.Hour))
	if !s.HighWater().Equal(now) {
		t.Errorf("the mark fell to %v", s.HighWater())
	}
	s = reopen(t, s)
	if !s.HighWater().Equal(now) {
		t.Errorf("after a restart %v", s.HighWater())
	}
	// Between, it travels with any change.
	s.SetHighWater(now.Add(time.Hour))
	apply(t, s, "web-1", floor(1, 1))
	if got := s.saved.high; got != now.Add(time.Hour).UnixNano() {
		t.Errorf("saved %v", time.Unix(0, got))
	}
}

func TestLocked(t *testing.T) {
	s := fresh(t)
	var locked *disk.LockedError
	if _, err := Open(s.path, nil); !errors.As(err, &locked) {
		t.Errorf("a second opener: %v", err)
	}
	reopen(t, s)
}

// A commit that fails stops the store for good: nothing is tried again, and
// nothing that was not durable becomes visible.
func TestFailedCommit(t *testing.T) {
	s := fresh(t)
	apply(t, s, "web-1", floor(1, 1))
	if err := os.Truncate(s.path, 0); err != nil { // the pages are gone
		t.Fatal(err)
	}
	var failed *CommitError
	if err := s.Apply(compose(s.Snapshot(), "web-1", floor(2, 2))); !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if s.Snapshot().Floor(key("web-1")) != floor(1, 1) {
		t.Error("a floor is visible that is not durable")
	}
	for range 2 {
		if err := s.Apply(compose(s.Snapshot(), "web-2", floor(2, 2))); !errors.As(err, &failed) {
			t.Errorf("after a failure: %v", err)
		}
		if _, err := s.ResetOnce("r", func(verifier.FloorKey) bool { return true }, 1); !errors.As(err, &failed) {
			t.Errorf("after a failure: %v", err)
		}
	}
	if s.Err() == nil {
		t.Error("Err says nothing")
	}
}

// A damaged file is refused, or was damaged where nothing is stored.
func TestDamage(t *testing.T) {
	s := fresh(t)
	for i := range 20 {
		apply(t, s, fmt.Sprint("web-", i), floor(uint64(i+1), 1))
	}
	s.Close()
	path := s.path
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	caught := 0
	for i := range 400 {
		bad := append([]byte(nil), whole...)
		if i < 20 {
			bad = bad[:r.IntN(len(bad))]
		} else {
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, nil)
		if err != nil {
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) {
				t.Errorf("%d: %v", i, err)
			}
			caught++
			continue
		}
		// A damaged meta page undoes the last commit, as a torn one does after a
		// crash: the revision falls with it, and Check sees that.
		f := s.Snapshot()
		if f.Revision() < 19 || f.Revision() > 20 {
			t.Fatalf("%d: revision %d", i, f.Revision())
		}
		for i := range f.Revision() {
			if got := f.Floor(key(fmt.Sprint("web-", i))); got != floor(i+1, 1) {
				t.Fatalf("a damaged file was read as floor %v for web-%d", got, i)
			}
		}
		s.Close()
	}
	if caught < 20 {
		t.Errorf("only %d damaged files were refused", caught)
	}
}
