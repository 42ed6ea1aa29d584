// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
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
func allowCases() []*Case {
	aliceBob := by(42, "alice", "bob")
	dave := by(42, "dave")
	return []*Case{
		allows(admitPolicy, "A sandbox policy at admission, approved by two of three, each in an envelope of their own.", AdmitPolicy, aliceBob),
		allows(admitProfile, "A provider profile at admission, approved by one of two.", AdmitProfile, dave),
		allows(composePlain, "A sandbox without providers, composed. The floor is raised and the sandbox bound to its place.", ComposePlain, aliceBob),
		allows(composeLayers, "A sandbox with two providers: both layers inserted, the credentialed one marked.", ComposeLayers, aliceBob, dave, by(42, "erin")),
		allows(composeGlobal, "The gateway's global policy replaces the sandbox's and takes no layers; the attached profile is judged all the same.", ComposeGlobal, by(42, "alice", "carol"), dave),
		allows("allow-compose-providers-off", "Providers v2 is off: nothing is inserted, the profile is judged all the same.", providersOff, aliceBob, dave),
		allows("allow-compose-settings", "The gateway's settings are approved and agree with what was done.", withSettings, aliceBob, dave),
		allows("allow-compose-known", "A sandbox that was allowed before, at the same version and place: nothing to raise, nothing to bind.", knownSandbox, aliceBob),
		allows("allow-compose-shadow-settings", "A rule in shadow mode speaks of settings: none are asked for.",
			func() *Scenario {
				s := ComposePlain()
				s.Authorities.Rules = append(s.Authorities.Rules, SettingsRule())
				s.Authorities.Rule("settings").Mode = "shadow"
				return s
			}, aliceBob),
		allows("allow-compose-at-reset", "A signed reset lowered the floor to this version and bound no document to it.",
			func() *Scenario { return ComposePlain().SetFloor(0, 42, "") }, aliceBob),
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

func providersOff() *Scenario {
	s := ComposePlain()
	s.Request.ProvidersV2 = false
	s.Attach("my-forge", ForgeProfile()).Approve(1, "dave")
	return s.Recompose()
}

// SettingsRule asks for approved settings in prod.
func SettingsRule() *Rule {
	return &Rule{Name: "settings", Surface: SettingsSurface, Workspace: "prod", Mode: "enforce",
		Require: []Requirement{{"platform", ApprovalType}}}
}

func withSettings() *Scenario {
	s := ComposePlain()
	s.Authorities.Rules = append(s.Authorities.Rules, SettingsRule())
	return s.Add(verifier.Settings, GatewaySettings()).Approve(1, "dave")
}

func knownSandbox() *Scenario {
	s := ComposePlain()
	return s.SetFloor(0, 42, s.SHA256(0)).SetPlace("prod", "web-1")
}

func newerThanFloor() *Scenario {
	s := ComposePlain()
	return s.SetFloor(0, 41, SHA256([]byte("the document before"))).SetPlace("prod", "web-1")
}

func markedElsewhere() *Scenario {
	return ComposeLayers().EditEffective(func(t Tree) {
		endpoint(t, "tickets", 0)["providerCredentialed"] = true
	})
}

// endpoint returns an endpoint of a rule of a policy.
func endpoint(policy Tree, rule string, i int) Tree {
	return policy["networkPolicies"].(Tree)[rule].(Tree)["endpoints"].(List)[i].(Tree)
}

func unknownMember() *Scenario {
	s := ComposePlain()
	policy := Policy()
	policy["resourceLimits"] = Tree{"memoryBytes": "1073741824"}
	s.Request.Documents[0].Body = Canonical(policy)
	return s.Approve(0, "alice", "bob").Recompose()
}

func bridged() *Scenario {
	s := ComposePlain()
	s.Attach("bridge", BridgeProfile()).Approve(1, "dave")
	return s.Recompose()
}

func oddNames() *Scenario {
	s := ComposePlain()
	for i, name := range []string{"Café x", "Kube", "my-github", "my_github", "MY.GITHUB"} {
		profile := MirrorProfile()
		profile["id"] = fmt.Sprintf("mirror-%d", i)
		s.Attach(name, profile).Approve(1+i, "dave")
	}
	return s.Recompose()
}

func twins() *Scenario {
	s := ComposePlain()
	s.Attach("forge one", ForgeProfile()).Approve(1, "dave")
	s.Attach("forge two", ForgeProfile()).Approve(2, "dave")
	return s.Recompose()
}

func otherOrder() *Scenario {
	s := ComposePlain()
	s.Attach("Mirror 2", MirrorProfile()).Approve(1, "erin")
	s.Attach("my-forge", ForgeProfile()).Approve(2, "dave")
	return s.Recompose()
}

func gatewayProfile() *Scenario {
	s := AdmitProfile()
	s.Request.Target.Workspace = "prod"
	approval := s.Approval(0)
	approval.Scope = Scope{Gateway: "gw-east", Workspace: "", Name: "forge"}
	return s.ApproveAs(0, approval, "dave")
}

func workspaceProfile() *Scenario {
	s := AdmitProfile()
	s.Request.Target.Workspace = "prod"
	s.Request.Documents[0].Workspace = "prod"
	approval := s.Approval(0)
	approval.Scope = Scope{Gateway: "gw-east", Workspace: "prod", Name: "forge"}
	return s.ApproveAs(0, approval, "dave")
}

func oneEnvelope() *Scenario {
	s := AdmitPolicy()
	return s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(Person("alice"), Person("bob")).JSON())
}

func strangerBeside() *Scenario {
	return AdmitPolicy().Approve(0, "alice", "bob", "mallory")
}

func bundled(version string, protobuf bool) func() *Scenario {
	return func() *Scenario {
		s := AdmitProfile()
		b := s.Approval(0).Of(s.Body(0)).Seal(Person("dave")).Bundle(version, Person("dave"))
		if protobuf {
			return s.Offer(0, b.Proto())
		}
		return s.Offer(0, b.JSON())
	}
}

func signedBy(name string) func() *Scenario {
	return func() *Scenario {
		s := AdmitProfile()
		s.Authorities.Principals[name] = HeldBy(Person(name))
		s.Authorities.Authorities["platform"].Principals = []string{name}
		return s.Approve(0, name)
	}
}

func signedByPSS() *Scenario {
	s := signedBy("rita")()
	key := NewKey("rita", verifier.RSAPSSSHA256)
	s.Authorities.Principals["rita"] = HeldBy(key)
	return s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(key).JSON())
}

func urlSafe() *Scenario {
	s := AdmitProfile()
	approval := s.Approval(0)
	approval.Reason = "~~~???>>>" // so that the two alphabets differ
	e := approval.Of(s.Body(0)).Seal(Person("dave"))
	e.Payload = base64.URLEncoding.EncodeToString(e.PayloadBytes())
	if !strings.ContainsAny(e.Payload, "-_") {
		panic("verifiertest: this payload is the same in both alphabets")
	}
	return s.Offer(0, e.JSON())
}

func envelopeMember() *Scenario {
	s := AdmitProfile()
	return s.Offer(0, Edit(s.Attestation(0, 0), `{"payload":`, `{"comment":{"any":["thing"]},"payload":`))
}

func anyKeyID() *Scenario {
	s := AdmitProfile()
	e := s.Approval(0).Of(s.Body(0)).Seal(Person("dave"))
	e.Signatures[0].KeyID = "\x00\n\x1b[31mred\x1b[0m " + strings.Repeat("k", 1<<10)
	return s.Offer(0, e.JSON())
}

func noHint() *Scenario {
	s := AdmitProfile()
	return s.Offer(0, unhinted(s, "dave"))
}

func statementV01() *Scenario {
	s := AdmitProfile()
	statement := s.Approval(0).Of(s.Body(0))
	statement.Type = StatementV01
	return s.State(0, statement, "dave")
}

func statementMember() *Scenario {
	s := AdmitProfile()
	return s.Payload(0, Edit(s.Approval(0).Of(s.Body(0)).JSON(), `"subject":`, `"annotations":{"a":1},"subject":`), "dave")
}

func otherDigests() *Scenario {
	s := AdmitProfile()
	statement := s.Approval(0).Of(s.Body(0))
	statement.Subject[0].Digest["sha512"] = SHA512(s.Body(0))
	statement.Subject[0].Digest["gitCommit"] = strings.Repeat("0", 40)
	return s.State(0, statement, "dave")
}

// provenanceOf asks for an approval by dave and a provenance about n subjects
// by erin.
func provenanceOf(n int) func() *Scenario {
	return func() *Scenario {
		s := AdmitProfile()
		s.Authorities.Authorities["platform"].Principals = []string{"dave"}
		s.Authorities.Authorities["ci"] = &Authority{Principals: []string{"erin"}, Threshold: 1}
		rule := s.Authorities.Rule("profiles")
		rule.Require = append(rule.Require, Requirement{"ci", ProvenanceType})
		provenance := Provenance(s.Body(0))
		for i := 1; i < n; i++ {
			other := Subject{Name: fmt.Sprintf("other-%d", i), Digest: map[string]string{"sha256": SHA256(fmt.Append(nil, i))}}
			provenance.Subject = append([]Subject{other}, provenance.Subject...)
		}
		return s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(Person("dave")).JSON(), provenance.Seal(Person("erin")).JSON())
	}
}

// spoiledBeside has a subject that is spoiled by its second digest before one
// that is not: the order of subjects says nothing.
func spoiledBeside() *Scenario {
	s := provenanceOf(1)()
	provenance := Provenance(s.Body(0))
	spoiled := SubjectOf(s.Body(0))
	spoiled.Digest["sha512"] = SHA512([]byte("another document"))
	provenance.Subject = append([]Subject{spoiled}, provenance.Subject...)
	return s.Offer(0, s.Attestation(0, 0), provenance.Seal(Person("erin")).JSON())
}

func provenanceAlone() *Scenario {
	s := AdmitProfile()
	s.Authorities.Rule("profiles").Require = []Requirement{{"platform", ProvenanceType}}
	return s.Offer(0, Provenance(s.Body(0)).Seal(Person("erin")).JSON())
}

func distinctPair() *Scenario {
	s := AdmitPolicy()
	s.Authorities.Authorities["owners"] = &Authority{Principals: []string{"alice"}, Threshold: 1}
	s.Authorities.Authorities["reviewers"] = &Authority{Principals: []string{"alice", "bob"}, Threshold: 1}
	rule := s.Authorities.Rule("prod sandboxes")
	rule.Require = []Requirement{{"owners", ApprovalType}, {"reviewers", ApprovalType}}
	rule.Distinct = [][]string{{"owners", "reviewers"}}
	return s
}

func distinctThird() *Scenario {
	s := distinctPair()
	s.Authorities.Authorities["auditors"] = &Authority{Principals: []string{"carol"}, Threshold: 1}
	rule := s.Authorities.Rule("prod sandboxes")
	rule.Require = append(rule.Require, Requirement{"auditors", ApprovalType})
	return s.Approve(0, "alice", "bob", "carol")
}

func pinnedApproved() *Scenario {
	s := pinnedPolicy()
	return s.Approve(0, "alice", "bob").SetFloor(0, 43, "")
}

func pinnedPolicy() *Scenario {
	s := AdmitPolicy().Offer(0)
	s.Authorities.Rule("prod sandboxes").Pinned = []string{s.SHA256(0)}
	return s
}

func youngEnough() *Scenario {
	s := AdmitProfile()
	s.Authorities.Rule("profiles").MaxAge = "72h"
	approval := s.Approval(0)
	approval.NotBefore = "2026-08-31T12:00:00Z"
	return s.ApproveAs(0, approval, "dave")
}

func oneAlgorithm() *Scenario {
	s := AdmitProfile()
	s.Authorities.Rule("profiles").Algorithms = []verifier.KeyAlgorithm{verifier.ECDSAP256}
	return s
}

func exactScope() *Scenario {
	s := AdmitPolicy()
	approval := s.Approval(0)
	approval.Scope = Scope{Gateway: "gw-east", Workspace: "prod", Name: "web-1"}
	return s.ApproveAs(0, approval, "alice", "bob")
}

func globScope() *Scenario {
	s := AdmitPolicy()
	approval := s.Approval(0)
	approval.Scope = Scope{Gateway: "gw-*", Workspace: "prod", Name: "web-*"}
	return s.ApproveAs(0, approval, "alice", "bob")
}

// approveAt offers approvals of a policy that say different versions.
func (s *Scenario) approveAt(versions map[string]string, order ...string) *Scenario {
	var offered [][]byte
	for _, name := range order {
		approval := s.Approval(0)
		approval.Version = versions[name]
		offered = append(offered, approval.Of(s.Body(0)).Seal(Person(name)).JSON())
	}
	return s.Offer(0, offered...)
}

func lowerAgrees() *Scenario {
	return ComposePlain().approveAt(map[string]string{"alice": "44", "bob": "42"}, "alice", "bob")
}

// ownVersions has two approvals by alice, beside one by bob at version 44.
func ownVersions(first, second string) func() *Scenario {
	return func() *Scenario {
		s := ComposePlain().approveAt(map[string]string{"alice": first, "bob": "44"}, "alice", "bob")
		again := s.Approval(0)
		again.Version = second
		return s.Offer(0, s.Attestation(0, 0), again.Of(s.Body(0)).Seal(Person("alice")).JSON(), s.Attestation(0, 1))
	}
}

func loneHigher() *Scenario {
	s := ComposePlain()
	again := s.Approval(0)
	again.Version = "4611686018427387904"
	return s.Offer(0, s.Attestation(0, 0), s.Attestation(0, 1), again.Of(s.Body(0)).Seal(Person("alice")).JSON())
}

func bigVersion() *Scenario {
	s := AdmitPolicy()
	s.Authorities.Floors = []SignedFloor{{Role: "SANDBOX_POLICY", Version: "9007199254740993"}}
	return s.approveAt(map[string]string{"alice": "9007199254740993", "bob": "9007199254740993"}, "alice", "bob")
}

func signedFloor() *Scenario {
	s := AdmitPolicy()
	s.Authorities.Floors = []SignedFloor{
		{Role: "SANDBOX_POLICY", Version: "7"},
		{Role: "SANDBOX_POLICY", Gateway: "gw-*", Workspace: "prod", Subject: "web-*", Version: "42"},
		{Role: "SANDBOX_POLICY", Workspace: "dev", Version: "100"},
		{Role: "GLOBAL_POLICY", Version: "100"},
	}
	return s
}

func fromNow() *Scenario {
	s := AdmitProfile()
	approval := s.Approval(0)
	approval.NotBefore, approval.NotAfter = stamp(s.Now), "2026-09-01T12:00:01Z"
	return s.ApproveAs(0, approval, "dave")
}

func fractions() *Scenario {
	s := AdmitProfile()
	approval := s.Approval(0)
	approval.NotBefore, approval.NotAfter = "2026-09-01T11:59:59.999999999Z", "2026-09-01T12:00:00.000000001Z"
	return s.ApproveAs(0, approval, "dave")
}

func keyWindow() *Scenario {
	s := AdmitProfile()
	key := &s.Authorities.Principals["dave"].Keys[0]
	key.NotBefore, key.NotAfter = stamp(s.Now), "2026-09-01T12:00:01Z"
	return s
}

func staleWithin() *Scenario {
	s := AdmitPolicy()
	s.Expires.Timestamp = s.Now.AddDate(0, 0, -1).Add(1e9) // maxStale is 24h
	return s
}

func newDriver() *Scenario {
	s := AdmitPolicy()
	s.Authorities.MinDriverVersion, s.DriverVersion = "0.2.0", "0.2.0"
	return s
}

func shadowed() *Scenario {
	s := AdmitPolicy()
	s.Authorities.Authorities["everyone"] = &Authority{Principals: []string{"alice", "bob", "carol"}, Threshold: 3}
	s.Authorities.Rules = append(s.Authorities.Rules, &Rule{Name: "all three", Surface: PolicySurface, Mode: "shadow",
		Require: []Requirement{{"everyone", ApprovalType}}})
	return s
}

func restored() *Scenario {
	s := AdmitProfile()
	revoked := Revoke("key", Person("dave").SHA256())
	s.Ratchet = Ratchet(revoked)
	s.Authorities.Restored = []Revocation{revoked}
	return s
}

func malformedRevocations() *Scenario {
	s := AdmitProfile()
	s.Ratchet = Ratchet(Revoke("key", Person("mallory").SHA256()))
	s.Revocations = []byte(`{"schema":"sigdriver.revocations/v1","entries":[{"kind":"everything"}]}`)
	s.PreviousRevocationExpires = s.Now.AddDate(0, 0, 1)
	return s
}

// WebTwo is a second sandbox that web-* approvals are about.
var WebTwo = verifier.Target{GatewayID: "gw-east", Workspace: "prod", SandboxID: "sb-0002", Name: "web-2"}

func otherSandbox() *Scenario {
	s := ComposePlain()
	approval := s.Approval(0)
	approval.Scope.Name, approval.Version = "web-*", "6"
	s.ApproveAs(0, approval, "alice", "bob").SetFloor(0, 7, SHA256([]byte("web-1's newer policy")))
	s.Request.Target = WebTwo
	return s
}
