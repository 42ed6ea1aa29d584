// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// Names of the positives that most negatives start from.
const (
	admitPolicy   = "allow-admit-policy"
	admitProfile  = "allow-admit-profile"
	composePlain  = "allow-compose-plain"
	composeLayers = "allow-compose-layers"
	composeGlobal = "allow-compose-global"
)

// allowCases are the shapes of ALLOW that need no certificate.
func withoutProfile() *vt.Scenario {
	s := vt.ComposePlain()
	s.Authorities.Rule("profiles").AllowWithoutProfile = true
	elsewhere, shadow := *s.Authorities.Rule("profiles"), *s.Authorities.Rule("profiles")
	elsewhere.Name, elsewhere.Workspace, elsewhere.AllowWithoutProfile = "profiles elsewhere", "dev", false
	shadow.Name, shadow.Mode, shadow.AllowWithoutProfile = "profiles later", "shadow", false
	s.Authorities.Rules = append(s.Authorities.Rules, &elsewhere, &shadow)
	s.Request.WithoutProfile = []string{"my-forge", "another"}
	return s
}

func allowCases() []*Case {
	aliceBob := by(42, "alice", "bob")
	dave := by(42, "dave")
	return []*Case{
		allows(admitPolicy, "A sandbox policy at admission, approved by two of three, each in an envelope of their own.", vt.AdmitPolicy, aliceBob),
		allows(admitProfile, "A provider profile at admission, approved by one of two.", vt.AdmitProfile, dave),
		allows(composePlain, "A sandbox without providers, composed. The floor is raised and the sandbox bound to its place.", vt.ComposePlain, aliceBob),
		allows(composeLayers, "A sandbox with two providers: both layers inserted, the credentialed one marked.", vt.ComposeLayers, aliceBob, dave, by(42, "erin")),
		allows(composeGlobal, "The gateway's global policy replaces the sandbox's and takes no layers; the attached profile is judged all the same.", vt.ComposeGlobal, by(42, "alice", "carol"), dave),
		allows("allow-compose-providers-off", "Providers v2 is off: nothing is inserted, the profile is judged all the same.", providersOff, aliceBob, dave),
		allows("allow-compose-2026-09", "OpenShell 0.1.0: layers are inserted without a flag.", by01(vt.Recipe09), aliceBob, dave, by(42, "erin")),
		allows("allow-compose-2026-10", "OpenShell 0.1.3: the gateway also writes who owns the grant of a token.", by01(vt.Recipe10), aliceBob, dave, by(42, "erin")),
		allows("allow-compose-settings", "The gateway's settings are approved and agree with what was done.", withSettings, aliceBob, dave),
		allows("allow-compose-known", "A sandbox that was allowed before, at the same version and place: nothing to raise, nothing to bind.", knownSandbox, aliceBob),
		allows("allow-compose-shadow-settings", "A rule in shadow mode speaks of settings: none are asked for.",
			func() *vt.Scenario {
				s := vt.ComposePlain()
				s.Authorities.Rules = append(s.Authorities.Rules, vt.SettingsRule())
				s.Authorities.Rule("settings").Mode = "shadow"
				return s
			}, aliceBob),
		allows("allow-compose-without-profile", "A provider without a profile is attached, and every rule for profiles that holds here allows it; one elsewhere, one for policies and one in shadow mode are not asked.", withoutProfile, aliceBob),
		allows("allow-compose-without-profile-ungoverned", "No rule in force is about profiles: a provider without one is not asked about.",
			func() *vt.Scenario {
				s := vt.ComposePlain()
				s.Authorities.Rule("profiles").Mode = "shadow"
				s.Request.WithoutProfile = []string{"my-forge"}
				return s
			}, aliceBob),
		allows("allow-compose-at-reset", "A signed reset lowered the floor to this version and bound no document to it.",
			func() *vt.Scenario { return vt.ComposePlain().SetFloor(0, 42, "") }, aliceBob),
		allows("allow-compose-newer", "A newer approval than the floor: the floor follows.", newerThanFloor, aliceBob),
		allows("allow-compose-marked-elsewhere", "The marker providerCredentialed on an endpoint of the source is the gateway's own and is masked.", markedElsewhere, aliceBob, dave, by(42, "erin")).attack("PO-15"),
		allows("allow-compose-unknown-member", "A member that this driver does not know, equal on both sides: signed content like any other.", unknownMember, aliceBob).attack("PO-19"),
		allows("allow-compose-credentials-only", "A profile with credentials and no endpoints still inserts its rule.", bridged, aliceBob, dave),
		allows("allow-compose-names", "Names of providers that meet in one rule name, and letters outside ASCII.", oddNames, aliceBob, dave, dave, dave, dave, dave).attack("SE-18"),
		allows("allow-compose-other-order", "The same layers attached in the other order.", otherOrder, aliceBob, by(42, "erin"), dave).attack("PO-12"),
		allows("allow-profile-of-gateway", "A profile of the whole gateway, approved as that and no workspace's.", gatewayProfile, dave),
		allows("allow-profile-of-workspace", "A profile that is scoped to the target's workspace.", workspaceProfile, dave),
		allows("allow-one-envelope", "Two signatures over one payload in one envelope.", oneEnvelope, aliceBob),
		allows("allow-signature-of-stranger", "A signature by an unknown key beside two good ones is a finding and counts for nothing.", strangerBeside, aliceBob).
			with(finding(verifier.SignerUnknown, 0, 2)),
		allows("allow-bundle-v0.1", "A key-signed Sigstore bundle v0.1, JSON.", bundled("0.1", false), dave),
		allows("allow-bundle-v0.2", "A key-signed Sigstore bundle v0.2, JSON.", bundled("0.2", false), dave),
		allows("allow-bundle-v0.3", "A key-signed Sigstore bundle v0.3, JSON.", bundled("0.3", false), dave),
		allows("allow-bundle-v0.3-protobuf", "A key-signed Sigstore bundle v0.3, protobuf.", bundled("0.3", true), dave),
		allows("allow-ecdsa-p384", "A signature by ECDSA P-384 with SHA-384.", signedBy("carol"), by(42, "carol")),
		allows("allow-ed25519", "A signature by Ed25519.", signedBy("erin"), by(42, "erin")),
		allows("allow-rsa-pkcs1v15", "A signature by RSA 3072, PKCS #1 v1.5.", signedBy("rita"), by(42, "rita")),
		allows("allow-rsa-pss", "A signature by RSA 3072, PSS.", signedByPSS, by(42, "rita")),
		allows("allow-payload-urlsafe", "The payload in URL-safe base64.", urlSafe, dave).attack("DS-19"),
		allows("allow-subject-name", "A rule that asks for the document's name in the Statement, and has it.", subjectNamed, dave),
		allows("allow-subject-name-provenance", "The same of another predicate type, one of whose subjects has the name.", provenanceNamed, by(0, "dave")),
		allows("allow-envelope-unknown-member", "A top-level member that DSSE does not define is ignored.", envelopeMember, dave).attack("DS-18"),
		allows("allow-keyid-any", "A key id is a hint of the sender: any text, any bytes below the limit.", anyKeyID, dave).attack("DS-15"),
		allows("allow-no-hint", "A signature that names no key.", noHint, dave),
		allows("allow-statement-v0.1", "A Statement v0.1 is accepted on read.", statementV01, dave).attack("ST-01"),
		allows("allow-statement-unknown-member", "A member of a Statement that in-toto does not define is ignored.", statementMember, dave),
		allows("allow-subject-other-digest", "A subject with a second digest that is right, and a third of an unknown algorithm.", otherDigests, dave),
		allows("allow-provenance", "An approval and a provenance, by two authorities, in one rule.", provenanceOf(1), by(42, "dave", "erin")),
		allows("allow-provenance-alone", "A rule that asks for a provenance and no approval: no version, no floor.", provenanceAlone, by(0, "erin")),
		allows("allow-provenance-2-subjects", "A provenance about two subjects, one of them the document.", provenanceOf(2), by(42, "dave", "erin")).attack("ST-13"),
		allows("allow-provenance-64-subjects", "A provenance about as many subjects as the limit.", provenanceOf(64), by(42, "dave", "erin")).attack("ST-13"),
		allows("allow-provenance-spoiled-beside", "A provenance with two subjects that have the document's sha256, the first with the sha512 of another document.", spoiledBeside, by(42, "dave", "erin")),
		allows("allow-distinct", "Two authorities that share a member, satisfied by different people.", distinctPair, by(42, "alice", "bob")),
		allows("allow-own-highest-first", "Of one person's approvals the highest version counts.", ownVersions("44", "42"), by(44, "alice", "bob")),
		allows("allow-own-highest-last", "The same in the other order.", ownVersions("42", "44"), by(44, "alice", "bob")),
		allows("allow-pinned", "A document pinned by the rule, without any attestation: no version, no floor.", pinnedPolicy, Doc{}),
		allows("allow-distinct-third", "The same beside a third authority that belongs to no pair.", distinctThird, by(42, "alice", "bob", "carol")),
		allows("allow-pinned-approved", "A pinned document that was approved too: the pin alone allows it, so there is no version.", pinnedApproved, Doc{}),
		allows("allow-max-age", "An approval younger than the rule's maxAge.", youngEnough, dave),
		allows("allow-algorithms", "A rule that takes one algorithm, and a signature by it.", oneAlgorithm, dave),
		allows("allow-scope-exact", "An approval for exactly this gateway, workspace and name.", exactScope, aliceBob),
		allows("allow-scope-globs", "An approval for web-* in prod.", globScope, aliceBob),
		allows("allow-lower-version-agrees", "One approver says 44, the other 42: the highest version at which both hold is 42.", lowerAgrees, aliceBob),
		allows("allow-lone-higher-version", "A signer below the threshold re-signs at 2^62: no version is agreed there and the floor stays.", loneHigher, aliceBob).attack("SE-04"),
		allows("allow-version-above-2-53", "A version that a double cannot hold, equal to the signed floor.", bigVersion, by(9007199254740993, "alice", "bob")).attack("ST-16"),
		allows("allow-signed-floor", "A version at the highest signed floor that matches.", signedFloor, aliceBob),
		allows("allow-not-before-now", "An approval counts from its notBefore on.", fromNow, dave),
		allows("allow-not-before-fraction", "Instants may have a fraction of nine digits.", fractions, dave).attack("ST-17"),
		allows("allow-key-window", "A bare signature inside its key's window.", keyWindow, dave),
		allows("allow-stale-within-budget", "The timestamp role has expired, but no longer ago than maxStale.", staleWithin, aliceBob).stale(),
		allows("allow-driver-new-enough", "Trust asks for a driver no older than this one.", newDriver, aliceBob),
		allows("allow-shadow-rule", "A rule in shadow mode reports what it would have done and decides nothing.", shadowed, aliceBob).
			shadow(finding(verifier.Threshold, 0, -1)),
		allows("allow-restored", "A revocation in the ratchet that authorities.json restores.", restored, dave).attack("ST-21"),
		allows("allow-revocations-malformed", "A revocations.json that does not parse holds back nothing: the ratchet and its old expiry stay in force.", malformedRevocations, dave).attack("SE-12"),
		allows("allow-glob-other-sandbox", "web-2 stays at version 6 after web-1 went to 7: floors are concrete.", otherSandbox, by(6, "alice", "bob")).attack("SE-03"),
		allows("allow-compose-twins", "Two providers of one profile: one subject, one floor to raise.", twins, aliceBob, dave, dave),
	}
}

func (c *Case) with(more ...ExpectFinding) *Case { c.Want.More = more; return c }
func (c *Case) stale() *Case                     { c.Want.Stale = true; return c }
func (c *Case) shadow(f ...ExpectFinding) *Case  { c.Want.Shadow = f; return c }

func providersOff() *vt.Scenario {
	s := vt.ComposePlain()
	s.Request.ProvidersV2 = false
	s.Attach("my-forge", vt.ForgeProfile()).Approve(1, "dave")
	return s.Recompose()
}

func withSettings() *vt.Scenario {
	s := vt.ComposePlain()
	s.Authorities.Rules = append(s.Authorities.Rules, vt.SettingsRule())
	return s.Add(verifier.Settings, vt.GatewaySettings()).Approve(1, "dave")
}

func knownSandbox() *vt.Scenario {
	s := vt.ComposePlain()
	return s.SetFloor(0, 42, s.SHA256(0)).SetPlace("prod", "web-1")
}

func newerThanFloor() *vt.Scenario {
	s := vt.ComposePlain()
	return s.SetFloor(0, 41, vt.SHA256([]byte("the document before"))).SetPlace("prod", "web-1")
}

func markedElsewhere() *vt.Scenario {
	return vt.ComposeLayers().EditEffective(func(t vt.Tree) {
		endpoint(t, "tickets", 0)["providerCredentialed"] = true
	})
}

// endpoint returns an endpoint of a rule of a policy.
func endpoint(policy vt.Tree, rule string, i int) vt.Tree {
	return policy["networkPolicies"].(vt.Tree)[rule].(vt.Tree)["endpoints"].(vt.List)[i].(vt.Tree)
}

func unknownMember() *vt.Scenario {
	s := vt.ComposePlain()
	policy := vt.Policy()
	policy["resourceLimits"] = vt.Tree{"memoryBytes": "1073741824"}
	s.Request.Documents[0].Body = vt.Canonical(policy)
	return s.Approve(0, "alice", "bob").Recompose()
}

func bridged() *vt.Scenario {
	s := vt.ComposePlain()
	s.Attach("bridge", vt.BridgeProfile()).Approve(1, "dave")
	return s.Recompose()
}

func oddNames() *vt.Scenario {
	s := vt.ComposePlain()
	for i, name := range []string{"Café x", "Kube", "my-github", "my_github", "MY.GITHUB"} {
		profile := vt.MirrorProfile()
		profile["id"] = fmt.Sprintf("mirror-%d", i)
		s.Attach(name, profile).Approve(1+i, "dave")
	}
	return s.Recompose()
}

func twins() *vt.Scenario {
	s := vt.ComposePlain()
	s.Attach("forge one", vt.ForgeProfile()).Approve(1, "dave")
	s.Attach("forge two", vt.ForgeProfile()).Approve(2, "dave")
	return s.Recompose()
}

func otherOrder() *vt.Scenario {
	s := vt.ComposePlain()
	s.Attach("Mirror 2", vt.MirrorProfile()).Approve(1, "erin")
	s.Attach("my-forge", vt.ForgeProfile()).Approve(2, "dave")
	return s.Recompose()
}

func gatewayProfile() *vt.Scenario {
	s := vt.AdmitProfile()
	s.Request.Target.Workspace = "prod"
	approval := s.Approval(0)
	approval.Scope = vt.Scope{Gateway: "gw-east", Workspace: "", Name: "forge"}
	return s.ApproveAs(0, approval, "dave")
}

func workspaceProfile() *vt.Scenario {
	s := vt.AdmitProfile()
	s.Request.Target.Workspace = "prod"
	s.Request.Documents[0].Workspace = "prod"
	approval := s.Approval(0)
	approval.Scope = vt.Scope{Gateway: "gw-east", Workspace: "prod", Name: "forge"}
	return s.ApproveAs(0, approval, "dave")
}

func oneEnvelope() *vt.Scenario {
	s := vt.AdmitPolicy()
	return s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(vt.Person("alice"), vt.Person("bob")).JSON())
}

func strangerBeside() *vt.Scenario {
	return vt.AdmitPolicy().Approve(0, "alice", "bob", "mallory")
}

func bundled(version string, protobuf bool) func() *vt.Scenario {
	return func() *vt.Scenario {
		s := vt.AdmitProfile()
		b := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave")).Bundle(version, vt.Person("dave"))
		if protobuf {
			return s.Offer(0, b.Proto())
		}
		return s.Offer(0, b.JSON())
	}
}

func signedBy(name string) func() *vt.Scenario {
	return func() *vt.Scenario {
		s := vt.AdmitProfile()
		s.Authorities.Principals[name] = vt.HeldBy(vt.Person(name))
		s.Authorities.Authorities["platform"].Principals = []string{name}
		return s.Approve(0, name)
	}
}

func signedByPSS() *vt.Scenario {
	s := signedBy("rita")()
	key := vt.NewKey("rita", verifier.RSAPSSSHA256)
	s.Authorities.Principals["rita"] = vt.HeldBy(key)
	return s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(key).JSON())
}

func urlSafe() *vt.Scenario {
	s := vt.AdmitProfile()
	approval := s.Approval(0)
	approval.Reason = "~~~???>>>" // so that the two alphabets differ
	e := approval.Of(s.Body(0)).Seal(vt.Person("dave"))
	e.Payload = base64.URLEncoding.EncodeToString(e.PayloadBytes())
	if !strings.ContainsAny(e.Payload, "-_") {
		panic("cases: this payload is the same in both alphabets")
	}
	return s.Offer(0, e.JSON())
}

func envelopeMember() *vt.Scenario {
	s := vt.AdmitProfile()
	return s.Offer(0, vt.Edit(s.Attestation(0, 0), `{"payload":`, `{"comment":{"any":["thing"]},"payload":`))
}

func anyKeyID() *vt.Scenario {
	s := vt.AdmitProfile()
	e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave"))
	e.Signatures[0].KeyID = "\x00\n\x1b[31mred\x1b[0m " + strings.Repeat("k", 1<<10)
	return s.Offer(0, e.JSON())
}

func noHint() *vt.Scenario {
	s := vt.AdmitProfile()
	return s.Offer(0, unhinted(s, "dave"))
}

func statementV01() *vt.Scenario {
	s := vt.AdmitProfile()
	statement := s.Approval(0).Of(s.Body(0))
	statement.Type = vt.StatementV01
	return s.State(0, statement, "dave")
}

func statementMember() *vt.Scenario {
	s := vt.AdmitProfile()
	return s.Payload(0, vt.Edit(s.Approval(0).Of(s.Body(0)).JSON(), `"subject":`, `"annotations":{"a":1},"subject":`), "dave")
}

func otherDigests() *vt.Scenario {
	s := vt.AdmitProfile()
	statement := s.Approval(0).Of(s.Body(0))
	statement.Subject[0].Digest["sha512"] = vt.SHA512(s.Body(0))
	statement.Subject[0].Digest["gitCommit"] = strings.Repeat("0", 40)
	return s.State(0, statement, "dave")
}

// provenanceOf asks for an approval by dave and a provenance about n subjects
// by erin.
func provenanceOf(n int) func() *vt.Scenario {
	return func() *vt.Scenario {
		s := vt.AdmitProfile()
		s.Authorities.Authorities["platform"].Principals = []string{"dave"}
		s.Authorities.Authorities["ci"] = &vt.Authority{Principals: []string{"erin"}, Threshold: 1}
		rule := s.Authorities.Rule("profiles")
		rule.Require = append(rule.Require, vt.Requirement{Authority: "ci", PredicateType: vt.ProvenanceType})
		provenance := vt.Provenance(s.Body(0))
		for i := 1; i < n; i++ {
			other := vt.Subject{Name: fmt.Sprintf("other-%d", i), Digest: map[string]string{"sha256": vt.SHA256(fmt.Append(nil, i))}}
			provenance.Subject = append([]vt.Subject{other}, provenance.Subject...)
		}
		return s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave")).JSON(), provenance.Seal(vt.Person("erin")).JSON())
	}
}

// spoiledBeside has a subject that is spoiled by its second digest before one
// that is not: the order of subjects says nothing.
func spoiledBeside() *vt.Scenario {
	s := provenanceOf(1)()
	provenance := vt.Provenance(s.Body(0))
	spoiled := vt.SubjectOf(s.Body(0))
	spoiled.Digest["sha512"] = vt.SHA512([]byte("another document"))
	provenance.Subject = append([]vt.Subject{spoiled}, provenance.Subject...)
	return s.Offer(0, s.Attestation(0, 0), provenance.Seal(vt.Person("erin")).JSON())
}

func provenanceAlone() *vt.Scenario {
	s := vt.AdmitProfile()
	s.Authorities.Rule("profiles").Require = []vt.Requirement{{Authority: "platform", PredicateType: vt.ProvenanceType}}
	return s.Offer(0, vt.Provenance(s.Body(0)).Seal(vt.Person("erin")).JSON())
}

func distinctPair() *vt.Scenario {
	s := vt.AdmitPolicy()
	s.Authorities.Authorities["owners"] = &vt.Authority{Principals: []string{"alice"}, Threshold: 1}
	s.Authorities.Authorities["reviewers"] = &vt.Authority{Principals: []string{"alice", "bob"}, Threshold: 1}
	rule := s.Authorities.Rule("prod sandboxes")
	rule.Require = []vt.Requirement{{Authority: "owners", PredicateType: vt.ApprovalType}, {Authority: "reviewers", PredicateType: vt.ApprovalType}}
	rule.Distinct = [][]string{{"owners", "reviewers"}}
	return s
}

func distinctThird() *vt.Scenario {
	s := distinctPair()
	s.Authorities.Authorities["auditors"] = &vt.Authority{Principals: []string{"carol"}, Threshold: 1}
	rule := s.Authorities.Rule("prod sandboxes")
	rule.Require = append(rule.Require, vt.Requirement{Authority: "auditors", PredicateType: vt.ApprovalType})
	return s.Approve(0, "alice", "bob", "carol")
}

func pinnedApproved() *vt.Scenario {
	s := pinnedPolicy()
	return s.Approve(0, "alice", "bob").SetFloor(0, 43, "")
}

func pinnedPolicy() *vt.Scenario {
	s := vt.AdmitPolicy().Offer(0)
	s.Authorities.Rule("prod sandboxes").Pinned = []string{s.SHA256(0)}
	return s
}

func youngEnough() *vt.Scenario {
	s := vt.AdmitProfile()
	s.Authorities.Rule("profiles").MaxAge = "72h"
	approval := s.Approval(0)
	approval.NotBefore = "2026-08-31T12:00:00Z"
	return s.ApproveAs(0, approval, "dave")
}

func oneAlgorithm() *vt.Scenario {
	s := vt.AdmitProfile()
	s.Authorities.Rule("profiles").Algorithms = []verifier.KeyAlgorithm{verifier.ECDSAP256}
	return s
}

func exactScope() *vt.Scenario {
	s := vt.AdmitPolicy()
	approval := s.Approval(0)
	approval.Scope = vt.Scope{Gateway: "gw-east", Workspace: "prod", Name: "web-1"}
	return s.ApproveAs(0, approval, "alice", "bob")
}

func globScope() *vt.Scenario {
	s := vt.AdmitPolicy()
	approval := s.Approval(0)
	approval.Scope = vt.Scope{Gateway: "gw-*", Workspace: "prod", Name: "web-*"}
	return s.ApproveAs(0, approval, "alice", "bob")
}

// approveAt offers approvals of a policy that say different versions.
func approveAt(s *vt.Scenario, versions map[string]string, order ...string) *vt.Scenario {
	var offered [][]byte
	for _, name := range order {
		approval := s.Approval(0)
		approval.Version = versions[name]
		offered = append(offered, approval.Of(s.Body(0)).Seal(vt.Person(name)).JSON())
	}
	return s.Offer(0, offered...)
}

func lowerAgrees() *vt.Scenario {
	return approveAt(vt.ComposePlain(), map[string]string{"alice": "44", "bob": "42"}, "alice", "bob")
}

// ownVersions has two approvals by alice, beside one by bob at version 44.
func ownVersions(first, second string) func() *vt.Scenario {
	return func() *vt.Scenario {
		s := approveAt(vt.ComposePlain(), map[string]string{"alice": first, "bob": "44"}, "alice", "bob")
		again := s.Approval(0)
		again.Version = second
		return s.Offer(0, s.Attestation(0, 0), again.Of(s.Body(0)).Seal(vt.Person("alice")).JSON(), s.Attestation(0, 1))
	}
}

func loneHigher() *vt.Scenario {
	s := vt.ComposePlain()
	again := s.Approval(0)
	again.Version = "4611686018427387904"
	return s.Offer(0, s.Attestation(0, 0), s.Attestation(0, 1), again.Of(s.Body(0)).Seal(vt.Person("alice")).JSON())
}

func bigVersion() *vt.Scenario {
	s := vt.AdmitPolicy()
	s.Authorities.Floors = []vt.SignedFloor{{Role: "SANDBOX_POLICY", Version: "9007199254740993"}}
	return approveAt(s, map[string]string{"alice": "9007199254740993", "bob": "9007199254740993"}, "alice", "bob")
}

func signedFloor() *vt.Scenario {
	s := vt.AdmitPolicy()
	s.Authorities.Floors = []vt.SignedFloor{
		{Role: "SANDBOX_POLICY", Version: "7"},
		{Role: "SANDBOX_POLICY", Gateway: "gw-*", Workspace: "prod", Subject: "web-*", Version: "42"},
		{Role: "SANDBOX_POLICY", Workspace: "dev", Version: "100"},
		{Role: "GLOBAL_POLICY", Version: "100"},
	}
	return s
}

func fromNow() *vt.Scenario {
	s := vt.AdmitProfile()
	approval := s.Approval(0)
	approval.NotBefore, approval.NotAfter = stamp(s.Now), "2026-09-01T12:00:01Z"
	return s.ApproveAs(0, approval, "dave")
}

func fractions() *vt.Scenario {
	s := vt.AdmitProfile()
	approval := s.Approval(0)
	approval.NotBefore, approval.NotAfter = "2026-09-01T11:59:59.999999999Z", "2026-09-01T12:00:00.000000001Z"
	return s.ApproveAs(0, approval, "dave")
}

func keyWindow() *vt.Scenario {
	s := vt.AdmitProfile()
	key := &s.Authorities.Principals["dave"].Keys[0]
	key.NotBefore, key.NotAfter = stamp(s.Now), "2026-09-01T12:00:01Z"
	return s
}

func staleWithin() *vt.Scenario {
	s := vt.AdmitPolicy()
	s.Expires.Timestamp = s.Now.AddDate(0, 0, -1).Add(1e9) // maxStale is 24h
	return s
}

func newDriver() *vt.Scenario {
	s := vt.AdmitPolicy()
	s.Authorities.MinDriverVersion, s.DriverVersion = "0.2.0", "0.2.0"
	return s
}

func shadowed() *vt.Scenario {
	s := vt.AdmitPolicy()
	s.Authorities.Authorities["everyone"] = &vt.Authority{Principals: []string{"alice", "bob", "carol"}, Threshold: 3}
	s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "all three", Surface: vt.PolicySurface, Mode: "shadow",
		Require: []vt.Requirement{{Authority: "everyone", PredicateType: vt.ApprovalType}}})
	return s
}

func restored() *vt.Scenario {
	s := vt.AdmitProfile()
	revoked := vt.Revoke("key", vt.Person("dave").SHA256())
	s.Ratchet = vt.Ratchet(revoked)
	s.Authorities.Restored = []vt.Revocation{revoked}
	return s
}

func malformedRevocations() *vt.Scenario {
	s := vt.AdmitProfile()
	s.Ratchet = vt.Ratchet(vt.Revoke("key", vt.Person("mallory").SHA256()))
	s.Revocations = []byte(`{"schema":"sigdriver.revocations/v1","entries":[{"kind":"everything"}]}`)
	s.PreviousRevocationExpires = s.Now.AddDate(0, 0, 1)
	return s
}

func otherSandbox() *vt.Scenario {
	s := vt.ComposePlain()
	approval := s.Approval(0)
	approval.Scope.Name, approval.Version = "web-*", "6"
	s.ApproveAs(0, approval, "alice", "bob").SetFloor(0, 7, vt.SHA256([]byte("web-1's newer policy")))
	s.Request.Target = vt.WebTwo
	return s
}

// subjectNamed has a rule ask for the document's name in the Statement.
func subjectNamed() *vt.Scenario {
	s := vt.AdmitProfile()
	s.Authorities.Rule("profiles").SubjectName = true
	st := s.Approval(0).Of(s.Body(0))
	st.Subject[0].Name = "forge"
	return s.State(0, st, "dave")
}

// provenanceNamed has a rule ask for provenance, and for the document's name in it.
func provenanceNamed() *vt.Scenario {
	s := vt.AdmitProfile()
	r := s.Authorities.Rule("profiles")
	r.SubjectName, r.Require[0].PredicateType = true, vt.ProvenanceType
	p := vt.Provenance(s.Body(0))
	named := vt.SubjectOf(s.Body(0))
	named.Name = "forge"
	p.Subject = append(p.Subject, named)
	return s.State(0, p, "dave")
}
