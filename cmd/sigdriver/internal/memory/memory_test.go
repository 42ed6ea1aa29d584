// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// What one driver has allowed, another knows.
func TestTwoDriversShare(t *testing.T) {
	p := memorytest.Start(t)
	a, b := newDriver(t, "a", p.URL()).up().ready(), newDriver(t, "b", p.URL()).up().ready()
	if got := a.ask("web", floor(42, 1)); !got.allowed {
		t.Fatalf("version 42 on a: %v", got)
	}
	b.learned()
	if got := b.ask("web", floor(41, 1)); got.allowed || got.err != nil {
		t.Errorf("version 41 on b: %v", got)
	}
	if got := b.ask("web", floor(42, 2)); got.allowed || got.err != nil {
		t.Errorf("another document at version 42 on b: %v", got)
	}
	if got := b.ask("web", floor(42, 1)); !got.allowed {
		t.Errorf("version 42 on b: %v", got)
	}
	if got := b.askAt("web", verifier.Place{Workspace: "test", Name: "web"}, floor(42, 1)); got.allowed || got.err != nil {
		t.Errorf("the sandbox in another workspace on b: %v", got)
	}
	if got := b.ask("web", floor(43, 1)); !got.allowed {
		t.Errorf("version 43 on b: %v", got)
	}
	if got := a.learned().ask("web", floor(42, 1)); got.allowed || got.err != nil {
		t.Errorf("version 42 on a: %v", got)
	}
	// What was learned is in the journal, and is there after a restart without the database.
	b.down()
	s := b.open()
	defer s.Close()
	if f := s.View().Floor(floorKey("web")); f != floor(43, 1) {
		t.Errorf("b's journal has floor %v", f)
	}
	if is := s.Position(); is.Revision != 2 || len(is.Open) != 0 {
		t.Errorf("b's place in the memory is %+v", is)
	}
}

// A driver whose view is old asks for what is not so any more: it is refused, says so, and
// decides again by what is.
func TestLostToAnother(t *testing.T) {
	p := memorytest.Start(t)
	x := memorytest.NewProxy(t, p.Socket())
	a, b := newDriver(t, "a", p.URL()).up().ready(), newDriver(t, "b", x.URL()).up().ready()
	for v := uint64(1); v <= 20; v++ { // both at once, the later version first
		done := make(chan outcome, 2)
		go func() { done <- a.ask("web", floor(2*v, 1)) }()
		go func() { done <- b.ask("web", floor(2*v-1, 1)) }()
		for range 2 {
			if got := <-done; got.err != nil {
				t.Fatal(got.err)
			}
		}
		a.learned()
		b.learned()
	}
	if f := b.store.View().Floor(floorKey("web")); f != floor(40, 1) {
		t.Errorf("floor %v", f)
	}
	if a.store.View().Floor(floorKey("web")) != b.store.View().Floor(floorKey("web")) {
		t.Error("two drivers, two floors")
	}
}

// The role reads and raises; a row that is there is never another one.
func TestRoleOnlyReadsAndRaises(t *testing.T) {
	p := memorytest.Start(t)
	if got := newDriver(t, "a", p.URL()).up().ready().ask("web", floor(1, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	for _, statement := range []string{
		"insert into sigdriver.raised values (9, 'x', 1, 1, '{}', null, '')", "update sigdriver.raised set body = ''", "delete from sigdriver.raised", "truncate sigdriver.raised",
		"update sigdriver.memory set revision = 0", "delete from sigdriver.floors", "select * from sigdriver.floors", "update sigdriver.sessions set session = 0",
		"create table sigdriver.x (a int)", "drop function sigdriver.raise", "lock table sigdriver.raised in exclusive mode", "set role admin",
	} {
		if out, err := p.TrySQL(memorytest.Role, statement); err == nil {
			t.Errorf("the drivers' role may %q: %s", statement, out)
		}
	}
	if out, err := p.TrySQL(memorytest.Role, "select revision from sigdriver.raised"); err != nil || out != "1" {
		t.Errorf("the drivers' role reads %q, %v", out, err)
	}
}

// The driver refuses a role that can do more, and a database that forgets.
func TestRolesRefused(t *testing.T) {
	p := memorytest.Start(t)
	role := memorytest.Role
	for _, c := range []struct{ name, grant, revoke, want string }{
		{"superuser", "alter role " + role + " superuser", "alter role " + role + " nosuperuser", "superuser"},
		{"create roles", "alter role " + role + " createrole", "alter role " + role + " nocreaterole", "superuser"},
		{"member", "grant pg_read_all_data to " + role, "revoke pg_read_all_data from " + role, "member of another role"},
		{"create", "grant create on schema sigdriver to " + role, "revoke create on schema sigdriver from " + role, "create objects"},
		{"insert", "grant insert on sigdriver.raised to " + role, "revoke insert on sigdriver.raised from " + role, "change rows"},
		{"update a column", "grant update (revision) on sigdriver.memory to " + role, "revoke update (revision) on sigdriver.memory from " + role, "change rows"},
		{"delete, public", "grant delete on sigdriver.floors to public", "revoke delete on sigdriver.floors from public", "change rows"},
		{"truncate", "grant truncate on sigdriver.raised to " + role, "revoke truncate on sigdriver.raised from " + role, "change rows"},
		{"owner", "alter table sigdriver.resets owner to " + role, "alter table sigdriver.resets owner to admin", "change rows"},
		{"another function", "create function sigdriver.f() returns int language sql as 'select 1'", "drop function sigdriver.f", "other than the one function"},
		{"a function elsewhere", "create schema tools; grant usage on schema tools to public; create function tools.f() returns int language sql security definer as 'select 1'",
			"drop schema tools cascade", "of another schema"},
		{"a function elsewhere, by columns", "create role clerk; grant usage on schema sigdriver to clerk; grant update (body) on sigdriver.raised to clerk; create schema tools; grant usage on schema tools to public; " +
			"create function tools.f() returns int language sql security definer as 'select 1'; alter function tools.f owner to clerk",
			"drop schema tools cascade; revoke all on sigdriver.raised from clerk; revoke all on schema sigdriver from clerk; drop role clerk", "of another schema"},
		{"one that runs as its caller", "create schema tools; grant usage on schema tools to public; create function tools.f() returns int language sql as 'select 1'", "drop schema tools cascade", ""},
		{"one for others alone", "create schema tools; create function tools.f() returns int language sql security definer as 'select 1'", "drop schema tools cascade", ""},
		{"owner of the database", "alter database postgres owner to " + role, "alter database postgres owner to admin", "the database"},
		{"owner without create", "alter database postgres owner to " + role + "; revoke create on database postgres from " + role, "alter database postgres owner to admin", "owns the database"},
		{"no search path", "alter function sigdriver.raise reset search_path", "alter function sigdriver.raise set search_path = pg_catalog, pg_temp", "not the one of the schema"},
		{"as its caller", "alter function sigdriver.raise security invoker", "alter function sigdriver.raise security definer", "not the one of the schema"},
		{"asynchronous", "alter role " + role + " set synchronous_commit = off", "", ""}, // the driver sets it itself
	} {
		t.Run(c.name, func(t *testing.T) {
			p.SQL(memorytest.Admin, c.grant)
			defer p.SQL(memorytest.Admin, c.revoke+";")
			err := look(t, p)
			var role *memory.RoleError
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &role) || !strings.Contains(role.Detail, c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if err := look(t, p); err != nil {
		t.Errorf("the role as it is printed: %v", err)
	}
	// Whoever logs in as another role and becomes the drivers' may become itself again.
	p.SQL(memorytest.Admin, "create role boss login superuser; alter role boss set role = "+role)
	db, err := memory.ParseURL(strings.Replace(p.URL(), role+"@", "boss@", 1), "")
	if err != nil {
		t.Fatal(err)
	}
	var turned *memory.RoleError
	if err := memory.Look(t.Context(), db); !errors.As(err, &turned) || !strings.Contains(turned.Detail, "login of another role") {
		t.Errorf("a superuser in the drivers' role: %v", err)
	}
	if err := look(t, memorytest.Empty(t)); err == nil {
		t.Error("a database without the schema")
	}
	if err := look(t, memorytest.Start(t, "fsync=off")); err == nil || !strings.Contains(err.Error(), "durable") {
		t.Errorf("a database without fsync: %v", err)
	}
}

// A role that is granted more after it has connected is noticed too, and so is that it no
// longer has it.
func TestRoleGrantedLater(t *testing.T) {
	p := memorytest.Start(t)
	defer memory.CheckRolesAlways()()
	a := newDriver(t, "a", p.URL()).up().ready()
	defer a.down() // before roles are checked less often again
	for i, grant := range []string{"grant update (body) on sigdriver.raised to " + memorytest.Role, "alter role " + memorytest.Role + " createdb"} {
		p.SQL(memorytest.Admin, grant)
		want := []string{"may change rows by itself", "may create or replicate"}[i]
		for !strings.Contains(a.log.String(), want) {
			time.Sleep(10 * time.Millisecond)
		}
		stands := a.client.AsOf()
		if got := a.ask("web", floor(uint64(i+1), 1)); got.allowed {
			t.Errorf("%s: allowed", grant)
		}
		if later := a.client.AsOf(); !later.Equal(stands) {
			t.Errorf("%s: rows are still learned", grant)
		}
		p.SQL(memorytest.Admin, "revoke update (body) on sigdriver.raised from "+memorytest.Role+"; alter role "+memorytest.Role+" nocreatedb")
		for a.client.AsOf().Equal(stands) {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// Whoever may connect to the database may notify, as much and as often as it likes: what a
// driver holds of it does not grow, and it goes on.
func TestNotificationFlood(t *testing.T) {
	p := memorytest.Start(t)
	a := newDriver(t, "a", p.URL()).up().ready()
	p.SQL(memorytest.Admin, "create role stranger login")
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	before, peak := heap(), uint64(0)
	const n = 20000
	p.SQL("stranger", fmt.Sprintf("select count(pg_notify('sigdriver', i || repeat('x', 7900))) from generate_series(1, %d) i", n))
	for p.SQL(memorytest.Admin, "select pg_notification_queue_usage() > 0") == "t" {
		peak = max(peak, heap())
	}
	if got := a.ask("web", floor(1, 1)); !got.allowed {
		t.Errorf("%v", got)
	}
	peak = max(peak, heap())
	if grown := int64(peak - before); grown > n*7900/3 {
		t.Errorf("%d bytes are held of %d", grown, n*7900)
	}
}

// ordering is trust with one signed reset of sandboxes' floors.
func ordering(t *testing.T, subject, version string) *verifier.Trust {
	t.Helper()
	s := verifiertest.ComposePlain()
	s.Authorities.Floors = []verifiertest.SignedFloor{{Role: "SANDBOX_POLICY", Subject: subject, Version: version, Reset: true}}
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// A signed reset goes through the memory: it counts where trust orders it, and nobody
// else lowers a floor.
func TestResets(t *testing.T) {
	p := memorytest.Start(t)
	trust := ordering(t, "web-*", "10")
	order := trust.Resets()[0]
	a, b := newDriver(t, "a", p.URL()), newDriver(t, "b", p.URL()).up().ready()
	a.ordered = func(r *record.AskedReset) bool { return memory.Orders(trust, r) }
	a.up().ready()
	for _, n := range []string{"web-1", "web-2", "wxb-1", "db"} {
		if got := a.ask(n, floor(50, 1)); !got.allowed {
			t.Fatal(got.err)
		}
	}
	b.learned()
	if first, err := a.store.Reset(order, 7, time.Now()); err != nil || !first {
		t.Fatalf("%v, %v", first, err)
	}
	if got := a.ask("web-1", floor(12, 1)); !got.allowed {
		t.Fatalf("version 12 after the reset: %+v", got)
	}
	// b has no such order: nothing counts from there on, and it says so.
	b.until("the order to be missed", func() bool { return strings.Contains(b.log.String(), "lowers floors") })
	if f := b.store.View().Floor(floorKey("web-1")); f != floor(50, 1) {
		t.Errorf("b's floor of web-1 is %v by an order that its trust does not know", f)
	}
	b.down()
	b.ordered = a.ordered
	b.up().ready()
	for n, want := range map[string]verifier.Floor{"web-1": floor(12, 1), "web-2": floor(10, 0), "wxb-1": floor(50, 1), "db": floor(50, 1)} {
		if f := b.store.View().Floor(floorKey(n)); f != want {
			t.Errorf("b's floor of %s is %v, not %v", n, f, want)
		}
	}
	if first, err := b.store.Reset(order, 7, time.Now()); err != nil || first {
		t.Errorf("the reset again: %v, %v", first, err)
	}
	if got := b.ask("web-2", floor(11, 1)); !got.allowed { // the function and the state agree what stands
		t.Errorf("version 11 after the reset: %+v", got)
	}
}

func look(t *testing.T, p *memorytest.Postgres) error {
	t.Helper()
	db, err := memory.ParseURL(p.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	return memory.Look(t.Context(), db)
}
