// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"math"

	"github.com/maypok86/otter/v2"
)

// cache remembers values by key, bounded in bytes. Which of them go where they do not all
// fit is decided by how often each was asked for (W-TinyLFU): whoever polls for more than
// fits in turn finds the share that does, where the least recently used of them would
// always be the next one asked for. Keys are digests or hold one, so that nobody chooses
// where they land. It is safe for concurrent use.
type cache[K comparable, V any] struct {
	max     int
	entries *otter.Cache[K, entry[V]]
}

type entry[V any] struct {
	value V
	size  uint32
}

// overhead is what an entry costs beside its value: the slots of the table and of the
// queue, and the key, rounded up.
const overhead = 256

// newCache makes a cache that holds values of at most max bytes, overhead included.
func newCache[K comparable, V any](max int) *cache[K, V] {
	return &cache[K, V]{max: max, entries: otter.Must(&otter.Options[K, entry[V]]{
		MaximumWeight: uint64(max),
		Weigher:       func(_ K, e entry[V]) uint32 { return e.size },
	})}
}

// Get returns a value and marks it as used.
func (c *cache[K, V]) Get(key K) (V, bool) {
	e, ok := c.entries.GetIfPresent(key)
	return e.value, ok
}

// Put stores a value of size bytes. One that alone exceeds the bound is not kept.
func (c *cache[K, V]) Put(key K, value V, size int) {
	size += overhead
	if size > min(c.max, math.MaxUint32) {
		c.Drop(key)
		return
	}
	c.entries.Set(key, entry[V]{value, uint32(size)})
}

// Drop forgets a key.
func (c *cache[K, V]) Drop(key K) { c.entries.Invalidate(key) }

// Clear forgets everything.
func (c *cache[K, V]) Clear() { c.entries.InvalidateAll() }

// Stats returns the number of entries and the bytes they use, about.
func (c *cache[K, V]) Stats() (entries, bytes int) {
	return c.entries.EstimatedSize(), int(c.entries.WeightedSize())
}
