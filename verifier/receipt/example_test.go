// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package receipt_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// A supervisor asks for a receipt with a nonce of its own, pins the driver's key,
// and checks the receipt against the policy that it is about to enforce.
func ExampleVerify() {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	policy := []byte(`{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","version":1}`)
	target := receipt.Target{GatewayID: "gw-1", Workspace: "prod", SandboxID: "sb-1", Name: "web-1"}
	nonce := bytes.Repeat([]byte{7}, receipt.MinNonce) // in production from crypto/rand
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

	// The driver, after it allowed the policy.
	spki, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		log.Fatal(err)
	}
	id := sha256.Sum256(spki)
	sealed, err := receipt.Seal(receipt.Predicate{
		Driver: receipt.Driver{ID: "east-1", Version: "0.1.0"},
		Inputs: []receipt.Input{}, Target: target, Nonce: nonce, Sequence: 17,
		IssuedAt: now, NotAfter: now.Add(receipt.MaxLifetime),
		Purpose: "COMPOSE", Verdict: "ALLOW", Recipe: "openshell.compose/2026-08",
		Trust: receipt.Trust{Epoch: 41},
	}, sha256.Sum256(policy), base64.StdEncoding.EncodeToString(id[:]),
		func(message []byte) ([]byte, error) { return ed25519.Sign(private, message), nil })
	if err != nil {
		log.Fatal(err)
	}

	// The supervisor.
	want := receipt.Want{
		Keys:  []receipt.Key{{Public: private.Public(), Driver: "east-1"}},
		Nonce: nonce, Target: target, EffectiveSHA256: sha256.Sum256(policy), Now: now.Add(time.Second),
	}
	s, err := receipt.Verify(sealed, want)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("allowed by", s.Predicate.Driver.ID, "until", s.Predicate.NotAfter.Format(time.RFC3339))
	want.MinEpoch, want.MinSequence = s.Predicate.Trust.Epoch, s.Predicate.Sequence+1 // keep both

	_, err = receipt.Verify(sealed, want) // the same receipt again
	var refused *receipt.Refusal
	fmt.Println(errors.As(err, &refused), err)
	// Output:
	// allowed by east-1 until 2026-09-01T12:05:00Z
	// true RECEIPT_STALE: its sequence 17 is below 18
}
