// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
	"time"
)

// floors reports the rules that let a document past a signed floor: what a rule
// pins, and what a rule without approvals accepts, has no version to compare.
func (l *linter) floors() {
	for i, r := range l.trust.authorities.rules {
		if r.shadow {
			continue
		}
		var how string
		switch {
		case l.pins(r):
			how = "the documents that it pins have"
		case !r.asksVersion():
			how = "it asks for no approval, so what it accepts has"
		default:
			continue
		}
		if l.versionAsked(r) {
			continue
		}
		for j := range l.trust.authorities.floors {
			if f := &l.trust.authorities.floors[j]; r.meetsFloor(f) {
				l.inAuthorities(LintFloorUnheeded, LintWarning, fmt.Sprintf("rules[%d]", i), "Revoke the documents that the floor was to retire, or have the rule require an approval.",
					"the rule %s goes past the signed floor floors[%d]: %s no version", quote(r.name), j, how)
				break
			}
		}
	}
}

// Beyond these, maxFloorLag is legal and probably not what was meant.
const (
	shortFloorLag = time.Second
	longFloorLag  = time.Minute
)

// floorLag reports a maxFloorLag at which drivers stop answering for a moment's delay, or
// go on long after another has retired what they allow.
func (l *linter) floorLag() {
	switch lag := l.trust.FloorLag(); {
	case lag < shortFloorLag:
		l.inAuthorities(LintFloorLag, LintWarning, "maxFloorLag", "Leave it out for 2s, unless all drivers are near their database.",
			"drivers that share a memory stop answering when they cannot read it for %s, which a slow connection is enough for", lag)
	case lag > longFloorLag:
		l.inAuthorities(LintFloorLag, LintWarning, "maxFloorLag", "Take the shortest time for which the database may be away, 2s by default.",
			"for %s after a version was retired on one driver, another that cannot read their memory still allows it", lag)
	}
}

// versionAsked reports whether another rule in force asks for a version of whatever
// the rule accepts.
func (l *linter) versionAsked(r *rule) bool {
	return slices.ContainsFunc(l.trust.authorities.rules, func(other *rule) bool {
		if other == r || other.shadow || !other.asksVersion() || !other.covers(r) {
			return false
		}
		for d := range r.pinned {
			if other.pinned[d] {
				return false
			}
		}
		return true
	})
}

// meetsFloor reports whether the rule matches some document that the floor is about.
func (r *rule) meetsFloor(f *signedFloor) bool {
	meet := func(a, b *string) bool { return a == nil || b == nil || globsMeet(*a, *b) }
	where := r.workspace
	if f.role == GlobalPolicy || f.role == ProviderProfile {
		where = nil // the floor is about whose it is, the rule about where it is enforced
	}
	return slices.Contains(r.possibleRoles(), f.role) && meet(r.gateway, f.gateway) && meet(where, f.workspace) && meet(r.subject, f.subject)
}
