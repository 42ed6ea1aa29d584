// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/hashicorp/go-hclog"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// The files of the state folder, and their order: roots/ comes before current, current
// before floors.json. Whatever a crash leaves is a state that a refresh may start from,
// and what is in force is the last line of the history, whole or not there.
const (
	floorsFile  = "floors.json"
	currentFile = "current"
	historyFile = "history.jsonl"
	startedFile = "trust.started" // in the archive: this state folder has been in use

	floorsSchema  = "sigdriver.floors/v1"
	currentSchema = "sigdriver.current/v1"
)

// current is the metadata that the last refresh verified. Together with a root it
// is what go-tuf would call its local metadata folder.
type current struct {
	Schema    string             `json:"schema"`
	Timestamp fileRef            `json:"timestamp,omitzero"`
	Snapshot  fileRef            `json:"snapshot,omitzero"`
	Roles     map[string]fileRef `json:"roles,omitempty"` // targets and delegated roles
}

func (c current) clone() current {
	roles := map[string]fileRef{}
	for role, ref := range c.Roles {
		roles[role] = ref
	}
	c.Roles = roles
	return c
}

// floors are the versions that may not be undercut, kept apart from the files that
// reached them. A floor holds as long as the same keys hold the role: rotating
// them is how a repository recovers from a version that was too high
// (specification, section 5.3.11).
type floors struct {
	Schema    string        `json:"schema"`
	Root      fileRef       `json:"root"`
	Timestamp roleFloor     `json:"timestamp,omitzero"`
	Snapshot  snapshotFloor `json:"snapshot,omitzero"`
	History   historyFloor  `json:"history,omitzero"`
}

type roleFloor struct {
	Version  int64  `json:"version"`
	Snapshot int64  `json:"snapshot"` // the version of the snapshot that it named
	Keys     digest `json:"keys"`
}

type snapshotFloor struct {
	Meta map[string]int64 `json:"meta"`
	Keys digest           `json:"keys"`
}

type historyFloor struct {
	Lines  uint64 `json:"lines"`
	SHA256 digest `json:"sha256"` // of the last line
	Epoch  uint64 `json:"epoch"`
}

// keyholders is a digest of the keys and the threshold of a top-level role.
func keyholders(w *workflow, role string) digest {
	r := w.trusted.Root.Signed.Roles[role]
	ids := slices.Sorted(slices.Values(r.KeyIDs))
	return sha256.Sum256([]byte(fmt.Sprintf("%d %q", r.Threshold, ids)))
}

// checkTimestamp refuses a verified timestamp below the floor.
func (f *floors) checkTimestamp(w *workflow) error {
	if f.Timestamp.Keys != keyholders(w, RoleTimestamp) {
		return nil
	}
	if got := w.trusted.Timestamp.Signed.Version; got < f.Timestamp.Version {
		return &RollbackError{RoleTimestamp, f.Timestamp.Version, got}
	}
	if got := w.snapshotFile().Version; got < f.Timestamp.Snapshot {
		return &RollbackError{RoleSnapshot, f.Timestamp.Snapshot, got}
	}
	return nil
}

// checkSnapshot refuses a verified snapshot in which a role went back or vanished.
func (f *floors) checkSnapshot(w *workflow) error {
	if f.Snapshot.Keys != keyholders(w, RoleSnapshot) {
		return nil
	}
	for _, name := range sortedKeys(f.Snapshot.Meta) {
		got := int64(0)
		if file := w.trusted.Snapshot.Signed.Meta[name]; file != nil {
			got = file.Version
		}
		if got < f.Snapshot.Meta[name] {
			return &RollbackError{roleOfFile(name), f.Snapshot.Meta[name], got}
		}
	}
	return nil
}

func (f *floors) raiseTimestamp(t *metadata.TimestampType, keys digest) {
	f.Timestamp = roleFloor{t.Version, t.Meta["snapshot.json"].Version, keys}
}

func (f *floors) raiseSnapshot(s *metadata.SnapshotType, keys digest) {
	f.Snapshot = snapshotFloor{map[string]int64{}, keys}
	for name, file := range s.Meta {
		f.Snapshot.Meta[name] = file.Version
	}
}

// store is the state folder and the archive.
type store struct {
	files   disk.FS
	dir     string
	log     hclog.Logger
	lock    io.Closer
	archive *archive.Store
	// archiveDir is the folder of archive.
	archiveDir string
	floors     floors
	current    current
	history    *historyLog
}

// openStore locks the folder and reads it. acceptLost is the operator's word that
// lost or damaged floors and history are known.
func openStore(files disk.FS, dir, archiveDir string, pinned fileRef, acceptLost bool, log hclog.Logger) (*store, error) {
	s := &store{files: files, dir: dir, archiveDir: archiveDir, log: log}
	for _, d := range []string{dir, archiveDir} {
		if err := makeDir(files, filepath.Dir(d), privateDir); err != nil {
			return nil, err
		}
		if err := files.MakeDir(d, privateDir); err != nil { // durable, also when it exists
			return nil, &StoreError{"make", d, err}
		}
	}
	held, err := lock(files, s.path("lock"))
	if err != nil {
		return nil, err
	}
	s.lock = held
	if err := s.read(pinned, acceptLost); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return s, nil
}

func (s *store) path(name ...string) string {
	return filepath.Join(append([]string{s.dir}, name...)...)
}

func (s *store) read(pinned fileRef, acceptLost bool) error {
	for _, d := range []string{s.path("roots"), s.path("tmp")} {
		if err := makeDir(s.files, d, privateDir); err != nil {
			return err
		}
	}
	if err := sweep(s.files, s.path("tmp")); err != nil {
		return err
	}
	var err error
	if s.archive, err = archive.OpenTemp(s.archiveDir, archiveTemp, s.files); err != nil {
		return &StoreError{"open", s.archiveDir, err}
	}
	if err := s.readFloors(pinned, acceptLost); err != nil {
		return err
	}
	if err := s.readCurrent(); err != nil {
		return err
	}
	return s.readHistory(acceptLost)
}

// readFloors reads the floors, or makes the first ones. They are written before
// anything else is, so that only a loss can leave a used folder without floors.
func (s *store) readFloors(pinned fileRef, acceptLost bool) error {
	data, err := readOptional(s.files, s.path(floorsFile), maxStateFile)
	if err != nil {
		return err
	}
	if decodeStrict(data, &s.floors) == nil && s.floors.Schema == floorsSchema && s.floors.Root.Version >= 1 {
		if s.floors.Root.Version == pinned.Version && s.floors.Root.SHA256 != pinned.SHA256 {
			return &OtherRootError{s.dir, pinned.Version}
		}
		return s.mark()
	}
	if found := s.earlierState(); found != "" {
		lost := &FloorsLostError{File: s.path(floorsFile), Found: found}
		if !acceptLost {
			return lost
		}
		s.log.Error("starting without floors on the operator's word", "code", lost.Code(), "error", lost)
	}
	s.floors = floors{Schema: floorsSchema, Root: pinned}
	if err := s.writeFloors(s.floors); err != nil {
		return err
	}
	return s.mark()
}

// mark leaves a sign outside the folder that it has been used.
func (s *store) mark() error {
	name := filepath.Join(s.archiveDir, startedFile)
	if data, err := readOptional(s.files, name, maxStateFile); data != nil || err != nil {
		return err
	}
	return replaceFile(s.files, filepath.Join(s.archiveDir, archiveTemp), name, []byte("see "+floorsFile+"\n"), privateFile)
}

// earlierState names what is left of an earlier use of this folder, "" if nothing is.
func (s *store) earlierState() string {
	for _, name := range []string{s.path(currentFile), s.path(historyFile), filepath.Join(s.archiveDir, startedFile)} {
		if data, err := readOptional(s.files, name, MaxExport); data != nil || err != nil {
			return name
		}
	}
	if names, err := s.files.List(s.path("roots")); len(names) > 0 || err != nil {
		return s.path("roots")
	}
	return ""
}

// readCurrent: without the list of what was verified last all of it is fetched
// again, and the floors still hold.
func (s *store) readCurrent() error {
	data, err := readOptional(s.files, s.path(currentFile), maxStateFile)
	if err != nil {
		return err
	}
	if data != nil && (decodeStrict(data, &s.current) != nil || s.current.Schema != currentSchema) {
		s.log.Warn("damaged, everything is fetched again", "code", CodeCorrupt, "file", s.path(currentFile))
		s.current = current{}
	}
	s.current.Schema = currentSchema
	return nil
}

func (s *store) readHistory(acceptLost bool) error {
	h, err := openHistory(s.files, s.path(historyFile))
	if err == nil {
		err = s.floors.History.check(s.path(historyFile), h.chain)
	}
	var corrupt *CorruptError
	if errors.As(err, &corrupt) && acceptLost {
		s.log.Error("starting a new history on the operator's word", "code", corrupt.Code(), "error", corrupt)
		return s.newHistory()
	}
	s.history = h
	return err
}

// lastNote reads what was noted with the last line. No source can bring the ratchet
// back, so that a damaged one needs the operator's word, as lost floors do.
func (s *store) lastNote(acceptLost bool) (Note, error) {
	l := s.history.chain.newest()
	if l == nil {
		return Note{}, nil
	}
	note := Note{Epoch: l.Epoch, RevocationsExpire: l.RevocationsExpire}
	if l.Ratchet == (digest{}) {
		return note, nil
	}
	var err error
	if note.Ratchet, err = s.object(l.Ratchet); err == nil {
		return note, nil
	}
	lost := &CorruptError{archive.Path(s.archiveDir, l.Ratchet), "what was revoked until now is missing or changed"}
	if !acceptLost {
		return Note{}, lost
	}
	s.log.Error("starting without what was revoked before, on the operator's word", "code", lost.Code(), "error", lost)
	return note, nil
}

// check compares a history with the floor: lines may only have been added.
func (f historyFloor) check(name string, c *chain) error {
	if f.Lines == 0 {
		return nil
	}
	if uint64(len(c.lines)) < f.Lines {
		return &CorruptError{name, fmt.Sprintf("%d of %d lines are gone", f.Lines-uint64(len(c.lines)), f.Lines)}
	}
	next := f.Lines
	if next < uint64(len(c.lines)) && c.lines[next].Previous != f.SHA256 || next == uint64(len(c.lines)) && c.last != f.SHA256 {
		return &CorruptError{name, fmt.Sprintf("line %d is not the one that was written", f.Lines)}
	}
	return nil
}

// accept appends a line, unless it says what the last one says. The floor follows
// the line: a crash between them leaves a history that is ahead, which is fine.
func (s *store) accept(l line) error {
	h := s.history
	if last := h.chain.newest(); last == nil || !l.same(last) {
		if err := h.append(l); err != nil {
			return err
		}
	}
	next := s.floors
	next.History = historyFloor{uint64(len(h.chain.lines)), h.chain.last, h.chain.newest().Epoch}
	if err := s.writeFloors(next); err != nil {
		// The line is durable, so the update is in force; the floor catches up
		// with the next one.
		s.log.Warn("the floor of the history could not be written", "code", Code(err), "error", err)
		return nil
	}
	s.floors = next
	return nil
}

// newHistory sets a damaged history aside. The epoch goes on from its floor.
func (s *store) newHistory() error {
	data, err := readOptional(s.files, s.path(historyFile), MaxExport)
	if err != nil {
		return err
	}
	if data != nil {
		aside := s.path(fmt.Sprintf("history-%.8s.damaged", digestOf(data)))
		if err := s.files.Rename(s.path(historyFile), aside); err != nil {
			return &StoreError{"rename", aside, err}
		}
	}
	next := s.floors
	next.History = historyFloor{Epoch: next.History.Epoch}
	if err := s.writeFloors(next); err != nil {
		return err
	}
	s.floors = next
	s.history = &historyLog{files: s.files, path: s.path(historyFile), chain: &chain{}}
	return nil
}

func (s *store) writeFloors(f floors) error { return s.writeJSON(floorsFile, f) }

func (s *store) writeJSON(name string, v any) error {
	data, err := encodeStrict(v)
	if err != nil {
		return err
	}
	return replaceFile(s.files, s.path("tmp"), s.path(name), append(data, '\n'), privateFile)
}

// storedRoot returns a stored root, nil if there is none.
func (s *store) storedRoot(version int64) ([]byte, error) {
	return readOptional(s.files, s.rootPath(version), MaxRoot)
}

func (s *store) rootPath(version int64) string {
	return s.path("roots", fmt.Sprintf("%d.root.json", version))
}

// object returns archived bytes. Missing and damaged are a *CorruptError.
func (s *store) object(d digest) ([]byte, error) { return archived(s.archiveDir, d, s.archive.Get) }

// file returns archived metadata, nil if there is none or it is damaged.
func (s *store) file(ref fileRef) []byte {
	if ref.Version == 0 {
		return nil
	}
	data, err := s.object(ref.SHA256)
	if err != nil {
		s.log.Warn("damaged, fetched again", "code", Code(err), "error", err)
		return nil
	}
	return data
}

func (s *store) close() error { return s.lock.Close() }
