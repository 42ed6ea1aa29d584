// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package keys reads and writes private keys of people: PKCS#8 PEM, plain or
// in cosign's encrypted form, ECDSA P-256 and Ed25519 only. A key never leaves
// its file except to sign, and no error of this package holds any of it.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
)

// The algorithms that Generate knows, spelled as authorities.json spells them.
const (
	ECDSAP256 = "ecdsa-p256-sha256"
	Ed25519   = "ed25519"
)

// Key is a private key that can sign.
type Key struct {
	signer    crypto.Signer
	algorithm string
	spki      []byte
}

// newKey takes a private key of a kind we sign with.
func newKey(private any) (*Key, error) {
	k := &Key{}
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		if p.Curve != elliptic.P256() {
			return nil, &FormatError{Found: "an ECDSA key on " + p.Curve.Params().Name}
		}
		k.signer, k.algorithm = p, ECDSAP256
	case ed25519.PrivateKey:
		k.signer, k.algorithm = p, Ed25519
	default:
		return nil, &FormatError{Found: fmt.Sprintf("a key of type %T", private)}
	}
	spki, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		return nil, err
	}
	k.spki = spki
	return k, nil
}

// Generate makes a new key of the named algorithm.
func Generate(algorithm string) (*Key, error) {
	switch algorithm {
	case ECDSAP256:
		p, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return newKey(p)
	case Ed25519:
		_, p, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return newKey(p)
	}
	return nil, fmt.Errorf("unknown key algorithm %q: use %s or %s", algorithm, ECDSAP256, Ed25519)
}

// Signer returns the key for libraries that sign. Its Public is the public key.
func (k *Key) Signer() crypto.Signer { return k.signer }

// Algorithm returns the algorithm's name as authorities.json spells it.
func (k *Key) Algorithm() string { return k.algorithm }

// SPKI returns the public key as DER SubjectPublicKeyInfo.
func (k *Key) SPKI() []byte { return k.spki }

// ID returns the key's name in DSSE envelopes and bundle hints.
func (k *Key) ID() string { return ID(k.spki) }

// ID is base64(sha256(SPKI)).
func ID(spki []byte) string { return Name(sha256.Sum256(spki)) }

// Name spells the sha256 of an SPKI as key ids do.
func Name(sum [32]byte) string { return base64.StdEncoding.EncodeToString(sum[:]) }

// PublicPEM returns the public key as PEM.
func (k *Key) PublicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.spki})
}

// Sign signs a message, hashed with SHA-256 for ECDSA. Signatures are
// deterministic (RFC 6979, RFC 8032): the same input signs to the same bytes.
func (k *Key) Sign(message []byte) ([]byte, error) {
	if k.algorithm == Ed25519 {
		return k.signer.Sign(nil, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	return k.signer.Sign(nil, digest[:], crypto.SHA256)
}
