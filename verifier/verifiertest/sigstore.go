// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	prototrust "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sigdriver/sigdriver/verifier"
)

// Sigstore is a small Sigstore of our own: a certificate authority, a
// certificate transparency log, a Rekor log of either generation and two
// timestamp authorities. Its keys come from its name; its clock is the time
// that each call is given. Fields may be changed before TrustedRoot is called.
type Sigstore struct {
	Fulcio *CA
	CTLog  *Key
	Rekor1 *Log // SETs, checkpoints with a tree id
	Rekor2 *Log // checkpoints only, no time
	TSAs   []*TSA
	// From and Until bound the validity of everything but leaf certificates.
	From, Until time.Time
}

// NewSigstore makes a Sigstore that is valid five years around a time.
func NewSigstore(name string, around time.Time) *Sigstore {
	from, until := around.AddDate(-5, 0, 0), around.AddDate(5, 0, 0)
	return &Sigstore{
		Fulcio: newCA(name+" fulcio", from, until),
		CTLog:  NewKey(name+" ctlog", verifier.ECDSAP256),
		Rekor1: newLog("rekor.test.example", NewKey(name+" rekor1", verifier.ECDSAP256), true),
		Rekor2: newLog("rekor2.test.example", NewKey(name+" rekor2", verifier.Ed25519), false),
		TSAs:   []*TSA{newTSA(name+" tsa-a", from, until), newTSA(name+" tsa-b", from, until)},
		From:   from, Until: until,
	}
}

// Trusted returns the trusted root as a message, to be changed at will.
func (s *Sigstore) Trusted() *prototrust.TrustedRoot {
	root := &prototrust.TrustedRoot{
		MediaType:              "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		Tlogs:                  []*prototrust.TransparencyLogInstance{s.listed(s.Rekor1.BaseURL(), s.Rekor1.Key, s.Rekor1.ID()), s.listed(s.Rekor2.BaseURL(), s.Rekor2.Key, s.Rekor2.ID())},
		CertificateAuthorities: []*prototrust.CertificateAuthority{s.Fulcio.listed("https://fulcio.test.example", s.validity())},
		Ctlogs:                 []*prototrust.TransparencyLogInstance{s.listed("https://ctlog.test.example", s.CTLog, unhex(s.CTLog.SHA256()))},
	}
	for _, tsa := range s.TSAs {
		root.TimestampAuthorities = append(root.TimestampAuthorities, tsa.CA.listedWith(tsa.Leaf, "https://"+tsa.Name, s.validity()))
	}
	return root
}

// TrustedRoot returns trusted_root.json.
func (s *Sigstore) TrustedRoot() []byte { return TrustedRootJSON(s.Trusted()) }

// TrustedRootJSON writes a trusted root as JSON.
func TrustedRootJSON(root *prototrust.TrustedRoot) []byte {
	return Must(compactRaw(Must(protojson.Marshal(root))))
}

func (s *Sigstore) validity() *protocommon.TimeRange {
	return &protocommon.TimeRange{Start: timestamppb.New(s.From), End: timestamppb.New(s.Until)}
}

func (s *Sigstore) listed(url string, key *Key, id []byte) *prototrust.TransparencyLogInstance {
	details := protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256
	if key.Algorithm == verifier.Ed25519 {
		details = protocommon.PublicKeyDetails_PKIX_ED25519
	}
	return &prototrust.TransparencyLogInstance{
		BaseUrl:       url,
		HashAlgorithm: protocommon.HashAlgorithm_SHA2_256,
		PublicKey:     &protocommon.PublicKey{RawBytes: key.SPKI(), KeyDetails: details, ValidFor: s.validity()},
		LogId:         &protocommon.LogId{KeyId: id},
	}
}
