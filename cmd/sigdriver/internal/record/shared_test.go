// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// sharing is a shared memory in a few lines: rows of one driver.
type sharing struct {
	store *Store
	fail  error // of the next ask
	asked []Ask
	rows  uint64
	sum   Digest
}

const (
	sharedMemory = "8c5f0f3e-0000-4000-8000-000000000001"
	sharedDriver = "east"
)

func (m *sharing) Session() (Session, error) { return Session{Driver: sharedDriver, Number: 1}, nil }
func (m *sharing) AsOf() time.Time           { return time.Now() }

func (m *sharing) Raise(s Session, a Ask) error {
	m.asked = append(m.asked, a)
	if err := m.fail; err != nil {
		m.fail = nil
		return err
	}
	return m.store.Learn([]Row{m.row(s.Driver, s.Number, a)})
}

// row is the next row.
func (m *sharing) row(driver string, session uint64, a Ask) Row {
	body, err := a.Body()
	if err != nil {
		panic(err)
	}
	m.rows++
	r := Row{Revision: m.rows, Driver: driver, Session: session, Ask: a}
	r.Sum = RowSum(m.sum, &r, body)
	m.sum = r.Sum
	return r
}

func shareStore(t *testing.T, s *Store) *sharing {
	t.Helper()
	m := &sharing{store: s}
	if _, _, err := s.Join(Joined{Time: time.Now().UTC(), Memory: sharedMemory, Driver: sharedDriver}); err != nil {
		t.Fatal(err)
	}
	s.Share(m)
	return m
}

// other is what another driver asks for.
func other(name string, before, after verifier.Floor) Ask {
	return Ask{Number: 7, Entry: Digest{9}, Index: 3, Floors: []AskedFloor{{"gw", "SANDBOX_POLICY", "prod", name, floorFile(before), floorFile(after)}}}
}

// An entry that asks comes first and changes nothing; the row that says so does.
func TestSharedRaise(t *testing.T) {
	opts := Options{Archive: &objects{}}
	s := openStore(t, t.TempDir(), opts)
	m := shareStore(t, s)
	seq, sum, err := commit(s, compose(s.View(), "a", floor(3, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.asked) != 1 || m.asked[0].Index != seq || m.asked[0].Entry != sum || m.asked[0].Place == nil || m.asked[0].Floors[0].After != floorFile(floor(3, 1)) {
		t.Errorf("asked %+v for entry %d", m.asked, seq)
	}
	if is := s.Position(); is.Revision != 1 || len(is.Open) != 0 {
		t.Errorf("position %+v", is)
	}
	if s.View().Floor(key("a")) != floor(3, 1) {
		t.Error("the row was not learned")
	}

	// Refused: the entry stays, it is recorded as lost, and the decision is made again.
	m.fail = &RefusedError{}
	var conflict *ConflictError
	if _, _, err := commit(s, compose(s.View(), "a", floor(4, 1))); !errors.As(err, &conflict) {
		t.Errorf("refused: %v", err)
	}
	if s.View().Floor(key("a")) != floor(3, 1) || len(s.Position().Open) != 0 {
		t.Errorf("after a refusal: %v, %+v", s.View().Floor(key("a")), s.Position())
	}

	// Not known: the ask stays open, also across a restart, until a row or its loss.
	m.fail = &MemoryError{errors.New("cut")}
	var down *MemoryError
	if _, _, err := commit(s, compose(s.View(), "a", floor(5, 1))); !errors.As(err, &down) {
		t.Errorf("cut off: %v", err)
	}
	lost := m.asked[len(m.asked)-1]
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	want := []AskID{{1, lost.Number}}
	if got := s.Position(); !reflect.DeepEqual(got.Open, want) || got.Memory != sharedMemory || got.Driver != sharedDriver || got.Revision != 1 {
		t.Fatalf("after a restart: %+v", got)
	}
	m.store = s
	s.Share(m)
	if err := s.Learn([]Row{m.row(sharedDriver, 1, lost)}); err != nil { // it had won
		t.Fatal(err)
	}
	if s.View().Floor(key("a")) != floor(5, 1) || len(s.Position().Open) != 0 {
		t.Errorf("after its row: %v, %+v", s.View().Floor(key("a")), s.Position())
	}
	if err := s.Lose(time.Now(), LostOutage, want); err != nil { // which is not open any more
		t.Fatal(err)
	}

	// What another driver raised stands here, and never lowers what stands.
	if err := s.Learn([]Row{m.row("west", 1, other("b", floor(0, 0), floor(9, 1))), m.row("west", 1, other("a", floor(0, 0), floor(2, 2)))}); err != nil {
		t.Fatal(err)
	}
	if s.View().Floor(key("b")) != floor(9, 1) || s.View().Floor(key("a")) != floor(5, 1) {
		t.Errorf("learned %v and %v", s.View().Floor(key("b")), s.View().Floor(key("a")))
	}
	dir := s.dir
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := NewState(nil)
	for e, err := range Read(disk.OS{}, filepath.Join(dir, dirJournal), 0) {
		if err != nil {
			t.Fatal(err)
		}
		changes, err := again.Apply(&e)
		if err != nil {
			t.Fatal(err)
		}
		if e.Decision != nil && len(changes) > 0 {
			t.Errorf("entry %d only asks, and changes %v", e.Seq, changes)
		}
	}
	folded := folded(t, dir, opts.Archive)
	if folded.Memory.Revision != 4 || folded.Memory.Sum != m.sum {
		t.Errorf("the journal adds up to %+v", folded.Memory)
	}
}

// A journal holds no row that does not follow from the one before.
func TestRowsInOrder(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Row)
		want   string
	}{
		{"another revision", func(r *Row) { r.Revision = 2 }, "where row 1 is next"},
		{"another driver", func(r *Row) { r.Driver = "x" }, "does not match its sum"},
		{"another session", func(r *Row) { r.Session++ }, "does not match its sum"},
		{"another floor", func(r *Row) { r.Ask.Floors[0].After.Version++ }, "does not match its sum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openStore(t, t.TempDir(), Options{Archive: &objects{}})
			m := shareStore(t, s)
			r := m.row("west", 1, other("a", floor(0, 0), floor(2, 1)))
			c.change(&r)
			var wrong *StateError
			if err := s.Learn([]Row{r}); !errors.As(err, &wrong) || !strings.Contains(wrong.Detail, c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if s.View().Floor(key("a")) != (verifier.Floor{}) || s.Position().Revision != 0 {
				t.Error("it changed something")
			}
		})
	}
	s := openStore(t, t.TempDir(), Options{Archive: &objects{}})
	m := &sharing{store: s}
	if err := s.Learn([]Row{m.row("west", 1, other("a", floor(0, 0), floor(2, 1)))}); err == nil {
		t.Error("rows of a memory that was not joined")
	}
}

// Two decisions of one driver about one subject do not ask at the same time: the second
// waits and is made again.
func TestAsksOneAtATime(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{Archive: &objects{}})
	shareStore(t, s)
	p := compose(s.View(), "a", floor(1, 1))
	release, err := s.reserve(p.d)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		_, err := s.reserve(p.d)
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	release()
	var conflict *ConflictError
	if err := <-got; !errors.As(err, &conflict) || *conflict.Floor != key("a") {
		t.Errorf("%v", err)
	}
	if len(s.asking) != 0 {
		t.Errorf("%d subjects stay reserved", len(s.asking))
	}
}

// Names that a database cannot hold are refused before anything is written.
func TestAskWithNUL(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{Archive: &objects{}})
	m := shareStore(t, s)
	size := s.Head().Size
	if _, _, err := commit(s, compose(s.View(), "a\x00b", floor(1, 1))); err == nil {
		t.Error("committed")
	}
	if len(m.asked) != 0 || s.Head().Size != size {
		t.Errorf("%d asks, %d entries more", len(m.asked), s.Head().Size-size)
	}
}
