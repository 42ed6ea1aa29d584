// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
)

// ST-19: what was allowed is remembered, also after a restart.
func TestCommit(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	before := s.View()
	before.Floor(key("web-1"))
	allow(t, s, "web-1", floor(41, 1))
	allow(t, s, "web-1", floor(42, 2))
	allow(t, s, "web-1", floor(42, 2)) // nothing new
	allow(t, s, "web-2", floor(7, 3))
	if before.Floor(key("web-1")) != (verifier.Floor{}) {
		t.Error("a view changed")
	}
	for range 3 {
		f := s.View()
		if f.Floor(key("web-1")) != floor(42, 2) || f.Floor(key("web-2")) != floor(7, 3) || f.Floor(key("web-3")) != (verifier.Floor{}) {
			t.Errorf("floors %v %v", f.Floor(key("web-1")), f.Floor(key("web-2")))
		}
		if p, ok := f.Place(binding("web-1").Key); !ok || p != binding("web-1").Place {
			t.Errorf("place %v %v", p, ok)
		}
		if _, ok := f.Place(binding("web-3").Key); ok {
			t.Error("a sandbox that was never allowed has a place")
		}
		if s.Revision() != 3 {
			t.Errorf("revision %d", s.Revision())
		}
		s = reopen(t, s)
		if err := s.Snapshot(); err != nil { // from the second round on
			t.Fatal(err)
		}
	}
	for e, err := range s.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		if d := e.Decision; d.Rules != verifier.RulesVersion || d.Revision != []uint64{1, 2, 2, 3}[e.Seq] {
			t.Errorf("entry %d: rules %d, revision %d", e.Seq, d.Rules, d.Revision)
		}
	}
}

// SE-03: a floor is of one concrete subject, whatever glob approved it.
func TestKeysAreConcrete(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	allow(t, s, "web-1", floor(7, 1))
	for range 2 {
		base := key("web-1")
		for _, other := range []verifier.FloorKey{
			{GatewayID: "gw2", Role: base.Role, Workspace: "prod", Name: "web-1"},
			{GatewayID: "gw", Role: verifier.GlobalPolicy, Workspace: "prod", Name: "web-1"},
			{GatewayID: "gw", Role: base.Role, Workspace: "pro", Name: "dweb-1"},
			{GatewayID: "gw", Role: base.Role, Workspace: "prod", Name: "web-2"},
			{GatewayID: "gw", Role: base.Role, Workspace: "prod", Name: "web-*"},
		} {
			if s.View().Floor(other) != (verifier.Floor{}) {
				t.Errorf("%v has the floor of %v", other, base)
			}
		}
		if s.View().Floor(base) != floor(7, 1) {
			t.Error("the floor itself is gone")
		}
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
}

// SE-01: what a decision saw must still stand when it is committed, and of one that
// conflicts nothing is written.
func TestConflict(t *testing.T) {
	archive := &objects{}
	s := openStore(t, t.TempDir(), Options{Archive: archive})
	allow(t, s, "web-1", floor(42, 2))
	good := func() proposal { return compose(s.View(), "web-1", floor(43, 3)) }
	for name, spoil := range map[string]func(*verifier.Decision){
		"a floor rose meanwhile": func(d *verifier.Decision) { d.Consulted[0].Floor = floor(41, 1) },
		"a floor was seen that is none": func(d *verifier.Decision) {
			d.Consulted = append(d.Consulted, verifier.Raise{Key: key("web-2"), Floor: floor(1, 1)})
		},
		"another digest was seen":              func(d *verifier.Decision) { d.Consulted[0].Floor.SHA256[0] = 9 },
		"the sandbox is bound to another name": func(d *verifier.Decision) { d.Place.Place.Name = "web-9" },
		"the sandbox was bound meanwhile":      func(d *verifier.Decision) { d.Place, d.Binding = nil, binding("web-1") },
		"a DENY saw no place": func(d *verifier.Decision) {
			d.Verdict, d.Reason, d.Raises, d.Place = verifier.Deny, verifier.Threshold, nil, nil
		},
	} {
		p := good()
		spoil(p.d)
		head, kept := s.Head(), archive.size()
		var conflict *ConflictError
		if _, _, err := commit(s, p); !errors.As(err, &conflict) || (conflict.Floor == nil) == (conflict.Sandbox == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if s.Head() != head || archive.size() != kept || s.View().Floor(key("web-1")) != floor(42, 2) {
			t.Fatalf("%s: something was changed", name)
		}
	}
	for name, spoil := range map[string]func(*verifier.Decision){
		"a raise would lower":                func(d *verifier.Decision) { d.Raises[0].Floor = floor(41, 1) },
		"a raise would bind a version again": func(d *verifier.Decision) { d.Raises[0].Floor = floor(42, 9) },
		"a raise without a digest":           func(d *verifier.Decision) { d.Raises[0].Floor.SHA256 = [32]byte{} },
		"a raise without a version":          func(d *verifier.Decision) { d.Raises[0].Floor.Version = 0 },
		"a DENY raises":                      func(d *verifier.Decision) { d.Verdict, d.Reason = verifier.Deny, verifier.Threshold },
	} {
		p := good()
		spoil(p.d)
		if _, _, err := commit(s, p); err == nil {
			t.Errorf("%s: it is recorded", name)
		}
		if s.Head().Size != 1 || s.View().Floor(key("web-1")) != floor(42, 2) {
			t.Fatalf("%s: something was changed", name)
		}
	}
	if _, _, err := commit(s, good()); err != nil {
		t.Errorf("the decision as it was made: %v", err)
	}
}

// What is on its way to the disk counts: of two decisions that saw the same floor
// one is recorded, also while neither is durable, and what a decision was made by
// is durable no later than itself.
func TestConflictInFlight(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	allow(t, s, "web-1", floor(1, 1))
	const callers = 16
	var allowed, conflicts atomic.Int64
	var wg sync.WaitGroup
	view := s.View()
	proposals := make([]proposal, callers)
	for i := range proposals {
		proposals[i] = compose(view, "web-1", floor(2, byte(i+1)))
	}
	for _, p := range proposals {
		wg.Go(func() {
			_, _, err := commit(s, p)
			var conflict *ConflictError
			switch {
			case err == nil:
				allowed.Add(1)
			case errors.As(err, &conflict):
				conflicts.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if allowed.Load() != 1 || conflicts.Load() != callers-1 {
		t.Errorf("%d recorded, %d conflicts", allowed.Load(), conflicts.Load())
	}
	// A decision by a floor that is not durable yet stands behind it in the journal.
	for i := range 200 {
		name := fmt.Sprint("web-", i%7)
		wg.Go(func() {
			for {
				v := s.View()
				_, _, err := commit(s, compose(v, name, floor(v.Floor(key(name)).Version+1, 1)))
				if conflict := (*ConflictError)(nil); errors.As(err, &conflict) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	wg.Wait()
	folded(t, s.dir, s.opts.Archive) // in order, or it fails
}

func TestHolds(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	allow(t, s, "web-1", floor(42, 2))
	p := compose(s.View(), "web-1", floor(42, 2))
	place := binding("web-1").Place
	for round := range 2 {
		for name, c := range map[string]struct {
			seen Seen
			want bool
		}{
			"as it is":             {SeenBy(p.req, p.d), true},
			"an older floor":       {Seen{Consulted: []verifier.Raise{{Key: key("web-1"), Floor: floor(41, 1)}}}, false},
			"no floor":             {Seen{Consulted: []verifier.Raise{{Key: key("web-1")}}}, false},
			"no place looked up":   {Seen{Consulted: p.d.Consulted}, true},
			"never allowed before": {Seen{Sandbox: binding("web-1").Key}, false},
			"another place":        {Seen{Sandbox: binding("web-1").Key, Place: &verifier.Place{Workspace: "prod", Name: "x"}}, false},
			"the place":            {Seen{Sandbox: binding("web-1").Key, Place: &place}, true},
			"a sandbox not bound":  {Seen{Sandbox: binding("web-9").Key}, true},
			"a place that is none": {Seen{Sandbox: binding("web-9").Key, Place: &place}, false},
		} {
			if got := s.Holds(c.seen); got != c.want {
				t.Errorf("round %d: %s: %v", round, name, got)
			}
		}
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	first := compose(s.View(), "web-2", floor(3, 3))
	after := SeenBy(first.req, first.d).After(first.d)
	if s.Holds(after) {
		t.Error("what a decision raises holds before it is committed")
	}
	if _, _, err := commit(s, first); err != nil || !s.Holds(after) || s.Holds(SeenBy(first.req, first.d)) {
		t.Errorf("after its own entry: %v", err)
	}
	admit := *p.req
	admit.Purpose = verifier.Admit
	if seen := SeenBy(&admit, p.d); seen.Sandbox != (verifier.SandboxKey{}) {
		t.Error("an ADMIT looked up a place")
	}
	refused := *p.d
	refused.Reason = verifier.TrustStale
	if seen := SeenBy(p.req, &refused); seen.Sandbox != (verifier.SandboxKey{}) {
		t.Error("a refusal by trust looked up a place")
	}
}

// SPEC: R8, a signed reset is the only way down, and is obeyed once.
func TestReset(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	allow(t, s, "web-1", floor(42, 1))
	allow(t, s, "web-2", floor(3, 1))
	allow(t, s, "db-1", floor(42, 1))
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	allow(t, s, "web-3", floor(42, 1)) // above the snapshot, the others are in it
	if !lower(t, s, "first", "web-*", 5) {
		t.Error("it was carried out before")
	}
	want := map[string]verifier.Floor{"web-1": {Version: 5}, "web-2": floor(3, 1), "web-3": {Version: 5}, "db-1": floor(42, 1)}
	for round := range 3 {
		for name, f := range want {
			if got := s.View().Floor(key(name)); got != f {
				t.Errorf("round %d: %s is at %v, want %v", round, name, got, f)
			}
		}
		if lower(t, s, "first", "web-*", 1) {
			t.Error("it is carried out twice")
		}
		if round == 1 {
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
		s = reopen(t, s)
	}
	allow(t, s, "web-1", floor(5, 9)) // the version of the reset takes a digest
	allow(t, s, "web-2", floor(6, 9))
	if !lower(t, s, "second", "web-*", 5) || s.View().Floor(key("web-1")) != floor(5, 9) || s.View().Floor(key("web-2")) != (verifier.Floor{Version: 5}) {
		t.Error("a second reset")
	}
	if got := folded(t, s.dir, s.opts.Archive).MapFloors(); got.Versions[key("web-1")] != floor(5, 9) || got.Versions[key("web-3")] != (verifier.Floor{Version: 5}) {
		t.Errorf("the journal adds up to %v", got.Versions)
	}
}

// An entry leaves out what was offered beyond 16 KiB, never what the state is made of.
func TestElided(t *testing.T) {
	e := allowed("web-1")
	for range 500 {
		e.Attestations = append(e.Attestations, Digest{}.String())
	}
	long := strings.Repeat("n", verifier.MaxName)
	e.Raised = nil
	for range verifier.MaxDocuments {
		e.Raised = append(e.Raised, FloorChange{Role: "PROVIDER_PROFILE", Workspace: long, Name: long, Before: Floor{Digest{1}, 1 << 62}, After: Floor{Digest{2}, 1<<62 + 1}})
	}
	for range verifier.MaxDocuments {
		e.Documents = append(e.Documents, Digest{7})
	}
	body, err := e.body()
	if err != nil || len(body) > MaxEntry-256 {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	back, err := Parse(frame(kindDecision, body, 0, Digest{}))
	if err != nil || len(back.Decision.Raised) != verifier.MaxDocuments || len(back.Decision.Attestations) != 0 || !slices.Equal(back.Decision.Elided, []string{ElidedAttestations}) {
		t.Errorf("%d raised, elided %v, %v", len(back.Decision.Raised), back.Decision.Elided, err)
	}
	small := allowed("web-1")
	body, err = small.body()
	if back, _ := Parse(frame(kindDecision, body, 0, Digest{})); err != nil || back.Decision.Elided != nil {
		t.Errorf("a small entry: %v, %v", back.Decision.Elided, err)
	}
}

func TestArchiveFirst(t *testing.T) {
	archive := &objects{}
	s := openStore(t, t.TempDir(), Options{Archive: archive})
	p := compose(s.View(), "web-1", floor(1, 1))
	if _, _, err := commit(s, p); err != nil {
		t.Fatal(err)
	}
	record, err := NewDecisionRecord(p.req, p.d).JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{record, []byte("attestation of web-1")} {
		if _, err := archive.Get(sha256.Sum256(data)); err != nil {
			t.Errorf("%.20q is not archived", data)
		}
	}
	for e, err := range s.Entries(0) {
		if err != nil || e.Decision.Record != sha256.Sum256(record) {
			t.Errorf("the entry does not name its record: %v", err)
		}
	}
	archive.err = errors.New("broken")
	for _, p := range []proposal{compose(s.View(), "web-2", floor(1, 1)), refusal(s.View(), "web-2")} {
		if _, _, err := commit(s, p); !errors.Is(err, archive.err) {
			t.Errorf("without an archive: %v", err)
		}
	}
	if s.Head().Size != 1 || s.View().Floor(key("web-2")) != (verifier.Floor{}) {
		t.Error("an entry was recorded whose record is not archived, or its floor raised")
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("a record opened without an archive")
	}
}

// SE-17: a sandbox that is refused again and again costs a few entries a minute,
// and nobody else anything.
func TestBudget(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	archive := &objects{}
	s := openStore(t, t.TempDir(), Options{Archive: archive, DenyBudget: 3, Now: clock})
	suppressed := 0
	for i := range 1000 {
		p := refusal(s.View(), "noisy")
		p.d.EffectiveSHA256 = sha256.Sum256(fmt.Append(nil, i))
		_, _, err := commit(s, p)
		var over *SuppressedError
		if errors.As(err, &over) {
			suppressed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if suppressed != 997 || s.Head().Size != 3 || archive.size() != 3 {
		t.Errorf("%d suppressed, %d entries, %d records", suppressed, s.Head().Size, archive.size())
	}
	want := Suppressed{From: now.Truncate(time.Minute), Peer: Peer{UID: 998, GID: 998}, Target: targetOf(refusal(s.View(), "noisy").req.Target), Count: 997}
	must := func(p proposal, uid uint32) {
		t.Helper()
		e := p.entry()
		e.Peer.UID = uid
		if _, _, err := s.Commit(e, p.req, p.d); err != nil {
			t.Error(err)
		}
	}
	must(refusal(s.View(), "quiet"), 998) // another target
	must(refusal(s.View(), "noisy"), 997) // another peer
	for i := range 10 {
		must(compose(s.View(), "noisy", floor(uint64(i+1), 1)), 998) // an ALLOW has no budget
	}
	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	must(refusal(s.View(), "noisy"), 998) // another minute
	s.Close()
	var counted []Suppressed
	for e, err := range Read(disk.OS{}, filepath.Join(s.dir, dirJournal), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Suppressed != nil {
			counted = append(counted, *e.Suppressed)
		}
	}
	if len(counted) != 1 || counted[0] != want {
		t.Errorf("counted %+v, want %+v", counted, want)
	}
}

// The disk reserve: refusals stop first, ALLOWs when their evidence does not fit,
// and both go on when there is room again. What is not recorded raises nothing.
func TestReserve(t *testing.T) {
	var free atomic.Uint64
	free.Store(10 << 20)
	s := openStore(t, t.TempDir(), Options{FS: &disktest.FS{Full: &free}, Reserve: 8 << 20})
	need := func() uint64 { // of the next ALLOW
		p := compose(s.View(), "a", floor(s.View().Floor(key("a")).Version+1, 1))
		record, err := NewDecisionRecord(p.req, p.d).JSON()
		if err != nil {
			t.Fatal(err)
		}
		return allowNeeds(record, evidence(p.req, p.d))
	}
	var full *FullError
	for _, c := range []struct {
		free  uint64 // 0: what the ALLOW needs; 1: a byte less
		allow bool
		deny  bool
	}{{8 << 20, true, true}, {8<<20 - 1, true, false}, {0, true, false}, {1, false, false}, {10 << 20, true, true}} {
		if c.free < 2 {
			c.free = need() - c.free
		}
		free.Store(c.free)
		before := s.View().Floor(key("a"))
		_, _, err := commit(s, compose(s.View(), "a", floor(before.Version+1, 1)))
		if (err == nil) != c.allow || err != nil && !errors.As(err, &full) {
			t.Errorf("%d bytes free: ALLOW %v", c.free, err)
		}
		if err != nil && s.View().Floor(key("a")) != before {
			t.Errorf("%d bytes free: what was not recorded raised a floor", c.free)
		}
		if _, _, err := commit(s, refusal(s.View(), "d")); (err == nil) != c.deny || err != nil && !errors.As(err, &full) {
			t.Errorf("%d bytes free: DENY %v", c.free, err)
		}
		if _, err := s.reset(fmt.Sprint(c), verifier.FloorPattern{Role: verifier.Settings}, 1, 1, time.Unix(1, 0)); (err == nil) != (c.free >= minFree) {
			t.Errorf("%d bytes free: reset %v", c.free, err)
		}
	}
}

// A driver that begins says so, and the clock's mark outlives it.
func TestBeginAndClock(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	noon := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	if err := s.Begin(Start{Time: noon, Driver: "0.2.0", Config: Digest{1}, Trust: Trust{Epoch: 3}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(Start{}); err == nil {
		t.Error("a start without a time is recorded")
	}
	if !s.HighWater().IsZero() {
		t.Error("the time of a start is believed")
	}
	allow(t, s, "web-1", floor(1, 1))
	decided := compose(s.View(), "web-1", floor(1, 1)).entry().Time
	if got := s.HighWater(); !got.Equal(decided) {
		t.Errorf("after a decision the mark is %v", got)
	}
	s.SetHighWater(decided.Add(markAfter - time.Second))
	s.markClock(markAfter)
	if s.Head().Size != 2 {
		t.Error("a mark is written before it is due")
	}
	s.SetHighWater(decided.Add(markAfter))
	s.SetHighWater(decided) // never falls
	s.markClock(markAfter)
	if s.Head().Size != 3 || folded(t, s.dir, s.opts.Archive).HighWater != decided.Add(markAfter) {
		t.Errorf("%d entries", s.Head().Size)
	}
	s.SetHighWater(noon)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	s = openStore(t, s.dir, s.opts)
	if got := s.HighWater(); !got.Equal(noon) {
		t.Errorf("after a restart the mark is %v", got)
	}
}

// On a full disk a driver begins all the same, and no decision is recorded before that.
func TestBeginWaits(t *testing.T) {
	var free atomic.Uint64
	s := openStore(t, t.TempDir(), Options{FS: &disktest.FS{Full: &free}, Reserve: 1})
	var full *FullError
	if err := s.Begin(Start{Time: time.Unix(1e9, 0), Driver: "0.2.0"}); !errors.As(err, &full) {
		t.Fatal(err)
	}
	free.Store(1 << 19)
	if _, _, err := commit(s, refusal(s.View(), "web-1")); !errors.As(err, &full) || s.Head().Size != 0 {
		t.Errorf("a refusal before the start: %v, %d entries", err, s.Head().Size)
	}
	free.Store(1 << 30)
	allow(t, s, "web-1", floor(1, 1))
	var kinds []bool
	for e, err := range s.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, e.Start != nil)
	}
	if !slices.Equal(kinds, []bool{true, false}) {
		t.Errorf("starts: %v", kinds)
	}
}

// A folder of a newer format is refused before anything in it is touched.
func TestFormat(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	allow(t, s, "web-1", floor(1, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, fileFormat), []byte("sigdriver.state/v3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var other *FormatError
	fsys := &disktest.FS{}
	if _, err := Open(s.dir, Options{Archive: &objects{}, FS: fsys}); !errors.As(err, &other) || !strings.Contains(err.Error(), "sigdriver.state/v3") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a newer folder: %v", err)
	}
	for _, op := range fsys.Operations() {
		if op != "mkdir" && op != "syncdir" {
			t.Errorf("the folder was changed: %s", op)
		}
	}
}

// AU-04: two drivers on one folder.
func TestStoreLocked(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	var locked *disk.LockedError
	if _, err := Open(s.dir, Options{Archive: &objects{}}); !errors.As(err, &locked) {
		t.Errorf("a second writer: %v", err)
	}
	allow(t, s, "web-1", floor(1, 1))
	reopen(t, s)
}
