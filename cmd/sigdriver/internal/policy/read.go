// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// reader walks nodes along the schema and collects notes on the way.
type reader struct {
	schema *message
	line   Line
	quotes bool // a text has its quotes, as in JSON that the host reads as JSON
	names  int  // bytes that the names of parameters took, each with those above it
	notes  []string
}

func (r *reader) note(n *node, at place, text string) {
	r.notes = append(r.notes, "line "+itoa(n.line)+": "+at.String()+" "+text)
}

// message reads a mapping as a message. Nothing at all is an empty one, unless the
// line is strict.
func (r *reader) message(m *message, n *node, at place) (*value, error) {
	if n.empty() && !r.line.strict() {
		n = &node{kind: mappingNode, line: n.line, column: n.column}
	}
	if n.kind != mappingNode {
		what := n.what()
		if at.up == nil && n.kind == scalarNode {
			what = "a text" // of a file that is no policy, but may be a key
		}
		return nil, n.fail(at, "is %s and must be a mapping%s", what, r.keysOf(m))
	}
	in, out := map[string]*value{}, &value{kind: jsonObject}
	for i, key := range n.keys {
		f := m.byKey(r.line, key.text)
		if f == nil {
			return nil, key.fail(at.key(key.text), "is no key that this build knows here%s", r.unknownKey(m, key.text))
		}
		value, err := r.field(f, n.items[i], at.key(key.text))
		if err != nil {
			return nil, err
		}
		in[f.key] = value
		if f.member != "" && value != nil && (f.presence || !f.leavesOut(value)) {
			out.put(f.member, value)
		}
	}
	for i := range m.fields {
		switch f := &m.fields[i]; {
		case !f.in(r.line):
		case f.required && n.get(f.key) == nil:
			return nil, n.fail(at, "has no %s, which it needs", f.key)
		case f.fallback != nil && out.get(f.member) == nil:
			fallback := *f.fallback
			out.put(f.member, &fallback)
		}
	}
	if m.finish != nil {
		if err := m.finish(r, n, at, in, out); err != nil {
			return nil, err
		}
	}
	if m.check != nil && r.line >= Line01 {
		return out, m.check(r, n, at, out)
	}
	return out, nil
}

// leavesOut reports whether a document leaves a value out, for it is the default.
func (f *field) leavesOut(v *value) bool {
	switch v.kind {
	case jsonString:
		return v.value == "" || f.kind == wideKind && v.value == "0"
	case jsonNumber:
		return v.value == "0"
	case jsonFalse:
		return true
	case jsonArray:
		return len(v.items) == 0
	case jsonObject: // of a message, that it is there says something
		return len(v.items) == 0 && (f.isMap() || f.omitEmpty)
	}
	return false
}

// field reads the value of a field. Absent is nil.
func (r *reader) field(f *field, n *node, at place) (*value, error) {
	if n.null() && (f.nullable || f.option && !r.line.strict()) {
		return nil, nil
	}
	switch f.kind {
	case textList, intList, messageList, binaryList:
		return r.list(f, n, at)
	case textMap, messageMap, matcherMap, freeMap, paramMap:
		return r.mapping(f, n, at)
	}
	return r.one(f, n, at)
}

// one reads a value that is no list and no map of the schema.
func (r *reader) one(f *field, n *node, at place) (*value, error) {
	switch f.kind {
	case textKind, textList, textMap:
		return r.text(n, at, f.strict)
	case boolKind:
		return r.bool(n, at)
	case intKind, intList, wideKind, secondsKind:
		return r.integer(f, n, at)
	case durationKind:
		return r.duration(f, n, at)
	case enumKind:
		return r.enum(f, n, at)
	case messageKind, messageList, messageMap:
		return r.message(f.of, n, at)
	case matcherKind, matcherMap:
		return r.matcher(n, at)
	case binaryKind, binaryList:
		return r.binary(f.of, n, at)
	}
	return r.free(n, at)
}

func (r *reader) list(f *field, n *node, at place) (*value, error) {
	out := &value{kind: jsonArray}
	if n.empty() && !f.strict && !r.line.strict() {
		return out, nil
	}
	if n.kind != listNode {
		return nil, n.fail(at, "is %s and must be a list", n.what())
	}
	for i, item := range n.items {
		v, err := r.one(f, item, at.item(i))
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, v)
	}
	return out, nil
}

func (r *reader) mapping(f *field, n *node, at place) (*value, error) {
	out := &value{kind: jsonObject}
	if n.empty() && !r.line.strict() {
		return out, nil
	}
	if n.kind != mappingNode {
		return nil, n.fail(at, "is %s and must be a mapping", n.what())
	}
	if f.kind == paramMap {
		return out, r.params(n, "", at, out, map[string]bool{})
	}
	for i, key := range n.keys {
		value, err := r.one(f, n.items[i], at.key(key.text))
		if err != nil {
			return nil, err
		}
		out.put(key.text, value)
	}
	return out, nil
}

// text reads a text. In line 0.0 the host takes the letters of whatever stands there,
// so 1000 without quotes is the text "1000"; null is refused, for it is a text to the
// host and nothing to everybody else. Later a text has to look like one.
func (r *reader) text(n *node, at place, strict bool) (*value, error) {
	strict = strict || r.quotes || r.line.strict()
	switch {
	case n.kind != scalarNode:
		return nil, n.fail(at, "is %s and must be a text", n.what())
	case !n.plain || n.empty() && !strict:
		return textValue(n.text), nil
	case n.null():
		return nil, n.fail(at, "is %s and must be a text: put it into quotes, or leave the key out", n.what())
	case strict && n.scalarType(r.line) != isText:
		return nil, n.fail(at, "is %s and must be a text: put it into quotes", n.what())
	}
	return textValue(n.text), nil
}

// duration reads seconds with a small s behind them. Digits that OpenShell would cut
// off silently are refused.
func (r *reader) duration(f *field, n *node, at place) (*value, error) {
	written, err := r.text(n, at, true)
	if err != nil {
		return nil, n.fail(at, "is %s and must be a duration like 300s or 1.5s", n.what())
	}
	text, ok := parseDuration(written.value, f.high)
	if !ok {
		return nil, n.fail(at, "is %s and must be a duration like 300s or 1.5s, from 0s to %ds, with at most 9 digits of fraction", printable(written.value), f.high)
	}
	return textValue(text), nil
}

func (r *reader) bool(n *node, at place) (*value, error) {
	if n.kind != scalarNode || !n.plain || classify(r.line, n.text) != isBool {
		return nil, n.fail(at, "is %s and must be true or false", n.what())
	}
	return boolValue(strings.EqualFold(n.text, "true")), nil
}

func (r *reader) integer(f *field, n *node, at place) (*value, error) {
	if n.kind != scalarNode || !n.plain {
		return nil, n.fail(at, "is %s and must be a whole number without quotes", n.what())
	}
	digits, ok := parseInteger(n.text, f.low, f.high)
	if r.line.strict() {
		digits, ok = parseWhole(n.text, f.low, f.high)
	}
	switch {
	case !ok && f.low == int64(f.high):
		return nil, n.fail(at, "is %s and must be %d", n.what(), f.low)
	case !ok:
		return nil, n.fail(at, "is %s and must be a whole number from %d to %d", n.what(), f.low, f.high)
	}
	r.noteOctal(n, at, digits)
	if f.kind == wideKind {
		return textValue(digits), nil
	}
	return numberValue(digits), nil
}

// enum reads a word as the host does: any case, "-" for "_", spaces around it, unless
// it has to be exact.
func (r *reader) enum(f *field, n *node, at place) (*value, error) {
	if n.kind != scalarNode {
		return nil, n.fail(at, "is %s and must be a text", n.what())
	}
	if r.line.strict() {
		if _, err := r.text(n, at, true); err != nil {
			return nil, err
		}
	}
	word := n.text
	if !f.exact {
		word = strings.ReplaceAll(lowerASCII(strings.TrimSpace(n.text)), "-", "_")
	}
	written, known := f.words[word]
	if !known {
		return nil, n.fail(at, "is %s, which this build (%s) does not know%s", printable(n.text), r.line.Schema(), nearest(n.text, f.names()))
	}
	return textValue(written), nil
}

func lowerASCII(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, s)
}

func (f *field) names() []string {
	var names []string
	for name := range f.words {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// free reads any JSON. What has no form there is refused, even where the host
// would make a null of it.
func (r *reader) free(n *node, at place) (*value, error) {
	switch n.kind {
	case listNode:
		out := &value{kind: jsonArray}
		for i, item := range n.items {
			v, err := r.free(item, at.item(i))
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, v)
		}
		return out, nil
	case mappingNode:
		out := &value{kind: jsonObject}
		for i, key := range n.keys {
			value, err := r.free(n.items[i], at.key(key.text))
			if err != nil {
				return nil, err
			}
			out.put(key.text, value)
		}
		return out, nil
	}
	return r.freeScalar(n, at)
}

func (r *reader) freeScalar(n *node, at place) (*value, error) {
	if !n.plain {
		return textValue(n.text), nil
	}
	switch n.scalarType(r.line) {
	case isNothing:
		return &value{kind: jsonNull}, nil
	case isBool:
		return boolValue(strings.EqualFold(n.text, "true")), nil
	case isNoNumber:
		return nil, n.fail(at, "is %s, which JSON cannot hold", n.text)
	case isInteger, isFloat:
		text, ok := numberText(n.text)
		if r.line.strict() {
			text, ok = numberTextOf01(n.text)
		}
		if !ok {
			return nil, n.fail(at, "is a number out of the range that a document can hold: put it into quotes")
		}
		if !exactInteger(text) {
			return nil, n.fail(at, "is a number that changes its value as a double: put it into quotes")
		}
		r.noteOctal(n, at, text)
		return numberValue(text), nil
	}
	return textValue(n.text), nil
}

// noteOctal says of a number with a zero in front what it is.
func (r *reader) noteOctal(n *node, at place, digits string) {
	if octalForm.MatchString(n.text) {
		r.note(n, at, "is "+digits+" to OpenShell, and another number to readers that take a 0 in front for octal")
	}
}

// exactInteger reports whether an integer of at most 64 bits is a double; a fraction
// is taken as the nearest one.
func exactInteger(text string) bool {
	if strings.ContainsAny(text, ".eE") {
		return true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	if strings.HasPrefix(text, "-") {
		n, err := strconv.ParseInt(text, 10, 64)
		return err == nil && (f == math.MinInt64 || f > math.MinInt64 && int64(f) == n)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && f < 1<<64 && uint64(f) == n
}
