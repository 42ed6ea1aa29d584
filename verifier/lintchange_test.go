// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"slices"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

var allRoles = []string{"root", "targets", "snapshot", "timestamp", "revocation", "attestations"}

func removeRule(s *vt.Scenario, rule string) {
	s.Authorities.Rules = slices.DeleteFunc(s.Authorities.Rules, func(r *vt.Rule) bool { return r.Name == rule })
}

// lintChanges each change one thing about trust that Lint has nothing to say about.
var lintChanges = []struct {
	name   string
	change func(s *vt.Scenario)
	roles  []string
	want   []string
}{
	{"nothing", func(*vt.Scenario) {}, allRoles, nil},
	{"narrower", func(s *vt.Scenario) { s.Authorities.Rule("prod sandboxes").Target = "web-*" }, allRoles, nil},
	{"any workspace", func(s *vt.Scenario) { s.Authorities.Rule("prod sandboxes").Workspace = "*" }, allRoles,
		[]string{`RULE_WIDENED warning rules[0].workspace: the rule "prod sandboxes" now speaks about every workspace`}},
	{"the workspace left out", func(s *vt.Scenario) { s.Authorities.Rule("prod sandboxes").Workspace = "" }, allRoles,
		[]string{`RULE_WIDENED warning rules[0].workspace: the rule "prod sandboxes" now speaks about every workspace`}},
	{"providers without a profile", func(s *vt.Scenario) { s.Authorities.Rule("profiles").AllowWithoutProfile = true }, allRoles,
		[]string{`RULE_WIDENED warning rules[2].allowWithoutProfile: where the rule "profiles" holds, credentials of providers without a profile are now released`}},
	{"any workspace in shadow", func(s *vt.Scenario) {
		r := *s.Authorities.Rule("prod sandboxes")
		r.Name, r.Workspace, r.Mode = "later", "*", "shadow"
		s.Authorities.Rules = append(s.Authorities.Rules, &r)
	}, allRoles, nil},
	{"a new rule for everything", func(s *vt.Scenario) {
		r := *s.Authorities.Rule("prod sandboxes")
		r.Name, r.Workspace = "everywhere", "*"
		s.Authorities.Rules = append(s.Authorities.Rules, &r)
	}, allRoles, []string{`RULE_WIDENED warning rules[4]: the new rule "everywhere" speaks about every place`}},
	{"a new rule for one workspace", func(s *vt.Scenario) {
		r := *s.Authorities.Rule("prod sandboxes")
		r.Name, r.Workspace = "staging", "staging"
		s.Authorities.Rules = append(s.Authorities.Rules, &r)
	}, allRoles, nil},
	{"a second rule where one is", func(s *vt.Scenario) {
		r := *s.Authorities.Rule("profiles")
		r.Name = "profiles again"
		s.Authorities.Rules = append(s.Authorities.Rules, &r)
	}, allRoles, nil},
	{"a surface", func(s *vt.Scenario) { removeRule(s, "profiles") }, allRoles, []string{
		`SURFACE_DROPPED warning rules: a rule in force was about every PROVIDER_PROFILE before, and none is now`,
		`RULE_DROPPED warning rules: the rule "profiles" is gone: nothing it matched is allowed any more`}},
	{"a surface to shadow", func(s *vt.Scenario) { s.Authorities.Rule("profiles").Mode = "shadow" }, allRoles, []string{
		`SURFACE_DROPPED warning rules: `, `RULE_DROPPED warning rules: the rule "profiles" no longer decides: nothing`}},
	{"a role of a surface", func(s *vt.Scenario) { s.Authorities.Rule("global policy").Roles = []string{"SANDBOX_POLICY"} }, allRoles, []string{
		`SURFACE_DROPPED warning rules: a rule in force was about every GLOBAL_POLICY before`}},
	{"a rule beside a weaker one", func(s *vt.Scenario) {
		removeRule(s, "prod sandboxes")
		solo(s, vt.Rule{Name: "weaker", Surface: vt.PolicySurface, Roles: []string{"SANDBOX_POLICY"}, Workspace: "prod", Mode: "enforce"})
	}, allRoles, []string{`RULE_DROPPED warning rules: the rule "prod sandboxes" is gone: where it was meant to hold decides weaker`}},
	{"a TUF role", func(*vt.Scenario) {}, []string{"root", "targets", "snapshot", "timestamp", "attestations"},
		[]string{`ROLE_DROPPED warning roles.revocation: the role revocation was delegated and is no longer`}},
}

// TestLintChange: what a candidate takes away or opens up, one change each.
func TestLintChange(t *testing.T) {
	named := func(names ...string) (roles []verifier.LintRole) {
		for _, name := range names {
			roles = append(roles, verifier.LintRole{Name: name})
		}
		return roles
	}
	for _, c := range lintChanges {
		t.Run(c.name, func(t *testing.T) {
			s := lintClean()
			c.change(s)
			compareLint(t, mustTrust(t, s).LintChange(mustTrust(t, lintClean()), named(c.roles...), named(allRoles...)), c.want)
		})
	}
	if found := (*verifier.Trust)(nil).LintChange(mustTrust(t, lintClean()), named(allRoles...), named(allRoles...)); len(found) != 0 {
		t.Errorf("no trust: %v", found)
	}
}
