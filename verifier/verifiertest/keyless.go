// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
)

// Evidence says what accompanies a certificate in a bundle.
type Evidence struct {
	Rekor1, Rekor2 bool
	// TSAs is how many authorities stamp the signature.
	TSAs int
	// Version of the bundle; 0.3 when empty.
	Version string
}

// Keyless signs a Statement by a fresh certificate, two minutes into its life,
// and gathers the evidence.
func (s *Sigstore) Keyless(statement []byte, leaf Leaf, e Evidence) Bundle {
	cert, key := s.Issue(leaf)
	return s.Gather(Seal(statement, key), Signer{cert, key}, leaf.At.Add(2*time.Minute), e)
}

// Gather bundles an envelope with a signer's certificate, or key, and the
// evidence of a time.
func (s *Sigstore) Gather(envelope Envelope, by Signer, at time.Time, e Evidence) Bundle {
	if e.Version == "" {
		e.Version = "0.3"
	}
	envelope.Signatures[0].KeyID = ""
	b := envelope.bundle(e.Version)
	b.certify(by, e.Version)
	if e.Rekor1 {
		b.AddEntry(s.Rekor1.Record(envelope, by, at))
	}
	if e.Rekor2 {
		b.AddEntry(s.Rekor2.Record(envelope, by, at))
	}
	for i := range e.TSAs {
		b.AddTimestamp(s.TSAs[i].Stamp(envelope.Sig(0), at))
	}
	return b
}

// certify names the signer: a certificate alone since 0.3, a chain before.
func (b Bundle) certify(by Signer, version string) {
	switch {
	case by.Certificate == nil:
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_PublicKey{
			PublicKey: &protocommon.PublicKeyIdentifier{Hint: by.Key.Hint()}}
	case version == "0.3":
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{
			Certificate: &protocommon.X509Certificate{RawBytes: by.Certificate.Raw}}
	default:
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_X509CertificateChain{
			X509CertificateChain: &protocommon.X509CertificateChain{
				Certificates: []*protocommon.X509Certificate{{RawBytes: by.Certificate.Raw}}}}
	}
}

// AddEntry adds a log entry to the bundle.
func (b Bundle) AddEntry(entry *protorekor.TransparencyLogEntry) {
	b.VerificationMaterial.TlogEntries = append(b.VerificationMaterial.TlogEntries, entry)
}

// Entry returns a log entry, to be changed in place.
func (b Bundle) Entry(i int) *protorekor.TransparencyLogEntry {
	return b.VerificationMaterial.TlogEntries[i]
}

// AddTimestamp adds a timestamp response to the bundle.
func (b Bundle) AddTimestamp(response []byte) {
	data := b.VerificationMaterial.TimestampVerificationData
	if data == nil {
		data = &protobundle.TimestampVerificationData{}
		b.VerificationMaterial.TimestampVerificationData = data
	}
	data.Rfc3161Timestamps = append(data.Rfc3161Timestamps, &protocommon.RFC3161SignedTimestamp{SignedTimestamp: response})
}
