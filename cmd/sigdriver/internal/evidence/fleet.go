// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bytes"
	"crypto"
	"slices"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// Fleet holds the journals of drivers that share a memory against each other. The rows of
// the memory tie them together: each driver has learned every row, in the same order, and
// each row names the entry that asked for it. Its zero value is ready.
type Fleet struct {
	journals []*fleetJournal
	rows     map[memoryRow]*learnedRow
	keys     map[string][]crypto.PublicKey // of drivers, by id
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
		// signatures are what the journals have as the row's: nothing binds them but the
		// driver's key, so that the database may tell each of them something else.
		signatures [][]byte
		// stands counts the journals that have not joined the memory anew since.
		stands int
	}
	fleetJournal struct {
		FleetJournal
		memory string // that it shares at this entry
		joined map[joinedAs]*joinedMemory
		stands map[string][]*learnedRow // of a memory, since it last joined that
	}
	// joinedAs is a memory and the driver's id there.
	joinedAs struct{ memory, driver string }
	// joinedMemory is what a journal has asked of one memory.
	joinedMemory struct {
		asks  bool
		first uint64 // session of its asks
		asked map[record.AskID][]*askEntry
	}
	// askEntry is an entry that asked. A memory that went back counts its sessions from an
	// earlier one on, so that several have one name.
	askEntry struct {
		seq     uint64
		sum     record.Digest
		lost    string
		ask     record.Ask
		brought bool // it asked for what it brought along, without an entry each
		signed  bool // it says that the driver signs what it asks for
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

// Trust takes a key that a driver may have signed its rows with, as drivers.json lists it.
func (f *Fleet) Trust(driver string, key crypto.PublicKey) {
	if f.keys == nil {
		f.keys = map[string][]crypto.PublicKey{}
	}
	f.keys[driver] = append(f.keys[driver], key)
}

// Journal begins one more journal. The function hears its entries in order.
func (f *Fleet) Journal(name string) func(record.Stored) error {
	j := &fleetJournal{FleetJournal: FleetJournal{Name: name}, joined: map[joinedAs]*joinedMemory{}, stands: map[string][]*learnedRow{}}
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
		j.join(e)
	case e.Joined != nil:
		j.memory = ""
	case e.Decision != nil && e.Decision.Memory != nil && e.Decision.Memory.Ask != nil:
		j.asks(e.Decision.Memory, e, e.Decision.Asks())
	case e.Reset != nil && e.Reset.Memory != nil && e.Reset.Memory.Ask != nil:
		j.asks(e.Reset.Memory, e, record.Ask{Reset: &record.AskedReset{ID: e.Reset.ID, Version: e.Reset.Version, Pattern: e.Reset.Pattern}})
	case e.Lost != nil:
		for _, a := range e.Lost.Asks {
			j.loses(a)
		}
	case e.Learned != nil:
		for _, r := range e.Learned.Rows {
			f.learned(j, r)
		}
	}
}

// join begins to share a memory, or shares one anew by an operator's word: what it had
// learned of that before is given up.
func (j *fleetJournal) join(e *record.Stored) {
	j.memory, j.Driver = e.Joined.Memory, e.Joined.Driver
	for _, r := range j.stands[j.memory] {
		r.stands--
	}
	j.stands[j.memory], j.Learned = nil, 0
	m := j.shares()
	if s := e.Joined.Session; s > 0 {
		m.ask(record.AskID{Session: s}, &askEntry{seq: e.Seq, sum: e.Sum, brought: true, signed: e.Joined.Signed})
	}
}

// shares is what the journal has of the memory that it shares now.
func (j *fleetJournal) shares() *joinedMemory {
	as := joinedAs{j.memory, j.Driver}
	m := j.joined[as]
	if m == nil {
		m = &joinedMemory{asked: map[record.AskID][]*askEntry{}}
		j.joined[as] = m
	}
	return m
}

func (j *fleetJournal) asks(m *record.Known, e *record.Stored, ask record.Ask) {
	j.Asked++
	ask.Number, ask.Index, ask.Entry = m.Ask.Number, e.Seq, e.Sum
	j.shares().ask(*m.Ask, &askEntry{seq: e.Seq, sum: e.Sum, ask: ask, signed: m.Signed})
}

func (m *joinedMemory) ask(id record.AskID, a *askEntry) {
	if !m.asks || id.Session < m.first {
		m.asks, m.first = true, id.Session
	}
	m.asked[id] = append(m.asked[id], a)
}

// loses notes that the latest ask of that name came to nothing.
func (j *fleetJournal) loses(lost record.LostAsk) {
	if list := j.shares().asked[lost.AskID]; len(list) > 0 {
		list[len(list)-1].lost = lost.Why
		j.Lost++
	}
}

func (f *Fleet) learned(j *fleetJournal, r record.Row) {
	if f.rows == nil {
		f.rows = map[memoryRow]*learnedRow{}
	}
	at := memoryRow{j.memory, r.Revision, r.Sum}
	if f.rows[at] == nil {
		f.rows[at] = &learnedRow{Row: r, by: j.Name}
	}
	j.stands[j.memory] = append(j.stands[j.memory], f.rows[at])
	f.rows[at].stands++
	if known := f.rows[at]; len(r.Signature) > 0 && !slices.ContainsFunc(known.signatures, func(s []byte) bool { return bytes.Equal(s, r.Signature) }) {
		known.signatures = append(known.signatures, r.Signature)
	}
	j.Learned = r.Revision
}

// memories are the ids of those that any journal shares.
func (f *Fleet) memories() []string {
	ids := []string{}
	for _, j := range f.journals {
		for as := range j.joined {
			if as.memory != "" && !slices.Contains(ids, as.memory) {
				ids = append(ids, as.memory)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
