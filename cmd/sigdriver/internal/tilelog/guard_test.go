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
	"github.com/transparency-dev/tessera/api/layout"

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
	key := testKey(t, testOrigin, "log")
	entries := [][]byte{[]byte("one"), []byte("two"), []byte("three")}
	text := func(size uint64, of [][]byte) []byte {
		c := Checkpoint{Origin: testOrigin, Size: size, Root: rootOf(t, of)}
		return []byte(c.Text())
	}
	fresh := func(onDisk [][]byte) *guard {
		dir := t.TempDir()
		bundleOf(t, dir, onDisk)
		g := &guard{key: key, dir: dir, rng: ranges.NewEmptyRange(0)}
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
