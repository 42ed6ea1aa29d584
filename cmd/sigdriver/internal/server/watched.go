// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

const (
	// maxRefusals bounds the refusals that are remembered for operators.
	maxRefusals = 16
	// maxEnding bounds the documents whose end is watched.
	maxEnding = 4096
)

// Refusal is a refusal as an operator looks at it.
type Refusal struct {
	Time    time.Time
	Target  verifier.Target
	Purpose verifier.Purpose
	Reason  verifier.Reason
	Finding string // of the leading one
	Index   uint64 // of its journal entry
	Logged  bool   // whether it has one
	// RequestSHA256 is that of what was asked, and Unapproved why nobody's approval counted.
	RequestSHA256 [32]byte
	Unapproved    verifier.Unapproved
}

// Ending is a document in force, as this driver last allowed it, whose approvals end.
type Ending struct {
	Target     verifier.Target
	Role       verifier.Role
	SHA256     [32]byte
	Version    uint64
	Principals []string
	NotAfter   time.Time // when the first of what counted stops to
}

// watched is what operators are shown of the decisions since the start. It is bounded,
// and decides nothing.
type watched struct {
	mu       sync.Mutex
	refusals []Refusal // the newest last
	ending   map[endingKey]Ending
}

type endingKey struct {
	target   verifier.Target
	role     verifier.Role
	provider string
}

// refusal is what an operator is shown of a decision that is none.
func (c *call) refusal(d *verifier.Decision) Refusal {
	r := Refusal{Time: c.now, Target: c.req.Target, Purpose: c.req.Purpose, Reason: d.Reason, RequestSHA256: c.entry.RequestSHA256, Unapproved: d.Unapproved(), Finding: d.Leading().Detail}
	if c.logged != nil {
		r.Index, r.Logged = c.logged.index, true
	}
	return r
}

// note takes in a decision that was just made.
func (w *watched) note(c *call, d *verifier.Decision) {
	if d.Verdict != verifier.Allow {
		r := c.refusal(d)
		w.mu.Lock()
		w.refusals = append(w.refusals[max(0, len(w.refusals)-maxRefusals+1):], r)
		w.mu.Unlock()
		if r.Logged && c.server.Refused != nil {
			c.server.Refused(r)
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.req.Purpose != verifier.Compose {
		return
	}
	if w.ending == nil {
		w.ending = map[endingKey]Ending{}
	}
	for i, r := range d.Documents {
		doc := &c.req.Documents[i]
		key := endingKey{c.req.Target, doc.Role, doc.Provider}
		delete(w.ending, key)
		if !r.NotAfter.IsZero() && len(w.ending) < maxEnding {
			w.ending[key] = Ending{c.req.Target, doc.Role, r.SHA256, r.Version, r.Principals, r.NotAfter}
		}
	}
}

// Refusals returns the last refusals that were decided anew, the newest first.
func (s *Server) Refusals() []Refusal {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	list := slices.Clone(s.watched.refusals)
	slices.Reverse(list)
	return list
}

// EndingWithin returns the documents that were allowed since the start and whose
// approvals end within a time from now, the first first.
func (s *Server) EndingWithin(now time.Time, within time.Duration) []Ending {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	var list []Ending
	for key, e := range s.watched.ending {
		switch {
		case !now.Before(e.NotAfter):
			delete(s.watched.ending, key) // not in force any more
		case e.NotAfter.Sub(now) <= within:
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b Ending) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), cmp.Compare(a.Target.Workspace, b.Target.Workspace), cmp.Compare(a.Target.Name, b.Target.Name),
			cmp.Compare(a.Target.SandboxID, b.Target.SandboxID), cmp.Compare(a.Role, b.Role), slices.Compare(a.SHA256[:], b.SHA256[:]))
	})
	return list
}
