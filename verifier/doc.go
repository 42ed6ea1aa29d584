// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package verifier decides whether a policy may be enforced: documents,
// attestations, trust, floors and a time in, a Decision out. It does no I/O,
// reads no clock and logs nothing; equal arguments give equal decisions. This
// comment is its specification; docs/design.md has the reasons, and the vectors
// in testdata/vectors are what every implementation must answer.
//
// # Documents
//
// A document is the RFC 8785 form of the ProtoJSON of one gateway object, with
// its message's name added:
//
//	{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","version":1}
//
// It is hashed as received, then parsed, and never written again: its digest is
// the sha256 of those bytes. A document has a Role, which fixes the message and
// the subject {gateway, workspace, name} that the document is about. Canonicalize
// makes one from a message.
//
// # Attestations
//
// An attestation is a DSSE envelope,
//
//	{"payload":"<base64>","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"…","sig":"<base64>"}]}
//
// bare with 1 to 16 signatures, or in a Sigstore bundle v0.1 to v0.3, JSON or
// protobuf, with exactly one. Each signature is over
//
//	PAE = "DSSEv1" SP len(payloadType) SP payloadType SP len(payload) SP payload
//
// with ECDSA P-256 or P-384, Ed25519, or RSA of at least 3072 bits. The sha256 of
// the PAE names the attestation everywhere, however it is encoded. The payload is
// an in-toto Statement v1 or v0.1. Two of its predicate types are defined here:
// [ApprovalPredicateType] approves one document for a place, at a version and
// within a window, [SetPredicateType] several documents together. A rule may
// require any other type; then only signer, subject and type count.
//
// # Trust
//
// [ParseTrust] reads the target files of a TUF repository, each whole or not at
// all: authorities.json names principals with their keys and OIDC identities,
// authorities (principals and a threshold), rules (which authorities must have
// approved which documents, where) and signed floors; trusted_root.json lets
// certificates count; revocations.json takes away; drivers.json lists the keys
// that receipts are signed with. docs/trust.md has every member. What was once
// revoked stays revoked until authorities.json restores it.
//
// # The rules
//
// A COMPOSE asks about the effective policy of one sandbox, just composed of its
// documents; an ADMIT about one document before it is stored. [CheckRequest]
// refuses a request of another shape. Then a request is allowed only if all of
// these hold:
//
//	R1   there is trust, for this driver's version, and it has not expired
//	R2   every document that must be there is, in canonical form and fit for its role
//	R3   no document is revoked
//	R4   an attestation that is malformed, badly signed, by somebody unknown, outside its
//	     key's or certificate's window or revoked is a finding and counts for nothing;
//	     the others go on
//	R5   an attestation counts only for the document that one of its subjects is
//	R6   an approval counts only for its surface, role and scope, and in [notBefore, notAfter);
//	     the first allowed COMPOSE binds a sandbox to its workspace and name
//	R7   for every rule that matches, each requirement is met by at least threshold
//	     different principals at one and the same version
//	R8   that version is not below the floor of the subject, and not bound to another digest
//	R9   in COMPOSE the effective policy is what the recipe makes of the documents
//	R10  ALLOW is set at one place, and only if all documents passed and R9 held
//	R11  ValidUntil is when time alone would change verdict or reason
//
// Each check has the rule above it as a SPEC comment. Of several faults the
// earliest stage gives the Decision its Reason; the others are Findings.
//
// An approval counts at every version up to the one it says. So with a threshold
// of two and approvals by
//
//	alice at version 9
//	bob   at version 7
//
// of the same bytes, the document has version 7: the highest at which both count.
// If version 8 of the subject has been in force, it is denied as
// VERSION_ROLLBACK. If it is allowed in COMPOSE, its floor becomes 7, and from
// then on another document at version 7 is denied as VERSION_EQUIVOCATION. The
// caller makes Decision.Raises and Decision.Binding durable before an ALLOW leaves.
//
// # Evaluation
//
// [Verify] checks each signature once, into an evaluation that does not depend on
// the time: for each document the rules that match, the approvals and the floors.
// The evaluation is decided at now, and at the instants that follow for R11. A
// requirement for sets is met only by approvals of one set for every document
// that the rule matches.
//
// A [Replay] does the same for a request of which only a record is left: the text
// of [RequestJSON], the text of [DecisionJSON], and the attestations that
// Decision.Evidence names. [ParseRequestJSON] and [ParseDecisionJSON] read one
// text each and refuse any other spelling of it.
//
// # Limits
//
// limits.go has every limit with its reason. A document has at most 1 MiB, the
// effective policy 2 MiB, a request 64 documents, a document 16 attestations of
// its caller and 64 of the driver's index, an attestation 256 KiB. JSON nests at
// most 32 deep, has no name twice, and no number that a double would change. One
// Verify spends at most 8192 signature checks on keys that a hint names and 4096
// on all others.
package verifier
