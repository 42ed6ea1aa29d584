// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/mod/sumdb/note"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

const origin = "example.com/sigdriver/test"

// logKey is the same in every process of a test.
func logKey(t testing.TB) *tilelog.Key { t.Helper(); return newLogKey(t, "log") }

func newLogKey(t testing.TB, name string) *tilelog.Key {
	t.Helper()
	k, err := keys.Parse(verifiertest.NewKey(name, "ed25519").PrivatePEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := tilelog.NewKey(origin, k)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// state is a state folder that is being written.
type state struct {
	t       testing.TB
	dir     string
	journal *record.Store
	log     *tilelog.Log
	said    said
}

// said is what was logged.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func newState(t testing.TB) *state {
	s := &state{t: t, dir: t.TempDir()}
	s.openJournal(record.Options{})
	return s
}

func (s *state) openJournal(o record.Options) {
	s.t.Helper()
	store, err := archive.Open(filepath.Join(s.dir, "archive"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	o.Archive, o.DenyBudget = store, 10000
	if s.journal, err = record.Open(s.dir, o); err != nil {
		s.t.Fatal(err)
	}
	j := s.journal
	s.t.Cleanup(func() { j.Close() })
}

// open opens the log, or returns why it does not open.
func (s *state) open(o tilelog.Options) error {
	s.t.Helper()
	if o.Key == nil {
		o.Key = logKey(s.t)
	}
	if o.Interval == 0 {
		o.Interval = tilelog.MinInterval
	}
	o.Logger = hclog.New(&hclog.LoggerOptions{Output: &s.said})
	l, err := tilelog.Open(filepath.Join(s.dir, "log"), s.journal.Journal, o)
	if err != nil {
		return err
	}
	s.log = l
	s.t.Cleanup(func() {
		if s.log == l {
			s.close()
		}
	})
	return nil
}

func (s *state) mustOpen(o tilelog.Options) {
	s.t.Helper()
	if err := s.open(o); err != nil {
		s.t.Fatal(err)
	}
}

// close closes the log only.
func (s *state) close() {
	s.t.Helper()
	l := s.log
	s.log = nil
	if err := l.Close(); err != nil {
		s.t.Error(err)
	}
}

// decide appends decisions.
func (s *state) decide(n int) { s.t.Helper(); s.decideAbout("web", n) }

func (s *state) decideAbout(name string, n int) {
	s.t.Helper()
	for i := range n {
		if _, _, err := appendOne(s.journal, fmt.Sprintf("%s-%d", name, i)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// covered waits until the checkpoint covers everything.
func (s *state) covered() {
	s.t.Helper()
	s.eventually("a checkpoint over everything", func() bool {
		st := s.log.Status()
		return st.Covered == s.journal.Head().Size && st.Covered > 0
	})
}

func (s *state) eventually(what string, is func() bool) {
	s.t.Helper()
	for until := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			s.t.Fatalf("there never was %s; %+v\n%s", what, s.log.Status(), s.said.String())
		}
	}
}

// audit is what an auditor finds.
func (s *state) audit() *evidence.Report {
	s.t.Helper()
	r, err := evidence.Verify(s.dir, evidence.VerifyOptions{LogKeys: []note.Verifier{logKey(s.t)}})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *state) well() *evidence.Report {
	s.t.Helper()
	r := s.audit()
	if !r.Well() || len(r.Unchecked) > 0 {
		s.t.Fatalf("findings %+v, unchecked %q", r.Findings, r.Unchecked)
	}
	return r
}

// reopen opens journal and log again.
func (s *state) reopen(o tilelog.Options) {
	s.t.Helper()
	s.openJournal(record.Options{})
	s.mustOpen(o)
}
