// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"strings"
	"testing"
)

// Trust that accepts what nobody signed is not taken, whatever made it do so.
func TestSelfCheck(t *testing.T) {
	p := people("a")
	sound := func() *Trust {
		return &Trust{authorities: &authorities{rules: []*rule{
			{name: "r", require: []requirement{{authorityOf("s", 1, p["a"]), ApprovalPredicateType}}},
		}}}
	}
	if err := sound().selfCheck(); err != nil {
		t.Fatalf("the base must pass: %v", err)
	}
	for name, spoil := range map[string]func(r *rule){
		"threshold zero":             func(r *rule) { r.require[0].authority.threshold = 0 },
		"the digest of nothing":      func(r *rule) { r.pinned = map[[32]byte]bool{{}: true} },
		"an authority of a stranger": func(r *rule) { r.require[0].authority.members[unknownPrincipal] = true },
		"the same, in shadow":        func(r *rule) { r.require[0].authority.threshold, r.shadow = 0, true },
	} {
		trust := sound()
		spoil(trust.authorities.rules[0])
		if err := trust.selfCheck(); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

// The self-check stands between parsing and use.
func TestParseTrustSelfChecks(t *testing.T) {
	base := baseAuthorities(t)
	if _, err := ParseTrust(TrustSource{Authorities: []byte(base)}); err != nil {
		t.Fatalf("the base must parse: %v", err)
	}
	vacuous := strings.Replace(base, `"mode": "enforce",`, `"mode": "enforce", "pinned": ["`+strings.Repeat("0", 64)+`"],`, 1)
	if _, err := parseAuthorities([]byte(vacuous)); err != nil {
		t.Fatalf("it must be well-formed: %v", err)
	}
	if _, err := ParseTrust(TrustSource{Authorities: []byte(vacuous)}); err == nil {
		t.Error("trust that pins the digest of nothing is used")
	}
}
