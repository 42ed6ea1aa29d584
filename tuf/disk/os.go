// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

// OS is the real file system.
type OS struct{}

// OrOS returns fsys, or for nil the real file system.
func OrOS(fsys FS) FS {
	if fsys == nil {
		return OS{}
	}
	return fsys
}

// Open implements FS.
func (o OS) Open(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := o.OpenOS(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// OpenOS is Open for who needs the operating system's own file.
func (OS) OpenOS(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if flag&Follow != 0 {
		return os.OpenFile(name, flag&^Follow|closeOnExec, perm)
	}
	f, err := os.OpenFile(name, flag|noFollow|nonBlock|closeOnExec, perm)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() && !st.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenBelow implements FS.
func (OS) OpenBelow(dir, name string) (File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// List implements FS.
func (OS) List(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	sort.Strings(names)
	return names, nil
}

// Stat implements FS.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Lstat implements FS.
func (OS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// Real implements FS.
func (OS) Real(name string) (string, error) { return filepath.EvalSymlinks(name) }

// MakeDir implements FS.
func (o OS) MakeDir(name string, perm fs.FileMode) error {
	// A folder that exists may have been made just before a crash: sync in any case.
	if err := os.Mkdir(name, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return o.SyncDir(filepath.Dir(name))
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return named(os.Rename(from, to)) }

// Link implements FS.
func (OS) Link(from, to string) error { return named(os.Link(from, to)) }

// named makes an error about two names one about the new name, as all others are.
func named(err error) error {
	var link *os.LinkError
	if errors.As(err, &link) {
		return &fs.PathError{Op: link.Op, Path: link.New, Err: link.Err}
	}
	return err
}

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// Chmod implements FS.
func (OS) Chmod(name string, mode fs.FileMode) error { return os.Chmod(name, mode) }

type file struct{ *os.File }

func (f file) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
