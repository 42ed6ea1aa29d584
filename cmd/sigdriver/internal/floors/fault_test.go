// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
)

// work is a short life of a store, from its creation on: two versions of one
// subject, a reset of another, and the end. It tells each promise when it is made.
func work(path string, fsys disk.FS, told func(name string, f verifier.Floor)) error {
	s, err := Open(path, fsys)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		name    string
		version uint64
	}{{"web-1", 1}, {"web-2", 9}, {"web-1", 2}} {
		to := floor(step.version, byte(step.version))
		if err := s.Apply(compose(s.Snapshot(), step.name, to)); err != nil {
			return errors.Join(err, s.Close())
		}
		told(step.name, to)
	}
	matches := func(k verifier.FloorKey) bool { return k.Name == "web-2" }
	if _, err := s.ResetOnce("once", matches, 3); err != nil {
		return errors.Join(err, s.Close())
	}
	told("web-2", verifier.Floor{Version: 3})
	return s.Close()
}

// operations is what an undisturbed life does.
func operations(t *testing.T) []string {
	t.Helper()
	var f disktest.FS
	if err := work(filepath.Join(t.TempDir(), "floors.db"), &f, func(string, verifier.Floor) {}); err != nil {
		t.Fatal(err)
	}
	want := "lock remove create change changed rename syncdir create" + strings.Repeat(" change changed", 4)
	if got := strings.Join(f.Operations(), " "); got != want {
		t.Fatalf("a life does %q, want %q", got, want)
	}
	return f.Operations()
}

// holds opens what is left, as the next start does: every promise was kept, and
// the store goes on. A promise that was under way may be kept, too.
func holds(t *testing.T, what, path string, promised map[string]verifier.Floor) {
	t.Helper()
	s, err := Open(path, nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	under := map[string][]verifier.Floor{
		"web-1": {{}, floor(1, 1), floor(2, 2)},
		"web-2": {{}, floor(9, 9), {Version: 3}},
	}
	for name, may := range under {
		got := s.Snapshot().Floor(key(name))
		if slices.Index(may, got) < slices.Index(may, promised[name]) {
			t.Errorf("%s: %s is at %v, promised %v", what, name, got, promised[name])
		}
	}
	apply(t, s, "web-3", floor(1, 1))
	if err := s.Close(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if s, err = Open(path, nil); err != nil {
		t.Fatalf("%s: again: %v", what, err)
	}
	if got := s.Snapshot().Floor(key("web-3")); got != floor(1, 1) {
		t.Errorf("%s: what was raised afterwards is at %v", what, got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A file that is there may have got its name just before a crash: that is made
// durable before anything is promised.
func TestOpenMakesTheNameDurable(t *testing.T) {
	s := fresh(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var f disktest.FS
	s, err := Open(s.path, &f)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.Operations(), " "); got != "lock syncdir create" {
		t.Errorf("Open of a file that is there does %q", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Each operation fails once, or the disk stays broken. Nothing is promised then,
// and what is left is whole.
func TestFaultAtEveryOperation(t *testing.T) {
	ops := operations(t)
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := 1; n <= len(ops); n++ {
			dir := t.TempDir()
			promised := map[string]verifier.Floor{}
			fsys := &disktest.FS{At: n, Err: fault, After: fault == syscall.EIO}
			err := work(filepath.Join(dir, "floors.db"), fsys, func(name string, f verifier.Floor) { promised[name] = f })
			what := fmt.Sprintf("%v at %d (%s)", fault, n, ops[n-1])
			if !errors.Is(err, fault) {
				t.Errorf("%s: %v", what, err)
			}
			// A store that failed keeps its file open until its process ends.
			left := t.TempDir()
			if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			holds(t, what, filepath.Join(left, "floors.db"), promised)
		}
	}
}

// The process is killed at each operation.
func TestKillAtEveryOperation(t *testing.T) {
	if at, err := strconv.Atoi(os.Getenv("SIGDRIVER_TEST_AT")); err == nil {
		err := work(os.Getenv("SIGDRIVER_TEST_PATH"), &disktest.FS{At: at}, func(name string, f verifier.Floor) {
			fmt.Println(name, f.Version) // unbuffered: out before the next operation
		})
		t.Fatalf("still alive: %v", err)
	}
	ops := operations(t)
	for n := 1; n <= len(ops); n++ {
		path := filepath.Join(t.TempDir(), "floors.db")
		cmd := exec.Command(os.Args[0], "-test.run=^TestKillAtEveryOperation$")
		cmd.Env = append(os.Environ(), "SIGDRIVER_TEST_PATH="+path, "SIGDRIVER_TEST_AT="+strconv.Itoa(n))
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("operation %d: not killed: %v %s", n, err, out)
		}
		promised := map[string]verifier.Floor{}
		for line := range strings.Lines(string(out)) {
			var name string
			var version uint64
			if _, err := fmt.Sscan(line, &name, &version); err != nil {
				t.Fatalf("operation %d: it said %q", n, line)
			}
			promised[name] = floor(version, byte(version))
			if version == 3 {
				promised[name] = verifier.Floor{Version: 3}
			}
		}
		holds(t, fmt.Sprintf("killed at %d (%s)", n, ops[n-1]), path, promised)
	}
}

// Reading lost floors back is no different: after a fault at any operation of it
// the next start has them, or asks for them to be read back again.
func TestRebuildFaultAtEveryOperation(t *testing.T) {
	d, err := drive(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d.allow(t, "web-1", floor(41, 1))
	d.allow(t, "web-2", floor(7, 2))
	d.stop(t)
	if err := os.Remove(filepath.Join(d.dir, "floors.db")); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for n := 1; ; n++ {
		dir := t.TempDir()
		fsys := &disktest.FS{At: n, Err: syscall.EIO, After: true}
		func() {
			d, _ := drive(t, copied(t, d.dir, dir))
			defer d.journal.Close()
			d.floors.Close()
			if err := os.Remove(filepath.Join(dir, "floors.db")); err != nil {
				t.Fatal(err)
			}
			if d.floors, err = Open(filepath.Join(dir, "floors.db"), fsys); err != nil {
				return
			}
			if err = d.floors.Rebuild(d.journal, d.archive.Get); err == nil {
				err = d.floors.Check(d.journal)
			}
			err = errors.Join(err, d.floors.Close())
		}()
		if err == nil {
			if n < 10 || asked == 0 || asked == n-1 {
				t.Errorf("%d operations, and %d times it asked again", n-1, asked)
			}
			return
		}
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("operation %d: %v", n, err)
		}
		next, err := drive(t, copied(t, dir, t.TempDir()))
		var forked *ForkError
		if errors.As(err, &forked) {
			asked++
			err = next.floors.Rebuild(next.journal, next.archive.Get)
		}
		if err != nil {
			t.Fatalf("operation %d: the next start: %v", n, err)
		}
		for name, want := range map[string]verifier.Floor{"web-1": floor(41, 1), "web-2": floor(7, 2)} {
			if got := next.floors.Snapshot().Floor(key(name)); got != want {
				t.Errorf("operation %d: %s is at %v, want %v", n, name, got, want)
			}
		}
		next.stop(t)
	}
}

func copied(t *testing.T, from, to string) string {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// commitImages are a file before one more floor is raised in it, and after.
func commitImages(t *testing.T) (before, after []byte) {
	t.Helper()
	s := fresh(t)
	for i := range 60 {
		apply(t, s, "web-"+strconv.Itoa(i)+strings.Repeat("x", 200), floor(1, 1))
	}
	apply(t, s, "web-1", floor(1, 1))
	image := func() []byte {
		data, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	before = image()
	apply(t, s, "web-1", floor(2, 2))
	after = image()
	return before, after
}

// bbolt writes a commit by itself: the pages of the new tree in the order of their
// numbers, a sync, and then a meta page. A process that dies between two of these
// writes leaves a prefix of them; a loss of power before the sync leaves any of
// the pages, and during the last write a part of the meta page.
func TestEveryWriteOfACommit(t *testing.T) {
	before, after := commitImages(t)
	size := os.Getpagesize()
	pages := []int{} // that the commit changed
	for p := 2; p*size < len(after); p++ {
		if !bytes.Equal(page(before, p, size), page(after, p, size)) {
			pages = append(pages, p)
		}
	}
	if len(pages) < 3 || bytes.Equal(before[:2*size], after[:2*size]) {
		t.Fatalf("a commit changed pages %v only", pages)
	}
	path := filepath.Join(t.TempDir(), "floors.db")
	check := func(what string, image []byte, want verifier.Floor) {
		t.Helper()
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, path)
		if got := s.Snapshot().Floor(key("web-1")); got != want {
			t.Errorf("%s: the floor is %v, want %v", what, got, want)
		}
		apply(t, s, "web-1", floor(3, 3))
		s = reopen(t, s)
		if got := s.Snapshot().Floor(key("web-1")); got != floor(3, 3) {
			t.Errorf("%s: afterwards the floor is %v", what, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write := func(image []byte, pages ...int) []byte {
		image = bytes.Clone(image)
		image = append(image, make([]byte, max(0, len(after)-len(image)))...)
		for _, p := range pages {
			copy(image[p*size:], page(after, p, size))
		}
		return image
	}
	for k := range len(pages) + 1 {
		check(fmt.Sprintf("killed after %d pages", k), write(before, pages[:k]...), floor(1, 1))
	}
	r := rand.New(rand.NewPCG(3, 7))
	for i := range 40 {
		some := slices.DeleteFunc(slices.Clone(pages), func(int) bool { return r.IntN(2) == 0 })
		check(fmt.Sprintf("power loss %d", i), write(before, some...), floor(1, 1))
	}
	torn := write(before, pages...)
	for p := range 2 { // bbolt writes one meta page, by turns
		for at := p * size; at < (p+1)*size; at++ {
			if torn[at] != after[at] { // up to its first byte that differs it is the old page
				half := bytes.Clone(torn)
				half[at] = after[at]
				check(fmt.Sprintf("meta page torn at byte %d", at), half, floor(1, 1))
			}
		}
	}
	check("the meta page, too", after, floor(2, 2))
}

func page(image []byte, p, size int) []byte {
	return image[min(p*size, len(image)):min((p+1)*size, len(image))]
}

// A disk that is really full, with ever more room: each commit that fails says so,
// and what was promised before stays.
func TestFullDisk(t *testing.T) {
	dir, full := disktest.SmallDisk(t, 1024), 0
	for pages := 0; ; pages++ {
		path := filepath.Join(dir, strconv.Itoa(pages), "floors.db")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		free := disktest.Fill(t, dir, pages)
		promised := map[string]verifier.Floor{}
		err := work(path, nil, func(name string, f verifier.Floor) { promised[name] = f })
		free()
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d pages: %v", pages, err)
		}
		left := copied(t, filepath.Dir(path), t.TempDir())
		holds(t, fmt.Sprintf("%d pages", pages), filepath.Join(left, "floors.db"), promised)
		if err == nil {
			break
		}
		full++
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
	}
	if full < 3 {
		t.Errorf("the disk was full %d times only", full)
	}
}
