// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "crypto/sha256"

// question is a request as the verifier comes to know it. There are two kinds:
// one that was received, with all its bytes, and one that is recalled from its
// record. Rules, votes, floors and time are judged alike, by the same code.
type requestSource interface {
	// request has everything but, when it is recalled, the bytes.
	request() *Request
	// digest is of the body of a document.
	digest(document int) [32]byte
	// document parses a document, or says why it is refused whatever was signed.
	document(document int) (*parsedDocument, *Finding)
	// hear checks the signatures of one attestation.
	verifyAttestation(trust *Trust, document, attestation int, budget *signatureBudget) verifiedAttestation
	// effective is the digest of the effective document, and whether there is one.
	effectiveSHA256() (sum [32]byte, some bool)
	// compose compares the effective document with the composition of the others.
	compareEffective(parsed []*parsedDocument) []Finding
}

// heard is one attestation whose signatures were checked. It looks at no clock.
type verifiedAttestation struct {
	claims      []*claim
	findings    []Finding
	signerKnown bool // somebody whom trust knows has signed it
}

// hear checks one encoded attestation: each good signature of somebody known is a
// claim, everything else a finding.
func (t *Trust) verifyAttestation(attestation int, raw []byte, budget *signatureBudget) verifiedAttestation {
	proofs, refused := t.verifySignatures(attestation, raw, budget)
	h := verifiedAttestation{findings: refused, signerKnown: len(proofs) > 0}
	for i := range proofs {
		c, f := t.judge(&proofs[i])
		if f != nil {
			h.findings = append(h.findings, *f)
			continue
		}
		h.claims = append(h.claims, c)
	}
	return h
}

// received is a request with all its bytes: what a gateway asks.
type receivedRequest struct{ *Request }

func (r receivedRequest) request() *Request { return r.Request }

func (r receivedRequest) digest(i int) [32]byte { return sha256.Sum256(r.Documents[i].Body) }

func (r receivedRequest) document(i int) (*parsedDocument, *Finding) {
	return parseDocument(&r.Documents[i], &r.Target)
}

func (r receivedRequest) verifyAttestation(trust *Trust, i, attestation int, budget *signatureBudget) verifiedAttestation {
	return trust.verifyAttestation(attestation, r.Documents[i].Attestations[attestation], budget)
}

func (r receivedRequest) effectiveSHA256() ([32]byte, bool) {
	return sha256.Sum256(r.Effective), len(r.Effective) > 0
}

func (r receivedRequest) compareEffective(parsed []*parsedDocument) []Finding {
	return checkComposition(r.Request, parsed)
}
