// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"slices"
	"sync"
)

// maxChecked bounds the bytes of the attestations in each half of checkedAttestations.
const maxChecked = 4 << 20

// checkedAttestations are what attestations come to under one trust, so that many
// requests about one document have each of them read once. Only those are kept that
// somebody has signed whom trust knows. Its zero value is empty, a nil one keeps nothing; it
// is safe for concurrent use.
type checkedAttestations struct {
	mu         sync.Mutex
	young, old map[[32]byte]checkedAttestation // by the sha256 of their bytes
	bytes      int                             // of the young half
}

type checkedAttestation struct {
	verifiedAttestation
	cost signatureBudget // what it spent
}

// covers reports whether so much is left of a budget.
func (b *signatureBudget) covers(cost signatureBudget) bool {
	return b.named >= cost.named && b.searched >= cost.searched && b.padding >= cost.padding
}

// checkAttestation is verifyAttestation for bytes of that sha256. It spends what that
// would, and comes to the same.
func (t *Trust) checkAttestation(attestation int, raw []byte, sum [32]byte, budget *signatureBudget) verifiedAttestation {
	if known, ok := t.checked.get(sum, len(raw)); ok && budget.covers(known.cost) {
		budget.named, budget.searched, budget.padding = budget.named-known.cost.named, budget.searched-known.cost.searched, budget.padding-known.cost.padding
		return known.withIndex(attestation)
	}
	before := *budget
	v := t.verifyAttestation(attestation, raw, budget)
	starved := budget.named < 0 || budget.searched < 0 || budget.padding < 0
	if v.signerKnown && !starved {
		cost := signatureBudget{before.named - budget.named, before.searched - budget.searched, before.padding - budget.padding}
		t.checked.put(sum, len(raw), checkedAttestation{v.withIndex(attestation), cost})
	}
	return v
}

func (c *checkedAttestations) get(sum [32]byte, size int) (checkedAttestation, bool) {
	if c == nil {
		return checkedAttestation{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.young[sum]; ok {
		return v, true
	}
	v, ok := c.old[sum]
	if ok {
		c.keep(sum, size, v)
	}
	return v, ok
}

func (c *checkedAttestations) put(sum [32]byte, size int, v checkedAttestation) {
	if c == nil {
		return
	}
	v.findings, v.claims = slices.Clip(v.findings), slices.Clip(v.claims)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(sum, size, v)
}

func (c *checkedAttestations) keep(sum [32]byte, size int, v checkedAttestation) {
	if c.young == nil || c.bytes+size > maxChecked {
		c.young, c.old, c.bytes = map[[32]byte]checkedAttestation{}, c.young, 0
	}
	c.young[sum] = v
	c.bytes += size
}
