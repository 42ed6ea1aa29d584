// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

// transaction collects what one refresh verified. Nothing of it counts before commit,
// and commit is all or, after a fault, what the state folder held before.
type transaction struct {
	*store
	batch      batch
	current    current
	floors     floors
	roots      [][]byte // verified roots that are not stored yet
	rootsAhead bool     // stored roots are ahead of the floor
	changed    bool     // current or floors are
}

func (s *store) begin() *transaction {
	return &transaction{store: s, batch: batch{s.archive.Batch()}, current: s.current.clone(), floors: s.floors}
}

// catchUp raises the floor to roots that were stored by a process that died before
// it could.
func (tx *transaction) catchUp(c *rootChain) {
	if newest := c.newest(); newest > tx.floors.Root.Version {
		tx.floors.Root = fileRef{newest, digestOf(c.latest())}
		tx.rootsAhead, tx.changed = true, true
	}
}

func (tx *transaction) takeRoot(version int64, data []byte) {
	tx.roots = append(tx.roots, data)
	tx.floors.Root = fileRef{version, digestOf(data)}
	tx.changed = true
}

func (tx *transaction) takeTimestamp(w *workflow) error {
	ref, err := tx.put(w, RoleTimestamp, w.trusted.Timestamp.Signed.Version)
	if err != nil {
		return err
	}
	tx.current.Timestamp, tx.changed = ref, true
	tx.floors.raiseTimestamp(&w.trusted.Timestamp.Signed, keyholders(w, RoleTimestamp))
	return nil
}

func (tx *transaction) takeSnapshot(w *workflow) error {
	ref, err := tx.put(w, RoleSnapshot, w.trusted.Snapshot.Signed.Version)
	if err != nil {
		return err
	}
	tx.current.Snapshot, tx.changed = ref, true
	tx.floors.raiseSnapshot(&w.trusted.Snapshot.Signed, keyholders(w, RoleSnapshot))
	for role := range tx.current.Roles {
		if w.trusted.Snapshot.Signed.Meta[role+".json"] == nil {
			delete(tx.current.Roles, role)
		}
	}
	return nil
}

func (tx *transaction) takeTargets(w *workflow, role string) error {
	ref, err := tx.put(w, role, w.trusted.Targets[role].Signed.Version)
	if err != nil {
		return err
	}
	if tx.current.Roles[role] != ref {
		tx.current.Roles[role], tx.changed = ref, true
	}
	return nil
}

func (tx *transaction) put(w *workflow, role string, version int64) (fileRef, error) {
	d, err := tx.batch.put(w.raw[role])
	return fileRef{version, d}, err
}

// commit makes the transaction durable, in the order that store documents.
func (tx *transaction) commit() error {
	if err := tx.writeRoots(); err != nil {
		return err
	}
	if err := tx.batch.sync(); err != nil || !tx.changed {
		return err
	}
	if err := tx.writeJSON(currentFile, tx.current); err != nil {
		return err
	}
	tx.store.current = tx.current
	if err := tx.writeFloors(tx.floors); err != nil {
		return err
	}
	tx.store.floors = tx.floors
	return nil
}

func (tx *transaction) writeRoots() error {
	first := tx.floors.Root.Version - int64(len(tx.roots)) + 1
	for i, data := range tx.roots {
		if _, err := tx.batch.put(data); err != nil {
			return err
		}
		if err := putFile(tx.files, tx.path("tmp"), tx.rootPath(first+int64(i)), data, privateFile); err != nil {
			return err
		}
	}
	if len(tx.roots) == 0 && !tx.rootsAhead {
		return nil
	}
	return storeFault("sync", tx.path("roots"), tx.files.SyncDir(tx.path("roots")))
}
