// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package disktest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// MemoryDir is a temporary folder whose syncs cost nothing, where there is one.
func MemoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sigdriver-test-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Left is a digest of everything that an interruption can leave in a folder, whatever temporary
// files are called and hold.
func Left(t testing.TB, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, dir)
		if strings.HasPrefix(e.Name(), ".new-") {
			fmt.Fprintf(h, "%q", filepath.Dir(name))
			return nil
		}
		fmt.Fprintf(h, "%q", name)
		if e.Type().IsRegular() {
			data, err := os.ReadFile(path)
			fmt.Fprintf(h, "%q", data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
