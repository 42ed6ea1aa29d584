// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"encoding/base64"
	"fmt"
)

// PayloadType is the payload type of in-toto Statements in DSSE.
const PayloadType = "application/vnd.in-toto+json"

// PAE is the pre-authentication encoding of DSSE: what a signature covers.
func PAE(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// Envelope is a DSSE envelope, in the order in which it is written.
type Envelope struct {
	Payload     string      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	KeyID string `json:"keyid,omitempty"`
	Sig   string `json:"sig"`
}

// Seal signs a payload by each key in turn.
func Seal(payload []byte, keys ...*Key) Envelope {
	return SealType(PayloadType, payload, keys...)
}

// SealType signs a payload under another payload type.
func SealType(payloadType string, payload []byte, keys ...*Key) Envelope {
	e := Envelope{Payload: base64.StdEncoding.EncodeToString(payload), PayloadType: payloadType, Signatures: []Signature{}}
	for _, k := range keys {
		e.Signatures = append(e.Signatures, SignatureBy(k, PAE(payloadType, payload)))
	}
	return e
}

// SignatureBy signs a message that need not be a PAE.
func SignatureBy(k *Key, message []byte) Signature {
	return Signature{KeyID: k.Hint(), Sig: base64.StdEncoding.EncodeToString(k.Sign(message))}
}

// Seal signs the Statement by each key in turn.
func (s Statement) Seal(keys ...*Key) Envelope { return Seal(s.JSON(), keys...) }

// JSON returns the bare envelope.
func (e Envelope) JSON() []byte { return Compact(e) }

// PayloadBytes returns the decoded payload.
func (e Envelope) PayloadBytes() []byte {
	return Must(base64.StdEncoding.DecodeString(e.Payload))
}

// SHA256 returns the digest of the attestation: of its PAE.
func (e Envelope) SHA256() string { return SHA256(PAE(e.PayloadType, e.PayloadBytes())) }

// Sig returns the decoded bytes of one signature.
func (e Envelope) Sig(i int) []byte {
	return Must(base64.StdEncoding.DecodeString(e.Signatures[i].Sig))
}
