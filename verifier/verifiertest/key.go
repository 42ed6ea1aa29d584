// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	_ "embed" // the RSA test key
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"

	"github.com/sigdriver/sigdriver/verifier"
)

//go:embed rsa.pem
var rsaPEM []byte

// Key is a signing key for tests. The same algorithm and name always give the
// same key, and the same message always the same signature.
type Key struct {
	Name      string
	Algorithm verifier.KeyAlgorithm
	signer    crypto.Signer
}

// NewKey derives a key from its name. The RSA algorithms have one key for all
// names, 3072 bits, because RSA keys cannot be derived quickly.
func NewKey(name string, algorithm verifier.KeyAlgorithm) *Key {
	k := &Key{Name: name, Algorithm: algorithm}
	switch algorithm {
	case verifier.Ed25519:
		seed := sha256.Sum256([]byte("verifiertest ed25519 " + name))
		k.signer = ed25519.NewKeyFromSeed(seed[:])
	case verifier.ECDSAP256:
		k.signer = ecKey(elliptic.P256(), name)
	case verifier.ECDSAP384:
		k.signer = ecKey(elliptic.P384(), name)
	case verifier.RSAPKCS1v15, verifier.RSAPSSSHA256:
		block, _ := pem.Decode(rsaPEM)
		k.signer = Must(x509.ParsePKCS8PrivateKey(block.Bytes)).(*rsa.PrivateKey)
	default:
		panic("verifiertest: no algorithm " + string(algorithm))
	}
	return k
}

// ecKey takes the first candidate that is a scalar of the curve.
func ecKey(curve elliptic.Curve, name string) *ecdsa.PrivateKey {
	size := (curve.Params().BitSize + 7) / 8
	for i := byte(0); ; i++ {
		seed := sha512.Sum512(append([]byte("verifiertest "+curve.Params().Name+" "+name), i))
		if key, err := ecdsa.ParseRawPrivateKey(curve, seed[:size]); err == nil {
			return key
		}
	}
}

// people are the signers of the base scenarios and the algorithms they use.
var people = map[string]verifier.KeyAlgorithm{
	"alice": verifier.Ed25519,
	"bob":   verifier.ECDSAP256,
	"carol": verifier.ECDSAP384,
	"dave":  verifier.ECDSAP256,
	"erin":  verifier.Ed25519,
	"rita":  verifier.RSAPKCS1v15,
}

// Person returns the key of one of the people of the base scenarios; anybody
// else is a stranger with an Ed25519 key.
func Person(name string) *Key {
	if algorithm, ok := people[name]; ok {
		return NewKey(name, algorithm)
	}
	return NewKey(name, verifier.Ed25519)
}

// Public returns the public key.
func (k *Key) Public() crypto.PublicKey { return k.signer.Public() }

// Private returns the private key.
func (k *Key) Private() crypto.Signer { return k.signer }

// SPKI returns the DER SubjectPublicKeyInfo.
func (k *Key) SPKI() []byte { return Must(x509.MarshalPKIXPublicKey(k.Public())) }

// PEM returns the public key as a PEM block.
func (k *Key) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.SPKI()}))
}

// PrivatePEM returns the private key as an unencrypted PKCS#8 PEM block.
func (k *Key) PrivatePEM() []byte {
	der := Must(x509.MarshalPKCS8PrivateKey(k.signer))
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// SHA256 returns the hex digest of the SPKI, as revocations name a key.
func (k *Key) SHA256() string {
	sum := sha256.Sum256(k.SPKI())
	return hex.EncodeToString(sum[:])
}

// Hint returns the key id of envelopes and the hint of bundles: the base64
// sha256 of the SPKI.
func (k *Key) Hint() string {
	sum := sha256.Sum256(k.SPKI())
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Sign signs a message deterministically: RFC 6979 for ECDSA, a fixed salt for
// RSA-PSS.
func (k *Key) Sign(message []byte) []byte {
	switch key := k.signer.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, message)
	case *ecdsa.PrivateKey:
		hash := crypto.SHA256
		if k.Algorithm == verifier.ECDSAP384 {
			hash = crypto.SHA384
		}
		return Must(key.Sign(nil, digest(hash, message), hash))
	case *rsa.PrivateKey:
		sum := digest(crypto.SHA256, message)
		if k.Algorithm == verifier.RSAPSSSHA256 {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
			return Must(rsa.SignPSS(zeros{}, key, crypto.SHA256, sum, opts))
		}
		return Must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum))
	}
	panic("verifiertest: no such key type")
}

func digest(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// zeros is the salt of RSA-PSS signatures.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Malleate returns the other valid encoding (r, n−s) of a P-256 signature.
func Malleate(signature []byte) []byte {
	var rs struct{ R, S *big.Int }
	Must(asn1.Unmarshal(signature, &rs))
	rs.S.Sub(elliptic.P256().Params().N, rs.S)
	return Must(asn1.Marshal(rs))
}
