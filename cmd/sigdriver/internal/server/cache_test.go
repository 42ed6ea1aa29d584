// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import "testing"

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	c := newCache[string, int](3 * (overhead + 10))
	for i, k := range []string{"a", "b", "c"} {
		c.Put(k, i, 10)
	}
	c.Get("a")
	c.Put("d", 3, 10)
	for k, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if _, ok := c.Get(k); ok != want {
			t.Errorf("%s is there: %v, want %v", k, ok, want)
		}
	}
}

func TestBoundIsInBytes(t *testing.T) {
	const max = 64 << 10
	c := newCache[int, []byte](max)
	for i := range 100_000 {
		c.Put(i, nil, i%2000)
		if _, used := c.Stats(); used > max {
			t.Fatalf("%d bytes after %d entries", used, i)
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
	if n, used := c.Stats(); n != 0 || used != 0 {
		t.Errorf("%d entries of %d bytes", n, used)
	}
	c.Put("b", 2, 1)
	if v, ok := c.Get("b"); !ok || v != 2 {
		t.Error("unusable after Clear")
	}
}
