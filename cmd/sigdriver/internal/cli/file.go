// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// readFile reads a file that an argument names, "-" for the standard input, of
// at most limit bytes. what is what it should be, for the error.
func readFile(env *Env, path, what string, limit int) ([]byte, error) {
	var data []byte
	var err error
	if path == "-" {
		data, err = io.ReadAll(io.LimitReader(env.Stdin, int64(limit)+1))
	} else {
		env.reads(path)
		data, err = disk.ReadInput(disk.OrOS(env.FS), path, int64(limit))
	}
	var tooLong *disk.TooLongError
	if len(data) > limit || errors.As(err, &tooLong) {
		return nil, usageError(fmt.Errorf("the %s %q is larger than %d bytes", what, path, limit), "")
	}
	if err != nil {
		return nil, cannotRead(path, what, err)
	}
	return data, nil
}

func cannotRead(path, what string, err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return usageError(fmt.Errorf("cannot read the %s %q: %w", what, path, err), "")
}

// writeFile writes a result to a path, "" or "-" for the standard output. A file
// appears whole or not at all.
func writeFile(env *Env, path string, data []byte) error {
	err := writeTo(env, path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	var exit *ExitError
	if err != nil && path != "" && path != "-" && !errors.As(err, &exit) {
		return cannotWrite(path, err)
	}
	return err
}

// writeTo is writeFile for what is made while it is written. Its errors are as they are.
func writeTo(env *Env, path string, write func(io.Writer) error) error {
	switch path {
	case "", "-", "/dev/stdout": // opening the latter would begin a file anew
		return write(env.raw())
	case "/dev/stderr":
		return write(unwrap(env.Stderr))
	}
	if env.isInput(path) {
		return usageError(fmt.Errorf("%q is what this command reads: it is not written over", path), "give another path for what is written")
	}
	return disk.Output(disk.OrOS(env.FS), path, 0o644, write)
}

// reads notes that the command reads a file.
func (e *Env) reads(path string) { e.inputs = append(e.inputs, path) }

// isInput reports whether a path is a file, by whatever name, that the command has read. A
// key that an approval is written over is gone, and a policy whose document is has lost
// its comments.
func (e *Env) isInput(path string) bool {
	out, err := disk.OrOS(e.FS).Stat(path)
	if err != nil || !out.Mode().IsRegular() {
		return false
	}
	return slices.ContainsFunc(e.inputs, func(input string) bool {
		in, err := disk.OrOS(e.FS).Stat(input)
		return err == nil && os.SameFile(in, out)
	})
}

func cannotWrite(path string, err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return usageError(fmt.Errorf("cannot write %q: %w", path, err), "give the path of a file in a folder you can write to")
}

// temporaryFolder makes a folder for what a pack holds.
func temporaryFolder(prefix string) (string, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		var file *fs.PathError
		if errors.As(err, &file) {
			err = file.Err
		}
		return "", usageError(fmt.Errorf("cannot make a folder in %q: %w", os.TempDir(), err), "set TMPDIR to a folder you can write to, with as much room as the pack takes")
	}
	return dir, nil
}

func exists(path string) bool {
	_, err := disk.OS{}.Lstat(path)
	return err == nil
}
