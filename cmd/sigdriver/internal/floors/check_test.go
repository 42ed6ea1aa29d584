// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier"
)

// driver is the part of the daemon that remembers: floors, journal and archive
// in one state folder.
type driver struct {
	dir     string
	floors  *Store
	journal *journal.Journal
	archive *archive.Store
}

func drive(t testing.TB, dir string) (*driver, error) {
	t.Helper()
	a, err := archive.Open(filepath.Join(dir, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(filepath.Join(dir, "audit"), journal.Options{Archive: a})
	if err != nil {
		t.Fatal(err)
	}
	d := &driver{dir, open(t, filepath.Join(dir, "floors.db")), j, a}
	t.Cleanup(func() { j.Close() })
	return d, d.floors.Check(j)
}

// allow is what the daemon does with an ALLOW: floors, then journal.
func (d *driver) allow(t testing.TB, name string, to verifier.Floor) {
	t.Helper()
	before := d.floors.Snapshot()
	dec := compose(before, name, to)
	if err := d.floors.Apply(dec); err != nil {
		t.Fatal(err)
	}
	d.record(t, name, dec, before)
}

func (d *driver) record(t testing.TB, name string, dec *verifier.Decision, before verifier.Floors) {
	t.Helper()
	req := &verifier.Request{
		Purpose: verifier.Compose, Target: verifier.Target{GatewayID: "gw", Workspace: "prod", SandboxID: "sb-" + name, Name: name},
		Documents: []verifier.Document{{Role: verifier.SandboxPolicy, Body: []byte(name)}},
	}
	dec.Reason = verifier.Allowed
	dec.Documents = []verifier.DocumentResult{{SHA256: sha256.Sum256([]byte(name)), Passed: true}}
	e := journal.NewEntry(req, dec, before)
	e.Time, e.Revision = time.Unix(1, 0), d.floors.Snapshot().Revision()
	record, err := journal.NewRecord(req, dec).JSON()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.journal.Append(context.Background(), e, record); err != nil {
		t.Fatal(err)
	}
}

func (d *driver) stop(t testing.TB) {
	t.Helper()
	if err := errors.Join(d.floors.Close(), d.journal.Close()); err != nil {
		t.Fatal(err)
	}
}

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

// AU-05: an old copy of the journal, or of the floors, or a lost one, refuses to
// serve.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, part string
		crash      bool // the floors could not write the journal's head at the end
		spoil      func(t *testing.T, path string, restore func())
		want       string
	}{
		{name: "as it was left"},
		{name: "as a crash left it", crash: true},
		{name: "old journal", part: "audit", spoil: func(t *testing.T, path string, restore func()) { restore() }, want: "the floors remember"},
		{name: "old floors", part: "floors.db", spoil: func(t *testing.T, path string, restore func()) { restore() }, want: "was written at revision"},
		{name: "old floors after a crash", crash: true, part: "floors.db", spoil: func(t *testing.T, path string, restore func()) { restore() }, want: "was written at revision"},
		{name: "lost floors", part: "floors.db", spoil: func(t *testing.T, path string, _ func()) { os.Remove(path) }, want: "the floors are new"},
		{name: "lost journal", part: "audit", spoil: func(t *testing.T, path string, _ func()) { os.RemoveAll(path) }, want: "the floors remember"},
		{name: "another driver's journal", part: "audit", spoil: func(t *testing.T, path string, _ func()) {
			os.RemoveAll(path)
			other, err := drive(t, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"x", "y", "z", "u"} {
				other.allow(t, name, floor(1, 1))
			}
			other.stop(t)
			if err := os.CopyFS(path, os.DirFS(filepath.Join(other.dir, "audit"))); err != nil {
				t.Fatal(err)
			}
		}, want: "is not the one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := drive(t, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			d.allow(t, "web-1", floor(41, 1))
			d.stop(t)
			path := filepath.Join(d.dir, c.part)
			restore := func() {}
			if c.part != "" {
				restore = keep(t, path)
			}
			if d, err = drive(t, d.dir); err != nil {
				t.Fatal(err)
			}
			d.allow(t, "web-1", floor(42, 2))
			if c.crash {
				d.floors.head = func() journal.Head { return d.floors.saved.head }
			}
			d.allow(t, "web-2", floor(7, 3))
			d.stop(t)
			if c.spoil != nil {
				c.spoil(t, path, restore)
			}
			_, err = drive(t, d.dir)
			var forked *ForkError
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if !errors.As(err, &forked) || forked.Finding != journal.LogFork || !strings.Contains(forked.Detail, c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// Lost floors come back from the journal, also those of an entry that was too
// large to name them.
func TestRebuild(t *testing.T) {
	d, err := drive(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d.allow(t, "web-1", floor(41, 1))
	d.allow(t, "web-1", floor(42, 2))
	before := d.floors.Snapshot()
	many := compose(before, "web-2", floor(7, 3))
	for i := range 100 {
		many.Raises = append(many.Raises, verifier.Raise{Key: key("profile-" + strings.Repeat("x", 1+i)), Floor: floor(9, 9)})
	}
	if err := d.floors.Apply(many); err != nil {
		t.Fatal(err)
	}
	d.record(t, "web-2", many, before)
	want := d.floors.Snapshot()
	d.stop(t)
	if err := os.Remove(filepath.Join(d.dir, "floors.db")); err != nil {
		t.Fatal(err)
	}
	d, err = drive(t, d.dir)
	var forked *ForkError
	if !errors.As(err, &forked) {
		t.Fatalf("lost floors: %v", err)
	}
	if err := d.floors.Rebuild(d.journal, d.archive.Get); err != nil {
		t.Fatal(err)
	}
	got := d.floors.Snapshot()
	for _, k := range []verifier.FloorKey{key("web-1"), key("web-2"), key("profile-x"), key("profile-" + strings.Repeat("x", 100))} {
		if got.Floor(k) != want.Floor(k) || got.Floor(k).Version == 0 {
			t.Errorf("%s: %v, want %v", k.Name, got.Floor(k), want.Floor(k))
		}
	}
	if p, ok := got.Place(binding("web-2").Key); !ok || p != binding("web-2").Place {
		t.Errorf("place %v %v", p, ok)
	}
	if err := d.floors.Rebuild(d.journal, d.archive.Get); err == nil {
		t.Error("rebuilt twice")
	}
	d.stop(t)
	if _, err = drive(t, d.dir); err != nil {
		t.Fatalf("after the rebuild: %v", err)
	}
}
