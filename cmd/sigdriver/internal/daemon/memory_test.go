// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// member is a driver of a fleet, behind a proxy of its own.
type member struct {
	*world
	id    string
	proxy *memorytest.Proxy
}

func newMember(t *testing.T, id string, p *memorytest.Postgres) *member {
	t.Helper()
	m := &member{newWorld(t), id, memorytest.NewProxy(t, p.Socket())}
	m.share()
	m.start()
	m.up()
	return m
}

func (m *member) share() {
	m.configure(fmt.Sprintf("memory = {postgres = %q, driver_id = %q}", m.proxy.URL(), m.id))
}

func (m *member) up() {
	m.eventually("the memory takes raises", func() bool { return m.metric("sigdriver_memory_up") == "1" })
}

// fault asks and returns the reason of the answer that there is none; empty for an answer.
func (m *member) fault(s *verifiertest.Scenario) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := m.client().Verify(ctx, requestOf(s))
	if reason := reasonOf(err); err == nil || reason != "" {
		return reason
	}
	return err.Error()
}

// Three drivers of three gateways know what each of them has allowed. What was withheld
// from an auditor is named.
func TestDriversShareMemory(t *testing.T) {
	p := memorytest.Start(t)
	var fleet []*member
	for _, id := range []string{"east", "west", "north"} {
		fleet = append(fleet, newMember(t, id, p))
	}
	a, b, c := fleet[0], fleet[1], fleet[2]
	a.expect(compose(42), verifier.Allowed)
	for _, m := range fleet {
		m.eventually("the retired version is refused", func() bool {
			return m.fault(compose(41)) == "" && m.verdict(compose(41)).String() == "VERDICT_DENY"
		})
		m.expect(compose(41), verifier.VersionRollback)
		m.expect(compose(42), verifier.Allowed)
	}
	moved := compose(42) // the same sandbox, in another place
	moved.Request.Target.Name = "web-2"
	b.expect(moved, verifier.ScopeMismatch)
	b.expect(compose(43), verifier.Allowed)
	c.eventually("version 43 is known", func() bool { return c.verdict(compose(42)).String() == "VERDICT_DENY" })

	// Cut off, it refuses what would raise, and answers what stands until that is too old.
	c.expect(compose(43), verifier.Allowed)
	c.proxy.Close()
	c.eventually("a raise is refused", func() bool {
		return c.fault(compose(44)) == "MEMORY_UNAVAILABLE" || c.fault(compose(44)) == "MEMORY_STALE"
	})
	c.eventually("nothing is answered", func() bool { return c.fault(compose(43)) == "MEMORY_STALE" })
	if f := c.fault(compose(41)); f != "MEMORY_STALE" {
		t.Errorf("a refusal by an old view: %q", f)
	}
	if code, page := c.admin("/ready"); code == 200 || !strings.Contains(page, "memory") {
		t.Errorf("ready: %d %s", code, page)
	}
	a.expect(compose(44), verifier.Allowed)
	c.proxy.Open()
	c.up()
	c.expect(compose(43), verifier.VersionRollback)
	c.expect(compose(45), verifier.Allowed)

	for _, m := range fleet {
		if err := m.stop(); err != nil {
			t.Fatal(err)
		}
	}
	audit(t, fleet, func(r *evidence.FleetReport) {
		if !r.Well() || r.Rows == 0 {
			t.Errorf("the whole fleet: %+v", r)
		}
	})
	audit(t, fleet[:2], func(r *evidence.FleetReport) {
		if len(r.Findings) > 0 || len(r.Missing) != 1 || r.Missing[0].Driver != "north" || r.Missing[0].Rows == 0 {
			t.Errorf("without north: %+v", r)
		} else {
			t.Logf("without north, its journal is missed for rows %s", r.Missing[0].Revisions)
		}
	})
}

// audit checks and replays each journal, which is right by itself, and holds them together.
func audit(t *testing.T, fleet []*member, judge func(*evidence.FleetReport)) {
	t.Helper()
	var f evidence.Fleet
	for _, m := range fleet {
		r, err := evidence.Verify(m.path("state"), evidence.VerifyOptions{Entry: f.Journal(m.id)})
		if err != nil || !r.Well() {
			t.Errorf("the log of %s: %v %+v", m.id, err, r)
		}
		again, err := replay.Run(t.Context(), replay.Options{Dir: m.path("state"), Root: m.repo.Root(), Now: m.repo.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if n := again.Counts[replay.Identical]; n == 0 || n != len(again.Results) {
			t.Errorf("the replay of %s: %v", m.id, again.Counts)
			for _, res := range again.Results {
				if res.Outcome != replay.Identical {
					t.Logf("entry %d: %s %s", res.Seq, res.Outcome, res.Why)
				}
			}
		}
	}
	judge(f.Judge())
}
