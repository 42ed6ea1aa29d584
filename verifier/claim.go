// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"slices"
	"strings"
	"time"
)

// proof is what one signature proved without looking at the clock: who signed
// which statement, and when a log or a timestamp authority saw it. Nothing
// unverified has a place in it.
type verifiedSignature struct {
	attestation int                // index of the attestation it came in
	digest      [32]byte           // sha256 of the DSSE PAE over the decoded payload
	key         *signingKey        // nil for a certificate
	certificate *signerCertificate // nil for a key
	times       []time.Time        // verified log and timestamp times, ascending
	payload     []byte             // the decoded payload whose signature checked
}

// signerCertificate is what a verified Fulcio certificate says.
type signerCertificate struct {
	issuer    string
	san       string
	spki      [32]byte
	algorithm KeyAlgorithm
}

// claim is what is left of a proof once its signer is known: a principal said a
// statement.
type claim struct {
	attestation int
	digest      [32]byte
	principal   *principal
	algorithm   KeyAlgorithm
	signer      string      // for people: "ecdsa-p256 9f3c1a2b" or the certificate's identity
	times       []time.Time // verified times, ascending; empty for a bare signature
	// A bare signature counts only while its key's window is open: from, and
	// before until. Zero is without end. With verified times both are zero,
	// because the window was judged at those.
	from, until time.Time
	statement   *statement
}

// judge turns a proof into a claim, or says why it counts for nothing. It looks
// at no clock: what remains to be judged at the time of the decision is in the
// claim. SPEC: R4.
func (t *Trust) judge(p *verifiedSignature) (*claim, *Finding) {
	var c *claim
	f := t.revocationFinding(p)
	if f == nil {
		c, f = t.attribute(p)
	}
	if f == nil {
		f = c.window(p)
	}
	if f == nil {
		c.statement, f = parseStatement(p.payload)
	}
	if f != nil {
		f.Attestation = p.attestation
		return nil, f
	}
	return c, nil
}

// attribute finds the one principal who made the signature.
func (t *Trust) attribute(p *verifiedSignature) (*claim, *Finding) {
	c := &claim{attestation: p.attestation, digest: p.digest, times: p.times}
	if p.key != nil {
		c.principal, c.algorithm, c.signer = p.key.owner, p.key.algorithm, p.key.short()
		if c.principal == nil {
			return nil, refuseAttestation(SignerUnknown, "the key %s belongs to nobody", c.signer)
		}
		return c, nil
	}
	c.algorithm, c.signer = p.certificate.algorithm, quote(p.certificate.san)
	var f *Finding
	c.principal, f = t.owner(p.certificate)
	return c, f
}

// revocation reports whether the attestation or its signer was revoked. Whatever
// is revoked counts for nothing, whenever it was signed.
func (t *Trust) revocationFinding(p *verifiedSignature) *Finding {
	switch {
	case t.revoked.attestation(p.digest):
		return refuseAttestation(AttestationRevoked, "the attestation sha256:%x is revoked", p.digest)
	case p.key != nil && t.revoked.key(p.key.spki):
		return refuseAttestation(SignerRevoked, "the key %s is revoked", p.key.short())
	case p.certificate != nil && t.revoked.key(p.certificate.spki):
		return refuseAttestation(SignerRevoked, "the key %s in the certificate is revoked", shortKey(p.certificate.algorithm, p.certificate.spki))
	case p.certificate != nil && t.revoked.identity(p.certificate.issuer, p.certificate.san):
		return refuseAttestation(SignerRevoked, "the identity %s is revoked", quote(p.certificate.san))
	}
	return nil
}

// window judges the key's window at every time that a log or a timestamp
// authority vouches for. Without any the window is the claim's own.
func (c *claim) window(p *verifiedSignature) *Finding {
	if p.key == nil {
		return nil // a certificate's window was judged with its chain
	}
	if len(p.times) == 0 {
		c.from, c.until = p.key.notBefore, p.key.notAfter
		return nil
	}
	for _, at := range p.times {
		if at.Before(p.key.notBefore) || !p.key.notAfter.IsZero() && !at.Before(p.key.notAfter) {
			return refuseAttestation(SignerExpired, "signed at %s, when the key %s of %s was not valid", stamp(at), p.key.short(), quote(p.key.owner.name))
		}
	}
	return nil
}

// owner finds the principal whose identity the certificate shows. One that fits
// nobody, or several principals, counts for nobody.
func (t *Trust) owner(cert *signerCertificate) (*principal, *Finding) {
	var owners []*principal
	var knownIssuer, knownSAN bool
	for _, p := range t.authorities.principals {
		owns := false
		for i := range p.identities {
			san, issuer := p.identities[i].names(cert.san), p.identities[i].issuer == cert.issuer
			owns = owns || san && issuer
			knownSAN, knownIssuer = knownSAN || san, knownIssuer || issuer
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
// who says what about which digests. Windows, revocation and age are judged at
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
}

// Evidence returns what an encoded attestation proves to this trust, one entry
// a signature that verifies and belongs to one principal, and why the others
// prove nothing. Document is -1 and Attestation 0 in its findings. At most
// MaxAttestation bytes are read.
func (t *Trust) Evidence(raw []byte) ([]Evidence, []Finding) {
	if t == nil {
		return nil, []Finding{*refuseAttestation(TrustUnavailable, "there is no trust")}
	}
	budget := newSignatureBudget()
	proofs, findings := t.verifySignatures(0, raw, budget)
	var list []Evidence
	for i := range proofs {
		e, f := t.evidence(&proofs[i])
		if f != nil {
			f.Attestation = 0
			findings = append(findings, *f)
			continue
		}
		list = append(list, *e)
	}
	return list, findings
}

func (t *Trust) evidence(p *verifiedSignature) (*Evidence, *Finding) {
	c, f := t.attribute(p)
	if f != nil {
		return nil, f
	}
	s, f := parseStatement(p.payload)
	if f != nil {
		return nil, f
	}
	e := &Evidence{PredicateType: s.predicateType, Principal: c.principal.name, SHA256: p.digest}
	switch s.predicateType {
	case ApprovalPredicateType:
		a, f := parseApprovalPredicate(s.predicate)
		if f != nil {
			return nil, f
		}
		e.Version = a.version
	case SetPredicateType:
		set, f := parseSetStatement(s)
		if f != nil {
			return nil, f
		}
		e.Version = set.name.version
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
