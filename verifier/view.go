// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "strings"

// DocumentView is a document as Verify reads it, for people who are about to
// sign it or want to look.
type DocumentView struct {
	Role    Role
	Surface string // the full name of its message
	SHA256  [32]byte
	Name    string // a profile's id; the other roles get their name from the target
}

// ViewDocument reads a document as Verify would. With RoleUnspecified the role is
// the one that documents of its @type usually have. The finding says why Verify
// would refuse it.
func ViewDocument(role Role, body []byte) (*DocumentView, *Finding) {
	if len(body) > MaxBody {
		return nil, refuseDocument(DocumentNoncanonical, "longer than %d bytes", MaxBody)
	}
	if role == RoleUnspecified {
		guess, fault := usualRole(body)
		if fault != nil {
			return nil, fault
		}
		role = guess
	}
	doc, fault := parseDocument(&Document{Role: role, Body: body}, &Target{})
	if fault != nil {
		return nil, fault
	}
	return &DocumentView{role, doc.surface, doc.sha256, doc.subject.name}, nil
}

// usualRole is the first role that a body's @type can play.
func usualRole(body []byte) (Role, *Finding) {
	value, offset, ok := readCanonical(string(body))
	if !ok {
		return 0, nameFault(body, offset)
	}
	tree, _ := value.(object)
	kind, _ := tree.get("@type")
	name, _ := kind.(string)
	surface, _ := strings.CutPrefix(name, typePrefix)
	roles, ok := surfaceRoles[surface]
	if !ok {
		return 0, refuseDocument(DocumentSurface, `"@type" is %s, which is no document this driver knows`, quote(name))
	}
	return roles[0], nil
}
