// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package disk_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

var real disk.FS = disk.OS{}

// put makes a file and returns its path.
func put(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func link(t testing.TB, to, name string) string {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// A link in the place of a file of ours is not gone through, for reading or for
// writing, unless the caller asks for it.
func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	target := put(t, dir, "target", "text")
	name := link(t, target, filepath.Join(dir, "link"))
	for what, flag := range map[string]int{"read": os.O_RDONLY, "write": os.O_WRONLY | os.O_CREATE | os.O_TRUNC} {
		if _, err := real.Open(name, flag, 0o600); !errors.Is(err, unix.ELOOP) {
			t.Errorf("%s: Open: %v", what, err)
		}
		if _, err := (disk.OS{}).OpenOS(name, flag, 0o600); !errors.Is(err, unix.ELOOP) {
			t.Errorf("%s: OpenOS: %v", what, err)
		}
	}
	if _, err := real.Lock(name); !errors.Is(err, unix.ELOOP) {
		t.Errorf("Lock: %v", err)
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "text" {
		t.Errorf("behind the link: %q, %v", data, err)
	}
	for what, read := range map[string]func(disk.FS, string, int64) ([]byte, error){"Read": disk.Read, "ReadInput": disk.ReadInput} {
		if data, err := read(real, name, 100); err != nil || string(data) != "text" {
			t.Errorf("%s: %q, %v", what, data, err)
		}
	}
	if st, err := real.Lstat(name); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("Lstat: %v, %v", st, err)
	}
	if st, err := real.Stat(name); err != nil || !st.Mode().IsRegular() {
		t.Errorf("Stat: %v, %v", st, err)
	}
	if got, err := real.Real(name); err != nil || filepath.Base(got) != "target" {
		t.Errorf("Real: %q, %v", got, err)
	}
}

func TestReadBelow(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, outer, "secret", "secret")
	put(t, dir, "inside", "inside")
	link(t, "inside", filepath.Join(dir, "stays"))
	link(t, "../secret", filepath.Join(dir, "leaves"))
	for name, want := range map[string]string{"inside": "inside", "stays": "inside", "leaves": "", "../secret": "", "nothing": ""} {
		data, err := disk.ReadBelow(real, dir, name, 100)
		if string(data) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
}

func TestReadLimits(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "f", "12345")
	for what, read := range map[string]func(limit int64) ([]byte, error){
		"Read":      func(n int64) ([]byte, error) { return disk.Read(real, path, n) },
		"ReadInput": func(n int64) ([]byte, error) { return disk.ReadInput(real, path, n) },
		"ReadBelow": func(n int64) ([]byte, error) { return disk.ReadBelow(real, dir, "f", n) },
	} {
		if data, err := read(5); err != nil || string(data) != "12345" {
			t.Errorf("%s at the limit: %q, %v", what, data, err)
		}
		var tooLong *disk.TooLongError
		if data, err := read(4); !errors.As(err, &tooLong) || tooLong.Limit != 4 || len(data) > 0 {
			t.Errorf("%s past the limit: %q, %v", what, data, err)
		}
	}
	// A file without a size of its own is bounded by what is read.
	var tooLong *disk.TooLongError
	if _, err := disk.Read(real, "/proc/self/environ", 1); !errors.As(err, &tooLong) || tooLong.Size != -1 {
		t.Errorf("a growing file: %v", err)
	}
}

// A pipe in the place of a file of ours stops nobody; one that somebody names for
// us to read is waited for.
func TestPipes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	within := func(what string, f func()) {
		t.Helper()
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatalf("%s waits for the pipe", what)
		}
	}
	within("Read", func() {
		if _, err := disk.Read(real, path, 100); err == nil {
			t.Error("Read took a pipe for a file")
		}
	})
	within("ReadBelow", func() {
		if _, err := disk.ReadBelow(real, dir, "pipe", 100); err == nil {
			t.Error("ReadBelow took a pipe for a file")
		}
	})
	for what, flag := range map[string]int{"reading": os.O_RDONLY, "writing": os.O_RDWR | os.O_CREATE | os.O_APPEND} {
		within("Open for "+what, func() {
			if _, err := real.Open(path, flag, 0o600); err == nil {
				t.Errorf("Open for %s took a pipe for a file of ours", what)
			}
		})
	}
	go func() {
		if err := os.WriteFile(path, []byte("typed"), 0); err != nil {
			t.Error(err)
		}
	}()
	within("ReadInput", func() {
		if data, err := disk.ReadInput(real, path, 100); err != nil || string(data) != "typed" {
			t.Errorf("ReadInput: %q, %v", data, err)
		}
	})
	if _, err := disk.Read(real, dir, 100); err == nil {
		t.Error("a folder was read")
	}
}

// did runs f on a double and returns the names of its operations.
func did(t *testing.T, f func(disk.FS) error) string {
	t.Helper()
	var double disktest.FS
	if err := f(&double); err != nil {
		t.Fatal(err)
	}
	return strings.Join(double.Operations(), " ")
}

// What is made of several operations does them in the order that makes it durable.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	deep, file := filepath.Join(dir, "a", "b"), filepath.Join(dir, "f")
	for _, c := range []struct {
		what, want string
		f          func(disk.FS) error
	}{
		{"MakeDirs", "mkdir syncdir mkdir syncdir", func(d disk.FS) error { return disk.MakeDirs(d, deep, 0o700) }},
		{"MakeDirs of what is there", "", func(d disk.FS) error { return disk.MakeDirs(d, deep, 0o700) }},
		{"MakeDir of what is there", "mkdir syncdir", func(d disk.FS) error { return d.MakeDir(deep, 0o700) }},
		{"Put", "create write sync rename", func(d disk.FS) error { return disk.Put(d, deep, file, []byte("1"), 0o600) }},
		{"Replace", "create write sync rename syncdir", func(d disk.FS) error { return disk.Replace(d, deep, file, []byte("2"), 0o600) }},
		{"Create", "create write sync link remove syncdir", func(d disk.FS) error { return disk.Create(d, file+"2", []byte("3"), 0o600) }},
		{"RemoveAll", "remove remove remove", func(d disk.FS) error {
			put(t, deep, "f", "")
			return disk.RemoveAll(d, filepath.Join(dir, "a"))
		}},
		{"RemoveAll of nothing", "", func(d disk.FS) error { return disk.RemoveAll(d, filepath.Join(dir, "a")) }},
	} {
		if got := did(t, c.f); got != c.want {
			t.Errorf("%s does %q, want %q", c.what, got, c.want)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "2" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestModes(t *testing.T) {
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	dir := filepath.Join(t.TempDir(), "d")
	public, private := filepath.Join(dir, "public"), filepath.Join(dir, "private")
	for _, err := range []error{
		disk.MakeDirs(real, dir, 0o755),
		disk.Replace(real, dir, public, nil, 0o644),
		disk.Create(real, private, nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]fs.FileMode{dir: 0o750, public: 0o640, private: 0o600} {
		if st, err := os.Stat(name); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, st.Mode(), err, want)
		}
	}
}

func TestCreateReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "f", "first")
	if err := disk.Create(real, path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create: %v", err)
	}
	if names, err := real.List(dir); err != nil || len(names) != 1 {
		t.Errorf("left: %q, %v", names, err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "first" {
		t.Errorf("%q, %v", data, err)
	}
}

// An error about two names is about the new one, and of the type of all others.
func TestErrorsNameTheNewFile(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for what, f := range map[string]func(from, to string) error{"Rename": real.Rename, "Link": real.Link} {
		var path *fs.PathError
		if err := f(from, to); !errors.As(err, &path) || path.Path != to || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFiles(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "dir")
	if err := os.MkdirAll(filepath.Join(dir, "b", "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, outer, "outside", "")
	for _, name := range []string{"z", "b/1", "b/c/2", "a"} {
		put(t, dir, name, "")
	}
	link(t, outer, filepath.Join(dir, "b", "up"))
	link(t, filepath.Join(outer, "outside"), filepath.Join(dir, "y"))
	var got []string
	visit := func(path string) error {
		name, err := filepath.Rel(dir, path)
		got = append(got, name)
		if name == "b/1" { // what is gone before it is looked at
			return errors.Join(err, os.RemoveAll(filepath.Join(dir, "b", "c")), os.Remove(filepath.Join(dir, "z")))
		}
		return err
	}
	if err := disk.Files(real, dir, visit); err != nil || strings.Join(got, " ") != "a b/1" {
		t.Errorf("Files: %q, %v", got, err)
	}
	stop := errors.New("stop")
	if err := disk.Files(real, dir, func(string) error { return stop }); err != stop {
		t.Errorf("an error of visit: %v", err)
	}
	if err := disk.Files(real, filepath.Join(dir, "nothing"), visit); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// What cannot be written whole is not written at all.
func TestReplaceBy(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "f", "old")
	broken := errors.New("broken")
	err := disk.ReplaceBy(real, dir, path, 0o600, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		return broken
	})
	if names, _ := real.List(dir); err != broken || len(names) != 1 {
		t.Errorf("ReplaceBy: %v, left %q", err, names)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("%q, %v", data, err)
	}
	order := did(t, func(d disk.FS) error {
		return disk.ReplaceBy(d, dir, path, 0o600, func(w io.Writer) error {
			_, err := io.WriteString(w, "new")
			return err
		})
	})
	if data, err := os.ReadFile(path); err != nil || string(data) != "new" || order != "create write sync rename syncdir" {
		t.Errorf("%q, %v, by %s", data, err, order)
	}
}

// A result goes through a link, and into what is no file; nobody loses /dev/null.
func TestOutput(t *testing.T) {
	dir := t.TempDir()
	say := func(w io.Writer) error {
		_, err := io.WriteString(w, "new")
		return err
	}
	file := put(t, dir, "file", "old")
	name := link(t, file, filepath.Join(dir, "link"))
	for _, path := range []string{name, filepath.Join(dir, "fresh")} {
		if err := disk.Output(real, path, 0o600, say); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "new" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "new" {
		t.Errorf("behind the link: %q, %v", data, err)
	}
	if st, err := os.Lstat(name); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", st, err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		data, _ := os.ReadFile(pipe)
		read <- string(data)
	}()
	if err := disk.Output(real, pipe, 0o600, say); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "new" {
		t.Errorf("the pipe got %q", got)
	}
	if st, err := os.Lstat(pipe); err != nil || st.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe is %v, %v", st, err)
	}
	if err := disk.Output(real, dir, 0o600, say); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a folder: %v", err)
	}
}

// RemoveAll takes a link away, not what it leads to.
func TestRemoveAllStaysInside(t *testing.T) {
	outer := t.TempDir()
	dir, kept := filepath.Join(outer, "dir"), filepath.Join(outer, "kept")
	for _, d := range []string{dir, kept} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := put(t, kept, "f", "kept")
	link(t, kept, filepath.Join(dir, "link"))
	if err := disk.RemoveAll(real, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("behind the link: %v", err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := real.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	var locked *disk.LockedError
	if _, err := real.Lock(path); !errors.As(err, &locked) || locked.Path != path {
		t.Errorf("a second lock: %v", err)
	}
	// A process that is being started has the file as well until it runs its program.
	shared, err := unix.Dup(int(held.(interface{ Fd() uintptr }).Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(shared)
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if held, err = real.Lock(path); err != nil {
		t.Fatal(err)
	}
	held.Close()
}

// writers are the ways to write a file whole, over an old one or where none is.
var writers = map[string]struct {
	old   string
	write func(fsys disk.FS, path string) error
}{
	"Replace": {"old", func(d disk.FS, path string) error {
		return disk.Replace(d, filepath.Dir(path), path, []byte("new"), 0o600)
	}},
	"Create": {"", func(d disk.FS, path string) error { return disk.Create(d, path, []byte("new"), 0o600) }},
}

// eachFault runs every writer with its n-th operation going wrong, for every n.
func eachFault(t *testing.T, double func() *disktest.FS, check func(t *testing.T, what string, d *disktest.FS, path string, err error)) {
	t.Helper()
	for what, w := range writers {
		struck := 0
		for n := 1; ; n++ {
			path := filepath.Join(t.TempDir(), "f")
			if w.old != "" {
				put(t, filepath.Dir(path), "f", w.old)
			}
			d := double()
			d.At = n
			err := w.write(d, path)
			if len(d.Operations()) < n {
				break
			}
			struck++
			check(t, what+" at "+d.Operations()[n-1], d, path, err)
			data, readErr := os.ReadFile(path)
			if string(data) != "new" && string(data) != w.old || readErr != nil && w.old != "" {
				t.Errorf("%s at %d: %q, %v", what, n, data, readErr)
			}
		}
		if struck < 5 {
			t.Errorf("%s: only %d operations", what, struck)
		}
	}
}

// A fault is told, and leaves the old file or the new one and nothing beside it.
func TestFaults(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		eachFault(t, func() *disktest.FS { return &disktest.FS{Err: fault} }, func(t *testing.T, what string, _ *disktest.FS, path string, err error) {
			if !errors.Is(err, fault) {
				t.Errorf("%v: %s: %v", fault, what, err)
			}
			if names, err := real.List(filepath.Dir(path)); err != nil || len(names) > 1 {
				t.Errorf("%v: %s: left %q, %v", fault, what, names, err)
			}
		})
	}
}

// The power fails at every operation.
func TestPowerLoss(t *testing.T) {
	eachFault(t, func() *disktest.FS { return &disktest.FS{Err: syscall.EIO, After: true} }, func(t *testing.T, what string, d *disktest.FS, _ string, err error) {
		if err == nil {
			t.Errorf("%s: no error on a dead disk", what)
		}
		d.PowerLoss()
	})
}

// What was not synced does not outlive a loss of power, and what was does: the
// double tells one from the other.
func TestPowerLossTakesWhatWasNotSynced(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "f", "old")
	has := func(what, want string) {
		t.Helper()
		if data, err := os.ReadFile(path); string(data) != want || err != nil && want != "" {
			t.Errorf("%s: %q, %v, want %q", what, data, err, want)
		}
	}
	d := &disktest.FS{}
	if err := disk.Put(d, dir, path, []byte("put"), 0o600); err != nil {
		t.Fatal(err)
	}
	has("before", "put")
	d.PowerLoss()
	has("a name that was not synced", "old")
	if err := disk.Replace(d, dir, path, []byte("replaced"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.PowerLoss()
	has("a name that was synced", "replaced")

	f, err := d.Open(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, text := range []string{" and", " more"} {
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if text == " and" {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.PowerLoss()
	has("bytes that were not synced", "replaced and")

	made := filepath.Join(dir, "made")
	if _, err := d.Open(made, os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
		t.Fatal(err)
	}
	d.PowerLoss()
	if _, err := os.Lstat(made); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file whose name was not synced: %v", err)
	}
}

// A write that fails leaves half of its bytes, as a full disk does.
func TestTornWrite(t *testing.T) {
	d := &disktest.FS{At: 2, Err: syscall.ENOSPC}
	path := filepath.Join(t.TempDir(), "f")
	f, err := d.Open(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.Write([]byte("12345678")); n != 4 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, []byte("1234")) {
		t.Errorf("%q, %v", data, err)
	}
}
