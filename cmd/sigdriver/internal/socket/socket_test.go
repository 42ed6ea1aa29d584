// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// folder returns a folder of ours with a short path.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func options(path string) Options { return Options{Path: path, GID: -1, Mode: 0o660} }

// listens asserts that a socket can be made, and that after Close nothing of it
// is left but the lock.
func listens(t *testing.T, path string) {
	t.Helper()
	s, err := Listen(options(path))
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + unfinished} {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

// refuses asserts a refusal with a remedy, and that the path stays as it was.
func refuses(t *testing.T, path, text string) {
	t.Helper()
	before, errBefore := os.Lstat(path)
	s, err := Listen(options(path))
	if err == nil {
		s.Close()
		t.Fatal("Listen: no error")
	}
	var e *Error
	if !errors.As(err, &e) || e.Remedy == "" || !strings.Contains(e.Text, text) {
		t.Fatalf("Listen: %v, want an *Error about %q", err, text)
	}
	after, errAfter := os.Lstat(path)
	if (errBefore == nil) != (errAfter == nil) || errBefore == nil && !os.SameFile(before, after) {
		t.Error("the path was touched")
	}
}

func TestListenMakesFolderAndSocket(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	path := filepath.Join(folder(t), "made", "s")
	s, err := Listen(options(path))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string]fs.FileMode{path: 0o660, filepath.Dir(path): 0o750} {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", name, got, want)
		}
	}
	if got := unix.Umask(0); got != 0 {
		t.Errorf("umask is %04o after Listen", got)
	}
}

// Whoever finds the path is accepted: it appears with a listener behind it, and
// with the mode that it keeps.
func TestFoundIsAccepted(t *testing.T) {
	dir := folder(t)
	for n := range 200 {
		path := filepath.Join(dir, fmt.Sprint(n))
		var pollers sync.WaitGroup
		for range 2 {
			pollers.Go(func() {
				for {
					info, err := os.Lstat(path)
					if errors.Is(err, fs.ErrNotExist) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					if info.Mode().Perm() != 0o660 {
						t.Errorf("found with mode %04o", info.Mode().Perm())
					}
					conn, err := net.Dial("unix", path)
					if err != nil {
						t.Errorf("found, and refused: %v", err)
						return
					}
					conn.Close()
					return
				}
			})
		}
		s, err := Listen(options(path))
		if err != nil {
			t.Fatal(err)
		}
		pollers.Wait()
		s.Close()
	}
}

func TestCheckPath(t *testing.T) {
	longest := folder(t)
	longest += "/" + strings.Repeat("a", MaxPath-len(longest)-1)
	listens(t, longest)
	for name, path := range map[string]string{
		"relative": "run/s", "empty": "", "dots": "/run/../s", "slash": "/run/s/", "long": "/run/" + strings.Repeat("a", MaxPath-4),
	} {
		var e *Error
		if err := CheckPath(path); !errors.As(err, &e) || e.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFolderOpenToOthers(t *testing.T) {
	for _, mode := range []fs.FileMode{0o777, 0o770, 0o702} {
		dir := folder(t)
		path := filepath.Join(dir, "s")
		listens(t, path)
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		refuses(t, path, "mode")
	}
}

func TestFolderOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := folder(t)
	path := filepath.Join(dir, "s")
	listens(t, path)
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "belongs to uid 12345")
}

func TestAncestorOpenToOthers(t *testing.T) {
	outer := folder(t)
	path := filepath.Join(outer, "inner", "s")
	listens(t, path)
	if err := os.Chmod(outer, 0o777); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "others may replace what is below")
	if err := os.Chmod(outer, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	listens(t, path)
}

func TestFolderThroughSymlink(t *testing.T) {
	dir := folder(t)
	real := filepath.Join(dir, "real")
	listens(t, filepath.Join(real, "s"))
	for _, link := range []string{"link", "up"} {
		if err := os.Symlink(map[string]string{"link": real, "up": dir}[link], filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	refuses(t, filepath.Join(dir, "link", "s"), "symbolic link")
	refuses(t, filepath.Join(dir, "up", "real", "s"), "symbolic link")
}

func TestPathTaken(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "s")
	target := filepath.Join(dir, "target")
	for name, put := range map[string]func() error{
		"regular file": func() error { return os.WriteFile(path, []byte("x"), 0o600) },
		"folder":       func() error { return os.Mkdir(path, 0o700) },
		"symlink":      func() error { return os.Symlink(target, path) },
	} {
		listens(t, path)
		if err := put(); err != nil {
			t.Fatal(err)
		}
		refuses(t, path, map[bool]string{true: "symbolic link", false: "something other"}[name == "symlink"])
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// What somebody put under the name that the socket is made under stays, too.
func TestUnfinishedTaken(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	if err := os.WriteFile(path+unfinished, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "something other")
	if data, err := os.ReadFile(path + unfinished); err != nil || string(data) != "x" {
		t.Errorf("it was touched: %q, %v", data, err)
	}
}

func TestStaleSocketIsReplacedALiveOneIsNot(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	refuses(t, path, "another process listens")
	l.Close()
	listens(t, path)
}

func TestSecondDriverIsRefusedByTheLock(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	s, err := Listen(options(path))
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path) // even when the socket itself is gone
	refuses(t, path, "lock")
	s.Close()
	listens(t, path)
}

func TestCloseLeavesAnotherSocketAlone(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	s, err := Listen(options(path))
	if err != nil {
		t.Fatal(err)
	}
	os.Rename(path, path+".moved")
	other, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("another process's socket was removed: %v", err)
	}
}

func TestActivatedSocket(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	pass := func(mode fs.FileMode) int {
		os.Remove(path)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		return fd
	}
	s, err := fromDescriptor(pass(0o660), path)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("systemd's socket was removed: %v", err)
	}
	var e *Error
	if _, err := fromDescriptor(pass(0o666), path); !errors.As(err, &e) || !strings.Contains(e.Text, "everybody") {
		t.Errorf("a socket open to everybody: %v", err)
	}
	if _, err := fromDescriptor(pass(0o660), path+"x"); !errors.As(err, &e) || !strings.Contains(e.Text, "systemd listens on") {
		t.Errorf("another path: %v", err)
	}
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if Activated() {
		t.Error("sockets for another process were taken")
	}
}
