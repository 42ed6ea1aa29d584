// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// A driver with a key signs whatever it raises, and one without, or of a release that signs
// nothing, raises beside it: rows, orders and what an import brings, as its journal says.
func TestRowsSigned(t *testing.T) {
	p := memorytest.Start(t)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	trust := ordering(t, "web", "1")
	a, b := newDriver(t, "a", p.URL()), newDriver(t, "b", p.URL())
	a.sign = func(message []byte) ([]byte, error) { return ed25519.Sign(private, message), nil }
	a.ordered = func(r *record.AskedReset) bool { return memory.Orders(trust, r) }
	b.ordered = a.ordered
	s := a.open() // alone, before it shares
	req, dec := decide(s.View(), "db", verifier.Place{Workspace: "prod", Name: "db"}, floor(3, 1))
	e := record.NewEntry(req, dec)
	e.Time = verifierNow
	if _, _, err := s.Commit(e, req, dec); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	a.bring(t, nil)
	a.up().ready()
	b.up().ready()
	if got := a.ask("web", floor(5, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	if got := b.learned().ask("web", floor(6, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	if first, err := a.learned().store.Reset(trust.Resets()[0], 7, time.Now()); err != nil || !first {
		t.Fatalf("%v, %v", first, err)
	}
	b.learned()
	memoryID := a.store.Position().Memory
	var signed []bool
	for _, r := range rowsOf(t, p) {
		body, err := r.Ask.Body()
		if err != nil {
			t.Fatal(err)
		}
		signed = append(signed, ed25519.Verify(public, record.RowMessage(memoryID, r.Driver, r.Session, body), r.Signature))
		if (r.Driver == "b") != (len(r.Signature) == 0) {
			t.Errorf("row %d of %s has the signature %x", r.Revision, r.Driver, r.Signature)
		}
	}
	if want := []bool{true, true, true, false, true}; len(signed) != len(want) { // a floor and a place, web at 5 and 6, the order
		t.Fatalf("%d rows", len(signed))
	} else {
		for i := range want {
			if signed[i] != want[i] {
				t.Errorf("row %d is signed: %v", i+1, signed[i])
			}
		}
	}
	// The journals have what the database has, and say who signs.
	for _, d := range []*driver{a, b} {
		d.down()
		j := readJournal(t, d.id, d.dir)
		for _, list := range j.asked {
			e := list[0]
			if e.Decision.Memory.Signed != (d == a) {
				t.Errorf("entry %d of %s says signed: %v", e.Seq, d.id, e.Decision.Memory.Signed)
			}
		}
	}
}

// A driver that cannot sign raises nothing: what it asked for is settled as lost.
func TestCannotSign(t *testing.T) {
	p := memorytest.Start(t)
	a := newDriver(t, "a", p.URL())
	a.sign = func([]byte) ([]byte, error) { return nil, errors.New("the token is gone") }
	a.up().ready()
	if got := a.ask("web", floor(5, 1)); got.allowed || got.err == nil {
		t.Errorf("%+v", got)
	}
	if open := a.store.Position().Open; len(open) != 0 {
		t.Errorf("it waits for %v, which was never sent", open)
	}
	if rows := rowsOf(t, p); len(rows) != 0 {
		t.Errorf("%d rows", len(rows))
	}
}

func rowsOf(t *testing.T, p *memorytest.Postgres) []record.Row {
	t.Helper()
	db, err := memory.ParseURL(p.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := memory.Rows(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
