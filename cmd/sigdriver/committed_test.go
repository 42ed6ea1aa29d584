// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programs are the first bytes of what a compiler or an archiver of objects makes.
var programs = map[string]string{
	"ELF":                "\x7fELF",
	"Mach-O":             "\xcf\xfa\xed\xfe",
	"Mach-O of two CPUs": "\xca\xfe\xba\xbe",
	"PE":                 "MZ",
	"an object archive":  "!<arch>\n",
	"WebAssembly":        "\x00asm",
}

// committedAtMost is more than any file here needs, in bytes: the largest are testdata/state-0.1.0.
const committedAtMost = 4 << 20

// What is built is released, never committed: a program in the history stays in every
// clone, and nobody reviews it.
func TestNothingBuiltIsCommitted(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("not a checkout: ", err)
	}
	listed, err := exec.Command("git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for name := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		file, err := os.Open(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and the removal not yet committed
		} else if err != nil {
			t.Fatal(err)
		}
		info, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		start, err := io.ReadAll(io.LimitReader(file, 8))
		_ = file.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files++
		if info.Size() > committedAtMost {
			t.Errorf("%s has %d bytes: files over %d bytes are not committed", name, info.Size(), committedAtMost)
		}
		for kind, magic := range programs {
			if bytes.HasPrefix(start, []byte(magic)) {
				t.Errorf("%s is %s: what is built is not committed", name, kind)
			}
		}
	}
	if files == 0 {
		t.Error("git lists no file")
	}
}
