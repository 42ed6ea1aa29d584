// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
)

// looked is what is said of one thing, worst first.
func looked(t *testing.T, w *world, name string) Look {
	t.Helper()
	looks := Preflight(t.Context(), w.path("sigdriver.toml"))
	for _, condition := range []string{StatusRefuses, StatusDegraded, LookSkipped, StatusWell} {
		if i := slices.IndexFunc(looks, func(l Look) bool { return l.Name == name && l.Condition == condition }); i >= 0 {
			return looks[i]
		}
	}
	t.Fatalf("nothing is said of %s: %+v", name, looks)
	return Look{}
}

func (w *world) swap(old, new string) {
	w.t.Helper()
	config, err := os.ReadFile(w.path("sigdriver.toml"))
	if err != nil || !strings.Contains(string(config), old) {
		w.t.Fatalf("no %s: %v", old, err)
	}
	w.write("sigdriver.toml", []byte(strings.Replace(string(config), old, new, 1)))
}

// What is tried fails where it would fail the driver, and is well again when mended.
func TestPreflight(t *testing.T) {
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	t.Cleanup(html.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for _, c := range []struct {
		name, looked, condition, text, remedy string
		spoil                                 func(*world)
	}{
		{"source away", "trust.source", StatusDegraded, "every answer is DENY until this is mended", "explain TUF_DOWNLOAD", func(w *world) { w.swap(w.repo.URL(), "http://127.0.0.1:1/") }},
		{"source is a web page", "trust.source", StatusDegraded, "", "explain TUF_NOT_METADATA", func(w *world) { w.swap(w.repo.URL(), html.URL) }},
		{"root is none", "trust.root", StatusRefuses, "", "name the root metadata", func(w *world) { w.write("root.json", []byte("{}")) }},
		{"port in use", "admin.listen", StatusRefuses, "address already in use", "free address", func(w *world) { w.swap(w.path("run/admin"), l.Addr().String()) }},
		{"file at the socket", "socket.path", StatusRefuses, "something other than a socket", "remove it", func(w *world) {
			if err := os.Mkdir(w.path("run"), 0o750); err != nil {
				t.Fatal(err)
			}
			w.write("run/s", nil)
		}},
		{"file at the admin socket", "admin.listen", StatusRefuses, "something other than a socket", "remove it", func(w *world) {
			if err := os.Mkdir(w.path("run"), 0o750); err != nil {
				t.Fatal(err)
			}
			w.write("run/admin", nil)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if got := looked(t, w, c.looked); got.Condition != StatusWell {
				t.Fatalf("before: %+v", got)
			}
			c.spoil(w)
			got := looked(t, w, c.looked)
			if got.Condition != c.condition || !strings.Contains(got.Text, c.text) || !strings.Contains(got.Remedy, c.remedy) {
				t.Errorf("%+v", got)
			}
			if (got.Err != nil) != (c.condition == StatusRefuses) {
				t.Errorf("a start would end with %v", got.Err)
			}
		})
	}
}

// Beside a running driver its own sockets are no fault, and it is not disturbed.
func TestPreflightBesideDriver(t *testing.T) {
	w := newWorld(t)
	w.start()
	if got := looked(t, w, "lock"); got.Condition != StatusWell || !strings.Contains(got.Text, "a driver runs") {
		t.Errorf("%+v", got)
	}
	if notes, err := checked(w.path("sigdriver.toml")); err != nil || len(notes) != 1 {
		t.Errorf("%q %v", notes, err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	// A folder that was left is nobody's.
	if slices.ContainsFunc(Preflight(t.Context(), w.path("sigdriver.toml")), func(l Look) bool { return l.Name == "lock" || l.Err != nil }) {
		t.Error("a stopped driver still has the folder")
	}
}

// A socket that is there already is ours to replace, or systemd's; nobody connects to it.
func TestCheckVacant(t *testing.T) {
	w := newWorld(t)
	if err := os.Mkdir(w.path("run"), 0o750); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.path("run/s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := socket.CheckVacant(w.path("run/s")); err != nil {
		t.Error(err)
	}
	l.SetDeadline(approvedAt) // long ago
	if conn, err := l.Accept(); err == nil {
		conn.Close()
		t.Error("it was connected to")
	}
}

// The gateway's user has to be in the group that the socket is open to, and the driver's
// in the one that it gives the socket to.
func TestPreflightGroups(t *testing.T) {
	if os.Getegid() == 1 {
		t.Skip("the group of daemon is ours")
	}
	w := newWorld(t)
	w.swap("peer = [{uid = "+strconv.Itoa(w.uid), "peer = [{uid = 1")
	got := looked(t, w, "peer[0]")
	if got.Condition == LookSkipped {
		t.Skip("there is no user 1")
	}
	if got.Condition != StatusDegraded || !strings.Contains(got.Remedy, "usermod -aG ") {
		t.Errorf("%+v", got)
	}
	w.swap("socket.path", "socket.group = \"1\"\nsocket.path")
	if got := looked(t, w, "peer[0]"); got.Condition != StatusWell {
		t.Errorf("%+v", got)
	}
	w.swap("uid = 1", "uid = 4000000")
	if got := looked(t, w, "peer[0]"); got.Condition != LookSkipped {
		t.Errorf("%+v", got)
	}
	w.swap("uid = 4000000", "gid = 1")
	if got := looked(t, w, "peer[0]"); got.Condition != StatusWell {
		t.Errorf("%+v", got)
	}
	w.swap("gid = 1", "gid = 2")
	if got := looked(t, w, "peer[0]"); got.Condition != LookSkipped {
		t.Errorf("%+v", got)
	}
}

func TestMayGive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if !mayGive(path, -1) || !mayGive(path, os.Getegid()) {
		t.Error("not to ourselves")
	}
	if os.Geteuid() == 0 {
		return
	}
	groups, err := os.Getgroups()
	if err != nil || slices.Contains(groups, 54321) {
		t.Skip(err)
	}
	if mayGive(path, 54321) {
		t.Error("to strangers")
	}
}
