// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/tessera/api/layout"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
)

// segmentFiles are the journal's segments, in order.
func (s *state) segmentFiles() []string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "audit", "*.seg"))
	if err != nil || len(files) == 0 {
		s.t.Fatal(files, err)
	}
	slices.Sort(files)
	return files
}

func records(t *testing.T, file string) (all [][]byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 0 {
		n := 4 + int(binary.BigEndian.Uint32(data)) + 32
		all = append(all, data[:n:n])
		data = data[n:]
	}
	return all
}

// AU-03: a record that is deleted, moved or put in is found at its place.
func TestRecordsMoved(t *testing.T) {
	s := finished(t, 2, 8)
	file := s.segmentFiles()[0]
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := records(t, file)
	for _, c := range []struct {
		what    string
		records [][]byte
		finding string
		entry   int64
	}{
		{"deleted", append(slices.Clone(all[:4]), all[5:]...), record.LogGap, 4},
		{"the first deleted", all[1:], record.LogGap, 0},
		{"the last deleted", all[:9], record.LogFork, 9},
		{"the last three deleted", all[:7], record.LogFork, 7},
		{"swapped", slices.Concat(all[:3], [][]byte{all[4], all[3]}, all[5:]), record.LogGap, 3},
		{"twice", slices.Concat(all[:6], [][]byte{all[5]}, all[6:]), record.LogTampered, 6},
		{"put in", slices.Concat(all[:6], [][]byte{all[2]}, all[6:]), record.LogTampered, 6},
	} {
		if err := os.WriteFile(file, slices.Concat(c.records...), 0o600); err != nil {
			t.Fatal(err)
		}
		r := s.audit()
		if r.Well() || r.Findings[0].Code != c.finding || r.Findings[0].Entry != c.entry {
			t.Errorf("%s: %+v", c.what, r.Findings)
		}
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	s.well()
}

// Whatever of the log's own files is gone is missed.
func TestFilesGone(t *testing.T) {
	s := finished(t, 2, 600)
	missed := 0
	for _, name := range s.evidence() {
		path := filepath.Join(s.dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range []int{-1, 0, len(data) / 2, len(data) - 1} {
			if cut >= 0 {
				err = os.WriteFile(path, data[:cut], 0o600)
			} else {
				err = os.Remove(path)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := s.audit()
			at := slices.IndexFunc(r.Findings, func(f evidence.Finding) bool { return f.File == name || strings.HasPrefix(name, "audit/") })
			if at < 0 {
				t.Errorf("%s, cut to %d bytes: %+v", name, cut, r.Findings)
			}
			missed++
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if missed < 4*8 {
		t.Errorf("only %d losses", missed)
	}
	s.well()
}

// Segments whose entries are in whole bundles below the checkpoint may be kept
// elsewhere: every proof holds without them, and the driver goes on. Any other
// that is gone is a gap.
func TestSegmentsKeptElsewhere(t *testing.T) {
	s := newState(t)
	s.journal.Close()
	s.openJournal(record.Options{SegmentSize: 8 << 10})
	s.decide(10)
	s.count(600)
	s.mustOpen(tilelog.Options{})
	s.covered()
	s.close()
	if r := s.well(); len(r.Movable) > 0 {
		t.Fatalf("%q may be moved before a snapshot stands for them", r.Movable)
	}
	if err := s.journal.Snapshot(); err != nil {
		t.Fatal(err)
	}
	s.journal.Close()
	r := s.well()
	files := s.segmentFiles()
	if len(r.Movable) < 2 || len(r.Movable) > len(files)-2 {
		t.Fatalf("%d of %d segments may be moved", len(r.Movable), len(files))
	}
	aside := t.TempDir()
	for i, name := range r.Movable {
		if filepath.Join(s.dir, name) != files[i] {
			t.Fatalf("%s is movable before %s", name, files[i])
		}
		if err := os.Rename(files[i], filepath.Join(aside, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	less := s.well()
	if less.Entries != r.Entries || less.Decisions != r.Decisions || less.Objects != r.Objects || less.Head != r.Head || less.Bundled == 0 {
		t.Errorf("%+v\nwith all segments: %+v", less, r)
	}
	s.openJournal(record.Options{SegmentSize: 8 << 10})
	s.mustOpen(tilelog.Options{})
	s.decide(5)
	s.covered()
	s.close()
	s.journal.Close()
	s.well()
	if err := s.fsck(); err != nil {
		t.Error(err)
	}

	next := files[len(r.Movable)]
	if err := os.Rename(next, filepath.Join(aside, filepath.Base(next))); err != nil {
		t.Fatal(err)
	}
	if r := s.audit(); r.Well() || r.Findings[0].Code != record.LogGap {
		t.Errorf("one segment more is gone: %+v", r.Findings)
	}
	if err := os.Rename(filepath.Join(aside, filepath.Base(next)), next); err != nil {
		t.Fatal(err)
	}
	last := journalSeq(t, next) - 1 // the last entry that only a bundle has
	for _, c := range []struct {
		entry int64
		file  string // where the next of the chain shows it
	}{{20, "log/tile/entries/000"}, {last, "audit/" + filepath.Base(next)}} {
		bundle := filepath.Join(s.dir, "log", layout.EntriesPath(uint64(c.entry)/256, 0))
		data, err := os.ReadFile(bundle)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(data)
		at := bytes.Index(bad, fmt.Appendf(nil, `"seq":"%d","served":{"from":"2026`, c.entry))
		if at < 0 {
			t.Fatalf("no entry %d in %s", c.entry, bundle)
		}
		bad[at+bytes.Index(bad[at:], []byte(`"to":"2026`))+9] ^= 1 // another year
		if err := os.WriteFile(bundle, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		r := s.audit()
		if !slices.ContainsFunc(r.Findings, func(f evidence.Finding) bool {
			return f.Code == record.LogTampered && f.File == c.file && f.Entry == c.entry+1
		}) {
			t.Errorf("entry %d was changed where only a bundle has it: %+v", c.entry, r.Findings)
		}
		if err := os.WriteFile(bundle, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.well()
}

// journalSeq is the sequence number that a segment begins with.
func journalSeq(t *testing.T, file string) int64 {
	t.Helper()
	var n int64
	if _, err := fmt.Sscanf(filepath.Base(file), "%d.seg", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A log that was moved aside is made anew from the journal: the same entries make
// the same files. So is a checkpoint that was removed because the key changed.
func TestMadeAnew(t *testing.T) {
	s := finished(t, 2, 600)
	tiles := map[string]string{}
	for _, name := range s.evidence() {
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		tiles[name] = string(data)
	}
	if err := os.Rename(filepath.Join(s.dir, "log"), filepath.Join(t.TempDir(), "aside")); err != nil {
		t.Fatal(err)
	}
	s.reopen(tilelog.Options{})
	s.covered()
	s.close()
	for name, want := range tiles {
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		if err == nil && string(data) != want {
			t.Errorf("%s is another one", name)
		} else if err != nil && !strings.Contains(name, ".p/") { // which partial tiles there are depends on the batches
			t.Error(err)
		}
	}
	if err := s.open(tilelog.Options{Key: newLogKey(t, "changed")}); err == nil || !strings.Contains(err.Error(), "not signed by") || !strings.Contains(err.Error(), "remove this file") {
		t.Errorf("another key over the old checkpoint: %v", err)
	}
	if err := os.Remove(filepath.Join(s.dir, "log", "checkpoint")); err != nil {
		t.Fatal(err)
	}
	s.mustOpen(tilelog.Options{Key: newLogKey(t, "changed")})
	s.covered()
	s.close()
	if r := s.audit(); r.Well() || r.Checkpoint.Signed || r.Checkpoint.Size != 602 {
		t.Errorf("with the key of before: %+v", r.Findings)
	}
}
