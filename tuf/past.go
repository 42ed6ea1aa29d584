// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"maps"
	"time"
)

// Past is a history that is opened to be proven again, line by line. It takes no
// lock and does not change; it is safe for concurrent use.
type Past struct {
	files *pastFiles
	root  []byte
}

// PastLine is what was in force from AcceptedAt on until the next line's.
type PastLine struct {
	Line       uint64 // counts from 1
	Epoch      uint64
	AcceptedAt time.Time
	Root       int64 // version of the root in force
	// Roles are the metadata files of the other roles by role, also delegated
	// ones. Root is not among them: the history names roots as they are walked.
	Roles map[string]PastFile
}

// PastFile is one version of a file of metadata.
type PastFile struct {
	Version int64
	SHA256  [32]byte
}

// OpenPast opens the history of a state folder or an export, whose lines are to
// be proven from the pinned first root.
func OpenPast(dir string, root []byte) (p *Past, err error) {
	defer caught(&err)
	files, err := openPast(dir)
	if err != nil {
		return nil, err
	}
	return &Past{files, root}, nil
}

// Lines returns the history, the first line first.
func (p *Past) Lines() []PastLine {
	var out []PastLine
	for _, l := range p.files.chain.lines {
		line := PastLine{Line: l.Line, Epoch: l.Epoch, AcceptedAt: l.AcceptedAt, Root: l.Root, Roles: map[string]PastFile{}}
		for role, f := range l.Roles {
			line.Roles[role] = PastFile{f.Version, f.SHA256}
		}
		out = append(out, line)
	}
	return out
}

// Prove proves what was in force from line i on, counted from 0, as AsOf does.
func (p *Past) Prove(i int) (s *Snapshot, n Note, err error) {
	defer caught(&err)
	return replay(p.files.vault, p.root, p.files.chain.lines, i)
}

// Text returns the history as it is stored, without a torn last line.
func (p *Past) Text() []byte { return p.files.text }

// Objects returns the SHA-256 of every file that the history names.
func (p *Past) Objects() (sums map[[32]byte]bool, err error) {
	defer caught(&err)
	named, err := p.files.objects()
	if err != nil {
		return nil, err
	}
	sums = map[[32]byte]bool{}
	for d := range maps.Values(named) {
		sums[d] = true
	}
	return sums, nil
}
