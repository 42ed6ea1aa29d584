// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// Limits of the contract. Each is checked before the work it bounds, has a test
// at the limit and one past it, and is repeated in the comment of the protobuf
// field it limits.
const (
	// MaxBody bounds a document body in bytes. OpenShell caps a policy at
	// 256 KiB of protobuf; ProtoJSON of the same message is at most about
	// four times that.
	MaxBody = 1 << 20
	// MaxEffective bounds the effective policy: a source plus every layer.
	MaxEffective = 2 << 20
	// MaxDocuments bounds documents in a request. A sandbox has at most 32
	// providers; the source and the settings come on top.
	MaxDocuments = 64
	// MaxAttestations bounds the attestations a caller offers with one document.
	MaxAttestations = 16
	// MaxIndexed bounds those that the driver's own index may add to them.
	MaxIndexed = 64
	// MaxAttestation bounds one encoded attestation in bytes. A keyless
	// bundle is about 12 KiB. A larger one is a finding (ENVELOPE_TOO_LARGE),
	// so that one fat file cannot silence the others.
	MaxAttestation = 256 << 10
	// MaxRequest bounds the encoded request; MaxResponse the encoded answer.
	MaxRequest  = 8 << 20
	MaxResponse = 256 << 10
	// MaxDepth bounds JSON nesting, far above any policy and far below what
	// costs a parser its stack.
	MaxDepth = 32
	// MaxValues bounds the JSON values of a request, over all bodies and the effective
	// policy: some ten thousand endpoints. A value costs a reader up to a hundred
	// bytes, however short it is written.
	MaxValues = 1 << 19
	// maxTokens bounds those of any other JSON text that is read, ten times above the
	// largest file of trust.
	maxTokens = 1 << 22
	// MaxSignatures bounds the signatures of one bare DSSE envelope, counted
	// before any of them is checked.
	MaxSignatures = 16
	// MaxSubjects bounds the subjects of a Statement that is no approval.
	MaxSubjects = 64
	// MaxTlogEntries and MaxTimestamps bound a bundle's log entries and signed
	// timestamps, as sigstore-go bounds them.
	MaxTlogEntries = 32
	MaxTimestamps  = 32
	// MaxSignatureChecks bounds the public-key operations one Verify may spend
	// on signatures that no hint assigns to a known key, and on bundles.
	MaxSignatureChecks = 4096
	// MaxNamedChecks bounds those on signatures whose hint names a known key: one
	// for each attestation of the largest request, and half as many again. Whoever
	// sends junk can name a key whose checks are slow.
	MaxNamedChecks = 8192
	// MaxLookahead bounds the approvals that one Verify counts to learn until when
	// its decision stands.
	MaxLookahead = 1 << 21

	// maxPaddingChecks bounds a second look at RSA signatures, and maxAwaited the
	// instants ahead that a nearest miss may name; both only make a refusal clearer.
	maxPaddingChecks = 8
	maxAwaited       = 4

	// MaxName bounds every name a request carries: gateway_id, workspace,
	// sandbox name, provider, recipe. Kubernetes names are at most 253 bytes.
	MaxName = 253
	// MaxRequestID bounds request_id.
	MaxRequestID = 64

	// MaxTrustFile bounds authorities.json, revocations.json and
	// trusted_root.json, each.
	MaxTrustFile = 4 << 20
	// MaxPrincipals, MaxAuthorities, MaxRules, MaxKeys and MaxIdentities bound
	// one authorities.json; keys and identities are counted over all principals.
	MaxPrincipals  = 1024
	MaxAuthorities = 256
	MaxRules       = 256
	MaxKeys        = 1024
	MaxIdentities  = 1024
	// MaxRevocations bounds the ratchet: the union of all entries ever accepted.
	// MaxRevocationReason and MaxIdentity bound their texts, so that MaxRatchet,
	// its bytes, is never what fails first.
	MaxRevocations      = 16384
	MaxRevocationReason = 256
	MaxIdentity         = 1024
	MaxRatchet          = MaxRevocations * (6*(MaxRevocationReason+2*MaxIdentity) + 128)

	// MaxDetail bounds the text of one finding in bytes.
	MaxDetail = 512
)
