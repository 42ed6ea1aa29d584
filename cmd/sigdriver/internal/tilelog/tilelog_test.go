// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// appendOne commits one real decision about a sandbox called name.
func appendOne(store *record.Store, name string) (uint64, [32]byte, error) {
	once.Do(func() {
		asked = verifiertest.ComposePlain()
		var err error
		if trust, err = verifier.ParseTrust(asked.Source()); err != nil {
			panic(err)
		}
	})
	req := asked.Request
	req.Target.SandboxID, req.Target.Name = name, "web-1"
	for {
		d := verifier.Verify(&req, trust, store.View(), asked.Now)
		if d.Verdict != verifier.Allow {
			panic(d.Reason)
		}
		e := record.NewEntry(&req, &d)
		e.Time, e.Driver = asked.Now, "test"
		seq, sum, err := store.Commit(e, &req, &d)
		var conflict *record.ConflictError
		if !errors.As(err, &conflict) {
			return seq, sum, err
		}
	}
}

var (
	once  sync.Once
	asked *verifiertest.Scenario
	trust *verifier.Trust
)

func TestLogFollowsJournal(t *testing.T) {
	s := newState(t)
	s.decide(3)
	s.mustOpen(tilelog.Options{})
	s.covered()
	s.decide(300)
	s.covered()
	if r := s.well(); r.Checkpoint.Size != 303 || r.Tiles == 0 || !r.Checkpoint.Signed {
		t.Errorf("%+v", r)
	}
	s.close()
	s.decide(20)
	s.mustOpen(tilelog.Options{})
	s.covered()
	s.decide(200)
	s.close() // what is durable then is in it
	if r := s.well(); r.Checkpoint.Size != 523 {
		t.Errorf("%+v", r.Checkpoint)
	}
}
