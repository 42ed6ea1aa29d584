// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "crypto/sha256"

// question is a request as the verifier comes to know it. There are two kinds:
// one that was received, with all its bytes, and one that is recalled from its
// record. Rules, votes, floors and time are judged alike, by the same code.
type question interface {
	// request has everything but, when it is recalled, the bytes.
	request() *Request
	// digest is of the body of a document.
	digest(document int) [32]byte
	// document parses a document, or says why it is refused whatever was signed.
	document(document int) (*parsedDocument, *Finding)
	// hear checks the signatures of one attestation.
	hear(trust *Trust, document, attestation int, budget *checks) heard
	// effective is the digest of the effective document, and whether there is one.
	effective() (sum [32]byte, some bool)
	// compose compares the effective document with the composition of the others.
	compose(parsed []*parsedDocument) []Finding
}

// heard is one attestation whose signatures were checked. It looks at no clock.
type heard struct {
	claims  []*claim
	refused []Finding
	signed  bool // somebody whom trust knows has signed it
}

// hear checks one encoded attestation: each good signature of somebody known is a
// claim, everything else a finding.
func (t *Trust) hear(attestation int, raw []byte, budget *checks) heard {
	proofs, refused := t.prove(attestation, raw, budget)
	h := heard{refused: refused, signed: len(proofs) > 0}
	for i := range proofs {
		c, f := t.judge(&proofs[i])
		if f != nil {
			h.refused = append(h.refused, *f)
			continue
		}
		h.claims = append(h.claims, c)
	}
	return h
}

// received is a request with all its bytes: what a gateway asks.
type received struct{ *Request }

func (r received) request() *Request { return r.Request }

func (r received) digest(i int) [32]byte { return sha256.Sum256(r.Documents[i].Body) }

func (r received) document(i int) (*parsedDocument, *Finding) {
	return parseDocument(&r.Documents[i], &r.Target)
}

func (r received) hear(trust *Trust, i, attestation int, budget *checks) heard {
	return trust.hear(attestation, r.Documents[i].Attestations[attestation], budget)
}

func (r received) effective() ([32]byte, bool) {
	return sha256.Sum256(r.Effective), len(r.Effective) > 0
}

func (r received) compose(parsed []*parsedDocument) []Finding {
	return checkComposition(r.Request, parsed)
}
