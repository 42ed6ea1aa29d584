// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import "maps"

// update makes an Update of what a refresh found, and archives its files. When the
// attestations could not be taken, those in force are carried over (carry).
func (c *Client) update(r *refresh, found *collection, carry bool, chain *rootChain) (*Update, error) {
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
		if _, err := r.tx.batch.put(root); err != nil {
			return nil, err
		}
	}
	for path, data := range found.targets {
		d, err := r.tx.batch.put(data)
		if err != nil {
			return nil, err
		}
		l.Targets[path] = d
	}
	if found.sameAttestations {
		l.Attestations = c.inForce().line.Attestations
	} else if !carry {
		if err := archiveAttestations(r.tx.batch, found.attestations, &l); err != nil {
			return nil, err
		}
	}
	if !carry {
		for role := range r.search.trusted.Targets {
			roles[role] = true
		}
	}
	snapshot := r.search.describe(roles)
	maps.Copy(snapshot.Targets, found.targets)
	maps.Copy(snapshot.Targets, found.attestations)
	for role, info := range snapshot.Roles {
		if role != RoleRoot {
			l.Roles[role] = fileRef{info.Version, info.SHA256}
		}
	}
	if a := c.inForce(); carry && a != nil {
		// The attestations in force, and the roles that delegate to them.
		l.Attestations, l.Carried = a.line.Attestations, a.line.Carried
		if l.Carried == 0 {
			l.Carried = a.line.Line
		}
		snapshot.carry(a.snapshot)
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

// describe returns a Snapshot, as yet without targets, of the top-level roles and the
// others that are named.
func (s *search) describe(others map[string]bool) *Snapshot {
	snapshot := &Snapshot{Targets: map[string][]byte{}, Roles: map[string]RoleInfo{}, AcceptedAt: s.now}
	for _, role := range []string{RoleRoot, RoleTimestamp, RoleSnapshot, RoleTargets} {
		snapshot.Roles[role] = s.roleInfo(role)
	}
	for role := range others {
		snapshot.Roles[role] = s.roleInfo(role)
	}
	return snapshot
}
