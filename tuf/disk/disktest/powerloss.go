// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package disktest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// unsynced is what a loss of power takes back.
type unsynced struct {
	dir    string // durable once this folder is synced
	file   string // or once this file is synced
	revert func()
}

// PowerLoss takes back, newest first, what was not synced: bytes that were
// written, and names that were made or moved. Removals it takes as durable.
func (f *FS) PowerLoss() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.undo) - 1; i >= 0; i-- {
		f.undo[i].revert()
	}
	f.undo = nil
}

func (f *FS) lost(u unsynced) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.undo = append(f.undo, u)
}

// settle forgets what has become durable.
func (f *FS) settle(durable func(unsynced) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.undo[:0]
	for _, u := range f.undo {
		if !durable(u) {
			kept = append(kept, u)
		}
	}
	f.undo = kept
}

// made notes that a name is about to be made.
func (f *FS) made(name string) {
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		f.lost(unsynced{dir: filepath.Dir(name), revert: func() { os.Remove(name) }})
	}
}

// written notes that a file is about to be written to.
func (f *FS) written(file *File) {
	size, err := file.Size()
	if err != nil {
		return
	}
	f.lost(unsynced{file: file.name, revert: func() { _ = os.Truncate(file.name, size) }})
}

// renamed notes that a file is about to get another name.
func (f *FS) renamed(from, to string) {
	old, readErr := os.ReadFile(to)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, u := range f.undo { // its bytes follow it
		if u.file == from {
			f.undo[i] = unsynced{file: to, revert: func() { _ = os.Truncate(to, 0) }}
		}
	}
	f.undo = append(f.undo, unsynced{dir: filepath.Dir(to), revert: func() {
		if readErr != nil {
			os.Remove(to)
		} else {
			_ = os.WriteFile(to, old, 0o600)
		}
	}})
}
