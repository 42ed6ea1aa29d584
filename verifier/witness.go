// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	sigstorebundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// witness is one log entry or one timestamp of a bundle, verified alone.
type witness struct {
	// id tells witnesses apart: a log and its index, or a timestamp authority,
	// of which one timestamp counts.
	id    string
	at    time.Time                        // zero for an entry that vouches for no time
	entry *protorekor.TransparencyLogEntry // nil for a timestamp
	stamp []byte                           // nil for an entry
}

// witnesses returns what of a verified bundle verifies alone: entries of unknown
// logs and timestamps by unknown authorities are padding.
func (t *Trust) witnesses(s *verifiedSignature) (list []witness) {
	defer func() {
		if recover() != nil { // as in sigstoreCheck.verify
			list = nil
		}
	}()
	check := &sigstoreCheck{material: t.keyless.root, key: s.key}
	material := check.trusted()
	bundle, err := sigstorebundle.NewBundle(s.bundle)
	if err != nil {
		return nil
	}
	b := &signedEntity{Bundle: bundle}
	entries, err := b.TlogEntries()
	if err != nil {
		return nil
	}
	for _, e := range entries {
		one := &signedEntity{Bundle: bundle, only: e}
		if _, err := verify.VerifyTlogEntry(one, material, 1, true); err != nil {
			continue
		}
		w := witness{entry: e.TransparencyLogEntry(), id: fmt.Sprintf("log %x %d", e.LogKeyID(), e.LogIndex())}
		if e.HasInclusionPromise() {
			w.at = e.IntegratedTime().UTC()
		}
		list = addWitnesses(list, []witness{w})
	}
	stamps, _ := b.Timestamps()
	for _, stamp := range stamps {
		for _, authority := range material.TimestampingAuthorities() {
			if at, err := authority.Verify(stamp, s.sig); err == nil {
				list = addWitnesses(list, []witness{{id: "stamp " + at.URI, at: at.Time.UTC(), stamp: stamp}})
				break
			}
		}
	}
	return list
}

// addWitnesses returns both lists as one, in order: one of each id, the earliest, and
// no more than a bundle holds, the earliest again.
func addWitnesses(a, b []witness) []witness {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y witness) int {
		return cmp.Or(cmp.Compare(x.id, y.id), x.at.Compare(y.at), bytes.Compare(x.bytes(), y.bytes()))
	})
	all = slices.CompactFunc(all, func(x, y witness) bool { return x.id == y.id })
	slices.SortStableFunc(all, func(x, y witness) int { return x.at.Compare(y.at) })
	entries, stamps := 0, 0
	return slices.DeleteFunc(all, func(w witness) bool {
		if w.entry != nil {
			entries++
			return entries > MaxTlogEntries
		}
		stamps++
		return stamps > MaxTimestamps
	})
}

func sameWitnesses(a, b []witness) bool {
	return slices.EqualFunc(a, b, func(x, y witness) bool { return x.id == y.id && x.at.Equal(y.at) })
}

func (w witness) bytes() []byte {
	if w.entry == nil {
		return w.stamp
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(w.entry)
	if err != nil {
		return nil // it was parsed from bytes
	}
	return raw
}

// counting returns the witnesses that do not keep a signature from counting: one that
// vouches for a time when the key was not valid would.
func (p *Proof) counting() []witness {
	key := p.signed.key
	if key == nil {
		return p.witnesses // those of a certificate have been held against its chain
	}
	return slices.DeleteFunc(slices.Clone(p.witnesses), func(w witness) bool {
		return !w.at.IsZero() && (w.at.Before(key.notBefore) || !key.notAfter.IsZero() && !w.at.Before(key.notAfter))
	})
}

// leafOf returns the signer's certificate, nil for none.
func leafOf(b *protobundle.Bundle) []byte {
	m := b.GetVerificationMaterial()
	if c := m.GetCertificate(); c != nil {
		return c.GetRawBytes()
	}
	if chain := m.GetX509CertificateChain().GetCertificates(); len(chain) > 0 {
		return chain[0].GetRawBytes()
	}
	return nil
}

// encodeBundle writes a Sigstore bundle with these witnesses, as JSON where that is
// short enough. It reports whether it is short enough at all.
func (p *Proof) encodeBundle(list []witness) ([]byte, bool) {
	text, err := protojson.Marshal(p.newBundle(list))
	v := jsontext.Value(text) // the library's white space differs from build to build
	if err == nil && v.Canonicalize() == nil && len(v) <= MaxAttestation {
		return v, true
	}
	raw := p.bundleWire(list)
	return raw, len(raw) > 0 && len(raw) <= MaxAttestation
}

func (p *Proof) bundleWire(list []witness) []byte {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.newBundle(list))
	if err != nil {
		return nil // all of it was parsed from bytes
	}
	return raw
}

// newBundle makes a bundle v0.3, or v0.1 where its log entries have promises alone.
func (p *Proof) newBundle(list []witness) *protobundle.Bundle {
	m := &protobundle.VerificationMaterial{}
	var proven, promised bool
	for _, w := range list {
		if w.entry == nil {
			if m.TimestampVerificationData == nil {
				m.TimestampVerificationData = &protobundle.TimestampVerificationData{}
			}
			d := m.TimestampVerificationData
			d.Rfc3161Timestamps = append(d.Rfc3161Timestamps, &protocommon.RFC3161SignedTimestamp{SignedTimestamp: w.stamp})
			continue
		}
		m.TlogEntries = append(m.TlogEntries, w.entry)
		proven, promised = proven || w.entry.GetInclusionProof() != nil, promised || isPromised(w.entry)
	}
	old := promised && !proven
	leaf := &protocommon.X509Certificate{RawBytes: p.signed.leaf}
	switch {
	case p.signed.key != nil:
		m.Content = &protobundle.VerificationMaterial_PublicKey{
			PublicKey: &protocommon.PublicKeyIdentifier{Hint: base64.StdEncoding.EncodeToString(p.Signer[:])}}
	case old:
		m.Content = &protobundle.VerificationMaterial_X509CertificateChain{
			X509CertificateChain: &protocommon.X509CertificateChain{Certificates: []*protocommon.X509Certificate{leaf}}}
	default:
		m.Content = &protobundle.VerificationMaterial_Certificate{Certificate: leaf}
	}
	mediaType := "application/vnd.dev.sigstore.bundle.v0.3+json"
	if old {
		mediaType = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	}
	return &protobundle.Bundle{MediaType: mediaType, VerificationMaterial: m, Content: &protobundle.Bundle_DsseEnvelope{
		DsseEnvelope: &protodsse.Envelope{PayloadType: InTotoPayloadType, Payload: p.signed.payload,
			Signatures: []*protodsse.Signature{{Sig: p.signed.sig}}}}}
}
