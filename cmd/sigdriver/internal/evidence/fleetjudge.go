// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// FleetReport is what the journals say together.
type FleetReport struct {
	Journals []FleetJournal `json:"journals"`
	Memories []string       `json:"memories"` // that they share, by id
	Rows     int            `json:"rows"`     // of these, that any of them has learned
	// Missing are the drivers of which no journal is here, with the revisions that they
	// raised.
	Missing []MissingJournal `json:"missing"`
	// GivenUp are rows that the memory has no more, and that every driver which had
	// learned them has given up by an operator's word.
	GivenUp []GivenUp `json:"givenUp,omitempty"`
	// Signed counts the rows that their driver signed, by a key that was given. Unsigned are
	// those without a signature: the driver has no key, or is of a release that signs none.
	Signed   int            `json:"signed"`
	Unsigned []UnsignedRows `json:"unsigned,omitempty"`
	Findings []Finding      `json:"findings"`
	More     int            `json:"more,omitempty"`
	// Unchecked are the things that nothing was there to check with, one sentence each.
	Unchecked []string `json:"unchecked"`
}

// MissingJournal is a driver whose entries are not here.
type MissingJournal struct {
	Driver    string `json:"driver"`
	Memory    string `json:"memory"`
	Revisions string `json:"revisions"` // as 3, 5-9
	Rows      int    `json:"rows"`
	// Here is a journal of the same driver that does not have the entries: a copy that
	// ends before them, or one that was begun after the disk of an earlier one was lost.
	Here string `json:"here,omitempty"`
}

// UnsignedRows are rows of one driver that carry no signature.
type UnsignedRows struct {
	Driver    string `json:"driver"`
	Revisions string `json:"revisions"`
	Rows      int    `json:"rows"`
}

// GivenUp is rows of a memory that went back.
type GivenUp struct {
	Memory    string `json:"memory"`
	Revisions string `json:"revisions"`
	Rows      int    `json:"rows"`
}

// Well reports whether every row is explained and no two journals disagree.
func (r *FleetReport) Well() bool { return len(r.Findings) == 0 && len(r.Missing) == 0 }

// Shares reports whether any journal shares a memory.
func (r *FleetReport) Shares() bool {
	return slices.ContainsFunc(r.Journals, func(j FleetJournal) bool { return j.Driver != "" })
}

// Judge reports what the journals say together, once all were read: row by row, in the
// order of revisions.
func (f *Fleet) Judge() *FleetReport {
	out := &FleetReport{Journals: []FleetJournal{}, Memories: f.memories(), Rows: len(f.rows), Missing: []MissingJournal{}, Findings: []Finding{}, Unchecked: []string{}}
	for _, j := range f.journals {
		out.Journals = append(out.Journals, j.FleetJournal)
		if j.Driver == "" {
			out.unchecked("%s shares no memory: nothing ties it to the others", j.Name)
		}
	}
	if n := len(out.Memories); n > 1 {
		out.unchecked("the journals share %d memories, which nothing ties together", n)
	}
	rows := slices.SortedFunc(maps.Keys(f.rows), compareRows)
	out.forks(f, rows)
	signatures := newSignatures(f)
	missing, givenUp := map[[2]string][]uint64{}, map[string][]uint64{}
	for _, at := range rows {
		r := f.rows[at]
		if r.stands == 0 {
			givenUp[at.memory] = append(givenUp[at.memory], at.revision)
		}
		by, absent := f.explain(at.memory, r)
		finding := by.finding
		if finding == nil {
			finding = signatures.judge(at, r, by.entry)
		}
		if finding != nil {
			out.find(*finding)
		}
		if absent {
			missing[[2]string{r.Driver, at.memory}] = append(missing[[2]string{r.Driver, at.memory}], at.revision)
		}
	}
	for _, of := range slices.SortedFunc(maps.Keys(missing), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		out.Missing = append(out.Missing, MissingJournal{of[0], of[1], ranges(missing[of]), len(missing[of]), f.journalOf(of[0], of[1])})
	}
	for _, memory := range slices.Sorted(maps.Keys(givenUp)) {
		out.GivenUp = append(out.GivenUp, GivenUp{memory, ranges(givenUp[memory]), len(givenUp[memory])})
	}
	signatures.report(out)
	return out
}

func compareRows(a, b memoryRow) int {
	return cmp.Or(cmp.Compare(a.memory, b.memory), cmp.Compare(a.revision, b.revision), bytes.Compare(a.sum[:], b.sum[:]))
}

// forks finds where two journals stand on different rows of one revision: the first of
// each memory, since the rows after it differ all.
func (r *FleetReport) forks(f *Fleet, rows []memoryRow) {
	forked := map[string]bool{}
	var last memoryRow // that stands
	for _, at := range rows {
		if f.rows[at].stands == 0 {
			continue
		}
		if last.memory == at.memory && last.revision == at.revision && !forked[at.memory] {
			forked[at.memory] = true
			r.find(Finding{record.LogFork, f.standsIn(at), -1, -1,
				fmt.Sprintf("row %d of the memory is another one than in %s: the database went back in between, or showed its drivers two histories", at.revision, f.standsIn(last))})
		}
		last = at
	}
}

// standsIn is the first journal that stands on a row.
func (f *Fleet) standsIn(at memoryRow) string {
	for _, j := range f.journals {
		if slices.Contains(j.stands[at.memory], f.rows[at]) {
			return j.Name
		}
	}
	return ""
}

func (r *FleetReport) find(f Finding) {
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

func (r *FleetReport) unchecked(format string, args ...any) {
	r.Unchecked = append(r.Unchecked, fmt.Sprintf(format, args...))
}

// explanation is what the journals say about who asked for a row.
type explanation struct {
	entry   *askEntry // nil for none
	finding *Finding  // nil: it is as the entry says, or no journal is here that could have it
}

// explain looks for the entry that asked for a row. absent says that no journal is here
// that could have it.
func (f *Fleet) explain(memory string, r *learnedRow) (by explanation, absent bool) {
	var of *fleetJournal // a journal of the driver that has the place of the entry
	for _, j := range f.journals {
		m := j.joined[joinedAs{memory, r.Driver}]
		if m == nil {
			continue
		}
		if a := m.entryOf(r); a != nil {
			return explanation{a, a.fits(j, r)}, false
		}
		if m.asks && r.Session >= m.first && r.Ask.Index < j.Entries {
			of = j
		}
	}
	if of == nil {
		return explanation{}, true
	}
	return explanation{finding: r.finding(of.Name, "no entry of it asked for this: whoever owns the database added it")}, false
}

// entryOf is the entry that a row names, nil if the journal has another there.
func (m *joinedMemory) entryOf(r *learnedRow) *askEntry {
	for _, id := range []record.AskID{{Session: r.Session, Number: r.Ask.Number}, {Session: r.Session}} {
		for _, a := range m.asked[id] {
			if a.sum == r.Ask.Entry && a.seq == r.Ask.Index {
				return a
			}
		}
	}
	return nil
}

// journalOf is a journal of a driver, whatever it has; empty for none.
func (f *Fleet) journalOf(driver, memory string) string {
	for _, j := range f.journals {
		if j.joined[joinedAs{memory, driver}] != nil {
			return j.Name
		}
	}
	return ""
}

// fits holds a row against the entry that asked for it.
func (a *askEntry) fits(j *fleetJournal, r *learnedRow) *Finding {
	if a.brought {
		return nil
	}
	want, err := a.ask.Body()
	got, gotErr := r.Ask.Body()
	switch {
	case err != nil || gotErr != nil || string(want) != string(got):
		return r.finding(j.Name, fmt.Sprintf("entry %d asked for something else", a.seq))
	case a.lost != "":
		return r.finding(j.Name, fmt.Sprintf("it says that what entry %d asked for was lost", a.seq))
	}
	return nil
}

func (r *learnedRow) finding(journal, detail string) *Finding {
	return &Finding{Code: record.LogTampered, File: journal, Offset: -1, Entry: -1,
		Detail: fmt.Sprintf("row %d of the memory is of driver %q, and %s", r.Revision, r.Driver, detail)}
}

// ranges writes numbers that do not fall as 3, 5-9.
func ranges(numbers []uint64) string {
	var parts []string
	for i := 0; i < len(numbers); {
		k := i
		for k+1 < len(numbers) && numbers[k+1] <= numbers[k]+1 {
			k++
		}
		if numbers[k] == numbers[i] {
			parts = append(parts, fmt.Sprint(numbers[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", numbers[i], numbers[k]))
		}
		i = k + 1
	}
	return strings.Join(parts, ", ")
}
