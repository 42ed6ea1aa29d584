// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// The surfaces: full names of the messages that documents are made of.
const (
	policySurface   = "openshell.sandbox.v1.SandboxPolicy"
	profileSurface  = "openshell.v1.ProviderProfile"
	settingsSurface = "sigdriver.v1.GatewaySettings"
)

// Document is a document that has been read, well or ill.
type Document struct {
	// Surface is the full name of its message, as the document says it; foreign
	// text.
	Surface string
	root    *value
	line    Line // by which it is shown
	fits    []Line
}

// Read reads a document, also one that a verifier refuses: duplicate members are
// kept, and shown as such. The error is a sentence.
func Read(document []byte) (*Document, error) {
	root, err := readTree(document)
	if err != nil {
		return nil, err
	}
	if root.kind != jsonObject {
		return nil, errors.New("a document is a JSON object")
	}
	surface := strings.TrimPrefix(root.text("@type"), "type.googleapis.com/")
	d := &Document{Surface: surface, root: root}
	d.findLine()
	return d, nil
}

// Lines are the lines of OpenShell that the document may be of: all that it holds is
// as they write it. Most documents hold what one line writes and another does not.
func (d *Document) Lines() []Line { return d.fits }

// LineText says in words which lines of OpenShell the document may be of.
func (d *Document) LineText() string {
	switch {
	case len(d.fits) == len(Lines):
		return "OpenShell 0.0 and 0.1 alike"
	case len(d.fits) == 1:
		return "OpenShell " + d.fits[0].String()
	}
	return "no one line of OpenShell"
}

// HasLine reports whether OpenShell writes documents like this one at all.
func (d *Document) HasLine() bool { return d.Surface == policySurface || d.Surface == profileSurface }

// findLine tells the line of a document from what it holds. It is shown by the newest
// one that fits, or else by the one that fits best.
func (d *Document) findLine() {
	best := -1
	for _, l := range slices.Backward(Lines) {
		n := misfits(d.message(), l, d.root)
		if n == 0 && d.HasLine() {
			d.fits = append([]Line{l}, d.fits...)
		}
		if best < 0 || n < best {
			best, d.line = n, l
		}
	}
}

// misfits counts what a message holds, or lacks, that another line writes so and this
// one does not. What no line knows is no evidence.
func misfits(m *message, l Line, n *value) int {
	if n.kind != jsonObject {
		return 0
	}
	count := 0
	if m.lacks != nil && m.lacks(l, n) {
		count++
	}
	for i := range m.fields {
		if f := &m.fields[i]; f.fallback != nil && f.in(l) && f.since == l && n.get(f.member) == nil {
			count++
		}
	}
	for i, name := range n.names {
		f := m.byMember(l, name)
		switch {
		case f == nil:
		case !f.in(l) && !f.early, f.foreign(m, l, n.items[i].string()):
			count++
		default:
			count += misfitsIn(f, l, n.items[i])
		}
	}
	return count
}

// misfitsIn goes on in a message, or in each of a list or map of them.
func misfitsIn(f *field, l Line, n *value) int {
	if f.of == nil {
		return 0
	}
	if f.kind == messageKind {
		return misfits(f.of, l, n)
	}
	count := 0
	for _, e := range n.items {
		count += misfits(f.of, l, e)
	}
	return count
}

// foreign reports whether a value is one that another line writes: a word where this
// one has an enumeration, or the value of one where this one has a text.
func (f *field) foreign(m *message, l Line, text string) bool {
	if text == "" {
		return false
	}
	if f.exact {
		return !slices.Contains(slices.Collect(maps.Values(f.words)), text)
	}
	for i := range m.fields {
		other := &m.fields[i]
		if other.member == f.member && other.exact && other.prefix != "" && !other.in(l) && strings.HasPrefix(text, other.prefix) {
			return true
		}
	}
	return false
}

// Known reports whether this build knows the document's message.
func (d *Document) Known() bool { return schemaOf(d.Surface) != nil }

// message returns what the document should look like; for a surface that is not
// known, a message without fields.
func (d *Document) message() *message {
	if m := schemaOf(d.Surface); m != nil {
		return m
	}
	return &message{}
}

// schemaOf returns the message of a surface, nil if this build does not know it.
func schemaOf(surface string) *message {
	for _, t := range types {
		if t.surface == surface {
			return t.schema
		}
	}
	return nil
}
