// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// database is the rows of a memory that journals of a test learn.
type database struct {
	id   string
	rows []record.Row
}

// member is the journal of one driver, as a Fleet hears it.
type member struct {
	db      *database
	driver  string
	entries []record.Stored
	learned int // rows of the database
}

func (m *member) write(c record.Content) *record.Stored {
	seq := uint64(len(m.entries))
	m.entries = append(m.entries, record.Stored{Seq: seq, Sum: sha256.Sum256(fmt.Appendf(nil, "%s %s %d", m.db.id, m.driver, seq)), Content: c})
	return &m.entries[seq]
}

func (db *database) join(driver string, session uint64) *member {
	m := &member{db: db, driver: driver}
	m.join(session)
	return m
}

func (m *member) join(session uint64) record.Stored {
	m.learned = 0
	return *m.write(record.Content{Joined: &record.Joined{Memory: m.db.id, Driver: m.driver, Session: session}})
}

// ask writes an entry that asks for a sandbox's floor, and returns the row that it wins.
func (m *member) ask(session, number, version uint64) record.Row {
	e := &record.Entry{Memory: &record.Known{Driver: m.driver, Ask: &record.AskID{Session: session, Number: number}},
		Target: record.Target{GatewayID: "gw"}, Raised: []record.FloorChange{{Role: "SANDBOX_POLICY", Name: "web", After: record.Floor{Version: version}}}}
	s := m.write(record.Content{Decision: e})
	a := e.Asks()
	a.Number, a.Index, a.Entry = number, s.Seq, s.Sum
	return record.Row{Driver: m.driver, Session: session, Ask: a}
}

// add makes a row durable.
func (db *database) add(r record.Row) {
	r.Revision = uint64(len(db.rows)) + 1
	body, err := r.Ask.Body()
	if err != nil {
		panic(err)
	}
	var before record.Digest
	if len(db.rows) > 0 {
		before = db.rows[len(db.rows)-1].Sum
	}
	r.Sum = record.RowSum(before, &r, body)
	db.rows = append(db.rows, r)
}

// learn has the journal learn what the database has.
func (m *member) learn() *member {
	if rows := m.db.rows[m.learned:]; len(rows) > 0 {
		m.write(record.Content{Learned: &record.Learned{Rows: slices.Clone(rows)}})
		m.learned = len(m.db.rows)
	}
	return m
}

// lose records that an ask came to nothing.
func (m *member) lose(session, number uint64) {
	m.write(record.Content{Lost: &record.Lost{Asks: []record.LostAsk{{AskID: record.AskID{Session: session, Number: number}, Why: record.LostOutage}}}})
}

// judged is what the journals say together, in a few words.
func judged(t *testing.T, members ...*member) (text []string) {
	t.Helper()
	text, _ = judgedBy(t, nil, members...)
	return text
}

// judgedBy is judged with keys of drivers.
func judgedBy(t *testing.T, trust map[string]crypto.PublicKey, members ...*member) (text []string, r *evidence.FleetReport) {
	t.Helper()
	var f evidence.Fleet
	for driver, key := range trust {
		f.Trust(driver, key)
	}
	for i, m := range members {
		hear := f.Journal(fmt.Sprint("journal-", i))
		for _, e := range m.entries {
			if err := hear(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	r = f.Judge()
	for _, m := range r.Missing {
		text = append(text, fmt.Sprintf("missing %s %s here:%s", m.Driver, m.Revisions, m.Here))
	}
	for _, g := range r.GivenUp {
		text = append(text, "given up "+g.Revisions)
	}
	for _, x := range r.Findings {
		text = append(text, x.Code+" "+x.File+": "+x.Detail)
	}
	for _, sentence := range r.Unchecked {
		text = append(text, "unchecked: "+sentence)
	}
	if r.Well() != (len(r.Missing) == 0 && len(r.Findings) == 0) {
		t.Errorf("well: %v", r)
	}
	return text, r
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%q, want %q", got, want)
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}

// TestFleetRows: each row needs the very entry that asked for it, in a journal of its
// driver.
func TestFleetRows(t *testing.T) {
	whole := func() (db *database, east, west *member) {
		db = &database{id: "m"}
		east, west = db.join("east", 0), db.join("west", 0)
		db.add(east.ask(1, 1, 1))
		db.add(west.ask(2, 1, 2))
		db.add(east.ask(1, 2, 3))
		return db, east, west
	}
	t.Run("whole", func(t *testing.T) {
		_, east, west := whole()
		expect(t, judged(t, east.learn(), west.learn()))
	})
	t.Run("a journal withheld", func(t *testing.T) {
		_, east, west := whole()
		east.learn()
		expect(t, judged(t, west.learn()), "missing east 1, 3 here:")
	})
	t.Run("a copy that ends before", func(t *testing.T) {
		_, east, west := whole()
		east.entries = east.entries[:2]
		expect(t, judged(t, east, west.learn()), "missing east 3 here:journal-0")
	})
	t.Run("a disk was lost", func(t *testing.T) { // the new journal begins with a later session
		db, _, west := whole()
		east := db.join("east", 0)
		db.add(east.ask(3, 1, 4))
		expect(t, judged(t, east.learn(), west.learn()), "missing east 1, 3 here:journal-0")
	})
	t.Run("the owner of the database added it", func(t *testing.T) {
		db, east, west := whole()
		forged := db.rows[2]
		forged.Ask.Number = 7
		db.add(forged)
		expect(t, judged(t, east.learn(), west.learn()), "LOG_TAMPERED journal-0: row 4 of the memory is of driver \"east\", and no entry of it asked for this")
	})
	t.Run("another body for an entry that asked", func(t *testing.T) {
		db, east, west := whole()
		db.rows[2].Ask.Floors[0].After.Version = 9
		expect(t, judged(t, east.learn(), west.learn()), "entry 2 asked for something else")
	})
	t.Run("what was lost", func(t *testing.T) {
		_, east, west := whole()
		east.lose(1, 2)
		expect(t, judged(t, east.learn(), west.learn()), "it says that what entry 2 asked for was lost")
	})
	t.Run("none shares", func(t *testing.T) {
		alone := &member{db: &database{}, driver: "alone"}
		alone.write(record.Content{Decision: &record.Entry{}})
		_, east, west := whole()
		expect(t, judged(t, east.learn(), west.learn(), alone), "unchecked: journal-2 shares no memory")
	})
	t.Run("two memories", func(t *testing.T) {
		_, east, west := whole()
		other := &database{id: "n"}
		north := other.join("east", 0) // the same id in another memory is another driver
		other.add(north.ask(1, 1, 1))
		expect(t, judged(t, east.learn(), west.learn(), north.learn()), "unchecked: the journals share 2 memories")
	})
}

// TestFleetMovesOn: a journal that has joined another memory still explains the rows of
// the one before, although asks have the same names there.
func TestFleetMovesOn(t *testing.T) {
	old, next := &database{id: "m"}, &database{id: "n"}
	east, west := old.join("east", 0), old.join("west", 0)
	old.add(east.ask(1, 1, 1))
	east.learn()
	west.learn()
	east.db = next
	east.join(0)
	next.add(east.ask(1, 1, 5))
	expect(t, judged(t, east.learn(), west), "unchecked: the journals share 2 memories")
}

// TestFleetBrings: what a driver brought along needs the entry that said so, at its place.
func TestFleetBrings(t *testing.T) {
	db := &database{id: "m"}
	east := db.join("east", 4)
	joined := east.entries[0]
	row := record.Row{Driver: "east", Session: 4, Ask: record.Ask{Number: 1, Entry: joined.Sum, Index: joined.Seq,
		Floors: []record.AskedFloor{{GatewayID: "gw", Role: "SANDBOX_POLICY", After: record.Floor{Version: 1}}}}}
	db.add(row)
	expect(t, judged(t, east.learn()))
	row.Ask.Number, row.Ask.Index = 2, 1
	db.add(row)
	expect(t, judged(t, east.learn()), "row 2 of the memory is of driver \"east\", and no entry of it asked for this")
}

// TestFleetWentBack: a database that went back has two rows of one revision. That is a fork
// until every driver that had learned the first has joined anew, by an operator's word.
func TestFleetWentBack(t *testing.T) {
	db := &database{id: "m"}
	east, west := db.join("east", 0), db.join("west", 0)
	db.add(east.ask(1, 1, 1))
	db.add(east.ask(1, 2, 2))
	east.learn()
	west.learn()
	db.rows = db.rows[:1] // an old dump
	east.join(0)
	db.add(east.ask(1, 2, 3)) // its sessions were counted anew
	east.learn()
	expect(t, judged(t, east, west), "LOG_FORK journal-1: row 2 of the memory is another one than in journal-0")
	west.join(0)
	expect(t, judged(t, east, west.learn()), "given up 2")
}

// TestFleetSignatures: a row that its driver did not sign is named where the driver has a
// key, and a driver without one, or of an older release, is said to sign none.
func TestFleetSignatures(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	trust := map[string]crypto.PublicKey{"east": public}
	sign := func(memory string, r record.Row, key ed25519.PrivateKey) record.Row {
		body, err := r.Ask.Body()
		if err != nil {
			t.Fatal(err)
		}
		r.Signature = ed25519.Sign(key, record.RowMessage(memory, r.Driver, r.Session, body))
		return r
	}
	// east signs, west is of an older release.
	whole := func() (db *database, east, west *member) {
		db = &database{id: "m"}
		east, west = db.join("east", 0), db.join("west", 0)
		row := east.ask(1, 1, 1)
		east.entries[1].Decision.Memory.Signed = true
		db.add(sign("m", row, private))
		db.add(west.ask(2, 1, 2))
		return db, east, west
	}
	for _, c := range []struct {
		name   string
		change func(row *record.Row)
		want   []string
	}{
		{"as it was", func(*record.Row) {}, nil},
		{"stripped", func(r *record.Row) { r.Signature = nil }, []string{"row 1 of the memory is of driver \"east\", and entry 1 says that it is signed, and it carries no signature"}},
		{"one bit", func(r *record.Row) { r.Signature[9] ^= 1 }, []string{"no key that drivers.json lists for it made its signature"}},
		{"by another key", func(r *record.Row) { *r = sign("m", *r, other) }, []string{"no key that drivers.json lists"}},
		{"of another memory", func(r *record.Row) { *r = sign("n", *r, private) }, []string{"no key that drivers.json lists"}},
		{"of another session", func(r *record.Row) {
			r.Session = 2
			*r = sign("m", *r, private)
			r.Session = 1
		}, []string{"no key that drivers.json lists"}},
	} {
		db, east, west := whole()
		c.change(&db.rows[0])
		got, r := judgedBy(t, trust, east.learn(), west.learn())
		t.Run(c.name, func(t *testing.T) { expect(t, got, c.want...) })
		if c.want == nil && (r.Signed != 1 || len(r.Unsigned) != 1 || r.Unsigned[0].Driver != "west" || r.Unsigned[0].Revisions != "2") {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	t.Run("shown to one driver alone", func(t *testing.T) { // stripped for the other
		db, east, west := whole()
		east.learn()
		db.rows[0].Signature = nil
		got, r := judgedBy(t, trust, west.learn(), east)
		expect(t, got)
		if r.Signed != 1 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("without keys", func(t *testing.T) {
		_, east, west := whole()
		expect(t, judged(t, east.learn(), west.learn()), "unchecked: the signatures of rows: without --root")
	})
	t.Run("without that key", func(t *testing.T) {
		_, east, west := whole()
		got, _ := judgedBy(t, map[string]crypto.PublicKey{"west": public}, east.learn(), west.learn())
		expect(t, got, "unchecked: the signatures of rows 1 of driver east: drivers.json lists no key of it")
	})
	t.Run("of a journal withheld", func(t *testing.T) { // whoever owns the database can name any driver
		db, _, west := whole()
		db.rows[0] = sign("m", db.rows[0], other)
		got, _ := judgedBy(t, trust, west.learn())
		expect(t, got, "missing east 1", "no key that drivers.json lists")
	})
}
