// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/sha256"
	"encoding/hex"
)

// AttestationDigest identifies one encoded attestation: 64 lower-case hex digits
// of the sha256 of the DSSE PAE over its decoded payload, so that encoding it
// anew changes nothing. Bytes that hold no envelope have no payload; they are
// "raw:" and the sha256 of the bytes.
func AttestationDigest(raw []byte) string {
	return readAttestationDigest(raw, sha256.Sum256(raw)).String()
}

// attestationDigest is AttestationDigest before it is spelled.
type attestationDigest struct {
	sum [32]byte
	raw bool
}

func (d attestationDigest) String() string {
	text := hex.EncodeToString(d.sum[:])
	if d.raw {
		return "raw:" + text
	}
	return text
}

// readAttestationDigest reads the digest out of bytes of that sha256.
func readAttestationDigest(raw []byte, sum [32]byte) attestationDigest {
	a, f := parseAttestation(raw)
	if f != nil || a.envelope == nil {
		return attestationDigest{sum, true}
	}
	return attestationDigest{sha256.Sum256(PAE(a.envelope.payloadType, a.envelope.payload)), false}
}

// AttestationDigests remembers the digests of attestations, so that each is read for its
// own once however many requests bring it. A digest depends on nothing but the bytes: no
// trust changes it. Its zero value is empty, and nil remembers nothing. It is safe for
// concurrent use.
type AttestationDigests struct{ known remembered[attestationDigest] }

// of is readAttestationDigest.
func (m *AttestationDigests) of(raw []byte, sum [32]byte) attestationDigest {
	if m == nil {
		return readAttestationDigest(raw, sum)
	}
	d, ok := m.known.get(sum)
	if !ok {
		d = readAttestationDigest(raw, sum)
		m.known.add(sum, d)
	}
	return d
}
