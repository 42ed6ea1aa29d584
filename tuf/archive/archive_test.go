// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPutGet(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	data := []byte("evidence")
	sum, err := s.Put(data)
	if err != nil || sum != sha256.Sum256(data) {
		t.Fatalf("Put: %x, %v", sum, err)
	}
	digits := hex.EncodeToString(sum[:])
	if _, err := os.Stat(filepath.Join(dir, "sha256", digits[:2], digits)); err != nil {
		t.Errorf("the layout is not sha256/ab/<hex>: %v", err)
	}
	for range 2 { // also from a store that did not write it
		got, err := s.Get(sum)
		if err != nil || !bytes.Equal(got, data) || !s.Has(sum) {
			t.Errorf("Get: %q, %v", got, err)
		}
		if _, err := s.Put(data); err != nil {
			t.Errorf("Put again: %v", err)
		}
		s = open(t, dir)
	}
	other := sha256.Sum256([]byte("other"))
	var missing *MissingError
	if _, err := s.Get(other); !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) || s.Has(other) {
		t.Errorf("an object nobody put: %v", err)
	}
}

// Every byte of an object changed, and the object cut short, is found by Get,
// and Put does not take the damaged object for the one it has to store.
func TestDamage(t *testing.T) {
	s := open(t, t.TempDir())
	data := []byte("evidence")
	sum, err := s.Put(data)
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{data[:len(data)-1], {}, append(bytes.Clone(data), 0)}
	for i := range data {
		c := bytes.Clone(data)
		c[i] ^= 1
		damaged = append(damaged, c)
	}
	for _, c := range damaged {
		if err := os.WriteFile(s.path(sum), c, 0o600); err != nil {
			t.Fatal(err)
		}
		var corrupt *CorruptError
		if _, err := s.Get(sum); !errors.As(err, &corrupt) || corrupt.Have != sha256.Sum256(c) {
			t.Errorf("%q: %v", c, err)
		}
		if _, err := open(t, s.dir).Put(data); !errors.As(err, &corrupt) {
			t.Errorf("Put over %q: %v", c, err)
		}
	}
	// Longer than memory may be, and all of it holes.
	var corrupt *CorruptError
	if err := os.Truncate(s.path(sum), 1<<42); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(sum); !errors.As(err, &corrupt) {
		t.Errorf("an endless object: %v", err)
	}
}

// What is no file in an object's place is damage: an auditor goes on without the object.
func TestNoFileInItsPlace(t *testing.T) {
	s := open(t, t.TempDir())
	sum, err := s.Put([]byte("object"))
	if err != nil {
		t.Fatal(err)
	}
	path := s.path(sum)
	if err := os.Rename(path, path+".kept"); err != nil {
		t.Fatal(err)
	}
	for name, place := range map[string]func() error{
		"a folder":          func() error { return os.Mkdir(path, 0o700) },
		"a link to itself":  func() error { return os.Symlink(filepath.Base(path), path) },
		"a link to another": func() error { return os.Symlink(path+".kept", path) },
		"a socket": func() error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err == nil {
				l.SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		},
	} {
		if err := place(); err != nil {
			t.Logf("%s: %v", name, err) // a path too long for a socket, or a system without links
			continue
		}
		var corrupt *CorruptError
		if _, err := Read(s.dir, sum); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConcurrent(t *testing.T) {
	s := open(t, t.TempDir())
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			data := fmt.Appendf(nil, "object %d", i%4)
			sum, err := s.Put(data)
			if err != nil {
				t.Error(err)
			}
			if got, err := s.Get(sum); err != nil || !bytes.Equal(got, data) {
				t.Error(got, err)
			}
		})
	}
	wg.Wait()
	if left, _ := os.ReadDir(filepath.Join(s.dir, temporary)); len(left) != 0 {
		t.Errorf("%d files left under way", len(left))
	}
}

// An object is durable before it gets its name, and its name before Put returns.
// SIGKILL cannot show this: it does not lose what the kernel holds.
func TestDurable(t *testing.T) {
	var f disktest.FS
	s, err := Open(t.TempDir(), &f)
	if err != nil {
		t.Fatal(err)
	}
	puts := func() []string {
		before := len(f.Operations())
		if _, err := s.Put([]byte("evidence")); err != nil {
			t.Fatal(err)
		}
		return f.Operations()[before:]
	}
	if got, want := fmt.Sprint(puts()), "[mkdir syncdir create write sync rename syncdir]"; got != want {
		t.Errorf("the first Put does %s, want %s", got, want)
	}
	if got := puts(); len(got) > 0 {
		t.Errorf("the second Put does %v", got)
	}
	// Found by another process, it may have been renamed just before a crash.
	if s, err = Open(s.dir, &f); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(puts()); got != "[mkdir syncdir syncdir]" {
		t.Errorf("Put of what is there does %s", got)
	}
}

// A batch syncs each folder once, and again what another process may have left.
func TestBatchDurable(t *testing.T) {
	var f disktest.FS
	s, err := Open(t.TempDir(), &f)
	if err != nil {
		t.Fatal(err)
	}
	texts := sameFolder(3)
	batch := func() string {
		before := len(f.Operations())
		b := s.Batch()
		for _, text := range texts {
			if _, err := b.Put([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Sync(); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(f.Operations()[before:])
	}
	if got, want := batch(), "[mkdir syncdir create write sync rename create write sync rename create write sync rename syncdir]"; got != want {
		t.Errorf("the first batch does %s, want %s", got, want)
	}
	if got := batch(); got != "[]" {
		t.Errorf("the second batch does %s", got)
	}
	if s, err = Open(s.dir, &f); err != nil {
		t.Fatal(err)
	}
	if got := batch(); got != "[mkdir syncdir syncdir]" {
		t.Errorf("a batch of what is there does %s", got)
	}
}

// sameFolder returns n texts whose objects lie in one folder.
func sameFolder(n int) []string {
	texts := map[byte][]string{}
	for i := 0; ; i++ {
		text := strconv.Itoa(i)
		first := sha256.Sum256([]byte(text))[0]
		if texts[first] = append(texts[first], text); len(texts[first]) == n {
			return texts[first]
		}
	}
}

// What was not synced counts for nothing: neither after an error nor without Sync.
func TestBatchUnsynced(t *testing.T) {
	for _, fails := range []bool{true, false} {
		f := &disktest.FS{}
		s, err := Open(t.TempDir(), f)
		if err != nil {
			t.Fatal(err)
		}
		b := s.Batch()
		sum, err := b.Put([]byte("evidence"))
		if err != nil {
			t.Fatal(err)
		}
		if fails {
			f.At, f.Err = len(f.Operations())+1, syscall.EIO
			if err := b.Sync(); !errors.Is(err, syscall.EIO) {
				t.Errorf("Sync: %v", err)
			}
		}
		if s.durable(sum) {
			t.Error("an object without a durable name is taken for durable")
		}
		before := len(f.Operations())
		if _, err := s.Put([]byte("evidence")); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(f.Operations()[before:]); got != "[syncdir]" {
			t.Errorf("the next Put does %s", got)
		}
	}
}

// A batch replaces what is damaged, also what this store once made durable.
func TestBatchReplacesDamage(t *testing.T) {
	s := open(t, t.TempDir())
	data := []byte("evidence")
	sum, err := s.Put(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"evidencf", "", "evidence and more"} {
		if err := os.WriteFile(s.path(sum), []byte(c), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(sum); err == nil {
			t.Fatalf("%q is read", c)
		}
		b := s.Batch()
		if _, err := b.Put(data); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(sum); err != nil || !bytes.Equal(got, data) {
			t.Errorf("over %q: %q, %v", c, got, err)
		}
		if err := b.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

// Two stores in one folder leave alone what the other has under way.
func TestTwoStores(t *testing.T) {
	dir := t.TempDir()
	underWay := filepath.Join(open(t, dir).tmp, "under way")
	if err := os.WriteFile(underWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTemp(dir, "tmp-other", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(underWay); err != nil {
		t.Errorf("gone with the other store: %v", err)
	}
	open(t, dir)
	if _, err := os.Stat(underWay); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a crash left: %v", err)
	}
}

// What is remembered as durable is bounded.
func TestKnownIsBounded(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range maxKnown + 10 {
		s.remember(sha256.Sum256([]byte(strconv.Itoa(i))))
	}
	if len(s.known) != 10 {
		t.Errorf("%d digests are remembered", len(s.known))
	}
}

// put is what the fault tests do at each operation: two objects, one of them twice,
// a group, and then a batch.
func put(dir string, fsys *disktest.FS) error {
	s, err := Open(dir, fsys)
	if err != nil {
		return err
	}
	for _, text := range []string{"one", "two", "one"} {
		sum, err := s.Put([]byte(text))
		if err != nil {
			return err
		}
		fmt.Println(hex.EncodeToString(sum[:])) // an object that was promised
	}
	if err := together(s, "three", "four", "one"); err != nil {
		return err
	}
	for _, text := range []string{"three", "four"} {
		fmt.Printf("%x\n", sha256.Sum256([]byte(text)))
	}
	b := s.Batch()
	sums := [][32]byte{}
	for _, text := range append(sameFolder(2), "one") {
		sum, err := b.Put([]byte(text))
		if err != nil {
			return err
		}
		sums = append(sums, sum)
	}
	if err := b.Sync(); err != nil {
		return err
	}
	for _, sum := range sums {
		fmt.Println(hex.EncodeToString(sum[:]))
	}
	return nil
}

func operations(t *testing.T) int {
	var f disktest.FS
	if err := put(t.TempDir(), &f); err != nil {
		t.Fatal(err)
	}
	n := len(f.Operations())
	if n < 10 {
		t.Fatalf("only %d operations: %v", n, f.Operations())
	}
	return n
}

// A failed operation fails the Put, leaves nothing half done, and the same store
// can be used again.
func TestFaults(t *testing.T) {
	n := operations(t)
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for at := 1; at <= n; at++ {
			dir := t.TempDir()
			if err := put(dir, &disktest.FS{At: at, Err: fault}); !errors.Is(err, fault) {
				t.Errorf("%v at operation %d: %v", fault, at, err)
			}
			whole(t, dir)
			if err := put(dir, &disktest.FS{}); err != nil {
				t.Errorf("after %v at operation %d: %v", fault, at, err)
			}
		}
	}
}

// A process killed at any operation leaves what it promised, and nothing half.
func TestKill(t *testing.T) {
	if at, err := strconv.Atoi(os.Getenv("SIGDRIVER_TEST_KILL")); err == nil {
		put(os.Getenv("SIGDRIVER_TEST_DIR"), &disktest.FS{At: at})
		return
	}
	n := operations(t)
	for at := 1; at <= n; at++ {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "SIGDRIVER_TEST_KILL="+strconv.Itoa(at), "SIGDRIVER_TEST_DIR="+dir)
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("operation %d: the process was not killed: %v", at, err)
		}
		have := whole(t, dir)
		for _, promised := range bytes.Fields(out) {
			if !have[string(promised)] {
				t.Errorf("operation %d: object %s was promised and is gone", at, promised)
			}
		}
		if err := put(dir, &disktest.FS{}); err != nil {
			t.Errorf("after a kill at operation %d: %v", at, err)
		}
	}
}

// whole checks every object and returns their names.
func whole(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "sha256", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if sum := sha256.Sum256(data); err != nil || filepath.Base(file) != hex.EncodeToString(sum[:]) {
			t.Errorf("%s is not whole: %v", file, err)
		}
		names[filepath.Base(file)] = true
	}
	for _, texts := range groupFiles(t, dir) {
		for _, text := range texts {
			names[fmt.Sprintf("%x", sha256.Sum256([]byte(text)))] = true
		}
	}
	return names
}
