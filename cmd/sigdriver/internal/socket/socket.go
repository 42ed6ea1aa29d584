// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package socket makes the Unix socket that the gateway connects to, refuses to make
// it where somebody else could take its place, and says who is at the other end and
// what that process may ask about. The kernel vouches for uid and gid; nothing that a
// peer sends is read before it is known.
package socket

import (
	"context"
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

// Socket is a listening Unix socket. It is safe for concurrent use.
type Socket struct {
	options  Options
	removeIt bool // it is ours, not systemd's

	mu       sync.Mutex // guards what follows
	listener *net.UnixListener
	file     fileID // of the path, as it was made
	lock     io.Closer
	closed   bool
}

// fileID is which file a path names.
type fileID struct{ device, inode uint64 }

func idOf(info fs.FileInfo) fileID {
	st := info.Sys().(*syscall.Stat_t)
	return fileID{st.Dev, st.Ino}
}

// Listen makes the socket. It leaves the path as it is when something other
// than a dead socket of ours is there; such a refusal is an *Error.
func Listen(o Options) (*Socket, error) {
	if err := CheckPath(o.Path); err != nil {
		return nil, err
	}
	o.FS = disk.OrOS(o.FS)
	s := &Socket{options: o, removeIt: true}
	if err := s.make(); err != nil {
		return nil, err
	}
	return s, nil
}

// make listens at the path and takes its lock, in a folder that may have to be made.
func (s *Socket) make() error {
	o := s.options
	if err := makeFolder(o); err != nil {
		return err
	}
	if err := checkFolder(o.FS, o.Path); err != nil {
		return err
	}
	lock, err := lockPath(o.FS, o.Path)
	if err != nil {
		return err
	}
	listener, file, err := bind(o)
	if err != nil {
		lock.Close()
		return err
	}
	s.listener, s.file, s.lock = listener, file, lock
	return nil
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
// connect. What is made has no mode for others from the first moment on.
func bind(o Options) (*net.UnixListener, fileID, error) {
	made := o.Path + unfinished
	if err := removeStale(o.FS, made); err != nil { // of a driver that was killed meanwhile
		return nil, fileID{}, err
	}
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		// The file that bind makes has the mode of the descriptor, less the umask.
		return errors.Join(c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }), err)
	}}
	l, err := private.Listen(context.Background(), "unix", made)
	if err != nil {
		return nil, fileID{}, &Error{o.Path, err.Error(), "make its folder writable to the driver's user"}
	}
	listener := l.(*net.UnixListener)
	listener.SetUnlinkOnClose(false)
	file, err := finish(o, made)
	if err != nil {
		listener.Close()
		return nil, fileID{}, err
	}
	return listener, file, nil
}

// finish opens the socket to the group and puts it in its place, where nothing but a
// dead socket of ours may be. It returns which file is ours, and leaves none behind
// when it fails.
func finish(o Options, made string) (file fileID, err error) {
	info, err := o.FS.Lstat(made)
	if err != nil {
		return fileID{}, err
	}
	defer func() {
		if err != nil {
			o.FS.Remove(made)
		}
	}()
	if err := o.FS.Chgrp(made, o.GID); err != nil {
		return fileID{}, &Error{o.Path, err.Error(), fmt.Sprintf("make the driver's user a member of group %d", o.GID)}
	}
	if err := o.FS.Chmod(made, o.Mode); err != nil {
		return fileID{}, err
	}
	if err := removeStale(o.FS, o.Path); err != nil {
		return fileID{}, err
	}
	return idOf(info), o.FS.Rename(made, o.Path)
}

// CheckVacant refuses a path where something is that no start would replace, without
// connecting to it. A socket of root's may be one that systemd passes on.
func CheckVacant(path string) error {
	info, err := disk.OS{}.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSocket != 0 && owner(info) == 0 {
		return nil
	}
	_, err = ownSocket(disk.OS{}, path)
	return err
}

// removeStale removes a socket that nobody listens on any more, and nothing else.
func removeStale(fsys disk.FS, path string) error {
	there, err := ownSocket(fsys, path)
	if err != nil || !there {
		return err
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

// ownSocket reports whether a socket of ours is at the path. Anything else there is an
// *Error.
func ownSocket(fsys disk.FS, path string) (there bool, err error) {
	info, err := fsys.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, &Error{path, err.Error(), "make its folder readable to the driver's user"}
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return false, &Error{path, "a symbolic link is in its place", "remove it, or choose another path"}
	case info.Mode()&fs.ModeSocket == 0:
		return false, &Error{path, "something other than a socket is in its place", "remove it, or choose another path"}
	case owner(info) != os.Geteuid():
		return false, &Error{path, fmt.Sprintf("a socket of uid %d is in its place", owner(info)), "remove it, or choose another path"}
	}
	return true, nil
}

// AcceptUnix waits for the next connection, also over a Restore.
func (s *Socket) AcceptUnix() (*net.UnixConn, error) {
	for {
		l := s.current()
		conn, err := l.AcceptUnix()
		if err == nil || s.current() == l {
			return conn, err
		}
	}
}

func (s *Socket) current() *net.UnixListener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener
}

// Accept implements net.Listener.
func (s *Socket) Accept() (net.Conn, error) { return s.AcceptUnix() }

// Addr implements net.Listener.
func (s *Socket) Addr() net.Addr { return s.current().Addr() }

// InPlace reports whether the path names this socket.
func (s *Socket) InPlace() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inPlace()
}

func (s *Socket) inPlace() bool {
	info, err := s.options.FS.Lstat(s.options.Path)
	return err == nil && idOf(info) == s.file
}

// Restore makes the socket again if the path does not name it any more, and reports
// whether it did. Open connections stay. It leaves alone what it would not replace at
// the start: an *Error.
func (s *Socket) Restore() (made bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.inPlace() {
		return false, nil
	}
	if !s.removeIt {
		return false, &Error{s.options.Path, "systemd's socket is gone", "restart the socket unit"}
	}
	old, lock := s.listener, s.lock
	lock.Close() // its file may be gone, too; from here on another driver may come first
	if err := s.make(); err != nil {
		s.lock = io.NopCloser(nil)
		return false, err
	}
	old.Close()
	return true, nil
}

// Close stops listening and removes the socket if it is still the one we made.
func (s *Socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	if s.removeIt && s.inPlace() {
		s.options.FS.Remove(s.options.Path)
	}
	err := s.listener.Close()
	if s.lock != nil {
		s.lock.Close()
	}
	return err
}
