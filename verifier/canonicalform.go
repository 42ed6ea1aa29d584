// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MarshalCanonical is the RFC 8785 text of one of our own structs: without floating-point
// numbers, and quickest where the members are declared in the order of their names. A byte
// that is not UTF-8 becomes U+FFFD.
func MarshalCanonical(v any) ([]byte, error) {
	data, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
	if err != nil || PlainlyCanonical(data) {
		return data, err
	}
	text := jsontext.Value(data)
	err = text.Canonicalize(jsontext.AllowInvalidUTF8(true))
	return text, err
}

// PlainlyCanonical reports whether a text is strict JSON in its RFC 8785 form, as far as
// one look tells. It is so for what our own structs mostly come to: names without escapes,
// strings with those of one letter, whole numbers of at most 15 digits. Of any other text
// it knows nothing, and says false.
func PlainlyCanonical(text []byte) bool {
	if !utf8.Valid(text) {
		return false
	}
	p := plainText{text: text}
	return p.value(0) && p.at == len(text)
}

// plainText is a text that PlainlyCanonical reads.
type plainText struct {
	text []byte
	at   int
}

func (p *plainText) value(depth int) bool {
	if p.at == len(p.text) || depth > MaxDepth {
		return false
	}
	switch c := p.text[p.at]; {
	case c == '"':
		return p.string()
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.array(depth + 1)
	case c == 't':
		return p.literal("true")
	case c == 'f':
		return p.literal("false")
	case c == 'n':
		return p.literal("null")
	}
	return p.number()
}

// object takes one whose names ascend: of plain ASCII, in which RFC 8785 orders as bytes do.
func (p *plainText) object(depth int) bool {
	if depth > MaxDepth {
		return false
	}
	p.at++
	if p.take('}') {
		return true
	}
	for before := []byte(nil); ; {
		name, ok := p.name()
		if !ok || before != nil && string(before) >= string(name) || !isASCII(name) {
			return false
		}
		before = name
		if !p.take(':') || !p.value(depth) {
			return false
		}
		if !p.take(',') {
			return p.take('}')
		}
	}
}

func (p *plainText) array(depth int) bool {
	if depth > MaxDepth {
		return false
	}
	p.at++
	if p.take(']') {
		return true
	}
	for p.value(depth) {
		if !p.take(',') {
			return p.take(']')
		}
	}
	return false
}

func (p *plainText) take(c byte) bool {
	if p.at == len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *plainText) literal(want string) bool {
	if len(p.text)-p.at < len(want) || string(p.text[p.at:p.at+len(want)]) != want {
		return false
	}
	p.at += len(want)
	return true
}

// name takes a string without escapes, and returns what is between its quotes.
func (p *plainText) name() ([]byte, bool) {
	from := p.at + 1
	if !p.string() {
		return nil, false
	}
	name := p.text[from : p.at-1]
	return name, bytes.IndexByte(name, '\\') < 0
}

// string takes a string in which nothing but quotes, backslashes and control characters
// that have an escape of one letter is escaped, and those are.
func (p *plainText) string() bool {
	if !p.take('"') {
		return false
	}
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return true
		case c == '\\':
			if p.at++; p.at == len(p.text) || strings.IndexByte(`"\bfnrt`, p.text[p.at]) < 0 {
				return false
			}
		case c < 0x20:
			return false
		}
	}
	return false
}

// number takes a whole number that a double holds.
func (p *plainText) number() bool {
	p.take('-')
	from := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	digits := p.text[from:p.at]
	switch {
	case len(digits) == 0, len(digits) > 15, digits[0] == '0' && (len(digits) > 1 || from > 0 && p.text[from-1] == '-'):
		return false
	}
	return p.at == len(p.text) || p.text[p.at] == ',' || p.text[p.at] == ']' || p.text[p.at] == '}'
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
