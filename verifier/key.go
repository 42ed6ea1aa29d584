// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// KeyAlgorithm is one of the few signature algorithms we accept.
type KeyAlgorithm string

// The algorithms, as authorities.json spells them. RSA has no default padding,
// so a key says which; the hash follows from the curve or the name.
const (
	ECDSAP256    KeyAlgorithm = "ecdsa-p256-sha256"
	ECDSAP384    KeyAlgorithm = "ecdsa-p384-sha384"
	Ed25519      KeyAlgorithm = "ed25519"
	RSAPSSSHA256 KeyAlgorithm = "rsa-pss-sha256"
	RSAPKCS1v15  KeyAlgorithm = "rsa-pkcs1v15-sha256"
)
