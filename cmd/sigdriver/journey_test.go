// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
)

// journeyUser is whom the driver of the journey runs as, where root plays it.
const journeyUser = "64321"

// TestJourney plays testdata/journey.txtar: what an operator does with a package, from
// its installation to an auditor's replay, by the binary, the configuration and the units
// that are in it. Without systemd it is unpacked, and its driver runs as a user of its own.
func TestJourney(t *testing.T) {
	deb := os.Getenv("SIGDRIVER_DEB")
	if deb == "" {
		t.Skip("SIGDRIVER_DEB names no package: `make journey` makes one")
	}
	testscript.Run(t, testscript.Params{
		Files:               []string{"testdata/journey.txtar"},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           condition,
		Setup: func(env *testscript.Env) error {
			// The driver's own user has to get through to its folders.
			for dir := env.WorkDir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
				if err := os.Chmod(dir, 0o755); err != nil {
					return err
				}
			}
			driver := "#!/bin/sh\nexec \"$@\"\n"
			if os.Geteuid() == 0 {
				driver = fmt.Sprintf("#!/bin/sh\nexec setpriv --reuid=%[1]s --regid=%[1]s --clear-groups \"$@\"\n", journeyUser)
			}
			if err := os.WriteFile(filepath.Join(env.WorkDir, "as-driver"), []byte(driver), 0o755); err != nil {
				return err
			}
			env.Setenv("DEB", deb)
			env.Setenv("DRIVER_USER", journeyUser)
			env.Setenv("GATEWAY_UID", strconv.Itoa(os.Geteuid()))
			env.Setenv("PATH", filepath.Join(env.WorkDir, "root", "usr", "bin")+string(os.PathListSeparator)+env.WorkDir+string(os.PathListSeparator)+os.Getenv("PATH"))
			return setup(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "gateway": gatewayCommand, "smalldisk": smallDisk},
	})
}

// smallDisk is the script command: smalldisk DIR KIB mounts a file system of that size.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk DIR KIB")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size="+args[1]+"k"))
	ts.Defer(func() { ts.Check(unix.Unmount(dir, unix.MNT_DETACH)) })
}

// condition reports whether [root] or [postgres] holds.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "postgres":
		return memorytest.Here(), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}
