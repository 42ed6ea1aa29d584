// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package socket makes the Unix socket that the gateway connects to, refuses to make
// it where somebody else could take its place, and says who is at the other end and
// what that process may ask about. The kernel vouches for uid and gid; nothing that a
// peer sends is read before it is known.
package socket

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

const (
	// maxAddress is what a socket address holds on Linux, less the final NUL.
	maxAddress = 107
	// unfinished is what the name of a socket ends in while it is made.
	unfinished = ".new"
	// MaxPath is the longest path of a socket.
	MaxPath = maxAddress - len(unfinished)
)

// Error is a path where no socket may be made, and what would mend it.
type Error struct {
	Path   string
	Text   string
	Remedy string
}

func (e *Error) Error() string { return fmt.Sprintf("socket %q: %s: %s", e.Path, e.Text, e.Remedy) }

// Options say where the socket is and who may open it.
type Options struct {
	// Path is absolute. Its folder is ours, or is made with mode 0750.
	Path string
	// GID is the group of the socket and of a folder that is made; -1 keeps ours.
	GID int
	// Mode is the socket's mode: 0660, or 0600 in development.
	Mode fs.FileMode
	// FS is the file system; nil is the real one.
	FS disk.FS
}

// Socket is a listening Unix socket.
type Socket struct {
	*net.UnixListener
	path     string
	lock     io.Closer
	fs       disk.FS
	device   uint64
	inode    uint64
	removeIt bool
	once     sync.Once
}

// Listen makes the socket. It leaves the path as it is when something other
// than a dead socket of ours is there; such a refusal is an *Error.
func Listen(o Options) (*Socket, error) {
	if err := CheckPath(o.Path); err != nil {
		return nil, err
	}
	o.FS = disk.OrOS(o.FS)
	if err := makeFolder(o); err != nil {
		return nil, err
	}
	if err := checkFolder(o.FS, o.Path); err != nil {
		return nil, err
	}
	lock, err := lockPath(o.FS, o.Path)
	if err != nil {
		return nil, err
	}
	s, err := bind(o)
	if err != nil {
		lock.Close()
		return nil, err
	}
	s.lock = lock
	return s, nil
}

// CheckPath refuses a path that cannot be a socket's, without looking at it.
func CheckPath(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return &Error{path, "the path is relative", "write an absolute path, e.g. /run/sigdriver/driver.sock"}
	case filepath.Clean(path) != path:
		return &Error{path, "the path is not in its shortest form", fmt.Sprintf("write %q", filepath.Clean(path))}
	case len(path) > MaxPath:
		return &Error{path, fmt.Sprintf("the path has %d bytes, a socket address holds %d and the name that it is made under %d more", len(path), maxAddress, len(unfinished)), fmt.Sprintf("choose a path of at most %d bytes", MaxPath)}
	}
	return nil
}

// CheckFolder refuses a folder in which others could put something in the
// socket's place. A folder that does not exist is judged by its parent.
func CheckFolder(path string) error { return checkFolder(disk.OS{}, path) }

func checkFolder(fsys disk.FS, path string) error {
	dir := filepath.Dir(path)
	info, err := fsys.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return checkAncestors(fsys, path, filepath.Dir(dir))
	}
	if err != nil {
		return &Error{path, fmt.Sprintf("its folder cannot be read: %v", err), "make it readable to the driver's user"}
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return &Error{path, fmt.Sprintf("its folder %q is a symbolic link", dir), "write the path that it points to"}
	case !info.IsDir():
		return &Error{path, fmt.Sprintf("%q is not a folder", dir), "choose another path"}
	case owner(info) != os.Geteuid():
		return &Error{path, fmt.Sprintf("its folder %q belongs to uid %d, the driver runs as uid %d", dir, owner(info), os.Geteuid()), fmt.Sprintf("chown %d %s", os.Geteuid(), dir)}
	case info.Mode().Perm()&0o022 != 0:
		return &Error{path, fmt.Sprintf("its folder %q has mode %04o: others may replace the socket", dir, info.Mode().Perm()), fmt.Sprintf("chmod 0750 %s", dir)}
	}
	return checkAncestors(fsys, path, filepath.Dir(dir))
}

// checkAncestors refuses a chain of folders in which somebody other than root
// and us could rename what lies below.
func checkAncestors(fsys disk.FS, path, dir string) error {
	real, err := fsys.Real(dir)
	if err != nil {
		return &Error{path, fmt.Sprintf("its folder cannot be made: %v", err), fmt.Sprintf("create %q", dir)}
	}
	if real != dir {
		return &Error{path, fmt.Sprintf("%q goes through a symbolic link", dir), fmt.Sprintf("write %q instead", filepath.Join(real, filepath.Base(filepath.Dir(path)), filepath.Base(path)))}
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := fsys.Lstat(dir)
		if err != nil {
			return &Error{path, err.Error(), "make it readable to the driver's user"}
		}
		if uid := owner(info); uid != 0 && uid != os.Geteuid() {
			return &Error{path, fmt.Sprintf("folder %q belongs to uid %d, who may replace what is below", dir, uid), "choose a path below folders of root or of the driver's user"}
		}
		if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return &Error{path, fmt.Sprintf("folder %q has mode %04o: others may replace what is below", dir, info.Mode().Perm()), fmt.Sprintf("chmod go-w %s", dir)}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func owner(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// makeFolder creates the socket's folder if it is missing.
func makeFolder(o Options) error {
	dir := filepath.Dir(o.Path)
	if _, err := o.FS.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := checkAncestors(o.FS, o.Path, filepath.Dir(dir)); err != nil {
		return err
	}
	if err := o.FS.MakeDir(dir, 0o750); err != nil {
		return &Error{o.Path, err.Error(), fmt.Sprintf("create %q for the driver's user with mode 0750", dir)}
	}
	// What is there now may be somebody else's, put there meanwhile.
	if err := checkFolder(o.FS, o.Path); err != nil {
		return err
	}
	if err := o.FS.Chgrp(dir, o.GID); err != nil {
		return &Error{o.Path, err.Error(), fmt.Sprintf("make the driver's user a member of group %d", o.GID)}
	}
	return o.FS.Chmod(dir, 0o750)
}

// lockPath takes the lock that two drivers would share; it never waits.
func lockPath(fsys disk.FS, path string) (io.Closer, error) {
	held, err := fsys.Lock(path + ".lock")
	var locked *disk.LockedError
	switch {
	case errors.As(err, &locked):
		return nil, &Error{path, "another driver holds its lock", "stop the other driver, or choose another path"}
	case err != nil:
		return nil, &Error{path, err.Error(), "make its folder writable to the driver's user"}
	}
	return held, nil
}

// bind makes the socket under another name and renames it into place once it
// listens and its group and mode are set, so that whoever finds the path may
// connect. The umask closes the window between bind and chmod.
func bind(o Options) (*Socket, error) {
	made := o.Path + unfinished
	if err := removeStale(o.FS, made); err != nil { // of a driver that was killed meanwhile
		return nil, err
	}
	old := unix.Umask(0o177)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	unix.Umask(old)
	if err != nil {
		return nil, &Error{o.Path, err.Error(), "make its folder writable to the driver's user"}
	}
	l.SetUnlinkOnClose(false)
	s := &Socket{UnixListener: l, path: made, fs: o.FS, removeIt: true}
	if err := s.finish(o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// finish remembers which file is ours, opens it to the group and puts it in its
// place, where nothing but a dead socket of ours may be.
func (s *Socket) finish(o Options) error {
	info, err := o.FS.Lstat(s.path)
	if err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	s.device, s.inode = st.Dev, st.Ino
	if err := o.FS.Chgrp(s.path, o.GID); err != nil {
		return &Error{o.Path, err.Error(), fmt.Sprintf("make the driver's user a member of group %d", o.GID)}
	}
	if err := o.FS.Chmod(s.path, o.Mode); err != nil {
		return err
	}
	if err := removeStale(o.FS, o.Path); err != nil {
		return err
	}
	if err := o.FS.Rename(s.path, o.Path); err != nil {
		return err
	}
	s.path = o.Path
	return nil
}

// removeStale removes a socket that nobody listens on any more, and nothing else.
func removeStale(fsys disk.FS, path string) error {
	info, err := fsys.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &Error{path, err.Error(), "make its folder readable to the driver's user"}
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return &Error{path, "a symbolic link is in its place", "remove it, or choose another path"}
	case info.Mode()&fs.ModeSocket == 0:
		return &Error{path, "something other than a socket is in its place", "remove it, or choose another path"}
	case owner(info) != os.Geteuid():
		return &Error{path, fmt.Sprintf("a socket of uid %d is in its place", owner(info)), "remove it, or choose another path"}
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return &Error{path, "another process listens on it", "stop that process, or choose another path"}
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return &Error{path, fmt.Sprintf("a socket is in its place that cannot be tried: %v", err), "remove it, or choose another path"}
	}
	return fsys.Remove(path)
}

// Close stops listening and removes the socket if it is still the one we made.
func (s *Socket) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		if s.removeIt && s.ours() {
			s.fs.Remove(s.path)
		}
		err = s.UnixListener.Close()
		if s.lock != nil {
			s.lock.Close()
		}
	})
	return err
}

func (s *Socket) ours() bool {
	info, err := s.fs.Lstat(s.path)
	if err != nil {
		return false
	}
	st := info.Sys().(*syscall.Stat_t)
	return st.Dev == s.device && st.Ino == s.inode
}
