// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package archive is a store of bytes by their sha256: decision records and the
// attestations that counted, for replay. It never holds a policy body.
//
// An object is the file sha256/ab/<hex> below the archive's folder, ab being the
// first two of the 64 digits. It is written under another name first and renamed
// when it is durable, so that it is there whole or not at all. Objects never
// change and are never removed here.
package archive

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// temporary is the folder of objects under way.
const temporary = "tmp"

// MaxObject bounds one object in bytes: a note about trust may be as long. What is
// longer on disk is none of ours, and is not read.
const MaxObject = 256 << 20

// maxKnown bounds how many digests are remembered as durable.
const maxKnown = 1 << 16

// Store is an archive folder. It is safe for concurrent use.
type Store struct {
	dir string
	fs  disk.FS

	mu    sync.Mutex
	known map[[32]byte]bool // objects that are durable
	dirs  map[string]bool   // folders that are
}

// CorruptError says that an object is not what its name says.
type CorruptError struct {
	Path string
	Have [32]byte // sha256 of what is there
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("archive object %q is damaged: its sha256 is %x; restore it from a copy of the archive", e.Path, e.Have)
}

// MissingError says that the archive has no object of this digest.
type MissingError struct{ SHA256 [32]byte }

func (e *MissingError) Error() string {
	return fmt.Sprintf("the archive has no object %x", e.SHA256)
}

// Is makes errors.Is(err, fs.ErrNotExist) hold.
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

// Open opens the archive in dir, making the folder when there is none, and
// removes what a crash left under way. A nil fsys is the real file system.
func Open(dir string, fsys disk.FS) (*Store, error) {
	if fsys == nil {
		fsys = disk.OS{}
	}
	s := &Store{dir: dir, fs: fsys, known: map[[32]byte]bool{}, dirs: map[string]bool{}}
	for _, d := range []string{dir, filepath.Join(dir, temporary), filepath.Join(dir, "sha256")} {
		if err := fsys.MakeDir(d, 0o700); err != nil {
			return nil, err
		}
	}
	left, err := fsys.List(filepath.Join(dir, temporary))
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		if err := fsys.Remove(filepath.Join(dir, temporary, name)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// path is the file of a digest.
func (s *Store) path(sum [32]byte) string {
	digits := hex.EncodeToString(sum[:])
	return filepath.Join(s.dir, "sha256", digits[:2], digits)
}

// Put stores data durably and returns its sha256. Storing it again costs nothing.
func (s *Store) Put(data []byte) ([32]byte, error) {
	sum := sha256.Sum256(data)
	if s.durable(sum) {
		return sum, nil
	}
	path := s.path(sum)
	if err := s.makeDir(filepath.Dir(path)); err != nil {
		return sum, err
	}
	have, err := s.Get(sum)
	switch {
	case err == nil && len(have) == len(data):
		// Whole, but perhaps renamed just before a crash: make the name durable.
		err = s.fs.SyncDir(filepath.Dir(path))
	case errors.Is(err, fs.ErrNotExist):
		err = s.write(path, data)
	}
	if err != nil {
		return sum, err
	}
	s.remember(sum)
	return sum, nil
}

// write makes one new object. What fails is taken away and may be tried again:
// every try is a new file.
func (s *Store) write(path string, data []byte) error {
	name := filepath.Join(s.dir, temporary, rand.Text())
	f, err := s.fs.Open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.fs.Rename(name, path)
	}
	if err != nil {
		return errors.Join(err, s.fs.Remove(name))
	}
	return s.fs.SyncDir(filepath.Dir(path))
}

// Get returns an object, checked against its digest: a *MissingError or a
// *CorruptError otherwise.
func (s *Store) Get(sum [32]byte) ([]byte, error) {
	path := s.path(sum)
	f, err := s.fs.Open(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{SHA256: sum}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := disk.ReadRegular(f, path, MaxObject)
	var long *disk.TooLongError
	if err != nil && !errors.As(err, &long) {
		return nil, err
	}
	if have := sha256.Sum256(data); have != sum {
		return nil, &CorruptError{Path: path, Have: have}
	}
	return data, nil
}

// Has reports whether there is an object of this digest, without reading it.
func (s *Store) Has(sum [32]byte) bool {
	f, err := s.fs.Open(s.path(sum), os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// makeDir makes a folder below sha256 once.
func (s *Store) makeDir(dir string) error {
	s.mu.Lock()
	made := s.dirs[dir]
	s.mu.Unlock()
	if made {
		return nil
	}
	if err := s.fs.MakeDir(dir, 0o700); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirs[dir] = true
	return nil
}

func (s *Store) durable(sum [32]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[sum]
}

// remember notes that an object is durable. The memory saves work only: when it
// is full it starts anew.
func (s *Store) remember(sum [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		s.known = map[[32]byte]bool{}
	}
	s.known[sum] = true
}
