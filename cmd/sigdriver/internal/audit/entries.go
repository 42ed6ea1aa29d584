// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// readJournal reads every entry, and holds the tiles and the archive against each.
func (v *verification) readJournal() error {
	for e, err := range journal.Read(disk.OS{}, v.path("audit"), 0) {
		if errors.As(err, &v.report.Torn) {
			return nil
		}
		if err != nil {
			return v.breakOff(err)
		}
		v.report.Entries, v.report.Head = e.Seq+1, e.Sum
		if err := v.entry(&e); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) entry(e *journal.Stored) error {
	switch {
	case e.Decision != nil:
		v.report.Decisions++
	case e.Served != nil:
		v.report.Served++
	case e.Suppressed != nil:
		v.report.Suppressed++
	}
	if v.log != nil {
		if err := v.log.add(e.Raw); err != nil {
			return err
		}
	}
	if e.Decision != nil {
		v.checkArchive(e)
	}
	if v.options.Entry != nil {
		return v.options.Entry(*e)
	}
	return nil
}

// breakOff is the end of reading before the journal's end. Where the tile log has the
// entry as it was, its first byte that was changed is named.
func (v *verification) breakOff(err error) error {
	corrupt := asCorrupt(err)
	if corrupt == nil {
		var path *fs.PathError
		if errors.As(err, &path) && errors.Is(err, fs.ErrNotExist) {
			return &NoStateError{v.dir}
		}
		return err
	}
	f := Finding{Code: corrupt.Finding, File: "audit/" + corrupt.Segment, Offset: corrupt.Offset, Entry: int64(corrupt.Seq), Detail: corrupt.Detail}
	if at, ok := v.pinpoint(corrupt); ok {
		f.Offset = at
		f.Detail += "; the entry bundle still has it as it was"
	}
	v.find(f)
	v.broken = true
	return nil
}

// pinpoint compares a record with the entry that the tile log has in its place,
// if that one is the next of the chain.
func (v *verification) pinpoint(corrupt *journal.CorruptError) (int64, bool) {
	if v.log == nil || corrupt.Finding != journal.LogTampered {
		return 0, false
	}
	entry := v.log.bundled(corrupt.Seq)
	if entry == nil || !bytes.Contains(entry, []byte(`"prev":"`+v.report.Head.String()+`"`)) {
		return 0, false
	}
	data, err := v.read("audit/" + corrupt.Segment)
	if err != nil || corrupt.Offset > int64(len(data)) {
		return 0, false
	}
	sum := sha256.Sum256(entry)
	want := append(append([]byte{0, 0, byte(len(entry) >> 8), byte(len(entry))}, entry...), sum[:]...)
	have := data[corrupt.Offset:]
	return corrupt.Offset + int64(differ(have, want)), true
}

// differ is the first index at which two texts differ.
func differ(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
