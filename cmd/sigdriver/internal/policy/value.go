// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/go-json-experiment/json/jsontext"
)

// The kinds of JSON values, by their first character.
const (
	jsonObject = '{'
	jsonArray  = '['
	jsonString = '"'
	jsonNumber = '0'
	jsonTrue   = 't'
	jsonFalse  = 'f'
	jsonNull   = 'n'
	yamlDigits = '1' // an integer of 64 bits, in YAML only
)

// value is a JSON value: what an author's file becomes before the verifier gives it
// its canonical form, and what a document is read into. Members keep their order,
// and their duplicates.
type value struct {
	kind    byte
	value   string // of a string; the text of a number
	names   []string
	items   []*value // elements of an array, values of an object
	comment string   // for YAML, about this value
	// index finds members by name, the first of duplicates; made when asked.
	index  map[string]int
	double map[string]bool // names that are there more than once
}

// readTree reads JSON leniently: what a verifier refuses is still shown.
func readTree(data []byte) (*value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	root, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return root, nil
}

func readValue(dec *jsontext.Decoder, depth int) (*value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the JSON nests deeper than %d", maxDepth)
	}
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	n := &value{kind: byte(token.Kind())}
	switch n.kind {
	case jsonString, jsonNumber:
		n.value = token.String()
	case jsonArray, jsonObject:
		err = n.readItems(dec, depth)
	}
	return n, err
}

// readItems reads to the end of an array or object.
func (n *value) readItems(dec *jsontext.Decoder, depth int) error {
	for dec.PeekKind() != ']' && dec.PeekKind() != '}' {
		if n.kind == jsonObject {
			name, err := dec.ReadToken()
			if err != nil {
				return err
			}
			n.names = append(n.names, name.String())
		}
		item, err := readValue(dec, depth+1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := dec.ReadToken()
	return err
}

// find makes the index of an object.
func (n *value) find(name string) (int, bool) {
	if n.index == nil {
		n.index, n.double = map[string]int{}, map[string]bool{}
		for i, have := range n.names {
			if _, ok := n.index[have]; ok {
				n.double[have] = true
				continue
			}
			n.index[have] = i
		}
	}
	i, ok := n.index[name]
	return i, ok
}

// get returns a member, nil when there is none. Of duplicates it is the first;
// the others are reported apart.
func (n *value) get(name string) *value {
	if n == nil {
		return nil
	}
	if i, ok := n.find(name); ok {
		return n.items[i]
	}
	return nil
}

// again reports whether a member repeats an earlier one.
func (n *value) again(i int) bool {
	first, _ := n.find(n.names[i])
	return first != i
}

// twice reports whether a member is there more than once.
func (n *value) twice(name string) bool {
	if n == nil {
		return false
	}
	n.find(name)
	return n.double[name]
}

// text returns a member that is a string, "" when it is none.
func (n *value) text(name string) string { return n.get(name).string() }

func (n *value) string() string {
	if n == nil || n.kind != jsonString {
		return ""
	}
	return n.value
}

// flag reports whether a member is true.
func (n *value) flag(name string) bool {
	m := n.get(name)
	return m != nil && m.kind == jsonTrue
}

// list returns the elements of a member that is an array.
func (n *value) list(name string) []*value {
	m := n.get(name)
	if m == nil || m.kind != jsonArray {
		return nil
	}
	return m.items
}

// texts returns the strings in a member that is an array.
func (n *value) texts(name string) []string {
	var all []string
	for _, e := range n.list(name) {
		all = append(all, e.scalar())
	}
	return all
}

// scalar is a value in a word, foreign text.
func (n *value) scalar() string {
	if n == nil {
		return ""
	}
	if n.kind == jsonString {
		return n.value
	}
	return n.json()
}

// json writes a value as compact JSON in ASCII, the same for the same value.
func (n *value) json() string {
	var b strings.Builder
	n.writeJSON(&b, quoteJSON)
	return b.String()
}

// protoJSON writes a value with its letters as they are.
func (n *value) protoJSON() []byte {
	var b strings.Builder
	n.writeJSON(&b, func(s string) string {
		quoted, _ := jsontext.AppendQuote(nil, s) // UTF-8 by construction: checkText ran
		return string(quoted)
	})
	return []byte(b.String())
}

func (n *value) writeJSON(b *strings.Builder, quote func(string) string) {
	switch n.kind {
	case jsonObject, jsonArray:
		b.WriteByte(n.kind)
		for i, e := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if n.kind == jsonObject {
				b.WriteString(quote(n.names[i]))
				b.WriteByte(':')
			}
			e.writeJSON(b, quote)
		}
		b.WriteByte(n.kind + 2) // ']' and '}'
	case jsonString:
		b.WriteString(quote(n.value))
	case jsonNumber:
		b.WriteString(n.value)
	default:
		b.WriteString(map[byte]string{jsonTrue: "true", jsonFalse: "false", jsonNull: "null"}[n.kind])
	}
}

func textValue(s string) *value { return &value{kind: jsonString, value: s} }

func numberValue(digits string) *value { return &value{kind: jsonNumber, value: digits} }

func boolValue(b bool) *value {
	if b {
		return &value{kind: jsonTrue}
	}
	return &value{kind: jsonFalse}
}

func (n *value) put(name string, v *value) {
	n.index = nil
	n.names, n.items = append(n.names, name), append(n.items, v)
}

func (n *value) drop(name string) {
	n.index = nil
	if i := slices.Index(n.names, name); i >= 0 {
		n.names, n.items = slices.Delete(n.names, i, i+1), slices.Delete(n.items, i, i+1)
	}
}

// same reports whether two values are equal, absent ones too.
func same(a, b *value) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.json() == b.json()
}

// pointer extends an RFC 6901 pointer.
func pointer(at, name string) string {
	return at + "/" + pointerEscapes.Replace(name)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// quoteJSON writes a JSON string in ASCII.
func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range utf16.Encode([]rune(s)) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(c))
		case c < 0x20 || c > 0x7E:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(byte(c))
		}
	}
	b.WriteByte('"')
	return b.String()
}
