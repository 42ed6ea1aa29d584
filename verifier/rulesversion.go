// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// RulesVersion is the version of the rules that Verify decides by. It rises with
// every change by which any request could get another verdict, reason, version,
// floor or list of principals than before; RuleChanges says what changed. Texts
// and hints are not part of a decision and may change without it.
const RulesVersion = 3

// RuleChange is one change that came with a version of the rules.
type RuleChange struct {
	Version uint64 // that the change began with
	Rule    string // of docs/design.md, such as "R7"
	Text    string // one sentence
}

// RuleChanges lists every change, oldest version first. NEWS.md has the same.
var RuleChanges = []RuleChange{
	{1, "R1–R11", "the rules of release 0.1.0"},
	{2, "R4", "a timestamp by a known authority that covers another signature voids its bundle, and times more than five minutes ahead do not count"},
	{2, "R4", "timestamp authorities and logs are told apart by their keys"},
	{2, "R4", "a root in a bundle's chain is passed over, and base64 in a bundle has one spelling"},
	{2, "R4, R5", "members that a reader of protobuf JSON would see twice are refused, and some refusals have another reason: TLOG_MISMATCH, ENVELOPE_TOO_DEEP, CERT_TIME"},
	{2, "R4", "an attestation that several documents share is checked once, and takes from the budget of checks once"},
	{2, "R8", "a floor reaches as far as the rules that agreed to it, and a version at most maxVersionStep above the floor"},
	{2, "R2, R9", "the recipes openshell.compose/2026-09 and /2026-10 are known, and a document that says who owns a token grant is refused"},
	{2, "R1, R4, R5", "trust with a glob over names that no name can fit is refused, and an identity may require claims of its certificate, a rule the name of a Statement's subject"},
	{2, "R1", "trust may list an RSA key as PKCS#1 writes it"},
	{2, "R2", "a request with more than 524288 JSON values in all its documents is refused"},
	{3, "R2", "where an enforced rule is about profiles, a composition with a provider that has none is refused, unless each such rule says allowWithoutProfile"},
}
