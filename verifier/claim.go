// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "time"

// proof is what one signature proved without looking at the clock: who signed
// which statement, and when a log or a timestamp authority saw it. Nothing
// unverified has a place in it.
type proof struct {
	attestation int                // index of the attestation it came in
	digest      [32]byte           // sha256 of the DSSE PAE over the decoded payload
	key         *signingKey        // nil for a certificate
	certificate *signerCertificate // nil for a key
	times       []time.Time        // verified log and timestamp times, ascending
	payload     []byte             // the decoded payload whose signature checked
}

// signerCertificate is what a verified Fulcio certificate says.
type signerCertificate struct {
	issuer    string
	san       string
	spki      [32]byte
	algorithm KeyAlgorithm
}

// claim is what is left of a proof once its signer is known and in its window:
// a principal said a statement.
type claim struct {
	attestation int
	digest      [32]byte
	principal   *principal
	algorithm   KeyAlgorithm
	signer      string      // for people: "ecdsa-p256 9f3c1a2b" or the certificate's identity
	times       []time.Time // verified times, ascending; empty for a bare signature
	until       time.Time   // when the bare signature's key window ends; zero for never
	statement   *statement
}
