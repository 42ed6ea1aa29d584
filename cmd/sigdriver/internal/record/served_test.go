// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestCountServed(t *testing.T) {
	dir := t.TempDir()
	j := start(t, dir, Options{})
	for range 500 {
		add(t, j, allowed("web"))
	}
	s := Served{From: noon, To: noon.Add(time.Minute), Others: 7}
	for i := range 2*MaxServed + 1 {
		s.Answers = append(s.Answers, ServedAnswer{Index: uint64(i), Count: uint64(2*i + 1)})
	}
	left, err := j.Count(s)
	if err != nil || len(left.Answers) > 0 || left.Others > 0 {
		t.Fatalf("%d answers and %d others left, %v", len(left.Answers), left.Others, err)
	}
	var got Served
	entries := 0
	for e, err := range j.Entries(500) {
		if err != nil || e.Served == nil || e.Decision != nil || e.Suppressed != nil {
			t.Fatalf("entry %d is %+v, %v", e.Seq, e, err)
		}
		entries++
		got.Answers = append(got.Answers, e.Served.Answers...)
		got.Others += e.Served.Others
		if !e.Served.From.Equal(s.From) || !e.Served.To.Equal(s.To) {
			t.Errorf("entry %d is about %v to %v", e.Seq, e.Served.From, e.Served.To)
		}
	}
	if entries != 3 || got.Others != 7 || len(got.Answers) != len(s.Answers) || got.Answers[400] != s.Answers[400] {
		t.Errorf("%d entries with %d answers and %d others", entries, len(got.Answers), got.Others)
	}
}

// The largest numbers fit an entry.
func TestServedIsBounded(t *testing.T) {
	s := Served{From: noon, To: noon, Others: math.MaxUint64}
	for i := range MaxServed {
		s.Answers = append(s.Answers, ServedAnswer{Index: math.MaxUint64 - MaxServed + uint64(i) - 1, Count: math.MaxUint64})
	}
	if err := s.check(math.MaxUint64); err != nil {
		t.Fatal(err)
	}
	body, err := canonical(&s)
	if err != nil {
		t.Fatal(err)
	}
	if entry := frame(kindServed, body, math.MaxUint64, Digest{}); len(entry) > MaxEntry {
		t.Errorf("an entry of %d bytes", len(entry))
	} else if _, err := Parse(entry); err != nil {
		t.Error(err)
	}
}

func TestServedRefused(t *testing.T) {
	j := start(t, t.TempDir(), Options{})
	for range 3 {
		add(t, j, allowed("web"))
	}
	good := func() Served {
		return Served{From: noon, To: noon, Answers: []ServedAnswer{{0, 1}, {2, 1}}}
	}
	for name, spoil := range map[string]func(*Served){
		"an unknown entry":    func(s *Served) { s.Answers[1].Index = 3 },
		"an answer twice":     func(s *Served) { s.Answers[1].Index = 0 },
		"answers in disorder": func(s *Served) { s.Answers[0].Index, s.Answers[1].Index = 2, 0 },
		"no count":            func(s *Served) { s.Answers[0].Count = 0 },
		"no time":             func(s *Served) { s.From = time.Time{} },
		"times in disorder":   func(s *Served) { s.To = noon.Add(-1) },
	} {
		s := good()
		spoil(&s)
		var refused *EntryError
		if _, err := j.Count(s); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := j.Count(Served{From: noon, To: noon}); err != nil || j.Head().Size != 3 {
		t.Errorf("nothing to count: %v, %d entries", err, j.Head().Size)
	}
	if _, err := j.Count(good()); err != nil {
		t.Error(err)
	}
	if err := (&Served{From: noon, To: noon}).check(1); err == nil {
		t.Error("an entry that counts nothing")
	}
	if err := (&Served{From: noon, To: noon, Answers: make([]ServedAnswer, MaxServed+1)}).check(1); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error("too many answers:", err)
	}
}

// Counts wait while the disk has no room to spare: nothing is lost.
func TestCountWaitsForRoom(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	j := start(t, t.TempDir(), Options{FS: &disktest.FS{Full: &free}, Reserve: 1 << 30})
	add(t, j, allowed("web"))
	free.Store(1<<30 - 1)
	s := Served{From: noon, To: noon, Answers: []ServedAnswer{{0, 5}}, Others: 2}
	var full *FullError
	if left, err := j.Count(s); !errors.As(err, &full) || len(left.Answers) != 1 || left.Others != 2 || j.Head().Size != 1 {
		t.Errorf("left %+v, %v", left, err)
	}
	free.Store(1 << 30)
	if left, err := j.Count(s); err != nil || len(left.Answers) != 0 || j.Head().Size != 2 {
		t.Errorf("left %+v, %v", left, err)
	}
}
