// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// MisplacedError says that a path of the record does not name the file that is open
// any more, so that what is written would not be found again. It ends when the file
// is back in its place.
type MisplacedError struct {
	Path   string
	Detail string
}

func (e *MisplacedError) Error() string {
	return fmt.Sprintf("%q is not the file that the driver has open: %s; put it back, or restart the driver", e.Path, e.Detail)
}

// ForeignWriteError says that somebody else changed the length of the open segment:
// what is in it is not what the driver wrote.
type ForeignWriteError struct {
	Path       string
	Have, Want int64
}

func (e *ForeignWriteError) Error() string {
	return fmt.Sprintf("%q has %d bytes and the driver wrote %d: somebody else changed it", e.Path, e.Have, e.Want)
}

// openSegment is the open segment as it is durable.
type openSegment struct {
	path string
	open fs.FileInfo // which file it is, whatever becomes of its name
	size int64
}

// inPlace returns a *MisplacedError unless the path names the open file, else its length.
func inPlace(fsys disk.FS, open fs.FileInfo, path string) (size int64, err error) {
	named, err := fsys.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, &MisplacedError{path, "there is none"}
	case err != nil:
		return 0, &MisplacedError{path, err.Error()}
	}
	if !os.SameFile(named, open) {
		return 0, &MisplacedError{path, "another file is in its place"}
	}
	return named.Size(), nil
}

// named returns why the journal on the disk is not the one that is written: a
// *MisplacedError, or a *ForeignWriteError. Entries under way may already be in it.
func (j *Journal) named() error {
	for {
		s := j.segment.Load()
		size, err := inPlace(j.opts.FS, s.open, s.path)
		if j.segment.Load() != s {
			continue // another segment was begun, or entries became durable
		}
		if err == nil && size < s.size {
			err = &ForeignWriteError{s.path, size, s.size}
		}
		return err
	}
}

// unchanged returns a *ForeignWriteError unless the open segment ends where the last
// write left it. Only the committer, which knows that, may ask.
func (j *Journal) unchanged() error {
	size, err := j.file.Size()
	if err == nil && size != j.size {
		err = &ForeignWriteError{j.segment.Load().path, size, j.size}
	}
	return err
}

// InPlace returns why an answer that stands on the record may not leave: the journal
// or the snapshot is not the file that is open any more.
func (s *Store) InPlace() error {
	if err := s.Journal.named(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.base == nil || s.keeper.replacing.Load() {
		return nil
	}
	size, err := inPlace(s.opts.FS, s.base.open, s.base.path)
	if err == nil && size != s.base.size {
		err = &ForeignWriteError{s.base.path, size, s.base.size}
	}
	return err
}

// Ready returns why no ALLOW could be recorded now: what stopped the record, a file
// that is not in its place, an archive that takes nothing, or a full disk (a
// *FullError).
func (s *Store) Ready() error {
	if err := s.Err(); err != nil {
		return err
	}
	if u := s.unarchived.Load(); u != nil {
		return u.err
	}
	if err := s.InPlace(); err != nil {
		return err
	}
	return s.room(minFree)
}
