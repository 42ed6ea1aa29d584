// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// The files that a driver keeps beside its journal.
const (
	fileSnapshot = "snapshot"
	fileHead     = "head"
)

// readMemory opens what the driver keeps beside its journal, before the journal is
// read: the entries come before it, also while a driver is at work.
func (v *verification) readMemory() error {
	var err error
	v.head, err = record.ReadHead(v.dir)
	if err := v.invalid(fileHead, err); err != nil {
		return err
	}
	v.snapshot, err = record.OpenSnapshot(v.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return v.invalid(fileSnapshot, err)
}

// invalid makes a finding of a file that is damaged.
func (v *verification) invalid(file string, err error) error {
	var damaged *record.SnapshotError
	if errors.As(err, &damaged) {
		v.find(Finding{record.LogTampered, file, -1, -1, damaged.Detail})
		return nil
	}
	return err
}

func (v *verification) closeMemory() {
	if v.snapshot != nil {
		v.snapshot.Close()
	}
}

// addUp adds an entry to the state. One that does not follow from those before it is a
// finding; where the archive lacks what an entry stands on, that is one already, and
// nothing can be said of the state.
func (v *verification) addUp(e *record.Stored) error {
	if v.state == nil {
		return nil
	}
	_, err := v.state.Apply(e)
	var wrong *record.StateError
	switch {
	case errors.As(err, &wrong):
		v.find(Finding{record.LogTampered, "audit/", -1, int64(e.Seq), wrong.Detail})
	case err != nil:
		v.state = nil
		v.unchecked("what the entries add up to could not be checked: " + err.Error())
		return nil
	}
	if v.head.Size == e.Seq+1 && v.head.Sum != e.Sum {
		v.find(Finding{record.LogFork, fileHead, -1, int64(e.Seq), "it remembers another entry in this place: the journal is an old copy, or another one"})
	}
	if v.snapshot == nil || v.snapshot.Head().Size != e.Seq+1 {
		return nil
	}
	if v.snapshot.Head().Sum != e.Sum {
		v.find(Finding{record.LogFork, fileSnapshot, -1, int64(e.Seq), "it stands for another entry in this place: the journal is an old copy, or another one"})
		return nil
	}
	differs, err := v.snapshot.Compare(v.state)
	if err := v.invalid(fileSnapshot, err); err != nil {
		return err
	}
	if differs != "" {
		v.find(Finding{record.LogTampered, fileSnapshot, -1, int64(e.Seq), differs})
	}
	return nil
}

// finishMemory finds what is remembered beyond the journal's end.
func (v *verification) finishMemory() {
	beyond := func(file string, size uint64) {
		if size > v.report.Entries && !v.broken {
			v.find(Finding{record.LogFork, file, -1, int64(v.report.Entries), fmt.Sprintf("it remembers %d entries and the journal has %d: entries were cut off, or the journal is an old copy", size, v.report.Entries)})
		}
	}
	beyond(fileHead, v.head.Size)
	if v.snapshot != nil {
		beyond(fileSnapshot, v.snapshot.Head().Size)
	}
}
