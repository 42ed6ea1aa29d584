// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"io/fs"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// fileFloors is the file in which release 0.1.0 kept its floors, and OldFloors what
// it is called once they were taken over: a copy for the operator.
const (
	fileFloors = "floors.db"
	OldFloors  = "floors.db.0.1.0"
)

// takeOver makes a folder of release 0.1.0 one of this format, once: what its floors
// say otherwise than its journal becomes entries, in a segment of their own, and the
// floors stay as a copy under another name. Each step is durable before the next, and
// a start that finds some of them done goes on from there.
func (s *Store) takeOver() error {
	_, err := s.opts.FS.Stat(s.path(fileFormat))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	floors, err := readOldFloors(s.opts.FS, s.path(fileFloors))
	switch {
	case err == nil:
		if err := s.adopt(floors); err != nil {
			return err
		}
		if err := s.keepOldFloors(); err != nil {
			return err
		}
		s.takenOver = true
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		if err := s.withoutFloors(); err != nil {
			return err
		}
	}
	return disk.Replace(s.opts.FS, s.path(dirTemporary), s.path(fileFormat), []byte(format+"\n"), 0o600)
}

// keepOldFloors gives the floors their other name before they lose the first.
func (s *Store) keepOldFloors() error {
	if err := s.opts.FS.Link(s.path(fileFloors), s.path(OldFloors)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.opts.FS.SyncDir(s.dir); err != nil {
		return err
	}
	return s.opts.FS.Remove(s.path(fileFloors))
}

// withoutFloors refuses a journal beside which nothing is remembered, unless it was
// taken over before, or the operator says that the journal is all there is.
func (s *Store) withoutFloors() error {
	_, err := s.opts.FS.Stat(s.path(OldFloors))
	if err == nil || s.opts.Rebuild || s.Head().Size == 0 {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fork("the journal has %d entries, and neither %s nor %s is there", s.Head().Size, fileFormat, fileFloors)
}

// adopt writes what the floors of 0.1.0 say otherwise than the journal.
func (s *Store) adopt(old *oldFloors) error {
	if err := old.fits(s); err != nil {
		return err
	}
	if err := s.room(minFree); err != nil {
		return err
	}
	parts, err := old.beyond(s.state)
	if err != nil {
		return err
	}
	s.Journal.fresh.Store(true) // what 0.1.0 wrote stays as it was, file by file
	for _, part := range parts {
		if err := s.note(kindTakeover, &Content{Takeover: part}, part); err != nil {
			return err
		}
	}
	return s.Snapshot()
}

// fits compares what 0.1.0 remembered of its journal with the journal.
func (old *oldFloors) fits(s *Store) error {
	size := s.Head().Size
	switch {
	case !old.joined && size > 0:
		return fork("the journal has %d entries, the floors are new", size)
	case old.head.Size > size:
		return fork("the journal has %d entries, the floors remember %d", size, old.head.Size)
	}
	for e, err := range s.Entries(old.head.Size - min(old.head.Size, 1)) {
		if err != nil {
			return err
		}
		if err := fits(&e, old.head, "floors.db"); err != nil {
			return err
		}
		if e.Decision != nil && e.Decision.Rules == 0 && e.Decision.Revision > old.revision {
			return fork("entry %d of the journal was written at revision %d of the floors, which are at %d", e.Seq, e.Decision.Revision, old.revision)
		}
	}
	return nil
}

// beyond is what the state lacks or has otherwise, in as many parts as fit entries.
func (old *oldFloors) beyond(state *State) ([]*Takeover, error) {
	const each = 24 // rows: names of the longest kind make 1.7 KiB of each
	var parts []*Takeover
	rows := 0
	part := func() *Takeover {
		if rows++; len(parts) == 0 || rows > each {
			parts, rows = append(parts, &Takeover{From: oldFormat, HighWater: old.high, Revision: max(old.revision, state.Revision)}), 1
		}
		return parts[len(parts)-1]
	}
	l := layer{floors: old.floors, places: old.places, resets: old.resets}
	for _, r := range l.sorted() {
		switch r.key[0] {
		case rowFloor:
			key, _ := decodeFloorKey(r.key[1:])
			have, err := state.Floor(key)
			if err != nil {
				return nil, err
			}
			if have != old.floors[key] {
				p := part()
				p.Floors = append(p.Floors, TakenFloor{key.GatewayID, key.Role.String(), key.Workspace, key.Name, floorFile(old.floors[key])})
			}
		case rowPlace:
			gateway, sandbox, _ := decodePair(r.key[1:])
			key := verifier.SandboxKey{GatewayID: gateway, SandboxID: sandbox}
			have, ok, err := state.Place(key)
			if err != nil {
				return nil, err
			}
			if !ok || have != old.places[key] {
				p := part()
				p.Places = append(p.Places, TakenPlace{gateway, sandbox, old.places[key].Workspace, old.places[key].Name})
			}
		case rowReset:
			id := string(r.key[1:])
			done, err := state.WasReset(id)
			if err != nil {
				return nil, err
			}
			if !done {
				p := part()
				p.Resets = append(p.Resets, TakenReset{id, old.resets[id]})
			}
		}
	}
	if len(parts) == 0 && (old.high.After(state.HighWater) || old.revision > state.Revision) {
		part()
	}
	return parts, nil
}
