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

// decision is one real decision about a sandbox called name: its entry, its record
// and the attestations that counted.
func decision(name string) (journal.Entry, []byte, [][]byte) {
	once.Do(func() {
		asked = verifiertest.ComposePlain()
		var err error
		if trust, err = verifier.ParseTrust(asked.Source()); err != nil {
			panic(err)
		}
	})
	req := asked.Request
	req.Target.SandboxID, req.Target.Name = name, "web-1"
	d := verifier.Verify(&req, trust, asked.Floors, asked.Now)
	if d.Verdict != verifier.Allow {
		panic(d.Reason)
	}
	e := journal.NewEntry(&req, &d, asked.Floors)
	e.Time, e.Driver = asked.Now, "test"
	record, err := journal.NewRecord(&req, &d).JSON()
	if err != nil {
		panic(err)
	}
	return e, record, req.Documents[0].Attestations
}

var (
	once  sync.Once
	asked *verifiertest.Scenario
	trust *verifier.Trust
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
