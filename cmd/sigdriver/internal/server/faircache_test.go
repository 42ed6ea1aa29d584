// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"slices"
	"testing"
)

// ofUID is a question that a uid asks.
type ofUID struct {
	uid uint32
	n   int
}

func (k ofUID) owner() uint32 { return k.uid }

// cleanUp lets evictions that are due happen.
func (c *fairCache[K, V]) cleanUp() {
	for _, p := range *c.parts.Load() {
		p.entries.CleanUp()
	}
}

// A uid that asks what nobody asks twice pushes out nothing of one that polls, who came
// later and whose answers are all new.
func TestNobodyPushesOutAnother(t *testing.T) {
	const (
		sandboxes = 200
		size      = 1 << 10
		max       = 2 * sandboxes * (size + overhead)
	)
	c := newFairCache[ofUID, int](max)
	flood := 0
	for range 1000 {
		flood++
		c.Put(ofUID{7, flood}, flood, 4*size)
	}
	made := 0
	for range 20 {
		for n := range sandboxes {
			for range 5 {
				flood++
				c.Put(ofUID{7, flood}, flood, 4*size)
			}
			if _, ok := c.Get(ofUID{8, n}); !ok {
				made++
				c.Put(ofUID{8, n}, n, size)
			}
		}
	}
	if made != sandboxes {
		t.Errorf("%d answers were made for %d questions", made, sandboxes)
	}
	c.cleanUp()
	if n, used := c.Stats(); used > max || n <= sandboxes {
		t.Errorf("%d entries of %d bytes, within %d", n, used, max)
	}
}

// Who is alone has all of it, also after others have been there.
func TestOneAloneFillsTheCache(t *testing.T) {
	const fits = 1000
	c := newFairCache[ofUID, int](fits * (overhead + 100))
	for n := range fits {
		c.Put(ofUID{1, n}, n, 100)
	}
	c.cleanUp()
	if n, _ := c.Stats(); n != fits {
		t.Errorf("%d of %d are there", n, fits)
	}
	for n := range fits {
		c.Put(ofUID{2, n}, n, 100)
	}
	for n := range fits { // and goes away
		c.Drop(ofUID{2, n})
	}
	for range 3 {
		for n := range fits {
			if _, ok := c.Get(ofUID{1, n}); !ok {
				c.Put(ofUID{1, n}, n, 100)
			}
		}
	}
	c.cleanUp()
	if n, _ := c.Stats(); n < fits*(slack-1)/slack {
		t.Errorf("%d of %d are there again", n, fits)
	}
}

// Uids without end have one part together, and take nothing from who has one.
func TestUidsWithoutEnd(t *testing.T) {
	const max = 1 << 20
	c := newFairCache[ofUID, int](max)
	for uid := range uint32(10_000) {
		c.Put(ofUID{uid, 0}, 1, 100)
	}
	if n := len(*c.parts.Load()); n != maxParts {
		t.Errorf("%d parts, want %d", n, maxParts)
	}
	c.cleanUp()
	if _, used := c.Stats(); used > max {
		t.Errorf("%d bytes, within %d", used, max)
	}
	if _, ok := c.Get(ofUID{0, 0}); !ok {
		t.Error("what the first uid had is gone")
	}
}

func TestFairShare(t *testing.T) {
	for _, test := range []struct {
		wants []int
		want  int
	}{
		{[]int{100}, 64},
		{[]int{100, 100}, 32},
		{[]int{10, 100}, 54},
		{[]int{100, 10, 100}, 27},
		{[]int{1, 2, 30}, 31}, // all fit, so much is left
	} {
		if got := fairShare(slices.Clone(test.wants), 64); got != test.want {
			t.Errorf("%v: %d, want %d", test.wants, got, test.want)
		}
	}
}
