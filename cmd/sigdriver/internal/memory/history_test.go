// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// event is one question and its answer, on the one clock of the callers.
type event struct {
	driver     int
	q          question
	sent, got  time.Duration
	a          answer
	unanswered bool // the driver was killed meanwhile
}

// history is everything that was asked and answered.
type history struct {
	mu     sync.Mutex
	events []event
}

func (h *history) add(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// wrongs are the sentences that the history refutes. Drivers may be killed, connections
// cut, the database restarted: none of it is an excuse.
func (h *history) wrongs(journals []*journal, rows []record.Row) []string {
	var out []string
	wrong := func(format string, args ...any) {
		if len(out) < 20 {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	type version struct {
		name    string
		version uint64
	}
	digests := map[version]byte{}
	places := map[string]verifier.Place{}
	allowed := map[string][]event{}
	for _, e := range h.events {
		if !e.a.Allowed {
			continue
		}
		v := version{e.q.Name, e.q.Version}
		if d, ok := digests[v]; ok && d != e.q.Digest {
			wrong("version %d of %s was allowed for two documents", v.version, v.name)
		}
		digests[v] = e.q.Digest
		if p, ok := places[e.q.Name]; ok && p != e.q.Place {
			wrong("sandbox %s was allowed in two places", e.q.Name)
		}
		places[e.q.Name] = e.q.Place
		allowed[e.q.Name] = append(allowed[e.q.Name], e)
		j := journals[e.driver]
		switch entry := j.decisions[e.a.Index]; {
		case entry == nil || entry.Sum != e.a.Sum:
			wrong("driver %d allowed %s at version %d, and its journal has no such entry %d", e.driver, e.q.Name, e.q.Version, e.a.Index)
		case entry.Decision.Memory.Ask != nil && j.lost[*entry.Decision.Memory.Ask] != "":
			wrong("driver %d allowed %s at version %d, and its journal says that this was lost", e.driver, e.q.Name, e.q.Version)
		}
	}
	for name, list := range allowed {
		for _, x := range list {
			for _, y := range list {
				bound := lag
				if x.driver == y.driver {
					bound = 0
				}
				if y.q.Version > x.q.Version && y.got+bound < x.sent {
					wrong("%s: version %d was allowed by driver %d %s after driver %d had allowed version %d", name, x.q.Version, x.driver, x.sent-y.got, y.driver, y.q.Version)
				}
			}
		}
	}
	for _, r := range rows {
		i := slices.IndexFunc(journals, func(j *journal) bool { return j.driver == r.Driver })
		if i < 0 {
			wrong("row %d is of driver %q", r.Revision, r.Driver)
			continue
		}
		j, id := journals[i], record.AskID{Session: r.Session, Number: r.Ask.Number}
		entry := j.asked[id]
		if entry == nil || entry.Sum != r.Ask.Entry || entry.Seq != r.Ask.Index {
			wrong("row %d: no entry of driver %q asked for it", r.Revision, r.Driver)
		}
		if j.lost[id] != "" {
			wrong("row %d: driver %q says that it was lost", r.Revision, r.Driver)
		}
	}
	return out
}

// journal is what one driver has written.
type journal struct {
	driver    string
	decisions map[uint64]*record.Stored
	asked     map[record.AskID]*record.Stored
	lost      map[record.AskID]string
	state     *record.State
}

func readJournal(t testing.TB, driver, dir string) *journal {
	t.Helper()
	j := &journal{driver, map[uint64]*record.Stored{}, map[record.AskID]*record.Stored{}, map[record.AskID]string{}, record.NewState(nil)}
	for e, err := range record.Read(disk.OS{}, filepath.Join(dir, "audit"), 0) {
		var torn *record.TornError
		if errors.As(err, &torn) {
			break // the driver was killed
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.state.Apply(&e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Decision != nil:
			j.decisions[e.Seq] = &e
			if e.Decision.Memory != nil && e.Decision.Memory.Ask != nil {
				j.asked[*e.Decision.Memory.Ask] = &e
			}
		case e.Lost != nil:
			for _, a := range e.Lost.Asks {
				j.lost[a.AskID] = a.Why
			}
		}
	}
	return j
}

// fleet is three drivers, each behind a proxy of its own, and who asks them.
type fleet struct {
	t       testing.TB
	p       *memorytest.Postgres
	proxies []*memorytest.Proxy
	drivers []*process
	history history
	began   time.Time
	raised  atomic.Int64
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
	for end := time.Now().Add(length); time.Now().Before(end) || f.raised.Load() < enough && time.Since(end) < time.Minute; {
		time.Sleep(time.Duration(100+r.IntN(400)) * time.Millisecond)
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
	for i, d := range f.drivers {
		q := question{Name: fmt.Sprintf("last%d", i), Digest: 1, Version: 1, Place: verifier.Place{Workspace: "prod", Name: fmt.Sprintf("last%d", i)}}
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if a, _ := d.ask(q); a.Allowed {
				break
			}
			if time.Now().After(end) {
				f.t.Fatalf("driver %d allows nothing after the end", i)
			}
		}
	}
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

// TestHistory asks three drivers about many sandboxes at once, while drivers are killed,
// connections are cut and delayed and the database restarts, and holds every answer
// against what sharing a memory promises. `make memory` is the long form.
func TestHistory(t *testing.T) {
	seed := *historySeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: replay with -history-seed", seed)
	f := newFleet(t, memorytest.Start(t), 3)
	f.run(seed, *historyCalls, *historySize, *historyTime, false)
	journals, rows := f.settle()
	for _, w := range f.history.wrongs(journals, rows) {
		t.Error(w)
	}
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
