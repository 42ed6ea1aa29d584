// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// Reason is why. The numbers are wire contract: append only, never reused; the
// protobuf enum has the same names and numbers, and a test compares them.
type Reason int

// The decision reasons. Their meaning, who fixes them and how is in the table
// of reasondoc.go, from which docs/reasons.md and `sigdriver explain` come.
const (
	ReasonUnspecified Reason = 0 // no reason: the zero Decision, which refuses
	Allowed           Reason = 1

	// Trust. SPEC: R1.
	TrustUnavailable Reason = 2
	TrustStale       Reason = 3
	DriverTooOld     Reason = 4

	// Documents. SPEC: R2, R3.
	DocumentMissing      Reason = 10
	DocumentNoncanonical Reason = 11
	DocumentDuplicateKey Reason = 12
	DocumentSurface      Reason = 13
	DocumentReservedName Reason = 14
	DocumentRevoked      Reason = 15
	RuleMissing          Reason = 16

	// Envelopes: the parse stage. SPEC: R4.
	EnvelopeMalformed    Reason = 20
	EnvelopeDuplicateKey Reason = 21
	EnvelopeUTF8         Reason = 22
	EnvelopeBase64       Reason = 23
	EnvelopeTrailing     Reason = 24
	EnvelopeTooDeep      Reason = 25
	EnvelopeTooLarge     Reason = 26
	NoSignatures         Reason = 27
	TooManySignatures    Reason = 28
	PayloadType          Reason = 29
	BundleMalformed      Reason = 30
	BundleVersion        Reason = 31
	AttestationRevoked   Reason = 32

	// Signature stage.
	SignatureInvalid Reason = 40
	Algorithm        Reason = 41

	// Time and log stage.
	TlogMissing      Reason = 50
	TlogMismatch     Reason = 51
	TlogSET          Reason = 52
	TlogInclusion    Reason = 53
	TlogCheckpoint   Reason = 54
	TlogThreshold    Reason = 55
	TimestampMissing Reason = 56
	TimestampInvalid Reason = 57
	CertChain        Reason = 58
	CertTime         Reason = 59
	SCT              Reason = 60
	SignerExpired    Reason = 61

	// Identity stage.
	CertIdentity    Reason = 70
	CertIssuer      Reason = 71
	SignerUnknown   Reason = 72
	SignerRevoked   Reason = 73
	SignerAmbiguous Reason = 74

	// Statement stage. SPEC: R5.
	StatementMalformed Reason = 80
	StatementType      Reason = 81
	PredicateType      Reason = 82
	PredicateInvalid   Reason = 83
	SubjectMissing     Reason = 84
	SubjectMismatch    Reason = 85
	SubjectAmbiguous   Reason = 86
	SubjectDigestAlg   Reason = 87

	// Scope stage. SPEC: R6, R7.
	ScopeMismatch          Reason = 90
	AttestationExpired     Reason = 91
	AttestationNotYetValid Reason = 92
	AttestationTooOld      Reason = 93
	SignerOutOfScope       Reason = 94

	// Requirements. SPEC: R7.
	AttestationMissing Reason = 100
	Threshold          Reason = 101
	Distinct           Reason = 102
	SetMismatch        Reason = 103

	// Versions. SPEC: R8.
	VersionRollback     Reason = 110
	VersionEquivocation Reason = 111
	VersionStep         Reason = 112

	// Composition. SPEC: R9.
	CompositionPartUnattested Reason = 120
	CompositionPartMissing    Reason = 121
	CompositionPartExtra      Reason = 122
	CompositionMismatch       Reason = 123
	CompositionSource         Reason = 124
	CompositionRecipe         Reason = 125
)
