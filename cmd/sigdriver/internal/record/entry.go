// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// MaxEntry bounds one encoded entry in bytes. A transparency log takes 65,535.
const MaxEntry = 60 << 10

// roomy is the size from which on an entry leaves out the attestations that were
// offered. What the state is made of is never left out.
const roomy = 16 << 10

// schema is the version of the entry format.
const schema = "sigdriver.journal/v1"

// The lists that an entry may leave out, as Entry.Elided names them. Entries of
// release 0.1.0 may leave out what was raised, too.
const (
	ElidedAttestations = "attestations"
	ElidedRaised       = "raised"
)

// Digest is a sha256, written as 64 lower-case hex digits.
type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// AppendText implements encoding.TextAppender.
func (d Digest) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, d[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It refuses upper case.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) || bytes.ContainsAny(text, "ABCDEF") {
		return fmt.Errorf("a sha256 is 64 lower-case hex digits, not %q", clip(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// Entry is what the journal keeps of one distinct decision: who asked what,
// what was answered, and the digests by which an auditor finds the rest in the
// archive. It holds no body. The zero Entry is refused. Members are declared in the order
// of their names, here and below: no second pass has to put an entry's text in order.
type Entry struct {
	// Attestations are those that were offered, each once, as verifier.AttestationDigest
	// spells them.
	Attestations []string `json:"attestations,omitempty"`
	// Bound reports that the decision bound the target's sandbox to its workspace and name.
	Bound  bool   `json:"bound,omitzero"`
	Counts Counts `json:"counts"`
	// Documents are the digests in request order.
	Documents       []Digest `json:"documents"`
	Driver          string   `json:"driver"` // version of the build
	EffectiveSHA256 Digest   `json:"effectiveSha256,omitzero"`
	// Elided names the lists that Append left out because the entry would have
	// been too large. The decision record has them.
	Elided []string `json:"elided,omitempty"`
	// Revision is that of the state with this entry. Commit sets it.
	Revision uint64 `json:"floorsRevision,string"`
	Host     Host   `json:"host,omitzero"`
	// Memory is the shared memory as the decision saw it; nil where there is none.
	Memory  *Known `json:"memory,omitempty"`
	Peer    Peer   `json:"peer"`
	Purpose string `json:"purpose"`
	// Raised are the floors that the decision raised.
	Raised []FloorChange `json:"raised,omitempty"`
	Reason string        `json:"reason"`
	// Record is the archive address of the full decision record. Append sets it.
	Record        Digest `json:"record"`
	RequestSHA256 Digest `json:"requestSha256"`
	// Rules is verifier.RulesVersion of the driver that decided; absent in entries
	// of release 0.1.0, whose rules are version 1.
	Rules  uint64 `json:"rules,omitzero,string"`
	Target Target `json:"target"`
	// Time is the now that the decision was made with.
	Time    time.Time `json:"time"`
	Trust   Trust     `json:"trust"`
	Verdict string    `json:"verdict"`

	summary *verifier.Summary // of the request
}

// Peer is the caller of the socket.
type Peer struct {
	GID  uint32 `json:"gid"`
	Name string `json:"name,omitempty"` // of its allow-list entry
	UID  uint32 `json:"uid"`
}

// Target is where the policy would be enforced.
type Target struct {
	GatewayID string `json:"gatewayId"`
	Name      string `json:"name,omitempty"`
	SandboxID string `json:"sandboxId,omitempty"`
	Workspace string `json:"workspace,omitempty"`
}

func targetOf(t verifier.Target) Target {
	return Target{GatewayID: t.GatewayID, Name: t.Name, SandboxID: t.SandboxID, Workspace: t.Workspace}
}

// Host is what the gateway said its own logs call this. Never judged.
type Host struct {
	ConfigRevision uint64 `json:"configRevision,omitzero,string"`
	PolicyHash     string `json:"policyHash,omitempty"`
	PolicyVersion  uint64 `json:"policyVersion,omitzero,string"`
}

// Counts are the sizes of lists in the decision record.
type Counts struct {
	Attestations int `json:"attestations"` // offered
	Findings     int `json:"findings"`
	Shadow       int `json:"shadow"`
}

// Trust names the trust a decision was made with.
type Trust struct {
	Epoch uint64 `json:"epoch,string"`
	// Roles are the TUF metadata files by role name.
	Roles map[string]RoleFile `json:"roles,omitempty"`
	Stale bool                `json:"stale,omitzero"`
}

// RoleFile is one TUF metadata file, found in the archive by its digest.
type RoleFile struct {
	SHA256  Digest `json:"sha256"`
	Version int64  `json:"version,string"`
}

// FloorChange is a floor that an allowed decision raised.
type FloorChange struct {
	After     Floor  `json:"after"`
	Before    Floor  `json:"before,omitzero"`
	Name      string `json:"name,omitempty"`
	Role      string `json:"role"`
	Workspace string `json:"workspace,omitempty"`
}

// Floor is a version and the digest bound to it.
type Floor struct {
	SHA256  Digest `json:"sha256,omitzero"`
	Version uint64 `json:"version,string"`
}

// Suppressed counts the DENY decisions of one peer about one target that were
// beyond the budget of a minute and got no entry of their own.
type Suppressed struct {
	From   time.Time `json:"from"` // start of the minute
	Peer   Peer      `json:"peer"`
	Target Target    `json:"target"`
	Count  uint64    `json:"count,string"`
}

// NewEntry fills in what a request and its decision say. Time, driver, peer,
// host and trust are the caller's to add, and Commit adds the rest.
func NewEntry(req *verifier.Request, d *verifier.Decision) Entry {
	return NewSummarizedEntry(verifier.Summarize(req), req, d)
}

// NewSummarizedEntry is NewEntry where the summary of the request is there already.
func NewSummarizedEntry(summary *verifier.Summary, req *verifier.Request, d *verifier.Decision) Entry {
	e := Entry{
		summary:         summary,
		Rules:           verifier.RulesVersion,
		Purpose:         req.Purpose.String(),
		Target:          targetOf(req.Target),
		RequestSHA256:   summary.SHA256,
		EffectiveSHA256: d.EffectiveSHA256,
		Attestations:    summary.Attestations,
		Verdict:         d.Verdict.String(),
		Reason:          d.Reason.String(),
		Counts:          Counts{Findings: len(d.Findings), Shadow: len(d.Shadow)},
		Bound:           d.Binding != nil,
	}
	for i := range d.Documents {
		e.Documents = append(e.Documents, d.Documents[i].SHA256)
		e.Counts.Attestations += len(req.Documents[i].Attestations)
	}
	for _, r := range d.Raises {
		e.Raised = append(e.Raised, FloorChange{
			Role: r.Key.Role.String(), Workspace: r.Key.Workspace, Name: r.Key.Name,
			Before: floorFile(consulted(d, r.Key)), After: floorFile(r.Floor),
		})
	}
	return e
}

// consulted is the floor of a subject as a decision saw it.
func consulted(d *verifier.Decision, k verifier.FloorKey) verifier.Floor {
	for _, seen := range d.Consulted {
		if seen.Key == k {
			return seen.Floor
		}
	}
	return verifier.Floor{}
}

func floorFile(f verifier.Floor) Floor { return Floor{SHA256: f.SHA256, Version: f.Version} }

func (f Floor) verifier() verifier.Floor { return verifier.Floor{Version: f.Version, SHA256: f.SHA256} }

// check refuses an entry that says nothing, or names a verdict that is none.
func (e *Entry) check() error {
	if err := checkTime("time", &e.Time); err != nil {
		return err
	}
	switch {
	case e.Verdict != verifier.Allow.String() && e.Verdict != verifier.Deny.String():
		return &EntryError{Field: "verdict", Text: fmt.Sprintf("%q is none", clip(e.Verdict))}
	case e.Target.GatewayID == "":
		return &EntryError{Field: "target.gatewayId", Text: "is missing"}
	case e.RequestSHA256 == Digest{}:
		return &EntryError{Field: "requestSha256", Text: "is missing"}
	}
	if _, ok := verifier.ReasonByName(e.Reason); !ok {
		return &EntryError{Field: "reason", Text: fmt.Sprintf("%q is none", clip(e.Reason))}
	}
	return nil
}

// EntryError says what is wrong with an entry that a caller wants to append.
type EntryError struct{ Field, Text string }

func (e *EntryError) Error() string { return fmt.Sprintf("journal entry: %s %s", e.Field, e.Text) }

// body is the canonical JSON of the entry. One that would be large leaves out the
// attestations that were offered; the decision record has them.
func (e Entry) body() ([]byte, error) {
	const frame = 256 // for prev, schema and seq
	e.Time, e.Elided = e.Time.UTC(), nil
	data, err := canonical(&e)
	if err == nil && len(data) > roomy-frame && len(e.Attestations) > 0 {
		e.Attestations, e.Elided = nil, []string{ElidedAttestations}
		data, err = canonical(&e)
	}
	if err == nil && len(data) > MaxEntry-frame {
		err = &EntryError{Field: "names", Text: fmt.Sprintf("are too long for an entry of %d bytes", MaxEntry)}
	}
	return data, err
}

// canonical is the RFC 8785 form of v. Bytes that are no UTF-8 become U+FFFD: a
// decision is recorded whatever a name holds.
func canonical(v any) ([]byte, error) { return verifier.MarshalCanonical(v) }

// Line is an entry for people and log shippers: the same JSON on one line with
// every character that a terminal or a browser could act on escaped.
func Line(entry []byte) []byte {
	out := make([]byte, 0, len(entry))
	for _, r := range string(entry) {
		switch {
		case r == '<' || r == '>' || r == '&' || r == 0x7f:
			out = fmt.Appendf(out, `\u%04x`, r)
		case r < 0x20:
			out = append(out, ' ') // not in canonical JSON
		case r < 0x7f:
			out = append(out, byte(r))
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return out
}

// clip shortens foreign text for an error.
func clip[T string | []byte](s T) string {
	const most = 64
	if len(s) <= most {
		return string(s)
	}
	return string(s[:most]) + "…"
}
