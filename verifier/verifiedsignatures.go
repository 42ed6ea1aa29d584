// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "crypto/sha256"

// VerifiedSignatures remembers which signatures have verified, so that each is checked
// once however many decisions it is offered to, and however often trust changes. That a
// key made a signature over a message is so under every trust; whom the key belongs to,
// whether it counts and what was signed is judged anew each time. Only signatures that
// verify are remembered, so that whoever has no key fills nothing, and each spends what it
// would if it were checked, so that no decision depends on it. Its zero value is empty, and
// nil remembers nothing. It is safe for concurrent use.
type VerifiedSignatures struct{ known remembered[struct{}] }

// verify is that of the key.
func (m *VerifiedSignatures) verify(key *signingKey, message *signedMessage, sig []byte) bool {
	if m == nil {
		return key.verify(message, sig)
	}
	name := signatureName(key, message, sig)
	if _, ok := m.known.get(name); ok {
		return true
	}
	if !key.verify(message, sig) {
		return false
	}
	m.known.add(name, struct{}{})
	return true
}

// signatureName tells a key, its algorithm, a message and a signature from all others.
func signatureName(key *signingKey, message *signedMessage, sig []byte) [32]byte {
	text := make([]byte, 0, 256)
	text = append(text, key.spki[:]...)
	text = append(text, message.sha256[:]...)
	text = append(append(text, byte(len(key.algorithm))), key.algorithm...)
	return sha256.Sum256(append(text, sig...))
}
