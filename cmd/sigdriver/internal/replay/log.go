// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/recorded"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// log is a whole journal, and what it shows about floors and places.
type log struct {
	decisions  []journal.Stored
	entries    int
	suppressed uint64
	torn       bool
	head       journal.Digest
	raises     map[verifier.FloorKey][]raise
	places     map[verifier.SandboxKey][]placed
}

// raise is one change of a floor; placed one first ALLOW of a sandbox.
type (
	raise struct {
		seq           uint64
		at            time.Time
		before, after verifier.Floor
	}
	placed struct {
		seq   uint64
		at    time.Time
		place verifier.Place
	}
)

// Floors are durable before the entry that raises them, and the entries of decisions
// that were under way together stand in any order. So a decision may have seen the
// floors from before or after an entry that is this near, in the journal and in time.
const (
	nearby   = 1024
	together = time.Minute
)

// near reports whether two decisions may have been under way together.
func near(seq, other uint64, at, otherAt time.Time) bool {
	return max(seq, other)-min(seq, other) <= nearby && at.Sub(otherAt).Abs() <= together
}

// readLog reads a journal whole, checking every hash and the chain.
func readLog(dir string) (*log, error) {
	l := &log{raises: map[verifier.FloorKey][]raise{}, places: map[verifier.SandboxKey][]placed{}}
	archive := recorded.OpenArchive(dir)
	for e, err := range journal.Read(disk.OS{}, filepath.Join(dir, "audit"), 0) {
		var torn *journal.TornError
		if errors.As(err, &torn) {
			l.torn = true
			break
		}
		if err != nil {
			return nil, err
		}
		l.entries++
		l.head = e.Sum
		if e.Suppressed != nil {
			l.suppressed += e.Suppressed.Count
		}
		if e.Decision == nil {
			continue
		}
		e.Raw = nil
		l.decisions = append(l.decisions, e)
		l.follow(&e, archive)
	}
	return l, nil
}

// follow notes what an entry says about floors and places. Where the entry had no
// room for the list its record has it; without the record the floors of these
// subjects stay unexplained.
func (l *log) follow(e *journal.Stored, archive *recorded.Archive) {
	d := e.Decision
	if d.Bound {
		key := verifier.SandboxKey{GatewayID: d.Target.GatewayID, SandboxID: d.Target.SandboxID}
		l.places[key] = append(l.places[key], placed{e.Seq, d.Time, verifier.Place{Workspace: d.Target.Workspace, Name: d.Target.Name}})
	}
	for _, f := range d.Raised {
		role, _ := verifier.RoleByName(f.Role) // one that is none explains no floor
		key := verifier.FloorKey{GatewayID: d.Target.GatewayID, Role: role, Workspace: f.Workspace, Name: f.Name}
		l.raises[key] = append(l.raises[key], raise{e.Seq, d.Time, floorOf(f.Before), floorOf(f.After)})
	}
	if !slices.Contains(d.Elided, journal.ElidedRaised) {
		return
	}
	record, err := archive.Record(d)
	if err != nil {
		return
	}
	for _, r := range record.Decision.Raises {
		before := verifier.Floor{}
		for _, c := range record.Decision.Consulted {
			if c.Key == r.Key {
				before = c.Floor
			}
		}
		l.raises[r.Key] = append(l.raises[r.Key], raise{e.Seq, d.Time, before, r.Floor})
	}
}

func floorOf(f journal.Floor) verifier.Floor {
	return verifier.Floor{Version: f.Version, SHA256: f.SHA256}
}

// standing is what the journal shows of one floor about the time of an entry.
type standing int

const (
	shown       standing = iota // the journal shows this floor
	unexplained                 // it is above what the journal shows: it can only refuse more
	lowered                     // it is below, or about another document
)

// judge compares a floor that a decision saw with what the journal shows.
// The driver's floors are durable before the entry that raises them, so one that
// is higher may stem from a decision of which the entry was lost in a crash. One
// that is lower is a driver that forgot, or an old copy.
func (l *log) judge(seq uint64, at time.Time, seen verifier.Raise, resets func() []reset) standing {
	list := l.raises[seen.Key]
	from := func(seq uint64) int { return sort.Search(len(list), func(i int) bool { return list[i].seq >= seq }) }
	after := from(seq) // raises before this entry
	state := verifier.Floor{}
	if after > 0 {
		state = list[after-1].after
	}
	if seen.Floor == state {
		return shown
	}
	for _, r := range list[from(seq-min(seq, nearby)):from(seq+nearby)] {
		if near(seq, r.seq, at, r.at) && (r.after == seen.Floor || r.before == seen.Floor) {
			return shown
		}
	}
	if after < len(list) && list[after].before == seen.Floor {
		return shown // of a decision whose entry was lost, or since a reset
	}
	for _, r := range resets() {
		if r.Matches(seen.Key) && r.floor() == seen.Floor {
			return shown // SPEC: R8 a signed reset: the only way down.
		}
	}
	if seen.Floor.Version > state.Version {
		return unexplained
	}
	return lowered
}

// judgePlace compares where a decision saw its sandbox first allowed.
func (l *log) judgePlace(seq uint64, at time.Time, key verifier.SandboxKey, seen *verifier.Binding) standing {
	list := l.places[key]
	switch {
	case len(list) == 0 && seen == nil:
		return shown
	case len(list) == 0:
		return unexplained
	}
	first := list[0] // it stands for ever
	switch {
	case seen == nil && (first.seq >= seq || near(seq, first.seq, at, first.at)):
		return shown // it may not have been bound yet
	case seen != nil && first.place == seen.Place:
		return shown
	}
	return lowered
}

// floors are those at the end of the journal, and of what was reset since.
func (l *log) floors(resets []reset) verifier.MapFloors {
	f := verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: map[verifier.SandboxKey]verifier.Place{}}
	for key, list := range l.raises {
		last := list[len(list)-1]
		f.Versions[key] = last.after
		for _, r := range resets {
			if r.Matches(key) && r.at.After(last.at) {
				f.Versions[key] = r.floor()
			}
		}
	}
	for key, list := range l.places {
		f.Places[key] = list[0].place
	}
	return f
}

// keyText names a floor for people.
func keyText(k verifier.FloorKey) string {
	return fmt.Sprintf("%s %.80q in workspace %.80q", k.Role, k.Name, k.Workspace)
}
