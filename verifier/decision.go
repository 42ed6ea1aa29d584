// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "time"

// Verdict is the answer. The zero value refuses.
type Verdict int

// The verdicts. The numbers are the contract's.
const (
	VerdictUnspecified Verdict = 0
	Allow              Verdict = 1
	Deny               Verdict = 2
)

// String returns the contract's name for the verdict.
func (v Verdict) String() string {
	switch v {
	case Allow:
		return "ALLOW"
	case Deny:
		return "DENY"
	}
	return "VERDICT_UNSPECIFIED"
}

// Finding is one thing that did not count, or one rule that was not met.
type Finding struct {
	Reason Reason
	// Document and Attestation are indexes into the request, -1 for none.
	Document    int
	Attestation int
	// Detail says what happened, Hint what would fix it. Both are printable
	// UTF-8 of at most MaxDetail bytes; foreign text in them is quoted. They
	// never hold a body, a key or a secret.
	Detail string
	Hint   string
}

// NearestMiss is the single signature or change that would have turned a DENY
// into an ALLOW, or brought it closest.
type NearestMiss struct {
	Document int // index into the request, -1 for none
	Text     string
	Command  string // what to run; empty when no command fixes it
}

// DocumentResult is what was learned about one document.
type DocumentResult struct {
	SHA256 [32]byte
	// Version is the highest version at which every matching requirement
	// held, 0 for none (pinned, or no approval required). SPEC: R8.
	Version uint64
	// Principals that counted toward a requirement that held, sorted.
	Principals []string
	// NotAfter is when the earliest of what counted stops counting; zero for never.
	NotAfter time.Time
	// Passed reports whether every enforce rule that matches held and no check of
	// the document failed. It is not the verdict.
	Passed bool
}

// Decision is the whole answer to one Request. The zero value refuses.
type Decision struct {
	Verdict     Verdict
	Reason      Reason // Allowed, or the one leading reason of a refusal
	NearestMiss NearestMiss
	// Findings are ordered by (document, attestation, reason).
	Findings []Finding
	// Shadow is what rules in shadow mode would have found.
	Shadow []Finding
	// Documents are in request order.
	Documents []DocumentResult
	// EffectiveSHA256 is of the effective document as received; zero in ADMIT.
	EffectiveSHA256 [32]byte
	// Stale reports whether trust is past an expiry but within maxStale.
	Stale bool
	// ValidUntil is the earliest instant at which time alone would change the
	// outcome; zero for never. SPEC: R11.
	ValidUntil time.Time
	// Recheck is the next instant at which anything in this decision may change,
	// its verdict or not; zero for never. A cached answer dies then.
	Recheck time.Time
	// HoldsUntil is Recheck without the expiries of trust: as long as trust of this
	// epoch is in this condition, nothing in the decision changes before; zero for
	// never. It is no part of DecisionJSON.
	HoldsUntil time.Time
	// Consulted are the floors the decision looked at, with what it saw, and
	// Place what it saw of the sandbox (nil: never allowed before). A cached
	// answer holds only while these still stand.
	Consulted []Raise
	Place     *Binding
	// Raises and Binding are what the caller must make durable before it lets
	// an ALLOW for COMPOSE out. Empty otherwise. SPEC: R6, R8.
	Raises  []Raise
	Binding *Binding

	// Evidence lists the attestations, as {document, attestation}, that somebody
	// whom trust knows has signed: what an archive needs to decide again. What is
	// left out had no bearing, but for its findings.
	Evidence [][2]int

	leading    Finding // the finding behind Reason, for the nearest miss
	unapproved Unapproved
}

// Leading returns the finding behind Reason; without any text, and about nothing, where
// there is none.
func (d *Decision) Leading() Finding {
	if d.leading.Reason == d.Reason && d.Reason != ReasonUnspecified {
		return d.leading
	}
	for _, f := range d.Findings {
		if f.Reason == d.Reason {
			return f
		}
	}
	return Finding{Document: -1, Attestation: -1}
}
