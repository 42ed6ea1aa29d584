// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"slices"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// Attachments are unsigned rows. A rule that asks for one approved set over a policy and
// its profiles names which profiles may be attached to a sandbox; where each profile is
// approved by itself, whoever edits the rows chooses among all of them.
func TestWhichAttachmentsASandboxMayHave(t *testing.T) {
	const web, db = "web", "db"
	// world has every profile approved: by itself, and in a set for web-* or for db-*.
	world := func(rules []*vt.Rule) *vt.Scenario {
		s := vt.ComposeLayers()
		s.Authorities.Rules = rules
		s.Request.Documents = s.Request.Documents[:2] // the policy, and the forge attached
		return s
	}
	// offered are the attestations that the driver's index has about each document.
	offer := func(s *vt.Scenario) *vt.Scenario {
		of := func(id string, profiles ...vt.Tree) [][]byte {
			set := vt.Set{BundleID: id, Version: "7", Scope: vt.Scope{Gateway: "*", Workspace: "*", Name: id + "-*"},
				NotBefore: "2026-01-01T00:00:00Z", NotAfter: "2027-01-01T00:00:00Z"}
			set.Members = []vt.Member{{Role: "SANDBOX_POLICY", Name: id + "-*", SHA256: vt.SHA256(vt.Canonical(vt.Policy()))}}
			for _, p := range profiles {
				set.Members = append(set.Members, vt.Member{Role: "PROVIDER_PROFILE", Name: p["id"].(string), SHA256: vt.SHA256(vt.Canonical(p))})
			}
			return set.By("alice", "bob")
		}
		stacks := map[string][][]byte{web: of(web, vt.ForgeProfile(), vt.MirrorProfile()), db: of(db, vt.BridgeProfile(), vt.ForgeProfile())}
		for i := range s.Request.Documents {
			by := []string{"alice", "bob"}
			if i > 0 {
				by = []string{"dave"}
			}
			s.Approve(i, by...)
			alone := s.Request.Documents[i].Attestations
			s.Offer(i, slices.Concat(alone, stacks[web], stacks[db])...)
		}
		return s.Recompose()
	}
	set := []*vt.Rule{vt.SetRule()}
	alone := vt.BaseAuthorities().Rules
	for name, c := range map[string]struct {
		change      func(s *vt.Scenario)
		set, single verifier.Reason // by a rule for sets, and by rules for each document
	}{
		"nothing":                    {func(*vt.Scenario) {}, verifier.Allowed, verifier.Allowed},
		"a profile of the set more":  {func(s *vt.Scenario) { s.Attach("mirror", vt.MirrorProfile()) }, verifier.Allowed, verifier.Allowed},
		"fewer":                      {func(s *vt.Scenario) { s.Request.Documents = s.Request.Documents[:1] }, verifier.Allowed, verifier.Allowed},
		"another set's profile more": {func(s *vt.Scenario) { s.Attach("bridge", vt.BridgeProfile()) }, verifier.SetMismatch, verifier.Allowed},
		"pointed at another set's":   {func(s *vt.Scenario) { s.Request.Documents[1].Body = vt.Canonical(vt.BridgeProfile()) }, verifier.SetMismatch, verifier.Allowed},
		"pointed at no profile": {func(s *vt.Scenario) {
			s.Request.Documents, s.Request.WithoutProfile = s.Request.Documents[:1], []string{"my-forge"}
		}, verifier.DocumentMissing, verifier.DocumentMissing},
		// A set is of profiles, not of provider records: whose credentials come with one is not in it.
		"a second provider of a profile of the set": {func(s *vt.Scenario) { s.Attach("theirs", vt.ForgeProfile()) }, verifier.Allowed, verifier.Allowed},
	} {
		for _, r := range []struct {
			rules []*vt.Rule
			want  verifier.Reason
		}{{set, c.set}, {alone, c.single}} {
			s := world(r.rules)
			c.change(s)
			if d := decide(t, offer(s)); d.Reason != r.want {
				t.Errorf("%s, by the rule %s: %v, not %v: %+v", name, r.rules[0].Name, d.Reason, r.want, d.Findings)
			}
		}
	}
}
