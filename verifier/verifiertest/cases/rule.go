// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// ruleCases are refusals because the rules do not have enough of what counted,
// or because a version is too old.
func ruleCases() []*Case {
	rollback := at(verifier.VersionRollback, 0, -1)
	big := func(name, version string) *Case {
		return denies("version-rollback-2-53-"+name, "allow-version-above-2-53", "A version that a double takes for the floor: "+version+".",
			func(s *vt.Scenario) {
				approveAt(s, map[string]string{"alice": version, "bob": version}, "alice", "bob")
			}, Want{Reason: verifier.VersionRollback, Attestation: -1, Docs: []Doc{by(9007199254740992, "alice", "bob")}}).attack("ST-16")
	}
	// The sandbox's place is judged beside its document, which shows what it came to.
	moved := Want{Reason: verifier.ScopeMismatch, Attestation: -1, Docs: []Doc{by(42, "alice", "bob")}}
	movedGlobal := Want{Reason: verifier.ScopeMismatch, Attestation: -1, Docs: []Doc{by(42, "alice", "carol"), by(42, "dave")}}
	older := Want{Reason: verifier.VersionRollback, Attestation: -1, Docs: []Doc{by(3, "alice", "bob")}}
	return []*Case{
		denies("attestation-missing", admitPolicy, "Nothing was offered.",
			func(s *vt.Scenario) { s.Offer(0) }, at(verifier.AttestationMissing, 0, -1)),
		denies("attestation-missing-second-kind", "allow-provenance", "The approval is there, the provenance is not.",
			func(s *vt.Scenario) { s.Offer(0, s.Attestation(0, 0)) }, at(verifier.AttestationMissing, 0, -1)),
		denies("attestation-missing-other-kind", "allow-provenance", "The second authority approved, and its provenance was asked for.",
			func(s *vt.Scenario) {
				s.Offer(0, s.Attestation(0, 0), s.Approval(0).Of(s.Body(0)).Seal(vt.Person("erin")).JSON())
			}, at(verifier.AttestationMissing, 0, -1, finding(verifier.SignerOutOfScope, 0, 1))),
		denies("attestation-too-old-unknown", "allow-provenance-alone", "A rule with maxAge, and a statement of which nothing shows the age.",
			func(s *vt.Scenario) { s.Authorities.Rule("profiles").MaxAge = "72h" }, at(verifier.AttestationTooOld, 0, 0)),
		denies("attestation-missing-unpinned", "allow-pinned", "Another document than the pinned one, and nobody signed it.",
			func(s *vt.Scenario) { s.Request.Documents[0].Body = vt.Edit(s.Body(0), `"port":443`, `"port":444`) }, at(verifier.AttestationMissing, 0, -1)),
		denies("attestation-missing-empty-require", "allow-pinned", "A rule that requires nothing and pins another document never holds by itself.",
			func(s *vt.Scenario) {
				rule := s.Authorities.Rule("prod sandboxes")
				rule.Require, rule.Pinned = []vt.Requirement{}, []string{vt.SHA256([]byte("another document"))}
			}, at(verifier.AttestationMissing, 0, -1)),
		denies("threshold-second-rule", admitPolicy, "Every enforced rule that matches must hold, not one of them.",
			func(s *vt.Scenario) {
				s.Authorities.Authorities["everyone"] = &vt.Authority{Principals: []string{"alice", "bob", "carol"}, Threshold: 3}
				s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "all three", Surface: vt.PolicySurface, Mode: "enforce",
					Require: []vt.Requirement{{Authority: "everyone", PredicateType: vt.ApprovalType}}})
			}, at(verifier.Threshold, 0, -1)),
		denies("threshold-same-person-twice", admitPolicy, "Two approvals by one person.",
			func(s *vt.Scenario) { s.Approve(0, "alice", "alice") }, at(verifier.Threshold, 0, -1)),
		denies("distinct", "allow-distinct", "One person stands for both authorities.",
			func(s *vt.Scenario) { s.Approve(0, "alice") }, at(verifier.Distinct, 0, -1)),
		denies("distinct-third", "allow-distinct-third", "The third authority's signer is no help to the pair.",
			func(s *vt.Scenario) { s.Approve(0, "alice", "carol") }, at(verifier.Distinct, 0, -1)),
		denies("attestation-too-old", "allow-max-age", "An approval as old as the rule's maxAge.",
			func(s *vt.Scenario) {
				a := s.Approval(0)
				a.NotBefore = "2026-08-29T12:00:00Z"
				s.ApproveAs(0, a, "dave")
			}, at(verifier.AttestationTooOld, 0, 0)),
		denies("algorithm", "allow-algorithms", "Signed by an algorithm that the rule does not take.",
			func(s *vt.Scenario) { s.Approve(0, "erin") }, at(verifier.Algorithm, 0, 0)),
		denies("version-rollback-floor", "allow-compose-known", "A version below the driver's own floor.",
			func(s *vt.Scenario) { s.SetFloor(0, 43, vt.SHA256([]byte("the document after"))) }, rollback).attack("PO-01"),
		denies("version-rollback-replay", "allow-compose-newer", "Version 3 replayed after version 41 was in force.",
			func(s *vt.Scenario) { approveAt(s, map[string]string{"alice": "3", "bob": "3"}, "alice", "bob") }, older).attack("ST-19"),
		denies("version-rollback-admit", admitPolicy, "ADMIT looks at floors too, it only raises none.",
			func(s *vt.Scenario) { s.SetFloor(0, 43, "") }, rollback),
		denies("version-rollback-signed", "allow-signed-floor", "A version below the highest signed floor that matches.",
			func(s *vt.Scenario) { s.Authorities.Floors[1].Version = "43" }, rollback).attack("PO-01"),
		denies("version-rollback-signed-order", "allow-signed-floor", "The highest signed floor that matches stands before a lower one.",
			func(s *vt.Scenario) {
				s.Authorities.Floors = []vt.SignedFloor{{Role: "SANDBOX_POLICY", Version: "43"}, {Role: "SANDBOX_POLICY", Subject: "web-*", Version: "7"}}
			}, rollback).attack("PO-01"),
		denies("version-rollback-after-reset", "allow-compose-known", "A floor that a signed reset set still holds below.",
			func(s *vt.Scenario) { s.SetFloor(0, 43, "") }, rollback),
		big("below", "9007199254740992"),
		denies("version-rollback-lone-higher", "allow-lone-higher-version", "One signer at 2^62 cannot lift the pair above the floor.",
			func(s *vt.Scenario) { s.SetFloor(0, 43, "") }, rollback).attack("SE-04"),
		denies("version-rollback-glob", "allow-glob-other-sandbox", "web-1 went to 7: version 6 under the same glob is old there.",
			func(s *vt.Scenario) { s.Request.Target = vt.WebOne }, rollback).attack("SE-03"),
		denies("version-equivocation", "allow-compose-known", "The version in force stands for another document.",
			func(s *vt.Scenario) { s.SetFloor(0, 42, vt.SHA256([]byte("another document"))) }, at(verifier.VersionEquivocation, 0, -1)).attack("ST-20"),
		denies("version-equivocation-layer", composeLayers, "The second profile's version stands for another document: the layer is named.",
			func(s *vt.Scenario) { s.SetFloor(2, 42, vt.SHA256([]byte("another profile"))) }, at(verifier.VersionEquivocation, 2, -1)).attack("ST-20"),
		denies("version-rollback-twin", "allow-compose-twins", "Beside a newer version of the same profile the older one is old.",
			func(s *vt.Scenario) {
				a := s.Approval(1)
				a.Version = "43"
				s.ApproveAs(1, a, "dave")
			}, Want{Reason: verifier.VersionRollback, Document: 2, Attestation: -1, Docs: []Doc{by(42, "alice", "bob"), by(43, "dave"), by(42, "dave")}}),
		denies("version-equivocation-twin", "allow-compose-twins", "Two documents of one profile under one version, in one request.",
			func(s *vt.Scenario) {
				s.Request.Documents[2].Body = vt.Edit(s.Body(2), "api.forge.example", "api2.forge.example")
				s.Approve(2, "dave").Recompose()
			}, at(verifier.VersionEquivocation, 2, -1)),
		denies("scope-mismatch-renamed", "allow-compose-known", "The sandbox keeps its id and takes another name.",
			func(s *vt.Scenario) { s.SetPlace("prod", "web-7") }, moved).attack("SE-08"),
		denies("scope-mismatch-moved", "allow-compose-known", "The sandbox keeps its id and takes another workspace.",
			func(s *vt.Scenario) { s.SetPlace("dev", "web-1") }, moved).attack("SE-08"),
		denies("scope-mismatch-relabelled", "allow-profile-of-gateway", "The profile's row says that it is one workspace's, where it would have a floor of its own.",
			func(s *vt.Scenario) { s.Request.Documents[0].Workspace = "prod" }, at(verifier.ScopeMismatch, 0, 0)).attack("SE-08"),
		denies("scope-mismatch-renamed-global", composeGlobal, "The same under a global policy.",
			func(s *vt.Scenario) { s.SetPlace("prod", "web-7") }, movedGlobal).attack("SE-08"),
	}
}
