// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
)

// signatureBudget is what is left of the public-key operations that one Verify
// may spend.
type signatureBudget struct {
	named    int // on signatures whose hint names a key of trust
	searched int // on all others, and on bundles
	padding  int // on a second look at RSA signatures, which only makes a refusal clearer
}

func newSignatureBudget() *signatureBudget {
	return &signatureBudget{MaxNamedChecks, MaxSignatureChecks, maxPaddingChecks}
}

// spend takes n from a part of the budget, and reports whether it was there.
func spend(left *int, n int) bool {
	*left = max(*left-n, -1)
	return *left >= 0
}

// verifiedSignature is what one signature proved without looking at the clock:
// who signed which statement, and when a log or a timestamp authority saw it.
// Nothing unverified has a place in it.
type verifiedSignature struct {
	attestation int                // index of the attestation it came in
	digest      [32]byte           // sha256 of the DSSE PAE over the decoded payload
	key         *signingKey        // nil for a certificate
	certificate *signerCertificate // nil for a key
	times       []time.Time        // verified log and timestamp times, ascending
	payload     []byte             // the decoded payload whose signature checked
	sig         []byte
	bundle      *protobundle.Bundle // whose log entries and timestamps were checked; nil for none
	leaf        []byte              // the certificate, where a Proof keeps it; nil for a key
}

// verifySignatures checks the signatures of one encoded attestation: what each
// good one proves, and a finding on each bad one. A fault of the whole is one
// finding, and nothing is proved. It looks at no clock.
func (t *Trust) verifySignatures(attestation int, raw []byte, budget *signatureBudget) (good []verifiedSignature, findings []Finding) {
	a, f := parseAttestation(raw)
	switch {
	case f != nil:
	case a.bundle == nil:
		good, findings = t.verifyEnvelope(a.envelope, "", budget)
	case a.envelope == nil:
		f = refuseAttestation(PayloadType, "the bundle holds a signature over a message, not an in-toto Statement in a DSSE envelope")
	case a.bundle.keyed:
		good, findings = t.verifyKeyedBundle(a, budget)
	default:
		var s *verifiedSignature
		if s, f = t.verifyCertificateBundle(a, budget); f == nil {
			good = []verifiedSignature{*s}
		}
	}
	if f != nil {
		findings = []Finding{*f}
	}
	for i := range good {
		good[i].attestation = attestation
	}
	for i := range findings {
		findings[i].Attestation = attestation
	}
	return good, findings
}

// verifyEnvelope checks each signature of an envelope alone. A key that signed
// twice counts once, whatever its signatures or key ids look like.
func (t *Trust) verifyEnvelope(e *envelope, hint string, budget *signatureBudget) (good []verifiedSignature, findings []Finding) {
	m := newSignedMessage(PAE(e.payloadType, e.payload))
	search := keySearch{trust: t, message: m, budget: budget}
	for i, s := range e.signatures {
		if hint == "" {
			search.hint = s.keyID
		} else {
			search.hint = hint
		}
		key, f := search.find(s.sig)
		if f == nil && e.payloadType != InTotoPayloadType {
			// Only now: a type that was changed after signing is a bad signature.
			f = refuseAttestation(PayloadType, "the payload type %s is not %s", quote(e.payloadType), InTotoPayloadType)
		}
		if f != nil {
			if len(e.signatures) > 1 {
				f.Detail = clip(fmt.Sprintf("signature %d: %s", i, f.Detail), MaxDetail-4)
			}
			findings = append(findings, *f)
			continue
		}
		if !slices.ContainsFunc(good, func(s verifiedSignature) bool { return s.key == key }) {
			good = append(good, verifiedSignature{digest: m.sha256, key: key, payload: e.payload, sig: s.sig})
		}
	}
	return good, findings
}

// keySearch looks for the key that made a signature.
type keySearch struct {
	trust   *Trust
	message *signedMessage
	budget  *signatureBudget
	hint    string
	ordered []*signingKey // every key of trust, by SPKI; nil until needed
}

// find returns the key whose signature over the message this is. A hint that
// names a key of trust is final; without one every key is tried whose
// signatures look like this one, as long as the budget lasts.
func (s *keySearch) find(sig []byte) (*signingKey, *Finding) {
	spki, foreign := hintedSPKI(s.hint)
	if key := s.trust.key(spki); foreign && key != nil {
		switch {
		case !key.fits(sig):
		case !spend(&s.budget.named, 1):
			return nil, refuseAttestation(TooManySignatures, "not looked at: the request spent its %d checks of signatures that name a known key", MaxNamedChecks)
		case s.trust.verified.verify(key, s.message, sig):
			return key, nil
		}
		if f := s.otherPadding(key, sig); f != nil {
			return nil, f
		}
		return nil, refuseAttestation(SignatureInvalid, "the signature is not by the key %s that it names", key.short())
	}
	tried := 0
	for _, key := range s.keys() {
		if !key.fits(sig) {
			continue
		}
		if !spend(&s.budget.searched, 1) {
			return nil, refuseAttestation(TooManySignatures, "not looked at: the request spent its %d signature checks on signatures that name no known key", MaxSignatureChecks)
		}
		tried++
		if s.trust.verified.verify(key, s.message, sig) {
			return key, nil
		}
	}
	switch {
	case foreign:
		return nil, refuseAttestation(SignerUnknown, "signed by the key sha256:%x, which trust does not know", spki[:8])
	case tried == 0 && plausible(sig):
		return nil, refuseAttestation(SignerUnknown, "trust knows no key that makes such signatures")
	}
	for _, key := range s.keys() {
		if f := s.otherPadding(key, sig); f != nil {
			return nil, f
		}
	}
	return nil, refuseAttestation(SignatureInvalid, "the signature is by none of the keys that trust knows, or over other bytes")
}

// otherPadding says that a signature would be an RSA key's, had trust declared the key
// with the other padding; nil if not.
func (s *keySearch) otherPadding(key *signingKey, sig []byte) *Finding {
	other := *key
	switch key.algorithm {
	case RSAPSSSHA256:
		other.algorithm = RSAPKCS1v15
	case RSAPKCS1v15:
		other.algorithm = RSAPSSSHA256
	default:
		return nil
	}
	if !key.fits(sig) || !spend(&s.budget.padding, 1) || !other.verify(s.message, sig) {
		return nil
	}
	return refuseAttestation(SignatureInvalid, "the key %s signed this as %s, and authorities.json declares it as %s: sign with that padding, or declare the other", key.short(), other.algorithm, key.algorithm)
}

// plausible reports whether a signature has the shape of any algorithm we know.
func plausible(sig []byte) bool {
	der := len(sig) >= 8 && sig[0] == 0x30 && int(sig[1]) == len(sig)-2
	return der || len(sig) == 64 || len(sig) >= minRSABits/8 && len(sig) <= maxRSABits/8
}

// keys lists every key of trust, by SPKI.
func (s *keySearch) keys() []*signingKey {
	if s.ordered == nil && s.trust.authorities != nil {
		s.ordered = make([]*signingKey, 0, len(s.trust.authorities.keys))
		for _, key := range s.trust.authorities.keys {
			s.ordered = append(s.ordered, key)
		}
		slices.SortFunc(s.ordered, func(a, b *signingKey) int { return bytes.Compare(a.spki[:], b.spki[:]) })
	}
	return s.ordered
}

// key returns the key with this SPKI, nil for none.
func (t *Trust) key(spki [32]byte) *signingKey {
	if t == nil || t.authorities == nil {
		return nil
	}
	return t.authorities.keys[spki]
}

// verifyKeyedBundle checks a bundle signed by a key: the envelope like a bare one, and
// then what logs and timestamp authorities say about it. Trust without a
// Sigstore root cannot check that, so it proves no times.
func (t *Trust) verifyKeyedBundle(a *attestation, budget *signatureBudget) ([]verifiedSignature, []Finding) {
	good, findings := t.verifyEnvelope(a.envelope, a.bundle.hint, budget)
	b := a.bundle
	if len(good) == 0 || t.keyless == nil || t.keyless.root == nil || b.entries+b.stamps == 0 {
		return good, findings
	}
	s := &sigstoreCheck{material: t.keyless.root, key: good[0].key}
	proved, f := s.verify(b, budget)
	if f != nil {
		return nil, []Finding{*f}
	}
	good[0].times, good[0].bundle = proved.times, b.message
	return good, findings
}

// verifyCertificateBundle checks a bundle signed with a Fulcio certificate.
func (t *Trust) verifyCertificateBundle(a *attestation, budget *signatureBudget) (*verifiedSignature, *Finding) {
	if t.keyless == nil || t.keyless.root == nil {
		return nil, refuseAttestation(CertChain, "signed with a certificate, and trust has no trusted_root.json to judge it by")
	}
	s := &sigstoreCheck{material: t.keyless.root, need: thresholds{t.keyless.tlogs, t.keyless.timestamps, t.keyless.scts}}
	proved, f := s.verify(a.bundle, budget)
	if f != nil {
		return nil, f
	}
	e := proved.envelope
	if e.payloadType != InTotoPayloadType {
		return nil, refuseAttestation(PayloadType, "the payload type %s is not %s", quote(e.payloadType), InTotoPayloadType)
	}
	cert, f := readSigner(proved.leaf)
	if f != nil {
		return nil, f
	}
	digest := newSignedMessage(PAE(e.payloadType, e.payload)).sha256
	return &verifiedSignature{digest: digest, certificate: cert, times: proved.times, payload: e.payload,
		sig: e.signatures[0].sig, bundle: a.bundle.message}, nil
}
