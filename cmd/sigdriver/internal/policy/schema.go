// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

// The schema as data. docs/documents.md shows it, errors suggest names from it, and
// a test sees to it that each field has a vector.

// message is the YAML form of one protobuf message, or of a part of one.
type message struct {
	name   string // as docs/documents.md shows it
	fields []field
	// finish normalises what does not belong to one field: it gets what was
	// written by key, and what came out so far by member.
	finish func(r *reader, n *node, at place, in map[string]any, out *object) error
}

// field is one key of a message.
type field struct {
	key      string // in YAML
	member   string // in the document; empty where finish writes it
	writes   string // the member that finish writes instead, or that is never written
	kind     kind
	of       *message // of a message, a list or a map of them
	required bool
	option   bool              // null, also in words, is the same as absent
	presence bool              // absent differs from the default: what is written stays
	strict   bool              // a text that has to look like one: 1 or true without quotes is refused
	low      int64             // of an integer
	high     uint64            // of an integer
	words    map[string]string // of an enumeration: what the member holds
	how      string            // the normalisation, for people
	vector   string            // a document vector that sets the field
}

type kind int

const (
	textKind    kind = iota // a string
	boolKind                // true or false
	intKind                 // an integer within low and high
	wideKind                // the same, written as a string: 64 bits
	enumKind                // one of words
	messageKind             // a message
	matcherKind             // an L7QueryMatcher, as text or as a mapping
	binaryKind              // a NetworkBinary, as text or as a mapping
	freeKind                // any JSON
	textList                // lists
	intList
	messageList
	binaryList
	textMap // maps
	messageMap
	matcherMap
	paramMap // matchers in mappings of any depth
	freeMap
)

// byKey returns the field of a key.
func (m *message) byKey(key string) *field {
	for i := range m.fields {
		if m.fields[i].key == key {
			return &m.fields[i]
		}
	}
	return nil
}

// each calls f for each message that can stand below m, and m itself, once.
func (m *message) each(f func(*message)) {
	seen := map[*message]bool{}
	var walk func(*message)
	walk = func(m *message) {
		if seen[m] {
			return
		}
		seen[m] = true
		f(m)
		for _, field := range m.fields {
			if field.of != nil {
				walk(field.of)
			}
		}
	}
	walk(m)
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

func list(key, member, vector string, of *message) field {
	return field{key: key, member: member, kind: messageList, of: of, vector: vector}
}

func (f field) as(member string) field { f.writes = member; return f }

func (f field) must() field { f.required = true; return f }

func (f field) says(how string) field { f.how = how; return f }

func (f field) optional() field { f.option = true; return f }
