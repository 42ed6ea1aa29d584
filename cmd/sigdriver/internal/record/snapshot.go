// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// A snapshot is the rows of a state in a file that is searched in place:
//
//	snapshot = pages ‖ index ‖ header ‖ length of header ‖ sha256(index ‖ header)
//	page     = rows ‖ zeros ‖ seal                       pageSize bytes
//	row      = length ‖ key ‖ length ‖ value             lengths are uvarints, the first is not 0
//	index    = length ‖ first key, of each page
//
// The header is JSON and names the entry that the snapshot stands for: the state is
// that of the journal up to and with it. The seal of a page covers its number and
// that entry, so that no page of another snapshot passes for one of this. Lengths
// of the header are 4 bytes, big-endian.
const (
	snapshotSchema = "sigdriver.snapshot/v1"
	pageSize       = 4096
	sealSize       = 16
	trailerSize    = 4 + sha256.Size
	// maxSnapshotHeader and maxSnapshotIndex bound what opening one reads into
	// memory, in bytes: a thousand million rows have a smaller index.
	maxSnapshotHeader = 1 << 16
	maxSnapshotIndex  = 8 << 30
)

// snapshotHeader is what a snapshot says of itself.
type snapshotHeader struct {
	Schema    string    `json:"schema"`
	Size      uint64    `json:"entries,string"` // of the journal that it stands for
	Sum       Digest    `json:"sum"`            // of the last of them
	Revision  uint64    `json:"floorsRevision,string"`
	HighWater time.Time `json:"highWater,omitzero"`
	Rows      uint64    `json:"rows,string"`
	Pages     uint32    `json:"pages"`
	// Memory is how far a shared memory was learned.
	Memory *MemoryPosition `json:"memory,omitempty"`
}

// SnapshotError says that a snapshot is not what this package wrote.
type SnapshotError struct {
	Path   string
	Detail string
}

func (e *SnapshotError) Error() string {
	return fmt.Sprintf("invalid snapshot %q: %s; keep it as evidence and start once with --rebuild-floors, which reads the journal from its first entry", e.Path, e.Detail)
}

// snapshot is an open snapshot. It never changes and is safe for concurrent use.
type snapshot struct {
	path   string
	file   disk.File
	open   fs.FileInfo // which file it is, whatever becomes of its name
	size   int64
	header snapshotHeader
	first  [][]byte // key of each page
	recent [recentPages]atomic.Pointer[recentPage]
}

// recentPages bounds the pages that are kept once they were checked: 4 MiB.
const recentPages = 1024

// recentPage is the rows of a page that was looked at.
type recentPage struct {
	n    int
	body []byte
}

// openSnapshot opens a snapshot and reads its header and index; fs.ErrNotExist for
// none, a *SnapshotError for one that is damaged. Pages are checked when they are
// looked at.
func openSnapshot(fsys disk.FS, path string) (*snapshot, error) {
	f, err := fsys.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	s := &snapshot{path: path, file: f}
	if s.open, err = f.Stat(); err == nil {
		err = s.readHead()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *snapshot) invalid(format string, args ...any) error {
	return &SnapshotError{s.path, fmt.Sprintf(format, args...)}
}

// readHead reads header and index.
func (s *snapshot) readHead() error {
	size := s.open.Size()
	if size < trailerSize {
		return s.invalid("it is too short")
	}
	s.size = size
	trailer, err := s.read(size-trailerSize, trailerSize)
	if err != nil {
		return err
	}
	length := int64(binary.BigEndian.Uint32(trailer))
	if length > maxSnapshotHeader || length > size-trailerSize {
		return s.invalid("its header has no valid length")
	}
	header, err := s.read(size-trailerSize-length, length)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(header, &s.header, json.RejectUnknownMembers(true)); err != nil || s.header.Schema != snapshotSchema {
		return s.invalid("its header is not one of %s", snapshotSchema)
	}
	from, to := int64(s.header.Pages)*pageSize, size-trailerSize-length
	if from > to || to-from > maxSnapshotIndex {
		return s.invalid("its index has no valid length")
	}
	index, err := s.read(from, to-from)
	if err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write(index)
	sum.Write(header)
	if !bytes.Equal(sum.Sum(nil), trailer[4:]) {
		return s.invalid("its index and header do not match their sha256")
	}
	for len(index) > 0 {
		key, rest, ok := cutBytes(index)
		if !ok || len(s.first) > 0 && bytes.Compare(s.first[len(s.first)-1], key) >= 0 {
			return s.invalid("its index is not in order")
		}
		s.first, index = append(s.first, key), rest
	}
	if len(s.first) != int(s.header.Pages) {
		return s.invalid("its index has %d pages, its header %d", len(s.first), s.header.Pages)
	}
	return nil
}

func (s *snapshot) read(from, length int64) ([]byte, error) {
	data := make([]byte, length)
	if _, err := s.file.ReadAt(data, from); errors.Is(err, io.EOF) {
		return nil, s.invalid("it ends before byte %d", from+length)
	} else if err != nil {
		return nil, err
	}
	return data, nil
}

func (s *snapshot) head() Head { return Head{s.header.Size, s.header.Sum} }

// seal is what closes page n of the snapshot that stands for an entry.
func seal(head Head, n int, page []byte) []byte {
	h := sha256.New()
	h.Write(encodeNumber(head.Size))
	h.Write(head.Sum[:])
	h.Write(encodeNumber(uint64(n)))
	h.Write(page)
	return h.Sum(nil)[:sealSize]
}

// page reads page n and checks its seal.
func (s *snapshot) page(n int) ([]byte, error) {
	data, err := s.read(int64(n)*pageSize, pageSize)
	if err != nil {
		return nil, err
	}
	body := data[:pageSize-sealSize]
	if !bytes.Equal(seal(s.head(), n, body), data[len(body):]) {
		return nil, s.invalid("page %d does not match its seal", n)
	}
	return body, nil
}

// recentPage is page n, read again only where another took its place since.
func (s *snapshot) recentPage(n int) ([]byte, error) {
	slot := &s.recent[n%recentPages]
	if p := slot.Load(); p != nil && p.n == n {
		return p.body, nil
	}
	body, err := s.page(n)
	if err != nil {
		return nil, err
	}
	slot.Store(&recentPage{n, body})
	return body, nil
}

// pageRows yields the rows of page n.
func (s *snapshot) pageRows(n int, body []byte) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for len(body) > 0 && body[0] != 0 {
			key, rest, ok := cutBytes(body)
			value, rest, okValue := cutBytes(rest)
			if !ok || !okValue {
				yield(row{}, s.invalid("page %d has a row without an end", n))
				return
			}
			if body = rest; !yield(row{key, value}, nil) {
				return
			}
		}
	}
}

// cutBytes reads one length and as many bytes off the front of data.
func cutBytes(data []byte) (field, rest []byte, ok bool) {
	n, used := binary.Uvarint(data)
	if used <= 0 || n > uint64(len(data)-used) {
		return nil, nil, false
	}
	return data[used : used+int(n)], data[used+int(n):], true
}

// find returns the value of a row, nil for none.
func (s *snapshot) find(key []byte) ([]byte, error) {
	n := sort.Search(len(s.first), func(i int) bool { return bytes.Compare(s.first[i], key) > 0 }) - 1
	if n < 0 {
		return nil, nil
	}
	body, err := s.recentPage(n)
	if err != nil {
		return nil, err
	}
	for r, err := range s.pageRows(n, body) {
		if c := bytes.Compare(r.key, key); err != nil || c == 0 {
			return r.value, err
		} else if c > 0 {
			break
		}
	}
	return nil, nil
}

// rows yields every row in order.
func (s *snapshot) rows() iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for n := range s.first {
			body, err := s.page(n)
			if err != nil {
				yield(row{}, err)
				return
			}
			for r, err := range s.pageRows(n, body) {
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

func (s *snapshot) floor(k verifier.FloorKey) (verifier.Floor, error) {
	value, err := s.find(floorRowKey(k))
	if value == nil || err != nil {
		return verifier.Floor{}, err
	}
	f, ok := decodeFloor(value)
	if !ok {
		return verifier.Floor{}, s.invalid("it has a floor of %d bytes", len(value))
	}
	return f, nil
}

func (s *snapshot) place(k verifier.SandboxKey) (verifier.Place, bool, error) {
	value, err := s.find(placeRowKey(k))
	if value == nil || err != nil {
		return verifier.Place{}, false, err
	}
	workspace, name, ok := decodePair(value)
	if !ok {
		return verifier.Place{}, false, s.invalid("it has a place that is not two names")
	}
	return verifier.Place{Workspace: workspace, Name: name}, true, nil
}

func (s *snapshot) reset(id string) (bool, error) {
	value, err := s.find(resetRowKey(id))
	return value != nil, err
}

// sorted is the rows of a layer in order.
func (l *layer) sorted() []row {
	rows := make([]row, 0, l.size())
	for k, f := range l.floors {
		rows = append(rows, floorRow(k, f))
	}
	for k, p := range l.places {
		rows = append(rows, placeRow(k, p))
	}
	for id, version := range l.resets {
		rows = append(rows, resetRow(id, version))
	}
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.key, b.key) })
	return rows
}

// merged yields the rows of a snapshot, which may be nil, under those of a layer.
func merged(base *snapshot, l *layer) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		over := l.sorted()
		if base != nil {
			for r, err := range base.rows() {
				if err != nil {
					yield(row{}, err)
					return
				}
				for len(over) > 0 && bytes.Compare(over[0].key, r.key) < 0 {
					if !yield(over[0], nil) {
						return
					}
					over = over[1:]
				}
				if len(over) > 0 && bytes.Equal(over[0].key, r.key) {
					continue // the layer has it anew
				}
				if r, err = l.loweredRow(base, r); !yield(r, err) || err != nil {
					return
				}
			}
		}
		for _, r := range over {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// loweredRow is a row of the snapshot under a layer after the layer's orders.
func (l *layer) loweredRow(base *snapshot, r row) (row, error) {
	if len(l.orders) == 0 || r.key[0] != rowFloor {
		return r, nil
	}
	key, okKey := decodeFloorKey(r.key[1:])
	floor, ok := decodeFloor(r.value)
	if !okKey || !ok {
		return row{}, base.invalid("it has a floor that cannot be read")
	}
	return floorRow(key, l.lowered(key, floor)), nil
}

// snapshotWriter writes a snapshot front to back.
type snapshotWriter struct {
	out    io.Writer
	header snapshotHeader
	page   []byte
	index  []byte
	ready  []byte // pages that are whole and not written yet
}

func (w *snapshotWriter) write(rows iter.Seq2[row, error]) error {
	for r, err := range rows {
		if err != nil {
			return err
		}
		if err := w.add(r); err != nil {
			return err
		}
	}
	w.close()
	header, err := json.Marshal(&w.header, json.Deterministic(true))
	if err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write(w.index)
	sum.Write(header)
	tail := slices.Concat(w.ready, w.index, header, binary.BigEndian.AppendUint32(nil, uint32(len(header))), sum.Sum(nil))
	_, err = w.out.Write(tail)
	return err
}

// add puts a row on the page, or on the next one where it does not fit.
func (w *snapshotWriter) add(r row) error {
	const flushAt = 1 << 20
	encoded := binary.AppendUvarint(nil, uint64(len(r.key)))
	encoded = append(encoded, r.key...)
	encoded = binary.AppendUvarint(encoded, uint64(len(r.value)))
	encoded = append(encoded, r.value...)
	if len(encoded) > pageSize-sealSize {
		return fmt.Errorf("a row of %d bytes is longer than a page of the snapshot", len(encoded))
	}
	if len(w.page)+len(encoded) > pageSize-sealSize {
		w.close()
	}
	if len(w.page) == 0 {
		w.index = binary.AppendUvarint(w.index, uint64(len(r.key)))
		w.index = append(w.index, r.key...)
	}
	w.page = append(w.page, encoded...)
	w.header.Rows++
	if len(w.ready) < flushAt {
		return nil
	}
	_, err := w.out.Write(w.ready)
	w.ready = w.ready[:0]
	return err
}

// close fills up the page that was begun, if any, and seals it.
func (w *snapshotWriter) close() {
	if len(w.page) == 0 {
		return
	}
	body := append(w.page, make([]byte, pageSize-sealSize-len(w.page))...)
	w.ready = append(w.ready, body...)
	w.ready = append(w.ready, seal(Head{w.header.Size, w.header.Sum}, int(w.header.Pages), body)...)
	w.header.Pages++
	w.page = w.page[:0]
}

// Snapshot is the snapshot of a state folder as an auditor holds it against the
// journal. It stays the same one while a driver at work writes the next.
type Snapshot struct{ of *snapshot }

// OpenSnapshot opens the snapshot in a state folder; fs.ErrNotExist for none, a
// *SnapshotError for a damaged one.
func OpenSnapshot(dir string) (*Snapshot, error) {
	s, err := openSnapshot(disk.OS{}, filepath.Join(dir, fileSnapshot))
	if err != nil {
		return nil, err
	}
	return &Snapshot{s}, nil
}

// Close closes the file.
func (s *Snapshot) Close() error { return s.of.file.Close() }

// Head is the end of the journal that it stands for.
func (s *Snapshot) Head() Head { return s.of.head() }

// Compare reports in one sentence how it differs from the state of the journal up to
// its Head, empty for not at all. state must stand on no snapshot.
func (s *Snapshot) Compare(state *State) (string, error) {
	want := state.top.sorted()
	for r, err := range s.of.rows() {
		if err != nil {
			return "", err
		}
		if len(want) == 0 || !bytes.Equal(want[0].key, r.key) || !bytes.Equal(want[0].value, r.value) {
			return fmt.Sprintf("its row %.80q is not what the journal adds up to", r.key), nil
		}
		want = want[1:]
	}
	switch h := s.of.header; {
	case len(want) > 0:
		return fmt.Sprintf("it lacks %d rows that the journal adds up to", len(want)), nil
	case h.Revision != state.Revision:
		return fmt.Sprintf("it is of revision %d, the journal of %d", h.Revision, state.Revision), nil
	case !h.HighWater.Equal(state.HighWater):
		return fmt.Sprintf("its high-water mark of the clock is %s, the journal's %s", stamp(h.HighWater), stamp(state.HighWater)), nil
	case !reflect.DeepEqual(h.Memory, state.position()):
		return "it has another place in the shared memory than the journal", nil
	}
	return "", nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// ReadHead returns what a driver remembers of its journal's end beside it, the zero
// Head for nothing.
func ReadHead(dir string) (Head, error) { return readHead(disk.OS{}, filepath.Join(dir, fileHead)) }
