// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"maps"
	"slices"

	"github.com/sigdriver/sigdriver/verifier"
)

// FloorRow is a floor with its subject.
type FloorRow struct {
	Key   verifier.FloorKey
	Floor verifier.Floor
}

// Floors counts the floors that the record stands at, and returns the first of them, at
// most so many, by role, gateway, workspace and name. Decisions go on meanwhile.
func (s *Store) Floors(most int) (first []FloorRow, total uint64, err error) {
	s.keeper.writing.Lock() // the snapshot stays open, and no layer is between
	defer s.keeper.writing.Unlock()
	s.mu.RLock()
	base, top := s.base, &layer{floors: maps.Clone(s.state.top.floors), orders: slices.Clone(s.state.top.orders)}
	s.mu.RUnlock()
	for r, err := range merged(base, top) {
		switch {
		case err != nil:
			return nil, 0, err
		case r.key[0] != rowFloor:
			return first, total, nil // floors come first
		}
		if total++; len(first) >= most {
			continue
		}
		key, okKey := decodeFloorKey(r.key[1:])
		floor, ok := decodeFloor(r.value)
		if !okKey || !ok {
			return nil, 0, base.invalid("it has a floor that cannot be read")
		}
		first = append(first, FloorRow{key, floor})
	}
	return first, total, nil
}
