// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"testing"

	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// bareCheck returns what one signature check costs and nothing else: hash and
// public-key operation by the standard library.
func bareCheck(tb testing.TB, key *vt.Key, message []byte) func() bool {
	sig := key.Sign(message)
	switch public := key.Public().(type) {
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(public, message, sig) }
	case *ecdsa.PublicKey:
		return func() bool {
			sum := sha256.Sum256(message)
			return ecdsa.VerifyASN1(public, sum[:], sig)
		}
	}
	tb.Fatalf("no bare check for %T", key.Public())
	return nil
}
