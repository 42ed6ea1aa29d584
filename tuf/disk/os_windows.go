// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// Directory is a flag of Open; here whoever reads a folder finds out.
const Directory = 0

// Authors and auditors use files here, drivers do not run: there are no pipes or devices
// in folders to wait for, and a link takes a privilege to make.
const (
	closeOnExec = 0
	noFollow    = 0
	nonBlock    = 0
)

// Chgrp implements FS.
func (OS) Chgrp(name string, gid int) error {
	if gid < 0 {
		return nil
	}
	return &fs.PathError{Op: "chgrp", Path: name, Err: errors.ErrUnsupported}
}

// SyncDir implements FS. NTFS writes names with its own journal.
func (OS) SyncDir(name string) error {
	_, err := os.Stat(name)
	return err
}

// Free implements FS.
func (OS) Free(name string) (uint64, error) {
	free, _, err := space(name)
	return free, err
}

// Capacity implements FS.
func (OS) Capacity(name string) (uint64, error) {
	_, all, err := space(name)
	return all, err
}

func space(name string) (free, all uint64, err error) {
	path, err := windows.UTF16PtrFromString(name)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(path, &free, &all, nil)
	}
	if err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: name, Err: err}
	}
	return free, all, nil
}

// Lock implements FS.
func (OS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	// Far beyond its end: what the file says stays readable to others.
	at := &windows.Overlapped{OffsetHigh: 1 << 30}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return nil, &LockedError{Path: name}
	}
	return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
}
