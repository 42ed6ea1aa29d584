// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// fileLayer is every operation that this package performs on its own files, so
// that a test can fail or stop the process at any one of them. Names are paths of
// the operating system.
type fileLayer interface {
	// Read returns a regular file of at most limit bytes.
	Read(name string, limit int64) ([]byte, error)
	// List returns the names in a folder, sorted.
	List(name string) ([]string, error)
	// MkdirAll makes a folder and its parents, mode 0700. It does not sync them.
	MkdirAll(name string) error
	// Temp makes a new file in dir with a name of its own, mode 0600.
	Temp(dir string) (writeFile, error)
	// Append opens a file for appending, made if absent, mode 0600.
	Append(name string) (writeFile, error)
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes what happened in a folder durable.
	SyncDir(name string) error
	// Lock takes an exclusive lock at once or returns a *LockedError.
	Lock(name string) (io.Closer, error)
}

// writeFile is a file being written.
type writeFile interface {
	io.WriteCloser
	Name() string
	Sync() error
	Truncate(size int64) error
}

// osFiles is the file layer of the operating system.
type osFiles struct{}

func (osFiles) Read(name string, limit int64) ([]byte, error) {
	// Not blocking: a FIFO in the place of a file must not stop us.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readRegular(f, limit)
}

// readRegular reads an open file, which must be regular and within limit.
func readRegular(f *os.File, limit int64) ([]byte, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("not a regular file")}
	}
	if st.Size() > limit {
		return nil, &LengthError{File: filepath.Base(f.Name()), Want: limit, Got: st.Size()}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, &LengthError{File: filepath.Base(f.Name()), Want: limit, Got: -1}
	}
	return data, err
}

func (osFiles) List(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names, err
}

func (osFiles) MkdirAll(name string) error { return os.MkdirAll(name, 0o700) }

func (osFiles) Temp(dir string) (writeFile, error) { return fileOrNil(os.CreateTemp(dir, "new-*")) }

func (osFiles) Append(name string) (writeFile, error) {
	return fileOrNil(os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600))
}

// fileOrNil keeps a nil *os.File from becoming a writeFile that is not nil.
func fileOrNil(f *os.File, err error) (writeFile, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFiles) Rename(from, to string) error { return os.Rename(from, to) }

func (osFiles) Remove(name string) error { return os.Remove(name) }

func (osFiles) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osFiles) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = &LockedError{Path: name}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// makeDir makes a folder below base durably: every new level is synced.
func makeDir(files fileLayer, name string) error {
	if _, err := files.List(name); err == nil {
		return nil
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := makeDir(files, parent); err != nil {
			return err
		}
	}
	if err := files.MkdirAll(name); err != nil {
		return &StoreError{"make", name, err}
	}
	return storeFault("sync", parent, files.SyncDir(parent))
}

// putFile puts data at name whole or not at all: temporary file, fsync, rename.
// The caller syncs the folder, so that many files cost one sync. A temporary file
// that a crash leaves behind lies in tmp, which is swept at the next start.
func putFile(files fileLayer, tmp, name string, data []byte) (err error) {
	f, err := files.Temp(tmp)
	if err != nil {
		return &StoreError{"create", tmp, err}
	}
	defer func() {
		if err != nil {
			_ = files.Remove(f.Name()) // the next start sweeps it if this fails too
		}
	}()
	if err := writeAll(f, data); err != nil {
		return &StoreError{"write", name, err}
	}
	return storeFault("rename", name, files.Rename(f.Name(), name))
}

// replaceFile is putFile for one file: durable when it returns.
func replaceFile(files fileLayer, tmp, name string, data []byte) error {
	if err := putFile(files, tmp, name, data); err != nil {
		return err
	}
	dir := filepath.Dir(name)
	return storeFault("sync", dir, files.SyncDir(dir))
}

func writeAll(f writeFile, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func storeFault(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &StoreError{op, path, err}
}

// sweep empties a folder of temporary files.
func sweep(files fileLayer, tmp string) error {
	names, err := files.List(tmp)
	if err != nil {
		return storeFault("list", tmp, err)
	}
	for _, name := range names {
		if err := files.Remove(filepath.Join(tmp, name)); err != nil {
			return &StoreError{"remove", filepath.Join(tmp, name), err}
		}
	}
	return nil
}
