// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

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
		case j.lost[e.a.Index] != "":
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
		fits := func(e *record.Stored) bool { return e.Sum == r.Ask.Entry && e.Seq == r.Ask.Index }
		if b := j.brought[r.Session]; !slices.ContainsFunc(j.asked[id], fits) && !slices.ContainsFunc(b, fits) {
			wrong("row %d: no entry of driver %q asked for it", r.Revision, r.Driver)
		}
		if j.lost[r.Ask.Index] != "" {
			wrong("row %d: driver %q says that it was lost", r.Revision, r.Driver)
		}
	}
	return out
}

// journal is what one driver has written.
type journal struct {
	driver    string
	decisions map[uint64]*record.Stored
	asked     map[record.AskID][]*record.Stored // a memory that went back counts its sessions anew
	brought   map[uint64][]*record.Stored       // by session: what was joined anew, and brought
	lost      map[uint64]string                 // by entry
	state     *record.State
}

func readJournal(t testing.TB, driver, dir string) *journal {
	t.Helper()
	j := &journal{driver, map[uint64]*record.Stored{}, map[record.AskID][]*record.Stored{}, map[uint64][]*record.Stored{}, map[uint64]string{}, record.NewState(nil)}
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
				j.asked[*e.Decision.Memory.Ask] = append(j.asked[*e.Decision.Memory.Ask], &e)
			}
		case e.Joined != nil:
			j.brought[e.Joined.Session] = append(j.brought[e.Joined.Session], &e)
		case e.Lost != nil:
			for _, a := range e.Lost.Asks {
				list := j.asked[a.AskID]
				j.lost[list[len(list)-1].Seq] = a.Why
			}
		}
	}
	return j
}
