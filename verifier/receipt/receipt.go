// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package receipt is what a driver signs about a policy that it allowed, and the
// check that a supervisor makes before it enforces one. It needs nothing beside
// the standard library, so that it can be copied or ported; this comment is its
// specification, and testdata/vectors/receipts what a port must answer.
//
// # Format
//
// A receipt is a DSSE envelope with one signature, in one form:
//
//	{"payload":"<base64>","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"<base64>","sig":"<base64>"}]}
//
// keyid is the sha256 of the signer's DER SubjectPublicKeyInfo. sig is over the
// DSSE pre-authentication encoding
//
//	"DSSEv1" SP "28" SP "application/vnd.in-toto+json" SP len(payload) SP payload
//
// by Ed25519, or by ECDSA P-256 over its sha256 in ASN.1 form. base64 is standard
// and padded. The payload is an in-toto Statement v1 in RFC 8785 form, whose only
// subject is the effective policy and whose predicate is a [Predicate]:
//
//	{"_type":"https://in-toto.io/Statement/v1","predicate":{…},
//	 "predicateType":"https://sigdriver.dev/effective-policy/v1",
//	 "subject":[{"digest":{"sha256":"<64 hex>"},"name":"effective-policy"}]}
//
// Digests and the nonce are lower-case hex digits, 64-bit integers decimal
// strings, times RFC 3339 in UTC with whole seconds. Other bytes for the same
// thing are refused, so a receipt has no spare bits.
//
// # Verification
//
// A supervisor has pinned keys, has chosen a nonce of at least 16 random bytes and
// sent it with its request, and has the bytes that it is about to enforce. It
// takes a receipt only if, in this order:
//
//  1. it has at most 64 KiB, and is the envelope above in its one form
//  2. its keyid is that of a pinned key, which is within its window
//  3. the signature verifies
//  4. the payload is the Statement above in its one form, and names the driver
//     that the key belongs to, where one is pinned with it
//  5. it says ALLOW for COMPOSE
//  6. its nonce is the one that was sent
//  7. its gateway, workspace, sandbox id and sandbox name are the supervisor's own
//  8. its subject is the sha256 of the effective policy at hand
//  9. its settings are those at hand, or there are none
//  10. issuedAt is at most 30 seconds ahead of the supervisor's clock
//  11. now is before notAfter, which is at most five minutes after issuedAt
//  12. its trust epoch is not below that of the last receipt that was taken
//  13. its sequence is above that of the last receipt that was taken
//
// The first that fails is the [Refusal]: RECEIPT_SIGNATURE for 1 to 4,
// RECEIPT_SCOPE for 5 and 7, RECEIPT_NONCE for 6, RECEIPT_DIGEST for 8 and 9,
// RECEIPT_STALE for 10 to 13. The supervisor keeps epoch and sequence of what it
// took, per driver. The example of [Verify] shows both sides.
package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// PredicateType names the predicate of a receipt.
const PredicateType = "https://sigdriver.dev/effective-policy/v1"

const (
	statementType = "https://in-toto.io/Statement/v1"
	payloadType   = "application/vnd.in-toto+json"
	subjectName   = "effective-policy"
)

// Limits of a receipt.
const (
	// MaxEnvelope bounds the envelope in bytes.
	MaxEnvelope = 64 << 10
	// MinNonce and MaxNonce bound the nonce in bytes.
	MinNonce, MaxNonce = 16, 64
	// MaxLifetime bounds notAfter: long enough to start a sandbox, too short to
	// outlive a revocation by much.
	MaxLifetime = 5 * time.Minute
	// MaxSkew is how far the driver's clock may be ahead of the reader's.
	MaxSkew = 30 * time.Second
)

// Statement is the in-toto Statement of a receipt. Members are declared in the
// order in which RFC 8785 sorts them.
type Statement struct {
	Type          string    `json:"_type"`
	Predicate     Predicate `json:"predicate"`
	PredicateType string    `json:"predicateType"`
	Subject       []Subject `json:"subject"`
}

// Subject is what a Statement is about.
type Subject struct {
	Digest struct {
		SHA256 Digest `json:"sha256"`
	} `json:"digest"`
	Name string `json:"name"`
}

// Predicate says what was allowed, where, on which grounds, and for how long the
// receipt holds.
type Predicate struct {
	Driver Driver  `json:"driver"`
	Inputs []Input `json:"inputs"` // in request order
	// IssuedAt is the instant that the decision was judged at; NotAfter is
	// exclusive, at most MaxLifetime later and never after the instant at which
	// time alone would change the decision. Whole seconds.
	IssuedAt time.Time `json:"issuedAt"`
	Log      Log       `json:"log"`
	Nonce    Nonce     `json:"nonce"`
	NotAfter time.Time `json:"notAfter"`
	// ProvidersV2 reports whether the layers of providers were inserted.
	ProvidersV2   bool   `json:"providersV2Enabled"`
	Purpose       string `json:"purpose"` // "COMPOSE"
	Recipe        string `json:"recipe"`
	RequestSHA256 Digest `json:"requestSha256"` // request_sha256 of the contract
	// Sequence numbers the receipts of one driver: it rises, with gaps, and is
	// never used twice.
	Sequence uint64 `json:"sequence,string"`
	// SettingsSHA256 is that of the SETTINGS document; absent when none was judged.
	SettingsSHA256 Digest `json:"settingsSha256,omitzero"`
	Target         Target `json:"target"`
	Trust          Trust  `json:"trust"`
	Verdict        string `json:"verdict"` // "ALLOW"
}

// Driver is who decided.
type Driver struct {
	ID       string `json:"id"`                 // as drivers.json and the driver's configuration call it
	Revision string `json:"revision,omitempty"` // commit of the build
	Version  string `json:"version"`
}

// Input is one document of the composition.
type Input struct {
	// Principals are those that counted, sorted; Omitted is how many were left
	// out for want of room.
	Principals []string `json:"principals"`
	Omitted    int      `json:"principalsOmitted,omitempty"`
	Provider   string   `json:"provider,omitempty"`
	Role       string   `json:"role"`
	SHA256     Digest   `json:"sha256"`
	Version    uint64   `json:"version,omitempty,string"` // absent for none
	Workspace  string   `json:"workspace,omitempty"`
}

// Log is the journal entry of the evaluation that made the decision.
type Log struct {
	EntrySHA256 Digest `json:"entrySha256"`
	Index       uint64 `json:"index,string"`
}

// Target is where the policy may be enforced.
type Target struct {
	GatewayID string `json:"gatewayId"`
	Name      string `json:"name"`
	SandboxID string `json:"sandboxId"`
	Workspace string `json:"workspace"`
}

// Trust is the trust that decided: its epoch and the versions of its TUF roles.
type Trust struct {
	Epoch      uint64 `json:"epoch,string"`
	Revocation int64  `json:"revocation,string"` // 0 where there is no such role
	Root       int64  `json:"root,string"`
	Snapshot   int64  `json:"snapshot,string"`
	Stale      bool   `json:"stale"` // past an expiry, within the signed allowance
	Targets    int64  `json:"targets,string"`
	Timestamp  int64  `json:"timestamp,string"`
}

// Digest is a sha256, written as 64 lower-case hex digits.
type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) {
		return fmt.Errorf("a sha256 is 64 hex digits")
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// Nonce is what the asker chose, written as lower-case hex digits.
type Nonce []byte

// MarshalText implements encoding.TextMarshaler.
func (n Nonce) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(n)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Nonce) UnmarshalText(text []byte) (err error) {
	*n, err = hex.DecodeString(string(text))
	return err
}

// envelope is the DSSE envelope, members in the order of RFC 8785.
type envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// Seal makes a receipt of a predicate about an effective policy. keyID is the
// base64 sha256 of the signer's SPKI; sign gets the bytes to sign. The caller
// vouches that the decision is its own, was allowed and is recorded.
func Seal(p Predicate, effective [32]byte, keyID string, sign func(message []byte) ([]byte, error)) ([]byte, error) {
	s := Statement{Type: statementType, Predicate: p, PredicateType: PredicateType, Subject: []Subject{{Name: subjectName}}}
	s.Subject[0].Digest.SHA256 = effective
	payload, err := canonical(&s)
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodedLen(len(payload)) > MaxEnvelope-512 { // what stands round it takes less
		return nil, &SizeError{len(payload)}
	}
	sig, err := sign(pae(payload))
	if err != nil {
		return nil, err
	}
	return canonical(&envelope{payload, payloadType, []signature{{keyID, sig}}})
}

// SizeError says that a predicate does not fit into an envelope.
type SizeError struct{ Payload int }

func (e *SizeError) Error() string {
	return fmt.Sprintf("a payload of %d bytes does not fit into a receipt of %d", e.Payload, MaxEnvelope)
}

// pae is what DSSE signs.
func pae(payload []byte) []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload)), payload...)
}

// keyID names a key by its DER SubjectPublicKeyInfo.
func keyID(spki []byte) string {
	sum := sha256.Sum256(spki)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// canonical is the RFC 8785 form of one of our structs. encoding/json writes it
// but for two characters, which it escapes.
func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		n := 1
		if text[i] == '\\' {
			n = 2 // an escape; its other digits are ordinary bytes
			if rest := text[i:]; bytes.HasPrefix(rest, []byte(`\u2028`)) || bytes.HasPrefix(rest, []byte(`\u2029`)) {
				out = append(out, "\xe2\x80"...)
				out = append(out, 0xa8+rest[5]-'8')
				i += 6
				continue
			}
		}
		out = append(out, text[i:i+n]...)
		i += n
	}
	return out, nil
}
