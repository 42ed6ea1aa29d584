// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// rawMember is one name and its value in a JSON object. The value aliases the text.
type rawMember struct {
	name  string
	value jsontext.Value
}

// membersOf lists the members of an object, in their order; false for any other
// value. The text must have passed checkJSON, which has checked the grammar and
// the names; this only cuts it up.
func membersOf(object []byte) ([]rawMember, bool) {
	c := cutter{rest: object}
	if !c.take('{') {
		return nil, false
	}
	list := make([]rawMember, 0, 8)
	for !c.take('}') {
		if len(list) > 0 && !c.take(',') {
			return nil, false
		}
		name, ok := stringOf(c.value())
		if !ok || !c.take(':') {
			return nil, false
		}
		v := c.value()
		if len(v) == 0 {
			return nil, false
		}
		list = append(list, rawMember{name, v})
	}
	return list, true
}

// elementsOf lists the elements of an array, at most limit and one more; false
// for any other value. The text must have passed checkJSON.
func elementsOf(array []byte, limit int) ([]jsontext.Value, bool) {
	c := cutter{rest: array}
	if !c.take('[') {
		return nil, false
	}
	var list []jsontext.Value
	for len(list) <= limit && !c.take(']') {
		if len(list) > 0 && !c.take(',') {
			return nil, false
		}
		v := c.value()
		if len(v) == 0 {
			return nil, false
		}
		list = append(list, v)
	}
	return list, true
}

// cutter cuts JSON text into values without checking them.
type cutter struct{ rest []byte }

func (c *cutter) space() { c.rest = bytes.TrimLeft(c.rest, " \t\r\n") }

// take skips white space and then the one character, if it is next.
func (c *cutter) take(want byte) bool {
	c.space()
	if len(c.rest) == 0 || c.rest[0] != want {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

// value cuts off the next value; empty when there is none.
func (c *cutter) value() jsontext.Value {
	c.space()
	n := valueLength(c.rest)
	v := c.rest[:n:n]
	c.rest = c.rest[n:]
	return v
}

// valueLength returns how long the value at the start of the text is.
func valueLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			if i += stringLength(text[i:]) - 1; depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// stringLength returns how long the string at the start of the text is, quotes
// included.
func stringLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// stringOf returns the text of a JSON string; false for any other value.
func stringOf(v jsontext.Value) (string, bool) {
	if len(v) < 2 || v[0] != '"' {
		return "", false
	}
	if inner := v[1 : len(v)-1]; bytes.IndexByte(inner, '\\') < 0 && v[len(v)-1] == '"' {
		return string(inner), true
	}
	s, err := jsontext.AppendUnquote(nil, v)
	return string(s), err == nil
}

// foldsTo returns the known name that a name would become for a reader that
// ignores case (Unicode simple folding: also the Kelvin sign and the long s),
// and "" when it is none or is spelled exactly.
func foldsTo(name string, known []string) string {
	variant := ""
	for _, k := range known {
		if name == k {
			return ""
		}
		if strings.EqualFold(name, k) {
			variant = k
		}
	}
	return variant
}

// decodeBase64 reads padded base64 of either alphabet and refuses the spellings
// that Go's decoder would let pass for the same bytes: line breaks and non-zero
// trailing bits.
func decodeBase64(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	raw, err := encoding.Strict().DecodeString(text)
	return raw, err == nil
}
