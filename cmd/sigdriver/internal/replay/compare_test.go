// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// TestCompare: within one version of the rules every byte counts but for prose,
// across versions what a decision says, and what today's rules decide otherwise is
// no forgery.
func TestCompare(t *testing.T) {
	decided := func() *verifier.Decision {
		return &verifier.Decision{
			Verdict: verifier.Allow, Reason: verifier.Allowed, ValidUntil: time.Unix(1e9, 0),
			Findings:  []verifier.Finding{{Reason: verifier.SignerUnknown, Attestation: 1, Detail: "x", Hint: "y"}},
			Documents: []verifier.DocumentResult{{Version: 7, Principals: []string{"alice"}, Passed: true}},
			Raises:    []verifier.Raise{{Key: verifier.FloorKey{GatewayID: "gw", Role: verifier.Settings}, Floor: verifier.Floor{Version: 7}}},
		}
	}
	was := verifier.DecisionJSON(decided())
	for _, c := range []struct {
		name   string
		change func(d *verifier.Decision)
		same   Outcome // within one version
		across Outcome // from version 1 to version 2
	}{
		{"nothing", func(*verifier.Decision) {}, Identical, Identical},
		{"a detail", func(d *verifier.Decision) { d.Findings[0].Detail = "z" }, Identical, Identical},
		{"a hint", func(d *verifier.Decision) { d.Findings[0].Hint = "z" }, Identical, Identical},
		{"the nearest miss", func(d *verifier.Decision) { d.NearestMiss.Text = "z" }, Identical, Identical},
		{"a finding's reason", func(d *verifier.Decision) { d.Findings[0].Reason = verifier.SignerExpired }, Different, Identical},
		{"until when", func(d *verifier.Decision) { d.ValidUntil = time.Unix(2e9, 0) }, Different, Identical},
		{"the reason", func(d *verifier.Decision) { d.Verdict, d.Reason = verifier.Deny, verifier.Threshold }, Different, OtherRules},
		{"a version", func(d *verifier.Decision) { d.Documents[0].Version = 8 }, Different, OtherRules},
		{"a principal", func(d *verifier.Decision) { d.Documents[0].Principals = []string{"bob"} }, Different, OtherRules},
		{"a floor", func(d *verifier.Decision) { d.Raises[0].Floor.Version = 8 }, Different, OtherRules},
	} {
		d := decided()
		c.change(d)
		is := verifier.DecisionJSON(d)
		for _, e := range []record.Entry{{}, {Rules: 1}} { // release 0.1.0 wrote no version
			if got, why, err := compare(&e, was, is, 1); err != nil || got != c.same || (why == "") != (got == Identical) {
				t.Errorf("%s, same rules: %s %q, %v", c.name, got, why, err)
			}
			got, why, err := compare(&e, was, is, 2)
			if err != nil || got != c.across {
				t.Errorf("%s, other rules: %s %q, %v", c.name, got, why, err)
			}
			if got == OtherRules && !strings.Contains(why, "by rules version 1, today's version 2 decides") {
				t.Errorf("%s: %q", c.name, why)
			}
		}
	}
	if got, why, err := compare(&record.Entry{Rules: 9}, was, was, 2); err != nil || got != Unreplayable || !strings.Contains(why, "newer") {
		t.Errorf("newer rules: %s %q, %v", got, why, err)
	}
}

// TestChangesOf: what changed is said from the oldest version on by which a decision was
// made that today's rules make otherwise.
func TestChangesOf(t *testing.T) {
	all := []verifier.RuleChange{{Version: 1, Rule: "R1", Text: "first"}, {Version: 2, Rule: "R7", Text: "second"}, {Version: 3, Rule: "R8", Text: "third"}}
	r := &Report{Results: []Result{{Entry: &record.Entry{}, Outcome: Identical}, {Entry: &record.Entry{Rules: 3}, Outcome: OtherRules}}}
	if got := r.changesOf(all); len(got) != 0 {
		t.Errorf("by version 3: %v", got)
	}
	r.Results[1].Entry.Rules = 2
	if got := r.changesOf(all); !slices.Equal(got, all[2:]) {
		t.Errorf("by version 2: %v", got)
	}
	r.Results[0].Outcome = OtherRules // by release 0.1.0, which wrote no version
	if got := r.changesOf(all); !slices.Equal(got, all[1:]) {
		t.Errorf("by version 1: %v", got)
	}
}

// TestRuleChanges: every version up to the one in force has changes, in order, and
// each has its words.
func TestRuleChanges(t *testing.T) {
	var last uint64
	for i, c := range verifier.RuleChanges {
		if c.Version != last && c.Version != last+1 || c.Rule == "" || c.Text == "" {
			t.Errorf("change %d: %+v", i, c)
		}
		last = c.Version
	}
	if last != verifier.RulesVersion {
		t.Errorf("the last change is of version %d, the rules are version %d", last, verifier.RulesVersion)
	}
}
