// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"os"
	"path/filepath"
	"testing"
)

// outsideData returns a folder of inputs that nobody here wrote, or skips.
func outsideData(t testing.TB, parts ...string) string {
	t.Helper()
	base := os.Getenv("SIGDRIVER_DATA")
	if base == "" {
		base = filepath.Join("..", "..", "shared", "data")
	}
	dir := filepath.Join(append([]string{base}, parts...)...)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no outside data at %s: set SIGDRIVER_DATA", dir)
	}
	return dir
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
