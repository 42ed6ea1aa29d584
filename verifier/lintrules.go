// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
	"strings"
)

// rules looks at each rule: whether it can match, whether anything that it
// matches can satisfy it, and whether one person can.
func (l *linter) rules() {
	for i, r := range l.trust.authorities.rules {
		at, severity := fmt.Sprintf("rules[%d]", i), LintError
		if r.shadow {
			severity = LintWarning // it decides nothing
		}
		if why := r.neverMatches(); why != "" {
			l.inAuthorities(LintRuleNeverMatches, severity, at, "Fix the roles or globs of the rule, or take it out.", "the rule %s matches nothing: %s%s", quote(r.name), why, l.insteadOf(r))
			continue
		}
		if why := l.unsatisfiable(r); why != "" {
			if l.pins(r) {
				severity = LintWarning
				why += "; only its pinned documents pass"
			}
			l.inAuthorities(LintRuleUnsatisfiable, severity, at, "Fix what it requires; a document that it matches is denied until then.", "nobody can satisfy the rule %s: %s", quote(r.name), why)
			continue
		}
		if who := l.soleApprovers(r); len(who) > 0 {
			l.inAuthorities(LintRuleOnePerson, LintWarning, at, "Raise a threshold, or require a second authority with distinct.",
				"one person alone can let through what the rule %s matches: %s", quote(r.name), oneOf(who, "or"))
		}
	}
}

// pins reports whether a document that the rule pins can still pass.
func (l *linter) pins(r *rule) bool {
	for d := range r.pinned {
		if !l.trust.revoked.document(d) {
			return true
		}
	}
	return false
}

// unsatisfiable says why no statement made now can satisfy the rule, "" when some
// can. An authority that cannot reach its threshold whatever the rule is reported
// where it is defined.
func (l *linter) unsatisfiable(r *rule) string {
	if len(r.require) == 0 && !l.pins(r) {
		return "it requires nothing, and no document that it pins is accepted"
	}
	for _, q := range r.require {
		name := plain(q.authority.name)
		if r.maxAge > 0 && !versioned(q.predicateType) && l.trust.keyless == nil {
			return fmt.Sprintf("it has a maxAge, and without a trusted_root.json nothing shows the age of a %s", quote(q.predicateType))
		}
		if len(l.able(q.authority, nil, l.now)) < q.authority.threshold {
			return ""
		}
		if able := l.able(q.authority, r.algorithms, l.now); len(able) < q.authority.threshold {
			return fmt.Sprintf("it asks for %d of %s, and %s can sign with an algorithm that it accepts", q.authority.threshold, name, onlyOf(able))
		}
	}
	for _, pair := range r.distinct {
		union := map[*principal]bool{}
		for _, a := range pair {
			for _, p := range l.able(a, r.algorithms, l.now) {
				union[p] = true
			}
		}
		if need := pair[0].threshold + pair[1].threshold; len(union) < need {
			return fmt.Sprintf("it asks for %d different principals of %s and %s, and %s can sign", need,
				plain(pair[0].name), plain(pair[1].name), onlyOf(sortedPrincipals(union)))
		}
	}
	return ""
}

// neverMatches says why no document at any place matches the rule, "" when some
// can.
func (r *rule) neverMatches() string {
	for _, g := range []struct {
		name string
		glob *string
	}{{"gateway", r.gateway}, {"target", r.target}, {"workspace", r.workspace}} {
		switch {
		case g.glob == nil:
		case *g.glob == "" && g.name == "gateway":
			return "a gateway always has an id"
		case *g.glob == "" && g.name == "target":
			return "where a policy is served, a sandbox has a name"
		case len(strings.ReplaceAll(*g.glob, "*", "")) > MaxName:
			return fmt.Sprintf("its %s is longer than any name, which has at most %d bytes", g.name, MaxName)
		}
	}
	why := ""
	for _, role := range r.possibleRoles() {
		if why = r.missesRole(role); why == "" {
			return ""
		}
	}
	return why
}

// insteadOf names the rules in force that decide where a rule that matches nothing
// was meant to, "" for none.
func (l *linter) insteadOf(r *rule) string {
	meet := func(a, b *string) bool { return a == nil || b == nil || globsMeet(*a, *b) }
	var names []string
	for _, other := range l.trust.authorities.rules {
		if other != r && !other.shadow && other.neverMatches() == "" && slices.ContainsFunc(r.possibleRoles(), other.isAbout) &&
			meet(other.gateway, r.gateway) && meet(other.workspace, r.workspace) {
			names = append(names, other.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; where it was meant to hold decides " + oneOf(names, "and")
}

// missesRole says why the rule's subject matches no document of a role.
func (r *rule) missesRole(role Role) string {
	switch {
	case r.subject == nil:
		return ""
	case len(strings.ReplaceAll(*r.subject, "*", "")) > MaxName:
		return fmt.Sprintf("its subject is longer than any name, which has at most %d bytes", MaxName)
	case role == GlobalPolicy && !matchGlob(*r.subject, ""):
		return "a GLOBAL_POLICY is about its gateway and has no name"
	case role != GlobalPolicy && *r.subject == "":
		return fmt.Sprintf("where a policy is served, a %s has a name", role)
	case (role == SandboxPolicy || role == Settings) && r.target != nil && !globsMeet(*r.target, *r.subject):
		return fmt.Sprintf("the name of a %s is that of its sandbox, and no name fits both target and subject", role)
	}
	return ""
}

// globsMeet reports whether some name fits both globs.
func globsMeet(a, b string) bool {
	// fits[j]: what is left of a and b[j:] have a name in common, from the end.
	fits := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		diagonal := false // fits[j+1] of the row before
		for j := len(b); j >= 0; j-- {
			before := fits[j]
			switch {
			case i == len(a) && j == len(b):
				fits[j] = true
			case i < len(a) && a[i] == '*':
				fits[j] = before || j < len(b) && fits[j+1]
			case j < len(b) && b[j] == '*':
				fits[j] = fits[j+1] || i < len(a) && before
			default:
				fits[j] = i < len(a) && j < len(b) && a[i] == b[j] && diagonal
			}
			diagonal = before
		}
	}
	return fits[0]
}

// soleApprovers lists who can satisfy, all by themselves, the rule and every other rule
// in force that is certain to match whatever it matches.
func (l *linter) soleApprovers(r *rule) []string {
	if r.shadow {
		return nil
	}
	var able map[string]bool
	for _, other := range l.trust.authorities.rules {
		if other.shadow || other != r && !other.covers(r) {
			continue
		}
		if len(other.require) == 0 || len(other.distinct) > 0 {
			return nil // pinned documents only, or two people by definition
		}
		for _, q := range other.require {
			if q.authority.threshold > 1 {
				return nil
			}
			now := map[string]bool{}
			for _, p := range l.able(q.authority, other.algorithms, l.now) {
				now[p.name] = able == nil || able[p.name]
			}
			able = now
		}
	}
	var names []string
	for name, yes := range able {
		if yes {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// covers reports whether the rule surely matches whatever r matches. A role belongs
// to one surface.
func (c *rule) covers(r *rule) bool {
	for _, role := range r.possibleRoles() {
		if !slices.Contains(c.possibleRoles(), role) {
			return false
		}
	}
	within := func(outer, inner *string) bool {
		switch {
		case outer == nil:
			return true
		case inner == nil:
			return matchGlob(*outer, "*")
		}
		// A star of the inner glob is matched by a star of the outer only.
		return matchGlob(*outer, *inner)
	}
	return within(c.gateway, r.gateway) && within(c.workspace, r.workspace) && within(c.target, r.target) && within(c.subject, r.subject)
}

// surfaces reports the kinds of documents that no rule in force is about.
func (l *linter) surfaces() {
	for _, s := range []struct {
		role Role
		text string
	}{
		{SandboxPolicy, "no rule in force is about sandbox policies: every sandbox is refused"},
		{GlobalPolicy, "no rule in force is about global policies: one is refused wherever it is set"},
		{ProviderProfile, "no rule in force is about provider profiles: every sandbox with a provider is refused"},
		{Settings, "no rule in force is about gateway settings: they are refused when a gateway sends them"},
	} {
		if !slices.ContainsFunc(l.trust.authorities.rules, func(r *rule) bool {
			return !r.shadow && r.isAbout(s.role)
		}) {
			l.inAuthorities(LintSurfaceWithoutRule, LintWarning, "rules", "Add a rule for "+s.role.String()+", or leave it so if that is meant.", "%s", s.text)
		}
	}
}
