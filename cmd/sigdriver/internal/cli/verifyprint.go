// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// printer writes lines that are safe for a terminal.
type printer struct {
	w      io.Writer
	colour bool
}

func (p *printer) line(format string, args ...any) {
	fmt.Fprintln(p.w, printable(fmt.Sprintf(format, args...)))
}

// The marks of a check.
const (
	passed = "✓"
	failed = "✗"
	unseen = "–" // not reached, or set aside
)

var colours = map[string]string{passed: "\x1b[32m", failed: "\x1b[31m", unseen: "\x1b[2m"}

func (p *printer) check(mark, name, format string, args ...any) {
	shown := mark
	if p.colour {
		shown = colours[mark] + mark + "\x1b[0m"
	}
	text := printable(fmt.Sprintf(format, args...))
	fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf("%s %-14s %s", shown, name, text), " "))
}

// render writes the decision in one format.
func (r *report) render(p *printer, format string) error {
	switch format {
	case "json":
		_, err := fmt.Fprintf(p.w, "%s\n", verifier.DecisionJSON(r.decision))
		return err
	case "junit":
		return r.junit(p.w)
	case "sarif":
		return r.sarif(p.w)
	case "github":
		r.github(p.w)
	default:
		r.print(p)
	}
	return nil
}

// print says what will be enforced, then what each check found, then the verdict.
func (r *report) print(p *printer) {
	r.printTrust(p)
	p.line("The following will be enforced:")
	for i := range r.Documents {
		r.printRules(p, i)
	}
	for i := range r.decision.Documents {
		r.printDocument(p, i)
	}
	r.printRest(p)
	r.printVerdict(p)
}

func (r *report) printTrust(p *printer) {
	v, s := r.trust.Versions(), r.trust.State(r.now)
	state := "fresh for " + span(firstExpiry(r.trust.Expires()).Sub(r.now))
	switch s.Condition {
	case verifier.Stale:
		state = fmt.Sprintf("stale, refused in %s: %s", span(s.Left), s.Detail)
	case verifier.Refused:
		state = "refused: " + s.Detail
	}
	epoch := "Trust"
	if n := r.trust.Epoch(); n > 0 { // a published repository has none: drivers count
		epoch = fmt.Sprintf("Trust epoch %d", n)
	}
	p.line("%s · root v%d, targets v%d, snapshot v%d, timestamp v%d · %s", epoch, v.Root, v.Targets, v.Snapshot, v.Timestamp, state)
	if r.asOf {
		p.line("As of %s, by the times at which this copy says trust was accepted", r.now.Format(time.RFC3339))
	}
}

// firstExpiry is when the first of the roles expires.
func firstExpiry(e verifier.Expires) time.Time {
	first := e.Root
	for _, at := range []time.Time{e.Timestamp, e.Snapshot, e.Targets, e.Revocation} {
		if !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	return first
}

// printRules says what the rules ask of one document.
func (r *report) printRules(p *printer, i int) {
	doc := &r.Documents[i]
	rules, floor := r.trust.RulesFor(doc, &r.Target)
	p.line("  %s %s", doc.Role, r.files[i])
	if len(rules) == 0 {
		p.line("    no rule matches it here, and what no rule covers is refused")
	}
	for _, rule := range rules {
		p.line("    %s", ruleText(&rule))
	}
	if floor > 0 {
		p.line("    version ≥ %d by the signed floors", floor)
	}
}

// ruleText is one rule in one line.
func ruleText(rule *verifier.RuleView) string {
	var parts []string
	for _, q := range rule.Require {
		parts = append(parts, fmt.Sprintf("%d of %s {%s} %s", q.Threshold, q.Authority, strings.Join(q.Principals, ", "), shortType(q.PredicateType)))
	}
	for _, pair := range rule.Distinct {
		parts = append(parts, fmt.Sprintf("%s and %s by different people", pair[0], pair[1]))
	}
	if rule.MaxAge > 0 {
		parts = append(parts, "no older than "+span(rule.MaxAge))
	}
	if rule.Algorithms != nil {
		parts = append(parts, fmt.Sprintf("signed with %v", rule.Algorithms))
	}
	if rule.SubjectName {
		parts = append(parts, "the Statement's subject named as the document is")
	}
	if rule.Pinned > 0 {
		parts = append(parts, "or one of "+plural(rule.Pinned, "pinned digest", "pinned digests"))
	}
	mode := ""
	if rule.Shadow {
		mode = " (shadow: reports only)"
	}
	return fmt.Sprintf("%s%s: %s", rule.Name, mode, strings.Join(parts, "; "))
}

// shortType leaves out the host of a predicate type that everybody knows.
func shortType(predicateType string) string {
	if short, ok := strings.CutPrefix(predicateType, "https://sigdriver.dev/"); ok {
		return short
	}
	return predicateType
}

// checks are the lines of one document, in the order in which they run.
var checks = []struct {
	name   string
	stages []verifier.Stage
}{
	{"document", []verifier.Stage{verifier.StageDocument}},
	{"signature", []verifier.Stage{verifier.StageParse, verifier.StageSignature}},
	{"time and log", []verifier.Stage{verifier.StageTime}},
	{"identity", []verifier.Stage{verifier.StageIdentity}},
	{"statement", []verifier.Stage{verifier.StageStatement}},
	{"scope", []verifier.Stage{verifier.StageScope}},
	{"threshold", []verifier.Stage{verifier.StageRequirement}},
	{"version", []verifier.Stage{verifier.StageVersion}},
}

// stageOf is the stage of a finding among the checks of one document: a part
// that nobody attested fails its threshold, whatever that does to the whole.
func stageOf(f *verifier.Finding) verifier.Stage {
	if f.Reason == verifier.CompositionPartUnattested {
		return verifier.StageRequirement
	}
	return f.Reason.Stage()
}

func (r *report) printDocument(p *printer, i int) {
	result := &r.decision.Documents[i]
	p.line("%s %s sha256:%x", r.Documents[i].Role, r.files[i], result.SHA256)
	byStage, reached := map[verifier.Stage][]verifier.Finding{}, verifier.StageNone
	for _, f := range r.findingsOf(i) {
		if stage := stageOf(&f); stage < verifier.StageComposition {
			byStage[stage], reached = append(byStage[stage], f), max(reached, stage)
		}
	}
	offered := len(r.Documents[i].Attestations)
	for _, check := range checks {
		found := false
		for _, stage := range check.stages {
			for _, f := range byStage[stage] {
				found = true
				r.printFinding(p, check.name, &f, result.Passed)
			}
		}
		first := check.stages[0]
		ofAttestations := first >= verifier.StageParse && first <= verifier.StageScope
		switch {
		case found:
		case !result.Passed && first > reached, ofAttestations && offered == 0:
			p.check(unseen, check.name, "")
		default:
			p.check(passed, check.name, "%s", r.passedText(check.name, i))
		}
	}
}

// passedText is what a passed check of a document has to say.
func (r *report) passedText(name string, i int) string {
	result := &r.decision.Documents[i]
	switch {
	case name == "document":
		return "canonical"
	case name == "signature":
		return strings.Join(r.signers(i), ", ")
	case name == "threshold" && len(result.Principals) > 0:
		return "by " + strings.Join(result.Principals, ", ")
	case name == "threshold":
		return "pinned"
	case name == "version" && result.Version > 0:
		return fmt.Sprintf("%d", result.Version)
	}
	return ""
}

// signers are the principals whose signatures over a document's attestations
// check, and in which file.
func (r *report) signers(i int) []string {
	var names []string
	for j, raw := range r.Documents[i].Attestations {
		proved, _ := r.trust.Evidence(raw)
		for _, e := range proved {
			names = append(names, fmt.Sprintf("%s (%s)", e.Principal, r.offered[i][j]))
		}
	}
	return names
}

// printFinding shows a finding as a failed check, or as set aside when the
// document passed without what it is about.
func (r *report) printFinding(p *printer, name string, f *verifier.Finding, aside bool) {
	mark, what := failed, ""
	if f.Document >= 0 && f.Attestation >= 0 {
		what = r.offered[f.Document][f.Attestation] + ": "
	}
	if aside {
		mark = unseen
		what = "set aside, " + what
	}
	p.check(mark, name, "%s%s: %s", what, f.Reason, f.Detail)
}

func (r *report) findingsOf(document int) []verifier.Finding {
	var own []verifier.Finding
	for _, f := range r.decision.Findings {
		if f.Document == document {
			own = append(own, f)
		}
	}
	return own
}

// printRest shows what belongs to no document: trust, composition, shadow rules.
func (r *report) printRest(p *printer) {
	composed := r.Purpose == verifier.Compose
	for _, f := range r.findingsOf(-1) {
		name := f.Reason.Stage().String()
		if f.Reason.Stage() == verifier.StageComposition {
			composed = false
		}
		p.check(failed, name, "%s: %s", f.Reason, f.Detail)
	}
	for i := range r.decision.Documents {
		for _, f := range r.findingsOf(i) {
			if f.Reason.Stage() == verifier.StageComposition {
				composed = false
			}
			if stageOf(&f) == verifier.StageComposition {
				p.check(failed, "composition", "%s: %s: %s", r.files[i], f.Reason, f.Detail)
			}
		}
	}
	if composed {
		mark := unseen
		if r.decision.Verdict == verifier.Allow {
			mark = passed
		}
		p.check(mark, "composition", "%s", r.Recipe)
	}
	for _, f := range r.decision.Shadow {
		p.check(unseen, "shadow", "would refuse: %s: %s", f.Reason, f.Detail)
	}
	p.check(unseen, "floors", "only the signed ones: a driver's own memory of versions is not read offline")
}

func (r *report) printVerdict(p *printer) {
	d := r.decision
	if d.Verdict == verifier.Allow {
		p.line("ALLOW")
		if !d.ValidUntil.IsZero() {
			p.line("Time alone changes this at %s", d.ValidUntil.UTC().Format(time.RFC3339))
		}
		return
	}
	p.line("DENY %s", d.Reason)
	if d.NearestMiss.Text != "" {
		p.line("Nearest miss: %s", d.NearestMiss.Text)
	}
	if d.NearestMiss.Command != "" {
		p.line("    %s", d.NearestMiss.Command)
	}
}

// span is a duration in the largest unit that says enough.
func span(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	i := slices.IndexFunc(units, func(u struct {
		size time.Duration
		name string
	}) bool {
		return cmp.Compare(d, 2*u.size) >= 0
	})
	if i < 0 {
		return d.String()
	}
	return fmt.Sprintf("%d%s", d/units[i].size, units[i].name)
}
