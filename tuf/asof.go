// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"context"
	"fmt"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf/internal/printable"
)

// vault is where a replay finds files by digest. What it returns has the digest.
type vault interface {
	object(d digest) ([]byte, error)
}

// replay proves a line of a history again from the pinned root, at the time of its
// acceptance: every signature, threshold, version, expiry, length and hash. Only
// which files were taken, and when, is the word of the history.
func replay(v vault, pinned []byte, lines []line, i int) (*Snapshot, Note, error) {
	p := &past{vault: v, pinned: pinned, lines: lines}
	l := &lines[i]
	snapshot, err := p.prove(l)
	if err != nil {
		return nil, Note{}, err
	}
	if l.Carried != 0 {
		from, err := p.prove(&lines[l.Carried-1])
		if err != nil {
			return nil, Note{}, err
		}
		snapshot.carry(from)
	}
	note := Note{Epoch: l.Epoch, RevocationsExpire: l.RevocationsExpire}
	if l.Ratchet != (digest{}) {
		if note.Ratchet, err = v.object(l.Ratchet); err != nil {
			return nil, Note{}, err
		}
	}
	return snapshot, note, nil
}

type past struct {
	vault
	pinned []byte
	lines  []line
}

func (p *past) prove(l *line) (*Snapshot, error) {
	w, err := newWalk(p.pinned, l.AcceptedAt)
	if err != nil {
		return nil, err
	}
	if err := p.roots(w, l); err != nil {
		return nil, err
	}
	if err := p.topLevel(w, l); err != nil {
		return nil, err
	}
	s := &search{walk: w, tolerated: map[string]bool{RoleRevocation: true}}
	s.load = func(_ context.Context, role string, _ *metadata.MetaFiles) ([]byte, error) {
		return p.object(l.Roles[role].SHA256)
	}
	return p.targets(s, l)
}

// roots walks from the pinned root to the one that was in force.
func (p *past) roots(w *walk, l *line) error {
	for _, earlier := range p.lines[:l.Line] {
		for _, ref := range earlier.Roots {
			if ref.Version != w.rootVersion()+1 || ref.Version > l.Root {
				continue
			}
			data, err := p.object(ref.SHA256)
			if err != nil {
				return err
			}
			if err := w.root(data); err != nil {
				return err
			}
		}
	}
	if w.rootVersion() != l.Root {
		return &CorruptError{historyFile, fmt.Sprintf("line %d needs root %d, the chain leads from the pinned root to %d", l.Line, l.Root, w.rootVersion())}
	}
	return nil
}

func (p *past) topLevel(w *walk, l *line) error {
	timestamp, err := p.object(l.Roles[RoleTimestamp].SHA256)
	if err != nil {
		return err
	}
	if _, err := w.timestamp(timestamp); err != nil {
		return err
	}
	snapshot, err := p.object(l.Roles[RoleSnapshot].SHA256)
	if err != nil {
		return err
	}
	return w.snapshot(snapshot, false)
}

// targets proves the files of a line: each must be listed by the role in charge.
func (p *past) targets(s *search, l *line) (*Snapshot, error) {
	ctx := context.Background() // nothing here waits
	if err := s.enter(ctx, RoleTargets, RoleRoot, ""); err != nil {
		return nil, err
	}
	found, err := s.wellKnown(ctx)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, t := range found.listed {
		if files[t.path], err = p.target(t, l.Targets[t.path]); err != nil {
			return nil, err
		}
	}
	if l.Carried == 0 {
		if err := p.attestations(s, l, files); err != nil {
			return nil, err
		}
	}
	others := map[string]bool{}
	for role := range l.Roles {
		if s.trusted.Targets[role] != nil {
			others[role] = true
		}
	}
	snapshot := s.snapshot(others)
	snapshot.Targets = files
	return snapshot, nil
}

func (p *past) attestations(s *search, l *line, files map[string][]byte) error {
	list := map[string]digest{}
	if l.Attestations != (digest{}) {
		text, err := p.object(l.Attestations)
		if err != nil {
			return err
		}
		if err := decodeStrict(text, &list); err != nil {
			return &CorruptError{l.Attestations.String(), "not a list of attestations"}
		}
	}
	found, err := s.attestations(context.Background())
	if err != nil {
		return err
	}
	for _, t := range found.listed {
		if files[t.path], err = p.target(t, list[t.path]); err != nil {
			return err
		}
	}
	return nil
}

func (p *past) target(t listed, d digest) ([]byte, error) {
	data, err := p.object(d)
	if err != nil {
		return nil, err
	}
	return data, checkTarget(t, data)
}

// AsOf proves the trust that was in force at t: the last line of the history with
// acceptedAt not after t. dir is a state folder (read without its lock) or an
// export, root the pinned first root. That it was accepted just then is the word of
// whoever kept the history; everything else is proven again. Without such a line
// the error is a *NoHistoryError.
func AsOf(dir string, root []byte, t time.Time) (s *Snapshot, n Note, err error) {
	defer caught(&err)
	p, err := openPast(dir)
	if err != nil {
		return nil, Note{}, err
	}
	i := p.chain.at(t)
	if i < 0 {
		return nil, Note{}, &NoHistoryError{dir, t}
	}
	return replay(p.vault, root, p.chain.lines, i)
}

// NoHistoryError: nothing was accepted yet at that time, or there is no history.
type NoHistoryError struct {
	Dir string
	At  time.Time // zero: at no time
}

func (e *NoHistoryError) Error() string {
	if e.At.IsZero() {
		return printable.Quote(e.Dir) + ": there is no history of accepted trust"
	}
	return fmt.Sprintf("%s: no trust had been accepted by %s", printable.Quote(e.Dir), e.At.UTC().Format(time.RFC3339))
}

// Code implements the codes of this package.
func (e *NoHistoryError) Code() string { return CodeCorrupt }
