// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
)

// kind is the member of an entry that says what it is about.
type kind string

// The kinds. Each sorts before "prev" or after "seq", so that "prev", "schema" and
// "seq" stand together in the canonical text of every entry.
const (
	kindClock      kind = "clock"
	kindDecision   kind = "decision"
	kindJoined     kind = "joined"
	kindLearned    kind = "learned"
	kindLost       kind = "lost"
	kindServed     kind = "served"
	kindReset      kind = "signedReset"
	kindStart      kind = "start"
	kindSuppressed kind = "suppressed"
	kindTakeover   kind = "takeover"
)

// Content is what an entry says. Exactly one member is set.
type Content struct {
	Clock      *ClockMark   `json:"clock,omitempty"`
	Decision   *Entry       `json:"decision,omitempty"`
	Joined     *Joined      `json:"joined,omitempty"`
	Learned    *Learned     `json:"learned,omitempty"`
	Lost       *Lost        `json:"lost,omitempty"`
	Served     *Served      `json:"served,omitempty"`
	Reset      *SignedReset `json:"signedReset,omitempty"`
	Start      *Start       `json:"start,omitempty"`
	Suppressed *Suppressed  `json:"suppressed,omitempty"`
	Takeover   *Takeover    `json:"takeover,omitempty"`
}

// Start is a driver that begins to serve.
type Start struct {
	Time   time.Time `json:"time"`
	Driver string    `json:"driver"` // version of the build
	// Revision is that of the source the build was made from; empty when unknown.
	Revision string `json:"revision,omitempty"`
	Config   Digest `json:"configSha256"` // of the configuration file
	Trust    Trust  `json:"trust"`        // epoch 0: none
}

// SignedReset is a signed order to lower floors that was carried out: every floor
// that the pattern matches and that is above Version became Version, bound to no
// digest. SPEC: R8, the only way down.
type SignedReset struct {
	Time    time.Time    `json:"time"`
	ID      string       `json:"id"` // of the order's content: it is obeyed once
	Version uint64       `json:"version,string"`
	Pattern FloorPattern `json:"pattern"`
	Epoch   uint64       `json:"epoch,string"` // of the trust that ordered it
	// Revision is that of the state with this entry.
	Revision uint64 `json:"floorsRevision,string"`
	// Memory is set where a shared memory was asked to carry it out.
	Memory *Known `json:"memory,omitempty"`
}

// FloorPattern is a verifier.FloorPattern; a member that is absent matches any name.
type FloorPattern struct {
	Role      string  `json:"role"`
	GatewayID *string `json:"gatewayId,omitzero"`
	Workspace *string `json:"workspace,omitzero"`
	Name      *string `json:"name,omitzero"`
}

// Verifier is the pattern as a verifier has it, false for a role that there is none of.
func (p FloorPattern) Verifier() (verifier.FloorPattern, bool) {
	role, ok := verifier.RoleByName(p.Role)
	return verifier.FloorPattern{Role: role, GatewayID: p.GatewayID, Workspace: p.Workspace, Name: p.Name}, ok
}

// ClockMark is the highest time that trust has vouched for, written where no decision
// says it; or with Accepted the time that an operator vouched for, which may be lower.
type ClockMark struct {
	Accepted  bool      `json:"accepted,omitzero"`
	HighWater time.Time `json:"highWater"`
}

// Takeover is what release 0.1.0 remembered beside its journal, and what the
// journal before does not add up to: floors, each as it stands from here on,
// places of sandboxes, and the resets that were carried out. One too long for one
// entry stands in several.
type Takeover struct {
	From      string       `json:"from"` // format of the file
	HighWater time.Time    `json:"highWater,omitzero"`
	Floors    []TakenFloor `json:"floors,omitempty"`
	Places    []TakenPlace `json:"places,omitempty"`
	Resets    []TakenReset `json:"resets,omitempty"`
	Revision  uint64       `json:"floorsRevision,string"`
}

// TakenFloor is a floor that stands from a takeover on.
type TakenFloor struct {
	GatewayID string `json:"gatewayId"`
	Role      string `json:"role"`
	Workspace string `json:"workspace,omitempty"`
	Name      string `json:"name,omitempty"`
	Floor
}

// TakenPlace is where a sandbox was first allowed.
type TakenPlace struct {
	GatewayID string `json:"gatewayId"`
	SandboxID string `json:"sandboxId"`
	Workspace string `json:"workspace,omitempty"`
	Name      string `json:"name,omitempty"`
}

// TakenReset is a signed reset that had been carried out.
type TakenReset struct {
	ID      string `json:"id"`
	Version uint64 `json:"version,string"`
}

// stored is an entry as it stands in a segment.
type stored struct {
	Clock      *ClockMark   `json:"clock,omitempty"`
	Decision   *Entry       `json:"decision,omitempty"`
	Joined     *Joined      `json:"joined,omitempty"`
	Learned    *Learned     `json:"learned,omitempty"`
	Lost       *Lost        `json:"lost,omitempty"`
	Prev       Digest       `json:"prev"`
	Schema     string       `json:"schema"`
	Seq        uint64       `json:"seq,string"`
	Served     *Served      `json:"served,omitempty"`
	Reset      *SignedReset `json:"signedReset,omitempty"`
	Start      *Start       `json:"start,omitempty"`
	Suppressed *Suppressed  `json:"suppressed,omitempty"`
	Takeover   *Takeover    `json:"takeover,omitempty"`
}

func (s *stored) content() Content {
	return Content{s.Clock, s.Decision, s.Joined, s.Learned, s.Lost, s.Served, s.Reset, s.Start, s.Suppressed, s.Takeover}
}

// frame puts the position of an entry round its body, in canonical order.
func frame(k kind, body []byte, seq uint64, prev Digest) []byte {
	out := make([]byte, 0, len(body)+256)
	if k < "prev" {
		return fmt.Appendf(out, `{"%s":%s,"prev":"%s","schema":"%s","seq":"%d"}`, k, body, prev, schema, seq)
	}
	return fmt.Appendf(out, `{"prev":"%s","schema":"%s","seq":"%d","%s":%s}`, prev, schema, seq, k, body)
}

// Parse reads an entry as the journal and the bundles of a log have it. It takes
// exactly the bytes that encoding what was read gives back.
func Parse(entry []byte) (Stored, error) {
	var s stored
	plain := verifier.UnmarshalCanonical(entry, &s)
	if !plain {
		s = stored{}
		if err := json.Unmarshal(entry, &s, json.RejectUnknownMembers(true)); err != nil {
			return Stored{}, err
		}
	}
	if s.Schema != schema {
		return Stored{}, fmt.Errorf("schema %q: this build reads %s", clip(s.Schema), schema)
	}
	content := s.content()
	if err := content.check(s.Seq); err != nil {
		return Stored{}, err
	}
	if !plain {
		again, err := canonical(&s)
		if err != nil {
			return Stored{}, err
		}
		if !bytes.Equal(again, entry) {
			return Stored{}, fmt.Errorf("it is not in canonical form")
		}
	}
	return Stored{s.Seq, s.Prev, sha256.Sum256(entry), entry, content}, nil
}

// check refuses what is not exactly one of the kinds, and puts its times into the
// zone that they are written in.
func (c *Content) check(seq uint64) error {
	var kinds int
	var err error
	for _, member := range []struct {
		set   bool
		check func() error
	}{
		{c.Clock != nil, func() error { return checkTime("clock.highWater", &c.Clock.HighWater) }},
		{c.Decision != nil, func() error { return c.Decision.check() }},
		{c.Joined != nil, func() error { return c.Joined.check() }},
		{c.Learned != nil, func() error { return c.Learned.check() }},
		{c.Lost != nil, func() error { return c.Lost.check() }},
		{c.Served != nil, func() error { return c.Served.check(seq) }},
		{c.Reset != nil, func() error { return c.Reset.check() }},
		{c.Start != nil, func() error { return checkTime("start.time", &c.Start.Time) }},
		{c.Suppressed != nil, func() error { c.Suppressed.From = c.Suppressed.From.UTC(); return nil }},
		{c.Takeover != nil, func() error { return c.Takeover.check() }},
	} {
		if member.set {
			kinds++
			err = member.check()
		}
	}
	if kinds != 1 {
		return fmt.Errorf("it is not exactly one of clock, decision, joined, learned, lost, served, signedReset, start, suppressed and takeover")
	}
	return err
}

func checkTime(field string, t *time.Time) error {
	if t.IsZero() {
		return &EntryError{Field: field, Text: "is missing"}
	}
	*t = t.UTC()
	return nil
}

func (r *SignedReset) check() error {
	if r.ID == "" || r.Version == 0 {
		return &EntryError{Field: "signedReset", Text: "needs an id and a version"}
	}
	if _, ok := r.Pattern.Verifier(); !ok {
		return &EntryError{Field: "signedReset.pattern.role", Text: fmt.Sprintf("%q is no role", clip(r.Pattern.Role))}
	}
	return checkTime("signedReset.time", &r.Time)
}

func (t *Takeover) check() error {
	t.HighWater = t.HighWater.UTC()
	for i, f := range t.Floors {
		if _, ok := verifier.RoleByName(f.Role); !ok || f.Version == 0 {
			return &EntryError{Field: fmt.Sprintf("takeover.floors[%d]", i), Text: "needs a role and a version"}
		}
	}
	for i, r := range t.Resets {
		if r.ID == "" {
			return &EntryError{Field: fmt.Sprintf("takeover.resets[%d]", i), Text: "needs an id"}
		}
	}
	return nil
}
