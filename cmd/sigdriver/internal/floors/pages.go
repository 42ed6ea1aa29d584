// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// bbolt trusts the pages of its file: a flipped bit in one makes it loop for
// ever, fault, or write over rows in use. checkPages therefore walks the file
// first, after the layout of bbolt's format version 2:
//
//	page    = id u64, flags u16, count u16, overflow u32, content
//	meta    = magic u32, version u32, page size u32, flags u32, root bucket
//	          {page u64, sequence u64}, free list page u64, pages u64, transaction
//	          u64, FNV-1a of the fields before u64
//	branch  = count × {position u32, key size u32, page u64}, keys
//	leaf    = count × {flags u32, position u32, key size u32, value size u32}, keys and values
//	bucket  = a leaf value: {page u64, sequence u64}, and a page inline if page is 0
//	free list = count × page u64; if count is 65535 the first number is the count
const (
	pageHeader = 16
	element    = 16
	metaLength = 64
	magic      = 0xED0CDAED

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of a leaf element

	noFreelist = ^uint64(0)
)

var order = binary.NativeEndian

// meta is the part of a meta page that the walk needs.
type meta struct {
	pageSize, root, freelist, pages, transaction uint64
}

// checkPages reports whether every page that bbolt will follow is in the file, of
// its kind, and reached once.
func checkPages(file []byte) error {
	m, ok := newestMeta(file)
	if !ok {
		return fmt.Errorf("no valid meta page")
	}
	if m.pages < 2 || m.pages > uint64(len(file))/m.pageSize {
		return fmt.Errorf("%d pages in %d bytes", m.pages, len(file))
	}
	w := walk{file: file, meta: m, seen: make([]bool, m.pages)}
	w.seen[0], w.seen[1] = true, true
	if err := w.tree(m.root); err != nil {
		return err
	}
	return w.freelist()
}

// newestMeta returns the valid meta page of the later transaction.
func newestMeta(file []byte) (newest meta, ok bool) {
	for size := uint64(1024); size <= 1<<16; size <<= 1 {
		for _, at := range []uint64{0, size} {
			m, valid := readMeta(file, at)
			if valid && m.pageSize == size && (!ok || m.transaction > newest.transaction) {
				newest, ok = m, true
			}
		}
	}
	return newest, ok
}

func readMeta(file []byte, at uint64) (m meta, ok bool) {
	at += pageHeader
	if uint64(len(file)) < at+metaLength {
		return m, false
	}
	b := file[at : at+metaLength]
	sum := fnv.New64a()
	sum.Write(b[:metaLength-8])
	ok = order.Uint32(b) == magic && order.Uint32(b[4:]) == 2 && order.Uint64(b[56:]) == sum.Sum64()
	return meta{uint64(order.Uint32(b[8:])), order.Uint64(b[16:]), order.Uint64(b[32:]), order.Uint64(b[40:]), order.Uint64(b[48:])}, ok
}

// walk is a walk over the pages.
type walk struct {
	file []byte
	meta meta
	seen []bool
}

// page returns the bytes of a page with its overflow, and marks them as seen.
func (w *walk) page(id uint64) ([]byte, error) {
	if id >= w.meta.pages {
		return nil, fmt.Errorf("page %d of %d", id, w.meta.pages)
	}
	data := w.file[id*w.meta.pageSize:]
	more := uint64(order.Uint32(data[12:]))
	if order.Uint64(data) != id || id+more >= w.meta.pages {
		return nil, fmt.Errorf("page %d has a wrong header", id)
	}
	for i := id; i <= id+more; i++ {
		if w.seen[i] {
			return nil, fmt.Errorf("page %d is used twice", i)
		}
		w.seen[i] = true
	}
	return data[:(more+1)*w.meta.pageSize], nil
}

// tree follows a page down to its leaves. Each page is seen once, so it ends.
func (w *walk) tree(id uint64) error {
	page, err := w.page(id)
	if err != nil {
		return err
	}
	switch order.Uint16(page[8:]) {
	case flagLeaf:
		return w.leaf(page, true)
	case flagBranch:
		return w.branch(page)
	}
	return fmt.Errorf("page %d is of no kind that belongs here", id)
}

func (w *walk) branch(page []byte) error {
	n := int(order.Uint16(page[10:]))
	if n == 0 || pageHeader+n*element > len(page) {
		return fmt.Errorf("a branch of %d", n)
	}
	for i := range n {
		at := pageHeader + i*element
		e := page[at:]
		if uint64(at)+uint64(order.Uint32(e))+uint64(order.Uint32(e[4:])) > uint64(len(page)) {
			return fmt.Errorf("a branch key outside its page")
		}
		if err := w.tree(order.Uint64(e[8:])); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a leaf page; buckets may be only in the root's.
func (w *walk) leaf(page []byte, buckets bool) error {
	n := int(order.Uint16(page[10:]))
	if pageHeader+n*element > len(page) {
		return fmt.Errorf("a leaf of %d", n)
	}
	for i := range n {
		at := pageHeader + i*element
		e := page[at:]
		key := uint64(at) + uint64(order.Uint32(e[4:]))
		value := key + uint64(order.Uint32(e[8:]))
		end := value + uint64(order.Uint32(e[12:]))
		if end > uint64(len(page)) {
			return fmt.Errorf("a row outside its page")
		}
		if order.Uint32(e)&flagBucket == 0 {
			continue
		}
		if !buckets {
			return fmt.Errorf("a bucket inside an inline bucket")
		}
		if err := w.bucket(page[value:end]); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) bucket(value []byte) error {
	if len(value) < 16 {
		return fmt.Errorf("a bucket of %d bytes", len(value))
	}
	if root := order.Uint64(value); root != 0 {
		return w.tree(root)
	}
	inline := value[16:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != flagLeaf {
		return fmt.Errorf("an inline bucket that is no leaf")
	}
	return w.leaf(inline, false)
}

// freelist checks that no page on the free list is in use, or there twice.
func (w *walk) freelist() error {
	if w.meta.freelist == noFreelist {
		return nil
	}
	page, err := w.page(w.meta.freelist)
	if err != nil {
		return err
	}
	if order.Uint16(page[8:]) != flagFreelist {
		return fmt.Errorf("the free list is none")
	}
	n, ids := uint64(order.Uint16(page[10:])), page[pageHeader:]
	if n == 0xFFFF {
		n, ids = order.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids))/8 {
		return fmt.Errorf("a free list of %d", n)
	}
	for i := range n {
		id := order.Uint64(ids[i*8:])
		if id >= w.meta.pages || w.seen[id] {
			return fmt.Errorf("page %d is free and in use", id)
		}
		w.seen[id] = true
	}
	return nil
}
