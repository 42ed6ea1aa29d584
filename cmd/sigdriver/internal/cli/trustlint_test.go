// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// put writes a file into a folder of its own and returns its path.
func put(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ok runs a command that must end well.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := runAt(tuftest.Start, args...)
	if code != ExitOK {
		t.Fatalf("%v: exit code %d: %s%s", args, code, stdout, stderr)
	}
	return stdout
}

// broken is authorities.json with a rule that nobody can satisfy.
func broken() []byte {
	a := verifiertest.BaseAuthorities()
	a.Rule("profiles").Require = []verifiertest.Requirement{}
	return a.JSON()
}

func readLint(t *testing.T, text string) lintReport {
	t.Helper()
	var r lintReport
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

// TestTrustLintOfACeremony looks at what is published, then at what is staged.
func TestTrustLintOfACeremony(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t")
	ok(t, "trust", "init", "--dir", dir, "--authorities", put(t, "a.json", verifiertest.BaseAuthorities().JSON()))
	text := ok(t, "trust", "lint", "--dir", dir)
	for _, want := range []string{
		"Trust in " + filepath.Join(dir, "published") + ", looked at 2026-06-01T12:00:00Z and 30d ahead",
		"– ROOT_THRESHOLD root.json roles.root.threshold", "– RULE_ONE_PERSON authorities.json rules[2]", "0 errors, ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if got := ok(t, "trust", "lint", "--dir", filepath.Join(dir, "published")); got != text {
		t.Errorf("the published folder by itself:\n%s", got)
	}
	ok(t, "trust", "stage", "--dir", dir, "--authorities", put(t, "a.json", broken()))
	code, stdout, stderr := runAt(tuftest.Start, "trust", "lint", "--dir", dir, "-o", "text", "-o", "json="+filepath.Join(dir, "lint.json"))
	if code != ExitBreakage || !strings.Contains(stdout, "✗ RULE_UNSATISFIABLE authorities.json rules[2]") {
		t.Errorf("a broken rule is staged: exit code %d: %s%s", code, stdout, stderr)
	}
	data, err := os.ReadFile(filepath.Join(dir, "lint.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := readLint(t, string(data))
	if r.Schema != lintSchema || r.Trust != filepath.Join(dir, "staged") || r.Errors != 1 || r.Findings[0].Code != verifier.LintRuleUnsatisfiable {
		t.Errorf("%+v", r)
	}
}

// TestTrustLintExpiry: a role's own validity says what is late for it.
func TestTrustLintExpiry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t")
	ok(t, "trust", "init", "--dir", dir, "--authorities", put(t, "a.json", verifiertest.BaseAuthorities().JSON()))
	for _, c := range []struct {
		after time.Duration
		code  int
		want  string // of the timestamp
	}{{125 * time.Hour, ExitOK, ""}, {127 * time.Hour, ExitOK, "ROLE_EXPIRES"}, {169 * time.Hour, ExitBreakage, "ROLE_EXPIRED"}} {
		code, stdout, stderr := runAt(tuftest.Start.Add(c.after), "trust", "lint", "--dir", dir, "-o", "json")
		if code != c.code {
			t.Fatalf("after %s: exit code %d: %s", c.after, code, stderr)
		}
		got := ""
		for _, f := range readLint(t, stdout).Findings {
			if f.File == "timestamp.json" {
				got = string(f.Code)
			}
		}
		if got != c.want {
			t.Errorf("after %s: %q, want %q", c.after, got, c.want)
		}
	}
}

// TestTrustLintOffline lints a repository, a driver's state and an export of it.
func TestTrustLintOffline(t *testing.T) {
	repo := tuftest.New(t, tuftest.Threshold(tuftest.Root, 2, 2))
	repo.SetTarget("authorities.json", broken())
	repo.Publish()
	state, root := stateFolder(t, repo)
	export := filepath.Join(t.TempDir(), "export.tar")
	ok(t, "trust", "export", "--dir", state, "--out", export)
	for _, dir := range []string{repo.Dir(), state, export} {
		code, stdout, stderr := runAt(repo.Now(), "trust", "lint", "--trust", dir, "--root", root)
		if code != ExitBreakage || !strings.Contains(stdout, "✗ RULE_UNSATISFIABLE") || !strings.Contains(stdout, "– ROOT_NO_SPARE root.json") {
			t.Errorf("%s: exit code %d: %s%s", dir, code, stdout, stderr)
		}
	}
	if code, _, stderr := runAt(repo.Now().Add(48*time.Hour), "trust", "lint", "--trust", repo.Dir(), "--root", root); code != ExitInconclusive {
		t.Errorf("expired: exit code %d: %s", code, stderr)
	}
}

func TestTrustLintUsage(t *testing.T) {
	refused := tuftest.New(t)
	refused.SetTarget("authorities.json", []byte(`{}`))
	refused.Publish()
	empty := tuftest.New(t)
	for name, c := range map[string]struct {
		args []string
		code int
		said string
	}{
		"nothing":    {nil, ExitUsage, "at least one of the flags"},
		"both":       {[]string{"--dir", "x", "--trust", "y", "--root", "z"}, ExitUsage, "none of the others can be"},
		"no root":    {[]string{"--trust", "y"}, ExitUsage, "root"},
		"no folder":  {[]string{"--dir", t.TempDir()}, ExitUsage, "neither a ceremony's folder nor a published repository"},
		"no length":  {[]string{"--dir", "x", "--within", "soon"}, ExitUsage, "--within"},
		"no output":  {[]string{"--dir", "x", "-o", "yaml"}, ExitUsage, "-o"},
		"refused":    {[]string{"--dir", refused.Dir()}, ExitBreakage, "drivers would refuse the trust in"},
		"root alone": {[]string{"--dir", empty.Dir()}, ExitOK, ""},
	} {
		code, _, stderr := runAt(tuftest.Start, append([]string{"trust", "lint"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.said) {
			t.Errorf("%s: exit code %d: %s", name, code, stderr)
		}
	}
}

// TestLintPage holds the page's table against the codes.
func TestLintPage(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/ceremony.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := []string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]+_[A-Z_]+) \|`).FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, row[1])
	}
	codes := []string{}
	for _, code := range verifier.LintCodes() {
		codes = append(codes, string(code))
	}
	if !slices.Equal(listed, codes) || len(codes) == 0 {
		t.Errorf("the page lists\n%v\nthe codes are\n%v", listed, codes)
	}
}

// TestTrustDropsThings: what a staged change takes away from what is published is
// named by lint and by plan.
func TestTrustDropsThings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t")
	before := verifiertest.BaseAuthorities()
	ok(t, "trust", "init", "--dir", dir, "--authorities", put(t, "a.json", before.JSON()))
	after := verifiertest.BaseAuthorities()
	after.Rule("prod sandboxes").Workspace = "*"
	after.Rules = slices.DeleteFunc(after.Rules, func(r *verifiertest.Rule) bool { return r.Name == "profiles" })
	ok(t, "trust", "stage", "--dir", dir, "--authorities", put(t, "a.json", after.JSON()))
	var codes []verifier.LintCode
	for _, f := range readLint(t, ok(t, "trust", "lint", "--dir", dir, "-o", "json")).Findings {
		codes = append(codes, f.Code)
	}
	request := put(t, "request.json", []byte(`{"requestId":"r","purpose":"PURPOSE_ADMIT","target":{"gatewayId":"gw-1"},"documents":[{"role":"ROLE_SANDBOX_POLICY","body":"e30="}]}`))
	_, plan, stderr := runAt(tuftest.Start, "trust", "plan", "--candidate", dir, "--request", request)
	for _, code := range []verifier.LintCode{verifier.LintSurfaceDropped, verifier.LintRuleDropped, verifier.LintRuleWidened} {
		if !slices.Contains(codes, code) {
			t.Errorf("lint does not say %s: %v", code, codes)
		}
		if !strings.Contains(plan, string(code)) {
			t.Errorf("plan does not say %s:\n%s%s", code, plan, stderr)
		}
	}
	// Once published it is what is in force, and nothing is compared.
	ok(t, "trust", "sign", "--yes", "--dir", dir)
	ok(t, "trust", "publish", "--dir", dir)
	if out := ok(t, "trust", "lint", "--dir", dir); strings.Contains(out, "DROPPED") || strings.Contains(out, "WIDENED") {
		t.Errorf("published:\n%s", out)
	}
}
