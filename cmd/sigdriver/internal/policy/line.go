// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

// Line is a line of OpenShell's releases: a schema, and the rules by which a file
// is read. Where two lines differ in a field, each has a row in the tables.
type Line int

// The lines. The zero Line is none, and nothing is read by it.
const (
	Line00 Line = iota + 1 // 0.0: 2f7fb65 of August 2026 to 0.0.116
	Line01                 // 0.1: 0.1.0 of September 2026 and later
)

// Newest is the line that files are read by unless somebody says another.
const Newest = Line01

// Lines are all lines, the oldest first.
var Lines = []Line{Line00, Line01}

var lineNames = map[Line]struct{ name, schema string }{
	Line00: {"0.0", "OpenShell 2f7fb65 of 2026-08-21"},
	Line01: {"0.1", "OpenShell 0.1.5 of 2026-10-20"},
}

// String returns the name of the line, as --openshell takes it.
func (l Line) String() string { return lineNames[l].name }

// MarshalText writes the line as String does.
func (l Line) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Schema names the release whose messages this build knows of the line.
func (l Line) Schema() string { return lineNames[l].schema }

// ParseLine reads the name of a line.
func ParseLine(name string) (Line, bool) {
	for _, l := range Lines {
		if l.String() == name {
			return l, true
		}
	}
	return 0, false
}

// strict reports whether the line tells types apart: a number is no text there, and
// null is nothing but null.
func (l Line) strict() bool { return l >= Line01 }
