// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// log is a whole journal, and what it adds up to at each of its entries.
type log struct {
	decisions  []record.Stored
	entries    int
	suppressed uint64
	torn       bool
	head       record.Digest
	state      *record.State // at its end
	raises     map[verifier.FloorKey][]raise
	at         time.Time // of the last entry that says
	places     map[verifier.SandboxKey]placed
	// wrong are the entries that do not follow from those before them, and why.
	wrong map[uint64]string
	// resets is set when the journal has signed resets of its own. Release 0.1.0
	// wrote none: what it lowered is found in its trust.
	resets bool
}

// raise is one change of a floor; placed the first ALLOW of a sandbox.
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

// readLog reads a journal whole, checking every hash and the chain.
func readLog(dir string) (*log, error) {
	archive := evidence.OpenArchive(dir)
	l := &log{
		state: record.NewState(archive.Object), raises: map[verifier.FloorKey][]raise{},
		places: map[verifier.SandboxKey]placed{}, wrong: map[uint64]string{},
	}
	for e, err := range record.Read(disk.OS{}, filepath.Join(dir, "audit"), 0) {
		var torn *record.TornError
		if errors.As(err, &torn) {
			l.torn = true
			break
		}
		if err != nil {
			return nil, err
		}
		l.entries++
		l.head = e.Sum
		l.follow(&e)
		if e.Suppressed != nil {
			l.suppressed += e.Suppressed.Count
		}
		if e.Decision != nil {
			e.Raw = nil
			l.decisions = append(l.decisions, e)
		}
	}
	return l, nil
}

// follow notes what an entry changes. One that does not follow from those before it
// changes nothing, nor does one of release 0.1.0 whose list is in a record that is
// lost: the floors of its subjects stay unexplained.
func (l *log) follow(e *record.Stored) {
	changes, err := l.state.Apply(e)
	var wrong *record.StateError
	if errors.As(err, &wrong) {
		l.wrong[e.Seq] = wrong.Detail
		return
	}
	at := time.Time{}
	switch {
	case e.Decision != nil:
		at = e.Decision.Time
		l.at = at
		if m := e.Decision.Memory; m != nil && m.Ask != nil {
			break // nothing is raised or bound before a row says so
		}
		key := verifier.SandboxKey{GatewayID: e.Decision.Target.GatewayID, SandboxID: e.Decision.Target.SandboxID}
		if _, bound := l.places[key]; e.Decision.Bound && !bound {
			l.places[key] = placed{e.Seq, at, verifier.Place{Workspace: e.Decision.Target.Workspace, Name: e.Decision.Target.Name}}
		}
	case e.Reset != nil:
		at, l.resets = e.Reset.Time, true
	case e.Learned != nil:
		at, l.resets = l.at, true
		for i := range e.Learned.Rows {
			if p := e.Learned.Rows[i].Ask.Place; p != nil {
				l.bind(p, e.Seq, at)
			}
		}
	case e.Takeover != nil:
		l.resets = true
		for _, p := range e.Takeover.Places {
			l.places[verifier.SandboxKey{GatewayID: p.GatewayID, SandboxID: p.SandboxID}] = placed{e.Seq, at, verifier.Place{Workspace: p.Workspace, Name: p.Name}}
		}
	}
	for _, c := range changes {
		l.raises[c.Key] = append(l.raises[c.Key], raise{e.Seq, at, c.Before, c.After})
	}
}

// bind notes where a row of a shared memory first placed a sandbox.
func (l *log) bind(p *record.TakenPlace, seq uint64, at time.Time) {
	key := verifier.SandboxKey{GatewayID: p.GatewayID, SandboxID: p.SandboxID}
	if _, bound := l.places[key]; !bound {
		l.places[key] = placed{seq, at, verifier.Place{Workspace: p.Workspace, Name: p.Name}}
	}
}

// The entries of release 0.1.0 are not in the order in which its floors rose: those
// were durable before the entry, and decisions that were under way together stand in
// any order. So a decision may have seen the floors from before or after an entry that
// is this near, in the journal and in time.
const (
	nearby   = 1024
	together = time.Minute
)

// near reports whether two decisions may have been under way together.
func near(seq, other uint64, at, otherAt time.Time) bool {
	return max(seq, other)-min(seq, other) <= nearby && at.Sub(otherAt).Abs() <= together
}

// standing is what the journal shows of one floor or place at an entry.
type standing int

const (
	shown       standing = iota // the journal shows this
	unexplained                 // it is above what the journal shows: it can only refuse more
	lowered                     // it is another
)

// before is the floor of a subject right before an entry.
func (l *log) before(seq uint64, key verifier.FloorKey) (floor verifier.Floor, next int) {
	list := l.raises[key]
	next = sort.Search(len(list), func(i int) bool { return list[i].seq >= seq })
	if next > 0 {
		floor = list[next-1].after
	}
	return floor, next
}

// judge compares a floor that a decision saw with what the journal shows.
func (l *log) judge(seq uint64, e *record.Entry, seen verifier.Raise, resets func() []reset) standing {
	state, next := l.before(seq, seen.Key)
	switch {
	case seen.Floor == state:
		return shown
	case e.Rules != 0:
		return lowered
	}
	return l.judgeOld(seq, e.Time, seen, state, next, resets)
}

// judgeOld is judge for an entry of release 0.1.0. A floor that is higher may stem from
// a decision of which the entry was lost in a crash. One that is lower is a driver that
// forgot, or an old copy.
func (l *log) judgeOld(seq uint64, at time.Time, seen verifier.Raise, state verifier.Floor, next int, resets func() []reset) standing {
	list := l.raises[seen.Key]
	from := func(seq uint64) int { return sort.Search(len(list), func(i int) bool { return list[i].seq >= seq }) }
	for _, r := range list[from(seq-min(seq, nearby)):from(seq+nearby)] {
		if near(seq, r.seq, at, r.at) && (r.after == seen.Floor || r.before == seen.Floor) {
			return shown
		}
	}
	if next < len(list) && list[next].before == seen.Floor {
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
func (l *log) judgePlace(seq uint64, e *record.Entry, key verifier.SandboxKey, seen *verifier.Binding) standing {
	first, bound := l.places[key] // it stands for ever
	switch {
	case e.Rules != 0:
		bound = bound && first.seq < seq
		if bound == (seen != nil) && (!bound || first.place == seen.Place) {
			return shown
		}
		return lowered
	case !bound && seen == nil:
		return shown
	case !bound:
		return unexplained
	case seen == nil && (first.seq >= seq || near(seq, first.seq, e.Time, first.at)):
		return shown // it may not have been bound yet
	case seen != nil && first.place == seen.Place:
		return shown
	}
	return lowered
}

// floors are those at the end of the journal. Where it has no resets of its own, those
// that trust has ordered since a floor last rose count as carried out.
func (l *log) floors(resets []reset) verifier.MapFloors {
	f := l.state.MapFloors()
	if l.resets {
		return f
	}
	for key, list := range l.raises {
		for _, r := range resets {
			if r.Matches(key) && r.at.After(list[len(list)-1].at) {
				f.Versions[key] = r.floor()
			}
		}
	}
	return f
}

// keyText names a floor for people.
func keyText(k verifier.FloorKey) string {
	return fmt.Sprintf("%s %.80q in workspace %.80q", k.Role, k.Name, k.Workspace)
}
