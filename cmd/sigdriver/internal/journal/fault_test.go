// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

// work opens a journal and its archive on fsys and appends until something goes
// wrong, in segments of two entries. It calls told for each entry as soon as it
// is promised.
func work(dir string, fsys disk.FS, callers, each int, told func(seq uint64, sum Digest)) error {
	store, err := archive.Open(filepath.Join(dir, "archive"), fsys)
	if err != nil {
		return err
	}
	j, err := Open(filepath.Join(dir, "audit"), Options{Archive: store, FS: fsys, SegmentSize: 2000})
	if err != nil {
		return err
	}
	defer j.Close()
	errs := make(chan error, callers)
	var mu sync.Mutex
	for c := range callers {
		go func() {
			for i := range each {
				name := fmt.Sprintf("web-%d-%d", c, i)
				seq, sum, err := j.Append(ctx, allowed(name), []byte("record of "+name), []byte("attestation of "+name))
				if err != nil {
					errs <- err
					return
				}
				mu.Lock()
				told(seq, sum)
				mu.Unlock()
			}
			errs <- nil
		}()
	}
	for range callers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// inspect reads what is left: every promised entry is there, and the archive has
// what every entry names.
func inspect(t *testing.T, dir string, promised map[uint64]string) {
	t.Helper()
	store, err := archive.Open(filepath.Join(dir, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := Open(filepath.Join(dir, "audit"), Options{Archive: store})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for s, err := range j.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		if sum, ok := promised[s.Seq]; ok && sum != s.Sum.String() {
			t.Errorf("entry %d is not what was promised", s.Seq)
		}
		delete(promised, s.Seq)
		if record, err := store.Get(s.Decision.Record); err != nil || string(record) != "record of "+s.Decision.Target.Name {
			t.Errorf("entry %d: its record: %q, %v", s.Seq, record, err)
		}
	}
	if len(promised) > 0 {
		t.Errorf("promised and gone: %v", promised)
	}
	if _, _, err := j.Append(ctx, allowed("next"), nil); err != nil {
		t.Errorf("the journal does not go on: %v", err)
	}
}

func count(t *testing.T) int {
	t.Helper()
	var f disktest.FS
	if err := work(t.TempDir(), &f, 1, 3, func(uint64, Digest) {}); err != nil {
		t.Fatal(err)
	}
	ops := f.Operations()
	for _, kind := range []string{"mkdir", "lock", "create", "write", "sync", "rename", "syncdir"} {
		if !slices.Contains(ops, kind) {
			t.Fatalf("no %s among %v", kind, ops)
		}
	}
	return len(ops)
}

// AU-06: any operation that fails ends in an error, never in a promise; after a
// failed write or fsync of the journal nothing is tried again.
func TestFaults(t *testing.T) {
	n := count(t)
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for at := 1; at <= n; at++ {
			dir := t.TempDir()
			promised := map[uint64]string{}
			fs := &disktest.FS{At: at, Err: fault}
			err := work(dir, fs, 1, 3, func(seq uint64, sum Digest) { promised[seq] = sum.String() })
			if !errors.Is(err, fault) {
				t.Errorf("%v at operation %d (%s): %v", fault, at, fs.Operations()[at-1], err)
			}
			inspect(t, dir, promised)
		}
	}
}

// A segment's name is durable before its first entry, an entry before Append
// returns, and what a killed process left before Open returns. SIGKILL cannot
// show this: it does not lose what the kernel holds.
func TestDurable(t *testing.T) {
	fs := &disktest.FS{}
	dir := t.TempDir()
	done := 0
	expect := func(what, want string) {
		t.Helper()
		ops := fs.Operations()
		if got := strings.Join(ops[done:], " "); got != want {
			t.Errorf("%s does %q, want %q", what, got, want)
		}
		done = len(ops)
	}
	j := start(t, dir, Options{FS: fs, SegmentSize: 1})
	expect("Open", "mkdir syncdir lock create syncdir")
	add(t, j, allowed("a"))
	expect("the first Append", "write sync")
	add(t, j, allowed("b"))
	expect("Append to a new segment", "create syncdir write sync")
	j.Close()
	expect("Close", "")
	j = start(t, dir, Options{FS: fs})
	expect("Open of what is there", "mkdir syncdir lock sync syncdir")
	j.Close()
	name := segmentName(dir, 1)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir, Options{FS: fs})
	expect("Open of a torn tail", "mkdir syncdir lock truncate sync syncdir")
}

func TestNoRetry(t *testing.T) {
	for op, skip := range map[string]int{"write": 1, "sync": 2} {
		fs := &disktest.FS{}
		j := start(t, t.TempDir(), Options{FS: fs})
		add(t, j, allowed("good"))
		head := j.Head()
		fs.Arm(skip, syscall.EIO)
		before := len(fs.Operations())
		var failed *WriteError
		if _, _, err := j.Append(ctx, allowed("bad"), nil); !errors.As(err, &failed) || !errors.Is(err, syscall.EIO) {
			t.Fatalf("%s: %v", op, err)
		}
		if ops := fs.Operations()[before:]; ops[len(ops)-1] != op {
			t.Fatalf("%s: the fault hit %v", op, ops)
		}
		after := len(fs.Operations())
		for range 3 {
			for _, e := range []Entry{allowed("more"), denied("more")} {
				if _, _, err := j.Append(ctx, e, nil); !errors.As(err, &failed) {
					t.Errorf("%s: after the fault: %v", op, err)
				}
			}
		}
		// Also one that was waiting already when the fault struck.
		if _, _, err := j.submit(ctx, "decision", []byte("{}")); !errors.As(err, &failed) {
			t.Errorf("%s: an entry that waited: %v", op, err)
		}
		if j.Head() != head || !errors.As(j.Err(), &failed) {
			t.Errorf("%s: head %v, %v", op, j.Head(), j.Err())
		}
		if err := j.Close(); !errors.As(err, &failed) {
			t.Errorf("%s: closed with %v", op, err)
		}
		if ops := fs.Operations()[after:]; len(ops) > 0 {
			t.Errorf("%s: tried again: %v", op, ops)
		}
	}
}

// A process killed at any operation, under one caller or many, leaves every
// entry that was promised.
func TestKill(t *testing.T) {
	if os.Getenv("SIGDRIVER_TEST_DIR") != "" {
		killed(t)
		return
	}
	n := count(t)
	for _, callers := range []int{1, 8} {
		for at := 1; at <= n; at++ {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
			cmd.Env = append(os.Environ(), "SIGDRIVER_TEST_DIR="+dir, fmt.Sprint("SIGDRIVER_TEST_AT=", at), fmt.Sprint("SIGDRIVER_TEST_CALLERS=", callers))
			out, err := cmd.Output()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("operation %d: the process was not killed: %v", at, err)
			}
			promised := map[uint64]string{}
			for line := range strings.Lines(string(out)) {
				seq, sum, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
				n, err := strconv.ParseUint(seq, 10, 64)
				if !ok || err != nil || len(sum) != 64 {
					t.Fatalf("operation %d: it said %q", at, line)
				}
				promised[n] = sum
			}
			inspect(t, dir, promised)
		}
	}
}

// killed is the process that dies.
func killed(t *testing.T) {
	at, err := strconv.Atoi(os.Getenv("SIGDRIVER_TEST_AT"))
	if err != nil {
		t.Fatal(err)
	}
	callers, err := strconv.Atoi(os.Getenv("SIGDRIVER_TEST_CALLERS"))
	if err != nil {
		t.Fatal(err)
	}
	work(os.Getenv("SIGDRIVER_TEST_DIR"), &disktest.FS{At: at}, callers, 3, func(seq uint64, sum Digest) {
		fmt.Println(seq, sum) // unbuffered: out before the next operation
	})
}
