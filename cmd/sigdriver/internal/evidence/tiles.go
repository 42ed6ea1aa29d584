// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"encoding/binary"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// tiles builds, entry by entry, the tile log that the journal makes, and holds
// each of its files against what the folder has. It never keeps more than one
// tile a level.
type tiles struct {
	v *verification
	// size is what the checkpoint covers: up to there every file has to be there.
	// The driver may have written more, which has to be right where it is whole.
	size  uint64
	next  uint64
	nodes [][]byte // the tile that is being filled, by level: 32 bytes a node
	index []uint64 // its number, by level
	// bundle is the entry bundle that is being filled.
	bundle []byte
	rng    *compact.Range
	roots  map[uint64][]byte // of the sizes that somebody asks for

	read      [][]byte // the bundle that bundled read last, and its number
	readIndex uint64
}

func newTiles(v *verification, size uint64, ask ...uint64) *tiles {
	t := &tiles{v: v, size: size, roots: map[uint64][]byte{}}
	t.rng = (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, n := range append(ask, size) {
		t.roots[n] = nil
	}
	t.roots[0] = rfc6962.DefaultHasher.EmptyRoot()
	return t
}

// add takes the next entry.
func (t *tiles) add(entry []byte) error {
	hash := rfc6962.DefaultHasher.HashLeaf(entry)
	if err := t.rng.Append(hash, nil); err != nil {
		return err
	}
	t.bundle = append(binary.BigEndian.AppendUint16(t.bundle, uint16(len(entry))), entry...)
	t.next++
	if t.next%layout.EntryBundleWidth == 0 {
		n := t.next/layout.EntryBundleWidth - 1
		t.compare(layout.EntriesPath(n, 0), t.bundle, t.next <= t.size, true)
		t.bundle = t.bundle[:0]
	}
	t.push(0, hash)
	if _, asked := t.roots[t.next]; asked {
		root, err := t.rng.GetRootHash(nil)
		if err != nil {
			return err
		}
		t.roots[t.next] = root
	}
	if t.next == t.size {
		t.edge()
	}
	return nil
}

// push puts a node into its tile; a tile that is full is compared, and becomes a
// node of the level above.
func (t *tiles) push(level int, hash []byte) {
	if level == len(t.nodes) {
		t.nodes, t.index = append(t.nodes, nil), append(t.index, 0)
	}
	t.nodes[level] = append(t.nodes[level], hash...)
	if len(t.nodes[level]) < layout.TileWidth*rfc6962.DefaultHasher.Size() {
		return
	}
	t.compare(layout.TilePath(uint64(level), t.index[level], 0), t.nodes[level], t.next <= t.size, false)
	root := subtree(t.nodes[level])
	t.nodes[level] = nil
	t.index[level]++
	t.push(level+1, root)
}

// subtree is the root of a full tile.
func subtree(nodes []byte) []byte {
	const n = 32
	if len(nodes) == n {
		return nodes
	}
	half := len(nodes) / 2
	return rfc6962.DefaultHasher.HashChildren(subtree(nodes[:half]), subtree(nodes[half:]))
}

// edge compares what the checkpoint needs beside full tiles.
func (t *tiles) edge() {
	if p := t.size % layout.EntryBundleWidth; p > 0 {
		t.partial(layout.EntriesPath(t.size/layout.EntryBundleWidth, uint8(p)), layout.EntriesPath(t.size/layout.EntryBundleWidth, 0), t.bundle, true)
	}
	for level, nodes := range t.nodes {
		if len(nodes) > 0 {
			l, p := uint64(level), uint8(len(nodes)/32)
			t.partial(layout.TilePath(l, t.index[level], p), layout.TilePath(l, t.index[level], 0), nodes, false)
		}
	}
}

// partial compares a partial tile; where it is gone the full one takes its place
// (c2sp.org/tlog-tiles), which is compared when the journal gets there.
func (t *tiles) partial(name, full string, want []byte, entries bool) {
	if !exists(t.v.path("log/"+name)) && exists(t.v.path("log/"+full)) {
		return
	}
	t.compare(name, want, true, entries)
}

// compare holds one file of the log against what it has to be.
func (t *tiles) compare(name string, want []byte, required, entries bool) {
	have, err := t.v.read("log/" + name)
	if err != nil {
		if required {
			t.v.find(Finding{record.LogGap, "log/" + name, -1, -1, fmt.Sprintf("the checkpoint covers this file, and it cannot be read: %v", withoutPath(err))})
		}
		return
	}
	t.v.report.Tiles++
	at := differ(have, want)
	if at == len(want) && at == len(have) {
		return
	}
	f := Finding{Code: record.LogTampered, File: "log/" + name, Offset: int64(at), Entry: -1, Detail: "it is not what the journal makes"}
	if first := t.next - 1 - (t.next-1)%layout.EntryBundleWidth; entries {
		f.Entry = int64(first) + entryAt(want, at)
	}
	t.v.find(f)
}

// entryAt is the number of the entry that a byte of a bundle belongs to.
func entryAt(bundle []byte, at int) int64 {
	n := int64(0)
	for from := 0; from+2 <= len(bundle); n++ {
		from += 2 + int(binary.BigEndian.Uint16(bundle[from:]))
		if at < from {
			return n
		}
	}
	return max(n-1, 0)
}

// bundled returns an entry as its bundle in the folder has it, nil if it has none.
func (t *tiles) bundled(seq uint64) []byte {
	n := seq / layout.EntryBundleWidth
	if t.read == nil || t.readIndex != n {
		t.read, t.readIndex = t.split(n), n
	}
	if i := seq % layout.EntryBundleWidth; i < uint64(len(t.read)) {
		return t.read[i]
	}
	return nil
}

// split reads a bundle into its entries, as far as they are whole.
func (t *tiles) split(n uint64) (entries [][]byte) {
	data, err := t.v.read("log/" + layout.EntriesPath(n, 0))
	if p := t.size % layout.EntryBundleWidth; err != nil && n == t.size/layout.EntryBundleWidth && p > 0 {
		data, err = t.v.read("log/" + layout.EntriesPath(n, uint8(p)))
	}
	if err != nil {
		return nil
	}
	for len(data) >= 2 {
		size := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+size {
			break
		}
		entries = append(entries, data[2:2+size])
		data = data[2+size:]
	}
	return entries
}

func exists(path string) bool {
	_, err := disk.OS{}.Stat(path)
	return err == nil
}
