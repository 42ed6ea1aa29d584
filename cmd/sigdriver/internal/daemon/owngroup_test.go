// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"os"
	"testing"
)

// What the kubelet makes of volumes for a user that is not root: group bits and setgid on
// the state folder, and a key as a link to a file that the group may read.
func TestVolumesOfAPod(t *testing.T) {
	w := newWorld(t)
	w.start()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(w.path("state"), 0o770|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	if _, err := checked(w.path("sigdriver.toml")); err != nil {
		t.Fatal(err)
	}
	w.start()
	if info, err := os.Lstat(w.path("state")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the state folder's mode is %v, %v", info.Mode(), err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}

	// A group that is not the driver's own stays outside.
	if os.Geteuid() != 0 {
		t.Skip("the rest takes root")
	}
	for _, name := range []string{"state"} {
		if err := os.Chown(w.path(name), -1, 12345); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(w.path(name), 0o770); err != nil {
			t.Fatal(err)
		}
		if _, err := checked(w.path("sigdriver.toml")); err == nil {
			t.Errorf("%s is taken with bits for a group of somebody else", name)
		}
	}
}

// The configuration of the Kubernetes component is one.
func TestConfigurationOfAPod(t *testing.T) {
	conf, err := LoadConfig(mustAbs(t, "../../../../packaging/kubernetes/sigdriver.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if gid, err := conf.Socket.GID(); err != nil || gid != 1000 {
		t.Errorf("the socket's group is %d, %v", gid, err)
	}
}
