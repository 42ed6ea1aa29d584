// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// keyProofType is the payload type of a KeyProof. It is under the signature, so neither a
// receipt nor an attestation can be made of one.
const keyProofType = "application/vnd.sigdriver.key-proof+json"

// KeyProof is what a driver signs to show an operator that it signs: a nonce of the
// operator's, and nothing about any policy.
type KeyProof struct {
	Driver receipt.Driver `json:"driver"`
	Nonce  receipt.Nonce  `json:"nonce"`
	At     time.Time      `json:"at"`
}

// Prove signs a nonce with the key of receipts, as a DSSE envelope. No number is spent.
func (r *ReceiptSigner) Prove(nonce []byte, at time.Time) ([]byte, error) {
	if len(nonce) < receipt.MinNonce || len(nonce) > receipt.MaxNonce {
		return nil, fmt.Errorf("a nonce has %d to %d bytes", receipt.MinNonce, receipt.MaxNonce)
	}
	payload, err := json.Marshal(KeyProof{r.driver, nonce, at.UTC()})
	if err != nil {
		return nil, err
	}
	sig, err := r.key.Sign(dsse.PAE(keyProofType, payload))
	if err != nil {
		return nil, err
	}
	return json.Marshal(keyProofEnvelope{keyProofType, payload, []keyProofSignature{{r.key.ID(), sig}}})
}

type keyProofEnvelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     []byte              `json:"payload"`
	Signatures  []keyProofSignature `json:"signatures"`
}

type keyProofSignature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// CheckKeyProof verifies that the holder of a public key signed this very nonce.
func CheckKeyProof(envelope, nonce []byte, public crypto.PublicKey) (*KeyProof, error) {
	var e keyProofEnvelope
	if err := json.Unmarshal(envelope, &e); err != nil || e.PayloadType != keyProofType || len(e.Signatures) != 1 {
		return nil, errors.New("the answer is no proof of a key")
	}
	if !keys.Verify(public, dsse.PAE(keyProofType, e.Payload), e.Signatures[0].Sig) {
		return nil, errors.New("the signature is not by the key of attest.key")
	}
	var p KeyProof
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		return nil, err
	}
	if string(p.Nonce) != string(nonce) {
		return nil, errors.New("another nonce was signed")
	}
	return &p, nil
}
