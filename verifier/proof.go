// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Proof is one signature that verified, over one statement, by one principal, with what
// logs and timestamp authorities say about it: what an index keeps of an attestation.
// Nothing unverified is in it, and its encodings are the driver's own, so that
// whoever sends an attestation decides neither their number nor their length. It never
// changes.
type Proof struct {
	Evidence
	// Signer is the digest of the key, or of the certificate's key and identity. With
	// SHA256, the digest of what was signed, it names the proof.
	Signer [32]byte

	signed    verifiedSignature
	witnesses []witness // in order, one for each log entry and each timestamp authority
	keyless   [32]byte  // of the Sigstore side of the trust that checked the witnesses
	revoked   bool
	from      time.Time // before this, and from until on, it counts for nothing; zero is without end
	until     time.Time
	encodings [][]byte
}

// Prove returns what an encoded attestation proves to this trust, one proof a signature
// that verifies and belongs to one principal, and why the others prove nothing, as
// Evidence does.
func (t *Trust) Prove(raw []byte) ([]*Proof, []Finding) {
	if t == nil {
		return nil, []Finding{*refuseAttestation(TrustUnavailable, "there is no trust")}
	}
	good, findings := t.verifySignatures(0, raw, newSignatureBudget())
	var list []*Proof
	for i := range good {
		p, f := t.prove(&good[i])
		if f != nil {
			f.Attestation = 0
			findings = append(findings, *f)
			continue
		}
		list = append(list, p)
	}
	return list, findings
}

func (t *Trust) prove(s *verifiedSignature) (*Proof, *Finding) {
	e, f := t.evidence(s)
	if f != nil {
		return nil, f
	}
	p := &Proof{Evidence: *e, Signer: s.signer(), signed: *s}
	p.signed.bundle = nil
	if s.bundle != nil {
		p.keyless = t.keyless.sum
		p.witnesses, p.signed.leaf = t.witnesses(s), leafOf(s.bundle)
	}
	if !p.settle(t) {
		return nil, refuseAttestation(BundleMalformed, "what of the bundle verifies is not enough by itself")
	}
	return p, nil
}

// signer names who signed.
func (s *verifiedSignature) signer() [32]byte {
	if s.key != nil {
		return s.key.spki
	}
	c := s.certificate
	return sha256.Sum256(fmt.Appendf(nil, "%x %q %q", c.spki, c.issuer, c.san))
}

// settle judges a proof by a trust and encodes it. It reports whether the signature
// still verifies in that form: all but the signature of a certificate does.
func (p *Proof) settle(t *Trust) bool {
	p.encodings = nil
	bare := p.signed.key != nil
	if counting := p.counting(); len(counting) > 0 {
		raw, ok := p.encodeBundle(counting)
		good, _ := t.verifySignatures(0, raw, newSignatureBudget())
		if ok && len(good) == 1 && good[0].signer() == p.Signer && good[0].digest == p.SHA256 {
			p.signed.times = good[0].times
			p.encodings = append(p.encodings, raw)
			// Age runs from the first time that somebody vouches for; without any, from
			// notBefore, which may be later.
			bare = bare && (len(p.signed.times) == 0 || p.notBefore.After(p.signed.times[0]))
		}
	}
	if len(p.encodings) == 0 {
		p.signed.times = nil
	}
	if bare {
		p.encodings = append(p.encodings, p.encodeBare())
	}
	p.judge(t)
	return len(p.encodings) > 0
}

// judge finds out whether and when the proof can count for anything.
func (p *Proof) judge(t *Trust) {
	p.revoked = t.revocationFinding(&p.signed) != nil
	p.from, p.until = p.notBefore, p.notAfter
	if key := p.signed.key; key != nil && len(p.signed.times) == 0 {
		if p.from.Before(key.notBefore) {
			p.from = key.notBefore
		}
		p.until = earliest(p.until, key.notAfter)
	}
}

// Counts reports whether the proof can count at a time: it is not revoked, and its
// window and that of its key are open. Whether it does is for a decision to say.
func (p *Proof) Counts(now time.Time) bool {
	return !p.revoked && !now.Before(p.from) && (p.until.IsZero() || now.Before(p.until))
}

// Changes lists the times at which Counts may change.
func (p *Proof) Changes() []time.Time { return []time.Time{p.from, p.until} }

// Encodings are the proof as Verify takes it: a Sigstore bundle where somebody
// vouches for a time, a DSSE envelope with the one signature otherwise, and both
// where either may count while the other does not. The caller must not change them.
func (p *Proof) Encodings() [][]byte { return p.encodings }

// Unite returns one proof with what is known of both, which are by one signer over
// one statement. What would keep it from counting is left out, in whatever order
// proofs are united.
func (t *Trust) Unite(a, b *Proof) *Proof {
	if b.precedes(a) {
		a, b = b, a
	}
	more := addWitnesses(a.witnesses, b.witnesses)
	if !bytes.Equal(a.signed.sig, b.signed.sig) || sameWitnesses(more, a.witnesses) {
		return a // a log or an authority vouches for the bytes of one signature
	}
	p := *a
	p.witnesses = more
	if !p.settle(t) || len(p.signed.times) == 0 && len(a.signed.times) > 0 {
		return a
	}
	return &p
}

// precedes orders proofs of one signer over one statement: those that somebody
// vouches for first, the earliest of them before the others.
func (p *Proof) precedes(other *Proof) bool {
	if x, y := len(p.witnesses) > 0, len(other.witnesses) > 0; x != y {
		return x
	}
	if x, y := len(p.signed.times) > 0, len(other.signed.times) > 0; x != y {
		return x
	} else if x && !p.signed.times[0].Equal(other.signed.times[0]) {
		return p.signed.times[0].Before(other.signed.times[0])
	}
	return bytes.Compare(p.signed.sig, other.signed.sig) < 0
}

// Again returns the proof as another trust has it, without checking a signature again:
// nil when its signer is nobody there. It is sure unless that trust could judge
// the certificate or what vouches for a time otherwise: then the attestations have to
// be proven again.
func (p *Proof) Again(t *Trust) (again *Proof, sure bool) {
	q := *p
	sure = len(p.witnesses) == 0 || t.keyless != nil && t.keyless.sum == p.keyless
	if before := p.signed.key; before != nil {
		key := t.key(before.spki)
		if key == nil || key.algorithm != before.algorithm {
			return nil, true
		}
		q.signed.key = key
		sure = sure && (len(p.witnesses) == 0 || key.notBefore.Equal(before.notBefore) && key.notAfter.Equal(before.notAfter))
	}
	c, f := t.attribute(&q.signed)
	if f != nil {
		return nil, true
	}
	q.Principal = c.principal.name
	q.judge(t)
	return &q, sure
}

// MayProveMore reports whether an attestation that proves nothing, or less, to another
// trust could prove something to this one: it knows a key or an identity that
// the other does not, or judges certificates otherwise.
func (t *Trust) MayProveMore(other *Trust) bool {
	if other == nil || t.keyless == nil != (other.keyless == nil) || t.keyless != nil && t.keyless.sum != other.keyless.sum {
		return true
	}
	for spki, key := range t.authorities.keys {
		if known := other.authorities.keys[spki]; known == nil || known.algorithm != key.algorithm {
			return true
		}
	}
	return t.authorities.identitySum() != other.authorities.identitySum()
}

// Checks estimates the public-key operations that Prove takes for an encoded
// attestation, from what it says of itself; 0 for one that is refused unread.
func (t *Trust) Checks(raw []byte) int {
	a, f := parseAttestation(raw)
	switch {
	case f != nil || t == nil:
		return 0
	case a.bundle != nil && !a.bundle.keyed:
		return 2 * (1 + a.bundle.entries + a.bundle.stamps)
	case a.envelope == nil:
		return 0
	}
	n := 0
	for _, s := range a.envelope.signatures {
		hint := s.keyID
		if a.bundle != nil && a.bundle.hint != "" {
			hint = a.bundle.hint
		}
		n += t.keysToTry(hint, s.sig)
	}
	if a.bundle != nil && t.keyless != nil {
		n += 2 * (a.bundle.entries + a.bundle.stamps)
	}
	return n
}

func (t *Trust) keysToTry(hint string, sig []byte) int {
	if spki, ok := hintedSPKI(hint); ok && t.key(spki) != nil {
		return 1
	}
	n := 0
	for _, key := range t.authorities.keys {
		if key.fits(sig) {
			n++
		}
	}
	return n
}

// encodeBare writes a DSSE envelope with the one signature.
func (p *Proof) encodeBare() []byte {
	b64 := base64.StdEncoding.EncodeToString
	text := fmt.Appendf(nil, `{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}`,
		b64(p.signed.payload), InTotoPayloadType, hex.EncodeToString(p.Signer[:]), b64(p.signed.sig))
	if len(text) <= MaxAttestation {
		return text
	}
	return p.bundleWire(nil) // a third shorter
}

// identitySum changes when the identities of principals do.
func (a *authorities) identitySum() [32]byte {
	var text []byte
	for _, name := range slices.Sorted(maps.Keys(a.principals)) {
		for _, id := range a.principals[name].identities {
			text = fmt.Appendf(text, "%q %q %q %v\n", name, id.issuer, id.san, id.pattern)
		}
	}
	return sha256.Sum256(text)
}
