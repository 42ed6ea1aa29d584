// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package authoring

import "slices"

// ProtoJSON is the gateway's word, and a gateway may be newer than this build: what
// is not in the schema is signed as it is. But it may also be a slip of the pen, so
// it is said.

// derived are members that no author writes; the verifier has its say about them.
var derived = []string{"@type", "advisorProposed", "providerCredentialed", "credentialBinding"}

// maxUnknown bounds how many unknown members are noted.
const maxUnknown = 20

// unknownMembers notes the members of ProtoJSON that the schema has not.
func (r *reader) unknownMembers(m *message, n *node, at place) {
	for i, key := range n.keys {
		f := m.byMember(key.text)
		here := at.key(key.text)
		switch {
		case f != nil && f.of != nil:
			r.unknownBelow(f, n.items[i], here)
		case f == nil && !slices.Contains(derived, key.text) && len(r.notes) < maxUnknown:
			r.note(key, here, "is no member that this build knows here"+unknownMember(m, key.text))
		}
	}
}

// unknownBelow goes on in a message, or in each of a list or map of them.
func (r *reader) unknownBelow(f *field, n *node, at place) {
	switch {
	case n.kind == listNode:
		for i, item := range n.items {
			r.unknownMembers(f.of, item, at.item(i))
		}
	case f.kind == messageMap || f.kind == matcherMap || f.kind == paramMap:
		for i, key := range n.keys {
			r.unknownMembers(f.of, n.items[i], at.key(key.text))
		}
	default:
		r.unknownMembers(f.of, n, at)
	}
}

// byMember returns the field that a member of a document comes of.
func (m *message) byMember(name string) *field {
	for i := range m.fields {
		if f := &m.fields[i]; f.member == name || f.writes == name {
			return f
		}
	}
	return nil
}
