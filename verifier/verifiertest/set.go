// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import "github.com/sigdriver/sigdriver/verifier"

// SetType is the predicate by which people approve documents together.
const SetType = "https://sigdriver.dev/policy-bundle/v1"

// AnySurface is a rule's surface that every document has.
const AnySurface = "*"

// Set is the predicate https://sigdriver.dev/policy-bundle/v1.
type Set struct {
	BundleID  string   `json:"bundleId"`
	Version   string   `json:"version"`
	Scope     Scope    `json:"scope"`
	Members   []Member `json:"members"`
	NotBefore string   `json:"notBefore"`
	NotAfter  string   `json:"notAfter"`
	Reason    string   `json:"reason,omitempty"`
}

// Member is one document of a set.
type Member struct {
	Role   string `json:"role"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Set is a set of all documents of the scenario, at version 7, in force anywhere
// all over 2026.
func (s *Scenario) Set(id string) Set {
	set := Set{
		BundleID: id, Version: "7", Scope: Scope{Gateway: "*", Workspace: "*", Name: "*"},
		NotBefore: "2026-01-01T00:00:00Z", NotAfter: "2027-01-01T00:00:00Z", Reason: "reviewed together",
	}
	for i := range s.Request.Documents {
		set.Members = append(set.Members, s.Member(i))
	}
	return set
}

// Member is a document as the member of a set.
func (s *Scenario) Member(document int) Member {
	return Member{RoleNames[s.Request.Documents[document].Role], s.FloorKey(document).Name, s.SHA256(document)}
}

// Statement is the Statement that approves the set: one subject a document.
func (s Set) Statement() Statement {
	st := Statement{Type: StatementV1, PredicateType: SetType, Predicate: s}
	seen := map[string]bool{}
	for _, m := range s.Members {
		if !seen[m.SHA256] {
			seen[m.SHA256] = true
			st.Subject = append(st.Subject, Subject{Name: m.Name, Digest: map[string]string{"sha256": m.SHA256}})
		}
	}
	return st
}

// By is the set approved by each person, in an envelope of their own.
func (s Set) By(names ...string) (attestations [][]byte) {
	for _, name := range names {
		attestations = append(attestations, s.Statement().Seal(Person(name)).JSON())
	}
	return attestations
}

// OfferAll replaces the attestations of every document.
func (s *Scenario) OfferAll(attestations ...[]byte) *Scenario {
	for i := range s.Request.Documents {
		s.Offer(i, attestations...)
	}
	return s
}

// SetRule asks for one set over the policy and the profiles of a sandbox in prod,
// approved by two of security.
func SetRule() *Rule {
	return &Rule{Name: "stacks", Surface: AnySurface, Roles: []string{"SANDBOX_POLICY", "PROVIDER_PROFILE"}, Workspace: "prod",
		Mode: "enforce", Require: []Requirement{{"security", SetType}}}
}

// ComposeSet asks about a sandbox with two providers whose policy and profiles
// alice and bob approved as one set.
func ComposeSet() *Scenario {
	s := ComposeLayers()
	s.Authorities.Rules = []*Rule{SetRule()}
	return s.OfferAll(s.Set("stack").By("alice", "bob")...)
}

// AdmitSet asks about a sandbox policy that is a member of a set.
func AdmitSet() *Scenario {
	s := NewScenario()
	s.Authorities.Rules = []*Rule{SetRule()}
	s.Request = verifier.Request{Purpose: verifier.Admit, Target: WebOne}
	s.Add(verifier.SandboxPolicy, Policy())
	set := s.Set("stack")
	set.Members = append(set.Members, Member{"PROVIDER_PROFILE", "forge", SHA256(Canonical(ForgeProfile()))})
	return s.OfferAll(set.By("alice", "bob")...)
}
