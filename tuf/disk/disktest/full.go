// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package disktest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallDisk returns a folder that is a file system of its own with this many
// KiB. The test is skipped where nobody may mount one.
func SmallDisk(t testing.TB, kib int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kib)); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here, which takes CAP_SYS_ADMIN: %v", err)
	}
	t.Cleanup(func() {
		// What failed on it may still hold a file open.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// Fill takes everything but this many pages from the file system of a folder.
func Fill(t testing.TB, dir string, pages int) (free func()) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "filler")
	if most := int(st.Bavail) - pages; most > 0 {
		if err := os.WriteFile(file, bytes.Repeat([]byte{1}, most*int(st.Bsize)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
	}
}
