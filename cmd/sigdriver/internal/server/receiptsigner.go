// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// ReceiptSigner signs receipts with the driver's own key and numbers them. What a
// receipt says is filled in from the decision that made it. It is safe for concurrent
// use.
type ReceiptSigner struct {
	driver   receipt.Driver
	key      *keys.Key
	sequence *ReceiptSequence
}

// NewReceiptSigner makes a signer that signs as driver.
func NewReceiptSigner(driver receipt.Driver, key *keys.Key, sequence *ReceiptSequence) *ReceiptSigner {
	return &ReceiptSigner{driver, key, sequence}
}

// Sign makes a receipt of p about the effective policy with that digest. It sets
// who signs and the number; a number is spent even when the receipt does not fit
// (a *receipt.SizeError).
func (r *ReceiptSigner) Sign(p receipt.Predicate, effective [32]byte) ([]byte, error) {
	n, err := r.sequence.Next()
	if err != nil {
		return nil, err
	}
	p.Driver, p.Sequence = r.driver, n
	return receipt.Seal(p, effective, r.key.ID(), r.key.Sign)
}

// SignRow signs a row of a memory that drivers share.
func (r *ReceiptSigner) SignRow(message []byte) ([]byte, error) { return r.key.Sign(message) }

// Err returns what stopped it, nil while it works.
func (r *ReceiptSigner) Err() error { return r.sequence.Err() }
