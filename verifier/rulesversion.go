// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// RulesVersion is the version of the rules that Verify decides by. It rises with
// every change by which any request could get another verdict, reason, version,
// floor or list of principals than before; RuleChanges says what changed. Texts
// and hints are not part of a decision and may change without it.
const RulesVersion = 1

// RuleChange is one step of the rules' version.
type RuleChange struct {
	Version uint64 // that the change began with
	Rule    string // of docs/design.md, such as "R7"
	Text    string // one sentence
}

// RuleChanges lists every step, oldest first. NEWS.md has the same.
var RuleChanges = []RuleChange{
	{1, "R1–R11", "the rules of release 0.1.0"},
}
