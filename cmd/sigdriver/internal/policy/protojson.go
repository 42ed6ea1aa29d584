// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"maps"
	"slices"
	"strings"
)

// ProtoJSON is the gateway's word, and a gateway may be newer than this build: what
// is not in the schema is signed as it is. But it may also be a slip of the pen, so
// it is said.

// unwritten are members that no author writes, wherever they stand; the verifier has
// its say about them.
var unwritten = []string{"@type", "advisorProposed", "providerCredentialed", "credentialBinding"}

// maxUnknown bounds how many unknown members are noted.
const maxUnknown = 20

// unknownMembers notes the members of ProtoJSON that the schema has not.
func (r *reader) unknownMembers(m *message, n *node, at place) {
	for i, key := range n.keys {
		f := m.byMember(r.line, key.text)
		here := at.key(key.text)
		switch {
		case f != nil && f.internal:
		case f == nil && len(r.notes) < maxUnknown && !slices.Contains(unwritten, key.text):
			r.note(key, here, "is no member that this build knows here"+r.unknownMember(m, key.text))
		case f != nil && len(r.notes) < maxUnknown:
			r.otherType(f, n.items[i], here)
			r.unknownBelow(f, n.items[i], here)
		}
	}
}

// foreign are members that tell other files that whoever approves has at hand.
var foreign = map[string]string{
	"dsseEnvelope": "an attestation", "messageSignature": "a signature", "payloadType": "an attestation", "_type": "a Statement",
	"signed": "metadata of trust", "schema": "a file of trust", "authorities": "a file of trust",
}

// otherFile refuses an attestation or a file of trust in the place of a document, of which
// nothing would be known. A document that says what it is is what it says.
func (r *reader) otherFile(root *node) error {
	if root.get("@type") != nil || slices.ContainsFunc(root.keys, func(key *node) bool { return r.schema.byMember(r.line, key.text) != nil }) {
		return nil
	}
	for _, key := range root.keys {
		if what := foreign[key.text]; what != "" {
			return root.fail(place{}, "is %s, and no %s", what, r.schema.name)
		}
	}
	return nil
}

// otherType notes what no gateway writes there. Of null the verifier speaks.
func (r *reader) otherType(f *field, n *node, at place) {
	want := f.writtenAs()
	switch {
	case n.null() || len(r.notes) >= maxUnknown:
	case want != "" && want != n.jsonType():
		r.note(n, at, "is "+n.what()+", where a gateway writes "+want+": the digests then differ")
	case !f.knows(n):
		r.note(n, at, "is "+printable(n.text)+", which this build ("+r.line.Schema()+") does not know")
	case want == "a list" || want == "an object" && f.isMap():
		element := field{kind: elementKinds[f.kind], low: f.low, high: f.high}
		for i, item := range n.items {
			here := at.item(i)
			if n.kind == mappingNode {
				here = at.key(n.keys[i].text)
			}
			r.otherType(&element, item, here)
		}
	}
}

// unknownBelow goes on in a message, or in each of a list or map of them.
func (r *reader) unknownBelow(f *field, n *node, at place) {
	switch {
	case f.of == nil:
	case n.kind == listNode:
		for i, item := range n.items {
			r.unknownMembers(f.of, item, at.item(i))
		}
	case f.isMap():
		for i, key := range n.keys {
			r.unknownMembers(f.of, n.items[i], at.key(key.text))
		}
	default:
		r.unknownMembers(f.of, n, at)
	}
}

// writtenAs names the JSON type in which a gateway writes the field; empty for any.
func (f *field) writtenAs() string {
	switch f.kind {
	case textKind, wideKind, enumKind, durationKind, secondsKind:
		return "a text"
	case boolKind:
		return "true or false"
	case intKind:
		return "a number"
	case textList, intList, messageList, binaryList:
		return "a list"
	case freeKind:
		return ""
	}
	return "an object"
}

// knows reports whether a value of the right type is one that the field can have.
func (f *field) knows(n *node) bool {
	switch f.kind {
	case enumKind:
		return slices.Contains(slices.Collect(maps.Values(f.words)), n.text)
	case durationKind, secondsKind:
		written, ok := parseDuration(strings.TrimPrefix(n.text, "-"), f.high)
		return ok && written == strings.TrimPrefix(n.text, "-")
	case intKind, wideKind:
		_, whole := parseInteger(n.text, f.low, f.high)
		return whole || strings.ContainsAny(n.text, ".eE") && n.number // 443.0 is 443 to JSON
	}
	return true
}

// elementKinds are the kinds of what stands in a list or map.
var elementKinds = map[kind]kind{
	textList: textKind, intList: intKind, messageList: messageKind, binaryList: messageKind,
	textMap: textKind, messageMap: messageKind, matcherMap: messageKind, paramMap: messageKind, freeMap: freeKind,
}

// jsonType names the JSON type of a node that was read as JSON.
func (n *node) jsonType() string {
	switch {
	case n.kind == listNode:
		return "a list"
	case n.kind == mappingNode:
		return "an object"
	case !n.plain:
		return "a text"
	case n.number:
		return "a number"
	}
	return "true or false"
}
