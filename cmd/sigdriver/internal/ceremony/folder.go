// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// maxSmallFile bounds a plan, a ceremony.toml or a public key in bytes.
const maxSmallFile = 64 << 10

// Folder is the folder of a ceremony, and what its steps need of the world.
type Folder struct {
	Dir string
	// Keys is the folder of private keys; empty for keys/ in Dir. KeyFiles are
	// private keys that are elsewhere.
	Keys     string
	KeyFiles []string

	FS  disk.FS // nil is the real file system
	Now func() time.Time
	// Read reads a file that somebody named, of at most limit bytes; what is what it
	// should be, for the error.
	Read func(path, what string, limit int) ([]byte, error)
	// OpenKey opens a private key.
	OpenKey func(path string) (*keys.Key, error)
	// Passphrase is what keys that are made here are encrypted with; nil leaves them
	// plain. It is asked for once there are some.
	Passphrase keys.Passphrase
}

// Published is the folder of the repository.
func (f *Folder) Published() string { return filepath.Join(f.Dir, "published") }

// Staged is the folder of the change that collects signatures.
func (f *Folder) Staged() string { return filepath.Join(f.Dir, "staged") }

func (f *Folder) notes() string { return filepath.Join(f.Dir, "ceremony.toml") }

func (f *Folder) keyDir() string {
	if f.Keys != "" {
		return f.Keys
	}
	return filepath.Join(f.Dir, "keys")
}

// Begun reports whether something was published or staged here.
func (f *Folder) Begun() bool { return exists(f.Published()) || exists(f.Staged()) }

// Repository opens what is published; nil when nothing is yet. A first publication
// that was interrupted is none: its timestamp comes last, and what is staged
// completes it.
func (f *Folder) Repository() (*author.Repository, error) {
	metadata := filepath.Join(f.Published(), "metadata")
	r, err := author.OpenRepository(nil, f.Published())
	begun := exists(f.Staged()) && !exists(filepath.Join(metadata, "timestamp.json"))
	if errors.Is(err, fs.ErrNotExist) && (begun || !exists(metadata)) {
		return nil, nil
	}
	return r, err
}

// MustRepository is Repository, but nothing published is an error.
func (f *Folder) MustRepository() (*author.Repository, error) {
	r, err := f.Repository()
	if err == nil && r == nil {
		err = f.unpublished()
	}
	return r, err
}

// Stage opens what is staged over a repository; nil when nothing is, or only what is
// published.
func (f *Folder) Stage(base *author.Repository) (*author.Stage, error) {
	s, err := author.OpenStage(nil, f.Staged(), base)
	if errors.Is(err, author.ErrPublished) {
		return nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) && !exists(f.Staged()) {
		return nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse("drop it with `sigdriver trust stage --discard`", "%q is not a whole stage", f.Staged())
	}
	return s, err
}

// open opens what is published and what is staged, nil for nothing.
func (f *Folder) open() (*author.Repository, *author.Stage, error) {
	base, err := f.Repository()
	if err != nil {
		return nil, nil, err
	}
	staged, err := f.Stage(base)
	return base, staged, err
}

// Latest is what is staged, or else what is published, and the folder of it.
func (f *Folder) Latest() (string, Publication, error) {
	base, staged, err := f.open()
	if err != nil {
		return "", nil, err
	}
	if staged != nil {
		return f.Staged(), staged, nil
	}
	return f.Published(), base, nil
}

// save writes a stage, into the folder that it came from or in the place of one
// whose publication was interrupted at its very end.
func (f *Folder) save(s *author.Stage) error {
	base, err := f.Repository()
	if err != nil {
		return err
	}
	if _, err := author.OpenStage(nil, f.Staged(), base); errors.Is(err, author.ErrPublished) {
		if err := f.dropStage(); err != nil {
			return err
		}
	}
	if err := s.Save(f.FS, f.Staged()); err != nil {
		return err
	}
	return f.saveStagedNames()
}

// Discard drops what is staged.
func (f *Folder) Discard() error {
	if !exists(f.Staged()) {
		return refuse("", "nothing is staged")
	}
	release, err := f.hold("stage")
	if err != nil {
		return err
	}
	defer release()
	return f.dropStage()
}

// dropStage removes the stage, under another name first: what is left of a change
// when this is interrupted could pass for a smaller one.
func (f *Folder) dropStage() error {
	fsys, gone := disk.OrOS(f.FS), f.Staged()+".unfinished"
	if err := disk.RemoveAll(fsys, gone); err != nil {
		return err
	}
	if err := fsys.Rename(f.Staged(), gone); err != nil {
		return err
	}
	if err := fsys.SyncDir(f.Dir); err != nil {
		return err
	}
	return disk.RemoveAll(fsys, gone)
}

func exists(path string) bool {
	_, err := disk.OS{}.Lstat(path)
	return err == nil
}
