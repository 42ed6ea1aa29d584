// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// A full disk, for once not simulated.
func TestSmallDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a tmpfs needs root")
	}
	s := newScene(t)
	failed := 0
	for size := 40; size <= 160; size += 4 {
		state := t.TempDir()
		if err := syscall.Mount("tmpfs", state, "tmpfs", 0, "size="+strconv.Itoa(size)+"k"); err != nil {
			t.Skipf("cannot mount a tmpfs: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(state, syscall.MNT_DETACH) })
		if err := os.CopyFS(state, os.DirFS(s.state)); err != nil {
			t.Logf("%d KiB: %v", size, err)
			continue // not even the old state fits
		}
		cfg := s.cfg
		cfg.Dir, cfg.ArchiveDir = filepath.Join(state, "trust"), filepath.Join(state, "archive")
		if err := update(cfg); err != nil {
			failed++
			if !errors.Is(err, syscall.ENOSPC) || Code(err) != CodeDownload {
				t.Errorf("%d KiB: %v (%s)", size, err, Code(err))
			}
			if err := syscall.Mount("", state, "", syscall.MS_REMOUNT, "size=8m"); err != nil {
				t.Fatal(err)
			}
		}
		consistent(t, cfg, strconv.Itoa(size)+" KiB")
	}
	if failed == 0 {
		t.Error("the disk was never full")
	}
}

func TestModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	s := newSubject(t, newRepo(t))
	s.accept()
	err := filepath.WalkDir(filepath.Dir(s.cfg.Dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == filepath.Dir(s.cfg.Dir) {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
