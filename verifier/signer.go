// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
)

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// readSigner reads who a certificate, already verified, says its holder is. It
// must name exactly one subject, an e-mail address or a URI, byte for byte as
// Fulcio wrote it, and the OIDC issuer who vouched for it.
func readSigner(leaf *x509.Certificate) (*signerCertificate, *Finding) {
	algorithm, err := algorithmOf(leaf.PublicKey, certificateAlgorithm(leaf))
	if err != nil {
		return nil, refuseAttestation(Algorithm, "the certificate's key is not accepted: %v", err)
	}
	san, f := readSAN(leaf)
	if f != nil {
		return nil, f
	}
	extensions, err := certificate.ParseExtensions(leaf.Extensions)
	if err != nil || extensions.Issuer == "" {
		return nil, refuseAttestation(CertIssuer, "the certificate does not say who vouched for %s", quote(san))
	}
	return &signerCertificate{issuer: extensions.Issuer, san: san, claims: readClaims(leaf),
		spki: sha256.Sum256(leaf.RawSubjectPublicKeyInfo), algorithm: algorithm}, nil
}

// certificateAlgorithm is what Sigstore signs with an RSA key; other keys have
// one algorithm only.
func certificateAlgorithm(leaf *x509.Certificate) KeyAlgorithm {
	if leaf.PublicKeyAlgorithm == x509.RSA {
		return RSAPKCS1v15
	}
	return ""
}

// readSAN returns the one subject alternative name. Two names, or a kind of name
// that crypto/x509 does not read, could be somebody else's.
func readSAN(leaf *x509.Certificate) (string, *Finding) {
	const email, uri = 1, 6 // GeneralName choices, RFC 5280
	for _, e := range leaf.Extensions {
		if !e.Id.Equal(oidSubjectAltName) {
			continue
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(e.Value, &names); err != nil || len(rest) > 0 || len(names) != 1 {
			return "", refuseAttestation(CertIdentity, "the certificate does not have exactly one subject alternative name")
		}
		n := names[0]
		if n.Class != asn1.ClassContextSpecific || n.Tag != email && n.Tag != uri || len(n.Bytes) == 0 {
			return "", refuseAttestation(CertIdentity, "the certificate's subject alternative name is neither an e-mail address nor a URI")
		}
		return string(n.Bytes), nil
	}
	return "", refuseAttestation(CertIdentity, "the certificate has no subject alternative name")
}
