// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// TrustSource is what TUF proved: the bytes of the target files and what their
// metadata said. It is the only way into a Trust.
type TrustSource struct {
	Authorities []byte // targets/authorities.json, required
	TrustedRoot []byte // targets/trusted_root.json, nil when keyless is not used
	Revocations []byte // targets/revocations.json, nil when the role has published none
	Drivers     []byte // targets/drivers.json, nil when no driver signs receipts
	// Ratchet is Trust.Ratchet of the trust before this one, nil at first.
	Ratchet []byte
	// PreviousRevocationExpires is the expiry of the last revocation role whose
	// file parsed; it counts instead of Expires.Revocation when Revocations does not.
	PreviousRevocationExpires time.Time
	Epoch                     uint64
	Versions                  Versions
	Expires                   Expires
	// DriverVersion is the version of this build, for minDriverVersion.
	DriverVersion string
	// Reserved are the SPKI digests of keys that the driver signs with itself: its
	// log's and its receipts'. An authorities.json that lists one is refused, so
	// that no signature of the driver can ever pass for an approval.
	Reserved [][32]byte
	// Verified are signatures that verified under the trust before this one too.
	// Optional.
	Verified *VerifiedSignatures
}

// Versions are the TUF role versions that a Trust came from.
type Versions struct {
	Root, Timestamp, Snapshot, Targets, Revocation int64
}

// Expires are the expiries of the TUF roles that a Trust came from. A zero
// Revocation means that no revocation role is delegated.
type Expires struct {
	Root, Timestamp, Snapshot, Targets, Revocation time.Time
}

// Trust is the immutable, parsed content of the TUF targets. A nil *Trust
// refuses; only ParseTrust makes one that does not.
type Trust struct {
	epoch         uint64
	versions      Versions
	expires       Expires
	driverVersion string

	authorities *authorities
	receiptKeys []ReceiptKey // also revoked ones
	revoked     ratchet
	keyless     *keyless // nil: certificates are refused
	// revocationFault is why revocations.json was not taken; nil when it was.
	revocationFault error

	verified *VerifiedSignatures // nil for none
	checked  *checkedAttestations
}

// principal is one person, team or robot, and counts once.
type principal struct {
	name       string
	keys       []*signingKey
	identities []identity
}

// signingKey is one public key of one principal, checked when trust was parsed.
type signingKey struct {
	owner     *principal
	spki      [32]byte // sha256 of the DER SubjectPublicKeyInfo
	public    crypto.PublicKey
	algorithm KeyAlgorithm
	notBefore time.Time // zero: since ever
	notAfter  time.Time // zero: for ever; exclusive
}

// identity is one OIDC identity of one principal. Exactly one of san and
// pattern is set; pattern is anchored.
type identity struct {
	issuer  string
	san     string
	pattern *regexp.Regexp
	claims  []requiredClaim // by name: what else the certificate must say
}

// key names an exact identity with its claims.
func (id *identity) key() string {
	parts := []string{id.issuer, id.san}
	for i := range id.claims {
		parts = append(parts, id.claims[i].String())
	}
	return strings.Join(parts, "\x00")
}

// keyless is the Sigstore side of trust: the roots and how much evidence a
// certificate needs beside its chain.
type keyless struct {
	root                    *sigstoreRoot
	tlogs, timestamps, scts int
	sum                     [32]byte // changes when certificates or what vouches for a time may be judged otherwise
}

// ParseTrust reads trust whole, and checks that it refuses what it must. The error is
// about authorities.json, trusted_root.json or drivers.json; a revocations.json
// that does not parse never holds back the rest: the ratchet and its old expiry
// stay in force and RevocationFault tells.
func ParseTrust(src TrustSource) (*Trust, error) {
	a, err := parseAuthorities(src.Authorities)
	if err != nil {
		return nil, err
	}
	receiptKeys, err := parseDrivers(src.Drivers)
	if err != nil {
		return nil, err
	}
	if err := a.refuseReserved(reserved(src.Reserved, receiptKeys)); err != nil {
		return nil, err
	}
	t := &Trust{epoch: src.Epoch, versions: src.Versions, expires: src.Expires,
		driverVersion: src.DriverVersion, authorities: a, receiptKeys: receiptKeys, verified: src.Verified, checked: &checkedAttestations{}}
	if err := t.updateRatchet(&src); err != nil {
		return nil, err
	}
	if src.TrustedRoot != nil {
		if t.keyless, err = parseKeyless(src.TrustedRoot, a.keyless); err != nil {
			return nil, err
		}
	}
	if err := t.selfCheck(); err != nil {
		return nil, err
	}
	return t, nil
}

// updateRatchet adds what is newly revoked to what was revoked before.
func (t *Trust) updateRatchet(src *TrustSource) error {
	before := ratchet{}
	if src.Ratchet != nil {
		entries, err := parseRevocations(src.Ratchet, RatchetSchema, MaxRatchet)
		if err != nil {
			return fmt.Errorf("stored ratchet: %w", err)
		}
		if before, err = before.apply(entries, nil); err != nil {
			return err
		}
	}
	var entries []revocationEntry
	if src.Revocations != nil {
		entries, t.revocationFault = parseRevocations(src.Revocations, RevocationsSchema, MaxTrustFile)
	}
	next, err := before.apply(entries, t.authorities.restored)
	if err != nil && t.revocationFault == nil {
		t.revocationFault = err
		if next, err = before.apply(nil, t.authorities.restored); err != nil {
			return err
		}
	}
	t.revoked = next
	if t.revocationFault != nil {
		if t.expires.Revocation = src.PreviousRevocationExpires; t.expires.Revocation.IsZero() {
			t.expires.Revocation = time.Unix(0, 0) // nothing good was ever seen
		}
	}
	return nil
}

// Epoch returns the counter that this trust was accepted under.
func (t *Trust) Epoch() uint64 { return t.epoch }

// Versions returns the TUF versions that this trust came from.
func (t *Trust) Versions() Versions { return t.versions }

// Expires returns the expiries that bound decisions.
func (t *Trust) Expires() Expires { return t.expires }

// Ratchet returns everything revoked and not restored, as canonical JSON. It is
// part of trust: the next ParseTrust must be given it.
func (t *Trust) Ratchet() []byte { return t.revoked.bytes() }

// RevocationFault returns why revocations.json was not taken, nil when it was.
func (t *Trust) RevocationFault() error { return t.revocationFault }

// SignedReset is a signed order to lower the driver's own floors. SPEC: R8.
type SignedReset struct {
	ID      string // of its content: it is obeyed once
	Version uint64
	floor   signedFloor
}

// Matches reports whether the order is about the subject.
func (r SignedReset) Matches(k FloorKey) bool { return r.floor.matches(k) }

// Resets returns the floors with `reset`, in file order.
func (t *Trust) Resets() []SignedReset {
	var out []SignedReset
	for _, f := range t.authorities.floors {
		if f.reset {
			out = append(out, SignedReset{f.id, f.version, f})
		}
	}
	return out
}

// signedFloor returns the highest signed floor that matches, 0 for none.
func (t *Trust) signedFloor(k FloorKey) uint64 {
	var high uint64
	for i := range t.authorities.floors {
		if f := &t.authorities.floors[i]; f.matches(k) && f.version > high {
			high = f.version
		}
	}
	return high
}
