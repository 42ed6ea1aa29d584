// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// oldFormat is the format of the floors that release 0.1.0 kept beside its journal,
// in a bbolt file. Every value in it closes with a seal over bucket, key and value,
// and one row holds the sum of all seals, so that whatever is read whole is all of it
// and as it was written.
const oldFormat = "sigdriver.floors/v1"

// maxOldFloors bounds that file in bytes; a million floors take a thousandth of it.
const maxOldFloors = 1 << 40

// oldFloors is what such a file holds.
type oldFloors struct {
	floors   map[verifier.FloorKey]verifier.Floor
	places   map[verifier.SandboxKey]verifier.Place
	resets   map[string]uint64
	revision uint64
	high     time.Time
	head     Head
	joined   bool // the file was once accepted beside a journal

	format     string
	total, sum [sealSize]byte
}

// OldFloorsError says that floors.db is not what release 0.1.0 wrote.
type OldFloorsError struct{ Path, Detail string }

func (e *OldFloorsError) Error() string {
	return fmt.Sprintf("%q is damaged: %s; keep it as evidence, move it away, and start once with --rebuild-floors", e.Path, e.Detail)
}

// readOldFloors reads such a file whole.
func readOldFloors(fsys disk.FS, path string) (*oldFloors, error) {
	file, err := disk.Read(fsys, path, maxOldFloors)
	if err != nil {
		return nil, err
	}
	old := &oldFloors{floors: map[verifier.FloorKey]verifier.Floor{}, places: map[verifier.SandboxKey]verifier.Place{}, resets: map[string]uint64{}}
	if err := readBolt(file, old.add); err != nil {
		return nil, &OldFloorsError{path, err.Error()}
	}
	switch {
	case old.format != oldFormat:
		return nil, &OldFloorsError{path, "its format is not " + oldFormat}
	case old.total != old.sum:
		return nil, &OldFloorsError{path, "rows are missing"}
	}
	return old, nil
}

// add reads one row.
func (old *oldFloors) add(bucket string, key, stored []byte) error {
	invalid := fmt.Errorf("row %q of bucket %q is invalid", key, bucket)
	n := len(stored) - sealSize
	if n < 0 {
		return invalid
	}
	value := stored[:n]
	h := sha256.New()
	for _, part := range [][]byte{[]byte(bucket), key, value} {
		h.Write(encodeNumber(uint64(len(part))))
		h.Write(part)
	}
	seal := h.Sum(nil)[:sealSize]
	if !bytes.Equal(seal, stored[n:]) {
		return invalid
	}
	if bucket == "meta" {
		return old.addMeta(string(key), value)
	}
	for i, b := range seal {
		old.sum[i] ^= b
	}
	var ok bool
	switch bucket {
	case "floors":
		k, okKey := decodeFloorKey(key)
		f, okFloor := decodeFloor(value)
		old.floors[k], ok = f, okKey && okFloor
	case "places":
		gateway, sandbox, okKey := decodePair(key)
		workspace, name, okPlace := decodePair(value)
		old.places[verifier.SandboxKey{GatewayID: gateway, SandboxID: sandbox}] = verifier.Place{Workspace: workspace, Name: name}
		ok = okKey && okPlace
	case "resets":
		old.resets[string(key)], ok = decodeNumber(value)
	default:
		ok = false
	}
	if !ok {
		return invalid
	}
	return nil
}

func (old *oldFloors) addMeta(key string, value []byte) error {
	n, isNumber := decodeNumber(value)
	switch key {
	case "format":
		old.format = string(value)
		return nil
	case "total":
		isNumber = copy(old.total[:], value) == len(old.total)
	case "journal-sum":
		isNumber = copy(old.head.Sum[:], value) == len(old.head.Sum)
	case "journal-size":
		old.head.Size = n
	case "revision":
		old.revision = n
	case "high-water":
		if n > 0 {
			old.high = time.Unix(0, int64(n)).UTC()
		}
	case "joined":
		old.joined = n == 1
	}
	if !isNumber {
		return fmt.Errorf("row %q of bucket %q is invalid", key, "meta")
	}
	return nil
}

// A bbolt file is pages; the numbers in it are those of a little-endian machine.
//
//	page    = id 8 ‖ flags 2 ‖ count 2 ‖ overflow 4 ‖ elements
//	meta    = magic 4 ‖ version 4 ‖ page size 4 ‖ 0 4 ‖ root 8 ‖ sequence 8 ‖ free list 8 ‖ pages 8 ‖ transaction 8 ‖ FNV-1a 8
//	branch  = offset 4 ‖ key size 4 ‖ page id 8, of each element; the offset is from the element
//	leaf    = flags 4 ‖ offset 4 ‖ key size 4 ‖ value size 4, of each element
//	bucket  = root 8 ‖ sequence 8, as the value of a leaf with flag 1; root 0: a page follows
const (
	boltMagic  = 0xED0CDAED
	boltHeader = 16
	boltMeta   = 64
	boltBranch = 1
	boltLeaf   = 2
)

// readBolt hands every row of every bucket in a bbolt file to visit.
func readBolt(file []byte, visit func(bucket string, key, value []byte) error) error {
	w := boltWalk{file: file, visit: visit}
	root, ok := w.newest()
	if !ok {
		return fmt.Errorf("it has no valid meta page")
	}
	return w.tree(root, "", 0)
}

type boltWalk struct {
	file     []byte
	pageSize uint64
	visit    func(bucket string, key, value []byte) error
	visited  int
}

var le = binary.LittleEndian

// newest finds the root of the newer of the two meta pages that check.
func (w *boltWalk) newest() (root uint64, ok bool) {
	var newest uint64
	if len(w.file) < boltHeader+boltMeta {
		return 0, false
	}
	for _, size := range []uint64{0, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16} {
		if size+boltHeader+boltMeta > uint64(len(w.file)) {
			continue
		}
		m := w.file[size+boltHeader:][:boltMeta]
		sum := fnv.New64a()
		sum.Write(m[:boltMeta-8])
		transaction := le.Uint64(m[48:])
		if le.Uint32(m) != boltMagic || sum.Sum64() != le.Uint64(m[56:]) || ok && transaction <= newest {
			continue
		}
		if page := uint64(le.Uint32(m[8:])); page >= boltHeader+boltMeta && (size == 0 || size == page) {
			w.pageSize, root, newest, ok = page, le.Uint64(m[16:]), transaction, true
		}
	}
	return root, ok
}

// tree follows a page down to its leaves. A tree of more pages than the file has
// leads to itself.
func (w *boltWalk) tree(id uint64, bucket string, depth int) error {
	const maxDepth = 64
	pages := uint64(len(w.file)) / w.pageSize
	if w.visited++; id >= pages || uint64(w.visited) > pages || depth > maxDepth {
		return fmt.Errorf("page %d is not where a tree may lead", id)
	}
	data := w.file[id*w.pageSize:]
	more := uint64(le.Uint32(data[12:]))
	if le.Uint64(data) != id || more >= pages-id {
		return fmt.Errorf("page %d has an invalid header", id)
	}
	data = data[:(more+1)*w.pageSize]
	switch le.Uint16(data[8:]) {
	case boltLeaf:
		return w.leaf(data, bucket, depth)
	case boltBranch:
		for i := range int(le.Uint16(data[10:])) {
			at := boltHeader + i*16
			if at+16 > len(data) {
				return fmt.Errorf("page %d has more elements than fit", id)
			}
			if err := w.tree(le.Uint64(data[at+8:]), bucket, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("page %d has the wrong type", id)
}

// leaf visits the rows of a leaf page; in the root's they are buckets.
func (w *boltWalk) leaf(data []byte, bucket string, depth int) error {
	for i := range int(le.Uint16(data[10:])) {
		at := uint64(boltHeader + i*16)
		if at+16 > uint64(len(data)) {
			return fmt.Errorf("a leaf has more elements than fit")
		}
		e := data[at:]
		key := at + uint64(le.Uint32(e[4:]))
		value := key + uint64(le.Uint32(e[8:]))
		end := value + uint64(le.Uint32(e[12:]))
		if end > uint64(len(data)) {
			return fmt.Errorf("a row lies outside its page")
		}
		var err error
		switch isBucket := le.Uint32(e)&1 != 0; {
		case isBucket && bucket == "":
			err = w.bucket(string(data[key:value]), data[value:end], depth)
		case isBucket || bucket == "":
			err = fmt.Errorf("a bucket or row is not where it belongs")
		default:
			err = w.visit(bucket, data[key:value], data[value:end])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *boltWalk) bucket(name string, value []byte, depth int) error {
	switch {
	case name == "" || len(value) < 16:
		return fmt.Errorf("a bucket has an invalid header")
	case le.Uint64(value) != 0:
		return w.tree(le.Uint64(value), name, depth+1)
	case len(value) < 16+boltHeader || le.Uint16(value[16+8:]) != boltLeaf:
		return fmt.Errorf("an inline bucket is not a leaf")
	}
	return w.leaf(value[16:], name, depth+1)
}
