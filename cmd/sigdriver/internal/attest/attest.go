// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package attest signs receipts with the driver's own key and numbers them. What
// a receipt says is not its business: see package server, which fills it in from
// decisions that it made and recorded, and package receipt, which checks it.
package attest

import (
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// Attester signs receipts. It is safe for concurrent use.
type Attester struct {
	driver   receipt.Driver
	key      *keys.Key
	sequence *Sequence
}

// New makes an attester that signs as driver.
func New(driver receipt.Driver, key *keys.Key, sequence *Sequence) *Attester {
	return &Attester{driver, key, sequence}
}

// Sign makes a receipt of p about the effective policy with that digest. It sets
// who signs and the number; a number is spent even when the receipt does not fit
// (a *receipt.SizeError).
func (a *Attester) Sign(p receipt.Predicate, effective [32]byte) ([]byte, error) {
	n, err := a.sequence.Next()
	if err != nil {
		return nil, err
	}
	p.Driver, p.Sequence = a.driver, n
	return receipt.Seal(p, effective, a.key.ID(), a.key.Sign)
}

// Err returns what stopped it, nil while it works.
func (a *Attester) Err() error { return a.sequence.Err() }
