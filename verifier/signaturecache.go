// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/sha256"
	"math"
	"slices"
	"sync"
)

// SignatureCache holds attestations whose signatures were checked, by trust and
// bytes, so that many replays check each of them once. Its zero value is empty; it
// only grows, and is safe for concurrent use.
type SignatureCache struct{ entries sync.Map }

type signatureCacheKey struct {
	trust *Trust
	sum   [32]byte
}

// verifyAttestation is that of Trust, cached and without a budget. A nil cache
// holds nothing.
func (c *SignatureCache) verifyAttestation(trust *Trust, attestation int, raw []byte) verifiedAttestation {
	budget := &signatureBudget{math.MaxInt, math.MaxInt, maxPaddingChecks}
	if c == nil {
		return trust.verifyAttestation(attestation, raw, budget)
	}
	key := signatureCacheKey{trust, sha256.Sum256(raw)}
	known, ok := c.entries.Load(key)
	if !ok {
		known, _ = c.entries.LoadOrStore(key, trust.verifyAttestation(attestation, raw, budget))
	}
	return known.(verifiedAttestation).withIndex(attestation)
}

// withIndex is the same attestation at another index of a request.
func (v verifiedAttestation) withIndex(attestation int) verifiedAttestation {
	v.findings, v.claims = slices.Clone(v.findings), slices.Clone(v.claims)
	for i := range v.findings {
		v.findings[i].Attestation = attestation
	}
	for i, c := range v.claims {
		moved := *c
		moved.attestation = attestation
		v.claims[i] = &moved
	}
	return v
}
