// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package record is what a driver durably remembers: a journal of everything that it
// decided, and the state that the journal adds up to.
//
// # Journal
//
// A journal is a folder of segment files, each named after the sequence number of its
// first entry, as 20 decimal digits and ".seg". A segment is records and nothing else:
//
//	record = length ‖ entry ‖ sha256(entry)        length: 4 bytes, big-endian
//
// An entry is RFC 8785 JSON of at most 60 KiB. Its sequence number and the sha256 of the
// entry before it (64 zeros for entry 0) stand inside, so that an entry cannot be taken
// away, moved or put in without a trace. One more member says what it is about:
//
//	{"decision":{…},"prev":"<64 hex>","schema":"sigdriver.journal/v1","seq":"17"}
//	{"prev":"<64 hex>","schema":"sigdriver.journal/v1","seq":"18","start":{…}}
//
// The kinds are decision, clock, joined, learned, lost, served, signedReset, start,
// suppressed and takeover; see Content. Entries that wait together share one write and one fsync. A write or fsync that
// fails is never retried: the kernel may have dropped the pages, and a second fsync that
// succeeds proves nothing. The journal then refuses everything until the driver starts again.
//
// A crash leaves at most one torn record at the end of the last segment. Open cuts it off
// and says so. It is torn if the file ends inside it, or whole sectors of it were never
// written; nobody was told of it. Anything else that does not check is a *CorruptError and
// nothing is changed.
//
// # State
//
// A State is a fold over the entries: floors, places of sandboxes, resets, and the highest
// time that decisions were made at. Store keeps the journal's state in memory, over a
// snapshot that is searched in place; the snapshot and the file head only shorten the start
// and notice an old copy of the journal. A decision sees the state through a View and is
// made durable, with what it raises, by Commit:
//
//	view := store.View()
//	d := verifier.Verify(req, trust, view, now)
//	e := record.NewEntry(req, &d)
//	e.Time, e.Peer = now, peer
//	index, sum, err := store.Commit(e, req, &d) // *ConflictError: decide again
//
// A floor only rises. The one way down is Reset, for a signed order. SPEC: R8.
//
// DENY entries are budgeted, so that a sandbox that is refused again and again cannot fill
// the disk: see Options.
package record
