// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"os"
	"testing"
)

// While the snapshot is not the one that is open nothing stands on the record, and
// the keeper makes another one.
func TestSnapshotOutOfPlace(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	allow(t, s, "web-1", floor(5, 1))
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	path := s.path(fileSnapshot)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, harm := range map[string]func() error{
		"removed":   func() error { return os.Remove(path) },
		"moved":     func() error { return os.Rename(path, path+".x") },
		"truncated": func() error { return os.Truncate(path, int64(len(whole)-1)) },
		"replaced": func() error {
			return errors.Join(os.Rename(path, path+".x"), os.WriteFile(path, whole, 0o600))
		},
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		if s.InPlace() == nil || s.Ready() == nil || !s.snapshotGone() {
			t.Errorf("%s: nobody notices", what)
		}
		if _, _, err := commit(s, compose(s.View(), "web-2", floor(5, 2))); err == nil {
			t.Errorf("%s: an ALLOW was recorded", what)
		}
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(); err != nil {
			t.Errorf("%s, and made again: %v", what, err)
		}
	}
	allow(t, s, "web-2", floor(5, 2))
	reopen(t, s)
}

// What is durable in a segment that was moved meanwhile is told to nobody, and is
// part of the journal once it is back.
func TestMovedWhileWritten(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	allow(t, s, "web-1", floor(5, 1))
	path := s.Journal.segment.Load().path
	w, err := s.enqueue(kindServed, func() ([]byte, error) {
		return []byte("{}"), os.Rename(path, path+".x") // after Commit looked
	})
	if err != nil {
		t.Fatal(err)
	}
	s.nudge()
	<-w.done
	var misplaced *MisplacedError
	if !errors.As(w.err, &misplaced) || s.Err() != nil {
		t.Fatalf("the entry was told: %v, %v", w.err, s.Err())
	}
	if s.Head().Size != 2 {
		t.Errorf("the journal has %d entries", s.Head().Size)
	}
	if err := os.Rename(path+".x", path); err != nil {
		t.Fatal(err)
	}
	allow(t, s, "web-2", floor(5, 2))
}
