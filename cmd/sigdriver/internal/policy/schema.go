// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"strings"
)

// The schema as data: one row for each field of a message, with what an author
// writes, what the document holds and what a change of it grants (effect.go). The
// rows of a message stand in the order in which YAML shows them. docs/documents.md
// shows the table, errors suggest names from it, and a test sees to it that each
// row that an author can write has a vector.

// message is one protobuf message, or a part of one that authors write apart.
type message struct {
	name   string // as docs/documents.md shows it
	fields []field
	// finish normalises what does not belong to one field: it gets what was
	// written by key, and what came out so far by member.
	finish func(r *reader, n *node, at place, in map[string]*value, out *value) error
	// pair names an element of a list of such messages for comparison, the closest
	// first; none for the whole element.
	pair []func(*value) string
	// judge corrects the classes of changes inside such a message, where more than
	// one field decides.
	judge func(d *differ, was, is *value, changes []Change)
	// check refuses what a gateway refuses when it arrives, in lines of which that is
	// known (ingress.go).
	check func(r *reader, n *node, at place, out *value) error
	// lacks reports whether a message in a document has not what the line would have
	// put there.
	lacks func(l Line, n *value) bool
}

// field is one row of a message.
type field struct {
	key       string // in YAML; empty where no author can write it
	member    string // in the document; empty where finish writes it, or nothing
	writes    string // the member that finish writes instead, or that is never written
	kind      kind
	of        *message // of a message, a list or a map of them
	required  bool
	option    bool              // null, also in words, is the same as absent, in a line that is not strict
	nullable  bool              // the same in a strict one
	presence  bool              // absent differs from the default: what is written stays
	omitEmpty bool              // a message without members is left out
	strict    bool              // a text that has to look like one: 1 or true without quotes is refused
	low       int64             // of an integer
	high      uint64            // of an integer
	words     map[string]string // of an enumeration: what the member holds
	exact     bool              // a word is spelled as here, and no other way
	prefix    string            // of an enumeration: what all its values begin with
	fallback  *value            // what the document holds where nothing is written
	explicit  bool              // YAML shows it also where it is absent, as it does what is required
	internal  bool              // the gateway's own
	how       string            // the normalisation, for people
	vector    string            // a document vector that sets the field
	early     bool              // the messages of the line before have it too, in its last releases
	since     Line              // the first line of OpenShell that has the row; 0 if all have
	until     Line              // the first one that has it no more; 0 if the newest has it
	effect
}

// in reports whether a line has the row.
func (f *field) in(l Line) bool { return f.since <= l && (f.until == 0 || l < f.until) }

type kind int

const (
	textKind     kind = iota // a string
	boolKind                 // true or false
	intKind                  // an integer within low and high
	wideKind                 // the same, written as a string: 64 bits
	durationKind             // seconds and nanoseconds: "1.500s"; low and high are in seconds
	secondsKind              // an integer that becomes a duration
	enumKind                 // one of words
	messageKind              // a message
	matcherKind              // an L7QueryMatcher, as text or as a mapping
	binaryKind               // a NetworkBinary, as text or as a mapping
	freeKind                 // any JSON
	textList                 // lists
	intList
	messageList
	binaryList
	textMap // maps
	messageMap
	matcherMap
	paramMap // matchers in mappings of any depth
	freeMap
)

func (f *field) isMap() bool {
	return f.kind == textMap || f.kind == messageMap || f.kind == matcherMap || f.kind == paramMap || f.kind == freeMap
}

// byKey returns the row of a key in a line.
func (m *message) byKey(l Line, key string) *field {
	for i := range m.fields {
		if f := &m.fields[i]; key != "" && f.key == key && f.in(l) {
			return f
		}
	}
	return nil
}

// byMember returns the row that a member of a document comes of: the row of the
// member itself, or else one that finish writes it for. A row of another line will
// do where the line has none.
func (m *message) byMember(l Line, name string) *field {
	var writer, other *field
	for i := range m.fields {
		switch f := &m.fields[i]; {
		case name == "" || f.member != name && f.writes != name:
		case !f.in(l):
			other = cmp.Or(other, f)
		case f.member == name:
			return f
		default:
			writer = cmp.Or(writer, f)
		}
	}
	return cmp.Or(writer, other)
}

// shown is the name under which YAML shows the field.
func (f *field) shown() string {
	if f.key == "" {
		return f.member
	}
	return f.key
}

// text, boolean and the rest keep the tables short.
func text(key, member, vector string) field {
	return field{key: key, member: member, kind: textKind, vector: vector}
}

func boolean(key, member, vector string) field {
	return field{key: key, member: member, kind: boolKind, vector: vector}
}

func texts(key, member, vector string) field {
	return field{key: key, member: member, kind: textList, vector: vector}
}

func number(key, member, vector string, low int64, high uint64) field {
	return field{key: key, member: member, kind: intKind, low: low, high: high, vector: vector}
}

func numbers(key, member, vector string, high uint64) field {
	return field{key: key, member: member, kind: intList, high: high, vector: vector}
}

func list(key, member, vector string, of *message) field {
	return field{key: key, member: member, kind: messageList, of: of, vector: vector}
}

func mapping(key, member, vector string, of *message) field {
	return field{key: key, member: member, kind: messageMap, of: of, vector: vector}
}

// section is a message that may be null.
func section(key, member, vector string, of *message) field {
	return field{key: key, member: member, kind: messageKind, of: of, option: true, vector: vector}
}

// enum is one of some words, which the document writes behind a prefix. empty is
// what an empty word stands for.
func enum(key, member, vector, prefix, empty string, words ...string) field {
	f := field{key: key, member: member, kind: enumKind, prefix: prefix, words: map[string]string{"": empty}, vector: vector}
	for _, word := range words {
		f.words[word] = prefix + strings.ToUpper(word)
	}
	return f
}

// derived is a field that the gateway writes and no author.
func derived(member string, k kind) field {
	return field{member: member, kind: k, internal: true}
}

// mode is one of some words that are spelled one way only; empty is none of them.
func mode(key, vector, prefix string, words ...string) field {
	f := field{key: key, member: key, kind: enumKind, prefix: prefix, exact: true, words: map[string]string{"": ""}, vector: vector}
	for _, word := range words {
		f.words[word] = prefix + strings.ToUpper(strings.ReplaceAll(word, "-", "_"))
	}
	return f
}

// from and till bound the lines that have the row.
//
//nolint:unparam // the next line of OpenShell will have rows of its own
func (f field) from(l Line) field { f.since = l; return f }

//nolint:unparam // as from
func (f field) till(l Line) field { f.until = l; return f }

func (f field) soon() field { f.early = true; return f }

func (f field) orNull() field { f.nullable = true; return f }

func (f field) as(member string) field { f.writes = member; return f }

func (f field) must() field { f.required = true; return f }

func (f field) becomes(how string) field { f.how = how; return f }

func (f field) optional() field { f.option = true; return f }

// kept is a field of which also the default stays, if it is written.
func (f field) kept() field { f.presence = true; return f }

func (f field) quoted() field { f.strict = true; return f }

// materialised is a text that a document holds where none is written.
func (f field) materialised(text string) field {
	f.fallback = &value{kind: jsonString, value: text}
	return f
}

func (f field) ifAny() field { f.omitEmpty = true; return f }

func (f field) shownEmpty() field { f.explicit = true; return f }

func (f field) holding(of *message) field { f.of = of; return f }

// pairBy pairs elements of lists by a member.
func pairBy(name string) []func(*value) string {
	return []func(*value) string{func(n *value) string { return n.text(name) }}
}
