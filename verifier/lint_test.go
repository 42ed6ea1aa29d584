// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

const lintAhead = 30 * 24 * time.Hour

// lintClean is a scenario whose trust Lint has nothing to say about.
func lintClean() *vt.Scenario {
	s := vt.AdmitPolicy()
	a := s.Authorities
	a.Authorities["platform"] = &vt.Authority{Principals: []string{"dave", "erin"}, Threshold: 2}
	a.Rules = append(a.Rules, &vt.Rule{Name: "settings", Surface: vt.SettingsSurface, Mode: "enforce",
		Require: []vt.Requirement{{Authority: "platform", PredicateType: vt.ApprovalType}}})
	s.Revocations = vt.Revocations()
	return s
}

func lint(t *testing.T, s *vt.Scenario, roles ...verifier.LintRole) []verifier.LintFinding {
	t.Helper()
	return mustTrust(t, s).Lint(s.Now, lintAhead, roles...)
}

// lintRoles are the roles of a repository that nothing is wrong with.
func lintRoles() []verifier.LintRole {
	const day = 24 * time.Hour
	return []verifier.LintRole{
		{Name: "root", Expires: vt.Now.Add(300 * day), Threshold: 2, Keys: []string{"r1", "r2", "r3"}, Validity: 365 * day},
		{Name: "targets", Expires: vt.Now.Add(60 * day), Threshold: 1, Keys: []string{"t"}, Validity: 90 * day},
		{Name: "snapshot", Expires: vt.Now.Add(5 * day), Threshold: 1, Keys: []string{"s"}, Validity: 7 * day},
		{Name: "timestamp", Expires: vt.Now.Add(20 * time.Hour), Threshold: 1, Keys: []string{"ts"}, Validity: day},
		{Name: "attestations", Expires: vt.Now.Add(60 * day), Threshold: 1, Keys: []string{"a"}, Validity: 90 * day},
	}
}

func stampAt(d time.Duration) string { return vt.Now.Add(d).Format(time.RFC3339) }

// window gives the only key of a principal a window.
func window(s *vt.Scenario, name, notBefore, notAfter string) {
	key := &s.Authorities.Principals[name].Keys[0]
	key.NotBefore, key.NotAfter = notBefore, notAfter
}

// robots adds two keyless principals, and the evidence they need.
func robots(s *vt.Scenario) *vt.Authorities {
	s.TrustedRoot = vt.NewWorld().Sigstore.TrustedRoot()
	a := s.Authorities
	a.Principals["ci"] = &vt.Principal{Identities: []vt.Identity{{Issuer: vt.Issuer, SAN: vt.Robot}}}
	a.Principals["bot"] = &vt.Principal{Identities: []vt.Identity{{Issuer: vt.Issuer, SANRegexp: `^https://bots\.example/.*$`}}}
	a.Authorities["platform"].Principals = []string{"ci", "bot"}
	return a
}

// robotPattern gives the bot another identity of the same issuer, and leaves no
// principal without an authority.
func robotPattern(s *vt.Scenario, id vt.Identity) {
	a := robots(s)
	delete(a.Principals, "dave")
	delete(a.Principals, "erin")
	id.Issuer = vt.Issuer
	a.Principals["bot"].Identities[0] = id
}

// emptyGlob gives a rule an empty glob, which is not the same as none.
func emptyGlob(s *vt.Scenario, rule, member string) {
	name := `"name":"` + rule + `",`
	s.AuthoritiesJSON = []byte(strings.Replace(string(s.Authorities.JSON()), name, name+`"`+member+`":"",`, 1))
}

// solo adds a rule that each of dave and erin can satisfy.
func solo(s *vt.Scenario, r vt.Rule) {
	s.Authorities.Authorities["one"] = &vt.Authority{Principals: []string{"dave", "erin"}, Threshold: 1}
	r.Require = []vt.Requirement{{Authority: "one", PredicateType: vt.ApprovalType}}
	s.Authorities.Rules = append(s.Authorities.Rules, &r)
}

// lintCases each change one thing about trust that Lint has nothing to say about.
var lintCases = []struct {
	name   string
	change func(s *vt.Scenario)
	want   []string // CODE severity path: part of the text
}{
	{"key ended", func(s *vt.Scenario) {
		window(s, "dave", "", stampAt(-time.Hour))
	}, []string{
		`AUTHORITY_UNREACHABLE error authorities."platform": platform asks for 2 principals and only erin can sign: dave cannot (the key ecdsa-p256`,
		`PRINCIPAL_SILENT warning principals."dave": nothing that dave signs now counts: the key ecdsa-p256`,
	}},
	{"key not begun", func(s *vt.Scenario) {
		window(s, "dave", stampAt(time.Hour), "")
	}, []string{`AUTHORITY_UNREACHABLE error authorities."platform": `, `PRINCIPAL_SILENT warning principals."dave": `}},
	{"key revoked", func(s *vt.Scenario) {
		s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("dave").SHA256()))
	}, []string{`AUTHORITY_UNREACHABLE error authorities."platform": `, `PRINCIPAL_SILENT warning principals."dave": nothing that dave signs now counts: the key `}},
	{"another key is left", func(s *vt.Scenario) {
		window(s, "dave", "", stampAt(-time.Hour))
		s.Authorities.Principals["dave"].Keys = append(s.Authorities.Principals["dave"].Keys, vt.Person("dave-2").Listed())
	}, nil},
	{"one of three gone", func(s *vt.Scenario) {
		s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("carol").SHA256()))
	}, []string{`PRINCIPAL_SILENT warning principals."carol": `}},
	{"unreachable in shadow only", func(s *vt.Scenario) {
		s.Authorities.Authorities["later"] = &vt.Authority{Principals: []string{"frank"}, Threshold: 1}
		s.Authorities.Principals["frank"] = vt.HeldBy(vt.Person("frank"))
		window(s, "frank", "", stampAt(-time.Hour))
		s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "later", Surface: vt.PolicySurface, Mode: "shadow",
			Require: []vt.Requirement{{Authority: "later", PredicateType: vt.ApprovalType}}})
	}, []string{`PRINCIPAL_SILENT warning principals."frank": `, `AUTHORITY_UNREACHABLE warning authorities."later": `}},
	{"identities without trusted_root.json", func(s *vt.Scenario) {
		robots(s)
		s.TrustedRoot = nil
		delete(s.Authorities.Principals, "dave")
		delete(s.Authorities.Principals, "erin")
	}, []string{
		`AUTHORITY_UNREACHABLE error authorities."platform": platform asks for 2 principals and nobody can sign: bot cannot (identities need a trusted_root.json`,
		`PRINCIPAL_SILENT warning principals."bot": `, `PRINCIPAL_SILENT warning principals."ci": `,
	}},
	{"identities with it", func(s *vt.Scenario) {
		robots(s)
		delete(s.Authorities.Principals, "dave")
		delete(s.Authorities.Principals, "erin")
	}, nil},
	{"identity revoked", func(s *vt.Scenario) {
		robots(s)
		s.Authorities.Authorities["platform"].Principals = []string{"ci", "bot", "dave"}
		delete(s.Authorities.Principals, "erin")
		s.Revocations = vt.Revocations(vt.Revocation{Kind: "identity", Issuer: vt.Issuer, SAN: vt.Robot})
	}, []string{`PRINCIPAL_SILENT warning principals."ci": nothing that ci signs now counts: the identity `}},
	{"a pattern fits another principal", func(s *vt.Scenario) {
		a := robots(s)
		delete(a.Principals, "dave")
		delete(a.Principals, "erin")
		a.Principals["bot"].Identities[0].SANRegexp = `^https://(bots|ci\.corp)\.example/.*$`
	}, []string{
		`IDENTITY_OVERLAP error principals."ci".identities[0]: the identity "https://ci.corp.example/release@refs/heads/main" of ci fits bot as well`,
		`AUTHORITY_UNREACHABLE error authorities."platform": platform asks for 2 principals and only bot can sign: ci cannot (the identity`,
		`PRINCIPAL_SILENT warning principals."ci": `,
	}},
	{"the pattern is for another issuer", func(s *vt.Scenario) {
		a := robots(s)
		delete(a.Principals, "dave")
		delete(a.Principals, "erin")
		a.Principals["bot"].Identities[0] = vt.Identity{Issuer: "https://other.example", SANRegexp: `^.*$`}
	}, []string{`IDENTITY_ANYBODY warning principals."bot".identities[0].sanRegexp: the pattern of bot fits people who have nothing to do with you, such as "https://host.invalid/`}},
	{"a pattern for all of GitHub", func(s *vt.Scenario) {
		robotPattern(s, vt.Identity{SANRegexp: `^https://github\.com/.*$`})
	}, []string{`IDENTITY_ANYBODY warning principals."bot".identities[0].sanRegexp: `}},
	{"a pattern for all of GitHub, held by a claim", func(s *vt.Scenario) {
		robotPattern(s, vt.Identity{SANRegexp: `^https://github\.com/.*$`, Claims: map[string]string{"sourceRepositoryURI": "https://github.com/acme/policies"}})
	}, nil},
	{"a dot between letters", func(s *vt.Scenario) {
		robotPattern(s, vt.Identity{SANRegexp: `^https://bots.example/[a-z.]+\.yml$`, Claims: map[string]string{"sourceRepositoryURIRegexp": `^https://github\.com/acme/a.b$`}})
	}, []string{
		`IDENTITY_LOOSE_DOT warning principals."bot".identities[0].sanRegexp: the dot in `,
		`IDENTITY_LOOSE_DOT warning principals."bot".identities[0].claims.sourceRepositoryURIRegexp: the dot in `,
	}},
	{"dots that are meant", func(s *vt.Scenario) {
		robotPattern(s, vt.Identity{SANRegexp: `^https://bots\.example/v[0-9.]+/.+/x.?y.*z[.]a[]x.y]b$`})
	}, nil},
	{"claims tell two principals apart", func(s *vt.Scenario) {
		a := robots(s)
		delete(a.Principals, "dave")
		delete(a.Principals, "erin")
		claimed := func(repository string) []vt.Identity {
			return []vt.Identity{{Issuer: vt.Issuer, SAN: vt.Robot, Claims: map[string]string{"sourceRepositoryURI": repository}}}
		}
		a.Principals["ci"].Identities, a.Principals["bot"].Identities = claimed("https://a.example/a"), claimed("https://a.example/b")
	}, nil},
	{"one of two that no claim tells apart", func(s *vt.Scenario) {
		a := robots(s)
		delete(a.Principals, "dave")
		delete(a.Principals, "erin")
		a.Principals["bot"].Identities = []vt.Identity{{Issuer: vt.Issuer, SAN: vt.Robot, Claims: map[string]string{"runnerEnvironment": "github-hosted"}}}
	}, []string{
		`IDENTITY_OVERLAP error principals."bot".identities[0]: the identity "https://ci.corp.example/release@refs/heads/main" of bot fits ci as well`,
		`IDENTITY_OVERLAP error principals."ci".identities[0]: the identity "https://ci.corp.example/release@refs/heads/main" of ci fits bot as well`,
		`AUTHORITY_UNREACHABLE error authorities."platform": platform asks for 2 principals and only ci can sign: bot cannot`,
		`PRINCIPAL_SILENT warning principals."bot": `,
	}},
	{"the same pattern twice", func(s *vt.Scenario) {
		a := robots(s)
		delete(a.Principals, "dave")
		delete(a.Principals, "erin")
		a.Principals["ci"].Identities = a.Principals["bot"].Identities
	}, []string{
		`IDENTITY_OVERLAP error principals."bot".identities[0]: this pattern of bot fits ci as well`,
		`IDENTITY_OVERLAP error principals."ci".identities[0]: this pattern of ci fits bot as well`,
	}},
	{"key ends soon", func(s *vt.Scenario) {
		window(s, "alice", "", stampAt(lintAhead))
	}, []string{`KEY_EXPIRES warning principals."alice".keys[0].notAfter: the key ed25519 `}},
	{"key ends a second later", func(s *vt.Scenario) {
		window(s, "alice", "", stampAt(lintAhead+time.Second))
	}, nil},
	{"a revoked key ends soon", func(s *vt.Scenario) {
		window(s, "alice", "", stampAt(time.Hour))
		s.Authorities.Principals["alice"].Keys = append(s.Authorities.Principals["alice"].Keys, vt.Person("alice-2").Listed())
		s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("alice").SHA256()))
	}, nil},
	{"key ends soon and leaves too few", func(s *vt.Scenario) {
		window(s, "dave", "", stampAt(time.Hour))
	}, []string{
		`KEY_EXPIRES warning principals."dave".keys[0].notAfter: `,
		`AUTHORITY_EXPIRES warning authorities."platform": platform asks for 2 principals, and from 2026-09-01T13:00:00Z on only erin can sign`,
	}},
	{"the next key has begun by then", func(s *vt.Scenario) {
		window(s, "dave", "", stampAt(2*time.Hour))
		next := vt.Person("dave-2").Listed()
		next.NotBefore = stampAt(time.Hour)
		s.Authorities.Principals["dave"].Keys = append(s.Authorities.Principals["dave"].Keys, next)
	}, []string{`KEY_EXPIRES warning principals."dave".keys[0].notAfter: `}},
	{"authority unused", func(s *vt.Scenario) {
		s.Authorities.Authorities["legal"] = &vt.Authority{Principals: []string{"alice"}, Threshold: 1}
	}, []string{`AUTHORITY_UNUSED warning authorities."legal": no rule asks for legal`}},
	{"principal unused", func(s *vt.Scenario) {
		s.Authorities.Principals["frank"] = vt.HeldBy(vt.Person("frank"))
	}, []string{`PRINCIPAL_UNUSED warning principals."frank": frank is in no authority`}},
	{"nothing required, nothing pinned", func(s *vt.Scenario) {
		s.Authorities.Rule("settings").Require = []vt.Requirement{}
	}, []string{`RULE_UNSATISFIABLE error rules[3]: nobody can satisfy the rule "settings": it requires nothing`}},
	{"pinned only", func(s *vt.Scenario) {
		s.Authorities.Rule("settings").Require = []vt.Requirement{}
		s.Authorities.Rule("settings").Pinned = []string{strings.Repeat("ab", 32)}
	}, nil},
	{"what is pinned is revoked", func(s *vt.Scenario) {
		s.Authorities.Rule("settings").Require = []vt.Requirement{}
		s.Authorities.Rule("settings").Pinned = []string{strings.Repeat("ab", 32)}
		s.Revocations = vt.Revocations(vt.Revoke("document", strings.Repeat("ab", 32)))
	}, []string{`RULE_UNSATISFIABLE error rules[3]: `}},
	{"algorithms leave too few", func(s *vt.Scenario) { // dave has P-256, erin Ed25519
		s.Authorities.Rule("profiles").Algorithms = []verifier.KeyAlgorithm{verifier.ECDSAP256}
	}, []string{`RULE_UNSATISFIABLE error rules[2]: nobody can satisfy the rule "profiles": it asks for 2 of platform, and only dave can sign with an algorithm that it accepts`}},
	{"algorithms leave too few beside a pin", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").Algorithms = []verifier.KeyAlgorithm{verifier.ECDSAP256}
		s.Authorities.Rule("profiles").Pinned = []string{strings.Repeat("ab", 32)}
	}, []string{`RULE_UNSATISFIABLE warning rules[2]: `}},
	{"algorithms leave enough", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").Algorithms = []verifier.KeyAlgorithm{verifier.ECDSAP256, verifier.Ed25519}
	}, nil},
	{"distinct with too few", func(s *vt.Scenario) {
		s.Authorities.Authorities["review"] = &vt.Authority{Principals: []string{"dave", "erin"}, Threshold: 1}
		r := s.Authorities.Rule("profiles")
		r.Require = append(r.Require, vt.Requirement{Authority: "review", PredicateType: vt.ApprovalType})
		r.Distinct = [][]string{{"platform", "review"}}
	}, []string{`RULE_UNSATISFIABLE error rules[2]: nobody can satisfy the rule "profiles": it asks for 3 different principals of platform and review, and only dave and erin can sign`}},
	{"distinct with enough", func(s *vt.Scenario) {
		s.Authorities.Authorities["review"] = &vt.Authority{Principals: []string{"dave", "alice"}, Threshold: 1}
		r := s.Authorities.Rule("profiles")
		r.Require = append(r.Require, vt.Requirement{Authority: "review", PredicateType: vt.ApprovalType})
		r.Distinct = [][]string{{"platform", "review"}}
	}, nil},
	{"an age that nothing shows", func(s *vt.Scenario) {
		r := s.Authorities.Rule("profiles")
		r.MaxAge, r.Require[0].PredicateType = "72h", "https://slsa.dev/provenance/v1"
	}, []string{`RULE_UNSATISFIABLE error rules[2]: nobody can satisfy the rule "profiles": it has a maxAge`}},
	{"an age that approvals show", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").MaxAge = "72h"
	}, nil},
	{"an age that a log shows", func(s *vt.Scenario) {
		s.TrustedRoot = vt.NewWorld().Sigstore.TrustedRoot()
		r := s.Authorities.Rule("profiles")
		r.MaxAge, r.Require[0].PredicateType = "72h", "https://slsa.dev/provenance/v1"
	}, nil},
	{"a gateway without an id", func(s *vt.Scenario) {
		emptyGlob(s, "profiles", "gateway")
	}, []string{`RULE_NEVER_MATCHES error rules[2]: the rule "profiles" matches nothing: a gateway always has an id`}},
	{"a sandbox without a name", func(s *vt.Scenario) {
		emptyGlob(s, "profiles", "target")
	}, []string{`RULE_NEVER_MATCHES error rules[2]: the rule "profiles" matches nothing: where a policy is served, a sandbox has a name`}},
	{"a profile without an id", func(s *vt.Scenario) {
		emptyGlob(s, "profiles", "subject")
	}, []string{`RULE_NEVER_MATCHES error rules[2]: the rule "profiles" matches nothing: where a policy is served, a PROVIDER_PROFILE has a name`}},
	{"a gateway without workspaces", func(s *vt.Scenario) { emptyGlob(s, "profiles", "workspace") }, nil},
	{"a global policy without a name", func(s *vt.Scenario) { emptyGlob(s, "global policy", "subject") }, nil},
	{"a global policy with a name", func(s *vt.Scenario) {
		s.Authorities.Rule("global policy").Subject = "web-*"
	}, []string{`RULE_NEVER_MATCHES error rules[1]: the rule "global policy" matches nothing: a GLOBAL_POLICY is about its gateway`}},
	{"a global policy with any name", func(s *vt.Scenario) {
		s.Authorities.Rule("global policy").Subject = "*"
	}, nil},
	{"target and subject apart", func(s *vt.Scenario) {
		s.Authorities.Rule("prod sandboxes").Target, s.Authorities.Rule("prod sandboxes").Subject = "web-*", "db-*"
	}, []string{`RULE_NEVER_MATCHES error rules[0]: the rule "prod sandboxes" matches nothing: the name of a SANDBOX_POLICY is that of its sandbox, and no name fits both target and subject`}},
	{"another rule decides where one matches nothing", func(s *vt.Scenario) {
		r := s.Authorities.Rule("prod sandboxes")
		r.Workspace, r.Target, r.Subject = "prod", "a*", "b*"
		solo(s, vt.Rule{Name: "anywhere", Surface: vt.PolicySurface, Roles: []string{"SANDBOX_POLICY"}, Mode: "enforce"})
		solo(s, vt.Rule{Name: "elsewhere", Surface: vt.PolicySurface, Roles: []string{"SANDBOX_POLICY"}, Workspace: "dev", Mode: "shadow"})
	}, []string{`RULE_NEVER_MATCHES error rules[0]: the rule "prod sandboxes" matches nothing: the name of a SANDBOX_POLICY is that of its sandbox, and no name fits both target and subject; where it was meant to hold decides anywhere`,
		`RULE_ONE_PERSON`}},
	{"target and subject meet", func(s *vt.Scenario) {
		s.Authorities.Rule("prod sandboxes").Target, s.Authorities.Rule("prod sandboxes").Subject = "web-*", "*-1"
	}, nil},
	{"a profile's subject is not its target's", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").Target, s.Authorities.Rule("profiles").Subject = "web-*", "db-*"
	}, nil},
	{"a name too long for any workspace", func(s *vt.Scenario) {
		s.Authorities.Rule("prod sandboxes").Workspace = strings.Repeat("w", verifier.MaxName+1)
	}, []string{`RULE_NEVER_MATCHES error rules[0]: `}},
	{"the longest name", func(s *vt.Scenario) {
		s.Authorities.Rule("prod sandboxes").Workspace = strings.Repeat("w", verifier.MaxName) + "*"
	}, nil},
	{"never matches in shadow", func(s *vt.Scenario) {
		s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "later", Surface: vt.ProfileSurface, Mode: "shadow",
			Subject: strings.Repeat("s", verifier.MaxName+1), Require: []vt.Requirement{{Authority: "platform", PredicateType: vt.ApprovalType}}})
	}, []string{`RULE_NEVER_MATCHES warning rules[4]: `}},
	{"one person", func(s *vt.Scenario) {
		s.Authorities.Authorities["platform"].Threshold = 1
	}, []string{
		`RULE_ONE_PERSON warning rules[2]: one person alone can let through what the rule "profiles" matches: dave or erin`,
		`RULE_ONE_PERSON warning rules[3]: one person alone can let through what the rule "settings" matches: dave or erin`,
	}},
	{"one person in shadow", func(s *vt.Scenario) {
		solo(s, vt.Rule{Name: "solo", Surface: vt.PolicySurface, Mode: "shadow"})
	}, nil},
	{"one person, and two for another surface", func(s *vt.Scenario) {
		s.Authorities.Rule("settings").Mode = "shadow"
		solo(s, vt.Rule{Name: "solo", Surface: vt.SettingsSurface, Mode: "enforce"})
	}, []string{`RULE_ONE_PERSON warning rules[4]: `}},
	{"one person, and two for another role", func(s *vt.Scenario) {
		s.Authorities.Rule("prod sandboxes").Mode = "shadow"
		solo(s, vt.Rule{Name: "solo", Surface: vt.PolicySurface, Roles: []string{"SANDBOX_POLICY"}, Mode: "enforce"})
	}, []string{`RULE_ONE_PERSON warning rules[4]: `}},
	{"one person, and two in one workspace of many", func(s *vt.Scenario) {
		solo(s, vt.Rule{Name: "solo", Surface: vt.PolicySurface, Roles: []string{"SANDBOX_POLICY"}, Mode: "enforce"})
	}, []string{`RULE_ONE_PERSON warning rules[4]: `}},
	{"one person, and two in another workspace", func(s *vt.Scenario) {
		solo(s, vt.Rule{Name: "solo", Surface: vt.PolicySurface, Roles: []string{"SANDBOX_POLICY"}, Workspace: "prod*", Mode: "enforce"})
	}, []string{`RULE_ONE_PERSON warning rules[4]: `}},
	{"one person, and two in the same workspace", func(s *vt.Scenario) {
		solo(s, vt.Rule{Name: "solo", Surface: vt.PolicySurface, Roles: []string{"SANDBOX_POLICY"}, Workspace: "prod", Mode: "enforce"})
	}, nil},
	{"one person, and two in shadow", func(s *vt.Scenario) {
		s.Authorities.Rule("settings").Mode = "shadow"
		s.Authorities.Rule("settings").Surface = vt.ProfileSurface
		s.Authorities.Rule("profiles").Surface = vt.SettingsSurface
		solo(s, vt.Rule{Name: "solo", Surface: vt.ProfileSurface, Mode: "enforce"})
	}, []string{`RULE_ONE_PERSON warning rules[4]: `}},
	{"one person, for pinned documents only", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").Require, s.Authorities.Rule("profiles").Pinned = []vt.Requirement{}, []string{strings.Repeat("ab", 32)}
		solo(s, vt.Rule{Name: "solo", Surface: vt.ProfileSurface, Mode: "enforce"})
	}, nil},
	{"one person, if it were not for a wider rule", func(s *vt.Scenario) {
		s.Authorities.Authorities["one"] = &vt.Authority{Principals: []string{"dave", "erin"}, Threshold: 1}
		s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "more", Surface: vt.ProfileSurface, Workspace: "prod-*", Mode: "enforce",
			Require: []vt.Requirement{{Authority: "one", PredicateType: vt.ApprovalType}}})
	}, nil},
	{"one person, for a wider rule that two of their hats satisfy", func(s *vt.Scenario) {
		s.Authorities.Authorities["platform"].Threshold = 1
		s.Authorities.Authorities["one"] = &vt.Authority{Principals: []string{"dave", "alice"}, Threshold: 1}
		s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "more", Surface: vt.ProfileSurface, Workspace: "prod-*", Mode: "enforce",
			Require: []vt.Requirement{{Authority: "one", PredicateType: vt.ApprovalType}}})
	}, []string{
		`RULE_ONE_PERSON warning rules[2]: `, `RULE_ONE_PERSON warning rules[3]: `,
		`RULE_ONE_PERSON warning rules[4]: one person alone can let through what the rule "more" matches: dave`,
	}},
	{"one person twice over, who must be two", func(s *vt.Scenario) {
		s.Authorities.Authorities["platform"].Threshold = 1
		s.Authorities.Authorities["review"] = &vt.Authority{Principals: []string{"dave", "erin"}, Threshold: 1}
		for _, name := range []string{"profiles", "settings"} {
			r := s.Authorities.Rule(name)
			r.Require = append(r.Require, vt.Requirement{Authority: "review", PredicateType: vt.ApprovalType})
			r.Distinct = [][]string{{"platform", "review"}}
		}
	}, nil},
	{"a pin past a signed floor", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").Pinned = []string{strings.Repeat("ab", 32)}
		s.Authorities.Floors = []vt.SignedFloor{{Role: "SANDBOX_POLICY", Version: "3"}, {Role: "PROVIDER_PROFILE", Subject: "forge", Version: "3"}}
	}, []string{`FLOOR_UNHEEDED warning rules[2]: the rule "profiles" goes past the signed floor floors[1]: the documents that it pins have no version`}},
	{"a pin that another rule asks a version of", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").Pinned = []string{strings.Repeat("ab", 32)}
		s.Authorities.Floors = []vt.SignedFloor{{Role: "PROVIDER_PROFILE", Version: "3"}}
		s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "more", Surface: vt.ProfileSurface, Mode: "enforce",
			Require: []vt.Requirement{{Authority: "security", PredicateType: vt.ApprovalType}}})
	}, nil},
	{"a pin beside a floor for others", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").Subject = "mirror*"
		s.Authorities.Rule("profiles").Pinned = []string{strings.Repeat("ab", 32)}
		s.Authorities.Floors = []vt.SignedFloor{{Role: "PROVIDER_PROFILE", Subject: "forge", Version: "3"}}
	}, nil},
	{"a rule without approvals past a signed floor", func(s *vt.Scenario) {
		s.Authorities.Rule("profiles").Require[0].PredicateType = vt.ProvenanceType
		s.Authorities.Floors = []vt.SignedFloor{{Role: "PROVIDER_PROFILE", Version: "3"}}
	}, []string{`FLOOR_UNHEEDED warning rules[2]: the rule "profiles" goes past the signed floor floors[0]: it asks for no approval, so what it accepts has no version`}},
	{"a short maxFloorLag", func(s *vt.Scenario) {
		s.Authorities.MaxFloorLag = "500ms"
	}, []string{`FLOOR_LAG warning maxFloorLag: drivers that share a memory stop answering when they cannot read it for 500ms, which a slow connection is enough for`}},
	{"no rule for a surface", func(s *vt.Scenario) {
		s.Authorities.Rule("settings").Mode = "shadow"
	}, []string{`SURFACE_WITHOUT_RULE warning rules: no rule in force is about gateway settings`}},
	{"no rule for a role", func(s *vt.Scenario) {
		s.Authorities.Rule("global policy").Roles = []string{"SANDBOX_POLICY"}
	}, []string{`SURFACE_WITHOUT_RULE warning rules: no rule in force is about global policies`}},
	{"revocations.json refused", func(s *vt.Scenario) {
		s.Revocations = []byte(`{}`)
	}, []string{`REVOCATIONS_REFUSED error : drivers do not take it: `}},
}

func TestLint(t *testing.T) {
	if got := lint(t, lintClean(), lintRoles()...); len(got) != 0 {
		t.Fatalf("the clean trust: %v", got)
	}
	for _, c := range lintCases {
		t.Run(c.name, func(t *testing.T) {
			s := lintClean()
			c.change(s)
			compareLint(t, lint(t, s, lintRoles()...), c.want)
		})
	}
}

func compareLint(t *testing.T, got []verifier.LintFinding, want []string) {
	t.Helper()
	for i, f := range got {
		text := fmt.Sprintf("%s %s %s: %s", f.Code, f.Severity, f.Path, f.Text)
		if i >= len(want) || !strings.HasPrefix(text, want[i]) {
			t.Errorf("finding %d: %s", i, text)
		}
		if f.File == "" || f.Remedy == "" || !utf8.ValidString(f.Text) || len(f.Text) > verifier.MaxDetail {
			t.Errorf("finding %d is not whole: %+v", i, f)
		}
		if i > 0 && got[i-1].Severity == verifier.LintWarning && f.Severity == verifier.LintError {
			t.Errorf("finding %d: an error after a warning", i)
		}
	}
	if len(got) < len(want) {
		t.Errorf("%d findings, want %q", len(got), want)
	}
}

// TestLintRoles changes one thing about the roles of a repository.
func TestLintRoles(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(roles []verifier.LintRole)
		want   []string
	}{
		{"root needs one key", func(r []verifier.LintRole) { r[0].Threshold = 1 }, []string{"ROOT_THRESHOLD warning roles.root.threshold: "}},
		{"root needs all keys", func(r []verifier.LintRole) { r[0].Threshold = 3 }, []string{"ROOT_NO_SPARE warning roles.root.keyids: "}},
		{"one key for two roles", func(r []verifier.LintRole) { r[3].Keys = r[2].Keys }, []string{"ROLE_SHARED_KEY warning roles.timestamp: the key s holds snapshot and timestamp"}},
		{"root expires", func(r []verifier.LintRole) { r[0].Expires = vt.Now.Add(lintAhead) }, []string{"ROLE_EXPIRES warning expires: it expires at "}},
		{"root expires a second later", func(r []verifier.LintRole) { r[0].Expires = vt.Now.Add(lintAhead + time.Second) }, nil},
		{"targets expire", func(r []verifier.LintRole) { r[1].Expires = vt.Now.Add(lintAhead) }, []string{"ROLE_EXPIRES warning expires: it expires at "}},
		{"a quarter of a day is left", func(r []verifier.LintRole) { r[3].Expires = vt.Now.Add(6 * time.Hour) }, []string{"ROLE_EXPIRES warning "}},
		{"and a second more", func(r []verifier.LintRole) { r[3].Expires = vt.Now.Add(6*time.Hour + time.Second) }, nil},
		{"nobody says how long it lives", func(r []verifier.LintRole) { r[3].Validity = 0 }, []string{"ROLE_EXPIRES warning "}},
		{"expired", func(r []verifier.LintRole) { r[1].Expires = vt.Now }, []string{"ROLE_EXPIRED error expires: it expired at "}},
		{"attestations expired", func(r []verifier.LintRole) { r[4].Expires = vt.Now }, []string{"ROLE_EXPIRED warning expires: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			roles := lintRoles()
			c.change(roles)
			compareLint(t, lint(t, lintClean(), roles...), c.want)
		})
	}
	var none *verifier.Trust
	if got := none.Lint(vt.Now, lintAhead); len(got) != 0 {
		t.Errorf("no trust: %v", got)
	}
}

// TestLintCodes looks for a case of every code.
func TestLintCodes(t *testing.T) {
	seen := map[verifier.LintCode]bool{}
	note := func(list []verifier.LintFinding) {
		for _, f := range list {
			seen[f.Code] = true
		}
	}
	for _, c := range lintCases {
		s := lintClean()
		c.change(s)
		note(lint(t, s))
	}
	note(lint(t, lintClean(), verifier.LintRole{Name: "root", Threshold: 1, Expires: vt.Now}, verifier.LintRole{Name: "targets", Keys: []string{"k", "k"}, Expires: vt.Now.Add(time.Hour)},
		verifier.LintRole{Name: "root", Threshold: 2, Keys: []string{"a", "b"}}))
	note(lintEnding(t))
	for _, c := range lintChanges {
		s := lintClean()
		c.change(s)
		note(mustTrust(t, s).LintChange(mustTrust(t, lintClean()), nil, []verifier.LintRole{{Name: "revocation"}}))
	}
	for _, code := range verifier.LintCodes() {
		if !seen[code] {
			t.Errorf("%s has no case", code)
		}
		delete(seen, code)
	}
	if len(seen) > 0 {
		t.Errorf("not in LintCodes: %v", seen)
	}
}

// TestSharedKeysNeedNoLint: one key under two principals refuses the whole file,
// and so does one exact identity.
func TestSharedKeysNeedNoLint(t *testing.T) {
	for name, share := range map[string]func(a *vt.Authorities){
		"key":      func(a *vt.Authorities) { a.Principals["erin"].Keys = a.Principals["dave"].Keys },
		"identity": func(a *vt.Authorities) { a.Principals["bot"].Identities = a.Principals["ci"].Identities },
	} {
		s := lintClean()
		robots(s)
		mustTrust(t, s)
		share(s.Authorities)
		var refused *verifier.TrustError
		if _, err := verifier.ParseTrust(s.Source()); !errors.As(err, &refused) || !strings.Contains(refused.Text, "one principal's") {
			t.Errorf("a shared %s: %v, want a TrustError", name, err)
		}
	}
}

// TestLintSaysWhatVerifyDoes holds the two worst findings against decisions: a rule
// that nobody can satisfy refuses everybody's approvals, one person's takes one.
func TestLintSaysWhatVerifyDoes(t *testing.T) {
	s := lintClean()
	if d, err := s.Decide(); err != nil || d.Verdict != verifier.Allow {
		t.Fatalf("%v %v", d.Reason, err)
	}
	s.Authorities.Rule("prod sandboxes").Algorithms = []verifier.KeyAlgorithm{verifier.Ed25519} // alice only
	s.Approve(0, "alice", "bob", "carol")
	d, err := s.Decide()
	if err != nil || d.Verdict == verifier.Allow || !hasLint(lint(t, s), verifier.LintRuleUnsatisfiable) {
		t.Errorf("%v %v %v", d.Reason, err, lint(t, s))
	}
	s = lintClean()
	s.Authorities.Authorities["security"].Threshold = 1
	s.Approve(0, "carol")
	if d, err = s.Decide(); err != nil || d.Verdict != verifier.Allow || !hasLint(lint(t, s), verifier.LintRuleOnePerson) {
		t.Errorf("%v %v %v", d.Reason, err, lint(t, s))
	}
}

func hasLint(list []verifier.LintFinding, code verifier.LintCode) bool {
	return slices.ContainsFunc(list, func(f verifier.LintFinding) bool { return f.Code == code })
}

// TestLintFloorLag: at its edges maxFloorLag is as it should be, and one past them it is not.
func TestLintFloorLag(t *testing.T) {
	for lag, want := range map[string]string{
		"": "", "1s": "", "1m": "",
		"999999999ns":   "stop answering when they cannot read it for 999.999999ms",
		"500ms":         "stop answering when they cannot read it for 500ms",
		"60000000001ns": "for 1m0.000000001s after a version was retired",
		"10m":           "for 10m0s after a version was retired",
	} {
		s := lintClean()
		s.Authorities.MaxFloorLag = lag
		found := lint(t, s, lintRoles()...)
		if want == "" && len(found) == 0 {
			continue
		}
		if len(found) != 1 || want == "" || found[0].Code != verifier.LintFloorLag || found[0].Severity != verifier.LintWarning || found[0].Path != "maxFloorLag" || !strings.Contains(found[0].Text, want) {
			t.Errorf("%q: %+v", lag, found)
		}
	}
}
