// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

var ctx = context.Background()

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
		Raised: []FloorChange{{Role: "SANDBOX_POLICY", Workspace: "prod", Name: name, Before: Floor{41, Digest{1}}, After: Floor{42, Digest{2}}}},
	}
}

// denied is allowed one change away.
func denied(name string) Entry {
	e := allowed(name)
	e.Verdict, e.Reason, e.Raised, e.Bound = "DENY", "THRESHOLD", nil, false
	return e
}

// memory is an Archive without a disk.
type memory struct {
	mu  sync.Mutex
	has map[[32]byte]bool
	err error
}

func (m *memory) Put(data []byte) ([32]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return [32]byte{}, m.err
	}
	if m.has == nil {
		m.has = map[[32]byte]bool{}
	}
	sum := sha256.Sum256(data)
	m.has[sum] = true
	return sum, nil
}

func start(t testing.TB, dir string, opts Options) *Journal {
	t.Helper()
	if opts.Archive == nil {
		opts.Archive = &memory{}
	}
	j, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func add(t testing.TB, j *Journal, e Entry) (uint64, Digest) {
	t.Helper()
	seq, sum, err := j.Append(ctx, e, []byte("record of "+e.Target.Name))
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
			if s.Decision.Record != sha256.Sum256([]byte(fmt.Sprint("record of web-", next))) {
				t.Errorf("entry %d does not name its record", next)
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
	if _, _, err := j.Append(ctx, allowed("late"), nil); !errors.Is(err, ErrClosed) {
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
		if _, _, err := j.Append(ctx, e, nil); !errors.As(err, &refused) || refused.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if j.Head().Size != 1 {
		t.Errorf("a refused entry was recorded")
	}
}

// An entry is at most 16 KiB: beyond it the long lists stay in the decision
// record, and the entry says so.
func TestElided(t *testing.T) {
	j := start(t, t.TempDir(), Options{})
	e := allowed("web-1")
	add(t, j, e)
	for range 500 {
		e.Attestations = append(e.Attestations, Digest{}.String())
	}
	add(t, j, e)
	for range 60 {
		e.Raised = append(e.Raised, e.Raised[0], e.Raised[0])
	}
	add(t, j, e)
	want := []string{"[]", "[attestations]", "[attestations raised]"}
	for s, err := range j.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Decision.Elided); got != want[s.Seq] || len(s.Raw) > MaxEntry {
			t.Errorf("entry %d of %d bytes: elided %s, want %s", s.Seq, len(s.Raw), got, want[s.Seq])
		}
		if s.Seq < 2 && len(s.Decision.Raised) != 1 {
			t.Errorf("entry %d lost its floors", s.Seq)
		}
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
	if _, err := Open(dir, Options{Archive: &memory{}}); !errors.As(err, &locked) {
		t.Errorf("a second writer: %v", err)
	}
	add(t, j, allowed("still works"))
	j.Close()
	start(t, dir, Options{})
}

func TestArchiveFirst(t *testing.T) {
	store := &memory{}
	j := start(t, t.TempDir(), Options{Archive: store})
	if _, _, err := j.Append(ctx, allowed("a"), []byte("record"), []byte("attestation")); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"record", "attestation"} {
		if !store.has[sha256.Sum256([]byte(text))] {
			t.Errorf("the %s is not archived", text)
		}
	}
	store.err = errors.New("broken")
	for _, evidence := range [][][]byte{nil, {[]byte("attestation")}} {
		if _, _, err := j.Append(ctx, allowed("b"), []byte("record"), evidence...); !errors.Is(err, store.err) {
			t.Errorf("without an archive: %v", err)
		}
	}
	if j.Head().Size != 1 {
		t.Error("an entry was recorded whose record is not archived")
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("a journal opened without an archive")
	}
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
				seq, sum, err := j.Append(ctx, allowed(fmt.Sprintf("web-%d-%d", c, i)), nil)
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

// DM-13: callers that give up leave whole entries or none, and no goroutines.
func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	j := start(t, dir, Options{})
	add(t, j, allowed("first"))
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	told := make(chan uint64, 2000)
	for i := range 2000 {
		wg.Go(func() {
			c, cancel := context.WithTimeout(ctx, time.Duration(i%20)*50*time.Microsecond)
			defer cancel()
			if seq, _, err := j.Append(c, allowed("web"), nil); err == nil {
				told <- seq
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(told)
	if after := runtime.NumGoroutine(); after > before+2 {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
	add(t, j, allowed("last"))
	size := j.Head().Size
	for seq := range told {
		if seq >= size {
			t.Errorf("entry %d was promised, the journal has %d", seq, size)
		}
	}
	all, err := readAll(dir)
	if err != nil || uint64(len(all)) != size {
		t.Errorf("%d of %d entries, %v", len(all), size, err)
	}
}

// SE-17: a sandbox that is refused again and again costs a few entries a minute,
// and nobody else anything.
func TestBudget(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	store := &memory{}
	j := start(t, t.TempDir(), Options{Archive: store, DenyBudget: 3, Now: clock})
	suppressed := 0
	for i := range 1000 {
		_, _, err := j.Append(ctx, denied("noisy"), fmt.Appendf(nil, "record %d", i))
		var over *SuppressedError
		if errors.As(err, &over) {
			suppressed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if suppressed != 997 || j.Head().Size != 3 || len(store.has) != 3 {
		t.Errorf("%d suppressed, %d entries, %d records", suppressed, j.Head().Size, len(store.has))
	}
	add(t, j, denied("quiet")) // another target
	other := denied("noisy")
	other.Peer.UID = 997
	add(t, j, other) // another peer
	for range 10 {
		add(t, j, allowed("noisy")) // an ALLOW has no budget
	}
	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	add(t, j, denied("noisy")) // another minute
	j.Close()
	var counted []Suppressed
	for s, err := range Read(disk.OS{}, j.dir, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Suppressed != nil {
			counted = append(counted, *s.Suppressed)
		}
	}
	want := Suppressed{From: now.Add(-time.Minute).Truncate(time.Minute), Peer: denied("noisy").Peer, Target: denied("noisy").Target, Count: 997}
	if len(counted) != 1 || counted[0] != want {
		t.Errorf("counted %+v, want %+v", counted, want)
	}
}

func TestBudgetIsBounded(t *testing.T) {
	b := budget{limit: 1}
	now := time.Unix(0, 0)
	for i := range 3 * maxAccounts {
		b.spend(Peer{UID: 1}, Target{Name: fmt.Sprint(i)}, now)
	}
	if n := len(b.accounts); n > maxAccounts+1 {
		t.Errorf("%d accounts", n)
	}
	over := b.expired(now.Add(time.Minute))
	if len(over) != 1 || over[0].Count != 2*maxAccounts-1 || over[0].Target != (Target{}) {
		t.Errorf("over %+v", over)
	}
}

// The disk reserve: refusals stop first, ALLOWs when nearly nothing is left, and
// both go on when there is room again.
func TestReserve(t *testing.T) {
	var free atomic.Uint64
	free.Store(10 << 20)
	fs := &disktest.FS{Full: &free}
	j := start(t, t.TempDir(), Options{FS: fs, Reserve: 8 << 20, Archive: &memory{}})
	var full *FullError
	for _, c := range []struct {
		free  uint64
		allow bool
		deny  bool
	}{{8 << 20, true, true}, {8<<20 - 1, true, false}, {minFree, true, false}, {minFree - 1, false, false}, {10 << 20, true, true}} {
		free.Store(c.free)
		if _, _, err := j.Append(ctx, allowed("a"), nil); (err == nil) != c.allow || err != nil && !errors.As(err, &full) {
			t.Errorf("%d bytes free: ALLOW %v", c.free, err)
		}
		if _, _, err := j.Append(ctx, denied("d"), nil); (err == nil) != c.deny || err != nil && !errors.As(err, &full) {
			t.Errorf("%d bytes free: DENY %v", c.free, err)
		}
	}
}

func canonicalText(text []byte) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(text))
	err := v.Canonicalize()
	return v, err
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			j := start(b, b.TempDir(), Options{})
			e := allowed("web-1")
			for range 10 {
				e.Attestations = append(e.Attestations, Digest{1}.String())
			}
			spread(b, callers, func() {
				if _, _, err := j.Append(ctx, e, []byte("record")); err != nil {
					b.Error(err)
				}
			})
		})
	}
	b.Run("archived,callers=64", func(b *testing.B) {
		store, err := archive.Open(b.TempDir(), nil)
		if err != nil {
			b.Fatal(err)
		}
		j := start(b, b.TempDir(), Options{Archive: store})
		var n struct {
			sync.Mutex
			int
		}
		spread(b, 64, func() {
			n.Lock()
			n.int++
			record := fmt.Appendf(nil, "record %d", n.int)
			n.Unlock()
			if _, _, err := j.Append(ctx, allowed("web-1"), record); err != nil {
				b.Error(err)
			}
		})
	})
	b.Run("bare", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		line := make([]byte, 1500)
		for b.Loop() {
			f.Write(line)
			f.Sync()
		}
	})
}

// spread runs work b.N times over a number of goroutines.
func spread(b *testing.B, callers int, work func()) {
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := c; i < b.N; i += callers {
				work()
			}
		})
	}
	wg.Wait()
}
