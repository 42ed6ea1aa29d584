// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trustkeeper

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// FileMemory is a Memory in a file. A process that dies, or a disk that fails,
// at any of its operations leaves the old time or the new one.
type FileMemory struct {
	FS   disk.FS
	Path string
}

// maxMemory bounds what is read back; a time takes 36 bytes at most.
const maxMemory = 64

// Load implements Memory. No file is the zero time.
func (f FileMemory) Load() (time.Time, error) {
	in, err := f.FS.Open(f.Path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxMemory))
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(data)))
	if err != nil {
		return time.Time{}, fmt.Errorf("%q holds no time: remove it; revocations then count as expired until they parse", f.Path)
	}
	return t, nil
}

// Store implements Memory. The zero time is no expiry.
func (f FileMemory) Store(t time.Time) error {
	fresh := f.Path + ".new"
	out, err := f.FS.Open(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, t.UTC().Format(time.RFC3339Nano)+"\n")
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := f.FS.Rename(fresh, f.Path); err != nil {
		return err
	}
	return f.FS.SyncDir(filepath.Dir(f.Path))
}
