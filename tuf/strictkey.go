// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"fmt"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
)

// keyFault says why a listed key cannot be used, "" if it can. go-tuf panics on an
// Ed25519 key of another length, so no such key may reach it. Keys of a type that
// go-tuf does not know pass: it refuses any role that lists one.
func keyFault(key *metadata.Key) string {
	switch key.Type {
	case metadata.KeyTypeEd25519:
		return ed25519Fault(key)
	case metadata.KeyTypeECDSA_SHA2_P256, metadata.KeyTypeECDSA_SHA2_P256_COMPAT:
		return ecdsaFault(key)
	case metadata.KeyTypeRSASSA_PSS_SHA256:
		return rsaFault(key)
	}
	return ""
}

func ed25519Fault(key *metadata.Key) string {
	raw, err := hex.DecodeString(key.Value.PublicKey)
	switch {
	case err != nil:
		return "an Ed25519 key that is not hex"
	case len(raw) != ed25519.PublicKeySize:
		return fmt.Sprintf("an Ed25519 key of %d bytes instead of %d", len(raw), ed25519.PublicKeySize)
	case key.Scheme != metadata.KeySchemeEd25519:
		return "an Ed25519 key for scheme " + printable.Quote(key.Scheme)
	}
	return ""
}

func ecdsaFault(key *metadata.Key) string {
	public, err := key.ToPublicKey()
	if err != nil {
		return "not an ECDSA key in PEM"
	}
	schemes := map[elliptic.Curve]string{
		elliptic.P256(): metadata.KeySchemeECDSA_SHA2_P256,
		elliptic.P384(): metadata.KeySchemeECDSA_SHA2_P384,
	}
	if k, ok := public.(*ecdsa.PublicKey); !ok || schemes[k.Curve] == "" || schemes[k.Curve] != key.Scheme {
		return "an ECDSA key whose curve does not fit scheme " + printable.Quote(key.Scheme)
	}
	return ""
}

func rsaFault(key *metadata.Key) string {
	public, err := key.ToPublicKey()
	if err != nil {
		return "not an RSA key in PEM"
	}
	k, ok := public.(*rsa.PublicKey)
	switch {
	case !ok || key.Scheme != metadata.KeySchemeRSASSA_PSS_SHA256:
		return "an RSA key for scheme " + printable.Quote(key.Scheme)
	case k.N.BitLen() < 3072 || k.N.BitLen() > 8192 || k.E < 65537:
		return fmt.Sprintf("an RSA key of %d bits with exponent %d", k.N.BitLen(), k.E)
	}
	return ""
}
