// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package archive is a store of bytes by their SHA-256: TUF metadata and target
// files, decision records, and the attestations that counted. It never holds a
// policy body.
//
// An object is the file sha256/ab/<hex> below the archive's folder, ab being the
// first two of its 64 digits. It is written under another name, synced and then
// renamed, so that it is there whole or not at all; its name is durable when
// Store.Put or Batch.Sync returns. Objects never change and are never removed.
//
// Small objects that are put at the same time may share a file, a group:
// groups/<hex>, named by its own sha256, in which each object stands after its
// sha256 and its length in four bytes, the most significant first. A batch makes
// no groups.
//
// Several stores may work in one folder, also in one process, as long as each has
// a folder of its own for what is under way: Open empties it.
package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// temporary is the folder of objects under way.
const temporary = "tmp"

// MaxObject bounds one object in bytes. A longer file is not an object of ours, and
// is not read.
const MaxObject = 256 << 20

// maxKnown bounds how many digests are remembered as durable.
const maxKnown = 1 << 16

// Store is an archive folder. It is safe for concurrent use.
type Store struct {
	dir string
	tmp string
	fs  disk.FS

	mu      sync.Mutex
	known   map[[32]byte]bool // objects that are durable
	dirs    map[string]bool   // folders that are
	waiting []*putting        // objects that are to be written next
	writing bool              // others are being written

	grouped grouped
}

// CorruptError says that an object is not what its name says.
type CorruptError struct {
	Path string
	Have [32]byte // sha256 of what is there; of what is no file, zero
}

func (e *CorruptError) Error() string {
	if e.Have == [32]byte{} {
		return fmt.Sprintf("archive object %q is damaged: what is there is no file; restore it from a copy of the archive", e.Path)
	}
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
func Open(dir string, fsys disk.FS) (*Store, error) { return OpenTemp(dir, temporary, fsys) }

// OpenTemp is Open for a second store in the same folder. What it has under way
// lies in the folder tmp below dir.
func OpenTemp(dir, tmp string, fsys disk.FS) (*Store, error) {
	s := &Store{dir: dir, tmp: filepath.Join(dir, tmp), fs: disk.OrOS(fsys), known: map[[32]byte]bool{}, dirs: map[string]bool{}}
	for _, d := range []string{dir, s.tmp, filepath.Join(dir, "sha256")} {
		if err := s.fs.MakeDir(d, 0o700); err != nil {
			return nil, err
		}
	}
	return s, disk.Sweep(s.fs, s.tmp)
}

// Reader returns the archive in dir to be read. It makes and removes nothing, so that a
// driver at work there is not disturbed.
func Reader(dir string) *Store { return &Store{dir: dir, fs: disk.OS{}} }

// Read returns an object of the archive in dir as Store.Get does.
func Read(dir string, sum [32]byte) ([]byte, error) { return Reader(dir).Get(sum) }

// Path returns the file of an object of its own in the archive in dir, whether or not there
// is one.
func Path(dir string, sum [32]byte) string {
	digits := hex.EncodeToString(sum[:])
	return filepath.Join(dir, "sha256", digits[:2], digits)
}

func (s *Store) path(sum [32]byte) string { return Path(s.dir, sum) }

// Put stores data durably and returns its sha256. Storing it again costs nothing.
// A damaged object in its place is left as it is, a *CorruptError: evidence that
// was changed is for the operator to see.
func (s *Store) Put(data []byte) ([32]byte, error) {
	sum := sha256.Sum256(data)
	if s.durable(sum) {
		return sum, nil
	}
	if len(data) > maxGrouped {
		return sum, s.putAlone(sum, data)
	}
	return sum, s.enqueue(sum, data)
}

// putAlone makes an object durable in a file of its own.
func (s *Store) putAlone(sum [32]byte, data []byte) error {
	if err := s.makeDir(sum); err != nil {
		return err
	}
	_, err := s.read(sum)
	if errors.Is(err, fs.ErrNotExist) {
		err = s.write(sum, data)
	}
	if err == nil {
		// Also of what was there: it may have been renamed just before a crash.
		err = s.fs.SyncDir(filepath.Dir(s.path(sum)))
	}
	if err == nil {
		s.remember(sum)
	}
	return err
}

// makeDir makes the folder of an object, once.
func (s *Store) makeDir(sum [32]byte) error { return s.makeFolder(filepath.Dir(s.path(sum))) }

// makeFolder makes a folder, once. That it exists does not say that its name is durable.
func (s *Store) makeFolder(dir string) error {
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

// write makes an object, or replaces a damaged one. Its name is not durable yet.
func (s *Store) write(sum [32]byte, data []byte) error {
	return disk.Put(s.fs, s.tmp, s.path(sum), data, 0o600)
}

// Get returns an object, checked against its digest: a *MissingError or a
// *CorruptError otherwise.
func (s *Store) Get(sum [32]byte) ([]byte, error) {
	data, err := s.read(sum)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = s.fromGroup(sum)
	}
	if err != nil {
		s.mu.Lock()
		delete(s.known, sum)
		s.mu.Unlock()
	}
	return data, err
}

// read reads an object out of a file of its own.
func (s *Store) read(sum [32]byte) ([]byte, error) {
	path := s.path(sum)
	f, err := s.fs.Open(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{SHA256: sum}
	}
	if err != nil {
		return nil, s.noFile(path, err)
	}
	defer f.Close()
	data, err := disk.ReadRegular(f, path, MaxObject)
	var long *disk.TooLongError
	if err != nil && !errors.As(err, &long) {
		return nil, s.noFile(path, err)
	}
	if have := sha256.Sum256(data); have != sum {
		return nil, &CorruptError{Path: path, Have: have}
	}
	return data, nil
}

// noFile tells a link, a pipe or a folder in an object's place, which is damage like other
// bytes, from a file that cannot be read.
func (s *Store) noFile(path string, err error) error {
	if st, lost := s.fs.Lstat(path); lost == nil && !st.Mode().IsRegular() {
		return &CorruptError{Path: path}
	}
	return err
}

// Has reports whether there is an object of this digest, without reading it, as far as a
// driver remembers those in groups.
func (s *Store) Has(sum [32]byte) bool { return s.durable(sum) || s.alone(sum) }

// alone reports whether an object has a file of its own.
func (s *Store) alone(sum [32]byte) bool {
	f, err := s.fs.Open(s.path(sum), os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// Known reports whether Put would find the object durable without looking.
func (s *Store) Known(sum [32]byte) bool { return s.durable(sum) }

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

// Batch stores objects that become durable together, so that many cost one sync of
// each folder. Unlike Store.Put it replaces a damaged object: it is for bytes that
// their source can bring again. A Batch is not safe for concurrent use.
type Batch struct {
	store *Store
	added map[[32]byte]bool // there, but perhaps not durable
}

// Batch returns an empty batch.
func (s *Store) Batch() *Batch { return &Batch{s, map[[32]byte]bool{}} }

// Put stores data and returns its sha256. It is durable after Sync.
func (b *Batch) Put(data []byte) ([32]byte, error) {
	sum := sha256.Sum256(data)
	if b.store.durable(sum) || b.added[sum] {
		return sum, nil
	}
	if err := b.store.makeDir(sum); err != nil {
		return sum, err
	}
	if _, err := b.store.read(sum); err != nil {
		if err := b.store.write(sum, data); err != nil {
			return sum, err
		}
	}
	b.added[sum] = true
	return sum, nil
}

// Sync makes every object of the batch durable, and the batch empty. After an error
// none of them is taken for durable.
func (b *Batch) Sync() error {
	added := b.added
	b.added = map[[32]byte]bool{}
	dirs := map[string]bool{}
	for sum := range added {
		dirs[filepath.Dir(b.store.path(sum))] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := b.store.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	for sum := range added {
		b.store.remember(sum)
	}
	return nil
}
