// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "crypto/sha256"

// requestSource is where a request comes from: it was received with all its
// bytes, or it is read from the record of an earlier decision. Rules, approvals,
// floors and time are evaluated alike, by the same code.
type requestSource interface {
	// request has everything but, from a record, the bytes.
	request() *Request
	// digest is of the body of a document.
	digest(document int) [32]byte
	// document parses a document, or says why it is refused whatever was signed.
	document(document int) (*parsedDocument, *Finding)
	// verifyAttestation checks the signatures of one attestation.
	verifyAttestation(trust *Trust, document, attestation int, budget *signatureBudget) verifiedAttestation
	// effectiveSHA256 is of the effective document, and false when there is none.
	effectiveSHA256() (sum [32]byte, some bool)
	// compareEffective compares the effective document with the composition of the others.
	compareEffective(parsed []*parsedDocument) []Finding
}

// receivedRequest is a request with all its bytes: what a gateway asks.
type receivedRequest struct {
	*Request
	verified map[[32]byte]verifiedAttestation // by the sha256 of its bytes: documents may share an attestation
}

func (r receivedRequest) request() *Request { return r.Request }

func (r receivedRequest) digest(i int) [32]byte { return sha256.Sum256(r.Documents[i].Body) }

func (r receivedRequest) document(i int) (*parsedDocument, *Finding) {
	return parseDocument(&r.Documents[i], &r.Target)
}

func (r receivedRequest) verifyAttestation(trust *Trust, i, attestation int, budget *signatureBudget) verifiedAttestation {
	raw := r.Documents[i].Attestations[attestation]
	sum := sha256.Sum256(raw)
	if len(r.Documents) == 1 {
		return trust.checkAttestation(attestation, raw, sum, budget)
	}
	if known, ok := r.verified[sum]; ok {
		return known.withIndex(attestation)
	}
	v := trust.checkAttestation(attestation, raw, sum, budget)
	r.verified[sum] = v
	return v
}

func (r receivedRequest) effectiveSHA256() ([32]byte, bool) {
	return sha256.Sum256(r.Effective), len(r.Effective) > 0
}

func (r receivedRequest) compareEffective(parsed []*parsedDocument) []Finding {
	return checkComposition(r.Request, parsed)
}
