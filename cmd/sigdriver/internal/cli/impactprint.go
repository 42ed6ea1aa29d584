// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
	"time"
)

const impactSchema = "application/vnd.sigdriver.plan.v1+json"

// impactReport is what trust plan prints.
type impactReport struct {
	Schema    string      `json:"schema"`
	At        time.Time   `json:"at"`
	Today     impactTrust `json:"today"`
	Candidate impactTrust `json:"candidate"`
	// Changes are what the candidate takes away from today's trust, or opens up.
	Changes    []lintLine      `json:"changes,omitempty"`
	Counts     map[outcome]int `json:"counts"`
	NoSpare    int             `json:"noSpare"` // of those still allowed
	Suppressed uint64          `json:"suppressed,omitempty"`
	Requests   []impactLine    `json:"requests"`
	Notes      []string        `json:"notes,omitempty"`
}

// impactTrust names one side.
type impactTrust struct {
	From    string `json:"from"`
	Epoch   uint64 `json:"epoch,omitempty"`
	Root    int64  `json:"rootVersion,omitempty"`
	Targets int64  `json:"targetsVersion,omitempty"`
}

// impactLine is one request.
type impactLine struct {
	Name    string          `json:"name"`
	Purpose string          `json:"purpose,omitempty"`
	Target  string          `json:"target,omitempty"`
	Outcome outcome         `json:"outcome"`
	Before  *impactDecision `json:"before,omitempty"`
	After   *impactDecision `json:"after,omitempty"`
	NoSpare []spareLine     `json:"noSpare,omitempty"`
	Note    string          `json:"note,omitempty"`
	given   bool
}

type impactDecision struct {
	Verdict     string `json:"verdict"`
	Reason      string `json:"reason"`
	Detail      string `json:"detail,omitempty"`
	NearestMiss string `json:"nearestMiss,omitempty"`
	Command     string `json:"command,omitempty"`
	placed      bool   // Detail is about the document of the nearest miss
}

// spareLine is a requirement that nobody of those who can meet it may miss.
type spareLine struct {
	Document  int      `json:"document"`
	Rule      string   `json:"rule"`
	Authority string   `json:"authority"`
	Threshold int      `json:"threshold"`
	Able      []string `json:"able"`
}

func (s *impactSide) named() impactTrust {
	v := s.trust.Versions()
	return impactTrust{s.name, s.trust.Epoch(), v.Root, v.Targets}
}

func newImpactReport(today, candidate *impactSide, at time.Time) *impactReport {
	r := &impactReport{
		Schema: impactSchema, At: at.Truncate(time.Second), Requests: []impactLine{},
		Today:     today.named(),
		Candidate: candidate.named(),
		Counts:    map[outcome]int{stillAllowed: 0, wouldBreak: 0, newlyAllowed: 0, stillDenied: 0, notDecidable: 0},
	}
	for _, f := range candidate.trust.LintChange(today.trust, candidate.roles, today.roles) {
		r.Changes = append(r.Changes, lintLine(f))
	}
	if err := candidate.trust.RevocationFault(); err != nil {
		r.Notes = append(r.Notes, "drivers would not take the candidate's revocations.json: "+err.Error())
	}
	return r
}

func (r *impactReport) add(line impactLine) {
	r.Requests = append(r.Requests, line)
	r.Counts[line.Outcome]++
	if len(line.NoSpare) > 0 {
		r.NoSpare++
	}
}

// decided counts the requests that were decided on both sides.
func (r *impactReport) decided() int { return len(r.Requests) - r.Counts[notDecidable] }

func (r *impactReport) print(p *printer) {
	p.line("Today      %s%s", r.Today.From, r.Today.versions())
	p.line("Candidate  %s%s", r.Candidate.From, r.Candidate.versions())
	p.line("%s decided at %s; whether trust is fresh is set aside", plural(r.decided(), "request", "requests"), r.At.Format(time.RFC3339))
	for _, c := range r.Changes {
		p.check(unseen, string(c.Code), "%s", c.Text)
	}
	for i := range r.Requests {
		r.Requests[i].print(p)
	}
	for _, note := range r.Notes {
		p.line("note: %s", note)
	}
	if r.Suppressed > 0 {
		p.line("note: the journal holds %s as a number only", plural(int(r.Suppressed), "more refusal", "more refusals"))
	}
	for _, c := range []struct {
		outcome outcome
		text    string
	}{
		{wouldBreak, "would break"}, {newlyAllowed, "newly allowed"}, {stillAllowed, "still allowed"}, {stillDenied, "still denied"}, {notDecidable, "not decidable"},
	} {
		mark := unseen
		switch {
		case c.outcome == wouldBreak && r.Counts[c.outcome] > 0:
			mark = failed
		case r.decided() > 0 && (c.outcome == wouldBreak || c.outcome == stillAllowed && r.Counts[c.outcome] > 0):
			mark = passed
		}
		spare := ""
		if c.outcome == stillAllowed && r.NoSpare > 0 {
			spare = fmt.Sprintf(", %d of them with nobody to spare", r.NoSpare)
		}
		p.check(mark, c.text, "%d%s", r.Counts[c.outcome], spare)
	}
}

func (t impactTrust) versions() string {
	if t.Root == 0 {
		return ""
	}
	text := fmt.Sprintf(" · root v%d, targets v%d", t.Root, t.Targets)
	if t.Epoch > 0 {
		return fmt.Sprintf(" · epoch %d%s", t.Epoch, text)
	}
	return text
}

// print shows a request. Of recorded ones that stay as they are only the number
// is shown: there may be many.
func (l *impactLine) print(p *printer) {
	about := l.Name
	if l.Target != "" {
		about += ", " + l.Purpose + " " + l.Target
	}
	switch l.Outcome {
	case wouldBreak:
		p.check(failed, "would break", "%s", about)
		l.After.print(p)
	case newlyAllowed:
		p.check(unseen, "newly allowed", "%s: today DENY %s", about, l.Before.Reason)
	case notDecidable:
		p.check(unseen, "not decidable", "%s: %s", about, l.Note)
		return
	case stillAllowed:
		if l.given {
			p.check(passed, "still allowed", "%s", about)
		}
		for _, s := range l.NoSpare {
			able := "nobody"
			if len(s.Able) > 0 {
				able = "only " + strings.Join(s.Able, ", ")
			}
			p.check(unseen, "none to spare", "%s: %s asks for %d of %s, and %s can still speak", about, s.Rule, s.Threshold, s.Authority, able)
		}
	default:
		if l.given {
			p.check(unseen, "still denied", "%s: %s", about, l.After.Reason)
		}
	}
	if l.Note != "" && (l.given || l.Outcome != stillAllowed && l.Outcome != stillDenied) {
		p.line("    note: %s", l.Note)
	}
}

func (d *impactDecision) print(p *printer) {
	p.line("    DENY %s: %s", d.Reason, d.Detail)
	if d.NearestMiss != "" {
		p.line("    nearest miss: %s", d.NearestMiss)
	}
	if d.Command != "" {
		p.line("        %s", d.Command)
	}
}
