// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
)

const replaySchema = "application/vnd.sigdriver.replay.v1+json"

// replayReport is what audit replay prints.
type replayReport struct {
	Schema string `json:"schema"`
	State  string `json:"state"`
	// At is when "valid now?" was asked, by the trust of Last.
	At           time.Time              `json:"at"`
	Entries      int                    `json:"entries"`
	Suppressed   uint64                 `json:"suppressed"`
	Torn         bool                   `json:"torn,omitempty"`
	Counts       map[replay.Outcome]int `json:"counts"`
	Believed     believed               `json:"believed"`
	Epochs       []replay.Line          `json:"trust"`
	Today        map[replay.Change]int  `json:"today"`
	Decisions    []replayLine           `json:"decisions"`
	RuleChanges  []ruleChange           `json:"ruleChanges,omitempty"`
	first, until time.Time
}

// believed counts what was taken from the records.
type believed struct {
	Bodies       int `json:"bodies"`       // decisions whose bodies were not at hand
	Attestations int `json:"attestations"` // that nobody known had signed
	Floors       int `json:"floors"`       // above what the journal shows
}

// ruleChange is a change of the rules since a decision that today's rules make otherwise.
type ruleChange struct {
	Version uint64 `json:"version,string"`
	Rule    string `json:"rule"`
	Text    string `json:"text"`
}

// replayLine is one decision.
type replayLine struct {
	Seq     uint64         `json:"seq,string"`
	Time    time.Time      `json:"time"`
	Target  string         `json:"target"`
	Purpose string         `json:"purpose"`
	Verdict string         `json:"verdict"`
	Reason  string         `json:"reason"`
	Epoch   uint64         `json:"epoch,string"`
	Outcome replay.Outcome `json:"outcome"`
	Why     string         `json:"why,omitempty"`
	Today   replay.Change  `json:"today,omitempty"`
	Changed string         `json:"changed,omitempty"`
}

func newReplayReport(r *replay.Report, o *replay.Options) *replayReport {
	p := &replayReport{Schema: replaySchema, State: o.Dir, At: o.Now.Truncate(time.Second), Entries: r.Entries, Suppressed: r.Suppressed, Torn: r.Torn,
		Counts: map[replay.Outcome]int{replay.Identical: 0, replay.Different: 0, replay.Unreplayable: 0}, Epochs: r.Lines, Today: map[replay.Change]int{}, Decisions: []replayLine{}}
	for i := range r.Results {
		p.add(&r.Results[i])
	}
	for _, c := range r.RuleChanges() {
		p.RuleChanges = append(p.RuleChanges, ruleChange(c))
	}
	return p
}

func (p *replayReport) add(x *replay.Result) {
	t := x.Entry.Target
	line := replayLine{Seq: x.Seq, Time: x.Entry.Time, Target: fmt.Sprintf("%s:%s/%s", t.GatewayID, t.Workspace, t.Name), Purpose: x.Entry.Purpose,
		Verdict: x.Entry.Verdict, Reason: x.Entry.Reason, Epoch: x.Entry.Trust.Epoch, Outcome: x.Outcome, Why: x.Why}
	p.Counts[x.Outcome]++
	if x.Unread {
		p.Believed.Bodies++
	}
	p.Believed.Attestations += x.Assumed
	p.Believed.Floors += x.Unexplained
	if x.Today != nil {
		p.Today[x.Today.Change]++
		line.Today, line.Changed = x.Today.Change, x.Today.Text
	}
	if p.first.IsZero() {
		p.first = line.Time
	}
	p.until = line.Time
	p.Decisions = append(p.Decisions, line)
}

// mostListed bounds how many decisions the text names one by one.
const mostListed = 20

func (p *replayReport) print(w *printer) {
	if len(p.Decisions) == 0 {
		w.line("Nothing was replayed: the journal in %s has %s, and none was asked for.", printable(p.State), plural(p.Entries, "entry", "entries"))
		return
	}
	w.line("Decided again: %s from %s to %s", plural(len(p.Decisions), "decision", "decisions"), stampOf(p.first), stampOf(p.until))
	p.count(w, replay.Identical, p.Counts[replay.Identical] > 0)
	p.count(w, replay.Different, p.Counts[replay.Different] == 0)
	p.count(w, replay.Unreplayable, p.Counts[replay.Unreplayable] == 0)
	if p.Counts[replay.OtherRules] > 0 {
		p.count(w, replay.OtherRules, true)
	}
	p.printFaults(w)
	p.printBelieved(w)
	p.printToday(w)
}

func (p *replayReport) count(w *printer, outcome replay.Outcome, good bool) {
	mark := failed
	if good {
		mark = passed
	}
	w.check(mark, string(outcome), "%d", p.Counts[outcome])
}

func (p *replayReport) printFaults(w *printer) {
	listed := 0
	for _, outcome := range []replay.Outcome{replay.Different, replay.Unreplayable, replay.OtherRules} {
		for _, d := range p.Decisions {
			if d.Outcome != outcome {
				continue
			}
			if listed++; listed <= mostListed {
				w.line("  entry %d, %s, %s %s: %s", d.Seq, stampOf(d.Time), d.Purpose, printable(d.Target), d.Outcome)
				w.line("    %s", printable(d.Why))
			}
		}
	}
	if listed > mostListed {
		w.line("  … and %d more; -o json lists all", listed-mostListed)
	}
	if len(p.RuleChanges) > 0 {
		w.line("What changed in the rules since:")
	}
	for _, c := range p.RuleChanges {
		w.line("  version %d, %s: %s", c.Version, c.Rule, c.Text)
	}
}

func (p *replayReport) printBelieved(w *printer) {
	if p.Believed == (believed{}) && p.Suppressed == 0 && !p.Torn {
		w.line("Nothing was taken from the records but what was asked, when, and which trust had been accepted.")
		return
	}
	w.line("Taken from the records, not checked again:")
	if n := p.Believed.Bodies; n > 0 {
		w.line("  what only bodies show, in %s: form, and whether the effective policy is the composition (--documents)", plural(n, "decision", "decisions"))
	}
	if n := p.Believed.Attestations; n > 0 {
		w.line("  what was found against %s that nobody known to trust had signed", plural(n, "attestation", "attestations"))
	}
	if n := p.Believed.Floors; n > 0 {
		w.line("  %s above what the journal shows: a higher floor only refuses more", plural(n, "floor", "floors"))
	}
	if p.Suppressed > 0 {
		w.line("Not replayed: %d refusals over the driver's budget, of which the journal has the number only", p.Suppressed)
	}
	if p.Torn {
		w.line("The journal ends inside an entry that was never answered: an append under way, or a crash.")
	}
}

func (p *replayReport) printToday(w *printer) {
	allowed := 0
	for _, n := range p.Today {
		allowed += n
	}
	if allowed == 0 {
		return
	}
	last := p.Epochs[len(p.Epochs)-1]
	w.line("Valid now? At %s, by the trust of epoch %d accepted at %s, its freshness set aside:", stampOf(p.At), last.Epoch, stampOf(last.AcceptedAt))
	for _, c := range []replay.Change{replay.StillValid, replay.Revoked, replay.Rotated, replay.Ruled, replay.Expired, replay.Superseded, replay.Unknown} {
		if p.Today[c] > 0 {
			w.line("  %-11s %d", c, p.Today[c])
			p.printEvents(w, c)
		}
	}
}

// printEvents names what ended the validity of some, the most frequent first.
func (p *replayReport) printEvents(w *printer, c replay.Change) {
	if c == replay.StillValid {
		return
	}
	counts := map[string]int{}
	for _, d := range p.Decisions {
		if d.Today == c {
			counts[d.Changed]++
		}
	}
	texts := sortedKeys(counts)
	slices.SortStableFunc(texts, func(a, b string) int { return counts[b] - counts[a] })
	for i, text := range texts {
		if i == 5 {
			w.line("    … and %d other events", len(texts)-5)
			return
		}
		w.line("    %d %s", counts[text], printable(text))
	}
}

func stampOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }
