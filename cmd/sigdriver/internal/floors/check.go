// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"fmt"
	"iter"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
)

// Log is the journal as Check reads it.
type Log interface {
	Head() journal.Head
	Entries(from uint64) iter.Seq2[journal.Stored, error]
}

// ForkError says that the floors and the journal do not belong together: one of
// them was lost, or is an old copy.
type ForkError struct {
	Finding string // journal.LogFork
	Detail  string
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("%s: %s; find out which of the two is the old copy before the driver serves again", e.Finding, e.Detail)
}

func fork(format string, args ...any) error {
	return &ForkError{Finding: journal.LogFork, Detail: fmt.Sprintf(format, args...)}
}

// Check compares the floors with the journal, and refuses with a *ForkError
// when either is behind what the other remembers. It must succeed once before
// the driver serves; afterwards the floors keep remembering the journal's head.
//
// The floors are made durable before the entry of the decision that raised
// them, and the entry carries their revision: an entry with a higher revision
// than the file has means that the file is an old copy.
func (s *Store) Check(log Log) error {
	head := log.Head()
	known := s.saved.head
	if !s.saved.joined && head.Size > 0 {
		return fork("the journal has %d entries, the floors are new", head.Size)
	}
	if known.Size > head.Size {
		return fork("the journal has %d entries, the floors remember %d", head.Size, known.Size)
	}
	// The entry before is read too: it must still be the one remembered.
	from := known.Size - min(known.Size, 1)
	for e, err := range log.Entries(from) {
		if err != nil {
			return err
		}
		if e.Seq+1 == known.Size && e.Sum != known.Sum {
			return fork("entry %d of the journal is not the one that the floors remember", e.Seq)
		}
		if e.Decision != nil && e.Decision.Revision > s.saved.revision {
			return fork("entry %d of the journal was written at revision %d of the floors, which are at %d", e.Seq, e.Decision.Revision, s.saved.revision)
		}
	}
	return s.join(log)
}

// join remembers from now on which journal the floors belong to.
func (s *Store) join(log Log) error {
	return s.submit(func(d *draft) error {
		s.head = log.Head
		s.saved.joined = true
		d.touched = true
		return nil
	})
}
