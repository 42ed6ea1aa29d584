// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// ratchet is the set of everything revoked and not restored.
type ratchet struct {
	documents    map[[32]byte]string // digest → reason
	attestations map[[32]byte]string
	keys         map[[32]byte]string // SPKI sha256 → reason
	identities   map[revokedIdentity]string
}

type revokedIdentity struct{ issuer, san string }
