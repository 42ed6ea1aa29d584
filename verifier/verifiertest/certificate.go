// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"net/url"
	"strings"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	prototrust "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/sigdriver/sigdriver/verifier"
)

// Extensions of certificates.
var (
	OIDIssuerV1 = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
	OIDIssuerV2 = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}
	OIDSCTList  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}
	OIDSAN      = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidEKU      = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidStamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
)

// CA is a certificate authority: a root and an intermediate that issues.
type CA struct {
	Root, Intermediate *x509.Certificate
	rootKey, key       *Key
}

func newCA(name string, from, until time.Time) *CA {
	ca := &CA{rootKey: NewKey(name+" root", verifier.ECDSAP256), key: NewKey(name+" intermediate", verifier.ECDSAP256)}
	ca.Root = sign(authority(name+" root", from, until), nil, ca.rootKey, ca.rootKey)
	ca.Reissue(func(*x509.Certificate) {})
	return ca
}

// Reissue makes the intermediate anew after a change to its template.
func (ca *CA) Reissue(change func(*x509.Certificate)) {
	template := authority(strings.Replace(ca.Root.Subject.CommonName, " root", " intermediate", 1), ca.Root.NotBefore, ca.Root.NotAfter)
	template.SerialNumber = big.NewInt(2)
	change(template)
	ca.Intermediate = sign(template, ca.Root, ca.key, ca.rootKey)
}

func authority(name string, from, until time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"verifiertest"}},
		NotBefore: from, NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// sign makes a certificate; a nil parent signs itself.
func sign(template, parent *x509.Certificate, subject, issuer *Key) *x509.Certificate {
	if parent == nil {
		parent = template
	}
	der := Must(x509.CreateCertificate(nil, template, parent, subject.Public(), issuer.Private()))
	return Must(x509.ParseCertificate(der))
}

func (ca *CA) listed(uri string, validity *protocommon.TimeRange) *prototrust.CertificateAuthority {
	return ca.listedWith(nil, uri, validity)
}

func (ca *CA) listedWith(leaf *x509.Certificate, uri string, validity *protocommon.TimeRange) *prototrust.CertificateAuthority {
	chain := &protocommon.X509CertificateChain{}
	for _, c := range []*x509.Certificate{leaf, ca.Intermediate, ca.Root} {
		if c != nil {
			chain.Certificates = append(chain.Certificates, &protocommon.X509Certificate{RawBytes: c.Raw})
		}
	}
	return &prototrust.CertificateAuthority{
		Subject: &protocommon.DistinguishedName{Organization: "verifiertest", CommonName: ca.Root.Subject.CommonName},
		Uri:     uri, CertChain: chain, ValidFor: validity,
	}
}

// Leaf says what a signing certificate is to hold. Its zero value beside SAN
// and Issuer is what Fulcio issues.
type Leaf struct {
	SAN    string // a URI when it has a scheme, else an email address
	Issuer string
	// At is the start of its ten minutes.
	At time.Time
	// Algorithm of its key; ECDSA P-256 when empty.
	Algorithm verifier.KeyAlgorithm
	// Change is called on the template before signing.
	Change func(*x509.Certificate)
	// By replaces the issuing authority, CTLog the log that saw it.
	By    *CA
	CTLog *Key
	// SCTs is how often the log's promise is embedded; 1 when zero, none when
	// negative.
	SCTs int
}

// Issue makes a signing certificate and its key.
func (s *Sigstore) Issue(l Leaf) (*x509.Certificate, *Key) {
	if l.Algorithm == "" {
		l.Algorithm = verifier.ECDSAP256
	}
	if l.By == nil {
		l.By = s.Fulcio
	}
	if l.CTLog == nil {
		l.CTLog = s.CTLog
	}
	if l.SCTs == 0 {
		l.SCTs = 1
	}
	key := NewKey("leaf "+l.SAN+l.Issuer+l.At.String(), l.Algorithm)
	template := l.template()
	if l.Change != nil {
		l.Change(template)
	}
	cert := sign(template, l.By.Intermediate, key, l.By.key)
	if l.SCTs > 0 {
		list := sctList(l.CTLog, l.By.key, cert.RawTBSCertificate, l.At, l.SCTs)
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: OIDSCTList, Value: list})
		cert = sign(template, l.By.Intermediate, key, l.By.key)
	}
	return cert, key
}

func (l Leaf) template() *x509.Certificate {
	serial := sha256.Sum256([]byte(l.SAN + l.Issuer + l.At.String()))
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:15]),
		NotBefore:    l.At, NotAfter: l.At.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{
			{Id: OIDIssuerV1, Value: []byte(l.Issuer)},
			{Id: OIDIssuerV2, Value: Must(asn1.MarshalWithParams(l.Issuer, "utf8"))},
		},
	}
	if strings.Contains(l.SAN, "://") {
		t.URIs = []*url.URL{Must(url.Parse(l.SAN))}
	} else if l.SAN != "" {
		t.EmailAddresses = []string{l.SAN}
	}
	return t
}

// sctList makes the embedded list of signed certificate timestamps over a
// certificate that does not hold it yet (RFC 6962, 3.2 and 3.3).
func sctList(log, issuer *Key, tbs []byte, at time.Time, count int) []byte {
	issuerHash := sha256.Sum256(issuer.SPKI())
	stamp := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	signed := append([]byte{0, 0}, stamp...) // v1, certificate_timestamp
	signed = append(signed, 0, 1)            // precert_entry
	signed = append(signed, issuerHash[:]...)
	signed = append(signed, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	signed = append(append(signed, tbs...), 0, 0) // no extensions
	signature := log.Sign(signed)

	sct := append([]byte{0}, unhex(log.SHA256())...)
	sct = append(append(sct, stamp...), 0, 0, 4, 3) // no extensions, SHA-256, ECDSA
	sct = append(binary.BigEndian.AppendUint16(sct, uint16(len(signature))), signature...)
	var list []byte
	for range count {
		list = append(binary.BigEndian.AppendUint16(list, uint16(len(sct))), sct...)
	}
	return Must(asn1.Marshal(append(binary.BigEndian.AppendUint16(nil, uint16(len(list))), list...)))
}
