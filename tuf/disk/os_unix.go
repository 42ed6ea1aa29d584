// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Directory is a flag of Open that refuses what is no folder, before it is opened.
const Directory = unix.O_DIRECTORY

// Flags of the operating system.
const (
	closeOnExec = unix.O_CLOEXEC
	noFollow    = unix.O_NOFOLLOW
	nonBlock    = unix.O_NONBLOCK
)

// Chgrp implements FS.
func (OS) Chgrp(name string, gid int) error { return os.Lchown(name, -1, gid) }

// SyncDir implements FS.
func (OS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Free implements FS.
func (OS) Free(name string) (uint64, error) {
	st, err := statfs(name)
	return st.Bavail * uint64(st.Bsize), err
}

// Capacity implements FS.
func (OS) Capacity(name string) (uint64, error) {
	st, err := statfs(name)
	return st.Blocks * uint64(st.Bsize), err
}

func statfs(name string) (unix.Statfs_t, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return unix.Statfs_t{}, &fs.PathError{Op: "statfs", Path: name, Err: err}
	}
	return st, nil
}

// Lock implements FS.
func (OS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return &lock{f}, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, &LockedError{Path: name}
	}
	return nil, &fs.PathError{Op: "flock", Path: name, Err: err}
}

// lock is a file that is locked.
type lock struct{ *os.File }

// Close ends the lock, also where a process that is being started has the file too: it
// shares all descriptors until it runs its own program.
func (l *lock) Close() error {
	return errors.Join(unix.Flock(int(l.Fd()), unix.LOCK_UN), l.File.Close())
}
