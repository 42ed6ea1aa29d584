// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The decoded form of a canonical JSON text: nil, bool, string, number, array or
// object. It keeps the text's order, so that whoever walks it finds things in
// the same order every time, and the text of its numbers, which in canonical
// form are equal exactly if their values are.
type (
	number string
	array  []any
	object []member // ascending by compareNames
	member struct {
		name  string
		value any
	}
)

// get returns the value of a member.
func (o object) get(name string) (any, bool) {
	for i := range o {
		if o[i].name == name {
			return o[i].value, true
		}
	}
	return nil, false
}

// firstOf returns the first of some names that the object has.
func (o object) firstOf(names []string) (string, bool) {
	for _, name := range names {
		if _, found := o.get(name); found {
			return name, true
		}
	}
	return "", false
}

// compareNames orders member names as RFC 8785 does, by UTF-16 code units. That
// is the order of bytes but for characters beyond U+FFFF, which come before
// U+E000.
func compareNames(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i == len(a) || i == len(b) {
		return cmp.Compare(len(a), len(b))
	}
	for i > 0 && !utf8.RuneStart(a[i]) {
		i--
	}
	x, _ := utf8.DecodeRuneInString(a[i:])
	y, _ := utf8.DecodeRuneInString(b[i:])
	if (x > 0xffff) == (y > 0xffff) {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(firstUnit(x), firstUnit(y))
}

// firstUnit returns the first UTF-16 code unit of a character.
func firstUnit(r rune) rune {
	if r <= 0xffff {
		return r
	}
	high, _ := utf16.EncodeRune(r)
	return high
}

// canonicalReader reads RFC 8785 text and nothing else: no space, names in
// ascending order (so none twice), each string and number in its one spelling,
// at most MaxDepth deep. It checks and builds the tree in one pass, in less time
// than the library needs to decode the text and to write it again to compare.
// What it refuses is refused; checkJSON only finds the name of the fault.
type canonicalReader struct {
	text  string
	pos   int
	depth int
	open  []member // the members so far of the objects and arrays not yet closed
	spare []member // room for the next closed objects
}

// spareMembers is how much room is taken at once.
const spareMembers = 64

// readCanonical reads the whole text as one canonical value. When it is none,
// the offset is of the first byte that cannot be right.
func readCanonical(text string) (value any, offset int, ok bool) {
	r := canonicalReader{text: text}
	value, ok = r.value()
	if !ok || r.pos != len(text) {
		return nil, r.pos, false
	}
	return value, r.pos, true
}

// next consumes one byte if it is c.
func (r *canonicalReader) next(c byte) bool {
	if r.pos < len(r.text) && r.text[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

func (r *canonicalReader) value() (any, bool) {
	if r.pos == len(r.text) {
		return nil, false
	}
	switch c := r.text[r.pos]; c {
	case '{', '[':
		return r.nested(c)
	case '"':
		return boxed(r.string())
	case 'n':
		return nil, r.literal("null")
	case 't':
		return true, r.literal("true")
	case 'f':
		return false, r.literal("false")
	}
	return boxed(r.number())
}

func boxed[T any](v T, ok bool) (any, bool) { return v, ok }

func (r *canonicalReader) literal(word string) bool {
	if !strings.HasPrefix(r.text[r.pos:], word) {
		return false
	}
	r.pos += len(word)
	return true
}

func (r *canonicalReader) nested(opening byte) (any, bool) {
	if r.depth == MaxDepth {
		return nil, false
	}
	r.depth++
	r.pos++
	var value any
	var ok bool
	if opening == '{' {
		value, ok = boxed(r.object())
	} else {
		value, ok = boxed(r.array())
	}
	r.depth--
	return value, ok
}

func (r *canonicalReader) object() (object, bool) {
	start := len(r.open)
	if r.next('}') {
		return object{}, true
	}
	for {
		at := r.pos
		name, ok := r.string()
		if !ok {
			return nil, false
		}
		if len(r.open) > start && compareNames(r.open[len(r.open)-1].name, name) >= 0 {
			r.pos = at
			return nil, false
		}
		if !r.next(':') {
			return nil, false
		}
		v, ok := r.value()
		if !ok {
			return nil, false
		}
		r.open = append(r.open, member{name, v})
		if r.next('}') {
			return r.close(start), true
		}
		if !r.next(',') {
			return nil, false
		}
	}
}

// close takes the members of an object that ends from the open ones.
func (r *canonicalReader) close(start int) object {
	n := len(r.open) - start
	if len(r.spare) < n {
		r.spare = make([]member, max(n, spareMembers))
	}
	o := r.spare[:n:n]
	r.spare = r.spare[n:]
	copy(o, r.open[start:])
	r.open = r.open[:start]
	return o
}

func (r *canonicalReader) array() (array, bool) {
	start := len(r.open)
	if r.next(']') {
		return array{}, true
	}
	for {
		v, ok := r.value()
		if !ok {
			return nil, false
		}
		r.open = append(r.open, member{value: v})
		if r.next(']') {
			break
		}
		if !r.next(',') {
			return nil, false
		}
	}
	a := make(array, len(r.open)-start)
	for i, m := range r.open[start:] {
		a[i] = m.value
	}
	r.open = r.open[:start]
	return a, true
}

func (r *canonicalReader) string() (string, bool) {
	if !r.next('"') {
		return "", false
	}
	start := r.pos
	if !r.plain() {
		return "", false
	}
	if r.next('"') {
		return r.text[start : r.pos-1], true
	}
	var b strings.Builder
	for {
		b.WriteString(r.text[start:r.pos])
		if r.next('"') {
			return b.String(), true
		}
		c, ok := r.escape()
		if !ok {
			return "", false
		}
		b.WriteByte(c)
		start = r.pos
		if !r.plain() {
			return "", false
		}
	}
}

// plain skips characters that stand for themselves, up to a quote or backslash.
func (r *canonicalReader) plain() bool {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c == '"' || c == '\\':
			return true
		case c < ' ':
			return false
		case c < utf8.RuneSelf:
			r.pos++
		default:
			char, n := utf8.DecodeRuneInString(r.text[r.pos:])
			if char == utf8.RuneError && n == 1 {
				return false
			}
			r.pos += n
		}
	}
	return false
}

// The escapes of RFC 8785: seven short ones, and \u00xx in lower case for the
// other control characters.
const (
	shortEscapes = `"\bfnrt`
	shortMeaning = "\"\\\b\f\n\r\t"
	lowerHex     = "0123456789abcdef"
)

func (r *canonicalReader) escape() (byte, bool) {
	rest := r.text[r.pos:]
	if len(rest) < 2 {
		return 0, false
	}
	if i := strings.IndexByte(shortEscapes, rest[1]); i >= 0 {
		r.pos += 2
		return shortMeaning[i], true
	}
	if len(rest) < 6 || rest[1:4] != "u00" || rest[4] != '0' && rest[4] != '1' {
		return 0, false
	}
	low := strings.IndexByte(lowerHex, rest[5])
	c := (rest[4]-'0')<<4 | byte(low&0xf)
	if low < 0 || strings.IndexByte(shortMeaning, c) >= 0 {
		return 0, false
	}
	r.pos += 6
	return c, true
}

func (r *canonicalReader) number() (number, bool) {
	end := r.pos
	for end < len(r.text) && strings.IndexByte("+-.0123456789Ee", r.text[end]) >= 0 {
		end++
	}
	text := r.text[r.pos:end]
	if !smallInteger(text) && !canonicalNumber(text) {
		return "", false
	}
	r.pos = end
	return number(text), true
}

// smallInteger reports whether the text is an integer so short that every double
// holds it and RFC 8785 writes it like this: almost every number there is.
func smallInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if text == "0" {
		return true
	}
	if len(digits) == 0 || len(digits) > 15 || digits[0] == '0' {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// canonicalNumber asks the library how it would write the number.
func canonicalNumber(text string) bool {
	v := jsontext.Value(text)
	return len(text) > 0 && v.Canonicalize() == nil && string(v) == text
}

// appendTree writes a tree back as canonical text.
func appendTree(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case number:
		return append(b, v...)
	case string:
		return appendString(b, v)
	case array:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendTree(b, e)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i, m := range v.(object) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, m.name), ':')
		b = appendTree(b, m.value)
	}
	return append(b, '}')
}

// appendString quotes a string of a tree, which is valid UTF-8 by construction.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// pointer writes the way to a place in a tree as a JSON pointer (RFC 6901),
// quoted, ASCII only and clipped.
func pointer(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(pointerEscapes.Replace(clip(s, maxQuoted)))
	}
	return strconv.QuoteToASCII(clip(b.String(), maxPointer))
}

// maxPointer bounds a pointer in a detail, in bytes before quoting.
const maxPointer = 240

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
