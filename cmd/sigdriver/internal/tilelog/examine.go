// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// stateDir is where the log's writer keeps what it remembers, treeFile how far
// it is.
const (
	stateDir = ".state"
	treeFile = stateDir + "/treeState"
)

var ranges = &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// examine holds what is in the folder against the key and the journal, and
// returns a guard that continues its checkpoint. It reads little: the checkpoint,
// the tiles at the tree's edge and one entry, which names the whole chain before
// it. `sigdriver audit verify` reads everything.
func (l *Log) examine() (*guard, error) {
	head := l.journal.Head()
	c, err := l.readCheckpoint()
	if err != nil {
		return nil, err
	}
	tree, err := l.treeSize()
	if err != nil {
		return nil, err
	}
	// AU-05: what the log has seen, the journal has to have.
	switch {
	case max(c.Size, tree) > head.Size:
		return nil, &Error{record.LogFork, "", int64(head.Size), fmt.Sprintf("the journal has %d entries, the log %d: the journal is an old copy, or its end was cut off", head.Size, max(c.Size, tree))}
	case c.Size > tree:
		return nil, &Error{record.LogFork, treeFile, -1, fmt.Sprintf("the log's writer remembers %d entries, its checkpoint covers %d", tree, c.Size)}
	}
	g := &guard{key: l.opts.Key, dir: l.dir, size: c.Size, rng: ranges.NewEmptyRange(0)}
	l.entries.Store(tree)
	if c.Size == 0 {
		return g, nil
	}
	return g, l.rejoin(g, c)
}

// readCheckpoint reads the checkpoint in the folder; the zero one if there is none.
func (l *Log) readCheckpoint() (*Checkpoint, error) {
	data, err := disk.Read(disk.OS{}, filepath.Join(l.dir, layout.CheckpointPath), MaxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return &Checkpoint{}, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := ParseCheckpoint(data, l.opts.Key)
	if err != nil {
		return nil, &Error{record.LogTampered, layout.CheckpointPath, -1, err.Error()}
	}
	if c.Origin != l.opts.Key.Name() || !slices.Contains(c.Signers, c.Origin) {
		return nil, &Error{record.LogTampered, layout.CheckpointPath, -1, fmt.Sprintf("it is not signed by %s; if the key or the name was changed on purpose, remove this file, and the log is signed anew from the journal", l.opts.Key.VKey())}
	}
	return c, nil
}

// treeSize reads how many entries the log's writer has put into tiles.
func (l *Log) treeSize() (uint64, error) {
	data, err := disk.Read(disk.OS{}, filepath.Join(l.dir, treeFile), MaxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var t struct {
		Size uint64 `json:"size"`
		Root []byte `json:"root"`
	}
	if err := json.Unmarshal(data, &t, json.RejectUnknownMembers(true)); err != nil || len(t.Root) != 32 {
		return 0, &Error{record.LogTampered, treeFile, -1, "it is not what the log's writer writes"}
	}
	return t.Size, nil
}

// rejoin makes the tree of a checkpoint again from the tiles at its edge, and
// compares its last entry with the journal's.
func (l *Log) rejoin(g *guard, c *Checkpoint) error {
	files := client.FileFetcher{Root: l.dir}
	ctx := context.Background()
	nodes, err := client.FetchRangeNodes(ctx, c.Size, files.ReadTile)
	if err == nil {
		g.rng, err = ranges.NewRange(0, c.Size, nodes)
	}
	if err != nil {
		return &Error{record.LogTampered, "tile", -1, fmt.Sprintf("the tiles at the edge of %d entries cannot be read: %v", c.Size, err)}
	}
	root, err := g.rng.GetRootHash(nil)
	if err != nil {
		return err
	}
	if [32]byte(root) != c.Root {
		return &Error{record.LogTampered, "tile", -1, fmt.Sprintf("the tiles at the edge of %d entries lead to the root %x, the checkpoint says %x", c.Size, root, c.Root)}
	}
	leaf, err := client.FetchLeafHashes(ctx, files.ReadTile, c.Size-1, 1, c.Size)
	if err != nil {
		return &Error{record.LogTampered, "tile", int64(c.Size - 1), fmt.Sprintf("its hash cannot be read: %v", err)}
	}
	cursor, err := l.journal.Follow(c.Size - 1)
	if err != nil {
		return err
	}
	raws, err := cursor.Next(1)
	if err != nil {
		return err
	}
	if len(raws) != 1 || string(rfc6962.DefaultHasher.HashLeaf(raws[0].Entry)) != string(leaf[0]) {
		return &Error{record.LogFork, "", int64(c.Size - 1), "the journal's is not the one that the checkpoint covers: one of the two is another history"}
	}
	return nil
}
