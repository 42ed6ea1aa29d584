// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import "maps"

// update makes an Update of what a cycle found, and archives its files. When the
// attestations could not be taken, those in force are carried over.
func (c *Client) update(r *remote, found *collection, carry bool, chain *rootChain) (*Update, error) {
	roles := maps.Clone(found.roles)
	l := line{
		AcceptedAt: r.search.now,
		Roots:      chain.refs(c.store.history.chain.root),
		Root:       r.search.rootVersion(),
		Roles:      map[string]fileRef{},
		Targets:    map[string]digest{},
	}
	// Roots that were stored before a crash may not have reached the archive, and
	// what was there may have been damaged since.
	for _, root := range chain.data {
		if _, err := r.stage.batch.put(root); err != nil {
			return nil, err
		}
	}
	for path, data := range found.targets {
		d, err := r.stage.batch.put(data)
		if err != nil {
			return nil, err
		}
		l.Targets[path] = d
	}
	if !carry {
		if err := archiveAttestations(r.stage.batch, found.attestations, &l); err != nil {
			return nil, err
		}
		for role := range r.search.trusted.Targets {
			roles[role] = true
		}
	}
	snapshot := r.search.snapshot(roles)
	maps.Copy(snapshot.Targets, found.targets)
	maps.Copy(snapshot.Targets, found.attestations)
	for role, info := range snapshot.Roles {
		if role != RoleRoot {
			l.Roles[role] = fileRef{info.Version, info.SHA256}
		}
	}
	if carry {
		c.carryOver(snapshot, &l)
	}
	return &Update{Snapshot: snapshot, Changed: c.differs(&l), Faults: found.faults, line: l}, nil
}

// archiveAttestations archives the files below attestations/ and the list of them.
func archiveAttestations(b batch, files map[string][]byte, l *line) error {
	if len(files) == 0 {
		return nil
	}
	list := map[string]digest{}
	for path, data := range files {
		d, err := b.put(data)
		if err != nil {
			return err
		}
		list[path] = d
	}
	text, err := encodeStrict(list)
	if err != nil {
		return err
	}
	l.Attestations, err = b.put(text)
	return err
}

// carryOver takes the attestations in force into a new snapshot, and the roles
// that vouched for them.
func (c *Client) carryOver(snapshot *Snapshot, l *line) {
	a := c.inForce()
	if a == nil {
		return
	}
	l.Attestations, l.Carried = a.line.Attestations, a.line.Carried
	if l.Carried == 0 {
		l.Carried = a.line.Line
	}
	snapshot.carry(a.snapshot)
}

// carry copies attestations, and roles that only they need.
func (s *Snapshot) carry(from *Snapshot) {
	for path, data := range from.Targets {
		if isAttestationPath(path) {
			s.Targets[path] = data
		}
	}
	for role, info := range from.Roles {
		if _, ok := s.Roles[role]; !ok {
			s.Roles[role] = info
		}
	}
}

// snapshot describes the top-level roles of a walk and the others that are named.
func (s *search) snapshot(others map[string]bool) *Snapshot {
	snapshot := &Snapshot{Targets: map[string][]byte{}, Roles: map[string]RoleInfo{}, AcceptedAt: s.now}
	for _, role := range []string{RoleRoot, RoleTimestamp, RoleSnapshot, RoleTargets} {
		snapshot.Roles[role] = s.roleInfo(role)
	}
	for role := range others {
		snapshot.Roles[role] = s.roleInfo(role)
	}
	return snapshot
}

// Accept puts an update in force: one durable line of the history. Note.Epoch must
// not be below LastEpoch (a *RollbackError), Note.Ratchet not above MaxNote (a
// *LengthError). Only the Update of the last Refresh
// can be accepted (else ErrSuperseded). After an error the update is not in force,
// and a *StoreError may repeat until the client is opened anew.
func (c *Client) Accept(u *Update, note Note) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer caught(&err)
	switch {
	case c.closed:
		return ErrClosed
	case u == nil || u != c.pending:
		return ErrSuperseded
	case note.Epoch < c.lastEpoch():
		return &RollbackError{"epoch", int64(c.lastEpoch()), int64(note.Epoch)}
	case len(note.Ratchet) > MaxNote:
		return &LengthError{File: "ratchet", Want: MaxNote, Got: int64(len(note.Ratchet))}
	}
	l := u.line
	l.Epoch, l.RevocationsExpire = note.Epoch, note.RevocationsExpire.UTC().Round(0)
	if note.Ratchet != nil {
		b := batch{c.store.archive.Batch()}
		if l.Ratchet, err = b.put(note.Ratchet); err != nil {
			return err
		}
		if err := b.sync(); err != nil {
			return err
		}
	}
	if err := c.store.accept(l); err != nil {
		return err
	}
	c.acceptedMu.Lock()
	defer c.acceptedMu.Unlock()
	c.accepted, c.noted = &acceptance{u.Snapshot, note, *c.store.history.chain.newest()}, note
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
