// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"maps"
	"slices"
	"strings"
	"time"
)

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

// GlobMatches reports whether a glob, of a rule or of an approval's scope, matches.
func GlobMatches(glob, s string) bool { return matchGlob(glob, s) }

// RuleView is one rule, for people. The globs are nil where anything matches.
type RuleView struct {
	Name                                string
	Surface                             string
	Roles                               []Role // empty: any the surface can play
	Gateway, Workspace, Target, Subject *string
	Shadow                              bool
	Require                             []RequirementView
	Distinct                            [][2]string // names of authorities
	Pinned                              int         // how many digests satisfy it without signatures
	MaxAge                              time.Duration
	Algorithms                          []KeyAlgorithm // sorted; nil: all that are accepted
	SubjectName                         bool           // a Statement's subject must have the document's name
}

// RequirementView is one authority that must have approved, for people.
type RequirementView struct {
	Authority     string
	Principals    []string // sorted
	Threshold     int
	PredicateType string
}

// Rules returns all rules, in the order of authorities.json.
func (t *Trust) Rules() []RuleView {
	if t == nil || t.authorities == nil {
		return nil
	}
	views := make([]RuleView, len(t.authorities.rules))
	for i, r := range t.authorities.rules {
		views[i] = r.view()
	}
	return views
}

// RulesFor returns the rules that match a document where it would be enforced,
// and the floor that the signed floors set for its subject, 0 for none. A
// document that Verify would not read has neither.
func (t *Trust) RulesFor(d *Document, target *Target) (rules []RuleView, floor uint64) {
	doc, fault := parseDocument(d, target)
	if fault != nil || t == nil || t.authorities == nil {
		return nil, 0
	}
	for _, r := range t.authorities.rules {
		if r.matches(doc, target) {
			rules = append(rules, r.view())
		}
	}
	return rules, t.signedFloor(doc.floors.own)
}

func (r *rule) view() RuleView {
	v := RuleView{
		Name: r.name, Surface: r.surface, Roles: slices.Clone(r.roles),
		Gateway: r.gateway, Workspace: r.workspace, Target: r.target, Subject: r.subject,
		Shadow: r.shadow, Pinned: len(r.pinned), MaxAge: r.maxAge, SubjectName: r.subjectName,
	}
	if r.algorithms != nil {
		v.Algorithms = slices.Sorted(maps.Keys(r.algorithms))
	}
	for _, q := range r.require {
		need := RequirementView{Authority: q.authority.name, Threshold: q.authority.threshold, PredicateType: q.predicateType}
		for p := range q.authority.members {
			need.Principals = append(need.Principals, p.name)
		}
		slices.Sort(need.Principals)
		v.Require = append(v.Require, need)
	}
	for _, pair := range r.distinct {
		v.Distinct = append(v.Distinct, [2]string{pair[0].name, pair[1].name})
	}
	return v
}
