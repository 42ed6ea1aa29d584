// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package disk is the file system as our durable state uses it. Whatever tuf and
// the driver do to a file goes through an FS, so that a test can end the process
// or fail the operation at any one of them (package disktest).
//
// Durable means: after Sync of a file its bytes, and after SyncDir of a folder
// its names, outlive a loss of power. What is made of several operations, such
// as Replace, is a function over an FS.
package disk

import (
	"fmt"
	"io"
	"io/fs"
)

// FS is the operations that durable state is made of. Names are paths of the
// operating system.
type FS interface {
	// Open opens a file or folder with the flags of os.OpenFile. Without Follow it
	// is one of ours: a symbolic link in the last place, a pipe or a device is an
	// error, and none is waited for.
	Open(name string, flag int, perm fs.FileMode) (File, error)
	// OpenBelow opens a file below a folder for reading. A link that leaves the
	// folder is an error. It never waits for a pipe.
	OpenBelow(dir, name string) (File, error)
	// List returns the names in a folder, sorted.
	List(name string) ([]string, error)
	// Stat describes a file, through links.
	Stat(name string) (fs.FileInfo, error)
	// Lstat describes a file or the link that is in its place.
	Lstat(name string) (fs.FileInfo, error)
	// Real returns the name without any link in it.
	Real(name string) (string, error)
	// MakeDir makes a folder, and makes its name durable. It is no error
	// when the folder exists.
	MakeDir(name string, perm fs.FileMode) error
	Rename(from, to string) error
	// Link gives a file a second name, which must be free: an fs.ErrExist.
	Link(from, to string) error
	Remove(name string) error
	// Chmod sets the mode of what we have just made, whatever the umask is.
	Chmod(name string, mode fs.FileMode) error
	// Chgrp gives a file, or the link in its place, to a group; -1 leaves it.
	Chgrp(name string, gid int) error
	// SyncDir makes the names in a folder durable.
	SyncDir(name string) error
	// Free returns the bytes that an unprivileged writer may still use.
	Free(name string) (uint64, error)
	// Capacity returns the bytes that the file system of a name holds.
	Capacity(name string) (uint64, error)
	// Lock takes an exclusive lock on a file, creating it, and never waits. A
	// lock held elsewhere is a *LockedError. It ends with Close or the process.
	Lock(name string) (io.Closer, error)
}

// Follow is a flag of Open for files that are somebody else's: a link in the
// last place leads to the file.
const Follow = 1 << 30

// File is an open file or folder.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	Stat() (fs.FileInfo, error)
	// ReadDir returns the next n entries of a folder, as os.File does.
	ReadDir(n int) ([]fs.DirEntry, error)
}

// LockedError says that another process holds the lock.
type LockedError struct{ Path string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("%q is locked by another process", e.Path)
}

// TooLongError says that a file is longer than its reader allows.
type TooLongError struct {
	Path        string
	Limit, Size int64 // bytes; Size is -1 when reading stopped at the limit
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%q is longer than %d bytes", e.Path, e.Limit)
}
