// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"encoding/hex"
	"fmt"
)

// Unapproved says what a document is that was refused because nobody has
// approved it. The zero value is any other decision.
type Unapproved int

const (
	// UnapprovedNew is a document of a subject of which no approved document is known:
	// somebody has to approve the first.
	UnapprovedNew Unapproved = iota + 1
	// UnapprovedChanged is a document of a subject of which another has been in
	// force: it was changed without an approval, on purpose or by an intruder.
	UnapprovedChanged
)

// String returns "new", "changed", and "" for the zero value.
func (u Unapproved) String() string {
	return [...]string{"", "new", "changed"}[u]
}

// Unapproved returns the worse of what the documents of a refusal are.
func (d *Decision) Unapproved() Unapproved { return d.unapproved }

// unapproved judges one document, and returns the floor of what has been in force where
// that is another. An approval that counts, or did or will at another time, means that somebody
// who may has looked at this very document.
func (d *documentEvaluation) unapproved(s *shortfall) (Unapproved, Raise) {
	if s == nil || s.requirement == nil || len(s.have) > 0 || d.approvedInPart() {
		return 0, Raise{}
	}
	known := false
	for _, seen := range d.floors.seen() {
		if seen.Floor.binds(d.sha256) {
			return UnapprovedChanged, seen
		}
		known = known || seen.Floor.Version > 0 && seen.Floor.SHA256 == d.sha256
	}
	if known { // what is in force has lost its approvals
		return 0, Raise{}
	}
	return UnapprovedNew, Raise{}
}

// approvedInPart reports whether some approval of the document meets a requirement
// of a rule in force, whatever the time.
func (d *documentEvaluation) approvedInPart() bool {
	for _, a := range d.approvals {
		for _, r := range d.rules {
			for i := range r.require {
				if reason := a.checkRequirement(r, &r.require[i], a.ageFrom); reason == ReasonUnspecified || reason == AttestationTooOld {
					return true
				}
			}
		}
	}
	return false
}

// changedText says for people what was in force and what was presented.
func (d *documentEvaluation) changedText(inForce Raise) string {
	s := d.parsed.subject
	subject := fmt.Sprintf("%s %s", d.parsed.role, quote(s.name))
	if s.workspace != "" {
		subject += " in workspace " + quote(s.workspace)
	}
	return clip(fmt.Sprintf("%s has version %d in force, sha256:%s; sha256:%s was presented, and nobody has approved it. If nobody changed it on purpose, treat it as an incident: compare the two, and put back what was approved",
		subject, inForce.Floor.Version, hex.EncodeToString(inForce.Floor.SHA256[:]), hex.EncodeToString(d.sha256[:])), MaxDetail-4)
}

// changedHint stands in the findings about such a document in place of an advice to
// approve it.
const changedHint = "Another document has been in force here. If nobody changed it on purpose, treat it as an incident: compare the two, and put back what was approved."

// changedCommand compares the two, where somebody has both: the driver keeps neither.
const changedCommand = "sigdriver diff in-force.json presented.json"

// newText begins the nearest miss of a document that is new.
const newText = "no approved version is known for this subject; "
