// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func (d *driver) refuses(t *testing.T) {
	t.Helper()
	d.until("the rollback to be seen", func() bool { return d.client.Err() != nil })
	var back *memory.RollbackError
	if !errors.As(d.client.Err(), &back) {
		t.Errorf("driver %s: %v", d.id, d.client.Err())
	}
	if got := d.answer(&question{Name: "web", Version: 9, Digest: 1, Place: verifier.Place{Workspace: "prod", Name: "web"}}, lag); got.Allowed || got.Fault == "" {
		t.Errorf("driver %s answers %+v with a memory that went back", d.id, got)
	}
	d.until("it to be said", func() bool { return strings.Contains(d.log.String(), "MEMORY_ROLLBACK") })
}

// bring is sigdriver memory import of a driver that is stopped.
func (d *driver) bring(t testing.TB, trust *verifier.Trust) *memory.Imported {
	t.Helper()
	db, err := memory.ParseURL(d.url, "")
	if err != nil {
		t.Fatal(err)
	}
	s := d.open()
	got, err := memory.Import(t.Context(), memory.Config{
		Database: db, Sign: d.sign, Driver: d.id, Store: s, Ordered: d.ordered, Metrics: noMetrics{}, Logger: hclog.NewNullLogger(),
	}, s, trust)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return got
}

// A memory that is put back from an old dump stops every driver that has seen more, also
// after a restart, until an operator has each bring back what it knows.
func TestOldDump(t *testing.T) {
	p := memorytest.Start(t)
	a, b := newDriver(t, "a", p.URL()).up().ready(), newDriver(t, "b", p.URL()).up().ready()
	if got := a.ask("web", floor(1, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	dump := p.Dump()
	if got := b.learned().ask("web", floor(2, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	if got := b.ask("db", floor(5, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	a.learned()
	p.Restore(dump)
	a.refuses(t)
	b.refuses(t)
	a.down()
	a.up().refuses(t) // it remembers
	a.down()
	b.down()
	if got := a.bring(t, nil); got.Floors != 2 || got.Places != 1 || got.Learned != 1 || len(got.Disagree) != 0 {
		t.Errorf("a brings back %+v", got)
	}
	if got := b.bring(t, nil); got.Floors != 0 || got.Places != 0 {
		t.Errorf("b brings back %+v after a has", got)
	}
	a.up().ready()
	b.up().ready()
	for _, d := range []*driver{a, b} {
		if got := d.ask("web", floor(1, 1)); got.allowed || got.err != nil {
			t.Errorf("driver %s: version 1 after 2: %+v", d.id, got)
		}
		if got := d.ask("web", floor(2, 1)); !got.allowed {
			t.Errorf("driver %s: version 2: %+v", d.id, got)
		}
	}
}

// Whoever owns the database cannot take back what a driver has learned.
func TestRowsChanged(t *testing.T) {
	p := memorytest.Start(t)
	fresh := p.Dump()
	for _, c := range []struct{ name, statement string }{
		{"the last row deleted", "delete from sigdriver.raised where revision = 3; update sigdriver.memory set revision = 2, sum = (select sum from sigdriver.raised where revision = 2)"},
		{"all rows deleted", "delete from sigdriver.raised; update sigdriver.memory set revision = 0, sum = decode(repeat('00', 32), 'hex')"},
		{"the last sum changed", "update sigdriver.raised set sum = sha256('x') where revision = 3; update sigdriver.memory set sum = sha256('x')"},
		{"another memory", "update sigdriver.memory set id = gen_random_uuid()"},
		{"a row added without a sum", "insert into sigdriver.raised select 4, driver, 99, 1, replace(body, '\"ask\":\"3\"', '\"ask\":\"1\"'), null, sum from sigdriver.raised where revision = 3; update sigdriver.memory set revision = 4"},
		{"a gap", "insert into sigdriver.raised select 5, driver, 99, ask, body, null, sum from sigdriver.raised where revision = 3; update sigdriver.memory set revision = 5"},
		{"rows announced that are not there", "update sigdriver.memory set revision = 9"},
		{"a row that no driver writes", "insert into sigdriver.raised values (4, 'x', 1, 1, '{ }', null, sha256('x')); update sigdriver.memory set revision = 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.Restore(fresh)
			d := newDriver(t, "a", p.URL()).up().ready()
			for v := uint64(1); v <= 3; v++ {
				if got := d.ask("web", floor(v, 1)); !got.allowed {
					t.Fatal(got.err)
				}
			}
			p.SQL(memorytest.Admin, "begin; "+c.statement+"; commit")
			d.refuses(t)
			if f := d.store.View().Floor(floorKey("web")); f != floor(3, 1) {
				t.Errorf("the floor is %v", f)
			}
		})
	}
}

// A row that the owner of the database adds properly refuses, and does no more.
func TestForgedRow(t *testing.T) {
	p := memorytest.Start(t)
	a := newDriver(t, "a", p.URL()).up().ready()
	if got := a.ask("web", floor(3, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	p.SQL(memorytest.Admin, `select sigdriver.raise('ghost', 0, null, null);
		select sigdriver.raise('ghost', 1, array['{"ask":"1","entry":"`+strings.Repeat("0", 64)+`","floors":[{"after":{"sha256":"`+strings.Repeat("7", 64)+`","version":"9"},"before":{"sha256":"01`+strings.Repeat("0", 62)+`","version":"3"},"gatewayId":"gw","name":"web","role":"SANDBOX_POLICY","workspace":"prod"}],"index":"0"}'], array[null::bytea])`)
	a.until("the row to be learned", func() bool { return a.store.Position().Revision == 2 })
	if got := a.learned().ask("web", floor(4, 1)); got.allowed || got.err != nil {
		t.Errorf("version 4 under a floor of 9: %+v", got)
	}
}

// An embedded driver brings what it remembers when it begins to share, and what it had
// lowered by order stays lowered.
func TestImport(t *testing.T) {
	p := memorytest.Start(t)
	trust := ordering(t, "web", "10")
	d := newDriver(t, "a", p.URL())
	d.ordered = func(r *record.AskedReset) bool { return memory.Orders(trust, r) }
	s := d.open()
	for _, v := range []uint64{50, 12} {
		req, dec := decide(s.View(), "web", verifier.Place{Workspace: "prod", Name: "web"}, floor(v, 1))
		e := record.NewEntry(req, dec)
		e.Time = verifierNow
		if _, _, err := s.Commit(e, req, dec); err != nil {
			t.Fatal(err)
		}
		if v == 50 {
			if _, err := s.Reset(trust.Resets()[0], 1, verifierNow); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// It does not start to share by itself: what it remembers would stay its own.
	d.up()
	d.until("it to ask for an import", func() bool { return strings.Contains(d.log.String(), "memory import") })
	if got := d.ask("web", floor(12, 1)); got.allowed {
		t.Errorf("it answers before: %+v", got)
	}
	d.down()
	if got := d.bring(t, trust); got.Floors != 1 || got.Places != 1 || len(got.Disagree) != 0 {
		t.Errorf("brought %+v", got)
	}
	other := newDriver(t, "b", p.URL())
	other.ordered = d.ordered
	other.up().ready()
	if first, err := other.store.Reset(trust.Resets()[0], 1, verifierNow); err != nil || first {
		t.Errorf("another driver carries out the order again: %v, %v", first, err)
	}
	if f := other.store.View().Floor(floorKey("web")); f != floor(12, 1) {
		t.Errorf("another driver learns floor %v", f)
	}
	// And it can go on alone.
	d.up().ready()
	d.down()
	s = d.open()
	if err := s.Leave(verifierNow); err != nil {
		t.Fatal(err)
	}
	if s.Position().Memory != "" || s.View().Floor(floorKey("web")) != floor(12, 1) {
		t.Errorf("alone it is at %+v", s.Position())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

var verifierNow = verifiertest.Now

// A row that its owner made larger than any driver asks for is named as such, and is not
// read whole for that.
func TestHugeRow(t *testing.T) {
	p := memorytest.Start(t)
	d := newDriver(t, "a", p.URL()).up().ready()
	if got := d.ask("web", floor(1, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	d.down()
	const size = 64 << 20
	p.SQL(memorytest.Admin, "insert into sigdriver.raised select 2, 'b', 1, 1, repeat('x', "+strconv.Itoa(size)+"), repeat('s', "+strconv.Itoa(size)+")::bytea, sum from sigdriver.raised; update sigdriver.memory set revision = 2")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d.up().refuses(t)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > size/2 {
		t.Errorf("%d bytes were allocated for it", took)
	}
}
