// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

var (
	historyTime  = flag.Duration("history", 6*time.Second, "how long TestHistory runs")
	historySeed  = flag.Uint64("history-seed", 0, "the seed of TestHistory; 0: another each time")
	historySize  = flag.Int("history-subjects", 500, "sandboxes in TestHistory")
	historyCalls = flag.Int("history-callers", 64, "callers in TestHistory")
)

// lag is maxFloorLag in the history.
const lag = 500 * time.Millisecond

// fleet is three drivers, each behind a proxy of its own, and who asks them.
type fleet struct {
	t       testing.TB
	p       *memorytest.Postgres
	proxies []*memorytest.Proxy
	drivers []*process
	history history
	began   time.Time
	raised  atomic.Int64
	standby *memorytest.Postgres // synchronous; nil for none
	dump    string               // of an earlier time
}

func newFleet(t testing.TB, p *memorytest.Postgres, n int) *fleet {
	f := &fleet{t: t, p: p, began: time.Now()}
	for i := range n {
		x := memorytest.NewProxy(t, p.Socket())
		f.proxies = append(f.proxies, x)
		f.drivers = append(f.drivers, startProcess(t, childConfig{fmt.Sprintf("driver-%d", i), t.TempDir(), x.URL(), lag}))
	}
	return f
}

// call asks about random sandboxes until stop: mostly for a version that others may just
// have raised, sometimes for the next, an old one, another document or another place.
func (f *fleet) call(r *rand.Rand, heights []atomic.Uint64, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		i := r.IntN(len(heights))
		q := question{Name: fmt.Sprintf("s%d", i), Digest: 1, Version: heights[i].Load()}
		q.Place = verifier.Place{Workspace: "prod", Name: q.Name}
		switch n := r.IntN(100); {
		case n < 30:
			q.Version = heights[i].Add(1)
		case n < 40:
			q.Version -= min(q.Version, uint64(r.IntN(4)))
		case n < 45:
			q.Digest = 2
		case n < 50:
			q.Version, q.Digest = heights[i].Load()+1, byte(1+r.IntN(3))
		case n < 55:
			q.Place.Workspace = "test"
		}
		q.Version = max(q.Version, 1)
		d := r.IntN(len(f.drivers))
		sent := time.Since(f.began)
		a, ok := f.drivers[d].ask(q)
		f.history.add(event{d, q, sent, time.Since(f.began), a, !ok})
		if a.Allowed {
			f.raised.Add(1)
		}
		if !ok || a.Fault != "" {
			time.Sleep(5 * time.Millisecond) // as a gateway does
		}
	}
}

// trouble does something to a part of the fleet, or to the database.
func (f *fleet) trouble(r *rand.Rand) string {
	d := r.IntN(len(f.drivers))
	x := f.proxies[d]
	switch n := r.IntN(10); {
	case n < 3:
		f.drivers[d].kill()
		f.drivers[d].start()
		return fmt.Sprintf("killed driver %d", d)
	case n < 6:
		x.Cut()
		return fmt.Sprintf("cut the connections of driver %d", d)
	case n < 8:
		delay := time.Duration(1+r.IntN(20)) * time.Millisecond
		x.Delay(delay)
		time.Sleep(200 * time.Millisecond)
		x.Delay(0)
		return fmt.Sprintf("delayed driver %d by %s", d, delay)
	case n < 9:
		x.Close()
		time.Sleep(time.Duration(r.IntN(900)) * time.Millisecond)
		x.Open()
		return fmt.Sprintf("kept driver %d from the database", d)
	}
	if r.IntN(2) == 0 {
		f.p.Kill()
	} else {
		f.p.Down()
	}
	f.p.Up()
	return "restarted PostgreSQL"
}

// promote kills the primary once its standby has everything, and makes that the primary.
func (f *fleet) promote() string {
	for f.p.SQL(memorytest.Admin, "select count(*) from pg_stat_replication where state = 'streaming' and sync_state = 'sync'") != "1" {
		time.Sleep(20 * time.Millisecond) // after a restart it comes back by itself
	}
	f.p.Kill()
	began := time.Now()
	for _, x := range f.proxies {
		x.To(f.standby.Socket())
		x.Cut()
	}
	f.standby.Promote()
	f.p, f.standby = f.standby, nil
	f.allowed("promoted", len(f.drivers))
	return fmt.Sprintf("promoted the standby: each driver raised again after %s", time.Since(began).Round(time.Millisecond))
}

// take dumps the database, and has each driver learn more than the dump has.
func (f *fleet) take() string {
	f.dump = f.p.Dump()
	f.allowed("dumped", len(f.drivers))
	return "dumped the database"
}

// restore puts the dump back. Each driver says MEMORY_ROLLBACK, also after a restart, until
// an operator has stopped them all and has each bring what it knows.
func (f *fleet) restore() string {
	f.p.Restore(f.dump)
	for i, d := range f.drivers {
		f.rolledBack(i)
		d.kill()
		d.start()
		f.rolledBack(i)
	}
	for _, d := range f.drivers {
		d.kill()
	}
	brought := 0
	for i, d := range f.drivers {
		stopped := &driver{t: f.t, id: d.conf.ID, dir: d.conf.Dir, url: f.p.URL(), ordered: func(*record.AskedReset) bool { return false }}
		got := stopped.bring(f.t, nil)
		if len(got.Disagree) > 0 {
			f.t.Errorf("driver %d brings back what others know otherwise: %v", i, got.Disagree)
		}
		brought += got.Floors
	}
	for _, d := range f.drivers {
		d.start()
	}
	f.allowed("restored", len(f.drivers))
	return fmt.Sprintf("restored an old dump: each driver refused, also anew, and %d floors were brought back", brought)
}

// own is a question about a sandbox that nobody else asks about.
func own(what string, i int) question {
	name := fmt.Sprintf("%s%d", what, i)
	return question{Name: name, Digest: 1, Version: 1, Place: verifier.Place{Workspace: "prod", Name: name}}
}

// question asks one driver and keeps the answer.
func (f *fleet) question(i int, q question) (answer, bool) {
	sent := time.Since(f.began)
	a, ok := f.drivers[i].ask(q)
	f.history.add(event{i, q, sent, time.Since(f.began), a, !ok})
	return a, ok
}

// allowed waits until each driver has raised something of its own.
func (f *fleet) allowed(what string, drivers int) {
	f.t.Helper()
	for i := range drivers {
		f.until(i, "allows nothing after "+what, func() (answer, bool) {
			a, _ := f.question(i, own(what, i))
			return a, a.Allowed
		})
	}
}

// rolledBack waits until a driver says that the memory went back.
func (f *fleet) rolledBack(i int) {
	f.t.Helper()
	f.until(i, "does not say that the memory went back", func() (answer, bool) {
		a, _ := f.question(i, own("back", i))
		return a, strings.Contains(a.Fault, "MEMORY_ROLLBACK")
	})
}

func (f *fleet) until(i int, what string, so func() (answer, bool)) {
	f.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		a, ok := so()
		if ok {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("driver %d %s: %+v", i, what, a)
		}
	}
}

// planned is what happens once in a run, in this order, however short it is.
func (f *fleet) planned() []func() string {
	if f.standby == nil {
		return nil
	}
	return []func() string{f.promote, f.take, f.restore}
}

// enough is how many ALLOWs there are for a verdict, on whatever machine.
const enough = 200

// run lets callers ask and trouble happen.
func (f *fleet) run(seed uint64, callers, subjects int, length time.Duration, quiet bool) {
	heights := make([]atomic.Uint64, subjects)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for c := range callers {
		asking.Go(func() { f.call(rand.New(rand.NewPCG(seed, uint64(c)+1)), heights, stop) })
	}
	r := rand.New(rand.NewPCG(seed, 0))
	planned := f.planned()
	begin, parts := time.Now(), time.Duration(len(planned)+1)
	for end := begin.Add(length); time.Now().Before(end) || len(planned) > 0 || f.raised.Load() < enough && time.Since(end) < time.Minute; {
		time.Sleep(time.Duration(100+r.IntN(400)) * time.Millisecond)
		if done := parts - time.Duration(len(planned)); len(planned) > 0 && time.Since(begin) > length*done/parts {
			f.t.Log(planned[0]())
			planned = planned[1:]
		}
		if !quiet {
			f.t.Log(f.trouble(r))
		}
	}
	close(stop)
	asking.Wait()
}

// settle waits until every driver has settled what it asked for, stops them, and returns
// what they wrote and what the memory holds.
func (f *fleet) settle() ([]*journal, []record.Row) {
	f.t.Helper()
	f.allowed("last", len(f.drivers))
	var journals []*journal
	var rows []record.Row
	for i, d := range f.drivers {
		d.kill()
		j := readJournal(f.t, d.conf.ID, d.conf.Dir)
		if open := j.state.Memory.Open; len(open) > 0 {
			f.t.Errorf("driver %d has %d asks that are not settled", i, len(open))
		}
		journals = append(journals, j)
	}
	db, err := memory.ParseURL(f.p.URL(), "")
	if err != nil {
		f.t.Fatal(err)
	}
	if rows, err = memory.Rows(f.t.Context(), db); err != nil {
		f.t.Fatal(err)
	}
	return journals, rows
}

// judge holds journals together as auditors do.
func judge(t testing.TB, dirs map[string]string) *evidence.FleetReport {
	t.Helper()
	var all evidence.Fleet
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		hear := all.Journal(name)
		for e, err := range record.Read(disk.OS{}, filepath.Join(dirs[name], "audit"), 0) {
			var torn *record.TornError
			if errors.As(err, &torn) {
				break
			}
			if err := cmp.Or(err, hear(e)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all.Judge()
}

func (f *fleet) audited() {
	f.t.Helper()
	dirs := map[string]string{}
	for _, d := range f.drivers {
		dirs[d.conf.ID] = d.conf.Dir
	}
	r := judge(f.t, dirs)
	if !r.Well() || len(r.GivenUp) != 1 {
		f.t.Errorf("the journals together: missing %v, findings %v, given up %v", r.Missing, r.Findings, r.GivenUp)
	}
	f.t.Logf("the journals explain %d rows, given up %v", r.Rows, r.GivenUp)
}

// TestHistory asks three drivers about many sandboxes at once, while drivers are killed,
// connections are cut and delayed, and the database restarts, is promoted from a standby
// and restored from an old dump. It holds every answer against what sharing a memory
// promises. `make memory` is the long form.
func TestHistory(t *testing.T) {
	seed := *historySeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: replay with -history-seed", seed)
	p := memorytest.Start(t, "wal_level=replica", "max_wal_senders=4", "synchronous_standby_names=*", "synchronous_commit=local")
	standby := p.Standby("wal_retrieve_retry_interval=100ms")
	f := newFleet(t, p, 3)
	f.standby = standby
	f.run(seed, *historyCalls, *historySize, *historyTime, false)
	journals, rows := f.settle()
	for _, w := range f.history.wrongs(journals, rows) {
		t.Error(w)
	}
	f.audited()
	faults := map[string]int{}
	for _, e := range f.history.events {
		if e.a.Fault != "" {
			faults[e.a.Fault]++
		}
	}
	t.Logf("%d answers, %d of them ALLOW, %d rows; without an answer: %v", len(f.history.events), f.raised.Load(), len(rows), faults)
	if f.raised.Load() < enough || len(rows) < enough/4 {
		t.Errorf("too little happened for a verdict")
	}
}

// Without the comparison in the function the checker finds something wrong.
func TestHistoryNeedsTheComparison(t *testing.T) {
	p := memorytest.Start(t)
	broken := strings.Replace(memory.Schema("r", 1), "    if not ok then\n", "    if false then\n", 1)
	broken = broken[strings.Index(broken, "create function sigdriver.raise"):]
	broken = "create or replace" + strings.TrimPrefix(broken[:strings.Index(broken, "$$;")+3], "create")
	// A row that is there already would fail the insertion of a second place.
	broken = strings.Replace(broken, "'sandboxId', next);", "'sandboxId', next) on conflict do nothing;", 1)
	if !strings.Contains(broken, "if false then") || !strings.Contains(broken, "on conflict do nothing;\n    end if;") {
		t.Fatal("the function is not broken")
	}
	p.SQL(memorytest.Admin, broken)
	f := newFleet(t, p, 3)
	f.run(1, 64, 5, 4*time.Second, true)
	journals, rows := f.settle()
	wrongs := f.history.wrongs(journals, rows)
	if len(wrongs) == 0 {
		t.Fatal("the checker found nothing wrong with a memory that compares nothing")
	}
	t.Logf("found: %s", strings.Join(wrongs, "\n"))
}
