// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

var modelSteps = flag.Int("model-steps", 20_000, "steps of TestModel")

// model is what floors, places and resets are, in a few lines.
type model struct {
	floors map[string]verifier.Floor
	bound  map[string]bool
	resets map[string]bool
}

func (m *model) commit(name string, saw, to verifier.Floor, sawBound bool) bool {
	if m.floors[name] != saw || m.bound[name] != sawBound {
		return false
	}
	m.floors[name], m.bound[name] = to, true
	return true
}

func (m *model) reset(id, prefix string, version uint64) bool {
	if m.resets[id] {
		return false
	}
	m.resets[id] = true
	for name, f := range m.floors {
		if strings.HasPrefix(name, prefix) && f.Version > version {
			m.floors[name] = verifier.Floor{Version: version}
		}
	}
	return true
}

// TestModel holds the store against the model over random decisions, which are
// made now and committed later, resets, snapshots, restarts and crashes.
func TestModel(t *testing.T) {
	steps := *modelSteps
	if testing.Short() {
		steps /= 50
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	m := &model{map[string]verifier.Floor{}, map[string]bool{}, map[string]bool{}}
	opts := Options{Archive: &objects{}, SegmentSize: 256 << 10}
	s := openStore(t, t.TempDir(), opts)
	type made struct {
		proposal
		name     string
		saw, to  verifier.Floor
		sawBound bool
	}
	var pool []made
	counts := map[string]int{}
	for step := range steps {
		name := fmt.Sprintf("%c-%d", 'a'+r.IntN(3), r.IntN(20))
		switch n := r.IntN(1000); {
		case n < 480 && len(pool) < 30 || len(pool) == 0: // a decision is made
			v := s.View()
			saw := v.Floor(key(name))
			_, bound := v.Place(binding(name).Key)
			to := floor(saw.Version+uint64(r.IntN(3)), byte(1+r.IntN(3)))
			if to.Version == 0 || to.Version == saw.Version && saw.SHA256 != ([32]byte{}) {
				to = saw // nothing is raised
			}
			if to == (verifier.Floor{}) {
				continue
			}
			pool = append(pool, made{compose(v, name, to), name, saw, to, bound})
		case n < 940: // and is committed, perhaps much later
			i := r.IntN(len(pool))
			p := pool[i]
			pool[i] = pool[len(pool)-1]
			pool = pool[:len(pool)-1]
			_, _, err := commit(s, p.proposal)
			var conflict *ConflictError
			if err != nil && !errors.As(err, &conflict) {
				t.Fatalf("step %d: %v", step, err)
			}
			if want := m.commit(p.name, p.saw, p.to, p.sawBound); want != (err == nil) {
				t.Fatalf("step %d: %s from %v to %v: %v, the model says %v", step, p.name, p.saw, p.to, err, want)
			}
			counts[map[bool]string{true: "committed", false: "conflict"}[err == nil]]++
		case n < 960:
			id, prefix, version := fmt.Sprint("order-", r.IntN(steps/40+1)), name[:1+r.IntN(2)], uint64(1+r.IntN(30))
			if got, want := lower(t, s, id, prefix+"*", version), m.reset(id, prefix, version); got != want {
				t.Fatalf("step %d: reset %s: %v, the model says %v", step, id, got, want)
			}
			counts["reset"]++
		case n < 980:
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
			counts["snapshot"]++
		case n < 990:
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, s.dir, opts)
			counts["restart"]++
		default:
			crash(t, s, r)
			s = openStore(t, s.dir, opts)
			counts["crash"]++
		}
		if step%64 == 0 || step == steps-1 {
			same(t, step, s, m)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	state := folded(t, s.dir, opts.Archive)
	for name, f := range m.floors {
		if got, _ := state.Floor(key(name)); got != f {
			t.Errorf("the journal adds up to %v for %s, the model to %v", got, name, f)
		}
	}
	t.Logf("%d steps: %v", steps, counts)
	for _, kind := range []string{"committed", "conflict", "reset", "snapshot", "restart", "crash"} {
		if counts[kind] == 0 {
			t.Errorf("no %s at all", kind)
		}
	}
}

// same compares every floor, place and reset with the model.
func same(t *testing.T, step int, s *Store, m *model) {
	t.Helper()
	for c := range 3 {
		for i := range 20 {
			name := fmt.Sprintf("%c-%d", 'a'+c, i)
			v := s.View()
			_, bound := v.Place(binding(name).Key)
			if got := v.Floor(key(name)); got != m.floors[name] || bound != m.bound[name] {
				t.Fatalf("step %d: %s is at %v, bound %v; the model says %v, %v", step, name, got, bound, m.floors[name], m.bound[name])
			}
		}
	}
}

// crash stops a store as a kill does: nothing of what a stop writes is written, and
// the journal may end in a torn record.
func crash(t *testing.T, s *Store, r *rand.Rand) {
	t.Helper()
	s.keeper.halt()
	if err := errors.Join(s.Journal.Close(), s.closeSnapshot()); err != nil {
		t.Fatal(err)
	}
	if r.IntN(2) == 0 {
		return
	}
	segments, err := list(disk.OS{}, s.Journal.dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(segmentName(s.Journal.dir, segments[len(segments)-1]), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	torn := appendRecord(nil, frame(kindDecision, []byte(`{"never":"durable"}`), s.Head().Size, s.Head().Sum), Digest{})
	if _, err := f.Write(torn[:1+r.IntN(len(torn)-40)]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, dirTemporary, ".new-left"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}
