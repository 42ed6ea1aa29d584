// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/verifier"
)

// Rebuild reads the floors back from the journal into a new store, after
// floors.db was lost or damaged and an operator said so. Each subject gets the
// highest floor that any entry raised, each sandbox its first place. get reads
// the archive, for entries too large to say it all.
//
// Signed resets leave no entry: the floors are as if there had been none, and
// the resets that trust holds are carried out again.
func (s *Store) Rebuild(log Log, get func([32]byte) ([]byte, error)) error {
	found := history{floors: map[verifier.FloorKey]verifier.Floor{}, places: map[verifier.SandboxKey]verifier.Place{}}
	for e, err := range log.Entries(0) {
		if err != nil {
			return err
		}
		if err := found.add(&e, get); err != nil {
			return fmt.Errorf("journal entry %d: %w", e.Seq, err)
		}
	}
	return s.submit(func(d *draft) error {
		if d.revision > 0 || s.saved.joined {
			return errors.New("floors: only a new store can be rebuilt")
		}
		for k, f := range found.floors {
			d.setFloor(k, f)
		}
		for k, p := range found.places {
			d.setPlace(k, p)
		}
		d.revision = found.revision
		s.join(d, log)
		return nil
	})
}

// history is what the entries of a journal raised and bound.
type history struct {
	floors   map[verifier.FloorKey]verifier.Floor
	places   map[verifier.SandboxKey]verifier.Place
	revision uint64
}

// add takes over what one entry says.
func (h *history) add(e *journal.Stored, get func([32]byte) ([]byte, error)) error {
	if e.Decision == nil {
		return nil
	}
	h.revision = max(h.revision, e.Decision.Revision)
	raises, err := raised(e.Decision, get)
	if err != nil {
		return err
	}
	for _, r := range raises {
		if r.Floor.Version > h.floors[r.Key].Version {
			h.floors[r.Key] = r.Floor
		}
	}
	t := e.Decision.Target
	sandbox := verifier.SandboxKey{GatewayID: t.GatewayID, SandboxID: t.SandboxID}
	if _, bound := h.places[sandbox]; e.Decision.Bound && !bound {
		h.places[sandbox] = verifier.Place{Workspace: t.Workspace, Name: t.Name}
	}
	return nil
}

// raised are the floors an entry raised, from its record if it left them out.
func raised(e *journal.Entry, get func([32]byte) ([]byte, error)) ([]verifier.Raise, error) {
	if slices.Contains(e.Elided, journal.ElidedRaised) {
		data, err := get(e.Record)
		if err != nil {
			return nil, err
		}
		record, err := journal.ParseRecord(data)
		if err != nil {
			return nil, err
		}
		return record.Decision.Raises, nil
	}
	var raises []verifier.Raise
	for _, c := range e.Raised {
		role, ok := verifier.RoleByName(c.Role)
		if !ok {
			return nil, fmt.Errorf("%q is no role", c.Role)
		}
		raises = append(raises, verifier.Raise{
			Key:   verifier.FloorKey{GatewayID: e.Target.GatewayID, Role: role, Workspace: c.Workspace, Name: c.Name},
			Floor: verifier.Floor{Version: c.After.Version, SHA256: c.After.SHA256},
		})
	}
	return raises, nil
}
