// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// forest writes a file large enough for branch pages and returns its bytes.
func forest(t testing.TB) []byte {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "floors.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		d := compose(s.Snapshot(), fmt.Sprint("web-", i, strings.Repeat("x", 200)), floor(1, 1))
		if err := s.Apply(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Each case writes one number into a whole file.
func TestCheckPages(t *testing.T) {
	whole := forest(t)
	m, ok := newestMeta(whole)
	if !ok {
		t.Fatal("no meta page")
	}
	page := func(id uint64) uint64 { return id * m.pageSize }
	// A branch above leaves, and of the tree in force: pages that were freed keep their bytes.
	kind := func(id uint64) uint16 { return order.Uint16(whole[page(id)+8:]) }
	first := func(id uint64) uint64 { return order.Uint64(whole[page(id)+pageHeader+8:]) }
	live := walk{file: whole, meta: m, seen: make([]bool, m.pages)}
	if err := live.tree(m.root); err != nil {
		t.Fatal(err)
	}
	var branch uint64
	for id := range m.pages {
		if live.seen[id] && kind(id) == flagBranch && kind(first(id)) == flagLeaf {
			branch = id
		}
	}
	free := page(m.freelist)
	if branch == 0 || order.Uint16(whole[free+10:]) < 2 {
		t.Fatalf("the file has no branch page (%d) or too short a free list", branch)
	}
	child := first(branch)
	put64 := func(at, n uint64) func([]byte) { return func(b []byte) { order.PutUint64(b[at:], n) } }
	put32 := func(at uint64, n uint32) func([]byte) { return func(b []byte) { order.PutUint32(b[at:], n) } }
	put16 := func(at uint64, n uint16) func([]byte) { return func(b []byte) { order.PutUint16(b[at:], n) } }
	for name, spoil := range map[string]func([]byte){
		"a branch that leads to itself":      put64(page(branch)+pageHeader+8, branch),
		"two branches to one leaf":           put64(page(branch)+pageHeader+element+8, child),
		"a branch past the end":              put64(page(branch)+pageHeader+8, m.pages),
		"a branch key outside its page":      put32(page(branch)+pageHeader, 1<<30),
		"an empty branch":                    put16(page(branch)+10, 0),
		"more branches than fit":             put16(page(branch)+10, 0xFFFF),
		"a leaf of another number":           put64(page(child), child+1),
		"a leaf with overflow past the end":  put32(page(child)+12, 1<<31),
		"a leaf that is no leaf":             put16(page(child)+8, flagFreelist),
		"more rows than fit":                 put16(page(child)+10, 0xFFFF),
		"a row outside its page":             put32(page(child)+pageHeader+12, 1<<30),
		"a row that is a bucket":             put32(page(child)+pageHeader, flagBucket),
		"a page in use on the free list":     put64(free+pageHeader, branch),
		"a page twice on the free list":      put64(free+pageHeader, order.Uint64(whole[free+pageHeader+8:])),
		"a page past the end on it":          put64(free+pageHeader, m.pages),
		"a free list longer than its page":   put16(free+10, 0xFFFE),
		"a free list that is none":           put16(free+8, flagLeaf),
		"a file shorter than its pages":      nil,
		"a file without a valid meta page":   func(b []byte) { clear(b[:2*m.pageSize]) },
		"a meta page with another page size": func(b []byte) { clear(b[:m.pageSize]); order.PutUint32(b[m.pageSize+pageHeader+8:], 1<<16) },
	} {
		bad := bytes.Clone(whole)
		if spoil == nil {
			bad = bad[:page(m.pages)-1]
		} else {
			spoil(bad)
		}
		if bytes.Equal(bad, whole) {
			t.Errorf("%s: the case changes nothing", name)
		}
		if err := checkPages(bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := checkPages(whole); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

// Rows that somebody took away, changed or exchanged inside a sound file.
func TestRowsAreSealed(t *testing.T) {
	for name, spoil := range map[string]func(b *bolt.Bucket) error{
		"": func(b *bolt.Bucket) error { return nil },
		"a row less": func(b *bolt.Bucket) error {
			return b.Delete(encodeFloorKey(key("web-1")))
		},
		"a row more": func(b *bolt.Bucket) error {
			r := floorRow(key("web-9"), floor(1, 1))
			return b.Put(r.key, r.sealed())
		},
		"an older value": func(b *bolt.Bucket) error {
			r := floorRow(key("web-1"), floor(1, 1))
			return b.Put(r.key, r.sealed())
		},
		"a value without its seal": func(b *bolt.Bucket) error {
			return b.Put(encodeFloorKey(key("web-1")), encodeFloor(floor(2, 1)))
		},
		"the value of another row": func(b *bolt.Bucket) error {
			return b.Put(encodeFloorKey(key("web-1")), bytes.Clone(b.Get(encodeFloorKey(key("web-2")))))
		},
	} {
		s := fresh(t)
		apply(t, s, "web-1", floor(2, 1))
		apply(t, s, "web-2", floor(2, 1))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := bolt.Open(s.path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bolt.Tx) error { return spoil(tx.Bucket(bucketFloors)) })
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		s, err = Open(s.path, nil)
		var corrupt *CorruptError
		if name == "" {
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		} else if !errors.As(err, &corrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
