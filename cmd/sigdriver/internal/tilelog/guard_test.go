// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/checkpoint"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// bundleOf writes the bundle of some entries where the log has it.
func bundleOf(t *testing.T, dir string, entries [][]byte) {
	t.Helper()
	var data []byte
	for _, e := range entries {
		data = append(append(data, byte(len(e)>>8), byte(len(e))), e...)
	}
	path := filepath.Join(dir, layout.EntriesPath(0, uint8(len(entries))))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func rootOf(t *testing.T, entries [][]byte) [32]byte {
	t.Helper()
	r := ranges.NewEmptyRange(0)
	for _, e := range entries {
		if err := r.Append(rfc6962.DefaultHasher.HashLeaf(e), nil); err != nil {
			t.Fatal(err)
		}
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		t.Fatal(err)
	}
	return [32]byte(root)
}

// AU-10: nothing is signed that was not read back and found to be the journal's.
func TestGuardSignsWhatIsThere(t *testing.T) {
	entries := [][]byte{[]byte("one"), []byte("two"), []byte("three")}
	text := func(size uint64, of [][]byte) []byte {
		c := checkpoint.Checkpoint{Origin: origin, Size: size, Root: rootOf(t, of)}
		return []byte(c.Text())
	}
	fresh := func(onDisk [][]byte) *guard {
		dir := t.TempDir()
		bundleOf(t, dir, onDisk)
		g := &guard{key: logKey(t), dir: dir, rng: ranges.NewEmptyRange(0)}
		for _, e := range entries {
			g.expect(e)
		}
		return g
	}
	refuses := func(what string, g *guard, msg []byte, finding string) {
		t.Helper()
		var wrong *Error
		if sig, err := g.Sign(msg); sig != nil || !errors.As(err, &wrong) || wrong.Finding != finding {
			t.Errorf("%s: %x, %v", what, sig, err)
		}
		if _, err := g.Sign(text(3, entries)); err == nil {
			t.Errorf("%s: it signs again", what)
		}
		if g.err() == nil {
			t.Errorf("%s: nobody is told", what)
		}
	}

	g := fresh(entries)
	sig, err := g.Sign(text(3, entries))
	if err != nil || !g.key.Verify(text(3, entries), sig) {
		t.Fatal(err)
	}
	if _, err := g.Sign(text(3, entries)); err != nil {
		t.Errorf("the same once more: %v", err)
	}
	if _, err := g.Sign(text(4, append(slices.Clone(entries), []byte("four")))); !errors.Is(err, errAhead) || g.err() != nil {
		t.Errorf("ahead of the journal: %v", err)
	}
	refuses("a step back", g, text(2, entries[:2]), record.LogFork)

	flipped := slices.Clone(entries)
	flipped[1] = []byte("twO")
	refuses("another entry on disk", fresh(flipped), text(3, entries), record.LogTampered)
	refuses("another entry on disk and in the tree", fresh(flipped), text(3, flipped), record.LogTampered)
	refuses("another root", fresh(entries), text(3, flipped), record.LogTampered)
	refuses("another name", fresh(entries), slices.Concat([]byte("x"), text(3, entries)), record.LogTampered)
	refuses("a line more", fresh(entries), append(text(3, entries), "more\n"...), record.LogTampered)

	short := fresh(entries[:2]) // the bundle of three is not there
	if _, err := short.Sign(text(3, entries)); err == nil || short.err() != nil {
		t.Errorf("a bundle that cannot be read may be there the next time: %v, %v", err, short.err())
	}
	bundleOf(t, short.dir, entries)
	if _, err := short.Sign(text(3, entries)); err != nil {
		t.Error(err)
	}
	short.close()
	if _, err := short.Sign(text(3, entries)); !errors.Is(err, errClosed) {
		t.Error(err)
	}
}

// A bit that flips on the disk, between the writing and the signing, stops the log
// for good: it is never signed over, not even after a restart.
func TestFlipBeforeSigning(t *testing.T) {
	s := newState(t)
	s.mustOpen(Options{})
	s.decide(3)
	s.covered()
	s.close()
	// As a crash leaves it: in tiles, and not covered yet.
	checkpointFile := filepath.Join(s.dir, "log", "checkpoint")
	old, err := os.ReadFile(checkpointFile)
	if err != nil {
		t.Fatal(err)
	}
	s.mustOpen(Options{})
	s.decide(3)
	s.covered()
	s.close()
	if err := os.WriteFile(checkpointFile, old, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, "log", layout.EntriesPath(0, 6))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b api.EntryBundle
	if err := b.UnmarshalText(data); err != nil || len(b.Entries) != 6 {
		t.Fatal(err)
	}
	at := len(data) - len(b.Entries[5]) - 2 - 10 // in the fifth
	data[at] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.mustOpen(Options{})
		s.eventually("an end", func() bool { return s.log.Status().Stopped })
		var wrong *Error
		if st := s.log.Status(); !errors.As(st.Err, &wrong) || wrong.Entry != 4 || st.Covered != 3 || wrong.File != layout.EntriesPath(0, 6) {
			t.Errorf("%+v", st)
		}
		s.decide(1) // the journal goes on
		s.close()
	}
	if now, err := os.ReadFile(checkpointFile); err != nil || string(now) != string(old) {
		t.Error("another checkpoint was signed", err)
	}
	data[at] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s.mustOpen(Options{})
	s.covered()
	s.well()
}

func TestSweep(t *testing.T) {
	s := newState(t)
	s.mustOpen(Options{})
	s.decide(300)
	s.covered()
	s.close()
	before := s.evidence()
	var left []string
	for _, name := range []string{"checkpoint1234", ".state/treeState99", ".state/gcState5", "tile/0/0001234", "tile/0/001.p/44300", "tile/entries/001.p/44812", "tile/entries/00077", "tile/1/000.p/1999999999"} {
		left = append(left, filepath.Join(s.dir, "log", name))
		if err := os.WriteFile(left[len(left)-1], []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.mustOpen(Options{})
	s.decide(1)
	s.covered()
	for _, path := range left {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", path)
		}
	}
	for _, name := range before {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err != nil {
			t.Error(err)
		}
	}
	s.well()
}
