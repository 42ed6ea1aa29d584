// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"container/list"
	"sync"
)

// cache remembers values by key, bounded in bytes; the least recently used go first.
// Keys are digests or hold one, so that nobody chooses where they land. It is safe
// for concurrent use.
type cache[K comparable, V any] struct {
	mu      sync.Mutex
	max     int
	used    int
	order   *list.List // front: most recently used
	entries map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
	size  int
}

// overhead is what an entry costs beside its value: the map slot, the list
// element and the key, rounded up.
const overhead = 256

// newCache makes a cache that holds values of at most max bytes, overhead included.
func newCache[K comparable, V any](max int) *cache[K, V] {
	return &cache[K, V]{max: max, order: list.New(), entries: map[K]*list.Element{}}
}

// Get returns a value and marks it as used.
func (c *cache[K, V]) Get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[key]
	if !ok {
		var none V
		return none, false
	}
	c.order.MoveToFront(el)
	return el.Value.(*entry[K, V]).value, true
}

// Put stores a value of size bytes. One that alone exceeds the bound is not kept.
func (c *cache[K, V]) Put(key K, value V, size int) {
	size += overhead
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[key]; ok {
		c.remove(el)
	}
	if size > c.max {
		return
	}
	for c.used+size > c.max {
		c.remove(c.order.Back())
	}
	c.entries[key] = c.order.PushFront(&entry[K, V]{key, value, size})
	c.used += size
}

// Drop forgets a key.
func (c *cache[K, V]) Drop(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[key]; ok {
		c.remove(el)
	}
}

// Clear forgets everything.
func (c *cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order.Init()
	clear(c.entries)
	c.used = 0
}

// Stats returns the number of entries and the bytes they use.
func (c *cache[K, V]) Stats() (entries, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries), c.used
}

func (c *cache[K, V]) remove(el *list.Element) {
	e := c.order.Remove(el).(*entry[K, V])
	delete(c.entries, e.key)
	c.used -= e.size
}
