// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// node is one value of a file, wherever it was written: a scalar, a list or a
// mapping. The readers of YAML and JSON make them; nothing in them is ambiguous.
type node struct {
	kind         nodeKind
	text         string  // of a scalar
	plain        bool    // a scalar without quotes: what it is, its text decides
	number       bool    // a number of JSON, which has spellings that are none in all YAML
	keys         []*node // of a mapping: scalars, each once, in the file's order
	items        []*node // of a list; of a mapping, one for each key
	line, column int     // from 1
}

type nodeKind int

const (
	scalarNode nodeKind = iota + 1
	listNode
	mappingNode
)

// maxDepth bounds how deep a file nests. A document may nest 32 deep.
const maxDepth = 64

// get returns the value of a key.
func (n *node) get(key string) *node {
	for i, k := range n.keys {
		if k.text == key {
			return n.items[i]
		}
	}
	return nil
}

// empty reports whether nothing was written: "process:" and no more.
func (n *node) empty() bool { return n.kind == scalarNode && n.plain && n.text == "" }

// scalarType says what a scalar without quotes is.
func (n *node) scalarType(l Line) scalarType {
	if t := classify(l, n.text); t != isText || !n.number {
		return t
	}
	return isFloat
}

// null reports whether the node is null in any spelling.
func (n *node) null() bool { return n.empty() || n.kind == scalarNode && n.plain && isNull(n.text) }

// what says what the node is.
func (n *node) what() string {
	switch {
	case n.kind == listNode:
		return "a list"
	case n.kind == mappingNode:
		return "a mapping"
	case n.empty():
		return "empty"
	case !n.plain:
		return "a text in quotes"
	}
	return printable(n.text)
}

func (n *node) fail(at place, format string, args ...any) *CanonicalizeError {
	return &CanonicalizeError{Line: n.line, Column: n.column, Path: at.String(), Text: fmt.Sprintf(format, args...)}
}

// maxShown bounds how much of a foreign text an error shows, in bytes.
const maxShown = 60

// printable quotes a foreign text unless it is a plain word.
func printable(s string) string {
	plain := s != ""
	for _, c := range s {
		plain = plain && (c == '_' || c == '-' || c == '/' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z')
	}
	if len(s) > maxShown {
		cut := maxShown
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	if plain {
		return s
	}
	return strconv.QuoteToASCII(s)
}
