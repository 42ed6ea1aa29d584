// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package keys reads and writes private keys of people, and signs with those that are
// elsewhere. In a file: ECDSA P-256 and P-384, Ed25519 and RSA, as PKCS#8 PEM, plain or
// encrypted, as SEC 1 or PKCS#1, or in cosign's encrypted form. ECDSA P-256 and Ed25519
// also in a PKCS#11 token, or behind a KMS plugin of Sigstore's. A key never leaves its place except to sign, and no error of this package
// holds any of it.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// The algorithms that keys sign by, spelled as authorities.json spells them. Generate
// knows the first two.
const (
	ECDSAP256 = "ecdsa-p256-sha256"
	Ed25519   = "ed25519"
	ECDSAP384 = "ecdsa-p384-sha384"
	RSAPSS    = "rsa-pss-sha256"
)

// What trust accepts of an RSA key: what it does not is no use to sign with.
const (
	minRSABits     = 3072
	maxRSABits     = 8192
	minRSAExponent = 65537
)

// pss is how trust reads rsa-pss-sha256: the salt is as long as the hash.
var pss = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// Key is a private key that can sign.
type Key struct {
	signer    crypto.Signer
	algorithm string
	spki      []byte
}

// newKey takes a private key of a kind we sign with.
func newKey(private any) (*Key, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, &FormatError{Found: fmt.Sprintf("a key of type %T", private)}
	}
	return newSigner(signer, signer.Public())
}

// newSigner takes whatever signs with a key of a kind that we know.
func newSigner(signer crypto.Signer, public crypto.PublicKey) (*Key, error) {
	k := &Key{signer: signer}
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		switch p.Curve {
		case elliptic.P256():
			k.algorithm = ECDSAP256
		case elliptic.P384():
			k.algorithm = ECDSAP384
		default:
			return nil, &FormatError{Found: "an ECDSA key on " + p.Curve.Params().Name}
		}
	case ed25519.PublicKey:
		k.algorithm = Ed25519
	case *rsa.PublicKey:
		if bits := p.N.BitLen(); bits < minRSABits || bits > maxRSABits || p.E < minRSAExponent {
			return nil, &FormatError{Found: fmt.Sprintf("an RSA key of %d bits with the exponent %d, where trust accepts %d to %d bits and %d or more", bits, p.E, minRSABits, maxRSABits, minRSAExponent)}
		}
		k.algorithm = RSAPSS
	default:
		return nil, &FormatError{Found: fmt.Sprintf("a key of type %T", public)}
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	k.spki = spki
	return k, nil
}

// small refuses a key of a kind that is signed with from a file alone.
func (k *Key) small() error {
	if k.algorithm == ECDSAP256 || k.algorithm == Ed25519 {
		return nil
	}
	return &FormatError{Found: "a key that signs by " + k.algorithm + ", which is signed with from a file alone"}
}

// probe lets a key that is elsewhere sign once, so that one that cannot is found out now.
func (k *Key) probe(public crypto.PublicKey) error {
	message := []byte("sigdriver: does this key sign?")
	sig, err := k.Sign(message)
	if err != nil {
		return fmt.Errorf("it does not sign: %w", err)
	}
	if !Verify(public, message, sig) {
		return errors.New("it does not sign with its own public key")
	}
	return nil
}

// Verify reports whether a signature is what Sign makes of a message with the private
// half of the key.
func Verify(public crypto.PublicKey, message, sig []byte) bool {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		if p.Curve == elliptic.P384() {
			sum := sha512.Sum384(message)
			return ecdsa.VerifyASN1(p, sum[:], sig)
		}
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(p, sum[:], sig)
	case *rsa.PublicKey:
		sum := sha256.Sum256(message)
		return rsa.VerifyPSS(p, crypto.SHA256, sum[:], sig, pss) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(p, message, sig)
	}
	return false
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

// Sign signs a message by the key's algorithm. Signatures by ECDSA and Ed25519 keys in a
// file are deterministic (RFC 6979, RFC 8032): the same input signs to the same bytes.
func (k *Key) Sign(message []byte) ([]byte, error) {
	switch k.algorithm {
	case Ed25519:
		return k.signer.Sign(nil, message, crypto.Hash(0))
	case ECDSAP384:
		digest := sha512.Sum384(message)
		return k.signer.Sign(nil, digest[:], crypto.SHA384)
	case RSAPSS:
		digest := sha256.Sum256(message)
		return k.signer.Sign(rand.Reader, digest[:], pss)
	}
	digest := sha256.Sum256(message)
	return k.signer.Sign(nil, digest[:], crypto.SHA256)
}
