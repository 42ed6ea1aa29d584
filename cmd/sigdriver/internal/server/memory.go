// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// Memory is the memory that several drivers share, as far as answers depend on it.
type Memory interface {
	// AsOf is an instant at which everything that any driver had raised by then was
	// known here; the zero Time for never.
	AsOf() time.Time
	// Err returns what stopped it for good, nil while it works.
	Err() error
}

// asOf is as of when what an answer is held against is known: it is taken before the
// answer is.
func (s *Server) asOf() time.Time {
	if s.Memory == nil {
		return time.Time{}
	}
	return s.Memory.AsOf()
}

// remembers holds back what stands on a view of the shared memory that is too old.
// SPEC: R12 an answer stands on everything raised earlier than maxFloorLag before it.
func (s *Server) remembers(asOf time.Time, t *verifier.Trust) error {
	if s.Memory == nil {
		return nil
	}
	if err := s.Memory.Err(); err != nil {
		return memoryRolledBack(err)
	}
	if asOf.IsZero() {
		return memoryStale("it was not read yet")
	}
	return within(time.Since(asOf), t.FloorLag())
}

// within refuses a view that is older than it may be.
func within(age, most time.Duration) error {
	if age > most {
		return memoryStale(fmt.Sprintf("it is known as of %s ago, and maxFloorLag is %s", age.Round(time.Millisecond), most))
	}
	return nil
}

// Remembering reports whether the shared memory is known well enough to answer; always
// where there is none.
func (s *Server) Remembering() bool { return s.remembers(s.asOf(), s.Trust.Current().Trust) == nil }
