// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// The user of a driver is that of the unit that starts it, as systemd would read it.
func TestUnitUser(t *testing.T) {
	etc, lib := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(config, name, group string) {
		t.Helper()
		if n, g, _ := unitUser([]string{etc, lib}, config); n != name || g != group {
			t.Errorf("%q of %q, want %q of %q", n, g, name, group)
		}
	}
	expect("/etc/sigdriver/sigdriver.toml", "", "")
	packaged, err := os.ReadFile("../../../../packaging/sigdriver.service")
	if err != nil {
		t.Fatal(err)
	}
	write(lib, "sigdriver.service", string(packaged))
	expect("/etc/sigdriver/sigdriver.toml", "sigdriver", "sigdriver")
	expect("/etc/other.toml", "", "") // which that unit does not start
	write(lib, "sigdriver.service.d/10-user.conf", "[Service]\nUser=vendor\n")
	expect("/etc/sigdriver/sigdriver.toml", "vendor", "sigdriver")
	write(etc, "sigdriver.service.d/20-user.conf", "[Service]\nUser=operator\nGroup=openshell\n")
	expect("/etc/sigdriver/sigdriver.toml", "operator", "openshell")
	write(etc, "sigdriver.service.d/10-user.conf", "[Service]\n# nothing\n") // in place of the vendor's
	write(etc, "sigdriver.service.d/20-user.conf", "[Service]\n")
	expect("/etc/sigdriver/sigdriver.toml", "sigdriver", "sigdriver")
	write(etc, "sigdriver.service", "[Service]\nExecStart=/usr/bin/sigdriver serve --config=/etc/other.toml\nUser=mine\n")
	expect("/etc/other.toml", "mine", "")
}
