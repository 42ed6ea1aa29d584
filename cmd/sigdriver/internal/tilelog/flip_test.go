// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
)

// everyByte flips each byte of the larger log too.
var everyByte = flag.Bool("every-byte", false, "flip every byte of the larger log, not one in many")

// count appends small entries, counts of answers given again, many at a time.
func (s *state) count(n int) {
	s.t.Helper()
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var all sync.WaitGroup
	for c := range 64 {
		all.Go(func() {
			for i := c; i < n; i += 64 {
				if _, err := s.journal.Count(record.Served{From: at, To: at.Add(time.Duration(i) * time.Second), Others: uint64(i + 1)}); err != nil {
					s.t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// finished is a state folder with a log over some entries, closed.
func finished(t *testing.T, decisions, counts int) *state {
	s := newState(t)
	s.decide(decisions)
	s.count(counts)
	s.mustOpen(tilelog.Options{})
	s.covered()
	s.close()
	if err := s.journal.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// evidence lists the files that a log stands on: its checkpoint, the tiles and
// bundles that it refers to, what its writer remembers, and the journal.
func (s *state) evidence() []string {
	s.t.Helper()
	var names []string
	needed := s.partial()
	err := filepath.WalkDir(s.dir, func(path string, e os.DirEntry, err error) error {
		name, _ := filepath.Rel(s.dir, path)
		switch {
		case err != nil || e.IsDir():
		case strings.Contains(name, ".p/") && !needed[name]: // of a smaller tree, which nothing refers to any more
		case strings.HasPrefix(name, "audit/") && strings.HasSuffix(name, ".seg"), name == "log/checkpoint", name == "log/.state/treeState", strings.HasPrefix(name, "log/tile/"):
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// partial are the partial tiles and the partial bundle that the checkpoint refers to.
func (s *state) partial() map[string]bool {
	s.t.Helper()
	size := s.well().Checkpoint.Size
	needed := map[string]bool{}
	if p := layout.PartialTileSize(0, size/256, size); p > 0 {
		needed["log/"+layout.EntriesPath(size/256, p)] = true
	}
	for level := uint64(0); size>>(8*level) > 0; level++ {
		index := size >> (8 * (level + 1))
		if p := layout.PartialTileSize(level, index, size); p > 0 {
			needed["log/"+layout.TilePath(level, index, p)] = true
		}
	}
	if len(needed) < 2 {
		s.t.Fatalf("%d partial files of a tree of %d", len(needed), size)
	}
	return needed
}

// Every byte that is not the one that was written is found, and named.
func TestEveryFlipIsFound(t *testing.T) {
	every, stride := 1, 97
	if testing.Short() {
		every, stride = 31, 499
	}
	if *everyByte {
		stride = 1
	}
	flips := finished(t, 2, 1).flip(every)
	more := finished(t, 2, 300).flip(stride)
	t.Logf("%d and %d flips", flips, more)
	if flips < 3000/every || more < 40000/stride {
		t.Error("there was little to flip")
	}
}

// flip flips one byte in stride of each file, one at a time, and audits.
func (s *state) flip(stride int) (flips int) {
	t := s.t
	t.Helper()
	s.well()
	names := s.evidence()
	for _, want := range []string{"log/checkpoint", "log/.state/treeState", "log/tile/0", "log/tile/entries", "audit/"} {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, want) }) {
			t.Fatalf("nothing below %s among %q", want, names)
		}
	}
	for _, name := range names {
		path := filepath.Join(s.dir, name)
		data, err := os.ReadFile(path)
		if err != nil || len(data) == 0 {
			t.Fatal(name, err)
		}
		step := stride
		if len(data) < 1000 && testing.Short() {
			step = 7
		} else if len(data) < 1000 {
			step = 1
		}
		for i := 0; i < len(data); i += step {
			bad := slices.Clone(data)
			bad[i] ^= 1 << (i % 8)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			flips++
			s.named(name, int64(i))
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.well()
	return flips
}

// named asserts that an audit finds a flip: in its file, and but for the checkpoint
// and the writer's memory at its byte.
func (s *state) named(name string, at int64) {
	s.t.Helper()
	r := s.audit()
	found := slices.ContainsFunc(r.Findings, func(f evidence.Finding) bool {
		return f.File == name && (f.Offset == at || strings.HasPrefix(name, "log/checkpoint") || strings.HasPrefix(name, "log/.state/"))
	})
	if !found {
		s.t.Errorf("byte %d of %s: %+v", at, name, r.Findings)
	}
}

// A driver does not start over a checkpoint in which a byte was changed, nor over
// what its writer remembers when that is not how far the tiles are.
func TestNoStartOverFlips(t *testing.T) {
	s := finished(t, 3, 0)
	s.openJournal(record.Options{})
	for _, name := range []string{"checkpoint", "tile/0/000.p/3"} {
		path := filepath.Join(s.dir, "log", name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		step := 1
		if testing.Short() {
			step = 7
		}
		for i := 0; i < len(data); i += step {
			bad := slices.Clone(data)
			bad[i] ^= 1 << (i % 8)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			var wrong *tilelog.Error
			if err := s.open(tilelog.Options{}); !errors.As(err, &wrong) || wrong.Finding != record.LogTampered {
				t.Fatalf("byte %d of %s: %v", i, name, err)
			}
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.mustOpen(tilelog.Options{})
	s.decide(1)
	s.covered()
}

// A bit that flips on the disk, between the writing and the signing, stops the log
// for good: it is never signed over, not even after a restart.
func TestFlipBeforeSigning(t *testing.T) {
	s := newState(t)
	s.mustOpen(tilelog.Options{})
	s.decide(3)
	s.covered()
	s.close()
	// As a crash leaves it: in tiles, and not covered yet.
	checkpointFile := filepath.Join(s.dir, "log", "checkpoint")
	old, err := os.ReadFile(checkpointFile)
	if err != nil {
		t.Fatal(err)
	}
	s.mustOpen(tilelog.Options{})
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
		s.mustOpen(tilelog.Options{})
		s.eventually("an end", func() bool { return s.log.Status().Stopped })
		var wrong *tilelog.Error
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
	s.mustOpen(tilelog.Options{})
	s.covered()
	s.well()
}
