// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package disktest is a disk.FS that goes wrong at a chosen operation: it ends
// the process there, or fails it as a full or broken disk does.
package disktest

import (
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// FS passes every operation that changes the disk on to the real file system,
// until the one numbered At (from 1; 0 for never).
type FS struct {
	disk.OS
	At int
	// Err fails operation At; a write first leaves half its bytes behind. Nil
	// sends this process SIGKILL instead, between the halves of a write and
	// before any other operation.
	Err error
	// Full is what Free says when it is not nil.
	Full *atomic.Uint64

	mu    sync.Mutex
	count int
	names []string
}

// Operations returns the names of the operations so far.
func (f *FS) Operations() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.names...)
}

// Arm makes the n-th operation from now on go wrong.
func (f *FS) Arm(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.At, f.Err = f.count+n, err
}

// strike counts an operation and tells whether it is the one to go wrong.
func (f *FS) strike(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	f.names = append(f.names, name)
	return f.count == f.At
}

// fault does what is to happen at operation At.
func (f *FS) fault(op, path string) error {
	if f.Err == nil {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
	return &fs.PathError{Op: op, Path: path, Err: f.Err}
}

// Open implements disk.FS.
func (f *FS) Open(name string, flag int, perm fs.FileMode) (disk.File, error) {
	if flag&os.O_CREATE != 0 && f.strike("create") {
		return nil, f.fault("open", name)
	}
	file, err := f.OS.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &File{File: file, fs: f, name: name}, nil
}

// MakeDir implements disk.FS.
func (f *FS) MakeDir(name string, perm fs.FileMode) error {
	if f.strike("mkdir") {
		return f.fault("mkdir", name)
	}
	return f.OS.MakeDir(name, perm)
}

// Rename implements disk.FS.
func (f *FS) Rename(from, to string) error {
	if f.strike("rename") {
		return f.fault("rename", to)
	}
	return f.OS.Rename(from, to)
}

// Remove implements disk.FS.
func (f *FS) Remove(name string) error {
	if f.strike("remove") {
		return f.fault("remove", name)
	}
	return f.OS.Remove(name)
}

// SyncDir implements disk.FS.
func (f *FS) SyncDir(name string) error {
	if f.strike("syncdir") {
		return f.fault("fsync", name)
	}
	return f.OS.SyncDir(name)
}

// Free implements disk.FS.
func (f *FS) Free(name string) (uint64, error) {
	if f.Full != nil {
		return f.Full.Load(), nil
	}
	return f.OS.Free(name)
}

// Lock implements disk.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	if f.strike("lock") {
		return nil, f.fault("flock", name)
	}
	return f.OS.Lock(name)
}

// File is an open file of an FS.
type File struct {
	disk.File
	fs   *FS
	name string
}

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	if !f.fs.strike("write") {
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:len(p)/2])
	if err != nil {
		return n, err
	}
	return n, f.fs.fault("write", f.name)
}

// Sync implements disk.File.
func (f *File) Sync() error {
	if f.fs.strike("sync") {
		return f.fs.fault("fsync", f.name)
	}
	return f.File.Sync()
}

// Truncate implements disk.File.
func (f *File) Truncate(size int64) error {
	if f.fs.strike("truncate") {
		return f.fs.fault("truncate", f.name)
	}
	return f.File.Truncate(size)
}
