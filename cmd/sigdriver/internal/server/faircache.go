// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// fairCache is a cache in which nobody's values push out another's: each uid has a part,
// and all of them together hold max bytes. One uid alone may fill it. Where several ask for
// more than fits, those that want less than an equal share have what they want, and the
// others share the rest equally. It is safe for concurrent use.
type fairCache[K interface {
	comparable
	owner() uint32
}, V any] struct {
	max   int
	mu    sync.Mutex // of changes to parts
	parts atomic.Pointer[map[uint32]*part[K, V]]
}

// part is what one uid has of a cache.
type part[K comparable, V any] struct {
	*cache[K, V]
	limit int // bytes, as it was set last; under fairCache.mu
}

const (
	// maxParts bounds the uids that have a part of their own. A peer that is listed by
	// its gid may come with any number; the rest of them have one together.
	maxParts = 64
	others   = ^uint32(0) // no uid
	// slack is by how much of the whole a part has to have become too small before it is
	// made larger, as a divisor: each change has the cache learn anew what is hot.
	slack = 16
)

func newFairCache[K interface {
	comparable
	owner() uint32
}, V any](max int) *fairCache[K, V] {
	c := &fairCache[K, V]{max: max}
	c.Clear()
	return c
}

// Get returns a value and marks it as used.
func (c *fairCache[K, V]) Get(key K) (value V, ok bool) {
	if p := c.of(key.owner()); p != nil {
		return p.Get(key)
	}
	return value, false
}

// Put stores a value of size bytes. One that alone exceeds the bound is not kept.
func (c *fairCache[K, V]) Put(key K, value V, size int) {
	p := c.of(key.owner())
	if p == nil {
		p = c.add(key.owner())
	}
	p.Put(key, value, size)
	if len(*c.parts.Load()) > 1 {
		c.share()
	}
}

// Drop forgets a key.
func (c *fairCache[K, V]) Drop(key K) {
	if p := c.of(key.owner()); p != nil {
		p.Drop(key)
	}
}

// Clear forgets everything, and who had a part.
func (c *fairCache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts.Store(&map[uint32]*part[K, V]{})
}

// Hottest yields what is kept, of each part in turn, those first that are asked for most.
func (c *fairCache[K, V]) Hottest() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		parts := *c.parts.Load()
		var lists [][]otter.Entry[K, entry[V]]
		longest := 0
		for _, uid := range slices.Sorted(maps.Keys(parts)) {
			list := slices.Collect(parts[uid].entries.Hottest()) // whole: it holds a lock
			lists, longest = append(lists, list), max(longest, len(list))
		}
		for i := range longest {
			for _, list := range lists {
				if i < len(list) && !yield(list[i].Key, list[i].Value.value) {
					return
				}
			}
		}
	}
}

// Stats returns the number of entries and the bytes they use, about.
func (c *fairCache[K, V]) Stats() (entries, bytes int) {
	for _, p := range *c.parts.Load() {
		n, used := p.Stats()
		entries, bytes = entries+n, bytes+used
	}
	return entries, bytes
}

// of returns the part of a uid, nil for none.
func (c *fairCache[K, V]) of(uid uint32) *part[K, V] {
	parts := *c.parts.Load()
	if p := parts[uid]; p != nil {
		return p
	}
	return parts[others]
}

// add makes a part for a uid.
func (c *fairCache[K, V]) add(uid uint32) *part[K, V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.of(uid); p != nil {
		return p
	}
	parts := maps.Clone(*c.parts.Load())
	if len(parts) >= maxParts-1 {
		uid = others
	}
	parts[uid] = &part[K, V]{newCache[K, V](c.max), c.max}
	c.parts.Store(&parts)
	return parts[uid]
}

// share says how much each part may hold, where they hold too much or one of them could
// have more.
func (c *fairCache[K, V]) share() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []*part[K, V]
	var used []int
	left := c.max
	for _, p := range *c.parts.Load() {
		n := int(p.entries.WeightedSize())
		parts, used = append(parts, p), append(used, n)
		left -= n
	}
	fair := fairShare(used, c.max)
	for i, p := range parts {
		limit := max(fair, used[i]+left)
		if left < 0 && p.limit != limit || limit > p.limit+c.max/slack {
			p.limit = limit
			p.entries.SetMaximum(uint64(limit))
		}
	}
}

// fairShare is the most that each may have of a whole so that all wants together fit: who
// wants less leaves the rest to the others.
func fairShare(wants []int, whole int) int {
	wants = slices.Sorted(slices.Values(wants))
	for i, want := range wants {
		share := whole / (len(wants) - i)
		if want > share {
			return share
		}
		whole -= want
	}
	return whole
}
