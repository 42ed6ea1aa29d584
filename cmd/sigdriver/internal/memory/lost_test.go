// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
)

// A driver whose disk is lost starts from the memory and says what it lost; auditors see a
// gap in its entries, and no silence.
func TestDiskLost(t *testing.T) {
	p := memorytest.Start(t)
	a, b := newDriver(t, "a", p.URL()).up().ready(), newDriver(t, "b", p.URL()).up().ready()
	for v := uint64(1); v <= 3; v++ {
		if got := a.ask("web", floor(v, 1)); !got.allowed {
			t.Fatal(got.err)
		}
	}
	if got := b.learned().ask("db", floor(1, 1)); !got.allowed {
		t.Fatal(got.err)
	}
	if log := a.log.String() + b.log.String(); strings.Contains(log, "begins anew") {
		t.Errorf("a driver with nothing to lose says that it lost something:\n%s", log)
	}
	a.down()
	again := newDriver(t, "a", p.URL()).up().ready()
	want := "the journal begins anew, and this driver has raised before"
	if log := again.log.String(); !strings.Contains(log, want) || !strings.Contains(log, "rows=3 first=1 last=3 entries=6") { // joined, asked, learned, asked, learned, asked
		t.Error(log)
	}
	if got := again.learned().ask("web", floor(2, 1)); got.allowed || got.err != nil {
		t.Errorf("version 2 after 3: %+v", got)
	}
	if got := again.ask("web", floor(4, 1)); !got.allowed {
		t.Errorf("version 4: %+v", got)
	}
	b.learned()
	again.down()
	again.up().ready() // it has said so
	if n := strings.Count(again.log.String(), want); n != 1 {
		t.Errorf("it says so %d times", n)
	}
	again.down()
	b.down()
	r := judge(t, map[string]string{"a": again.dir, "b": b.dir})
	if len(r.Findings) != 0 || len(r.Missing) != 1 || r.Missing[0].Driver != "a" || r.Missing[0].Revisions != "1-3" || r.Missing[0].Here != "a" {
		t.Errorf("without the lost journal: %+v", r)
	}
	if r := judge(t, map[string]string{"a": again.dir, "a before": a.dir, "b": b.dir}); !r.Well() {
		t.Errorf("with a copy of it: %+v", r)
	}
}
