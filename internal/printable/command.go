// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package printable

import "fmt"

// Inert is Escape for a text that a CI system may read as it is printed. Those obey
// lines that begin with "::error::" or hold "##[error]" or "##vso[…]", as others' names
// may do: masking what a change widens, or ending all commands that come later. The
// character that makes the command one is escaped as JSON writes it in a string. No JSON
// that begins a line has one there, so JSON means the same as before.
func Inert(text []byte) []byte { return new(commands).inert(Escape(text)) }

// commands is where a text stands that is looked through for commands.
type commands struct {
	begun  bool // something but blanks is on the line
	colons int  // that the line begins with
	hashes int  // that came last, before letters
	word   bool // letters follow them
}

// inert escapes the commands in a text that goes on from the last one.
func (c *commands) inert(text []byte) []byte {
	var out []byte
	from := 0
	for i, b := range text {
		if c.obeyed(b) {
			out = fmt.Appendf(append(out, text[from:i]...), `\u%04x`, b)
			from = i + 1
		}
	}
	if from == 0 {
		return text
	}
	return append(out, text[from:]...)
}

// obeyed reports whether this byte makes what was before it a command.
func (c *commands) obeyed(b byte) bool {
	letter := b|0x20 >= 'a' && b|0x20 <= 'z'
	bracket := b == '[' && c.hashes >= 2
	begins := letter && c.colons == 2
	switch {
	case b == '#' && c.word:
		c.hashes, c.word = 1, false
	case b == '#':
		c.hashes++
	case letter && c.hashes >= 2:
		c.word = true
	default:
		c.hashes, c.word = 0, false
	}
	switch {
	case b == '\n' || b == '\r':
		c.begun, c.colons = false, 0
	case b == ':' && (!c.begun || c.colons == 1):
		c.begun = true
		c.colons++
	case b != ' ' && (b < '\t' || b > '\r'), c.colons > 0:
		c.begun, c.colons = true, 0
	}
	return bracket || begins
}
