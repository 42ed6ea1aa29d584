// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// AU-05: a log does not open over a journal that is not the one it has followed.
func TestForks(t *testing.T) {
	refuses := func(what string, s *state, finding, text string) {
		t.Helper()
		var wrong *tilelog.Error
		if err := s.open(tilelog.Options{}); !errors.As(err, &wrong) || wrong.Finding != finding || !strings.Contains(wrong.Error(), text) {
			t.Errorf("%s: %v", what, err)
		}
	}
	tree := func(s *state) string { return filepath.Join(s.dir, "log", tilelog.TreeFile) }
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	write := func(path string, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	s := finished(t, 6, 0)
	file := s.segmentFiles()[0]
	all := records(t, file)
	write(file, slices.Concat(all[:5]...))
	if err := os.Remove(filepath.Join(s.dir, "head")); err != nil { // else the journal itself does not open
		t.Fatal(err)
	}
	s.openJournal(record.Options{})
	refuses("a journal that was cut off", s, record.LogFork, "the journal has 5 entries, the log 6")
	s.decideAbout("another", 1)
	refuses("and went on", s, record.LogFork, "another history")
	s.decideAbout("another", 5)
	refuses("and grew beyond", s, record.LogFork, "another history")

	s = finished(t, 6, 0)
	s.openJournal(record.Options{})
	good := read(tree(s))
	write(tree(s), []byte(strings.Replace(string(good), `"size":6`, `"size":5`, 1)))
	refuses("a writer behind its checkpoint", s, record.LogFork, "remembers 5 entries")
	write(tree(s), []byte(strings.Replace(string(good), `"size":6`, `"size":7`, 1)))
	refuses("a writer ahead of the journal", s, record.LogFork, "the log 7")
	for _, bad := range []string{"", "{", `{"size":6}`, `{"size":6,"root":"AAAA"}`, strings.Replace(string(good), `"size"`, `"Size"`, 1), string(good) + string(good)} {
		write(tree(s), []byte(bad))
		refuses("a writer that remembers "+bad, s, record.LogTampered, "writes")
	}
	write(tree(s), good)
	s.mustOpen(tilelog.Options{})
}

// An index that is not the sequence number stops the log: somebody changed what
// its writer remembers while it ran.
func TestIndexIsSequence(t *testing.T) {
	s := newState(t)
	s.mustOpen(tilelog.Options{})
	s.decide(3)
	s.covered()
	path := filepath.Join(s.dir, "log", tilelog.TreeFile)
	early, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.decide(3)
	s.covered()
	if err := os.WriteFile(path, early, 0o600); err != nil {
		t.Fatal(err)
	}
	s.decide(1)
	s.eventually("an end", func() bool { return s.log.Status().Stopped })
	// By the index that the next entry is given, or by a checkpoint for less than the
	// one before, whichever is made first.
	var wrong *tilelog.Error
	if err := s.log.Status().Err; !errors.As(err, &wrong) || wrong.Finding != record.LogFork {
		t.Error(err)
	}
	s.decide(3) // the journal goes on
}

// One writer at a time, and it does not wait: AU-04.
func TestOneWriter(t *testing.T) {
	s := newState(t)
	s.mustOpen(tilelog.Options{})
	var locked *disk.LockedError
	if _, err := tilelog.Open(filepath.Join(s.dir, "log"), s.journal.Journal, tilelog.Options{Key: logKey(t), Logger: hclog.NewNullLogger()}); !errors.As(err, &locked) {
		t.Error(err)
	}
	for _, o := range []tilelog.Options{{}, {Key: logKey(t)}, {Logger: hclog.NewNullLogger()}, {Key: logKey(t), Logger: hclog.NewNullLogger(), Interval: tilelog.MinInterval - 1}} {
		if l, err := tilelog.Open(filepath.Join(t.TempDir(), "log"), s.journal.Journal, o); err == nil {
			t.Errorf("it opens with %+v", o)
			l.Close()
		}
	}
}
