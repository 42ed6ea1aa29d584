// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
)

// pem shows public keys and certificates; of a private key nothing but that it
// is one.
func (in *inspector) pem(data []byte) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return
		}
		switch {
		case strings.Contains(block.Type, "PRIVATE KEY"):
			in.head("Private key, PEM type %q. It is not shown.", block.Type)
		case block.Type == "PUBLIC KEY":
			in.publicKey(block.Bytes)
		case block.Type == "RSA PUBLIC KEY":
			in.rsaKey(block.Bytes)
		case block.Type == "CERTIFICATE":
			in.head("Certificate")
			in.certificate(block.Bytes)
		default:
			in.head("PEM block of type %q, %d bytes", block.Type, len(block.Bytes))
		}
	}
}

func (in *inspector) publicKey(spki []byte) {
	in.head("Public key")
	in.field("key id", "%s", keys.ID(spki))
	public, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		in.field("fault", "it cannot be read")
		return
	}
	in.field("algorithm", "%s", keyAlgorithm(public))
}

// rsaKey shows a key as PKCS#1 writes it.
func (in *inspector) rsaKey(der []byte) {
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		in.head("Public key")
		in.field("fault", "it cannot be read")
		return
	}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		in.field("fault", "it cannot be read")
		return
	}
	in.publicKey(spki)
}

func keyAlgorithm(public any) string {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	}
	return fmt.Sprintf("%T", public)
}

// certificate shows who a signing certificate says its holder is.
func (in *inspector) certificate(der []byte) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		in.field("certificate", "%d bytes that cannot be read", len(der))
		return
	}
	in.field("certificate", "issued by %q", cert.Issuer)
	in.field("", "valid from %s until %s", cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339))
	in.field("", "key %s %s", keyAlgorithm(cert.PublicKey), keys.ID(cert.RawSubjectPublicKeyInfo))
	summary, err := certificate.SummarizeCertificate(cert)
	if err != nil {
		in.field("", "subject %q", cert.Subject)
		return
	}
	in.field("", "identity %q", summary.SubjectAlternativeName)
	in.field("", "OIDC issuer %q", summary.Extensions.Issuer)
}

func unixTime(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
