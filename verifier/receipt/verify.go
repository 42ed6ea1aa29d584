// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package receipt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// The findings about a receipt: a closed list.
const (
	FindingSignature = "RECEIPT_SIGNATURE" // not a receipt signed by a pinned key
	FindingNonce     = "RECEIPT_NONCE"     // answers another question
	FindingScope     = "RECEIPT_SCOPE"     // for another place, or no ALLOW for COMPOSE
	FindingStale     = "RECEIPT_STALE"     // too old, from the future, or older than one seen before
	FindingDigest    = "RECEIPT_DIGEST"    // about other bytes than those at hand
)

// Refusal says why a receipt is not taken. Foreign text in it is quoted.
type Refusal struct {
	Finding string
	Text    string // one sentence
}

func (r *Refusal) Error() string { return r.Finding + ": " + r.Text }

// Key is a pinned receipt key of a driver.
type Key struct {
	Public    crypto.PublicKey // ed25519.PublicKey, or *ecdsa.PublicKey on P-256
	Driver    string           // whose it is; "" when the key alone says so
	NotBefore time.Time        // zero: since ever
	NotAfter  time.Time        // zero: for ever; exclusive
}

// ParseKey reads a PEM public key.
func ParseKey(text []byte) (Key, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return Key{}, errors.New("not exactly one PEM block of type PUBLIC KEY")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return Key{}, errors.New("not a public key we know")
	}
	if k, ok := public.(*ecdsa.PublicKey); ok && k.Curve == elliptic.P256() {
		return Key{Public: k}, nil
	}
	if k, ok := public.(ed25519.PublicKey); ok {
		return Key{Public: k}, nil
	}
	return Key{}, errors.New("neither an Ed25519 nor an ECDSA P-256 key")
}

// Want is what a receipt must say to be taken. Its zero value takes none, and
// nothing in it is optional: SettingsSHA256 is zero only where no settings were
// judged.
type Want struct {
	Keys   []Key
	Nonce  []byte // that the receipt was asked for with, used once
	Target Target // where the policy is about to be enforced
	// EffectiveSHA256 is of the canonical effective policy about to be enforced.
	EffectiveSHA256 [32]byte
	SettingsSHA256  [32]byte
	// MinEpoch is the epoch of the last receipt taken from this driver, and
	// MinSequence its sequence plus one; both zero before the first. Keep them.
	MinEpoch, MinSequence uint64
	// Seen is the same for a supervisor that meets several drivers of one fleet: what
	// counts is the memory of the driver that signed. Optional. With it, every key has to
	// say whose it is.
	Seen Seen
	Now  time.Time
}

// Seen is what a supervisor keeps of each driver whose receipts it took, by the driver's
// id. Drivers number their receipts for themselves: the numbers of two have nothing to do
// with each other.
type Seen map[string]Mark

// Mark is the epoch of the last receipt that was taken from a driver, and its sequence
// plus one. The zero value is before the first.
type Mark struct{ MinEpoch, MinSequence uint64 }

// Take notes a receipt that Verify returned. Keep what it notes before the policy is
// enforced.
func (s Seen) Take(r *Statement) {
	p := &r.Predicate
	last := s[p.Driver.ID]
	s[p.Driver.ID] = Mark{max(last.MinEpoch, p.Trust.Epoch), max(last.MinSequence, p.Sequence+1)}
}

// Verify checks a receipt. The error is always a *Refusal; without one the
// policy with EffectiveSHA256 may be enforced at Target until NotAfter.
func Verify(receipt []byte, want Want) (*Statement, error) {
	s, err := open(receipt, &want)
	if err != nil {
		return nil, err
	}
	p := &s.Predicate
	mark := want.Seen[p.Driver.ID]
	minEpoch, minSequence := max(want.MinEpoch, mark.MinEpoch), max(want.MinSequence, mark.MinSequence)
	for _, check := range []struct {
		holds   bool
		finding string
		text    string
	}{
		{p.Verdict == "ALLOW" && p.Purpose == "COMPOSE", FindingScope, fmt.Sprintf("it is %.20q for %.20q, not ALLOW for COMPOSE", p.Verdict, p.Purpose)},
		{len(want.Nonce) >= MinNonce && bytes.Equal(p.Nonce, want.Nonce), FindingNonce, "its nonce is not the one that was asked with"},
		{p.Target.GatewayID == want.Target.GatewayID, FindingScope, fmt.Sprintf("it is for gateway %.80q", p.Target.GatewayID)},
		{p.Target.Workspace == want.Target.Workspace, FindingScope, fmt.Sprintf("it is for workspace %.80q", p.Target.Workspace)},
		{p.Target.SandboxID == want.Target.SandboxID, FindingScope, fmt.Sprintf("it is for sandbox id %.80q", p.Target.SandboxID)},
		{p.Target.Name == want.Target.Name, FindingScope, fmt.Sprintf("it is for the sandbox named %.80q", p.Target.Name)},
		{s.Subject[0].Digest.SHA256 == want.EffectiveSHA256, FindingDigest, "it is about the effective policy " + s.Subject[0].Digest.SHA256.String()},
		{p.SettingsSHA256 == want.SettingsSHA256, FindingDigest, "it is about the settings " + p.SettingsSHA256.String()},
		{!p.IssuedAt.After(want.Now.Add(MaxSkew)), FindingStale, "it is from the future: issued at " + p.IssuedAt.Format(time.RFC3339)},
		{want.Now.Before(p.NotAfter), FindingStale, "it held until " + p.NotAfter.Format(time.RFC3339)},
		{p.NotAfter.Sub(p.IssuedAt) <= MaxLifetime, FindingStale, fmt.Sprintf("it claims to hold for longer than %s", MaxLifetime)},
		{p.Trust.Epoch >= minEpoch, FindingStale, fmt.Sprintf("its trust epoch %d is below %d", p.Trust.Epoch, minEpoch)},
		{p.Sequence >= minSequence, FindingStale, fmt.Sprintf("its sequence %d is below %d", p.Sequence, minSequence)},
	} {
		if !check.holds {
			return nil, &Refusal{check.finding, check.text}
		}
	}
	return s, nil
}

// open checks who signed and returns what, both in their one form.
func open(receipt []byte, want *Want) (*Statement, error) {
	var e envelope
	if len(receipt) > MaxEnvelope {
		return nil, refuse("it has more than %d bytes", MaxEnvelope)
	}
	if json.Unmarshal(receipt, &e) != nil || len(e.Signatures) != 1 {
		return nil, refuse("it is no DSSE envelope with one signature")
	}
	// Whoever reads it again must read the same: no spare bits, no second member.
	if again, err := canonical(&e); err != nil || !bytes.Equal(again, receipt) {
		return nil, refuse("its bytes are not the one form of what they say")
	}
	key, err := find(want.Keys, e.Signatures[0].KeyID, want.Now)
	if err != nil {
		return nil, err
	}
	if e.PayloadType != payloadType || !signed(key.Public, pae(e.Payload), e.Signatures[0].Sig) {
		return nil, refuse("the signature does not verify")
	}
	var s Statement
	if json.Unmarshal(e.Payload, &s) != nil || s.Type != statementType || s.PredicateType != PredicateType ||
		len(s.Subject) != 1 || s.Subject[0].Name != subjectName {
		return nil, refuse("what was signed is no receipt")
	}
	if again, err := canonical(&s); err != nil || !bytes.Equal(again, e.Payload) {
		return nil, refuse("what was signed is not the one form of what it says")
	}
	if !oneForm(s.Predicate.IssuedAt) || !oneForm(s.Predicate.NotAfter) || s.Predicate.Inputs == nil {
		return nil, refuse("what was signed has a time that is not in UTC with whole seconds, or no inputs")
	}
	if key.Driver == "" && want.Seen != nil {
		return nil, refuse("the key does not say whose it is, and several drivers are told apart")
	}
	if key.Driver != "" && s.Predicate.Driver.ID != key.Driver {
		return nil, refuse("the key is of driver %.80q, the receipt of %.80q", key.Driver, s.Predicate.Driver.ID)
	}
	return &s, nil
}

// oneForm reports whether a time was written in UTC with whole seconds: encoding/json
// writes other zones and fractions as it read them.
func oneForm(at time.Time) bool {
	_, offset := at.Zone()
	return offset == 0 && at.Nanosecond() == 0
}

func refuse(format string, args ...any) error {
	return &Refusal{FindingSignature, fmt.Sprintf(format, args...)}
}

// find returns the pinned key with an id, if it is within its window.
func find(keys []Key, id string, now time.Time) (*Key, error) {
	for i := range keys {
		k := &keys[i]
		spki, err := x509.MarshalPKIXPublicKey(k.Public)
		if err != nil || keyID(spki) != id {
			continue
		}
		if now.Before(k.NotBefore) || !k.NotAfter.IsZero() && !now.Before(k.NotAfter) {
			return nil, refuse("the key %.44q is outside its window", id)
		}
		return k, nil
	}
	return nil, refuse("no pinned key has the id %.44q", id)
}

// signed reports whether sig is the key's signature over the message.
func signed(key crypto.PublicKey, message, sig []byte) bool {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize && ed25519.Verify(k, message, sig)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		return k.Curve == elliptic.P256() && ecdsa.VerifyASN1(k, sum[:], sig)
	}
	return false
}
