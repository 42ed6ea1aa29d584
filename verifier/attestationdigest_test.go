// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/sha256"
	"testing"
)

// What is remembered of an attestation is not read again, and stands for those bytes alone.
func TestAttestationDigestIsReadOnce(t *testing.T) {
	_, signers := keyTrust(t)
	raw := signers["bob"].seal(t, []byte(plainStatement))
	sum, other := sha256.Sum256(raw), sha256.Sum256(append(raw, ' '))
	var m AttestationDigests
	want := readAttestationDigest(raw, sum)
	if got := m.of(raw, sum); got != want || want.raw {
		t.Fatalf("%v, want %v", got, want)
	}
	if got := m.of([]byte("not read"), sum); got != want {
		t.Errorf("it was read again: %v", got)
	}
	if got := m.of([]byte("read"), other); got != (attestationDigest{other, true}) {
		t.Errorf("other bytes: %v", got)
	}
}
