// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package evidencetest writes the journal and archive of a driver for tests, as
// the server does: each decision on top of what the ones before raised.
package evidencetest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record/recordtest"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// Driver is a state folder that is being written.
type Driver struct {
	Dir    string // the state folder
	Bodies string // the export of a gateway: every document, no effective policy
	Floors verifier.MapFloors

	t       testing.TB
	archive *archive.Store
	record  *record.Store // nil while it is closed
	trust   *verifier.Trust
	share   func(*record.Store) (stop func()) // nil: it remembers alone
	stop    func()
}

// Share has the driver share a memory from the next time on that it opens its record.
func (d *Driver) Share(begin func(*record.Store) (stop func())) { d.share = begin }

// New starts an empty state folder of a driver with this trust.
func New(t testing.TB, trust *verifier.Trust) *Driver {
	t.Helper()
	d := &Driver{Dir: t.TempDir(), Bodies: t.TempDir(), t: t, trust: trust,
		Floors: verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: map[verifier.SandboxKey]verifier.Place{}}}
	var err error
	if d.archive, err = archive.Open(filepath.Join(d.Dir, "archive"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// Close ends the writing. It may be called again.
func (d *Driver) Close() {
	if d.record != nil {
		if d.stop != nil {
			d.stop()
		}
		_ = d.record.Close()
		d.record = nil
	}
}

// Decide decides a scenario's request at a time and records it, and exports its
// documents. A refusal over the budget is counted.
func (d *Driver) Decide(s *verifiertest.Scenario, at time.Time) verifier.Decision {
	d.t.Helper()
	if d.record == nil {
		var err error
		if d.record, err = record.Open(d.Dir, record.Options{Archive: d.archive, DenyBudget: 3}); err != nil {
			d.t.Fatal(err)
		}
		if d.share != nil {
			d.stop = d.share(d.record)
		}
	}
	var floors verifier.Floors = d.Floors
	if d.share != nil {
		floors = d.record.View()
	}
	decision := verifier.Verify(&s.Request, d.trust, floors, at)
	e := record.NewEntry(&s.Request, &decision)
	e.Time, e.Driver = at, "test"
	var suppressed *record.SuppressedError
	if _, _, err := d.record.Commit(e, &s.Request, &decision); err != nil && !errors.As(err, &suppressed) {
		d.t.Fatal(err)
	}
	for _, r := range decision.Raises {
		d.Floors.Versions[r.Key] = r.Floor
	}
	if b := decision.Binding; b != nil {
		d.Floors.Places[b.Key] = b.Place
	}
	for i := range s.Request.Documents {
		path := filepath.Join(d.Bodies, verifiertest.SHA256(s.Body(i))+".json")
		if err := os.WriteFile(path, s.Body(i), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	return decision
}

// Append writes one entry with its record, as whoever owns the folder could.
func (d *Driver) Append(e record.Entry, r record.DecisionRecord, evidence ...[]byte) {
	d.t.Helper()
	d.Close()
	recordtest.Append(d.t, d.Dir, recordtest.Decision(d.t, d.archive, e, r, evidence...))
}
