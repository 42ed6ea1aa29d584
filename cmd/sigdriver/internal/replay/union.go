// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// revision is where a decision stands among those of several drivers: by how much of their
// memory it knew, then by time.
type revision struct {
	memory string // empty for none
	number uint64
	time   time.Time
}

// compare is by revision within one memory, else by time: clocks are all that decisions
// have in common which share none.
func (r revision) compare(o revision) int {
	if r.memory != "" && r.memory == o.memory && r.number != o.number {
		return cmp.Compare(r.number, o.number)
	}
	return r.time.Compare(o.time)
}

// inOrder merges journals into the order of revisions, and hands over the number of the
// journal whose next entry it is. Within a journal the order stays: of what comes next in
// each, the first by compare is taken, of equal ones that of the first journal.
func inOrder(sizes []int, at func(journal, i int) revision, take func(journal, i int)) {
	next := make([]int, len(sizes))
	for {
		first := -1
		for j := range sizes {
			if next[j] < sizes[j] && (first < 0 || at(j, next[j]).compare(at(first, next[first])) < 0) {
				first = j
			}
		}
		if first < 0 {
			return
		}
		take(first, next[first])
		next[first]++
	}
}

// Named is the replay of one of several journals.
type Named struct {
	Name string
	*Report
}

// Union is the replays of the journals of a fleet as one report, in the order of the
// revisions of the memory that they share, with what they say together.
func Union(replays []Named, fleet *evidence.FleetReport) *Report {
	out := &Report{Counts: map[Outcome]int{}, Fleet: fleet}
	var sizes []int
	for _, r := range replays {
		sizes = append(sizes, len(r.Results))
		out.Entries += r.Entries
		out.Suppressed += r.Suppressed
		out.Torn = out.Torn || r.Torn
		for k, n := range r.Counts {
			out.Counts[k] += n
		}
		for _, l := range r.Lines {
			l.Journal = r.Name
			out.Lines = append(out.Lines, l)
		}
	}
	at := func(j, i int) revision { return placeOf(replays[j].Results[i].Entry, fleet) }
	inOrder(sizes, at, func(j, i int) {
		x := replays[j].Results[i]
		x.Journal = replays[j].Name
		out.Results = append(out.Results, x)
	})
	return out
}

// placeOf is where an entry stands. Where the journals share several memories, a number
// says nothing.
func placeOf(e *record.Entry, fleet *evidence.FleetReport) revision {
	r := revision{time: e.Time}
	if e.Memory != nil && len(fleet.Memories) == 1 {
		r.memory, r.number = fleet.Memories[0], e.Memory.Revision
	}
	return r
}
