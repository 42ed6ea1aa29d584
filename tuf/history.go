// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import "time"

// History is a history of accepted trust, opened to be proven again line by line. It
// takes no lock and does not change; it is safe for concurrent use.
type History struct {
	stored *storedHistory
	root   []byte
}

// HistoryLine is what was in force from AcceptedAt on until the next line's.
type HistoryLine struct {
	Line       uint64 // counts from 1
	Epoch      uint64
	AcceptedAt time.Time
	Root       int64 // version of the root in force
	// Roles are the metadata files of the other roles by role, also delegated
	// ones. Root is not among them: the history names the root chain once.
	Roles map[string]RoleVersion
}

// RoleVersion is one version of one role's metadata.
type RoleVersion struct {
	Version int64
	SHA256  [32]byte
}

// OpenHistory opens the history of a state folder or an export, whose lines are to
// be proven from the pinned first root.
func OpenHistory(dir string, root []byte) (h *History, err error) {
	defer caught(&err)
	stored, err := openStoredHistory(dir)
	if err != nil {
		return nil, err
	}
	return &History{stored, root}, nil
}

// Lines returns the history, the first line first.
func (h *History) Lines() []HistoryLine {
	var out []HistoryLine
	for _, l := range h.stored.chain.lines {
		line := HistoryLine{Line: l.Line, Epoch: l.Epoch, AcceptedAt: l.AcceptedAt, Root: l.Root, Roles: map[string]RoleVersion{}}
		for role, f := range l.Roles {
			line.Roles[role] = RoleVersion{f.Version, f.SHA256}
		}
		out = append(out, line)
	}
	return out
}

// Prove proves what was in force from line i on, counted from 0, as AsOf does.
func (h *History) Prove(i int) (s *Snapshot, n Note, err error) {
	defer caught(&err)
	return evaluate(h.stored.objects, h.root, h.stored.chain.lines, i)
}

// Text returns the history as it is stored, without a torn last line.
func (h *History) Text() []byte { return h.stored.text }

// Objects returns the SHA-256 of every file that the history names.
func (h *History) Objects() (sums map[[32]byte]bool, err error) {
	defer caught(&err)
	named, err := h.stored.named()
	if err != nil {
		return nil, err
	}
	sums = map[[32]byte]bool{}
	for _, d := range named {
		sums[d] = true
	}
	return sums, nil
}
