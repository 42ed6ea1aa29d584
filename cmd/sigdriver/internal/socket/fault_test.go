// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

// operations is what an undisturbed Listen does: where there is nothing, and over
// the socket that a killed driver left.
func operations(t *testing.T, path string) []string {
	t.Helper()
	var f disktest.FS
	o := options(path)
	o.FS = &f
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	s.removeIt = false
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Operations()
}

// A fault at any operation refuses the socket, and the next start makes it.
func TestFaultAtEveryOperation(t *testing.T) {
	path := filepath.Join(folder(t), "made", "s")
	for _, want := range []string{"mkdir syncdir chgrp chmod lock chgrp chmod rename", "lock chgrp chmod remove rename"} {
		ops := operations(t, path)
		if got := strings.Join(ops, " "); got != want {
			t.Fatalf("Listen does %q, want %q", got, want)
		}
		for n := 1; n <= len(ops); n++ {
			for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
				path := filepath.Join(folder(t), "made", "s")
				if ops[0] == "lock" { // a dead socket is there
					operations(t, path)
				}
				o := options(path)
				o.FS = &disktest.FS{At: n, Err: fault}
				s, err := Listen(o)
				if err == nil {
					s.Close()
				}
				if err == nil || !strings.Contains(err.Error(), fault.Error()) {
					t.Errorf("%v at %d (%s): %v", fault, n, ops[n-1], err)
				}
				listens(t, path)
			}
		}
	}
}

// A driver killed at any operation leaves a path at which the next one listens.
func TestKillAtEveryOperation(t *testing.T) {
	if at, err := strconv.Atoi(os.Getenv("SIGDRIVER_TEST_AT")); err == nil {
		o := options(os.Getenv("SIGDRIVER_TEST_PATH"))
		o.FS = &disktest.FS{At: at}
		_, err := Listen(o)
		t.Fatalf("still alive: %v", err)
	}
	for again := range 2 {
		first := filepath.Join(folder(t), "made", "s")
		for range again {
			operations(t, first)
		}
		total := len(operations(t, first))
		for n := 1; n <= total; n++ {
			path := filepath.Join(folder(t), "made", "s")
			for range again {
				operations(t, path)
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestKillAtEveryOperation$")
			cmd.Env = append(os.Environ(), "SIGDRIVER_TEST_PATH="+path, fmt.Sprint("SIGDRIVER_TEST_AT=", n))
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("operation %d: not killed: %v %s", n, err, out)
			}
			listens(t, path)
		}
	}
}

// meanwhile is a file system on which somebody makes the folder first.
type meanwhile struct {
	disk.OS
	put func(name string)
}

func (m meanwhile) MakeDir(name string, perm fs.FileMode) error {
	m.put(name)
	return m.OS.MakeDir(name, perm)
}

// What somebody puts in the place of the folder while it is made is refused and
// stays as it was.
func TestFolderMadeMeanwhile(t *testing.T) {
	dir := folder(t)
	target := filepath.Join(dir, "target")
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	o := options(filepath.Join(dir, "made", "s"))
	o.FS = meanwhile{put: func(name string) {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}}
	s, err := Listen(o)
	if err == nil {
		s.Close()
	}
	var refused *Error
	if !errors.As(err, &refused) || !strings.Contains(refused.Text, "symbolic link") {
		t.Errorf("Listen: %v", err)
	}
	if st, err := os.Stat(target); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("what the link leads to: %v, %v", st.Mode(), err)
	}
}
