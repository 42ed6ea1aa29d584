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
	return s.submit(func(d *draft) error {
		if err := s.saved.fits(log); err != nil {
			return err
		}
		s.join(d, log)
		return nil
	})
}

// fits compares what was last written with the journal.
func (m saved) fits(log Log) error {
	head := log.Head()
	if !m.joined && head.Size > 0 {
		return fork("the journal has %d entries, the floors are new", head.Size)
	}
	if m.head.Size > head.Size {
		return fork("the journal has %d entries, the floors remember %d", head.Size, m.head.Size)
	}
	// The entry before is read too: it must still be the one remembered.
	for e, err := range log.Entries(m.head.Size - min(m.head.Size, 1)) {
		if err != nil {
			return err
		}
		if e.Seq+1 == m.head.Size && e.Sum != m.head.Sum {
			return fork("entry %d of the journal is not the one that the floors remember", e.Seq)
		}
		if e.Decision != nil && e.Decision.Revision > m.revision {
			return fork("entry %d of the journal was written at revision %d of the floors, which are at %d", e.Seq, e.Decision.Revision, m.revision)
		}
	}
	return nil
}

// join remembers from now on which journal the floors belong to.
func (s *Store) join(d *draft, log Log) {
	s.head, s.saved.joined = log.Head, true
	d.touched = true
}
