// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// The modes of what we write: state is ours alone. The umask may take from them.
const (
	privateDir  fs.FileMode = 0o700
	privateFile fs.FileMode = 0o600
)

// What follows is disk's, with this package's errors.

// readFile returns a regular file; one longer than limit is a *LengthError.
func readFile(fsys disk.FS, name string, limit int64) ([]byte, error) {
	data, err := disk.Read(fsys, name, limit)
	return data, lengthFault(filepath.Base(name), err)
}

func lengthFault(name string, err error) error {
	var tooLong *disk.TooLongError
	if errors.As(err, &tooLong) {
		return &LengthError{File: name, Want: tooLong.Limit, Got: tooLong.Size}
	}
	return err
}

// readOptional returns nil for a file that does not exist. Other faults, also one
// that is too long, are a *StoreError.
func readOptional(fsys disk.FS, name string, limit int64) ([]byte, error) {
	data, err := readFile(fsys, name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &StoreError{"read", name, err}
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

func makeDir(fsys disk.FS, name string, perm fs.FileMode) error {
	return storeFault("make", name, disk.MakeDirs(fsys, name, perm))
}

func putFile(fsys disk.FS, tmp, name string, data []byte, perm fs.FileMode) error {
	return storeFault("write", name, disk.Put(fsys, tmp, name, data, perm))
}

func replaceFile(fsys disk.FS, tmp, name string, data []byte, perm fs.FileMode) error {
	return storeFault("write", name, disk.Replace(fsys, tmp, name, data, perm))
}

func sweep(fsys disk.FS, tmp string) error { return storeFault("sweep", tmp, disk.Sweep(fsys, tmp)) }

// lock takes a lock at once; one that somebody else holds is a *LockedError.
func lock(fsys disk.FS, name string) (io.Closer, error) {
	held, err := fsys.Lock(name)
	var locked *disk.LockedError
	if errors.As(err, &locked) {
		return nil, &LockedError{Path: name}
	}
	return held, storeFault("lock", name, err)
}

func storeFault(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &StoreError{op, path, err}
}
