// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

// allowed is an entry as a COMPOSE that was allowed makes it.
func allowed(name string) Entry {
	return Entry{
		Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Driver: "0.1.0",
		Peer:    Peer{UID: 998, GID: 998, Name: "gateway"},
		Purpose: "COMPOSE", Target: Target{GatewayID: "gw-1", Workspace: "prod", SandboxID: "sb-" + name, Name: name},
		Host:          Host{PolicyHash: "sha256:00", PolicyVersion: 3, ConfigRevision: 9007199254740993},
		RequestSHA256: sha256.Sum256([]byte(name)), EffectiveSHA256: sha256.Sum256([]byte("effective " + name)),
		Documents: []Digest{sha256.Sum256([]byte("document " + name))},
		Verdict:   "ALLOW", Reason: "ALLOWED",
		Trust:    Trust{Epoch: 41, Roles: map[string]RoleFile{"root": {Version: 7, SHA256: Digest{7}}, "targets": {Version: 31, SHA256: Digest{31}}}},
		Revision: 12, Bound: true,
		Raised: []FloorChange{{Role: "SANDBOX_POLICY", Workspace: "prod", Name: name, Before: Floor{Digest{1}, 41}, After: Floor{Digest{2}, 42}}},
	}
}

// denied is allowed one change away.
func denied(name string) Entry {
	e := allowed(name)
	e.Verdict, e.Reason, e.Raised, e.Bound = "DENY", "THRESHOLD", nil, false
	return e
}

// openSegments opens the segments alone, without what they add up to.
func openSegments(dir string, opts Options) (*Journal, error) {
	j, err := openJournal(dir, opts)
	if err == nil {
		go j.run()
	}
	return j, err
}

// put appends an entry as it is.
func put(j *Journal, e Entry) (uint64, Digest, error) {
	if err := e.check(); err != nil {
		return 0, Digest{}, err
	}
	return j.submit(kindDecision, e.body)
}

func start(t testing.TB, dir string, opts Options) *Journal {
	t.Helper()
	j, err := openSegments(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func add(t testing.TB, j *Journal, e Entry) (uint64, Digest) {
	t.Helper()
	seq, sum, err := put(j, e)
	if err != nil {
		t.Fatal(err)
	}
	return seq, sum
}

// fill makes a closed journal of n entries and returns its folder.
func fill(t testing.TB, n int, opts Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	j := start(t, dir, opts)
	for i := range n {
		add(t, j, allowed(fmt.Sprintf("web-%d", i)))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readAll reads a folder to its end or its first error.
func readAll(dir string) (all []Stored, err error) {
	for s, e := range Read(disk.OS{}, dir, 0) {
		if e != nil {
			return all, e
		}
		all = append(all, s)
	}
	return all, nil
}

func TestAppendAndRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	j := start(t, dir, Options{})
	if j.Head() != (Head{}) {
		t.Errorf("the head of an empty journal is %v", j.Head())
	}
	var sums []Digest
	for i := range 5 {
		seq, sum := add(t, j, allowed(fmt.Sprint("web-", i)))
		if seq != uint64(i) {
			t.Errorf("entry %d has sequence %d", i, seq)
		}
		sums = append(sums, sum)
	}
	if j.Head() != (Head{5, sums[4]}) {
		t.Errorf("head %v", j.Head())
	}
	for _, from := range []uint64{0, 3, 5} {
		next := from
		for s, err := range j.Entries(from) {
			if err != nil {
				t.Fatal(err)
			}
			if s.Seq != next || s.Sum != sums[next] || s.Sum != sha256.Sum256(s.Raw) || s.Decision == nil || s.Decision.Target.Name != fmt.Sprint("web-", next) {
				t.Errorf("from %d: entry %d reads back as %+v", from, next, s)
			}
			if next > 0 && s.Prev != sums[next-1] {
				t.Errorf("entry %d does not name the one before", next)
			}
			next++
		}
		if next != 5 {
			t.Errorf("from %d: stopped at %d", from, next)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := put(j, allowed("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	again := start(t, dir, Options{})
	if again.Head() != (Head{5, sums[4]}) || again.Cut() != nil {
		t.Errorf("reopened: head %v, cut %v", again.Head(), again.Cut())
	}
	if seq, _ := add(t, again, allowed("next")); seq != 5 {
		t.Errorf("reopened: sequence %d", seq)
	}
}

func TestSegments(t *testing.T) {
	dir := fill(t, 10, Options{SegmentSize: 2500})
	firsts, err := list(disk.OS{}, dir)
	if err != nil || len(firsts) < 3 {
		t.Fatalf("segments %v, %v", firsts, err)
	}
	all, err := readAll(dir)
	if err != nil || len(all) != 10 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	for from := range uint64(10) {
		for s, err := range Read(disk.OS{}, dir, from) {
			if err != nil || s.Seq != from {
				t.Errorf("from %d: begins with %d, %v", from, s.Seq, err)
			}
			break
		}
	}
	j := start(t, dir, Options{SegmentSize: 2500})
	if j.Head() != (Head{10, all[9].Sum}) {
		t.Errorf("head %v", j.Head())
	}
	j.Close()
	// A crash right after a rotation leaves an empty last segment.
	if err := os.WriteFile(segmentName(dir, 10), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j = start(t, dir, Options{})
	if j.Head() != (Head{10, all[9].Sum}) {
		t.Errorf("head %v after an empty segment", j.Head())
	}
	add(t, j, allowed("next"))
	if all, err := readAll(dir); err != nil || len(all) != 11 {
		t.Errorf("%d entries, %v", len(all), err)
	}
}

func TestEntryRefused(t *testing.T) {
	j := start(t, t.TempDir(), Options{})
	add(t, j, allowed("good"))
	for field, spoil := range map[string]func(*Entry){
		"time":             func(e *Entry) { e.Time = time.Time{} },
		"verdict":          func(e *Entry) { e.Verdict = "VERDICT_UNSPECIFIED" },
		"reason":           func(e *Entry) { e.Reason = "BECAUSE" },
		"target.gatewayId": func(e *Entry) { e.Target.GatewayID = "" },
		"requestSha256":    func(e *Entry) { e.RequestSHA256 = Digest{} },
		"names":            func(e *Entry) { e.Target.Name = string(make([]byte, MaxEntry)) },
	} {
		e := allowed("bad")
		spoil(&e)
		var refused *EntryError
		if _, _, err := put(j, e); !errors.As(err, &refused) || refused.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if j.Head().Size != 1 {
		t.Errorf("a refused entry was recorded")
	}
}

// AU-08: whatever stands in a name, an entry is one line and inert.
func TestInert(t *testing.T) {
	j := start(t, t.TempDir(), Options{})
	names := []string{"a\nb", "\x1b[2J", "\u009b2J", "<script>&", "\u2028\u2029", "\u202etxt", "\x7f", "\x00", "bad\xffutf8", `","seq":"9"}`, `"prev":"`, "😀"}
	for _, name := range names {
		e := allowed("x")
		e.Target.Name, e.Raised = name, nil
		add(t, j, e)
	}
	n := 0
	for s, err := range j.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(s.Raw, "\n\r\x1b\x00") {
			t.Errorf("%q: the entry holds a control character", names[n])
		}
		line := Line(s.Raw)
		for _, b := range line {
			if b < 0x20 || b > 0x7e || b == '<' || b == '>' || b == '&' {
				t.Errorf("%q: the line holds %q", names[n], b)
				break
			}
		}
		back, err := canonicalText(line)
		if err != nil || !bytes.Equal(back, s.Raw) {
			t.Errorf("%q: the line is another entry: %v", names[n], err)
		}
		n++
	}
	if n != len(names) {
		t.Errorf("%d entries", n)
	}
}

// AU-04: two drivers on one folder.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	j := start(t, dir, Options{})
	var locked *disk.LockedError
	if _, err := openSegments(dir, Options{}); !errors.As(err, &locked) {
		t.Errorf("a second writer: %v", err)
	}
	add(t, j, allowed("still works"))
	j.Close()
	start(t, dir, Options{})
}

func TestConcurrentAppends(t *testing.T) {
	const callers, each = 32, 20
	fs := &disktest.FS{}
	dir := t.TempDir()
	j := start(t, dir, Options{FS: fs, SegmentSize: 100 << 10})
	var mu sync.Mutex
	got := map[uint64]Digest{}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				seq, sum, err := put(j, allowed(fmt.Sprintf("web-%d-%d", c, i)))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				got[seq] = sum
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	j.Close()
	all, err := readAll(dir)
	if err != nil || len(all) != callers*each || len(got) != len(all) {
		t.Fatalf("%d entries, %d sequence numbers, %v", len(all), len(got), err)
	}
	for _, s := range all {
		if got[s.Seq] != s.Sum {
			t.Errorf("entry %d is not what its caller was told", s.Seq)
		}
	}
	syncs := 0
	for _, op := range fs.Operations() {
		if op == "sync" {
			syncs++
		}
	}
	if syncs > len(all)/2 {
		t.Errorf("%d fsyncs for %d entries: they do not share", syncs, len(all))
	}
}

func TestBudgetIsBounded(t *testing.T) {
	b := budget{limit: 1}
	now := time.Unix(0, 0)
	for i := range 3 * maxAccounts {
		b.spend(denial{peer: Peer{UID: 1}, target: Target{Name: fmt.Sprint(i)}}, now)
	}
	if n := len(b.accounts); n > peerTargets+1 {
		t.Errorf("%d accounts of one peer", n)
	}
	for uid := range uint32(3 * maxAccounts) {
		b.spend(denial{peer: Peer{UID: 2 + uid}}, now)
	}
	if n := len(b.accounts); n > maxAccounts+maxPeers+1 {
		t.Errorf("%d accounts", n)
	}
	if n := len(b.peers); n > maxPeers+1 {
		t.Errorf("%d peers", n)
	}
	over := b.expired(now.Add(time.Minute))
	for _, o := range over {
		if o.Peer == (Peer{UID: 1}) && (o.Count != 3*maxAccounts-peerTargets || o.Target != (Target{})) {
			t.Errorf("over %+v", o)
		}
	}
}

// Whoever invents names uses up the budget of its peer, and no first refusal of a
// sandbox that is there.
func TestFirstRefusals(t *testing.T) {
	b := budget{limit: 30}
	now := time.Unix(0, 0)
	peer := Peer{UID: 1}
	const invented = 10000
	recorded := 0
	for i := range invented {
		if b.spend(denial{peer: peer, target: Target{SandboxID: fmt.Sprint("x", i)}, reason: "THRESHOLD", bytes: 4 << 10}, now) {
			recorded++
		}
	}
	t.Logf("%d first refusals of %d invented names are recorded", recorded, invented)
	if recorded > 30*peerTargets {
		t.Errorf("%d refusals are recorded", recorded)
	}
	victims := 0
	for i := range 200 {
		for _, reason := range []string{"THRESHOLD", "SIGNER_REVOKED"} {
			d := denial{peer: peer, target: Target{GatewayID: "gw", SandboxID: fmt.Sprint("sb-", i)}, bound: true, reason: reason, bytes: 16 << 10}
			if b.spend(d, now) {
				victims++
			}
			if b.spend(d, now) {
				t.Fatal("the second refusal for a reason is recorded beyond the budget")
			}
		}
	}
	if victims != 400 {
		t.Errorf("%d of 400 first refusals of bound sandboxes are recorded", victims)
	}
	fat := denial{peer: peer, target: Target{GatewayID: "gw", SandboxID: "fat"}, bound: true, reason: "THRESHOLD", bytes: maxFirstBytes + 1}
	if b.spend(fat, now) {
		t.Error("a first refusal has no bound in bytes")
	}
	if !b.spend(denial{peer: Peer{UID: 2}, target: fat.target, bytes: maxPeerBytes}, now) {
		t.Error("another peer pays for it")
	}
	if b.spend(denial{peer: Peer{UID: 2}, target: Target{Name: "other"}, bytes: 1}, now) {
		t.Error("a peer has no budget in bytes")
	}
	if !b.spend(fat, now.Add(time.Minute)) {
		t.Error("the next minute has no budget of its own")
	}
}

// A revocation has every sandbox of a fleet refused at once: each first refusal is recorded.
// Whoever goes on so is held to a minute's part of bytes a minute.
func TestFirstRefusalsOfAFleet(t *testing.T) {
	b := budget{limit: 30}
	now, next := time.Unix(0, 0), 0
	refuse := func(sandboxes, bytes int) (recorded int) {
		for range sandboxes {
			next++
			d := denial{peer: Peer{UID: 1}, target: Target{GatewayID: "gw", SandboxID: fmt.Sprint(next)}, bound: true, reason: "SIGNER_REVOKED", bytes: bytes}
			if b.spend(d, now) {
				recorded++
			}
		}
		return recorded
	}
	if n := refuse(10_000, 8<<10); n != 10_000 {
		t.Errorf("%d of 10,000 first refusals are recorded", n)
	}
	refuse(10_000, maxFirstBytes) // until nothing is saved up
	for range 5 {
		now = now.Add(time.Minute)
		most := (maxFirstsBytes + maxPeerBytes) / maxFirstBytes
		if n := refuse(1000, maxFirstBytes); n > most || n < most-1 {
			t.Errorf("then %d a minute, want %d", n, most)
		}
	}
	if now = now.Add(-time.Hour); refuse(1000, maxFirstBytes) > (maxFirstsBytes+maxPeerBytes)/maxFirstBytes {
		t.Error("a clock that steps back gives more")
	}
	now = now.Add(firstsSaved * time.Minute)
	if n := refuse(10_000, 8<<10); n != 10_000 {
		t.Errorf("%d of 10,000 are recorded once enough is saved up again", n)
	}
}

func canonicalText(text []byte) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(text))
	err := v.Canonicalize()
	return v, err
}
