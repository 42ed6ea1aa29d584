// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

const (
	allowSet     = "allow-set"
	allowOneSet  = "allow-set-one-signer"
	allowTerms   = "allow-set-own-terms"
	allowPolicy2 = "allow-set-pinned-layer"
)

// setCases are about documents that are approved together.
func setCases() []*Case { return slices.Concat(setAllowCases(), setRuleCases(), setFormCases()) }

func setAllowCases() []*Case {
	both := by(7, "alice", "bob")
	lone := by(7, "alice")
	return []*Case{
		allows(allowSet, "A policy and two profiles, approved by two people as one set: its version is each document's.", vt.ComposeSet, both, both, both).raisesIn("prod"),
		allows(allowOneSet, "The same, where one person is enough.", oneSigner, lone, lone, lone).raisesIn("prod"),
		allows("allow-set-admit", "A member of a set at admission, without the other members.", vt.AdmitSet, both),
		allows("allow-set-admit-profile", "A profile at admission, before there is a sandbox: the set's workspace and name are not judged yet.", admitMember, both),
		allows("allow-set-members-beyond", "A set with members that this sandbox does not use.", membersBeyond, both, both, both).raisesIn("prod"),
		allows(allowTerms, "One set in two statements that differ in scope, window, reason and order of members.", ownTerms, both, both, both).raisesIn("prod"),
		allows("allow-set-globs", "Names of members and scopes are globs.", setGlobs, both, both, both).raisesIn("prod"),
		allows("allow-set-highest", "Two sets cover all documents: the higher version counts.", twoSets, by(8, "alice", "bob"), by(8, "alice", "bob"), by(8, "alice", "bob")).raisesIn("prod"),
		allows("allow-set-beside-partial", "A set of the policy alone, at a higher version, counts for nothing where a rule matches the profiles too.", besidePartial, both, both, both).raisesIn("prod"),
		allows(allowPolicy2, "A layer that the rule pins needs no set, and no set needs to hold it.", pinnedLayer, lone, lone, Doc{}).raisesIn("prod"),
		allows("allow-set-and-approval", "A second rule asks for an approval of the policy alone: its version is the highest at which both hold.", setAndApproval, by(5, "alice", "bob", "dave"), both, both).raisesIn("prod"),
		allows("allow-set-beside-approvals", "One rule asks for a set by one authority and for approvals by another, whose people share the documents.", setBesideApprovals,
			by(7, "alice", "bob", "dave"), by(7, "alice", "bob", "erin"), by(7, "alice", "bob", "dave")).raisesIn("prod"),
		allows("allow-set-no-workspace", "A sandbox in no workspace: the empty name is a name.", noWorkspace, lone, lone, lone),
		allows("allow-set-distinct-pairs", "Two authorities of two people each, with a set of its own for either.", setDistinctPairs,
			by(7, "alice", "bob", "carol", "dave"), by(7, "alice", "bob", "carol", "dave"), by(7, "alice", "bob", "carol", "dave")).raisesIn("prod"),
		allows("allow-set-distinct", "Two authorities that share a member, each satisfied by a set of its own.", setDistinct, both, both, both).raisesIn("prod"),
		allows("allow-set-global", "A global policy in a set: it has no name.", globalSet, both, both).raisesIn("prod"),
		allows("allow-set-settings", "A rule over every surface, with the settings in the set.", setWithSettings, lone, lone),
		allows("allow-set-max-age", "A set younger than the rule's maxAge: a bare signature is as old as its notBefore.", youngSet, lone, lone, lone).raisesIn("prod"),
		allows("allow-shadow-set", "A rule in shadow mode says that the parts were not approved as one set.", shadowSet, by(42, "alice", "bob"), by(42, "dave"), by(42, "erin")).
			shadow(finding(verifier.CompositionPartUnattested, 0, -1), finding(verifier.SetMismatch, 1, -1), finding(verifier.SetMismatch, 2, -1)),
	}
}

func oneSigner() *vt.Scenario {
	s := vt.ComposeSet()
	s.Authorities.Authorities["security"].Threshold = 1
	return s.OfferAll(s.Set("stack").By("alice")...)
}

func admitMember() *vt.Scenario {
	s := vt.AdmitProfile()
	rule := vt.SetRule()
	rule.Workspace = ""
	s.Authorities.Rules = []*vt.Rule{rule}
	set := s.Set("stack")
	set.Scope = vt.Scope{Gateway: "gw-east", Workspace: "prod", Name: "web-*"}
	return s.OfferAll(set.By("alice", "bob")...)
}

func membersBeyond() *vt.Scenario {
	s := vt.ComposeSet()
	set := s.Set("stack")
	set.Members = append(set.Members, vt.Member{Role: "PROVIDER_PROFILE", Name: "bridge", SHA256: vt.SHA256(vt.Canonical(vt.BridgeProfile()))},
		vt.Member{Role: "SANDBOX_POLICY", Name: "batch-*", SHA256: set.Members[0].SHA256})
	return s.OfferAll(set.By("alice", "bob")...)
}

func ownTerms() *vt.Scenario {
	s := vt.ComposeSet()
	second := s.Set("stack")
	slices.Reverse(second.Members)
	second.Scope = vt.Scope{Gateway: "gw-east", Workspace: "prod", Name: "web-1"}
	second.NotBefore, second.NotAfter, second.Reason = "2026-06-01T00:00:00Z", "2026-12-01T00:00:00Z", ""
	return s.OfferAll(slices.Concat(s.Set("stack").By("alice"), second.By("bob"))...)
}

func setGlobs() *vt.Scenario {
	s := vt.ComposeSet()
	set := s.Set("stack")
	set.Scope = vt.Scope{Gateway: "gw-*", Workspace: "prod", Name: "web-*"}
	set.Members[0].Name, set.Members[1].Name, set.Members[2].Name = "web-*", "f*", "*"
	return s.OfferAll(set.By("alice", "bob")...)
}

func twoSets() *vt.Scenario {
	s := vt.ComposeSet()
	next := s.Set("stack")
	next.Version = "8"
	return s.OfferAll(slices.Concat(s.Set("stack").By("alice", "bob"), next.By("alice", "bob"))...)
}

func besidePartial() *vt.Scenario {
	s := vt.ComposeSet()
	partial := s.Set("policy-only")
	partial.Version, partial.Members = "9", partial.Members[:1]
	return s.Offer(0, slices.Concat(partial.By("alice", "bob"), s.Set("stack").By("alice", "bob"))...)
}

func pinnedLayer() *vt.Scenario {
	s := oneSigner()
	set := s.Set("stack")
	set.Members = set.Members[:2]
	s.Authorities.Rules[0].Pinned = []string{s.SHA256(2)}
	s.OfferAll(set.By("alice")...)
	return s.Offer(2)
}

func setAndApproval() *vt.Scenario {
	s := vt.ComposeSet()
	s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "owners", Surface: vt.PolicySurface, Mode: "enforce",
		Require: []vt.Requirement{{Authority: "platform", PredicateType: vt.ApprovalType}}})
	a := s.Approval(0)
	a.Version = "5"
	return s.Offer(0, append(s.Set("stack").By("alice", "bob"), a.Of(s.Body(0)).Seal(vt.Person("dave")).JSON())...)
}

func setBesideApprovals() *vt.Scenario {
	s := vt.ComposeSet()
	s.Authorities.Rules[0].Require = append(s.Authorities.Rules[0].Require, vt.Requirement{Authority: "platform", PredicateType: vt.ApprovalType})
	for i, who := range []string{"dave", "erin", "dave"} {
		approval := s.Approval(i).Of(s.Body(i)).Seal(vt.Person(who)).JSON()
		s.Offer(i, append(s.Set("stack").By("alice", "bob"), approval)...)
	}
	return s
}

func noWorkspace() *vt.Scenario {
	s := oneSigner()
	s.Authorities.Rules[0].Workspace = ""
	s.Request.Target.Workspace = ""
	set := s.Set("stack")
	set.Scope.Workspace = ""
	return s.OfferAll(set.By("alice")...)
}

func setDistinctPairs() *vt.Scenario {
	s := vt.ComposeSet()
	s.Authorities.Authorities["owners"] = &vt.Authority{Principals: []string{"alice", "bob", "dave"}, Threshold: 2}
	s.Authorities.Authorities["reviewers"] = &vt.Authority{Principals: []string{"alice", "bob", "carol"}, Threshold: 2}
	s.Authorities.Rules[0].Require = []vt.Requirement{{Authority: "owners", PredicateType: vt.SetType}, {Authority: "reviewers", PredicateType: vt.SetType}}
	s.Authorities.Rules[0].Distinct = [][]string{{"owners", "reviewers"}}
	return s.OfferAll(slices.Concat(s.Set("stack").By("alice", "dave"), s.Set("reviewed").By("bob", "carol"))...)
}

func setDistinct() *vt.Scenario {
	s := vt.ComposeSet()
	s.Authorities.Authorities["owners"] = &vt.Authority{Principals: []string{"alice", "bob"}, Threshold: 1}
	s.Authorities.Authorities["reviewers"] = &vt.Authority{Principals: []string{"alice", "bob"}, Threshold: 1}
	s.Authorities.Rules[0].Require = []vt.Requirement{{Authority: "owners", PredicateType: vt.SetType}, {Authority: "reviewers", PredicateType: vt.SetType}}
	s.Authorities.Rules[0].Distinct = [][]string{{"owners", "reviewers"}}
	return s.OfferAll(slices.Concat(s.Set("stack").By("alice"), s.Set("reviewed").By("bob"))...)
}

func globalSet() *vt.Scenario {
	s := vt.ComposeGlobal()
	rule := vt.SetRule()
	rule.Roles = []string{"GLOBAL_POLICY", "PROVIDER_PROFILE"}
	s.Authorities.Rules = []*vt.Rule{rule}
	set := s.Set("gateway")
	set.Scope.Name = "web-*"
	return s.OfferAll(set.By("alice", "bob")...)
}

func setWithSettings() *vt.Scenario {
	s := oneSigner()
	s.Request.Documents = s.Request.Documents[:1]
	s.Recompose().Add(verifier.Settings, vt.GatewaySettings())
	s.Authorities.Rules[0].Roles = nil
	return s.OfferAll(s.Set("gateway").By("alice")...)
}

func youngSet() *vt.Scenario {
	s := oneSigner()
	s.Authorities.Rules[0].MaxAge = "72h"
	set := s.Set("stack")
	set.NotBefore = "2026-08-29T12:00:01Z"
	return s.OfferAll(set.By("alice")...)
}

// shadowSet lacks a set of all parts: what stands there is of the profiles alone.
func shadowSet() *vt.Scenario {
	s := vt.ComposeLayers()
	rule := vt.SetRule()
	rule.Mode = "shadow"
	s.Authorities.Rules = append(s.Authorities.Rules, rule)
	set := s.Set("stack")
	set.Members = set.Members[1:]
	for i := 1; i < 3; i++ {
		s.Offer(i, slices.Concat(s.Request.Documents[i].Attestations, set.By("alice", "bob"))...)
	}
	return s
}

// approveSet replaces the one signer's set.
func approveSet(change func(*vt.Set, *vt.Scenario)) func(*vt.Scenario) {
	return func(s *vt.Scenario) {
		set := s.Set("stack")
		change(&set, s)
		s.OfferAll(set.By("alice")...)
	}
}

// everywhere is a reason at the one attestation of each of three documents.
func everywhere(reason verifier.Reason) Want {
	w := at(reason, 0, 0, finding(reason, 1, 0), finding(reason, 2, 0))
	w.Blank = []int{1, 2}
	return w
}

// onAll is a reason at each of three documents.
func onAll(reason verifier.Reason, more ...ExpectFinding) Want {
	w := at(reason, 0, -1, append(more, finding(reason, 1, -1), finding(reason, 2, -1))...)
	w.Blank = []int{1, 2}
	return w
}

func setRuleCases() []*Case {
	unattested := onAll(verifier.SetMismatch)
	unattested.More[1].Reason = verifier.CompositionPartUnattested.String()
	foreign := onAll(verifier.SetMismatch, finding(verifier.SubjectMismatch, 2, 0))
	foreign.More = slices.Delete(foreign.More, 2, 3)
	return []*Case{
		denies("set-mismatch", allowOneSet, "The second profile comes from another set, which holds another policy: a mix of two sets.",
			func(s *vt.Scenario) {
				s.Request.Documents[2].Body = vt.Edit(s.Body(2), "mirror.corp.example", "mirror2.corp.example")
				set := s.Set("next")
				set.Version, set.Members = "8", append(set.Members[2:], vt.Member{Role: "SANDBOX_POLICY", Name: "*", SHA256: vt.SHA256([]byte("the next policy"))})
				s.Offer(2, set.By("alice")...).Recompose()
			}, onAll(verifier.SetMismatch)),
		denies("set-mismatch-left-out", allowOneSet, "The set was approved before the second profile was added: that layer is named.",
			approveSet(func(set *vt.Set, _ *vt.Scenario) { set.Members = set.Members[:2] }), foreign),
		denies("set-mismatch-stripped", allowOneSet, "The set's attestation is missing at one layer.",
			func(s *vt.Scenario) { s.Offer(2) }, unattested).attack("PO-03"),
		denies("set-mismatch-version", allowOneSet, "One layer is approved in the next version of the set.",
			func(s *vt.Scenario) {
				set := s.Set("stack")
				set.Version = "8"
				s.Offer(2, set.By("alice")...)
			}, onAll(verifier.SetMismatch)),
		denies("set-mismatch-id", allowOneSet, "One layer is approved in a set of the same members under another id.",
			func(s *vt.Scenario) { s.Offer(2, s.Set("other").By("alice")...) }, onAll(verifier.SetMismatch)),
		denies("set-mismatch-members", allowOneSet, "One layer is approved under the same id and version in a set of more members.",
			func(s *vt.Scenario) {
				set := s.Set("stack")
				set.Members = append(set.Members, vt.Member{Role: "PROVIDER_PROFILE", Name: "bridge", SHA256: vt.SHA256(vt.Canonical(vt.BridgeProfile()))})
				s.Offer(2, set.By("alice")...)
			}, onAll(verifier.SetMismatch)),
		denies("set-mismatch-beside-approvals", "allow-set-beside-approvals", "A mix of two sets, in a rule that asks for approvals after them.",
			func(s *vt.Scenario) {
				s.Offer(2, append(s.Set("other").By("alice", "bob"), s.Attestation(2, 2))...)
			}, onAll(verifier.SetMismatch)),
		denies("set-mismatch-two-people", allowOneSet, "The set is approved by one person for two documents and by another for the third: nobody approved all.",
			func(s *vt.Scenario) { s.Offer(2, s.Set("stack").By("bob")...) }, onAll(verifier.SetMismatch)),
		denies("set-mismatch-unpinned", allowPolicy2, "Without its pin the layer has to be in the set.",
			func(s *vt.Scenario) { s.Authorities.Rules[0].Pinned = nil },
			func() Want {
				w := onAll(verifier.SetMismatch)
				w.More[1].Reason = verifier.CompositionPartUnattested.String()
				return w
			}()),
		denies("set-mismatch-settings", "allow-set-settings", "The settings are approved in another set than the policy.",
			func(s *vt.Scenario) { s.Offer(1, s.Set("other").By("alice")...) },
			Want{Reason: verifier.SetMismatch, Attestation: -1, Blank: []int{1}, More: []ExpectFinding{finding(verifier.SetMismatch, 1, -1)}}),
		denies("threshold-set", allowTerms, "Two people approved two sets of the same documents: one each.",
			func(s *vt.Scenario) {
				s.OfferAll(slices.Concat(s.Set("stack").By("alice"), s.Set("other").By("bob"))...)
			}, onAll(verifier.Threshold)),
		denies("threshold-set-version", allowTerms, "A set is one at one version: the next version is another set.",
			func(s *vt.Scenario) {
				next := s.Set("stack")
				next.Version = "8"
				s.OfferAll(slices.Concat(s.Set("stack").By("alice"), next.By("bob"))...)
			}, onAll(verifier.Threshold)),
		denies("threshold-set-same-person", allowSet, "One person approved the set twice.",
			func(s *vt.Scenario) { s.OfferAll(s.Set("stack").By("alice", "alice")...) }, onAll(verifier.Threshold)),
		denies("distinct-set", "allow-set-distinct", "One person approved a set for each of two authorities.",
			func(s *vt.Scenario) {
				s.OfferAll(slices.Concat(s.Set("stack").By("alice"), s.Set("reviewed").By("alice"))...)
			}, onAll(verifier.Distinct)),
		denies("distinct-set-below", "allow-set-distinct-pairs", "Who approved a set that too few approved does not make a pair distinct.",
			func(s *vt.Scenario) {
				s.OfferAll(slices.Concat(s.Set("stack").By("alice", "bob", "carol"), s.Set("other").By("dave"))...)
			}, onAll(verifier.Distinct)),
		denies("scope-mismatch-set-no-workspace", "allow-set-no-workspace", "A set for a workspace, where the sandbox is in none: only ADMIT leaves a place open.",
			approveSet(func(set *vt.Set, _ *vt.Scenario) { set.Scope.Workspace = "prod" }), everywhere(verifier.ScopeMismatch)),
		denies("version-rollback-set", allowSet, "The set is older than what one of its members has been enforced at.",
			func(s *vt.Scenario) { s.SetFloor(2, 8, vt.SHA256([]byte("the next profile"))) }, at(verifier.VersionRollback, 2, -1)).attack("PO-01"),
		denies("version-equivocation-set", allowSet, "The set's version stands for another document at one of its members.",
			func(s *vt.Scenario) { s.SetFloor(1, 7, vt.SHA256([]byte("another profile"))) }, at(verifier.VersionEquivocation, 1, -1)).attack("ST-20"),
		denies("composition-part-unattested-set", allowSet, "No set was approved at all.",
			func(s *vt.Scenario) { s.OfferAll() }, onAll(verifier.CompositionPartUnattested)),
		denies("predicate-type-set", "allow-set-admit", "An approval of the policy alone, where the rule asks for a set.",
			func(s *vt.Scenario) { s.Approve(0, "alice", "bob") }, at(verifier.PredicateType, 0, 0, finding(verifier.PredicateType, 0, 1))),
		denies("predicate-type-set-for-approval", admitProfile, "A set, where the rule asks for an approval.",
			func(s *vt.Scenario) { s.OfferAll(s.Set("stack").By("dave")...) }, at(verifier.PredicateType, 0, 0)),
		denies("attestation-too-old-set", "allow-set-max-age", "A set as old as the rule's maxAge.",
			approveSet(func(set *vt.Set, _ *vt.Scenario) { set.NotBefore = "2026-08-29T12:00:00Z" }), everywhere(verifier.AttestationTooOld)),
		denies("attestation-expired-set", allowOneSet, "A set at its notAfter.",
			approveSet(func(set *vt.Set, _ *vt.Scenario) { set.NotAfter = "2026-09-01T12:00:00Z" }), everywhere(verifier.AttestationExpired)).attack("ST-17"),
		denies("attestation-not-yet-valid-set", allowOneSet, "A set one second before its notBefore.",
			approveSet(func(set *vt.Set, _ *vt.Scenario) { set.NotBefore = "2026-09-01T12:00:01Z" }), everywhere(verifier.AttestationNotYetValid)).attack("ST-17"),
		denies("attestation-revoked-set", allowOneSet, "The set's attestation was revoked: it counts for no member.",
			func(s *vt.Scenario) {
				s.Revocations = vt.Revocations(vt.Revoke("attestation", s.Set("stack").Statement().Seal(vt.Person("alice")).SHA256()))
			}, everywhere(verifier.AttestationRevoked)),
		denies("document-revoked-in-set", allowOneSet, "One member was revoked: it is named, the others stand.",
			func(s *vt.Scenario) { s.Revocations = vt.Revocations(vt.Revoke("document", s.SHA256(1))) }, at(verifier.DocumentRevoked, 1, -1)),
	}
}

func setFormCases() []*Case {
	invalid := at(verifier.PredicateInvalid, 0, 0, finding(verifier.PredicateInvalid, 0, 1))
	elsewhere := at(verifier.ScopeMismatch, 0, 0, finding(verifier.ScopeMismatch, 0, 1))
	// One statement of a set of a policy and a profile, signed by both, at admission.
	state := func(name, about string, want Want, change func(*vt.Set), edit func(*vt.Statement)) *Case {
		return denies(name, "allow-set-admit", about, func(s *vt.Scenario) {
			set := s.Set("stack")
			set.Members = append(set.Members, vt.Member{Role: "PROVIDER_PROFILE", Name: "forge", SHA256: vt.SHA256(vt.Canonical(vt.ForgeProfile()))})
			change(&set)
			st := set.Statement()
			if edit != nil {
				edit(&st)
			}
			s.State(0, st, "alice", "bob")
		}, want)
	}
	set := func(name, about string, change func(*vt.Set)) *Case {
		return state("predicate-invalid-set-"+name, about, invalid, change, nil)
	}
	scope := func(name, about string, change func(*vt.Set)) *Case {
		return state("scope-mismatch-set-"+name, about, elsewhere, change, nil)
	}
	subject := func(name, about string, edit func(*vt.Statement)) *Case {
		return state("predicate-invalid-set-"+name, about, invalid, func(*vt.Set) {}, edit)
	}
	text := func(name, about, old, new string) *Case {
		return denies("predicate-invalid-set-"+name, "allow-set-admit", about, func(s *vt.Scenario) {
			s.Payload(0, vt.Edit(s.Set("stack").Statement().JSON(), old, new), "alice", "bob")
		}, invalid)
	}
	nothing := strings.Repeat("0", 64)
	return []*Case{
		scope("gateway", "A set for another gateway.", func(s *vt.Set) { s.Scope.Gateway = "gw-west" }),
		scope("workspace", "A set for another workspace.", func(s *vt.Set) { s.Scope.Workspace = "dev" }),
		scope("name", "A set for other sandboxes.", func(s *vt.Set) { s.Scope.Name = "db-*" }),
		scope("role", "The set has this document as the global policy.", func(s *vt.Set) { s.Members[0].Role, s.Members[0].Name = "GLOBAL_POLICY", "*" }),
		scope("member-name", "The set has this document for another sandbox.", func(s *vt.Set) { s.Members[0].Name = "web-2" }),
		scope("member-digest", "The set has this document for another sandbox, and another document for this one.", func(s *vt.Set) {
			s.Members = append(s.Members, vt.Member{Role: s.Members[0].Role, Name: s.Members[0].Name, SHA256: vt.SHA256([]byte("another policy"))})
			s.Members[0].Name = "batch-1"
		}),
		set("id-empty", "A set without an id.", func(s *vt.Set) { s.BundleID = "" }),
		set("id-long", "An id one byte past the limit.", func(s *vt.Set) { s.BundleID = strings.Repeat("i", verifier.MaxName+1) }),
		set("version-zero", "Version 0.", func(s *vt.Set) { s.Version = "0" }),
		set("window", "notAfter at notBefore.", func(s *vt.Set) { s.NotAfter = s.NotBefore }),
		set("same-member", "Two documents for one role and name.", func(s *vt.Set) {
			s.Members = append(s.Members, vt.Member{Role: "PROVIDER_PROFILE", Name: "forge", SHA256: vt.SHA256([]byte("another"))})
		}),
		set("member-role", "A role that there is not.", func(s *vt.Set) { s.Members[1].Role = "EVERYTHING" }),
		set("member-name-empty", "A profile without a name.", func(s *vt.Set) { s.Members[1].Name = "" }),
		set("member-upper-case", "A digest in upper case, in subject and member.", func(s *vt.Set) { s.Members[1].SHA256 = strings.ToUpper(s.Members[1].SHA256) }),
		subject("subject-more", "A subject that is no member.", func(st *vt.Statement) {
			st.Subject = append(st.Subject, vt.SubjectOf([]byte("another")))
		}),
		subject("subject-twice", "A subject that stands there twice.", func(st *vt.Statement) { st.Subject = append(st.Subject, st.Subject[1]) }),
		subject("subject-less", "A member that is no subject.", func(st *vt.Statement) { st.Subject = st.Subject[:1] }),
		subject("subject-other", "A member that is another document than the subject.", func(st *vt.Statement) {
			st.Subject[1].Digest = map[string]string{"sha256": nothing}
		}),
		subject("subject-alg", "A subject without a sha256.", func(st *vt.Statement) {
			st.Subject[1].Digest = map[string]string{"sha512": vt.SHA512([]byte("another"))}
		}),
		text("members-empty", "A set of nothing.", `"members":[`, `"members":[],"was":[`),
		text("members-none", "No members.", `"members":`, `"parts":`),
		text("members-object", "Members that are no list.", `"members":[`, `"members":{},"was":[`),
		text("member", "A member that sets do not have.", `"bundleId":`, `"priority":1,"bundleId":`),
		text("member-last", "The same after those that they have.", `"reason":"reviewed together"}`, `"reason":"reviewed together","priority":1}`),
		text("case", "A member in another case.", `"bundleId":`, `"bundleID":`),
		text("member-member", "A member that members do not have.", `{"role":`, `{"path":"/","role":`),
		text("member-member-last", "The same after those that they have.", `"}],"notBefore"`, `","path":"/"}],"notBefore"`),
		text("scope-member", "A member that scopes do not have.", `,"name":"*"}`, `,"name":"*","cluster":"*"}`),
		text("scope-name", "A scope without its name: absent is not any.", `,"name":"*"}`, `}`),
		text("version-number", "The version as a number.", `"version":"7"`, `"version":7`),
		text("not-after", "A set for ever.", `"notAfter":"2027-01-01T00:00:00Z",`, ``),
		denies("subject-mismatch-set", "allow-set-admit", "A set of other documents.", func(s *vt.Scenario) {
			other := s.Set("stack")
			other.Members[0].SHA256 = vt.SHA256([]byte("another"))
			s.OfferAll(other.By("alice", "bob")...)
		}, at(verifier.SubjectMismatch, 0, 0, finding(verifier.SubjectMismatch, 0, 1))),
	}
}
