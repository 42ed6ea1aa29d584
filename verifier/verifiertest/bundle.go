// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Bundle media types by version.
var mediaTypes = map[string]string{
	"0.1": "application/vnd.dev.sigstore.bundle+json;version=0.1",
	"0.2": "application/vnd.dev.sigstore.bundle+json;version=0.2",
	"0.3": "application/vnd.dev.sigstore.bundle.v0.3+json",
}

// Bundle is a Sigstore bundle to be changed at will before it is written.
type Bundle struct{ *protobundle.Bundle }

// Bundle wraps the envelope in a Sigstore bundle of a version (0.1, 0.2 or
// 0.3) that names the key by its hint.
func (e Envelope) Bundle(version string, signer *Key) Bundle {
	b := e.bundle(version)
	b.VerificationMaterial.Content = &protobundle.VerificationMaterial_PublicKey{
		PublicKey: &protocommon.PublicKeyIdentifier{Hint: signer.Hint()},
	}
	return b
}

func (e Envelope) bundle(version string) Bundle {
	mediaType, ok := mediaTypes[version]
	if !ok {
		panic("verifiertest: no bundle version " + version)
	}
	envelope := &protodsse.Envelope{Payload: e.PayloadBytes(), PayloadType: e.PayloadType}
	for i, s := range e.Signatures {
		envelope.Signatures = append(envelope.Signatures, &protodsse.Signature{Keyid: s.KeyID, Sig: e.Sig(i)})
	}
	return Bundle{&protobundle.Bundle{
		MediaType:            mediaType,
		VerificationMaterial: &protobundle.VerificationMaterial{},
		Content:              &protobundle.Bundle_DsseEnvelope{DsseEnvelope: envelope},
	}}
}

// Envelope returns the envelope inside, to be changed in place.
func (b Bundle) Envelope() *protodsse.Envelope { return b.GetDsseEnvelope() }

// JSON returns the bundle as JSON, without protojson's random white space.
func (b Bundle) JSON() []byte {
	return Must(compactRaw(Must(protojson.Marshal(b.Bundle))))
}

// Proto returns the bundle as protobuf.
func (b Bundle) Proto() []byte {
	return Must(proto.MarshalOptions{Deterministic: true}.Marshal(b.Bundle))
}

// Clone copies the bundle deeply.
func (b Bundle) Clone() Bundle { return Bundle{proto.CloneOf(b.Bundle)} }

// MessageBundle is a bundle with a message signature over some bytes: no
// in-toto attestation.
func MessageBundle(data []byte, signer *Key) Bundle {
	return Bundle{&protobundle.Bundle{
		MediaType: mediaTypes["0.3"],
		VerificationMaterial: &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_PublicKey{
			PublicKey: &protocommon.PublicKeyIdentifier{Hint: signer.Hint()}}},
		Content: &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: unhex(SHA256(data))},
			Signature:     signer.Sign(data),
		}},
	}}
}
