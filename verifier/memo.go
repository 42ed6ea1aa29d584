// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/sha256"
	"math"
	"slices"
	"sync"
)

// Memo remembers signatures that were checked, by trust and bytes, so that many
// recalled requests check each of them once. Its zero value is empty; it only
// grows, and is safe for concurrent use.
type Memo struct{ entries sync.Map }

type memoKey struct {
	trust *Trust
	sum   [32]byte
}

// hear is Trust.hear with a memory and no budget. A nil Memo forgets.
func (m *Memo) verifyAttestation(trust *Trust, attestation int, raw []byte) verifiedAttestation {
	budget := &signatureBudget{math.MaxInt, math.MaxInt}
	if m == nil {
		return trust.verifyAttestation(attestation, raw, budget)
	}
	key := memoKey{trust, sha256.Sum256(raw)}
	known, ok := m.entries.Load(key)
	if !ok {
		known, _ = m.entries.LoadOrStore(key, trust.verifyAttestation(attestation, raw, budget))
	}
	return known.(verifiedAttestation).withIndex(attestation)
}

// at is what was heard, as of an attestation with another index.
func (h verifiedAttestation) withIndex(attestation int) verifiedAttestation {
	h.findings, h.claims = slices.Clone(h.findings), slices.Clone(h.claims)
	for i := range h.findings {
		h.findings[i].Attestation = attestation
	}
	for i, c := range h.claims {
		moved := *c
		moved.attestation = attestation
		h.claims[i] = &moved
	}
	return h
}
