// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package recordedtest writes the journal and archive of a driver for tests, as
// the server does: each decision on top of what the ones before raised.
package recordedtest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
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
	journal *journal.Journal
	trust   *verifier.Trust
}

// New starts an empty state folder of a driver with this trust.
func New(t testing.TB, trust *verifier.Trust) *Driver {
	t.Helper()
	d := &Driver{Dir: t.TempDir(), Bodies: t.TempDir(), t: t, trust: trust,
		Floors: verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: map[verifier.SandboxKey]verifier.Place{}}}
	var err error
	if d.archive, err = archive.Open(filepath.Join(d.Dir, "archive"), nil); err != nil {
		t.Fatal(err)
	}
	d.journal, err = journal.Open(filepath.Join(d.Dir, "audit"), journal.Options{Archive: d.archive, DenyBudget: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// Close ends the writing. It may be called again.
func (d *Driver) Close() { _ = d.journal.Close() }

// Decide decides a scenario's request at a time and records it, and exports its
// documents.
func (d *Driver) Decide(s *verifiertest.Scenario, at time.Time) verifier.Decision {
	d.t.Helper()
	decision := verifier.Verify(&s.Request, d.trust, d.Floors, at)
	e := journal.NewEntry(&s.Request, &decision, d.Floors)
	e.Time, e.Driver = at, "test"
	d.Append(e, journal.NewRecord(&s.Request, &decision), evidence(s, &decision)...)
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

// Append writes one entry with its record. A refusal over the budget is counted.
func (d *Driver) Append(e journal.Entry, record journal.Record, evidence ...[]byte) {
	d.t.Helper()
	text, err := record.JSON()
	if err != nil {
		d.t.Fatal(err)
	}
	var suppressed *journal.SuppressedError
	if _, _, err = d.journal.Append(d.t.Context(), e, text, evidence...); err != nil && !errors.As(err, &suppressed) {
		d.t.Fatal(err)
	}
}

// evidence is what the archive keeps: the attestations that bore on the decision.
func evidence(s *verifiertest.Scenario, decision *verifier.Decision) [][]byte {
	var kept [][]byte
	for _, at := range decision.Evidence {
		kept = append(kept, s.Attestation(at[0], at[1]))
	}
	return kept
}
