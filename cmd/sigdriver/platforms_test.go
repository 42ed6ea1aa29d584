// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"go/build/constraint"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// platforms are all files that are built on some systems only, but for tests. A driver
// runs on Linux. Approvers, authors of trust and auditors sit anywhere: what they use
// differs in tuf/disk, and in how a terminal is stopped.
var platforms = map[string]string{
	"cmd/sigdriver/internal/cli/driver.go":           "linux",
	"cmd/sigdriver/internal/cli/nodriver.go":         "!linux",
	"cmd/sigdriver/internal/cli/operator.go":         "linux",
	"cmd/sigdriver/internal/cli/status.go":           "linux",
	"cmd/sigdriver/internal/cli/ask.go":              "linux",
	"cmd/sigdriver/internal/cli/asuser.go":           "linux",
	"cmd/sigdriver/internal/cli/doctor.go":           "linux",
	"cmd/sigdriver/internal/cli/memory.go":           "linux",
	"cmd/sigdriver/internal/cli/memoryverbs.go":      "linux",
	"cmd/sigdriver/internal/cli/serve.go":            "linux",
	"cmd/sigdriver/internal/cli/demo.go":             "linux",
	"cmd/sigdriver/internal/socket/socket.go":        "linux",
	"cmd/sigdriver/internal/socket/systemd.go":       "linux",
	"cmd/sigdriver/internal/socket/process.go":       "linux",
	"cmd/sigdriver/internal/socket/nolinux.go":       "!linux",
	"cmd/sigdriver/internal/tilelog/follow.go":       "linux",
	"cmd/sigdriver/internal/tilelog/nolinux.go":      "!linux",
	"cmd/sigdriver/internal/keys/pkcs11.go":          "pkcs11",
	"cmd/sigdriver/internal/keys/pkcs11none.go":      "!pkcs11",
	"cmd/sigdriver/internal/keys/softhsm/softhsm.go": "pkcs11",
	"cmd/sigdriver/internal/keys/stop_other.go":      "!unix",
	"cmd/sigdriver/internal/keys/stop_unix.go":       "unix",
	"tuf/disk/os_unix.go":                            "unix",
	"tuf/disk/os_windows.go":                         "windows",
	"tuf/disk/stamp_linux.go":                        "linux",
	"tuf/disk/stamp_nolinux.go":                      "!linux",
	"tuf/disk/disktest/full.go":                      "linux",
	"tuf/disk/disktest/nolinux.go":                   "!linux",
	"internal/cputime/linux.go":                      "linux",
	"internal/cputime/nolinux.go":                    "!linux",
}

// linuxFolders have no file that is built elsewhere: the driver put together, and what its
// tests start.
var linuxFolders = []string{
	"cmd/sigdriver/internal/daemon",
	"cmd/sigdriver/internal/memory/memorytest",
	"cmd/sigdriver/internal/replay/replaytest",
}

var systemInName = regexp.MustCompile(`_(linux|windows|darwin)\.go$`)

// TestPlatforms holds what depends on the system to the list.
func TestPlatforms(t *testing.T) {
	found := map[string]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && path == filepath.Join(root, "out") {
			return fs.SkipDir // what is made there, as an older release
		}
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		head, _, _ := bytes.Cut(text, []byte("\npackage "))
		for line := range strings.Lines(string(head)) {
			if constraint.IsGoBuild(line) {
				found[name] = strings.TrimSpace(strings.TrimPrefix(line, "//go:build"))
			}
		}
		if m := systemInName.FindStringSubmatch(name); m != nil {
			found[name] = m[1]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range linuxFolders {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			name := folder + "/" + filepath.Base(file)
			if strings.HasSuffix(name, "_test.go") {
				continue // make platforms vets those
			}
			if found[name] != "linux" {
				t.Errorf("%s is built for %q, and everything there is for Linux", name, found[name])
			}
			delete(found, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if platforms[name] != found[name] {
			t.Errorf("%s is built for %q, the list says %q", name, found[name], platforms[name])
		}
	}
	for name := range platforms {
		if found[name] == "" {
			t.Errorf("%s is built everywhere, or is not there: take it from the list", name)
		}
	}
}
