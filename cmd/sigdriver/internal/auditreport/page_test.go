// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package auditreport

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
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/verifier"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// hostile is what names of a gateway's rows may hold.
const hostile = `</style><script>alert(1)</script>"'><img src=x onerror=alert(2)>&{{.}}` + "\u202e\x1b[31m"

// report is a replay of three decisions about a subject of a hostile name, with
// one of each outcome.
func report(name string) *replay.Report {
	key := verifier.FloorKey{GatewayID: name, Role: verifier.SandboxPolicy, Workspace: name, Name: name}
	entry := func(verdict, reason string, after time.Duration, epoch uint64) *record.Entry {
		return &record.Entry{Time: now.Add(after), Verdict: verdict, Reason: reason, Purpose: "COMPOSE", Trust: record.Trust{Epoch: epoch},
			Target: record.Target{GatewayID: name, Workspace: name, Name: name}}
	}
	allow := &verifier.Decision{Verdict: verifier.Allow, Consulted: []verifier.Raise{{Key: key}},
		Documents: []verifier.DocumentResult{{Version: 7, Principals: []string{name, "bob"}, Passed: true}}}
	expires := verifier.Expires{Root: now.AddDate(1, 0, 0), Targets: now.AddDate(0, 0, 30), Snapshot: now.AddDate(0, 0, 3), Timestamp: now.Add(-49 * time.Hour)}
	return &replay.Report{
		Entries: 3, Counts: map[replay.Outcome]int{replay.Identical: 1, replay.Different: 1, replay.Unreplayable: 1},
		Results: []replay.Result{
			{Seq: 0, Entry: entry("ALLOW", "ALLOWED", 0, 1), Outcome: replay.Identical, Decision: allow, Today: &replay.Today{Change: replay.Revoked, Text: "revoked by " + name}},
			{Seq: 1, Entry: entry("DENY", "THRESHOLD", time.Hour, 1), Outcome: replay.Different, Why: name},
			{Seq: 2, Entry: entry("DENY", "TRUST_STALE", 2*time.Hour, 2), Outcome: replay.Unreplayable, Why: name},
		},
		Lines: []replay.Line{
			{Line: 1, Epoch: 1, AcceptedAt: now, Changes: []string{"first trust"}, Versions: verifier.Versions{Root: 1}, Expires: expires},
			{Line: 2, Epoch: 2, AcceptedAt: now.Add(90 * time.Minute), Changes: []string{"root rotated to version 2", "revocations: 1 in force", name}, Versions: verifier.Versions{Root: 2}, Expires: expires},
		},
	}
}

func render(t *testing.T, r *replay.Report, dir string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r, &replay.Options{Dir: dir, Now: now}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPageIsInert: whatever names hold is text, and the page loads nothing.
func TestPageIsInert(t *testing.T) {
	text := render(t, report(hostile), hostile)
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
	if render(t, report(hostile), hostile) != text {
		t.Error("the same replay made two pages")
	}
}

// TestPolicy: the page's policy allows its own style, and only that.
func TestPolicy(t *testing.T) {
	text := render(t, report("prod"), "state")
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
	text := render(t, report("prod"), "state")
	for _, want := range []string{
		`<span aria-hidden="true">✗</span> Different`, "Decisions differ from what the evidence gives",
		"<td class=\"num\">1</td><td>the same bytes", "prod:prod/prod", "prod, bob", "root rotated to version 2, revocations: 1 in force, prod",
		"365 days left", "30 days left", "3 days left", "expired 2 days ago", "THRESHOLD", "1 revoked", "revoked by prod", `class="rotation"><title>root rotated`, `class="revocation"><title>revocations`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	whole := report("prod")
	whole.Counts = map[replay.Outcome]int{replay.Identical: 3}
	if text := render(t, whole, "state"); !strings.Contains(text, "✓</span> Identical") {
		t.Error("it does not say that all is identical")
	}
	whole.Counts = map[replay.Outcome]int{replay.Identical: 2, replay.Unreplayable: 1}
	if text := render(t, whole, "state"); !strings.Contains(text, "–</span> Incomplete") {
		t.Error("it does not say that something is missing")
	}
	if text := render(t, &replay.Report{Counts: map[replay.Outcome]int{}}, "state"); !strings.Contains(text, "Nothing was replayed.") || strings.Contains(text, "NaN") {
		t.Error("an empty replay")
	}
}

// TestPageOfNothing: a journal without a decision has no time, no bars and no head.
func TestPageOfNothing(t *testing.T) {
	text := render(t, &replay.Report{Counts: map[replay.Outcome]int{}}, "state")
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

// TestLongLists: the page stays short, and says what it leaves out.
func TestLongLists(t *testing.T) {
	r := report("prod")
	for i := range 500 {
		x := r.Results[0]
		d := *x.Decision
		d.Consulted = []verifier.Raise{{Key: verifier.FloorKey{GatewayID: "gw", Role: verifier.SandboxPolicy, Name: fmt.Sprint("web-", i)}}}
		x.Decision = &d
		r.Results = append(r.Results, x, r.Results[1])
	}
	text := render(t, r, "state")
	if n := strings.Count(text, `<span class="pill`); n != mostScopes || !strings.Contains(text, fmt.Sprintf("and %d more", 501-mostScopes)) {
		t.Errorf("%d subjects", n)
	}
	if n := strings.Count(text, "<td>different</td>"); n > mostFaults || !strings.Contains(text, fmt.Sprintf("and %d more", 502-mostFaults)) {
		t.Errorf("%d faults", n)
	}
}

// TestTimeline: every decision is in exactly one bar, within the plot.
func TestTimeline(t *testing.T) {
	r := report("prod")
	line := timeline(r, denials(r))
	total := 0.0
	for _, b := range line.Bars {
		var x, y, w, h float64
		if _, err := fmt.Sscan(b.X, &x); err != nil {
			t.Fatal(err)
		}
		fmt.Sscan(b.Y, &y)
		fmt.Sscan(b.Width, &w)
		fmt.Sscan(b.Height, &h)
		if x < left || x+w > right || y < base-height-0.1 || y+h > base+0.1 {
			t.Errorf("a bar at %g %g, %g by %g", x, y, w, h)
		}
		total += h
	}
	if unit := height / float64(nice(1)); total < 2.9*unit || total > 3.1*unit {
		t.Errorf("bars of %g units, for three decisions of %g", total, height/float64(nice(1)))
	}
	for n, want := range map[int]int{0: 4, 1: 4, 4: 4, 5: 8, 9: 12, 117: 120, 150: 160, 1300: 1600, 9000: 10000} {
		if got := nice(n); got != want {
			t.Errorf("nice(%d) = %d, want %d", n, got, want)
		}
	}
}
