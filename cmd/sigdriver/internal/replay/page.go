// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/internal/printable"
	"github.com/sigdriver/sigdriver/verifier"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"day":    func(t time.Time) string { return t.UTC().Format("2006-01-02") },
	"at":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"minute": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"n":      grouped,
}).Parse(pageHTML))

// page is what the template shows.
type page struct {
	CSS    template.CSS
	Policy string

	State         string
	At            time.Time
	From, To      time.Time
	Version       string
	Head          string
	Entries       int
	Suppressed    uint64
	Decisions     int
	Allowed       int
	Denied        int
	Replay        pageVerdict
	Today         []share
	Events        []row
	Timeline      timeline
	Denials       []row
	Trust         []trustRow
	Expiries      []expiry
	Listed        []pageDecision
	MoreListed    int
	Scopes        []scope
	MoreScopes    int
	Faults        []pageFault
	MoreFaults    int
	Believed      []string
	Beyond        []string
	CurrentEpoch  uint64
	CurrentRoot   int64
	RootRotations int
	Fleet         *evidence.FleetReport // nil for one journal
}

// pageVerdict is what the replay came to.
type pageVerdict struct {
	Well                                           bool
	Identical, Different, Unreplayable, OtherRules int
	Text                                           string
}

// share is a part of a whole, as a bar of 100 units: X is where it begins.
type share struct {
	Name, Class string
	Count       int
	X, Width    string
}

// row is a bar with words.
type row struct {
	Name, Text, Class string
	Count             int
	Width             string // of 100
}

// trustRow is one trust.
type trustRow struct {
	Line
	Changed   string
	Decisions int
	Denied    int
}

// expiry is a role and how long it lasts.
type expiry struct {
	Role, Class, Text string
	At                time.Time
	Width             string // of 100
}

// pageDecision is one decision of the list.
type pageDecision struct {
	Journal                          string
	Seq                              uint64
	At                               time.Time
	Purpose, Target, Verdict, Reason string
	Class                            string
	Today, TodayClass, Why           string
}

// pageFault is a decision that is not identical.
type pageFault struct {
	Journal string
	Seq     uint64
	At      time.Time
	Outcome Outcome
	Why     string
}

// The longest lists of the page: what is beyond them is counted.
const (
	mostScopes = 60
	mostFaults = 40
	mostListed = 200
	mostEvents = 10
)

// WritePage makes one HTML page of a replay: what was decided when, by which trust,
// who signed what is in force where, how long trust lasts, and what the replay came
// to. The page is self-contained. It has no script, its policy allows nothing but its
// own style, and it reads on paper. The same replay makes the same bytes.
func WritePage(w io.Writer, r *Report, o *Options) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newPage(r, o)); err != nil {
		return err
	}
	_, err := w.Write(bytes.Map(visibleRune, b.Bytes()))
	return err
}

// visibleRune replaces what hides or reorders text: names are foreign.
func visibleRune(r rune) rune {
	if r == '\n' || r == thinSpace || printable.Shows(r) {
		return r
	}
	return unicode.ReplacementChar
}

// thinSpace groups the digits of a number.
const thinSpace = '\u2009'

func newPage(r *Report, o *Options) *page {
	sum := sha256.Sum256([]byte(pageCSS))
	p := &page{
		CSS:    template.CSS(pageCSS),
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		State:  o.Dir, At: o.Now, Version: version.Driver, Head: r.Head.String(), Entries: r.Entries, Suppressed: r.Suppressed, Decisions: len(r.Results), Fleet: r.Fleet,
	}
	for _, x := range r.Results {
		if x.Entry.Verdict == verifier.Allow.String() {
			p.Allowed++
		}
	}
	p.Denied = p.Decisions - p.Allowed
	p.judge(r)
	p.today(r)
	p.Denials = denials(r)
	p.trust(r)
	p.list(r)
	p.scopes(r)
	p.faults(r)
	p.believed(r)
	p.Timeline = newTimeline(r, p.Denials)
	p.From, p.To = p.Timeline.From, p.Timeline.To
	return p
}

func (p *page) judge(r *Report) {
	v := pageVerdict{Identical: r.Counts[Identical], Different: r.Counts[Different], Unreplayable: r.Counts[Unreplayable], OtherRules: r.Counts[OtherRules]}
	v.Well = v.Different == 0 && v.Unreplayable == 0 && v.Identical > 0
	switch {
	case v.Different > 0:
		v.Text = "Decisions differ from what the evidence gives. Keep it, and find out why."
	case v.Unreplayable > 0:
		v.Text = "Some evidence is missing. What is there gives the same decisions."
	case v.Well && r.Fleet != nil && !r.Fleet.Well():
		v.Well, v.Text = false, "What is there gives the same decisions, and the journals do not explain each other: see the fleet."
	case v.Well && v.OtherRules > 0:
		v.Text = fmt.Sprintf("Made again from the evidence alone, byte for byte, but for %s of older rules, which today's rules make otherwise.", plural(v.OtherRules, "decision", "decisions"))
	case v.Well:
		v.Text = "Every decision was made again from the evidence alone, byte for byte."
	default:
		v.Text = "Nothing was replayed."
	}
	p.Replay = v
}

// pageChanges are the answers to "valid now?", in the order of the page.
var pageChanges = []struct {
	change Change
	name   string
}{
	{StillValid, "valid now"}, {Superseded, "superseded by a later version"}, {Expired, "expired"},
	{Rotated, "signers rotated"}, {Ruled, "rules changed"}, {Revoked, "revoked"}, {Unknown, "not known"},
}

func (p *page) today(r *Report) {
	counts, events, total := map[Change]int{}, map[string]int{}, 0
	class := map[string]string{}
	for _, x := range r.Results {
		if x.Today == nil {
			continue
		}
		total++
		counts[x.Today.Change]++
		if c := x.Today.Change; c != StillValid && c != Superseded {
			events[x.Today.Text]++
			class[x.Today.Text] = string(c)
		}
	}
	done := 0
	for _, c := range pageChanges {
		n := counts[c.change]
		if n == 0 {
			continue
		}
		p.Today = append(p.Today, share{c.name, string(c.change), n, percent(done, total), percent(n, total)})
		done += n
	}
	for text, n := range events {
		p.Events = append(p.Events, row{Name: text, Class: class[text], Count: n})
	}
	p.Events = sortRows(p.Events)
	p.Events = p.Events[:min(len(p.Events), mostEvents)]
}

// denials are the refusals by reason, the most frequent first.
func denials(r *Report) []row {
	counts := map[string]int{}
	for _, x := range r.Results {
		if x.Entry.Verdict != verifier.Allow.String() {
			counts[x.Entry.Reason]++
		}
	}
	meaning := map[string]string{}
	for _, d := range verifier.ReasonDocs() {
		meaning[d.Code] = d.Meaning
	}
	var rows []row
	for reason, n := range counts {
		rows = append(rows, row{Name: reason, Text: meaning[reason], Count: n})
	}
	rows = sortRows(rows)
	for i := range rows {
		rows[i].Width = percent(rows[i].Count, rows[0].Count)
		rows[i].Class = denialClass(i)
	}
	return rows
}

// denialClass is the colour of a reason: the most frequent have their own.
func denialClass(rank int) string {
	if rank < colours {
		return "d" + strconv.Itoa(rank)
	}
	return "dx"
}

// colours are how many reasons have one of their own.
const colours = 6

// sortRows sorts rows by count, then by name.
func sortRows(rows []row) []row {
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Name, b.Name)) })
	return rows
}

func (p *page) trust(r *Report) {
	type epoch struct { // each driver counts its own
		journal string
		number  uint64
	}
	asked, denied := map[epoch]int{}, map[epoch]int{}
	for _, x := range r.Results {
		asked[epoch{x.Journal, x.Entry.Trust.Epoch}]++
		if x.Entry.Verdict != verifier.Allow.String() {
			denied[epoch{x.Journal, x.Entry.Trust.Epoch}]++
		}
	}
	var last *trustRow
	for _, l := range r.Lines {
		if last != nil && last.Epoch == l.Epoch && last.Journal == l.Journal {
			continue // signed anew
		}
		of := epoch{l.Journal, l.Epoch}
		p.Trust = append(p.Trust, trustRow{Line: l, Changed: strings.Join(l.Changes, ", "), Decisions: asked[of], Denied: denied[of]})
		last = &p.Trust[len(p.Trust)-1]
	}
	if len(r.Lines) == 0 {
		return
	}
	now := r.Lines[len(r.Lines)-1]
	for _, l := range r.Lines { // of several journals, the latest
		if l.AcceptedAt.After(now.AcceptedAt) {
			now = l
		}
	}
	p.CurrentEpoch, p.CurrentRoot = now.Epoch, now.Versions.Root
	p.RootRotations = int(now.Versions.Root - r.Lines[0].Versions.Root)
	p.expiries(now.Expires)
}

// expiries says how many days each role has left, on a bar of ninety.
func (p *page) expiries(e verifier.Expires) {
	for _, role := range []struct {
		name string
		at   time.Time
	}{{"root", e.Root}, {"targets", e.Targets}, {"snapshot", e.Snapshot}, {"revocation", e.Revocation}, {"timestamp", e.Timestamp}} {
		if role.at.IsZero() {
			continue
		}
		left := role.at.Sub(p.At)
		x := expiry{Role: role.name, At: role.at, Class: "good", Width: percent(int(min(max(left.Hours()/24, 0), 90)*10), 900)}
		days := int(left.Abs().Hours() / 24)
		switch {
		case left <= 0:
			x.Class, x.Text, x.Width = "bad", "expired "+plural(days, "day", "days")+" ago", "100"
		case left < 24*time.Hour:
			x.Class, x.Text = "soon", plural(int(left.Hours()), "hour", "hours")+" left"
		case left < 7*24*time.Hour:
			x.Class, x.Text = "soon", plural(days, "day", "days")+" left"
		default:
			x.Text = plural(days, "day", "days") + " left"
		}
		p.Expiries = append(p.Expiries, x)
	}
}

// list lists the decisions, the latest first.
func (p *page) list(r *Report) {
	for i := len(r.Results) - 1; i >= 0; i-- {
		if len(p.Listed) == mostListed {
			p.MoreListed = i + 1
			return
		}
		x := &r.Results[i]
		t := x.Entry.Target
		d := pageDecision{Journal: x.Journal, Seq: x.Seq, At: x.Entry.Time, Purpose: x.Entry.Purpose, Verdict: x.Entry.Verdict, Reason: x.Entry.Reason, Class: "denied",
			Target: fmt.Sprintf("%s:%s/%s", t.GatewayID, t.Workspace, t.Name)}
		if x.Entry.Verdict == verifier.Allow.String() {
			d.Class, d.Reason = "allowed", ""
		}
		if x.Today != nil {
			d.Today, d.TodayClass, d.Why = string(x.Today.Change), string(x.Today.Change), x.Today.Text
		}
		p.Listed = append(p.Listed, d)
	}
}

func (p *page) faults(r *Report) {
	for _, x := range r.Results {
		if x.Outcome == Identical {
			continue
		}
		if len(p.Faults) == mostFaults {
			p.MoreFaults++
			continue
		}
		p.Faults = append(p.Faults, pageFault{x.Journal, x.Seq, x.Entry.Time, x.Outcome, x.Why})
	}
}

// believed lists what the replay took from the records, and what no replay shows.
func (p *page) believed(r *Report) {
	unread, assumed, floors := 0, 0, 0
	for _, x := range r.Results {
		if x.Unread {
			unread++
		}
		assumed, floors = assumed+x.Assumed, floors+x.Unexplained
	}
	say := func(n int, text string) {
		if n > 0 {
			p.Believed = append(p.Believed, fmt.Sprintf(text, grouped(n)))
		}
	}
	say(unread, "What only policy bodies show, in %s decisions: their form, and whether the effective policy was the composition. Bodies never leave the gateway.")
	say(assumed, "What was found against %s attestations that nobody known to trust had signed.")
	say(floors, "%s floors above what the journal shows. A higher floor can only refuse more.")
	p.Beyond = []string{
		"When anything happened: the times are the driver's word.",
		"That nothing else was asked: whoever runs code in the gateway can leave out the question.",
		"That what was allowed is what was enforced: compare with what sandboxes report.",
	}
}

func percent(n, of int) string {
	return strconv.FormatFloat(100*float64(n)/float64(max(of, 1)), 'f', 2, 64)
}

// grouped writes a number with a thin space every three digits.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}
