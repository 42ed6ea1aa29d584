// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// readFile reads a file that an argument names, "-" for the standard input, of
// at most limit bytes. what is what it should be, for the error.
func readFile(env *Env, path, what string, limit int) ([]byte, error) {
	r := env.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, cannotRead(path, what, err)
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, cannotRead(path, what, err)
	}
	if len(data) > limit {
		return nil, usageError(fmt.Errorf("the %s %q is larger than %d bytes", what, path, limit), "")
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
	if path == "" || path == "-" {
		_, err := env.Stdout.Write(data)
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".sigdriver-out-*")
	if err != nil {
		return cannotWrite(path, err)
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if _, err := tmp.Write(data); err != nil {
		return cannotWrite(path, err)
	}
	if err := tmp.Chmod(0o644); err != nil {
		return cannotWrite(path, err)
	}
	if err := tmp.Close(); err != nil {
		return cannotWrite(path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return cannotWrite(path, err)
	}
	return nil
}

func cannotWrite(path string, err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return usageError(fmt.Errorf("cannot write %q: %w", path, err), "give the path of a file in a folder you can write to")
}
