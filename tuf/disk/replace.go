// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Read returns a regular file of at most limit bytes, through links. It never
// waits for a pipe. A longer file is a *TooLongError.
func Read(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name, os.O_RDONLY|nonBlock|Follow, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadRegular(f, name, limit)
}

// ReadBelow is Read for a file below a folder, which no link may leave.
func ReadBelow(fsys FS, dir, name string, limit int64) ([]byte, error) {
	f, err := fsys.OpenBelow(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadRegular(f, name, limit)
}

// ReadRegular reads an open file, which must be regular and within limit.
func ReadRegular(f File, name string, limit int64) ([]byte, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("not a regular file")}
	}
	if st.Size() > limit {
		return nil, &TooLongError{name, limit, st.Size()}
	}
	return readAll(f, name, limit, st.Size())
}

// ReadInput returns a file that somebody named for us to read, of at most limit
// bytes. It may be a pipe, which is waited for.
func ReadInput(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name, os.O_RDONLY|Follow, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, name, limit, 0)
}

// readAll reads to the end, with room for expected bytes.
func readAll(f File, name string, limit, expected int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, expected+bytes.MinRead))
	n, err := b.ReadFrom(io.LimitReader(f, limit+1))
	if err == nil && n > limit {
		return nil, &TooLongError{name, limit, -1}
	}
	return b.Bytes(), err
}

// MakeDirs makes a folder and those above it that are missing, each durably.
func MakeDirs(fsys FS, name string, perm fs.FileMode) error {
	if st, err := fsys.Stat(name); err == nil && st.IsDir() {
		return nil
	}
	if parent := filepath.Dir(name); parent != name {
		if err := MakeDirs(fsys, parent, perm); err != nil {
			return err
		}
	}
	return fsys.MakeDir(name, perm)
}

// Put makes the file name whole or not at all, over whatever file is there: a
// new file in the folder tmp, fsync, rename. Its name is durable after SyncDir of
// its folder, so that many files cost one sync. What a crash leaves lies in tmp,
// under a name that begins with a dot.
func Put(fsys FS, tmp, name string, data []byte, perm fs.FileMode) error {
	return move(fsys, tmp, perm, whole(data), func(fresh string) error { return fsys.Rename(fresh, name) })
}

// Replace is Put of one file: durable when it returns.
func Replace(fsys FS, tmp, name string, data []byte, perm fs.FileMode) error {
	if err := Put(fsys, tmp, name, data, perm); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

// ReplaceBy is Replace of what write writes. When write fails nothing is replaced,
// and its error is returned as it is.
func ReplaceBy(fsys FS, tmp, name string, perm fs.FileMode, write func(io.Writer) error) error {
	if err := move(fsys, tmp, perm, write, func(fresh string) error { return fsys.Rename(fresh, name) }); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

// Output is ReplaceBy for a name that somebody gave for a result. A link leads to
// the file that is replaced, and what is no file, such as /dev/null or a pipe, is
// written to as it is: to rename over it would take it away from everybody.
func Output(fsys FS, name string, perm fs.FileMode, write func(io.Writer) error) error {
	st, err := fsys.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		f, err := fsys.Open(name, os.O_WRONLY|Follow, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	default:
		if name, err = fsys.Real(name); err != nil {
			return err
		}
	}
	return ReplaceBy(fsys, filepath.Dir(name), name, perm, write)
}

// Create makes a new file durably, whole or not at all. A name that is taken is
// an fs.ErrExist.
func Create(fsys FS, name string, data []byte, perm fs.FileMode) error {
	dir := filepath.Dir(name)
	err := move(fsys, dir, perm, whole(data), func(fresh string) error {
		// A link, unlike a rename, fails when the name is taken.
		return errors.Join(fsys.Link(fresh, name), fsys.Remove(fresh))
	})
	if err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

func whole(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// move writes a new file in tmp and hands its name to place.
func move(fsys FS, tmp string, perm fs.FileMode, write func(io.Writer) error, place func(fresh string) error) error {
	fresh := filepath.Join(tmp, ".new-"+rand.Text())
	f, err := fsys.Open(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if err = finish(f, write(f)); err == nil {
		err = place(fresh)
	}
	if err != nil {
		_ = fsys.Remove(fresh) // in vain when it is gone; what stays is swept
	}
	return err
}

// WriteAll writes, syncs and closes a file.
func WriteAll(f File, data []byte) error {
	_, err := f.Write(data)
	return finish(f, err)
}

// finish syncs a file unless writing it failed, and closes it.
func finish(f File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Files calls visit for every regular file in a folder and below, in order. It
// follows no link but that of the folder itself, passes over what is gone before
// it is looked at, and ends with the first error.
func Files(fsys FS, dir string, visit func(path string) error) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := fsys.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		switch {
		case err != nil:
			return err
		case info.IsDir():
			err = Files(fsys, path, visit)
		case info.Mode().IsRegular():
			err = visit(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Sweep removes every file of a folder.
func Sweep(fsys FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := fsys.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAll removes a file or a folder with all that is in it. It is no error
// when there is none.
func RemoveAll(fsys FS, name string) error {
	st, err := fsys.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.IsDir() {
		names, err := fsys.List(name)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := RemoveAll(fsys, filepath.Join(name, n)); err != nil {
				return err
			}
		}
	}
	return fsys.Remove(name)
}
