// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// The buckets, and the rows of bucketMeta.
var (
	bucketFloors = []byte("floors")
	bucketPlaces = []byte("places")
	bucketResets = []byte("resets")
	bucketMeta   = []byte("meta")

	metaFormat   = []byte("format")
	metaRevision = []byte("revision")
	metaTotal    = []byte("total")
	metaHigh     = []byte("high-water")
	metaSize     = []byte("journal-size")
	metaSum      = []byte("journal-sum")
	metaJoined   = []byte("joined")

	format = []byte("sigdriver.floors/v1")
)

// maxFile bounds floors.db in bytes; a million floors take less than a thousandth of it.
const maxFile = 1 << 40

// CorruptError says that floors.db is not what this package wrote.
type CorruptError struct {
	Path   string
	Detail string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%q is damaged: %s; keep it as evidence and have the floors read back from the journal", e.Path, e.Detail)
}

// Open opens the file at path and reads all of it, creating it when there is
// none. A damaged file is a *CorruptError, one in use a *disk.LockedError. Call
// Check before trusting what it holds. A nil fsys is the real file system.
func Open(path string, fsys disk.FS) (*Store, error) {
	fsys = disk.OrOS(fsys)
	lock, err := fsys.Lock(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, fs: fsys, lock: lock, wake: make(chan struct{}, 1), done: make(chan struct{}), resets: map[string]uint64{}}
	if err := s.open(); err != nil {
		lock.Close()
		return nil, err
	}
	go s.run()
	return s, nil
}

// open checks the pages, then has bbolt open the file, then reads the rows.
func (s *Store) open() error {
	file, err := disk.Read(s.fs, s.path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(s.fs, s.path); err != nil {
			return fmt.Errorf("creating %q: %w", s.path, err)
		}
		file, err = disk.Read(s.fs, s.path, maxFile)
	}
	if err != nil {
		return err
	}
	if err := checkPages(file); err != nil {
		return &CorruptError{Path: s.path, Detail: err.Error()}
	}
	// Also of a file that is there: it may have been renamed just before a crash.
	if err := s.fs.SyncDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	if s.db, err = openBolt(s.fs, s.path); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		s.db.Close()
		return err
	}
	return nil
}

// create makes an empty file under another name first, so that a crash leaves
// none or a whole one. open makes its name durable.
func create(fsys disk.FS, path string) error {
	fresh := path + ".new"
	if err := fsys.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := openBolt(fsys, fresh)
	if err != nil {
		return err
	}
	err = fsys.Change(fresh, func() error { return db.Update(firstRows) })
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return fsys.Rename(fresh, path)
}

// firstRows is what a store without floors holds.
func firstRows(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketFloors, bucketPlaces, bucketResets, bucketMeta} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	if err := putSaved(tx, saved{}); err != nil {
		return err
	}
	return putMeta(tx, metaFormat, format)
}

// openBolt opens a bbolt file. The library panics on some damage; that is an
// error here.
func openBolt(fsys disk.FS, path string) (db *bolt.DB, err error) {
	var file *os.File
	open := func(name string, flag int, perm fs.FileMode) (*os.File, error) {
		f, err := fsys.OpenOS(name, flag, perm)
		file = f
		return f, err
	}
	defer func() {
		if err != nil && file != nil { // after a panic the library does not, and its mapping keeps the lock
			unix.Flock(int(file.Fd()), unix.LOCK_UN)
			file.Close()
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(path, &err)
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: 50 * time.Millisecond, FreelistType: bolt.FreelistMapType, OpenFile: open})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout): // not by a driver: those take our lock
		return nil, &disk.LockedError{Path: path}
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, &CorruptError{Path: path, Detail: err.Error()}
	}
	return nil, err
}

// guard turns a panic, also of a page fault in the mapped file, into a *CorruptError.
func guard(path string, err *error) {
	if r := recover(); r != nil {
		*err = &CorruptError{Path: path, Detail: fmt.Sprint(r)}
	}
}

// load reads the whole file into memory.
func (s *Store) load() (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(s.path, &err)
	d := (&Snapshot{seed: maphash.MakeSeed()}).draft()
	err = s.db.View(func(tx *bolt.Tx) error {
		return errors.Join(
			checkFormat(tx),
			readBucket(tx, bucketFloors, d.readFloor),
			readBucket(tx, bucketPlaces, d.readPlace),
			readBucket(tx, bucketResets, func(r row) bool { return s.readReset(d, r) }),
			readBucket(tx, bucketMeta, s.readMeta),
		)
	})
	if err == nil && d.total != s.saved.total {
		err = errors.New("rows are missing")
	}
	if err != nil {
		return &CorruptError{Path: s.path, Detail: err.Error()}
	}
	d.revision = s.saved.revision
	s.snap.Store(&d.Snapshot)
	s.high.Store(s.saved.high)
	return nil
}

func checkFormat(tx *bolt.Tx) error {
	b := tx.Bucket(bucketMeta)
	if b == nil {
		return fmt.Errorf("bucket %q is missing", bucketMeta)
	}
	if r, ok := unseal(bucketMeta, metaFormat, b.Get(metaFormat)); !ok || string(r.value) != string(format) {
		return fmt.Errorf("its format is not %s", format)
	}
	return nil
}

func readBucket(tx *bolt.Tx, name []byte, read func(row) bool) error {
	b := tx.Bucket(name)
	if b == nil {
		return fmt.Errorf("bucket %q is missing", name)
	}
	return b.ForEach(func(k, v []byte) error {
		if r, ok := unseal(name, k, v); !ok || !read(r) {
			return fmt.Errorf("row %q of bucket %q", k, name)
		}
		return nil
	})
}

func (d *draft) readFloor(r row) bool {
	key, okKey := decodeFloorKey(r.key)
	floor, ok := decodeFloor(r.value)
	if okKey && ok {
		d.setFloor(key, floor)
	}
	return okKey && ok
}

func (d *draft) readPlace(r row) bool {
	gateway, sandbox, okKey := decodePair(r.key)
	workspace, name, ok := decodePair(r.value)
	if okKey && ok {
		d.setPlace(verifier.SandboxKey{GatewayID: gateway, SandboxID: sandbox}, verifier.Place{Workspace: workspace, Name: name})
	}
	return okKey && ok
}

func (s *Store) readReset(d *draft, r row) bool {
	n, ok := decodeNumber(r.value)
	s.resets[string(r.key)] = n
	d.put(resetRow(string(r.key), n))
	return ok
}

func (s *Store) readMeta(r row) bool {
	n, isNumber := decodeNumber(r.value)
	switch string(r.key) {
	case string(metaFormat):
		return true
	case string(metaSum):
		return copy(s.saved.head.Sum[:], r.value) == len(s.saved.head.Sum)
	case string(metaTotal):
		return copy(s.saved.total[:], r.value) == len(s.saved.total)
	case string(metaRevision):
		s.saved.revision = n
	case string(metaHigh):
		s.saved.high = int64(n)
	case string(metaSize):
		s.saved.head.Size = n
	case string(metaJoined):
		s.saved.joined = n == 1
	}
	return isNumber
}

func putSaved(tx *bolt.Tx, m saved) error {
	joined := uint64(0)
	if m.joined {
		joined = 1
	}
	return errors.Join(
		putMeta(tx, metaRevision, encodeNumber(m.revision)),
		putMeta(tx, metaTotal, m.total[:]),
		putMeta(tx, metaHigh, encodeNumber(uint64(m.high))),
		putMeta(tx, metaSize, encodeNumber(m.head.Size)),
		putMeta(tx, metaSum, m.head.Sum[:]),
		putMeta(tx, metaJoined, encodeNumber(joined)),
	)
}

func putMeta(tx *bolt.Tx, key, value []byte) error {
	return tx.Bucket(bucketMeta).Put(key, row{bucketMeta, key, value}.sealed())
}
