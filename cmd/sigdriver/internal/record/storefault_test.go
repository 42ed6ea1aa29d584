// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
)

// promise is one answer that left: an entry, and the floor that held with it.
type promise struct {
	seq   uint64
	sum   string
	name  string
	floor verifier.Floor
}

// life is a short life of a record, from its creation on: two versions of one
// subject, a refusal, a reset of another, a snapshot, more, and the end. It tells
// each promise when it is made.
func life(dir string, fsys disk.FS, told func(promise)) error {
	objects, err := archive.Open(filepath.Join(dir, "archive"), fsys)
	if err != nil {
		return err
	}
	s, err := Open(dir, Options{Archive: objects, FS: fsys, SegmentSize: 2000})
	if err != nil {
		return err
	}
	step := func(name string, version uint64) error {
		to := floor(version, byte(version))
		seq, sum, err := commit(s, compose(s.View(), name, to))
		if err == nil {
			told(promise{seq, sum.String(), name, to})
		}
		return err
	}
	for _, do := range []func() error{
		func() error { return s.Begin(Start{Time: time.Unix(1e9, 0), Driver: "0.2.0"}) },
		func() error { return step("web-1", 1) },
		func() error { return step("web-2", 9) },
		func() error { _, _, err := commit(s, refusal(s.View(), "web-1")); return err },
		func() error { return step("web-1", 2) },
		func() error {
			glob := "web-2"
			_, err := s.reset("once", verifier.FloorPattern{Role: verifier.SandboxPolicy, Name: &glob}, 3, 1, time.Unix(1e9, 0))
			if err == nil {
				told(promise{s.Head().Size - 1, s.Head().Sum.String(), "web-2", verifier.Floor{Version: 3}})
			}
			return err
		},
		s.Snapshot,
		func() error { return step("web-3", 4) },
		s.Snapshot,
		func() error { return step("web-2", 5) },
	} {
		if err := do(); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

// lives is what an undisturbed life does.
func lives(t *testing.T) []string {
	t.Helper()
	var f disktest.FS
	if err := life(t.TempDir(), &f, func(promise) {}); err != nil {
		t.Fatal(err)
	}
	ops := f.Operations()
	for _, kind := range []string{"mkdir", "lock", "create", "write", "sync", "rename", "syncdir"} {
		if !slices.Contains(ops, kind) {
			t.Fatalf("no %s among %v", kind, ops)
		}
	}
	return ops
}

// kept opens what is left, as the next start does. Every promise was kept: its entry
// is there, and the floor stands unless a later promise moved it. Every floor that
// holds has its entry, the archive has what every entry names, and the record goes on.
func kept(t *testing.T, what, dir string, promised []promise) {
	t.Helper()
	objects, err := archive.Open(filepath.Join(dir, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, Options{Archive: objects})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer s.Close()
	sums := map[uint64]string{}
	for e, err := range s.Entries(0) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		sums[e.Seq] = e.Sum.String()
		if e.Decision != nil {
			if _, err := objects.Get(e.Decision.Record); err != nil {
				t.Errorf("%s: the record of entry %d: %v", what, e.Seq, err)
			}
		}
	}
	under := map[string][]verifier.Floor{
		"web-1": {{}, floor(1, 1), floor(2, 2)},
		"web-2": {{}, floor(9, 9), {Version: 3}, floor(5, 5)},
		"web-3": {{}, floor(4, 4)},
	}
	for _, p := range promised {
		if sums[p.seq] != p.sum {
			t.Errorf("%s: the entry of %s at %d was promised and is gone", what, p.name, p.floor.Version)
		}
		if got := s.View().Floor(key(p.name)); slices.Index(under[p.name], got) < slices.Index(under[p.name], p.floor) {
			t.Errorf("%s: %s is at %v, promised %v", what, p.name, got, p.floor)
		}
	}
	want := folded(t, dir, objects)
	for _, name := range slices.Sorted(maps.Keys(under)) {
		if f, _ := want.Floor(key(name)); s.View().Floor(key(name)) != f {
			t.Errorf("%s: %s is at %v, its journal says %v", what, name, s.View().Floor(key(name)), f)
		}
	}
	allow(t, s, "web-9", floor(1, 1))
	s = reopen(t, s)
	if got := s.View().Floor(key("web-9")); got != floor(1, 1) {
		t.Errorf("%s: what was raised afterwards is at %v", what, got)
	}
}

// copied copies a folder, as a process that failed leaves it: it may keep its locks
// until it ends.
func copied(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// AU-06: each operation fails once, or the disk stays broken. Nothing is promised
// then, and what is left is whole.
func TestFaultAtEveryOperation(t *testing.T) {
	ops := lives(t)
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := 1; n <= len(ops); n++ {
			dir := t.TempDir()
			var promised []promise
			fsys := &disktest.FS{At: n, Err: fault, After: fault == syscall.EIO}
			err := life(dir, fsys, func(p promise) { promised = append(promised, p) })
			what := fmt.Sprintf("%v at %d (%s)", fault, n, ops[n-1])
			if !errors.Is(err, fault) && !slices.Contains([]string{"remove"}, ops[n-1]) {
				t.Errorf("%s: %v", what, err)
			}
			kept(t, what, copied(t, dir), promised)
		}
	}
}

// A loss of power at each operation takes back whatever was not synced.
func TestPowerLossAtEveryOperation(t *testing.T) {
	ops := lives(t)
	for n := 1; n <= len(ops); n++ {
		dir := t.TempDir()
		var promised []promise
		fsys := &disktest.FS{At: n, Err: syscall.EIO, After: true}
		err := life(dir, fsys, func(p promise) { promised = append(promised, p) })
		if err == nil {
			t.Errorf("operation %d: no fault", n)
		}
		fsys.PowerLoss()
		kept(t, fmt.Sprintf("power lost at %d (%s)", n, ops[n-1]), copied(t, dir), promised)
	}
}

// AU-01: a process killed at any operation leaves every entry that was promised.
func TestKillAtEveryOperation(t *testing.T) {
	if at, err := strconv.Atoi(os.Getenv("SIGDRIVER_TEST_AT")); err == nil {
		err := life(os.Getenv("SIGDRIVER_TEST_DIR"), &disktest.FS{At: at}, func(p promise) {
			fmt.Println(p.seq, p.sum, p.name, p.floor.Version, p.floor.SHA256[0]) // unbuffered: out before the next operation
		})
		t.Fatalf("still alive: %v", err)
	}
	ops := lives(t)
	for n := 1; n <= len(ops); n++ {
		dir := t.TempDir()
		out := killed(t, "TestKillAtEveryOperation", "SIGDRIVER_TEST_DIR="+dir, "SIGDRIVER_TEST_AT="+strconv.Itoa(n))
		kept(t, fmt.Sprintf("killed at %d (%s)", n, ops[n-1]), dir, said(t, out))
	}
}

// killed runs a test in a process of its own, which has to end by SIGKILL.
func killed(t *testing.T, test string, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v: not killed: %v\n%s", env, err, out)
	}
	return string(out)
}

// said reads the promises that a process printed.
func said(t *testing.T, out string) []promise {
	t.Helper()
	var list []promise
	for line := range strings.Lines(out) {
		var p promise
		if _, err := fmt.Sscan(line, &p.seq, &p.sum, &p.name, &p.floor.Version, &p.floor.SHA256[0]); err != nil {
			t.Fatalf("it said %q", line)
		}
		list = append(list, p)
	}
	return list
}

// callersUntil has many callers raise floors until something fails.
func callersUntil(dir string, fsys *disktest.FS, told func(promise)) error {
	objects, err := archive.Open(filepath.Join(dir, "archive"), fsys)
	if err != nil {
		return err
	}
	s, err := Open(dir, Options{Archive: objects, FS: fsys, SegmentSize: 2000})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for c := range 8 {
		wg.Go(func() {
			name := fmt.Sprint("web-", c)
			for {
				v := s.View()
				to := floor(v.Floor(key(name)).Version+1, 1)
				seq, sum, fault := commit(s, compose(v, name, to))
				mu.Lock()
				if fault != nil {
					err = errors.Join(err, fault)
					mu.Unlock()
					return
				}
				told(promise{seq, sum.String(), name, to})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(err, s.Close())
}

// keptForCallers opens what is left: what each caller was told holds, and the archive has
// what every entry names. It returns how many files hold objects of several decisions.
func keptForCallers(t *testing.T, what, dir string, promised []promise) (groups int) {
	t.Helper()
	objects, err := archive.Open(filepath.Join(dir, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, dir, Options{Archive: objects})
	defer s.Close()
	for _, p := range promised {
		if got := s.View().Floor(key(p.name)); got.Version < p.floor.Version {
			t.Errorf("%s: %s is at %d, promised %d", what, p.name, got.Version, p.floor.Version)
		}
	}
	for e, err := range s.Entries(0) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		evidence, err := objects.Get(e.Decision.Record)
		if err != nil {
			t.Errorf("%s: the record of entry %d: %v", what, e.Seq, err)
			continue
		}
		r, err := ParseDecisionRecord(evidence)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := objects.Get(r.Attestations[0][0]); err != nil {
			t.Errorf("%s: the attestation of entry %d: %v", what, e.Seq, err)
		}
	}
	folded(t, dir, objects)
	files, err := filepath.Glob(filepath.Join(dir, "archive", "groups", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// Under many callers, too: whatever each was told holds after a kill at any
// operation of their appends, with the evidence that they share files for.
func TestKillUnderCallers(t *testing.T) {
	if at, err := strconv.Atoi(os.Getenv("SIGDRIVER_TEST_AT")); err == nil {
		err := callersUntil(os.Getenv("SIGDRIVER_TEST_DIR"), &disktest.FS{At: at}, func(p promise) {
			fmt.Println(p.seq, p.sum, p.name, p.floor.Version, 1)
		})
		t.Fatalf("still alive: %v", err)
	}
	total, groups := 0, 0
	// On a busy machine the process may die before any caller has printed: it is
	// killed later and later until some have.
	for at := 20; at < 120 || (total == 0 || groups == 0) && at < 5000; at += 7 {
		dir := t.TempDir()
		promised := said(t, killed(t, "TestKillUnderCallers", "SIGDRIVER_TEST_DIR="+dir, "SIGDRIVER_TEST_AT="+strconv.Itoa(at)))
		total += len(promised)
		groups += keptForCallers(t, fmt.Sprint("killed at ", at), dir, promised)
	}
	if total == 0 || groups == 0 {
		t.Errorf("%d promises, %d files shared", total, groups)
	}
}

// And after a loss of power, which takes back what was not synced.
func TestPowerLossUnderCallers(t *testing.T) {
	total, groups := 0, 0
	for at := 20; at < 220 || (total == 0 || groups == 0) && at < 300; at++ {
		dir := t.TempDir()
		var promised []promise
		fsys := &disktest.FS{At: at, Err: syscall.EIO, After: true}
		if err := callersUntil(dir, fsys, func(p promise) { promised = append(promised, p) }); !errors.Is(err, syscall.EIO) {
			t.Fatalf("operation %d: %v", at, err)
		}
		fsys.PowerLoss()
		total += len(promised)
		groups += keptForCallers(t, fmt.Sprint("power lost at ", at), copied(t, dir), promised)
	}
	if total == 0 || groups == 0 {
		t.Errorf("%d promises, %d files shared", total, groups)
	}
}

// raises nothing, and what was promised before stays.
func TestFullDisk(t *testing.T) {
	dir, full := disktest.SmallDisk(t, 4096), 0
	for pages := 0; ; pages += 2 {
		state := filepath.Join(dir, strconv.Itoa(pages))
		if err := os.Mkdir(state, 0o700); err != nil {
			t.Fatal(err)
		}
		free := disktest.Fill(t, dir, pages)
		var promised []promise
		err := life(state, lyingFree{}, func(p promise) { promised = append(promised, p) })
		free()
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d pages: %v", pages, err)
		}
		kept(t, fmt.Sprintf("%d pages", pages), copied(t, state), promised)
		if err == nil {
			break
		}
		full++
		if err := os.RemoveAll(state); err != nil {
			t.Fatal(err)
		}
	}
	if full < 3 {
		t.Errorf("the disk was full %d times only", full)
	}
}

// lyingFree is the real file system, which says that there is room where there is
// none, so that writes fail and not the question.
type lyingFree struct{ disk.OS }

func (lyingFree) Free(string) (uint64, error) { return 1 << 40, nil }
