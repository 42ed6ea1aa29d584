// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package disktest is a disk.FS that goes wrong at a chosen operation: it ends
// the process there, or fails it as a full or broken disk does. It can also lose
// power, and with it whatever was not synced.
package disktest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

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
	// After lets every operation after At fail, too: the disk stays broken.
	After bool
	// Reads counts operations that only look, too. A process that dies at one
	// leaves what it leaves at the next change, so this is for Err.
	Reads bool
	// Full is what Free says when it is not nil.
	Full *atomic.Uint64

	mu    sync.Mutex
	count int
	names []string
	undo  []unsynced
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

// strike counts an operation and reports whether it goes wrong.
func (f *FS) strike(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	f.names = append(f.names, name)
	return f.count == f.At || f.After && f.At > 0 && f.count > f.At
}

// fault does what is to happen at operation At.
func (f *FS) fault(op, path string) error {
	if f.Err == nil {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {} // the signal is on its way
	}
	return &fs.PathError{Op: op, Path: path, Err: f.Err}
}

// step is one operation that does nothing when it goes wrong.
func (f *FS) step(op, path string) error {
	if f.strike(op) {
		return f.fault(op, path)
	}
	return nil
}

// look is a step that changes nothing.
func (f *FS) look(op, path string) error {
	if !f.Reads {
		return nil
	}
	return f.step(op, path)
}

// opening is the step before a file is opened.
func (f *FS) opening(name string, flag int) error {
	if flag&(os.O_CREATE|os.O_TRUNC) == 0 {
		return f.look("open", name)
	}
	if err := f.step("create", name); err != nil {
		return err
	}
	f.made(name)
	return nil
}

// Open implements disk.FS.
func (f *FS) Open(name string, flag int, perm fs.FileMode) (disk.File, error) {
	if err := f.opening(name, flag); err != nil {
		return nil, err
	}
	file, err := f.OS.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &File{File: file, fs: f, name: name}, nil
}

// OpenBelow implements disk.FS.
func (f *FS) OpenBelow(dir, name string) (disk.File, error) {
	if err := f.look("open", filepath.Join(dir, name)); err != nil {
		return nil, err
	}
	return f.OS.OpenBelow(dir, name)
}

// List implements disk.FS.
func (f *FS) List(name string) ([]string, error) {
	if err := f.look("list", name); err != nil {
		return nil, err
	}
	return f.OS.List(name)
}

// Stat implements disk.FS.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	if err := f.look("stat", name); err != nil {
		return nil, err
	}
	return f.OS.Stat(name)
}

// Lstat implements disk.FS.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	if err := f.look("stat", name); err != nil {
		return nil, err
	}
	return f.OS.Lstat(name)
}

// MakeDir implements disk.FS: a folder is made, then synced into the one above.
func (f *FS) MakeDir(name string, perm fs.FileMode) error {
	if err := f.step("mkdir", name); err != nil {
		return err
	}
	switch err := os.Mkdir(name, perm); {
	case err == nil:
		f.lost(unsynced{dir: filepath.Dir(name), revert: func() { os.RemoveAll(name) }})
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	return f.SyncDir(filepath.Dir(name))
}

// Rename implements disk.FS.
func (f *FS) Rename(from, to string) error {
	if err := f.step("rename", to); err != nil {
		return err
	}
	f.renamed(from, to)
	return f.OS.Rename(from, to)
}

// Link implements disk.FS.
func (f *FS) Link(from, to string) error {
	if err := f.step("link", to); err != nil {
		return err
	}
	f.made(to)
	return f.OS.Link(from, to)
}

// Remove implements disk.FS.
func (f *FS) Remove(name string) error {
	if err := f.step("remove", name); err != nil {
		return err
	}
	return f.OS.Remove(name)
}

// Chmod implements disk.FS.
func (f *FS) Chmod(name string, mode fs.FileMode) error {
	if err := f.step("chmod", name); err != nil {
		return err
	}
	return f.OS.Chmod(name, mode)
}

// Chgrp implements disk.FS.
func (f *FS) Chgrp(name string, gid int) error {
	if err := f.step("chgrp", name); err != nil {
		return err
	}
	return f.OS.Chgrp(name, gid)
}

// SyncDir implements disk.FS.
func (f *FS) SyncDir(name string) error {
	if err := f.step("syncdir", name); err != nil {
		return err
	}
	f.settle(func(u unsynced) bool { return u.dir == name })
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
	if err := f.step("lock", name); err != nil {
		return nil, err
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
	f.fs.written(f)
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
	if err := f.fs.step("sync", f.name); err != nil {
		return err
	}
	f.fs.settle(func(u unsynced) bool { return u.file == f.name })
	return f.File.Sync()
}

// Truncate implements disk.File.
func (f *File) Truncate(size int64) error {
	if err := f.fs.step("truncate", f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}
