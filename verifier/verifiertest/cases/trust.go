// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// trustCases are refusals because trust itself does not hold, or takes
// something away.
func trustCases() []*Case {
	stale := at(verifier.TrustStale, -1, -1)
	return []*Case{
		denies("trust-unavailable", admitPolicy, "No trust has been loaded.",
			func(s *vt.Scenario) { s.NoTrust = true }, at(verifier.TrustUnavailable, -1, -1)),
		denies("trust-unavailable-compose", composeLayers, "No trust has been loaded; what was asked is echoed all the same.",
			func(s *vt.Scenario) { s.NoTrust = true }, at(verifier.TrustUnavailable, -1, -1)),
		denies("trust-stale-timestamp", "allow-stale-within-budget", "The timestamp role expired longer ago than maxStale.",
			func(s *vt.Scenario) { s.Expires.Timestamp = s.Now.Add(-24 * time.Hour) }, stale).attack("TU-14"),
		denies("trust-stale-revocation", admitPolicy, "The revocation role expired, the rest is fresh: a mirror that withholds revocations is found out.",
			func(s *vt.Scenario) { s.Expires.Revocation = s.Now.Add(-24 * time.Hour) }, stale).attack("SE-13"),
		denies("trust-stale-revocation-malformed", "allow-revocations-malformed", "The list does not parse and the last one that did has expired.",
			func(s *vt.Scenario) { s.PreviousRevocationExpires = s.Now.Add(-24 * time.Hour) }, stale).attack("SE-12"),
		denies("trust-stale-root", admitPolicy, "The root role expired; maxStale is not for it.",
			func(s *vt.Scenario) { s.Expires.Root = s.Now }, stale),
		denies("trust-stale-snapshot", admitPolicy, "The snapshot role expired; maxStale is not for it.",
			func(s *vt.Scenario) { s.Expires.Snapshot = s.Now }, stale),
		denies("trust-stale-targets", admitPolicy, "The targets role expired; maxStale is not for it.",
			func(s *vt.Scenario) { s.Expires.Targets = s.Now }, stale),
		denies("trust-stale-no-budget", "allow-stale-within-budget", "maxStale is not at all.",
			func(s *vt.Scenario) { s.Authorities.MaxStale = "0s" }, stale),
		denies("driver-too-old", "allow-driver-new-enough", "Trust asks for a newer driver.",
			func(s *vt.Scenario) { s.DriverVersion = "0.1.9" }, at(verifier.DriverTooOld, -1, -1)),
		denies("document-revoked", admitPolicy, "The document is revoked, whoever approved it.",
			func(s *vt.Scenario) { s.Revocations = vt.Revocations(vt.Revoke("document", s.SHA256(0))) }, at(verifier.DocumentRevoked, 0, -1)),
		denies("document-revoked-pinned", "allow-pinned", "The document is revoked although a rule pins it.",
			func(s *vt.Scenario) { s.Revocations = vt.Revocations(vt.Revoke("document", s.SHA256(0))) }, at(verifier.DocumentRevoked, 0, -1)),
		denies("attestation-revoked", admitProfile, "The approval is revoked by the digest of its PAE.",
			revokeAttestation, at(verifier.AttestationRevoked, 0, 0)).attack("ST-21"),
		denies("attestation-revoked-reencoded", "allow-payload-urlsafe", "A revoked approval in another spelling of base64 is the same attestation.",
			revokeUnpadded, at(verifier.AttestationRevoked, 0, 0)).attack("SE-10"),
		denies("attestation-revoked-bundled", "allow-bundle-v0.3-protobuf", "A revoked approval in a bundle is the same attestation.",
			func(s *vt.Scenario) {
				s.Revocations = vt.Revocations(vt.Revoke("attestation", s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave")).SHA256()))
			}, at(verifier.AttestationRevoked, 0, 0)).attack("SE-10"),
		denies("attestation-revoked-malleated", admitProfile, "A revoked approval with the signature's twin (r, n−s) is the same attestation.",
			func(s *vt.Scenario) {
				revokeAttestation(s)
				e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave"))
				e.Signatures[0].Sig = b64(vt.Malleate(e.Sig(0)))
				s.Offer(0, e.JSON())
			}, at(verifier.AttestationRevoked, 0, 0)).attack("SE-10"),
		denies("attestation-revoked-unknown-member", "allow-envelope-unknown-member", "A revoked approval in an envelope with another member is the same attestation.",
			revokeAttestation, at(verifier.AttestationRevoked, 0, 0)).attack("SE-10"),
		denies("attestation-revoked-before", admitProfile, "The list no longer names what the ratchet remembers: still revoked.",
			func(s *vt.Scenario) {
				s.Ratchet = vt.Ratchet(vt.Revoke("attestation", s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave")).SHA256()))
				s.Revocations = vt.Revocations()
			}, at(verifier.AttestationRevoked, 0, 0)).attack("SE-11", "ST-21"),
		denies("signer-revoked", admitProfile, "The signer's key is revoked.",
			func(s *vt.Scenario) { s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("dave").SHA256())) }, at(verifier.SignerRevoked, 0, 0)),
		denies("signer-revoked-not-restored", "allow-restored", "Another key is restored, not this one.",
			func(s *vt.Scenario) {
				s.Authorities.Restored = []vt.Revocation{vt.Revoke("key", vt.Person("erin").SHA256())}
			}, at(verifier.SignerRevoked, 0, 0)).attack("ST-21"),
		denies("signer-expired", "allow-key-window", "A bare signature dies with its key's window.",
			func(s *vt.Scenario) { s.Now = s.Now.Add(time.Second) }, at(verifier.SignerExpired, 0, 0)),
		denies("signer-expired-not-yet", "allow-key-window", "A bare signature before its key's window counts for nothing.",
			func(s *vt.Scenario) { s.Now = s.Now.Add(-time.Second) }, at(verifier.SignerExpired, 0, 0)),
		denies("signer-unknown", admitProfile, "Signed by a key that no principal holds.",
			func(s *vt.Scenario) { s.Approve(0, "mallory") }, at(verifier.SignerUnknown, 0, 0)),
		denies("signer-out-of-scope", admitProfile, "Signed by a principal of another authority.",
			func(s *vt.Scenario) { s.Approve(0, "bob") }, at(verifier.SignerOutOfScope, 0, 0)),
		denies("signer-out-of-scope-hint", "allow-bundle-v0.3", "A bundle whose hint names a trusted key of another authority, which signed it.",
			func(s *vt.Scenario) {
				s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(vt.Person("bob")).Bundle("0.3", vt.Person("bob")).JSON())
			}, at(verifier.SignerOutOfScope, 0, 0)).attack("SB-17"),
	}
}

// revokeAttestation revokes the approval that dave gave.
func revokeAttestation(s *vt.Scenario) {
	s.Revocations = vt.Revocations(vt.Revoke("attestation", s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave")).SHA256()))
}

// revokeUnpadded revokes what the URL-safe payload decodes to.
func revokeUnpadded(s *vt.Scenario) {
	approval := s.Approval(0)
	approval.Reason = "~~~???>>>"
	s.Revocations = vt.Revocations(vt.Revoke("attestation", approval.Of(s.Body(0)).Seal(vt.Person("dave")).SHA256()))
}
