// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// signatures are those of the rows, as they are judged one after the other.
type signatures struct {
	fleet    *Fleet
	verified int
	unsigned map[string][]uint64 // by driver
	unknown  map[string][]uint64 // signed, and there is no key of the driver
}

func newSignatures(f *Fleet) *signatures {
	return &signatures{f, 0, map[string][]uint64{}, map[string][]uint64{}}
}

// judge holds a row against the key of the driver that it names. by is the entry that asked
// for it, nil where that is not here.
func (s *signatures) judge(at memoryRow, r *learnedRow, by *askEntry) *Finding {
	switch {
	case len(r.signatures) > 0 && len(s.fleet.keys[r.Driver]) == 0:
		s.unknown[r.Driver] = append(s.unknown[r.Driver], at.revision)
	case len(r.signatures) > 0:
		if !s.fleet.signed(at.memory, r) {
			return r.finding(r.by, "no key that drivers.json lists for it made its signature")
		}
		s.verified++
	case by != nil && by.signed:
		return r.finding(r.by, fmt.Sprintf("entry %d says that it is signed, and it carries no signature", by.seq))
	default:
		s.unsigned[r.Driver] = append(s.unsigned[r.Driver], at.revision)
	}
	return nil
}

// signed reports whether the driver signed the row by one of its keys.
func (f *Fleet) signed(memory string, r *learnedRow) bool {
	body, err := r.Ask.Body()
	if err != nil {
		return false
	}
	message := record.RowMessage(memory, r.Driver, r.Session, body)
	for _, key := range f.keys[r.Driver] {
		for _, signature := range r.signatures {
			if keys.Verify(key, message, signature) {
				return true
			}
		}
	}
	return false
}

func (s *signatures) report(out *FleetReport) {
	out.Signed = s.verified
	for _, driver := range slices.Sorted(maps.Keys(s.unsigned)) {
		list := s.unsigned[driver]
		out.Unsigned = append(out.Unsigned, UnsignedRows{driver, ranges(list), len(list)})
	}
	if len(s.unknown) > 0 && len(s.fleet.keys) == 0 {
		out.unchecked("the signatures of rows: without --root there is no key to check them with")
		return
	}
	for _, driver := range slices.Sorted(maps.Keys(s.unknown)) {
		out.unchecked("the signatures of rows %s of driver %s: drivers.json lists no key of it", ranges(s.unknown[driver]), driver)
	}
}
