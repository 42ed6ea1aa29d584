// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
	"strings"
)

// LintChange looks at what trust would take away from the trust before it, or
// open up: kinds of documents that no rule in force is about any more, rules that
// are gone or no longer in force, rules that now speak about everything, and TUF
// roles that are no longer delegated. Where either trust is nil there is nothing to compare
// but the roles.
func (t *Trust) LintChange(before *Trust, roles, rolesBefore []LintRole) []LintFinding {
	l := &linter{trust: t}
	if t != nil && t.authorities != nil && before != nil && before.authorities != nil {
		l.droppedSurfaces(before)
		l.droppedRules(before)
		l.widenedRules(before)
	}
	for _, was := range rolesBefore {
		if !slices.ContainsFunc(roles, func(r LintRole) bool { return r.Name == was.Name }) {
			l.find(LintRoleDropped, LintWarning, "root.json", "roles."+was.Name, "the role "+was.Name+" was delegated and is no longer: drivers take nothing from it any more",
				"Delegate it again, or leave it so if that is meant.")
		}
	}
	return l.found
}

// speaks reports whether a rule in force is about the role anywhere.
func (t *Trust) speaks(role Role) bool {
	return slices.ContainsFunc(t.authorities.rules, func(r *rule) bool { return !r.shadow && r.isAbout(role) })
}

func (l *linter) droppedSurfaces(before *Trust) {
	for _, role := range []Role{SandboxPolicy, GlobalPolicy, ProviderProfile, Settings} {
		if before.speaks(role) && !l.trust.speaks(role) {
			l.inAuthorities(LintSurfaceDropped, LintWarning, "rules", "Keep a rule for "+role.String()+", or leave it so if none is in use any more.",
				"a rule in force was about every %s before, and none is now: each is refused", role)
		}
	}
}

// enforced returns the rule in force of a name, nil for none.
func (t *Trust) enforced(name string) *rule {
	for _, r := range t.authorities.rules {
		if r.name == name && !r.shadow {
			return r
		}
	}
	return nil
}

func (l *linter) droppedRules(before *Trust) {
	for _, was := range before.authorities.rules {
		if was.shadow || l.trust.enforced(was.name) != nil {
			continue
		}
		how := "is gone"
		if slices.ContainsFunc(l.trust.authorities.rules, func(r *rule) bool { return r.name == was.name }) {
			how = "no longer decides"
		}
		left := "nothing it matched is allowed any more"
		if who := l.insteadOf(was); who != "" {
			left = strings.TrimPrefix(who, "; ")
		}
		l.inAuthorities(LintRuleDropped, LintWarning, "rules", "Keep the rule, or leave it so if that is meant.", "the rule %s %s: %s", quote(was.name), how, left)
	}
}

// widenedRules reports a rule that now matches any gateway, workspace, sandbox or
// name where it did not, and a new one that matches everywhere: what no rule was
// about, and so was refused, may be allowed by it.
func (l *linter) widenedRules(before *Trust) {
	for i, r := range l.trust.authorities.rules {
		if r.shadow {
			continue
		}
		at := fmt.Sprintf("rules[%d]", i)
		was := before.enforced(r.name)
		if r.allowWithoutProfile && (was == nil || !was.allowWithoutProfile) {
			l.inAuthorities(LintRuleWidened, LintWarning, at+".allowWithoutProfile", "Leave it out, or leave it so if that is meant.",
				"where the rule %s holds, credentials of providers without a profile are now released", quote(r.name))
		}
		var wider []string
		for _, g := range r.places() {
			if matchesAll(g.pattern) && (was == nil || !matchesAll(was.place(g.member))) {
				wider = append(wider, g.member)
			}
		}
		switch {
		case was == nil && len(wider) == len(r.places()) && !slices.ContainsFunc(before.authorities.rules, func(o *rule) bool { return !o.shadow && o.covers(r) }):
			l.inAuthorities(LintRuleWidened, LintWarning, at, "Name the places that the rule is for.", "the new rule %s speaks about every place: what was refused because no rule was about it may now be allowed", quote(r.name))
		case was != nil && len(wider) > 0:
			l.inAuthorities(LintRuleWidened, LintWarning, at+"."+wider[0], "Name the places that the rule is for.", "the rule %s now speaks about every %s: what was refused because no rule was about it may now be allowed",
				quote(r.name), strings.Join(wider, " and every "))
		}
	}
}

// rulePlace is one of the globs that say where a rule holds.
type rulePlace struct {
	member  string
	pattern *string
}

func (r *rule) places() []rulePlace {
	return []rulePlace{{"gateway", r.gateway}, {"workspace", r.workspace}, {"target", r.target}, {"subject", r.subject}}
}

func (r *rule) place(member string) *string {
	for _, p := range r.places() {
		if p.member == member {
			return p.pattern
		}
	}
	return nil
}

// matchesAll reports whether a glob, nil for none, fits every name.
func matchesAll(pattern *string) bool {
	return pattern == nil || *pattern != "" && strings.Trim(*pattern, "*") == ""
}
