// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestCursorFollows(t *testing.T) {
	j := start(t, t.TempDir(), Options{SegmentSize: 3000})
	for _, from := range []uint64{0, 3, 7} {
		c, err := j.Follow(from)
		if err != nil {
			t.Fatal(err)
		}
		next := from
		for round := range 6 {
			for i := range 5 {
				add(t, j, allowed(fmt.Sprintf("web-%d-%d", round, i)))
			}
			for {
				raws, err := c.Next(2)
				if err != nil {
					t.Fatal(err)
				}
				if len(raws) == 0 {
					break
				}
				for _, r := range raws {
					if r.Seq != next {
						t.Fatalf("from %d: entry %d came as %d", from, next, r.Seq)
					}
					for s, err := range j.Entries(r.Seq) {
						if err != nil || s.Sum != r.Sum || string(s.Raw) != string(r.Entry) {
							t.Fatalf("entry %d is not what a reader reads: %v", r.Seq, err)
						}
						break
					}
					next++
				}
			}
		}
		if size := j.Head().Size; next != size {
			t.Errorf("from %d: it stopped at %d of %d", from, next, size)
		}
	}
}

// More than a chunk, so that records lie across its edge.
func TestCursorChunks(t *testing.T) {
	j := start(t, t.TempDir(), Options{})
	e := allowed("web")
	e.Attestations = make([]string, 180)
	for i := range e.Attestations {
		e.Attestations[i] = Digest{byte(i)}.String()
	}
	const n = 200 // of some 12 KiB
	for range n {
		add(t, j, e)
	}
	c, err := j.Follow(0)
	if err != nil {
		t.Fatal(err)
	}
	if raws, err := c.Next(1 << 20); err != nil || len(raws) != n || raws[n-1].Sum != j.Head().Sum {
		t.Errorf("%d entries, %v", len(raws), err)
	}
}

func TestCursorMeetsDamage(t *testing.T) {
	dir := t.TempDir()
	j := start(t, dir, Options{SegmentSize: 1})
	for i := range 4 {
		add(t, j, allowed(fmt.Sprint(i)))
	}
	change := func(seq uint64, damage func(string) error, finding, detail string) {
		t.Helper()
		name := segmentName(dir, seq)
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(name); err != nil {
			t.Fatal(err)
		}
		c, err := j.Follow(0)
		if err == nil {
			_, err = c.Next(100)
		}
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.Finding != finding || corrupt.Seq != seq || !strings.Contains(corrupt.Detail, detail) {
			t.Errorf("entry %d: %v", seq, err)
		}
		if err := os.WriteFile(name, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(name string) error {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		data[40] ^= 1
		return os.WriteFile(name, data, 0o600)
	}
	change(2, flip, LogTampered, "sha256")
	change(1, os.Remove, LogGap, "durable")
	change(0, os.Remove, LogGap, "missing")
	change(3, func(name string) error { return os.Truncate(name, 0) }, LogGap, "durable")
	if c, err := j.Follow(0); err != nil {
		t.Error(err)
	} else if raws, err := c.Next(100); err != nil || len(raws) != 4 {
		t.Errorf("without damage: %d entries, %v", len(raws), err)
	}
}
