// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
)

// leafWith makes a certificate for a key; change edits it before it is signed.
func leafWith(t *testing.T, public crypto.PublicKey, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	issuer := generateEC(t, elliptic.P256())
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(600, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		URIs:            []*url.URL{{Scheme: "https", Host: "ci.test", Path: "/build"}},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte("https://issuer.test")}},
	}
	change(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, issuer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestReadSigner(t *testing.T) {
	p256 := generateEC(t, elliptic.P256()).Public()
	ed, _, _ := ed25519.GenerateKey(nil)
	asIs := func(*x509.Certificate) {}
	san := func(tag int, value string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.URIs = nil
			der, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte(value)}})
			if err != nil {
				t.Fatal(err)
			}
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oidSubjectAltName, Value: der})
		}
	}
	for _, c := range []struct {
		name   string
		public crypto.PublicKey
		change func(*x509.Certificate)
		want   Reason
		algo   KeyAlgorithm
		san    string
	}{
		{"P-256 and a URI", p256, asIs, 0, ECDSAP256, "https://ci.test/build"},
		{"P-384", generateEC(t, elliptic.P384()).Public(), asIs, 0, ECDSAP384, "https://ci.test/build"},
		{"Ed25519", ed, asIs, 0, Ed25519, "https://ci.test/build"},
		{"RSA-3072", &rsa.PublicKey{N: modulus(3072), E: 65537}, asIs, 0, RSAPKCS1v15, "https://ci.test/build"},
		{"an e-mail address", p256, func(c *x509.Certificate) { c.URIs, c.EmailAddresses = nil, []string{"a@b.test"} }, 0, ECDSAP256, "a@b.test"},
		{"a URI as it is written", p256, san(6, "https://ci.test/%62uild"), 0, ECDSAP256, "https://ci.test/%62uild"},
		{"RSA-2048", &rsa.PublicKey{N: modulus(2048), E: 65537}, asIs, Algorithm, "", ""},
		{"P-521", generateEC(t, elliptic.P521()).Public(), asIs, Algorithm, "", ""},
		{"P-224", generateEC(t, elliptic.P224()).Public(), asIs, Algorithm, "", ""},
		{"no name", p256, func(c *x509.Certificate) { c.URIs = nil }, CertIdentity, "", ""},
		{"an empty name", p256, san(6, ""), CertIdentity, "", ""},
		{"a DNS name", p256, san(2, "ci.test"), CertIdentity, "", ""},
		{"two names", p256, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@b.test"} }, CertIdentity, "", ""},
		{"no issuer", p256, func(c *x509.Certificate) { c.ExtraExtensions = nil }, CertIssuer, "", ""},
	} {
		leaf := leafWith(t, c.public, c.change)
		got, f := readSigner(leaf)
		switch {
		case (got == nil) == (f == nil):
			t.Errorf("%s: %v with %v", c.name, got, f)
		case f != nil && f.Reason != c.want || f == nil && c.want != 0:
			t.Errorf("%s: %v, want %v", c.name, f, c.want)
		case f == nil && (got.algorithm != c.algo || got.san != c.san || got.issuer != "https://issuer.test" || got.spki != sha256.Sum256(leaf.RawSubjectPublicKeyInfo)):
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestSoundLeaf(t *testing.T) {
	public := generateEC(t, elliptic.P256()).Public().(*ecdsa.PublicKey)
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		sound  bool
	}{
		"for signing":      {func(*x509.Certificate) {}, true},
		"an authority":     {func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }, false},
		"for key exchange": {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, false},
		"for nothing":      {func(c *x509.Certificate) { c.KeyUsage = 0 }, false},
	} {
		if f := soundLeaf(leafWith(t, public, c.change)); (f == nil) != c.sound || f != nil && f.Reason != CertChain {
			t.Errorf("%s: %v", name, f)
		}
	}
}

// panicky is trust whose parsers fail as badly as they can.
type panicky struct{ *root.BaseTrustedMaterial }

func (panicky) FulcioCertificateAuthorities() []root.CertificateAuthority { panic("authority") }
func (panicky) TimestampingAuthorities() []root.TimestampingAuthority     { panic("timestamp") }
func (panicky) RekorLogs() map[string]*root.TransparencyLog               { panic("log") }

// TestPanicIsARefusal: a panic below sigstore-go refuses the bundle, and no more.
func TestPanicIsARefusal(t *testing.T) {
	_, signers := keyTrust(t)
	m := keyBundle(t, signers["bob"], []byte(plainStatement))
	m.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
		Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: []byte{1}}}}
	a, f := parseAttestation(marshalJSON(t, m))
	if f != nil {
		t.Fatal(f)
	}
	budget := &signatureBudget{0, 10, 0}
	check := &sigstoreCheck{material: &root.BaseTrustedMaterial{}, key: signers["bob"].signingKey}
	if seen, f := check.verify(a.bundle, budget); seen != nil || f == nil || f.Reason != TimestampInvalid {
		t.Fatalf("without the panic: %v, %v", seen, f)
	}
	check.material = panicky{&root.BaseTrustedMaterial{}}
	seen, f := check.verify(a.bundle, budget)
	if seen != nil || f == nil || f.Reason != BundleMalformed {
		t.Errorf("%v, %v", seen, f)
	}
	budget.searched = 0
	if seen, f := check.verify(a.bundle, budget); seen != nil || f == nil || f.Reason != TooManySignatures {
		t.Errorf("without a budget: %v, %v", seen, f)
	}
}
