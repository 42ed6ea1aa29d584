// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"sync"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// decision is one real decision about a sandbox called name.
func decision(name string) (journal.Entry, []byte) {
	once.Do(func() {
		s := verifiertest.ComposePlain()
		s.Request.Documents[0].Attestations = nil
		trust, err := verifier.ParseTrust(s.Source())
		if err != nil {
			panic(err)
		}
		d := verifier.Verify(&s.Request, trust, s.Floors, s.Now)
		template = journal.NewEntry(&s.Request, &d, s.Floors)
		template.Time, template.Driver = s.Now, "test"
		if text, err = journal.NewRecord(&s.Request, &d).JSON(); err != nil {
			panic(err)
		}
	})
	e := template
	e.Target.Name = name
	return e, text
}

var (
	once     sync.Once
	template journal.Entry
	text     []byte
)

func TestLogFollowsJournal(t *testing.T) {
	s := newState(t)
	s.decide(3)
	s.mustOpen(Options{})
	s.covered()
	s.decide(300)
	s.covered()
	if r := s.well(); r.Checkpoint.Size != 303 || r.Tiles == 0 || !r.Checkpoint.Signed {
		t.Errorf("%+v", r)
	}
	s.close()
	s.decide(20)
	s.mustOpen(Options{})
	s.covered()
	s.decide(200)
	s.close() // what is durable then is in it
	if r := s.well(); r.Checkpoint.Size != 523 {
		t.Errorf("%+v", r.Checkpoint)
	}
}
