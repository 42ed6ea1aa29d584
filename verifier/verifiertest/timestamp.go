// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// TSA is an RFC 3161 timestamp authority.
type TSA struct {
	Name string
	CA   *CA
	Leaf *x509.Certificate
	key  *Key
}

func newTSA(name string, from, until time.Time) *TSA {
	tsa := &TSA{Name: name, CA: newCA(name, from, until), key: NewKey(name+" leaf", verifier.ECDSAP256)}
	tsa.Name = "tsa.test.example/" + name[len(name)-1:]
	template := &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: oidEKU, Critical: true, Value: Must(asn1.Marshal([]asn1.ObjectIdentifier{oidStamping}))}},
	}
	tsa.Leaf = sign(template, tsa.CA.Intermediate, tsa.key, tsa.CA.key)
	return tsa
}

var (
	oidSHA256          = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSAWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidSignedData      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCertV2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidPolicy          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}
)

// tstInfo and the types below are RFC 3161 and RFC 5652, as far as they are used.
type tstInfo struct {
	Version      int
	Policy       asn1.ObjectIdentifier
	Imprint      imprint
	SerialNumber *big.Int
	Time         time.Time `asn1:"generalized"`
}

type imprint struct {
	Algorithm pkix.AlgorithmIdentifier
	Digest    []byte
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

type signerInfo struct {
	Version         int
	Signer          issuerAndSerial
	DigestAlgorithm pkix.AlgorithmIdentifier
	Attributes      []attribute `asn1:"set,tag:0"`
	Algorithm       pkix.AlgorithmIdentifier
	Signature       []byte
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue
}

type signedData struct {
	Version    int
	Algorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Content    contentInfo
	Signers    []signerInfo `asn1:"set"`
}

// Stamp returns a timestamp response over a signature at a time. The response
// holds no certificate: the trusted root has it.
func (t *TSA) Stamp(signature []byte, at time.Time) []byte {
	sum := sha256.Sum256(signature)
	info := Must(asn1.Marshal(tstInfo{
		Version: 1, Policy: oidPolicy, Time: at.UTC(), SerialNumber: new(big.Int).SetBytes(sum[:8]),
		Imprint: imprint{pkix.AlgorithmIdentifier{Algorithm: oidSHA256}, sum[:]},
	}))
	token := wrap(oidSignedData, Must(asn1.Marshal(signedData{
		Version:    3,
		Algorithms: []pkix.AlgorithmIdentifier{{Algorithm: oidSHA256}},
		Content:    wrap(oidTSTInfo, Must(asn1.Marshal(info))),
		Signers:    []signerInfo{t.signInfo(info)},
	})))
	return Must(asn1.Marshal(struct {
		Status struct{ Code int }
		Token  contentInfo
	}{Token: token}))
}

func (t *TSA) signInfo(info []byte) signerInfo {
	sum, cert := sha256.Sum256(info), sha256.Sum256(t.Leaf.Raw)
	attributes := []attribute{
		{oidContentType, raws(oidTSTInfo)},
		{oidMessageDigest, raws(sum[:])},
		{oidSigningCertV2, raws([][][][]byte{{{cert[:]}}})},
	}
	signed := Must(asn1.MarshalWithParams(attributes, "set"))
	return signerInfo{
		Version:         1,
		Signer:          issuerAndSerial{asn1.RawValue{FullBytes: t.Leaf.RawIssuer}, t.Leaf.SerialNumber},
		DigestAlgorithm: pkix.AlgorithmIdentifier{Algorithm: oidSHA256},
		Attributes:      attributes,
		Algorithm:       pkix.AlgorithmIdentifier{Algorithm: oidECDSAWithSHA256},
		Signature:       t.key.Sign(signed),
	}
}

func raws(v any) []asn1.RawValue {
	return []asn1.RawValue{{FullBytes: Must(asn1.Marshal(v))}}
}

// wrap is content of a type, explicitly tagged.
func wrap(oid asn1.ObjectIdentifier, content []byte) contentInfo {
	return contentInfo{oid, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: content}}
}
