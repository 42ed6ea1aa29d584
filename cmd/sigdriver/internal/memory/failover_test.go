// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
)

// A synchronous standby that is promoted has every raise that was answered: the drivers go
// on, and say how long they refused.
func TestFailOver(t *testing.T) {
	p := memorytest.Start(t, "wal_level=replica", "max_wal_senders=4", "synchronous_standby_names=*", "synchronous_commit=local")
	standby := p.Standby()
	fleet := []*driver{}
	var proxies []*memorytest.Proxy
	for i := range 3 {
		x := memorytest.NewProxy(t, p.Socket())
		proxies = append(proxies, x)
		fleet = append(fleet, newDriver(t, fmt.Sprintf("driver-%d", i), x.URL()).up().ready())
	}
	for v := uint64(1); v <= 5; v++ {
		for i, d := range fleet {
			if got := d.ask(fmt.Sprintf("s%d", i), floor(v, 1)); !got.allowed {
				t.Fatal(got.err)
			}
		}
	}
	// A standby refuses raises, and is no view either.
	proxies[0].To(standby.Socket())
	proxies[0].Cut()
	fleet[0].until("a standby to be refused", func() bool { return strings.Contains(fleet[0].log.String(), "standby") })
	if got := fleet[0].ask("s0", floor(6, 1)); got.allowed {
		t.Error("a raise on a standby")
	}

	p.Kill()
	began := time.Now()
	for _, x := range proxies {
		x.To(standby.Socket())
		x.Cut()
	}
	standby.Promote()
	for i, d := range fleet {
		refused := 0
		for got := d.ask(fmt.Sprintf("s%d", i), floor(7, 1)); !got.allowed; got = d.ask(fmt.Sprintf("s%d", i), floor(7, 1)) {
			if got.err == nil {
				t.Fatalf("driver %d denies version 7", i)
			}
			if err := d.client.Err(); err != nil {
				t.Fatal(err)
			}
			if refused++; time.Since(began) > time.Minute {
				t.Fatalf("driver %d does not come back: %v\n%s", i, got.err, d.log)
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Logf("driver %d raised again %s after the fail-over, %d requests were refused", i, time.Since(began).Round(time.Millisecond), refused)
	}
	for _, d := range fleet {
		d.learned()
		for i := range fleet {
			if f := d.store.View().Floor(floorKey(fmt.Sprintf("s%d", i))); f != floor(7, 1) {
				t.Errorf("driver %s has floor %v of s%d", d.id, f, i)
			}
		}
	}
}

// One driver after the other starts anew; the others answer meanwhile.
func TestRollingRestart(t *testing.T) {
	p := memorytest.Start(t)
	var fleet []*driver
	for i := range 3 {
		fleet = append(fleet, newDriver(t, fmt.Sprintf("driver-%d", i), p.URL()).up().ready())
	}
	version := uint64(0)
	for i, d := range fleet {
		d.down()
		for k, other := range fleet {
			if version++; k == i {
				continue
			}
			if got := other.ask("web", floor(version, 1)); !got.allowed {
				t.Fatalf("driver %d while driver %d is down: %v", k, i, got.err)
			}
			for _, o := range fleet {
				if o != d {
					o.learned()
				}
			}
		}
		began := time.Now()
		d.up().ready()
		t.Logf("driver %d raises %s after its start", i, time.Since(began).Round(time.Millisecond))
		if got := d.learned().ask("web", floor(version-2, 1)); got.allowed || got.err != nil {
			t.Errorf("driver %d allows version %d after %d: %+v", i, version-2, version, got)
		}
	}
}

// steady asks each driver for the next version of a sandbox of its own until stop.
func (f *fleet) steady(stop <-chan struct{}) *sync.WaitGroup {
	var asking sync.WaitGroup
	for i := range f.drivers {
		asking.Go(func() {
			q := own("steady", i)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a, _ := f.question(i, q); a.Allowed {
					q.Version++
				}
				time.Sleep(5 * time.Millisecond) // as a gateway polls
			}
		})
	}
	return &asking
}

// refusals are what each driver did not answer within a stretch of time, and for how long
// after its beginning.
func (f *fleet) refusals(from, to time.Duration) string {
	f.history.mu.Lock()
	defer f.history.mu.Unlock()
	count, last := make([]int, len(f.drivers)), make([]time.Duration, len(f.drivers))
	for _, e := range f.history.events {
		if e.sent >= from && e.got <= to && !e.a.Allowed {
			count[e.driver]++
			last[e.driver] = e.got - from
		}
	}
	var parts []string
	for i := range f.drivers {
		parts = append(parts, fmt.Sprintf("driver %d refused %d in %.2f s", i, count[i], last[i].Seconds()))
	}
	return strings.Join(parts, ", ")
}

// What a rolling restart and a fail-over cost those who ask: requests refused, and for how
// long. Nobody else's answers are wrong meanwhile.
func TestRestartsAsTheirCallersSeeThem(t *testing.T) {
	p := memorytest.Start(t, "wal_level=replica", "max_wal_senders=4", "synchronous_standby_names=*", "synchronous_commit=local")
	standby := p.Standby("wal_retrieve_retry_interval=100ms")
	f := newFleet(t, p, 3)
	f.standby = standby
	f.allowed("first", len(f.drivers))
	stop := make(chan struct{})
	asking := f.steady(stop)
	for i, d := range f.drivers {
		from := time.Since(f.began)
		d.kill()
		d.start()
		f.until(i, "allows nothing after its restart", func() (answer, bool) {
			a, _ := f.question(i, own("again", i))
			return a, a.Allowed
		})
		t.Logf("driver %d restarted: %s", i, f.refusals(from, time.Since(f.began)))
	}
	from := time.Since(f.began)
	t.Log(f.promote())
	t.Logf("fail-over: %s", f.refusals(from, time.Since(f.began)))
	close(stop)
	asking.Wait()
	journals, rows := f.settle()
	for _, w := range f.history.wrongs(journals, rows) {
		t.Error(w)
	}
}
