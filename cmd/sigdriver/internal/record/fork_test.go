// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keep copies a part of the state folder and returns a function that puts the
// copy back.
func keep(t testing.TB, path string) func() {
	t.Helper()
	saved := filepath.Join(t.TempDir(), "copy")
	copyAll := func(from, to string) {
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(from); err == nil && st.IsDir() {
			if err := os.CopyFS(to, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			return
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copyAll(path, saved)
	return func() { copyAll(saved, path) }
}

// AU-05: an old copy of the journal, or another one, refuses to serve. What only
// shortens the start may be lost or old.
func TestFork(t *testing.T) {
	for _, c := range []struct {
		name, part string
		spoil      func(t *testing.T, dir, path string, restore func())
		want       string // "" for none
	}{
		{name: "as it was left"},
		{name: "old journal", part: "audit", spoil: func(t *testing.T, _, path string, restore func()) { restore() }, want: "its snapshot stands for"},
		{name: "old journal, no snapshot", part: "audit", spoil: func(t *testing.T, dir, path string, restore func()) {
			restore()
			os.Remove(filepath.Join(dir, fileSnapshot))
		}, want: "the driver remembers"},
		{name: "lost journal", part: "audit", spoil: func(t *testing.T, _, path string, _ func()) { os.RemoveAll(path) }, want: "its snapshot stands for"},
		{name: "old snapshot", part: fileSnapshot, spoil: func(t *testing.T, _, path string, restore func()) { restore() }},
		{name: "lost snapshot", part: fileSnapshot, spoil: func(t *testing.T, _, path string, _ func()) { os.Remove(path) }},
		{name: "old head", part: fileHead, spoil: func(t *testing.T, _, path string, restore func()) { restore() }},
		{name: "lost head", part: fileHead, spoil: func(t *testing.T, _, path string, _ func()) { os.Remove(path) }},
		{name: "another driver's journal", part: "audit", spoil: func(t *testing.T, _, path string, _ func()) { another(t, path) }, want: "is not the one that its snapshot remembers"},
		{name: "another driver's journal, no snapshot", part: "audit", spoil: func(t *testing.T, dir, path string, _ func()) {
			another(t, path)
			os.Remove(filepath.Join(dir, fileSnapshot))
		}, want: "is not the one that the driver remembers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			archive := &objects{}
			s := openStore(t, t.TempDir(), Options{Archive: archive})
			allow(t, s, "web-1", floor(41, 1))
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(s.dir, c.part)
			restore := func() {}
			if c.part != "" {
				restore = keep(t, path)
			}
			s = openStore(t, s.dir, Options{Archive: archive})
			allow(t, s, "web-1", floor(42, 2))
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
			allow(t, s, "web-2", floor(7, 3))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if c.spoil != nil {
				c.spoil(t, s.dir, path, restore)
			}
			s, err := Open(s.dir, Options{Archive: archive})
			var forked *ForkError
			switch {
			case c.want != "":
				if !errors.As(err, &forked) || !strings.HasPrefix(err.Error(), LogFork) || !strings.Contains(forked.Detail, c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
			case err != nil:
				t.Error(err)
			default:
				if v := s.View(); v.Floor(key("web-1")) != floor(42, 2) || v.Floor(key("web-2")) != floor(7, 3) {
					t.Errorf("floors %v %v", v.Floor(key("web-1")), v.Floor(key("web-2")))
				}
				s.Close()
			}
		})
	}
}

// another puts the journal of another driver in the place of one.
func another(t *testing.T, path string) {
	t.Helper()
	os.RemoveAll(path)
	other := openStore(t, t.TempDir(), Options{})
	for _, name := range []string{"x", "y", "z", "u"} {
		allow(t, other, name, floor(1, 1))
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(path, os.DirFS(filepath.Join(other.dir, "audit"))); err != nil {
		t.Fatal(err)
	}
}

// A snapshot or head with any byte changed, or cut short, is not believed: opening
// it or looking something up in it fails, and says what to do, which works.
func TestSnapshotDamage(t *testing.T) {
	archive := &objects{}
	s := openStore(t, t.TempDir(), Options{Archive: archive})
	names := []string{}
	for i := range 120 { // more than a page
		names = append(names, fmt.Sprint("web-", i))
		allow(t, s, names[i], floor(7, byte(i+1)))
	}
	lower(t, s, "order", "web-11*", 3)
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	if s.base.header.Pages < 3 {
		t.Fatalf("%d pages", s.base.header.Pages)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want := folded(t, s.dir, archive)
	for _, file := range []string{fileSnapshot, fileHead} {
		path := filepath.Join(s.dir, file)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(good)/700)
		for at := 0; at < len(good); at += step {
			bad := append([]byte(nil), good...)
			bad[at] ^= 1 << (at % 8)
			if at%3 == 0 {
				bad = good[:at]
			}
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if why := lookAll(t, s.dir, archive, names, want); why == nil {
				t.Errorf("%s changed at byte %d of %d goes unnoticed", file, at, len(good))
			} else if invalid := (*SnapshotError)(nil); !errors.As(why, &invalid) || !strings.Contains(why.Error(), "--rebuild-floors") {
				t.Errorf("%s changed at byte %d: %v", file, at, why)
			}
		}
		s := openStore(t, s.dir, Options{Archive: archive, Rebuild: true})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if why := lookAll(t, s.dir, archive, names, want); why != nil {
			t.Errorf("%s: after a rebuild: %v", file, why)
		}
	}
}

// lookAll opens a record, compares all that it holds with a state, and returns why
// it cannot be believed. An answer that is wrong fails the test.
func lookAll(t *testing.T, dir string, archive Archive, names []string, want *State) error {
	t.Helper()
	s, err := Open(dir, Options{Archive: archive})
	if err != nil {
		return err
	}
	defer func() {
		s.keeper.halt()
		s.Journal.Close()
		s.closeSnapshot()
	}()
	for _, name := range names {
		v := s.View()
		f := v.Floor(key(name))
		_, bound := v.Place(binding(name).Key)
		if s.Err() != nil {
			if _, _, err := commit(s, compose(v, name, floor(9, 9))); err == nil {
				t.Error("a decision by a state that cannot be read is recorded")
			}
			return s.Err()
		}
		if is, _ := want.Floor(key(name)); f != is || !bound {
			t.Errorf("%s is at %v, bound %v", name, f, bound)
		}
	}
	_, err = s.state.WasReset("order")
	return err
}

// The audit's comparison sees what the seals cannot: a snapshot that was made for
// the entry, with other rows.
func TestCompareSnapshot(t *testing.T) {
	archive := &objects{}
	s := openStore(t, t.TempDir(), Options{Archive: archive})
	allow(t, s, "web-1", floor(7, 1))
	allow(t, s, "web-2", floor(7, 1))
	for name, spoil := range map[string]func(*layer, *snapshotHeader){
		"":                  func(*layer, *snapshotHeader) {},
		"a lower floor":     func(l *layer, _ *snapshotHeader) { l.floors[key("web-1")] = floor(6, 1) },
		"a row less":        func(l *layer, _ *snapshotHeader) { delete(l.floors, key("web-2")) },
		"a row more":        func(l *layer, _ *snapshotHeader) { l.resets["x"] = 1 },
		"another place":     func(l *layer, _ *snapshotHeader) { l.places[binding("web-1").Key] = binding("web-2").Place },
		"another revision":  func(_ *layer, h *snapshotHeader) { h.Revision++ },
		"another high mark": func(_ *layer, h *snapshotHeader) { h.HighWater = h.HighWater.AddDate(1, 0, 0) },
	} {
		state := folded(t, s.dir, archive)
		header := snapshotHeader{Size: state.Head.Size, Sum: state.Head.Sum, Revision: state.Revision, HighWater: state.HighWater}
		spoil(state.top, &header)
		if err := s.writeSnapshot(header, state.top); err != nil {
			t.Fatal(err)
		}
		snapshot, err := OpenSnapshot(s.dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := snapshot.Compare(folded(t, s.dir, archive))
		snapshot.Close()
		if err != nil || (got == "") != (name == "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}
