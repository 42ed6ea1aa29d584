// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

var pageNow = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// hostileName is what names of a gateway's rows may hold.
const hostileName = `</style><script>alert(1)</script>"'><img src=x onerror=alert(2)>&{{.}}` + "\u202e\x1b[31m"

// pageReport is a replay of three decisions about a subject of a hostile name, with
// one of each outcome.
func pageReport(name string) *Report {
	key := verifier.FloorKey{GatewayID: name, Role: verifier.SandboxPolicy, Workspace: name, Name: name}
	entry := func(verdict, reason string, after time.Duration, epoch uint64) *record.Entry {
		return &record.Entry{Time: pageNow.Add(after), Verdict: verdict, Reason: reason, Purpose: "COMPOSE", Trust: record.Trust{Epoch: epoch},
			Target: record.Target{GatewayID: name, Workspace: name, Name: name}}
	}
	allow := &verifier.Decision{Verdict: verifier.Allow, Consulted: []verifier.Raise{{Key: key}},
		Documents: []verifier.DocumentResult{{Version: 7, Principals: []string{name, "bob"}, Passed: true}}}
	expires := verifier.Expires{Root: pageNow.AddDate(1, 0, 0), Targets: pageNow.AddDate(0, 0, 30), Snapshot: pageNow.AddDate(0, 0, 3), Timestamp: pageNow.Add(-49 * time.Hour)}
	return &Report{
		Entries: 3, Counts: map[Outcome]int{Identical: 1, Different: 1, Unreplayable: 1},
		Results: []Result{
			{Seq: 0, Entry: entry("ALLOW", "ALLOWED", 0, 1), Outcome: Identical, Decision: allow, Today: &Today{Change: Revoked, Text: "revoked by " + name}},
			{Seq: 1, Entry: entry("DENY", "THRESHOLD", time.Hour, 1), Outcome: Different, Why: name},
			{Seq: 2, Entry: entry("DENY", "TRUST_STALE", 2*time.Hour, 2), Outcome: Unreplayable, Why: name},
		},
		Lines: []Line{
			{Line: 1, Epoch: 1, AcceptedAt: pageNow, Changes: []string{"first trust"}, Versions: verifier.Versions{Root: 1}, Expires: expires},
			{Line: 2, Epoch: 2, AcceptedAt: pageNow.Add(90 * time.Minute), Changes: []string{"root rotated to version 2", "revocations: 1 in force", name}, Versions: verifier.Versions{Root: 2}, Expires: expires},
		},
	}
}

func renderPage(t *testing.T, r *Report, dir string) string {
	t.Helper()
	var b bytes.Buffer
	if err := WritePage(&b, r, &Options{Dir: dir, Now: pageNow}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPageIsInert: whatever names hold is text, and the page loads nothing.
func TestPageIsInert(t *testing.T) {
	text := renderPage(t, pageReport(hostileName), hostileName)
	if !strings.Contains(text, "&lt;script&gt;alert(1)") {
		t.Fatal("the names are not in the page")
	}
	for _, bad := range []string{"<script", "<img", " onerror=alert(2)>&{{", "src=", "href=", "url(", "@import", " style=", "http:", "https:", "<iframe", "<link", "<object", "\x1b", "\u202e"} {
		if at := strings.Index(strings.ReplaceAll(text, "&lt;img src=x", ""), bad); at >= 0 {
			t.Errorf("the page has %q: …%.80q", bad, text[at:])
		}
	}
	tags := regexp.MustCompile(`<([a-z0-9]+)`).FindAllStringSubmatch(text, -1)
	known := "html head meta title style body header p span h1 h2 h3 main section div svg g line text rect path ul li table thead tbody tr th td code footer"
	for _, m := range tags {
		if !strings.Contains(" "+known+" ", " "+m[1]+" ") {
			t.Errorf("the page has the element %q", m[1])
		}
	}
	if len(tags) < 100 {
		t.Errorf("%d elements", len(tags))
	}
	if renderPage(t, pageReport(hostileName), hostileName) != text {
		t.Error("the same replay made two pages")
	}
}

// TestPagePolicy: the page's policy allows its own style, and only that.
func TestPagePolicy(t *testing.T) {
	text := renderPage(t, pageReport("prod"), "state")
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(text)
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	if style == nil || policy == nil {
		t.Fatal("no style, or no policy")
	}
	sum := sha256.Sum256([]byte(style[1]))
	want := "default-src &#39;none&#39;; style-src &#39;sha256-" + strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;") + "&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"
	if policy[1] != want {
		t.Errorf("the policy is\n%s\nwant\n%s", policy[1], want)
	}
}

// TestPageSays looks for what people look for.
func TestPageSays(t *testing.T) {
	text := renderPage(t, pageReport("prod"), "state")
	for _, want := range []string{
		`<span aria-hidden="true">✗</span> Different`, "Decisions differ from what the evidence gives",
		"<td class=\"num\">1</td><td>the same bytes", "prod:prod/prod", "prod, bob", "root rotated to version 2, revocations: 1 in force, prod",
		"365 days left", "30 days left", "3 days left", "expired 2 days ago", "THRESHOLD", "1 revoked", "revoked by prod", `class="rotation"><title>root rotated`, `class="revocation"><title>revocations`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	whole := pageReport("prod")
	whole.Counts = map[Outcome]int{Identical: 3}
	if text := renderPage(t, whole, "state"); !strings.Contains(text, "✓</span> Identical") {
		t.Error("it does not say that all is identical")
	}
	whole.Counts = map[Outcome]int{Identical: 2, Unreplayable: 1}
	if text := renderPage(t, whole, "state"); !strings.Contains(text, "–</span> Incomplete") {
		t.Error("it does not say that something is missing")
	}
	whole.Counts = map[Outcome]int{Identical: 2, OtherRules: 1}
	if text := renderPage(t, whole, "state"); !strings.Contains(text, "but for 1 decision of older rules") || !strings.Contains(text, "<td class=\"num\">1</td><td>decided by older rules") {
		t.Error("it does not say what older rules decided")
	}
	if text := renderPage(t, &Report{Counts: map[Outcome]int{}}, "state"); !strings.Contains(text, "Nothing was replayed.") || strings.Contains(text, "NaN") {
		t.Error("an empty replay")
	}
}

// TestPageOfAdmissions: what was admitted only is allowed, and in force nowhere.
func TestPageOfAdmissions(t *testing.T) {
	r := pageReport("prod")
	for i := range r.Results {
		r.Results[i].Entry.Purpose = verifier.Admit.String()
	}
	text := renderPage(t, r, "state")
	if !strings.Contains(text, "No composition was allowed. What was admitted,") || !strings.Contains(text, "in force nowhere yet") || strings.Contains(text, "Nothing was allowed.") {
		t.Error("it does not say what admissions are")
	}
	list, _, _ := strings.Cut(text, `<section id="scopes">`)
	_, list, _ = strings.Cut(list, `<section id="decisions">`)
	if n := strings.Count(list, "<td>ADMIT</td>"); n != len(r.Results) {
		t.Errorf("%d of %d decisions are listed", n, len(r.Results))
	}
}

// TestPageOfNothing: a journal without a decision has no time, no bars and no head.
func TestPageOfNothing(t *testing.T) {
	text := renderPage(t, &Report{Counts: map[Outcome]int{}}, "state")
	for _, want := range []string{"<h1>Nothing was decided</h1>", "Incomplete", "0 journal entries · made", "for 0 reasons"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, bad := range []string{"0001-01-01", "<path d=\"M50", `id="bars"`, "0000000000000000"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// TestPageLongLists: the page stays short, and says what it leaves out.
func TestPageLongLists(t *testing.T) {
	r := pageReport("prod")
	for i := range 500 {
		x := r.Results[0]
		d := *x.Decision
		d.Consulted = []verifier.Raise{{Key: verifier.FloorKey{GatewayID: "gw", Role: verifier.SandboxPolicy, Name: fmt.Sprint("web-", i)}}}
		x.Decision = &d
		r.Results = append(r.Results, x, r.Results[1])
	}
	text := renderPage(t, r, "state")
	list, scopes, _ := strings.Cut(text, `<section id="scopes">`)
	if n := strings.Count(list, `<td class="when">`) - len(r.Lines); n > mostListed || n < mostListed-len(r.Lines) || !strings.Contains(list, fmt.Sprintf("and %s more", grouped(len(r.Results)-mostListed))) {
		t.Errorf("%d decisions", n)
	}
	if n := strings.Count(scopes, `<span class="pill`); n != mostScopes || !strings.Contains(text, fmt.Sprintf("and %d more", 501-mostScopes)) {
		t.Errorf("%d subjects", n)
	}
	if n := strings.Count(text, "<td>different</td>"); n > mostFaults || !strings.Contains(text, fmt.Sprintf("and %d more", 502-mostFaults)) {
		t.Errorf("%d faults", n)
	}
}

// TestPageTimeline: every decision is in exactly one bar, within the plot.
func TestPageTimeline(t *testing.T) {
	r := pageReport("prod")
	line := newTimeline(r, denials(r))
	total := 0.0
	for _, b := range line.Bars {
		var x, y, w, h float64
		if _, err := fmt.Sscan(b.X, &x); err != nil {
			t.Fatal(err)
		}
		fmt.Sscan(b.Y, &y)
		fmt.Sscan(b.Width, &w)
		fmt.Sscan(b.Height, &h)
		if x < plotLeft || x+w > plotRight || y < plotBase-plotHeight-0.1 || y+h > plotBase+0.1 {
			t.Errorf("a bar at %g %g, %g by %g", x, y, w, h)
		}
		total += h
	}
	if unit := plotHeight / float64(nice(1)); total < 2.9*unit || total > 3.1*unit {
		t.Errorf("bars of %g units, for three decisions of %g", total, plotHeight/float64(nice(1)))
	}
	for n, want := range map[int]int{0: 4, 1: 4, 4: 4, 5: 8, 9: 12, 117: 120, 150: 160, 1300: 1600, 9000: 10000} {
		if got := nice(n); got != want {
			t.Errorf("nice(%d) = %d, want %d", n, got, want)
		}
	}
}
