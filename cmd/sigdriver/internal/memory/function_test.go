// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
)

// raised is a floor in the body of an ask.
func raised(before, after string) string {
	return fmt.Sprintf(`{"gatewayId":"gw","role":"SANDBOX_POLICY","workspace":"prod","name":"web",%s"after":%s}`, before, after)
}

func at(version int, digest string) string {
	if digest == "" {
		return fmt.Sprintf(`{"version":"%d"}`, version)
	}
	return fmt.Sprintf(`{"version":"%d","sha256":"%s"}`, version, strings.Repeat(digest, 64))
}

// The function compares by itself, whatever calls it: nothing falls, no version has two
// documents, no sandbox two places, and an ask is added whole or not at all.
func TestFunction(t *testing.T) {
	p := memorytest.Start(t)
	call := func(driver string, session int, bodies ...string) string {
		t.Helper()
		out, err := p.TrySQL(memorytest.Role, fmt.Sprintf("select got from sigdriver.raise('%s', %d, array['%s'], array_fill(null::bytea, array[%d]))", driver, session, strings.Join(bodies, "','"), len(bodies)))
		if err != nil {
			return "error: " + out
		}
		return strings.ReplaceAll(out, "\n", " ")
	}
	if got := p.SQL(memorytest.Role, "select got from sigdriver.raise('a', 0, null, null)"); got != "1" {
		t.Fatalf("the first session is %q", got)
	}
	ask := 0
	floors := func(list ...string) string {
		ask++
		return fmt.Sprintf(`{"ask":"%d","floors":[%s]}`, ask, strings.Join(list, ","))
	}
	place := func(workspace string, list ...string) string {
		ask++
		return fmt.Sprintf(`{"ask":"%d","floors":[%s],"place":{"gatewayId":"gw","sandboxId":"s","workspace":"%s","name":"web"}}`, ask, strings.Join(list, ","), workspace)
	}
	before := func(floor string) string { return `"before":` + floor + "," }
	for _, c := range []struct{ name, body, want string }{
		{"a first floor", floors(raised("", at(5, "a"))), "1"},
		{"one that was not seen", floors(raised("", at(9, "a"))), "0"},
		{"one seen with another digest", floors(raised(before(at(5, "b")), at(9, "a"))), "0"},
		{"one seen lower", floors(raised(before(at(4, "a")), at(9, "a"))), "0"},
		{"lower", floors(raised(before(at(5, "a")), at(4, "a"))), "0"},
		{"another document at the same version", floors(raised(before(at(5, "a")), at(5, "b"))), "0"},
		{"higher", floors(raised(before(at(5, "a")), at(6, "b"))), "2"},
		{"a place", place("prod", raised(before(at(6, "b")), at(7, "b"))), "3"},
		{"another place, and a raise with it", place("test", raised(before(at(7, "b")), at(8, "b"))), "0"},
		{"the raise that was refused with it", floors(raised(before(at(7, "b")), at(8, "b"))), "4"},
	} {
		if got := call("a", 1, c.body); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// Several asks of one call are compared one after the other.
	if got := call("a", 1, floors(raised(before(at(8, "b")), at(9, "b"))), floors(raised(before(at(8, "b")), at(10, "b"))), floors(raised(before(at(9, "b")), at(10, "b")))); got != "5 0 6" {
		t.Errorf("three asks: %q", got)
	}
	// An earlier session is over; another driver's is its own.
	if got := p.SQL(memorytest.Role, "select got from sigdriver.raise('a', 0, null, null)"); got != "2" {
		t.Fatalf("the second session is %q", got)
	}
	if got := call("a", 1, floors(raised(before(at(10, "b")), at(11, "b")))); !strings.Contains(got, "session 1 of driver a is over") {
		t.Errorf("an ask of an earlier session: %q", got)
	}
	if got := call("b", 1, floors(raised(before(at(10, "b")), at(11, "b")))); !strings.Contains(got, "is over") {
		t.Errorf("an ask of a session that never began: %q", got)
	}
	if got := call("a", 2, floors(raised(before(at(10, "b")), at(11, "b")))); got != "7" {
		t.Errorf("an ask of the latest session: %q", got)
	}
	// The rows that anybody reads are as many, each with a sum of its own.
	if got := p.SQL(memorytest.Role, "select count(*), max(revision), count(distinct sum) from sigdriver.raised"); got != "7|7|7" {
		t.Errorf("rows: %q", got)
	}
}

// Two processes with one id do not raise side by side for long: each new session ends the
// other, and nothing is lost that was answered.
func TestOneIDTwice(t *testing.T) {
	p := memorytest.Start(t)
	a := newDriver(t, "same", p.URL()).up().ready()
	b := newDriver(t, "same", p.URL()).up().ready()
	done := make(chan outcome)
	go func() { done <- a.ask("web", floor(1, 1)) }()
	if got := <-done; got.allowed {
		t.Error("the session that was ended raises")
	}
	a.until("what it asked for to be settled", func() bool { return len(a.store.Position().Open) == 0 })
	if f := b.learned().store.View().Floor(floorKey("web")); f.Version != 0 {
		t.Errorf("the memory has %v", f)
	}
}

// Old drivers run while a schema goes forward, until it says that they may not.
func TestMigration(t *testing.T) {
	p := memorytest.Start(t)
	a := newDriver(t, "a", p.URL()).up().ready()
	p.SQL(memorytest.Admin, "alter table sigdriver.raised add column later text; update sigdriver.memory set format = 2")
	if got := a.learned().ask("web", floor(1, 1)); !got.allowed {
		t.Errorf("beside a later schema: %v", got.err)
	}
	p.SQL(memorytest.Admin, "update sigdriver.memory set oldest = 2")
	a.until("it to be too old", func() bool { return strings.Contains(a.log.String(), "for drivers from 2 on") })
}
