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

// Fleet holds the journals of drivers that share a memory against each other. The rows of
// the memory tie them together: each driver has learned every row, in the same order, and
// each row names the entry that asked for it. Its zero value is ready.
type Fleet struct {
	journals []*fleetJournal
	rows     map[memoryRow]*learnedRow
}

type (
	memoryRow struct {
		memory   string
		revision uint64
		sum      record.Digest // a memory that went back has two rows of one revision
	}
	learnedRow struct {
		record.Row
		by string // the first journal that has it
	}
	fleetJournal struct {
		FleetJournal
		memory string // that it shares at this entry
		first  uint64 // session of its asks; 0 for none yet
		asks   map[fleetAsk]*askEntry
	}
	fleetAsk struct {
		driver string
		record.AskID
	}
	askEntry struct {
		seq  uint64
		sum  record.Digest
		lost string
		ask  record.Ask
	}
)

// FleetJournal is one of the journals.
type FleetJournal struct {
	Name    string `json:"name"`             // the folder or pack
	Driver  string `json:"driver,omitempty"` // its id; empty where it shares no memory
	Entries uint64 `json:"entries"`
	Asked   int    `json:"asked"` // raises that it asked for, of which
	Lost    int    `json:"lost"`  // it says that they came to nothing
	Learned uint64 `json:"learned,string"`
}

// FleetReport is what the journals say together.
type FleetReport struct {
	Journals []FleetJournal `json:"journals"`
	Rows     int            `json:"rows"` // of the memory, that any of them has learned
	// Missing are the drivers of which no journal is here, with the revisions that they
	// raised.
	Missing  []MissingJournal `json:"missing"`
	Findings []Finding        `json:"findings"`
	More     int              `json:"more,omitempty"`
}

// MissingJournal is a driver whose entries are not here.
type MissingJournal struct {
	Driver    string `json:"driver"`
	Revisions string `json:"revisions"` // as 3, 5-9
	Rows      int    `json:"rows"`
}

// Well reports whether every row is explained and no two journals disagree.
func (r *FleetReport) Well() bool { return len(r.Findings) == 0 && len(r.Missing) == 0 }

// Shares reports whether any journal shares a memory.
func (r *FleetReport) Shares() bool {
	return slices.ContainsFunc(r.Journals, func(j FleetJournal) bool { return j.Driver != "" })
}

// Journal begins one more journal. The function hears its entries in order.
func (f *Fleet) Journal(name string) func(record.Stored) error {
	j := &fleetJournal{FleetJournal: FleetJournal{Name: name}, asks: map[fleetAsk]*askEntry{}}
	f.journals = append(f.journals, j)
	return func(e record.Stored) error {
		f.entry(j, &e)
		return nil
	}
}

func (f *Fleet) entry(j *fleetJournal, e *record.Stored) {
	j.Entries = e.Seq + 1
	switch {
	case e.Joined != nil && !e.Joined.Left:
		j.memory, j.Driver = e.Joined.Memory, e.Joined.Driver
		if s := e.Joined.Session; s > 0 { // of what it brings along, without an entry each
			j.begin(s)
			j.asks[fleetAsk{j.Driver, record.AskID{Session: s}}] = &askEntry{seq: e.Seq, sum: e.Sum}
		}
	case e.Joined != nil:
		j.memory = ""
	case e.Decision != nil && e.Decision.Memory != nil && e.Decision.Memory.Ask != nil:
		j.asked(e.Decision.Memory, e, e.Decision.Asks())
	case e.Reset != nil && e.Reset.Memory != nil && e.Reset.Memory.Ask != nil:
		j.asked(e.Reset.Memory, e, record.Ask{Reset: &record.AskedReset{ID: e.Reset.ID, Version: e.Reset.Version, Pattern: e.Reset.Pattern}})
	case e.Lost != nil:
		for _, a := range e.Lost.Asks {
			if asked := j.asks[fleetAsk{j.Driver, a.AskID}]; asked != nil {
				asked.lost = a.Why
				j.Lost++
			}
		}
	case e.Learned != nil:
		for _, r := range e.Learned.Rows {
			j.Learned = r.Revision
			f.learned(j, r)
		}
	}
}

func (j *fleetJournal) begin(session uint64) {
	if j.first == 0 {
		j.first = session
	}
}

func (j *fleetJournal) asked(m *record.Known, e *record.Stored, ask record.Ask) {
	j.Asked++
	j.begin(m.Ask.Session)
	ask.Number, ask.Index, ask.Entry = m.Ask.Number, e.Seq, e.Sum
	j.asks[fleetAsk{m.Driver, *m.Ask}] = &askEntry{seq: e.Seq, sum: e.Sum, ask: ask}
}

func (f *Fleet) learned(j *fleetJournal, r record.Row) {
	if f.rows == nil {
		f.rows = map[memoryRow]*learnedRow{}
	}
	at := memoryRow{j.memory, r.Revision, r.Sum}
	if f.rows[at] == nil {
		f.rows[at] = &learnedRow{r, j.Name}
	}
}

// Judge reports what the journals say together, once all were read.
func (f *Fleet) Judge() *FleetReport {
	out := &FleetReport{Journals: []FleetJournal{}, Rows: len(f.rows), Missing: []MissingJournal{}, Findings: []Finding{}}
	for _, j := range f.journals {
		out.Journals = append(out.Journals, j.FleetJournal)
	}
	missing := map[string][]uint64{}
	var last memoryRow
	forked := map[string]bool{}
	for _, at := range slices.SortedFunc(maps.Keys(f.rows), compareRows) {
		if last.memory == at.memory && last.revision == at.revision && !forked[at.memory] {
			forked[at.memory] = true // the rows after it differ all
			out.find(Finding{record.LogFork, f.rows[at].by, -1, -1,
				fmt.Sprintf("row %d of the memory is another one than in %s: the database went back in between, or showed its drivers two histories", at.revision, f.rows[last].by)})
		}
		last = at
		if finding, absent := f.explain(f.rows[at]); finding != nil {
			out.find(*finding)
		} else if absent {
			missing[f.rows[at].Driver] = append(missing[f.rows[at].Driver], at.revision)
		}
	}
	for _, driver := range slices.Sorted(maps.Keys(missing)) {
		out.Missing = append(out.Missing, MissingJournal{driver, ranges(missing[driver]), len(missing[driver])})
	}
	return out
}

func compareRows(a, b memoryRow) int {
	return cmp.Or(cmp.Compare(a.memory, b.memory), cmp.Compare(a.revision, b.revision), bytes.Compare(a.sum[:], b.sum[:]))
}

func (r *FleetReport) find(f Finding) {
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

// explain looks for the entry that asked for a row. absent says that no journal is here
// that could have it.
func (f *Fleet) explain(r *learnedRow) (finding *Finding, absent bool) {
	var of *fleetJournal // a journal of the driver that reaches back that far
	for _, j := range f.journals {
		if j.Driver != r.Driver {
			continue
		}
		id := fleetAsk{r.Driver, record.AskID{Session: r.Session, Number: r.Ask.Number}}
		asked := j.asks[id]
		if asked == nil { // brought along
			if asked = j.asks[fleetAsk{r.Driver, record.AskID{Session: r.Session}}]; asked != nil && asked.sum == r.Ask.Entry {
				return nil, false
			}
		}
		if asked != nil && asked.sum == r.Ask.Entry && asked.seq == r.Ask.Index {
			return asked.fits(j, r), false
		}
		if j.first != 0 && r.Session >= j.first && r.Ask.Index < j.Entries {
			of = j
		}
	}
	if of == nil {
		return nil, true
	}
	return r.finding(of, "no entry of it asked for this: whoever owns the database added it"), false
}

// fits holds a row against the entry that asked for it.
func (a *askEntry) fits(j *fleetJournal, r *learnedRow) *Finding {
	want, err := a.ask.Body()
	got, gotErr := r.Ask.Body()
	switch {
	case err != nil || gotErr != nil || string(want) != string(got):
		return r.finding(j, fmt.Sprintf("entry %d asked for something else", a.seq))
	case a.lost != "":
		return r.finding(j, fmt.Sprintf("it says that what entry %d asked for was lost", a.seq))
	}
	return nil
}

func (r *learnedRow) finding(j *fleetJournal, detail string) *Finding {
	return &Finding{Code: record.LogTampered, File: j.Name, Offset: -1, Entry: -1,
		Detail: fmt.Sprintf("row %d of the memory is of driver %q, and %s", r.Revision, r.Driver, detail)}
}

// ranges writes numbers that rise as 3, 5-9.
func ranges(numbers []uint64) string {
	var parts []string
	for i := 0; i < len(numbers); {
		k := i
		for k+1 < len(numbers) && numbers[k+1] == numbers[k]+1 {
			k++
		}
		if k == i {
			parts = append(parts, fmt.Sprint(numbers[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", numbers[i], numbers[k]))
		}
		i = k + 1
	}
	return strings.Join(parts, ", ")
}
