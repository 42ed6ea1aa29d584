// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto"
	"regexp"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// TrustSource is what TUF proved: the bytes of the target files and what their
// metadata said. It is the only way into a Trust.
type TrustSource struct {
	Authorities []byte // targets/authorities.json, required
	TrustedRoot []byte // targets/trusted_root.json, nil when keyless is not used
	Revocations []byte // targets/revocations.json, nil when the role has published none
	// Ratchet is Trust.Ratchet of the trust before this one, nil at first.
	Ratchet []byte
	// RevocationExpires is the expiry of the last revocation role whose file
	// parsed; used instead of Expires.Revocation when Revocations does not.
	PreviousRevocationExpires time.Time
	Epoch                     uint64
	Versions                  Versions
	Expires                   Expires
	// DriverVersion is the version of this build, for minDriverVersion.
	DriverVersion string
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

// Trust is the immutable, parsed content of the TUF targets. A nil *Trust refuses.
type Trust struct {
	epoch         uint64
	versions      Versions
	expires       Expires
	driverVersion string

	authorities *authorities // authorities.json
	revoked     ratchet      // the union of everything ever revoked, less restored
	keyless     *keyless     // nil: certificates are refused
	// revocationFault is why revocations.json was not taken; nil when it was.
	revocationFault error
}

// principal is one person, team or robot: one vote.
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
}

// keyless is the Sigstore side of trust: the roots and how much evidence a
// certificate needs beside its chain.
type keyless struct {
	root                    *root.TrustedRoot
	tlogs, timestamps, scts int
}
