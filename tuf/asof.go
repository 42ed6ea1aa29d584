// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"context"
	"fmt"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
)

// AsOf proves the trust that was in force at t: the last line of the history with
// acceptedAt not after t. dir is a state folder (read without its lock) or an
// export, root the pinned first root. That it was accepted at that time is the claim
// of whoever kept the history; everything else is proven again. Without such a line
// the error is a *NoHistoryError.
func AsOf(dir string, root []byte, t time.Time) (s *Snapshot, n Note, err error) {
	defer caught(&err)
	h, err := openStoredHistory(dir)
	if err != nil {
		return nil, Note{}, err
	}
	i := h.chain.at(t)
	if i < 0 {
		return nil, Note{}, &NoHistoryError{dir, t}
	}
	return evaluate(h.objects, root, h.chain.lines, i)
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

// objects is where an evaluation finds files by digest. What it returns has the
// digest.
type objects interface {
	object(d digest) ([]byte, error)
}

// evaluate proves a line of a history again from the pinned root, at the time of its
// acceptance: every signature, threshold, version, expiry, length and hash. Only
// which files were taken, and when, is the claim of the history.
func evaluate(files objects, pinned []byte, lines []line, i int) (*Snapshot, Note, error) {
	e := &evaluation{files, pinned, lines}
	l := &lines[i]
	snapshot, err := e.line(l)
	if err != nil {
		return nil, Note{}, err
	}
	if l.Carried != 0 {
		from, err := e.line(&lines[l.Carried-1])
		if err != nil {
			return nil, Note{}, err
		}
		snapshot.carry(from)
	}
	note := Note{Epoch: l.Epoch, RevocationsExpire: l.RevocationsExpire}
	if l.Ratchet != (digest{}) {
		if note.Ratchet, err = files.object(l.Ratchet); err != nil {
			return nil, Note{}, err
		}
	}
	return snapshot, note, nil
}

// evaluation is the client workflow over a history and its files.
type evaluation struct {
	objects
	pinned []byte
	lines  []line
}

// line proves what one line names, without what it carries over.
func (e *evaluation) line(l *line) (*Snapshot, error) {
	w, err := newWorkflow(e.pinned, l.AcceptedAt)
	if err != nil {
		return nil, err
	}
	if err := e.rootChain(w, l); err != nil {
		return nil, err
	}
	timestamp, err := e.object(l.Roles[RoleTimestamp].SHA256)
	if err != nil {
		return nil, err
	}
	if _, err := w.updateTimestamp(timestamp); err != nil {
		return nil, err
	}
	snapshot, err := e.object(l.Roles[RoleSnapshot].SHA256)
	if err != nil {
		return nil, err
	}
	if err := w.updateSnapshot(snapshot, false); err != nil {
		return nil, err
	}
	s := &search{workflow: w, tolerated: map[string]bool{RoleRevocation: true}}
	s.load = func(_ context.Context, role string, _ *metadata.MetaFiles) ([]byte, error) {
		return e.object(l.Roles[role].SHA256)
	}
	return e.targets(s, l)
}

// rootChain goes from the pinned root to the one that was in force.
func (e *evaluation) rootChain(w *workflow, l *line) error {
	for _, earlier := range e.lines[:l.Line] {
		for _, ref := range earlier.Roots {
			if ref.Version != w.rootVersion()+1 || ref.Version > l.Root {
				continue
			}
			data, err := e.object(ref.SHA256)
			if err != nil {
				return err
			}
			if err := w.updateRoot(data); err != nil {
				return err
			}
		}
	}
	if w.rootVersion() != l.Root {
		return &CorruptError{historyFile, fmt.Sprintf("line %d needs root %d, the chain leads from the pinned root to %d", l.Line, l.Root, w.rootVersion())}
	}
	return nil
}

// targets proves the target files of a line: each must be listed by the role that
// its path is delegated to.
func (e *evaluation) targets(s *search, l *line) (*Snapshot, error) {
	ctx := context.Background() // nothing here waits
	if err := s.verifyDelegation(ctx, RoleTargets, RoleRoot, ""); err != nil {
		return nil, err
	}
	found, err := s.fixedTargets(ctx)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, t := range found.listed {
		if files[t.path], err = e.target(t, l.Targets[t.path]); err != nil {
			return nil, err
		}
	}
	if l.Carried == 0 {
		if err := e.attestations(s, l, files); err != nil {
			return nil, err
		}
	}
	others := map[string]bool{}
	for role := range l.Roles {
		if s.trusted.Targets[role] != nil {
			others[role] = true
		}
	}
	snapshot := s.describe(others)
	snapshot.Targets = files
	return snapshot, nil
}

func (e *evaluation) attestations(s *search, l *line, files map[string][]byte) error {
	list, err := attestationList(e.objects, l.Attestations)
	if err != nil {
		return err
	}
	found, err := s.attestations(context.Background())
	if err != nil {
		return err
	}
	for _, t := range found.listed {
		if files[t.path], err = e.target(t, list[t.path]); err != nil {
			return err
		}
	}
	return nil
}

func (e *evaluation) target(t listed, d digest) ([]byte, error) {
	data, err := e.object(d)
	if err != nil {
		return nil, err
	}
	return data, checkTarget(t, data)
}

// attestationList reads the archived list of the files below attestations/.
func attestationList(files objects, d digest) (map[string]digest, error) {
	list := map[string]digest{}
	if d == (digest{}) {
		return list, nil
	}
	text, err := files.object(d)
	if err != nil {
		return nil, err
	}
	if err := decodeStrict(text, &list); err != nil {
		return nil, &CorruptError{d.String(), "not a list of attestations"}
	}
	return list, nil
}
