// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import "testing"

// Whoever polls in turn for more than fits finds most of what does, however little more it
// is, and the bound holds.
func TestCacheDegradesByShare(t *testing.T) {
	const fits = 5000
	for _, share := range []float64{1, 1.1, 1.5, 3} {
		c := newCache[int, int](fits * (overhead + 100))
		n, hits, rounds := int(fits*share), 0, 6
		for round := range rounds {
			for k := range n {
				_, ok := c.Get(k)
				if !ok {
					c.Put(k, k, 100)
				} else if round >= rounds/2 {
					hits++
				}
			}
		}
		c.entries.CleanUp()
		if _, used := c.Stats(); used > c.max {
			t.Errorf("%.1f times what fits: %d bytes", share, used)
		}
		got, want := float64(hits)/float64((rounds-rounds/2)*n), 1/share
		t.Logf("%.1f times what fits: %.1f %% are there, of at most %.1f %%", share, 100*got, 100*want)
		if got < 0.5*want {
			t.Errorf("%.1f times what fits: only %.1f %% are there", share, 100*got)
		}
	}
}

func TestBoundIsInBytes(t *testing.T) {
	const max = 64 << 10
	c := newCache[int, []byte](max)
	for i := range 100_000 {
		c.Put(i, nil, i%2000)
		if i%1000 != 0 {
			continue
		}
		if c.entries.CleanUp(); c.entries.WeightedSize() > max {
			t.Fatalf("%d bytes after %d entries", c.entries.WeightedSize(), i)
		}
	}
	if n, _ := c.Stats(); n == 0 {
		t.Error("nothing is kept")
	}
}

func TestPutReplaces(t *testing.T) {
	c := newCache[string, int](4096)
	c.Put("a", 1, 100)
	c.Put("a", 2, 200)
	if v, _ := c.Get("a"); v != 2 {
		t.Errorf("got %d", v)
	}
	c.entries.CleanUp()
	if n, used := c.Stats(); n != 1 || used != overhead+200 {
		t.Errorf("%d entries of %d bytes", n, used)
	}
	c.Put("a", 3, 5000) // too large: not kept, and the old value is no longer true
	if _, ok := c.Get("a"); ok {
		t.Error("an outdated value is left")
	}
}

func TestDropAndClear(t *testing.T) {
	c := newCache[string, int](4096)
	c.Put("a", 1, 1)
	c.Put("b", 1, 1)
	c.Drop("a")
	if _, ok := c.Get("a"); ok {
		t.Error("a is there")
	}
	c.Clear()
	c.entries.CleanUp()
	if n, used := c.Stats(); n != 0 || used != 0 {
		t.Errorf("%d entries of %d bytes", n, used)
	}
	c.Put("b", 2, 1)
	if v, ok := c.Get("b"); !ok || v != 2 {
		t.Error("unusable after Clear")
	}
}
