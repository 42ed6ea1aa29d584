// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"maps"
	"slices"

	"github.com/sigdriver/sigdriver/tuf"
)

// States returns every role as it will be once the stage is published, in the
// order of Roles. Snapshot and timestamp that are still to be made are those of
// the publication before.
func (s *Stage) States() []RoleState {
	states := []RoleState{}
	for _, role := range tuf.Roles() {
		m := s.next(role)
		if m == nil {
			continue
		}
		d, err := s.delegation(role)
		if err != nil {
			continue // Quorums reports it
		}
		h, q := headerOf(m), d.quorum(m)
		states = append(states, RoleState{role, *h.version, *h.expires, q.Threshold, q.Signed, q.Missing})
	}
	return states
}

// Targets returns the paths of all target files as they will be once the stage
// is published, sorted.
func (s *Stage) Targets() []string {
	paths := []string{}
	for _, role := range tuf.Roles() {
		if m := s.next(role); m != nil {
			paths = slices.AppendSeq(paths, maps.Keys(targetsOf(m)))
		}
	}
	slices.Sort(paths)
	return paths
}

// OfflineKeyholders returns who may sign each role of a snapshot that tuf.LoadOffline has
// just read from dir; the snapshot itself says only that enough of them have.
func OfflineKeyholders(dir string, s *tuf.Snapshot) (held map[string]Keyholders, err error) {
	defer caught(&err)
	held = map[string]Keyholders{}
	delegators := map[string]roleMeta{}
	for _, role := range tuf.Roles() {
		if _, ok := s.Roles[role]; !ok {
			continue
		}
		by := delegatorOf(role)
		if delegators[by] == nil {
			data, err := tuf.ReadMetadata(dir, by, s.Roles[by])
			if err != nil {
				return nil, err
			}
			if delegators[by], err = parseMeta(by, data); err != nil {
				return nil, err
			}
		}
		d, err := delegationOf(delegators[by], role)
		if err != nil {
			return nil, err
		}
		if held[role], err = d.keyholders(); err != nil {
			return nil, err
		}
	}
	return held, nil
}
