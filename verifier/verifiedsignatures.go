// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/sha256"
	"sync"
)

// maxRemembered bounds each half of VerifiedSignatures: some 5 MiB.
const maxRemembered = 1 << 16

// VerifiedSignatures remembers which signatures have verified, so that each is checked
// once however many decisions it is offered to, and however often trust changes. That a
// key made a signature over a message is so under every trust; whom the key belongs to,
// whether it counts and what was signed is judged anew each time. Only signatures that
// verify are remembered, so that whoever has no key fills nothing, and each spends what it
// would if it were checked, so that no decision depends on it. Its zero value is empty, and
// nil remembers nothing. It is safe for concurrent use.
type VerifiedSignatures struct {
	mu         sync.Mutex
	young, old map[[32]byte]struct{} // the old half goes when the young one is full
}

// verify is that of the key.
func (m *VerifiedSignatures) verify(key *signingKey, message *signedMessage, sig []byte) bool {
	if m == nil {
		return key.verify(message, sig)
	}
	name := signatureName(key, message, sig)
	if m.has(name) {
		return true
	}
	if !key.verify(message, sig) {
		return false
	}
	m.add(name)
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

func (m *VerifiedSignatures) has(name [32]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.young[name]; ok {
		return true
	}
	_, ok := m.old[name]
	if ok {
		m.put(name)
	}
	return ok
}

func (m *VerifiedSignatures) add(name [32]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(name)
}

func (m *VerifiedSignatures) put(name [32]byte) {
	if m.young == nil || len(m.young) >= maxRemembered {
		m.young, m.old = map[[32]byte]struct{}{}, m.young
	}
	m.young[name] = struct{}{}
}
