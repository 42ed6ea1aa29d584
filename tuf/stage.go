// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

// stage collects what one refresh verified. Nothing of it counts before commit,
// and commit is all or, after a fault, what the state folder held before.
type stage struct {
	*store
	batch   batch
	current current
	floors  floors
	roots   [][]byte // verified roots that are not stored yet
	caught  bool     // stored roots are ahead of the floor
	moved   bool
}

func (s *store) begin() *stage {
	return &stage{store: s, batch: batch{s.archive.Batch()}, current: s.current.clone(), floors: s.floors}
}

// catchUp raises the floor to roots that were stored by a process that died before
// it could.
func (g *stage) catchUp(c *rootChain) {
	if newest := c.newest(); newest > g.floors.Root.Version {
		g.floors.Root = fileRef{newest, digestOf(c.latest())}
		g.caught, g.moved = true, true
	}
}

func (g *stage) takeRoot(version int64, data []byte) {
	g.roots = append(g.roots, data)
	g.floors.Root = fileRef{version, digestOf(data)}
	g.moved = true
}

func (g *stage) takeTimestamp(w *walk) error {
	ref, err := g.put(w, RoleTimestamp, w.trusted.Timestamp.Signed.Version)
	if err != nil {
		return err
	}
	g.current.Timestamp, g.moved = ref, true
	g.floors.raiseTimestamp(&w.trusted.Timestamp.Signed, holders(w, RoleTimestamp))
	return nil
}

func (g *stage) takeSnapshot(w *walk) error {
	ref, err := g.put(w, RoleSnapshot, w.trusted.Snapshot.Signed.Version)
	if err != nil {
		return err
	}
	g.current.Snapshot, g.moved = ref, true
	g.floors.raiseSnapshot(&w.trusted.Snapshot.Signed, holders(w, RoleSnapshot))
	for role := range g.current.Roles {
		if w.trusted.Snapshot.Signed.Meta[role+".json"] == nil {
			delete(g.current.Roles, role)
		}
	}
	return nil
}

func (g *stage) takeTargets(w *walk, role string) error {
	ref, err := g.put(w, role, w.trusted.Targets[role].Signed.Version)
	if err != nil {
		return err
	}
	if g.current.Roles[role] != ref {
		g.current.Roles[role], g.moved = ref, true
	}
	return nil
}

func (g *stage) put(w *walk, role string, version int64) (fileRef, error) {
	d, err := g.batch.put(w.raw[role])
	return fileRef{version, d}, err
}

// commit makes the stage durable, in the order that store documents.
func (g *stage) commit() error {
	if err := g.writeRoots(); err != nil {
		return err
	}
	if err := g.batch.sync(); err != nil || !g.moved {
		return err
	}
	if err := g.writeJSON(currentFile, g.current); err != nil {
		return err
	}
	g.store.current = g.current
	if err := g.writeFloors(g.floors); err != nil {
		return err
	}
	g.store.floors = g.floors
	return nil
}

func (g *stage) writeRoots() error {
	first := g.floors.Root.Version - int64(len(g.roots)) + 1
	for i, data := range g.roots {
		if _, err := g.batch.put(data); err != nil {
			return err
		}
		if err := putFile(g.files, g.path("tmp"), g.rootPath(first+int64(i)), data, privateFile); err != nil {
			return err
		}
	}
	if len(g.roots) == 0 && !g.caught {
		return nil
	}
	return storeFault("sync", g.path("roots"), g.files.SyncDir(g.path("roots")))
}
