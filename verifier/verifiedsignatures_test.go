// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
	"testing"
)

// A signature that is remembered is remembered with its key, its algorithm and its
// message: nothing else passes for it.
func TestVerifiedSignaturesAreToldApart(t *testing.T) {
	_, signers := keyTrust(t)
	text := PAE(InTotoPayloadType, []byte(plainStatement))
	message, other := newSignedMessage(text), newSignedMessage(append(slices.Clone(text), ' '))
	bob, carol := signers["bob"], signers["carol"]
	sig := bob.sign(t, text)
	var m VerifiedSignatures
	for range 2 {
		if !m.verify(bob.signingKey, message, sig) {
			t.Fatal("a good signature does not verify")
		}
	}
	flipped := slices.Clone(sig)
	flipped[len(flipped)-1] ^= 1
	moved := *bob.signingKey
	moved.algorithm = "another"
	if n := len(m.known.young); n != 1 {
		t.Errorf("%d signatures are remembered", n)
	}
	for name, got := range map[string]bool{
		"another message":   m.verify(bob.signingKey, other, sig),
		"another key":       m.verify(carol.signingKey, message, sig),
		"another signature": m.verify(bob.signingKey, message, flipped),
	} {
		if got {
			t.Errorf("%s verifies", name)
		}
	}
	if signatureName(&moved, message, sig) == signatureName(bob.signingKey, message, sig) {
		t.Error("two algorithms of one key have one name")
	}
	if n := len(m.known.young); n != 1 {
		t.Errorf("%d signatures are remembered after bad ones", n)
	}
}

// An attestation that was checked before spends what it did, and is refused where that
// is not left, as it would be without.
func TestCheckedSpendsTheSame(t *testing.T) {
	trust, signers := keyTrust(t)
	payload := []byte(plainStatement)
	named := signers["bob"].over(t, InTotoPayloadType, payload)
	unnamed := testSignature{"", signers["carol"].over(t, InTotoPayloadType, payload).sig}
	raw := envelopeText(InTotoPayloadType, payload, named, unnamed)
	var sum [32]byte
	for left := range 4 {
		for _, b := range []signatureBudget{{left, 9, 0}, {9, left, 0}} {
			cold, warm := b, b
			trust.checked = nil
			want := trust.checkAttestation(3, raw, sum, &cold)
			trust.checked = &checkedAttestations{}
			trust.checkAttestation(0, raw, sum, newSignatureBudget())
			if len(trust.checked.young) != 1 {
				t.Fatal("it is not kept")
			}
			got := trust.checkAttestation(3, raw, sum, &warm)
			if fmt.Sprint(got.findings) != fmt.Sprint(want.findings) || len(got.claims) != len(want.claims) || warm != cold {
				t.Errorf("%v: %v and %v, without %v and %v", b, got.findings, warm, want.findings, cold)
			}
		}
	}
	trust.checked = &checkedAttestations{}
	starved := signatureBudget{0, 0, 0}
	trust.checkAttestation(0, raw, sum, &starved)
	if len(trust.checked.young) != 0 {
		t.Error("what was not looked at is kept")
	}
	delete(trust.authorities.keys, signers["bob"].spki)
	trust.checkAttestation(0, signers["bob"].seal(t, payload), sum, newSignatureBudget())
	if len(trust.checked.young) != 0 {
		t.Error("what a stranger signed is kept")
	}
}
