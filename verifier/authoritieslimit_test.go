// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// refusedAt parses the trust of a scenario and returns where authorities.json was
// refused; false when it was taken.
func refusedAt(t *testing.T, s *vt.Scenario) (string, bool) {
	t.Helper()
	_, err := verifier.ParseTrust(s.Source())
	if err == nil {
		return "", false
	}
	var refused *verifier.TrustError
	if !errors.As(err, &refused) || refused.File != "authorities.json" {
		t.Fatalf("%v, want a *TrustError about authorities.json", err)
	}
	return refused.Path, true
}

// TestAuthoritiesCounts: as many as the limit of everything that is counted, and
// not one more.
func TestAuthoritiesCounts(t *testing.T) {
	for _, c := range []struct {
		path  string
		limit int
		set   func(*vt.Authorities, int)
	}{
		{"rules", verifier.MaxRules, func(a *vt.Authorities, n int) {
			for i := len(a.Rules); i < n; i++ {
				rule := *a.Rules[0]
				rule.Name = fmt.Sprint("rule ", i)
				a.Rules = append(a.Rules, &rule)
			}
		}},
		{"authorities", verifier.MaxAuthorities, func(a *vt.Authorities, n int) {
			for i := len(a.Authorities); i < n; i++ {
				a.Authorities[fmt.Sprint("authority ", i)] = a.Authorities["platform"]
			}
		}},
		{"principals", verifier.MaxPrincipals, func(a *vt.Authorities, n int) {
			for i := len(a.Principals); i < n; i++ {
				a.Principals[fmt.Sprint("robot ", i)] = &vt.Principal{Identities: []vt.Identity{{Issuer: vt.Issuer, SAN: fmt.Sprint(i)}}}
			}
		}},
		{"principals", verifier.MaxIdentities, func(a *vt.Authorities, n int) {
			for i := range n {
				a.Principals["dave"].Identities = append(a.Principals["dave"].Identities, vt.Identity{Issuer: vt.Issuer, SAN: fmt.Sprint(i)})
			}
		}},
		{"principals", verifier.MaxKeys, func(a *vt.Authorities, n int) {
			for i := len(a.Principals); i < n; i++ { // each has one
				key := vt.NewKey(fmt.Sprint("key ", i), verifier.Ed25519)
				a.Principals["dave"].Keys = append(a.Principals["dave"].Keys, key.Listed())
			}
		}},
	} {
		for _, over := range []int{0, 1} {
			s := vt.AdmitProfile()
			c.set(s.Authorities, c.limit+over)
			if at, refused := refusedAt(t, s); refused != (over == 1) || at != strings.Repeat(c.path, over) {
				t.Errorf("%d of %s: refused %t at %q", c.limit+over, c.path, refused, at)
			}
		}
	}
}

// TestAuthoritiesFaultsAreNamed: what a list of rules or people must not hold, and
// where the file is said to be wrong.
func TestAuthoritiesFaultsAreNamed(t *testing.T) {
	long := strings.Repeat("n", verifier.MaxName+1)
	named := func(name string) func(*vt.Authorities) { return func(a *vt.Authorities) { a.Rules[1].Name = name } }
	identity := func(id vt.Identity) func(*vt.Authorities) {
		return func(a *vt.Authorities) { a.Principals["dave"].Identities = []vt.Identity{id} }
	}
	pairs := func(pairs ...[]string) func(*vt.Authorities) {
		return func(a *vt.Authorities) {
			a.Rules[1].Require = append(a.Rules[1].Require, vt.Requirement{Authority: "platform", PredicateType: vt.ApprovalType})
			a.Rules[1].Distinct = pairs
		}
	}
	for name, c := range map[string]struct {
		change func(*vt.Authorities)
		at     string
	}{
		"a requirement of nobody":         {func(a *vt.Authorities) { a.Rules[1].Require[0].Authority = "nobody" }, "rules[1].require[0]"},
		"a requirement of no type":        {func(a *vt.Authorities) { a.Rules[1].Require[0].PredicateType = "" }, "rules[1].require[0]"},
		"a requirement twice":             {func(a *vt.Authorities) { r := a.Rules[1]; r.Require = append(r.Require, r.Require[0]) }, "rules[1].require[1]"},
		"two rules of one name":           {named("prod sandboxes"), "rules[1].name"},
		"a rule without a name":           {named(""), "rules[1].name"},
		"a rule with a control character": {named("a\x1b[2J"), "rules[1].name"},
		"a rule with a delete character":  {named("a\x7f"), "rules[1].name"},
		"a rule with a long name":         {named(long), "rules[1].name"},
		"a principal with a long name":    {func(a *vt.Authorities) { a.Principals[long] = a.Principals["dave"] }, `principals."` + long[:64]},
		"a principal with a line feed":    {func(a *vt.Authorities) { a.Principals["a\nb"] = a.Principals["dave"] }, `principals."a\nb"`},
		"an authority without a name":     {func(a *vt.Authorities) { a.Authorities[""] = a.Authorities["platform"] }, `authorities.""`},
		"a principal of nothing":          {func(a *vt.Authorities) { a.Principals["nobody"] = &vt.Principal{} }, `principals."nobody"`},
		"one key twice":                   {func(a *vt.Authorities) { p := a.Principals["dave"]; p.Keys = append(p.Keys, p.Keys[0]) }, `principals."dave".keys[1]`},
		"a window of nothing": {func(a *vt.Authorities) {
			k := &a.Principals["dave"].Keys[0]
			k.NotBefore, k.NotAfter = "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
		}, `principals."dave".keys[0]`},
		"a window that is no time":       {func(a *vt.Authorities) { a.Principals["dave"].Keys[0].NotAfter = "tomorrow" }, `principals."dave".keys[0].notAfter`},
		"an identity without an issuer":  {identity(vt.Identity{SAN: "dave"}), `principals."dave".identities[0]`},
		"an identity without a name":     {identity(vt.Identity{Issuer: "i"}), `principals."dave".identities[0]`},
		"an identity with two names":     {identity(vt.Identity{Issuer: "i", SAN: "dave", SANRegexp: "^dave$"}), `principals."dave".identities[0]`},
		"a pattern without its end":      {identity(vt.Identity{Issuer: "i", SANRegexp: "^dave"}), `principals."dave".identities[0].sanRegexp`},
		"a pattern of an escaped dollar": {identity(vt.Identity{Issuer: "i", SANRegexp: `^dave\\\$`}), `principals."dave".identities[0].sanRegexp`},
		"one pair of three":              {pairs([]string{"security", "platform", "security"}), "rules[1].distinct[0]"},
		"one pair of one":                {pairs([]string{"security"}), "rules[1].distinct[0]"},
		"a pair of nobody":               {pairs([]string{"security", "nobody"}), "rules[1].distinct[0]"},
		"a pair twice":                   {pairs([]string{"security", "platform"}, []string{"platform", "security"}), "rules[1].distinct[1]"},
		"an authority in two requirements": {func(a *vt.Authorities) {
			pairs([]string{"security", "platform"})(a)
			a.Rules[1].Require = append(a.Rules[1].Require, vt.Requirement{Authority: "platform", PredicateType: vt.ProvenanceType})
		}, "rules[1].distinct[0]"},
		"a pin in upper case":   {func(a *vt.Authorities) { a.Rules[1].Pinned = []string{strings.Repeat("AB", 32)} }, "rules[1].pinned[0]"},
		"a pin that is short":   {func(a *vt.Authorities) { a.Rules[1].Pinned = []string{strings.Repeat("ab", 31)} }, "rules[1].pinned[0]"},
		"a pin with a slash":    {func(a *vt.Authorities) { a.Rules[1].Pinned = []string{strings.Repeat("/0", 32)} }, "rules[1].pinned[0]"},
		"a pin with a colon":    {func(a *vt.Authorities) { a.Rules[1].Pinned = []string{strings.Repeat(":0", 32)} }, "rules[1].pinned[0]"},
		"a pin with a backtick": {func(a *vt.Authorities) { a.Rules[1].Pinned = []string{strings.Repeat("`0", 32)} }, "rules[1].pinned[0]"},
		"a pin with a g":        {func(a *vt.Authorities) { a.Rules[1].Pinned = []string{strings.Repeat("g0", 32)} }, "rules[1].pinned[0]"},
		"a maxAge below zero":   {func(a *vt.Authorities) { a.Rules[1].MaxAge = "-1s" }, "rules[1].maxAge"},
		"a maxAge of no unit":   {func(a *vt.Authorities) { a.Rules[1].MaxAge = "72" }, "rules[1].maxAge"},
		"too much evidence":     {func(a *vt.Authorities) { a.Keyless = &vt.Keyless{Tlogs: verifier.MaxTlogEntries + 1} }, "keyless"},
		"too many times":        {func(a *vt.Authorities) { a.Keyless = &vt.Keyless{Timestamps: verifier.MaxTimestamps + 1} }, "keyless"},
		"too many promises":     {func(a *vt.Authorities) { a.Keyless = &vt.Keyless{Tlogs: 1, SCTs: 9} }, "keyless"},
		"a promise below zero":  {func(a *vt.Authorities) { a.Keyless = &vt.Keyless{Tlogs: 1, SCTs: -1} }, "keyless"},
		"a time below zero":     {func(a *vt.Authorities) { a.Keyless = &vt.Keyless{Tlogs: 1, Timestamps: -1} }, "keyless"},
		"a driver of no number": {func(a *vt.Authorities) { a.MinDriverVersion = "1.2.x" }, "minDriverVersion"},
		"a driver below zero":   {func(a *vt.Authorities) { a.MinDriverVersion = "1.-2.3" }, "minDriverVersion"},
		"a restored thing of two kinds": {func(a *vt.Authorities) {
			a.Restored = []vt.Revocation{{Kind: "key", SHA256: strings.Repeat("ab", 32), SAN: "dave"}}
		}, "restored[0]"},
	} {
		s := vt.AdmitProfile()
		c.change(s.Authorities)
		if at, refused := refusedAt(t, s); !refused || !strings.HasPrefix(at, c.at) {
			t.Errorf("%s: refused %t at %q, want %q", name, refused, at, c.at)
		}
	}
	s := vt.AdmitProfile()
	s.Authorities.Keyless = &vt.Keyless{Tlogs: verifier.MaxTlogEntries, Timestamps: verifier.MaxTimestamps, SCTs: 8}
	identity(vt.Identity{Issuer: "i", SANRegexp: `^dave\\$`})(s.Authorities)
	pairs([]string{"security", "platform"})(s.Authorities)
	named(long[1:])(s.Authorities)
	if at, refused := refusedAt(t, s); refused {
		t.Errorf("what is allowed is refused at %q", at)
	}
}

// Resets are the floors that order one, and no others.
func TestResets(t *testing.T) {
	s := vt.AdmitPolicy()
	s.Authorities.Floors = []vt.SignedFloor{{Role: "SANDBOX_POLICY", Version: "7"}, {Role: "SANDBOX_POLICY", Version: "5", Reset: true, Subject: "web-*"}}
	got := mustTrust(t, s).Resets()
	if len(got) != 1 || got[0].Version != 5 || !got[0].Matches(s.FloorKey(0)) || got[0].Matches(verifier.FloorKey{Role: verifier.SandboxPolicy}) {
		t.Errorf("%+v", got)
	}
}
