// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package auditreport makes one HTML page of a replay: what was decided when, by
// which trust, who signed what is in force where, how long trust lasts, and what
// the replay came to. The page is self-contained. It has no script, its policy
// allows nothing but its own style, and it reads on paper.
//
// The page is a function of the replay: the same replay makes the same bytes.
package auditreport

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

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/verifier"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"day":    func(t time.Time) string { return t.UTC().Format("2006-01-02") },
	"at":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"minute": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"n":      count,
}).Parse(pageHTML))

// Page is what the template shows.
type Page struct {
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
	Replay        Verdict
	Today         []Share
	Events        []Row
	Timeline      Timeline
	Denials       []Row
	Trust         []TrustRow
	Expiries      []Expiry
	Scopes        []Scope
	MoreScopes    int
	Faults        []Fault
	MoreFaults    int
	Believed      []string
	Beyond        []string
	CurrentEpoch  uint64
	CurrentRoot   int64
	RootRotations int
}

// Verdict is what the replay came to.
type Verdict struct {
	Well                               bool
	Identical, Different, Unreplayable int
	Text                               string
}

// Share is a part of a whole, as a bar of 100 units: X is where it begins.
type Share struct {
	Name, Class string
	Count       int
	X, Width    string
}

// Row is a bar with words.
type Row struct {
	Name, Text, Class string
	Count             int
	Width             string // of 100
}

// TrustRow is one trust.
type TrustRow struct {
	replay.Line
	Changed   string
	Decisions int
	Denied    int
}

// Expiry is a role and how long it lasts.
type Expiry struct {
	Role, Class, Text string
	At                time.Time
	Width             string // of 100
}

// Fault is a decision that is not identical.
type Fault struct {
	Seq     uint64
	At      time.Time
	Outcome replay.Outcome
	Why     string
}

// The longest lists of the page: what is beyond them is counted.
const (
	mostScopes = 60
	mostFaults = 40
	mostEvents = 10
)

// Write makes the page of a replay.
func Write(w io.Writer, r *replay.Report, o *replay.Options) error {
	var b bytes.Buffer
	if err := page.Execute(&b, build(r, o)); err != nil {
		return err
	}
	_, err := w.Write(bytes.Map(visible, b.Bytes()))
	return err
}

// visible replaces what hides or reorders text: names are foreign.
func visible(r rune) rune {
	if r == '\n' || r == thinSpace || unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// thinSpace groups the digits of a number.
const thinSpace = '\u2009'

func build(r *replay.Report, o *replay.Options) *Page {
	sum := sha256.Sum256([]byte(pageCSS))
	p := &Page{
		CSS:    template.CSS(pageCSS),
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		State:  o.Dir, At: o.Now, Version: version.Driver, Head: r.Head.String(), Entries: r.Entries, Suppressed: r.Suppressed, Decisions: len(r.Results),
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
	p.scopes(r)
	p.faults(r)
	p.believed(r)
	p.Timeline = timeline(r, p.Denials)
	p.From, p.To = p.Timeline.From, p.Timeline.To
	return p
}

func (p *Page) judge(r *replay.Report) {
	v := Verdict{Identical: r.Counts[replay.Identical], Different: r.Counts[replay.Different], Unreplayable: r.Counts[replay.Unreplayable]}
	v.Well = v.Different == 0 && v.Unreplayable == 0 && v.Identical > 0
	switch {
	case v.Different > 0:
		v.Text = "Decisions differ from what the evidence gives. Keep it, and find out why."
	case v.Unreplayable > 0:
		v.Text = "Some evidence is missing. What is there gives the same decisions."
	case v.Well:
		v.Text = "Every decision was made again from the evidence alone, byte for byte."
	default:
		v.Text = "Nothing was replayed."
	}
	p.Replay = v
}

// changes are the answers to "valid now?", in the order of the page.
var changes = []struct {
	change replay.Change
	name   string
}{
	{replay.StillValid, "valid now"}, {replay.Superseded, "superseded by a later version"}, {replay.Expired, "expired"},
	{replay.Rotated, "signers rotated"}, {replay.Ruled, "rules changed"}, {replay.Revoked, "revoked"}, {replay.Unknown, "not known"},
}

func (p *Page) today(r *replay.Report) {
	counts, events, total := map[replay.Change]int{}, map[string]int{}, 0
	class := map[string]string{}
	for _, x := range r.Results {
		if x.Today == nil {
			continue
		}
		total++
		counts[x.Today.Change]++
		if c := x.Today.Change; c != replay.StillValid && c != replay.Superseded {
			events[x.Today.Text]++
			class[x.Today.Text] = string(c)
		}
	}
	done := 0
	for _, c := range changes {
		n := counts[c.change]
		if n == 0 {
			continue
		}
		p.Today = append(p.Today, Share{c.name, string(c.change), n, percent(done, total), percent(n, total)})
		done += n
	}
	for text, n := range events {
		p.Events = append(p.Events, Row{Name: text, Class: class[text], Count: n})
	}
	p.Events = longest(p.Events)
	p.Events = p.Events[:min(len(p.Events), mostEvents)]
}

// denials are the refusals by reason, the most frequent first.
func denials(r *replay.Report) []Row {
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
	var rows []Row
	for reason, n := range counts {
		rows = append(rows, Row{Name: reason, Text: meaning[reason], Count: n})
	}
	rows = longest(rows)
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

// longest sorts rows by count, then by name.
func longest(rows []Row) []Row {
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Name, b.Name)) })
	return rows
}

func (p *Page) trust(r *replay.Report) {
	asked, denied := map[uint64]int{}, map[uint64]int{}
	for _, x := range r.Results {
		asked[x.Entry.Trust.Epoch]++
		if x.Entry.Verdict != verifier.Allow.String() {
			denied[x.Entry.Trust.Epoch]++
		}
	}
	var last *TrustRow
	for _, l := range r.Lines {
		if last != nil && last.Epoch == l.Epoch {
			continue // signed anew
		}
		p.Trust = append(p.Trust, TrustRow{Line: l, Changed: strings.Join(l.Changes, ", "), Decisions: asked[l.Epoch], Denied: denied[l.Epoch]})
		last = &p.Trust[len(p.Trust)-1]
	}
	if len(r.Lines) == 0 {
		return
	}
	now := r.Lines[len(r.Lines)-1]
	p.CurrentEpoch, p.CurrentRoot = now.Epoch, now.Versions.Root
	p.RootRotations = int(now.Versions.Root - r.Lines[0].Versions.Root)
	p.expiries(now.Expires)
}

// expiries says how many days each role has left, on a bar of ninety.
func (p *Page) expiries(e verifier.Expires) {
	for _, role := range []struct {
		name string
		at   time.Time
	}{{"root", e.Root}, {"targets", e.Targets}, {"snapshot", e.Snapshot}, {"revocation", e.Revocation}, {"timestamp", e.Timestamp}} {
		if role.at.IsZero() {
			continue
		}
		left := role.at.Sub(p.At)
		x := Expiry{Role: role.name, At: role.at, Class: "good", Width: percent(int(min(max(left.Hours()/24, 0), 90)*10), 900)}
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

func (p *Page) faults(r *replay.Report) {
	for _, x := range r.Results {
		if x.Outcome == replay.Identical {
			continue
		}
		if len(p.Faults) == mostFaults {
			p.MoreFaults++
			continue
		}
		p.Faults = append(p.Faults, Fault{x.Seq, x.Entry.Time, x.Outcome, x.Why})
	}
}

// believed lists what the replay took from the records, and what no replay shows.
func (p *Page) believed(r *replay.Report) {
	unread, assumed, floors := 0, 0, 0
	for _, x := range r.Results {
		if x.Unread {
			unread++
		}
		assumed, floors = assumed+x.Assumed, floors+x.Unexplained
	}
	say := func(n int, text string) {
		if n > 0 {
			p.Believed = append(p.Believed, fmt.Sprintf(text, count(n)))
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

// count writes a number with a thin space every three digits.
func count(n int) string {
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
	return count(n) + " " + many
}
