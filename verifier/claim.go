// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"slices"
	"strings"
	"time"
)

// signerCertificate is what a verified Fulcio certificate says.
type signerCertificate struct {
	issuer    string
	san       string
	claims    map[string]string // of certificateClaims, as far as it has them
	spki      [32]byte
	algorithm KeyAlgorithm
}

// claim is what a verified signature of a known signer comes to: a principal said
// a statement.
type claim struct {
	attestation int
	digest      [32]byte
	principal   *principal
	algorithm   KeyAlgorithm
	signer      string      // for people: "ecdsa-p256 9f3c1a2b" or the certificate's identity
	times       []time.Time // verified times, ascending; empty for a bare signature
	// A bare signature counts only while its key's window is open: from, and
	// before until. Zero is without end. With verified times both are zero,
	// because the window was checked at those.
	from, until time.Time
	statement   *statement
	// approves is what a policy-approval says, set what a policy-bundle does; the faults
	// say why it is none. All are nil for any other statement.
	approves      *approvalPredicate
	approvesFault *Finding
	set           *policySet
	setFault      *Finding
}

// verifiedAttestation is one attestation whose signatures were checked. It does
// not depend on the time.
type verifiedAttestation struct {
	claims      []*claim
	findings    []Finding
	signerKnown bool // somebody whom trust knows has signed it
}

// verifyAttestation checks one encoded attestation: each good signature of
// somebody known is a claim, everything else a finding.
func (t *Trust) verifyAttestation(attestation int, raw []byte, budget *signatureBudget) verifiedAttestation {
	good, findings := t.verifySignatures(attestation, raw, budget)
	v := verifiedAttestation{findings: findings, signerKnown: len(good) > 0}
	for i := range good {
		c, f := t.newClaim(&good[i])
		if f != nil {
			v.findings = append(v.findings, *f)
			continue
		}
		v.claims = append(v.claims, c)
	}
	return v
}

// newClaim turns a verified signature into a claim, or says why it counts for
// nothing. It looks at no clock: what remains to be checked at the time of the
// decision is in the claim. SPEC: R4.
func (t *Trust) newClaim(s *verifiedSignature) (c *claim, f *Finding) {
	if f = t.revocationFinding(s); f == nil {
		c, f = t.attribute(s)
	}
	if f == nil && s.key != nil { // a certificate's window was checked with its chain
		// The key's window counts at every time that a log or a timestamp authority
		// vouches for. Without any the window is the claim's own.
		if len(s.times) == 0 {
			c.from, c.until = s.key.notBefore, s.key.notAfter
		}
		for _, at := range s.times {
			if at.Before(s.key.notBefore) || !s.key.notAfter.IsZero() && !at.Before(s.key.notAfter) {
				f = refuseAttestation(SignerExpired, "signed at %s, when the key %s of %s was not valid", stamp(at), s.key.short(), quote(s.key.owner.name))
				break
			}
		}
	}
	if f == nil {
		c.statement, f = parseStatement(s.payload)
	}
	if f == nil {
		switch c.statement.predicateType {
		case ApprovalPredicateType:
			c.approves, c.approvesFault = parseApprovalPredicate(c.statement.predicate)
		case SetPredicateType:
			c.set, c.setFault = parseSetStatement(c.statement)
		}
	}
	if f != nil {
		f.Attestation = s.attestation
		return nil, f
	}
	return c, nil
}

// approved returns what a policy-approval approves. The claim, and with it the finding, may
// be shared by the documents that its attestation came with.
func (c *claim) approved() (*approvalPredicate, *Finding) {
	if c.approves != nil {
		return c.approves, nil
	}
	return nil, unread(c.approvesFault, "the policy approval was not read")
}

// approvedSet returns the set that a policy-bundle approves, likewise.
func (c *claim) approvedSet() (*policySet, *Finding) {
	if c.set != nil {
		return c.set, nil
	}
	return nil, unread(c.setFault, "the policy bundle was not read")
}

// unread is a finding of its own that says why a predicate was not read.
func unread(fault *Finding, otherwise string) *Finding {
	if fault == nil {
		return &Finding{Reason: PredicateInvalid, Document: -1, Attestation: -1, Detail: otherwise}
	}
	f := *fault
	return &f
}

// attribute finds the one principal who made the signature.
func (t *Trust) attribute(s *verifiedSignature) (*claim, *Finding) {
	c := &claim{attestation: s.attestation, digest: s.digest, times: s.times}
	if s.key != nil {
		c.principal, c.algorithm, c.signer = s.key.owner, s.key.algorithm, s.key.short()
		if c.principal == nil {
			return nil, refuseAttestation(SignerUnknown, "the key %s belongs to nobody", c.signer)
		}
		return c, nil
	}
	c.algorithm, c.signer = s.certificate.algorithm, quote(s.certificate.san)
	var f *Finding
	c.principal, f = t.owner(s.certificate)
	return c, f
}

// revocationFinding reports the attestation or its signer as revoked. Whatever
// is revoked counts for nothing, whenever it was signed.
func (t *Trust) revocationFinding(s *verifiedSignature) *Finding {
	switch {
	case t.revoked.attestation(s.digest):
		return refuseAttestation(AttestationRevoked, "the attestation sha256:%x is revoked%s", s.digest, t.revoked.why(revokedThing{kind: "attestation", sha256: s.digest}))
	case s.key != nil && t.revoked.key(s.key.spki):
		return refuseAttestation(SignerRevoked, "the key %s is revoked%s", s.key.short(), t.revoked.why(revokedThing{kind: "key", sha256: s.key.spki}))
	case s.certificate != nil && t.revoked.key(s.certificate.spki):
		return refuseAttestation(SignerRevoked, "the key %s in the certificate is revoked%s", shortKey(s.certificate.algorithm, s.certificate.spki),
			t.revoked.why(revokedThing{kind: "key", sha256: s.certificate.spki}))
	case s.certificate != nil && t.revoked.identity(s.certificate.issuer, s.certificate.san):
		return refuseAttestation(SignerRevoked, "the identity %s is revoked%s", quote(s.certificate.san),
			t.revoked.why(revokedThing{kind: "identity", id: revokedIdentity{s.certificate.issuer, s.certificate.san}}))
	}
	return nil
}

// owner finds the principal whose identity the certificate shows. One that fits
// nobody, or several principals, counts for nobody.
func (t *Trust) owner(cert *signerCertificate) (*principal, *Finding) {
	var owners []*principal
	var knownIssuer, knownSAN bool
	var missed []string
	for _, p := range t.authorities.principals {
		owns := false
		for i := range p.identities {
			id := &p.identities[i]
			san, issuer := id.names(cert.san), id.issuer == cert.issuer
			knownSAN, knownIssuer = knownSAN || san, knownIssuer || issuer
			if !san || !issuer {
				continue
			}
			if claim := missedClaim(id.claims, cert.claims); claim != nil {
				missed = append(missed, claimFinding(claim, cert.claims))
				continue
			}
			owns = true
		}
		if owns {
			owners = append(owners, p)
		}
	}
	san, issuer := quote(cert.san), quote(cert.issuer)
	switch {
	case len(owners) == 1:
		return owners[0], nil
	case len(owners) > 1:
		return nil, refuseAttestation(SignerAmbiguous, "the identity %s by %s fits %s", san, issuer, nameList(owners))
	case len(missed) > 0:
		return nil, refuseAttestation(CertIdentity, "the identity %s by %s is known, but not so: %s", san, issuer, slices.Min(missed))
	case knownSAN:
		return nil, refuseAttestation(CertIssuer, "the identity %s is vouched for by %s, not by the issuer that trust names for it", san, issuer)
	case knownIssuer:
		return nil, refuseAttestation(CertIdentity, "the issuer %s is known, the identity %s is nobody's", issuer, san)
	}
	return nil, refuseAttestation(SignerUnknown, "neither the identity %s nor its issuer %s is known", san, issuer)
}

// names reports whether the identity is this subject alternative name.
func (id *identity) names(san string) bool {
	if id.pattern != nil {
		return id.pattern.MatchString(san)
	}
	return id.san != "" && id.san == san
}

// nameList lists principals for people, in alphabetical order.
func nameList(list []*principal) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = quote(p.name)
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}

// Evidence is what one signature in an attestation proves whatever the time:
// who says what about which digests. Windows, revocation and age are checked at
// every decision.
type Evidence struct {
	// SubjectSHA256 are the sha256 digests of the subjects, 64 lower-case hex digits each.
	SubjectSHA256 []string
	PredicateType string
	Principal     string
	// Version is what a policy-approval or a policy-bundle approves; 0 for
	// other predicates.
	Version uint64
	// SHA256 is the digest of the attestation: of its DSSE PAE.
	SHA256 [32]byte

	notBefore, notAfter time.Time // of an approval; zero for other predicates
}

// Evidence returns what an encoded attestation proves to this trust, one entry
// a signature that verifies and belongs to one principal, and why the others
// prove nothing. Document is -1 and Attestation 0 in its findings. At most
// MaxAttestation bytes are read.
func (t *Trust) Evidence(raw []byte) ([]Evidence, []Finding) {
	if t == nil {
		return nil, []Finding{*refuseAttestation(TrustUnavailable, "there is no trust")}
	}
	good, findings := t.verifySignatures(0, raw, newSignatureBudget())
	var list []Evidence
	for i := range good {
		e, f := t.evidence(&good[i])
		if f != nil {
			f.Attestation = 0
			findings = append(findings, *f)
			continue
		}
		list = append(list, *e)
	}
	return list, findings
}

func (t *Trust) evidence(signed *verifiedSignature) (*Evidence, *Finding) {
	c, f := t.attribute(signed)
	if f != nil {
		return nil, f
	}
	s, f := parseStatement(signed.payload)
	if f != nil {
		return nil, f
	}
	e := &Evidence{PredicateType: s.predicateType, Principal: c.principal.name, SHA256: signed.digest}
	switch s.predicateType {
	case ApprovalPredicateType:
		a, f := parseApprovalPredicate(s.predicate)
		if f != nil {
			return nil, f
		}
		e.Version, e.notBefore, e.notAfter = a.version, a.notBefore, a.notAfter
	case SetPredicateType:
		set, f := parseSetStatement(s)
		if f != nil {
			return nil, f
		}
		e.Version, e.notBefore, e.notAfter = set.name.version, set.notBefore, set.notAfter
	}
	for _, subject := range s.subjects {
		if sum := subject.digest["sha256"]; isHexSHA256(sum) {
			e.SubjectSHA256 = append(e.SubjectSHA256, sum)
		}
	}
	if len(e.SubjectSHA256) == 0 {
		return nil, refuseAttestation(SubjectDigestAlg, "no subject has a sha256 digest")
	}
	return e, nil
}
