// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// workflow is what these tests look at of a GitHub workflow.
type workflow struct {
	Name        string            `yaml:"name"`
	On          map[string]any    `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Jobs        map[string]struct {
		Environment string         `yaml:"environment"`
		RunsOn      string         `yaml:"runs-on"`
		Steps       []workflowStep `yaml:"steps"`
	} `yaml:"jobs"`
}

type workflowStep struct {
	Name string            `yaml:"name"`
	ID   string            `yaml:"id"`
	Uses string            `yaml:"uses"`
	With map[string]any    `yaml:"with"`
	Env  map[string]string `yaml:"env"`
	Run  string            `yaml:"run"`
}

// howto is the page in the making: its blocks, and a folder in which they happen.
type howto struct {
	t         *testing.T
	text, dir string
	workflows map[string]*workflow
	sigstore  *verifiertest.Sigstore
	claims    map[string]string // of the certificates
}

func newHowto(t *testing.T) *howto {
	t.Helper()
	for _, tool := range []string{"sh", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the page uses %s, which is not here", tool)
		}
	}
	h := &howto{t: t, text: documents(t)["howto-github.md"], dir: t.TempDir(), workflows: map[string]*workflow{}}
	for _, block := range fenced(h.text, "yaml") {
		name, ok := strings.CutPrefix(strings.SplitN(block, "\n", 2)[0], "# .github/workflows/")
		w := &workflow{}
		dec := yaml.NewDecoder(strings.NewReader(block))
		dec.KnownFields(true)
		if err := dec.Decode(w); err != nil || !ok {
			t.Fatalf("%.40q is no workflow: %v", block, err)
		}
		h.workflows[name] = w
	}
	h.claims = map[string]string{"sourceRepositoryURI": "https://github.com/acme/policies", "sourceRepositoryRef": "refs/heads/main",
		"sourceRepositoryOwnerURI": "https://github.com/acme", "runnerEnvironment": "github-hosted", "buildTrigger": "push"}
	// Real time: trust that is made by the real command expires by the real clock.
	h.sigstore = verifiertest.NewSigstore("howto", time.Now())
	return h
}

// sh runs a script in the folder, as a runner would.
func (h *howto) sh(script string, env ...string) (string, error) {
	cmd := exec.Command("sh", "-eu", "-c", script)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (h *howto) must(script string, env ...string) string {
	h.t.Helper()
	out, err := h.sh(script, env...)
	if err != nil {
		h.t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return out
}

// steps runs the one job of a workflow; attest does what actions/attest would.
func (h *howto) steps(name string, attest func(with map[string]any), env ...string) string {
	h.t.Helper()
	w := h.workflows[name]
	if w == nil || len(w.Jobs) != 1 || len(w.On) != 1 || w.Name == "" {
		h.t.Fatalf("%s has %+v", name, w)
	}
	var out strings.Builder
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			switch {
			case strings.HasPrefix(step.Run, "go install "):
				h.installs(step.Run)
			case step.Run != "":
				out.WriteString(h.must(step.Run, append(env, h.stepEnv(step)...)...))
			case strings.HasPrefix(step.Uses, "actions/attest@"):
				attest(step.With)
			case !regexp.MustCompile(`^actions/(checkout|setup-go|upload-artifact)@v[0-9]+$`).MatchString(step.Uses):
				h.t.Errorf("%s has a step that nobody plays: %+v", name, step)
			}
		}
	}
	return out.String()
}

// stepEnv resolves the one expression that the page uses.
func (h *howto) stepEnv(step workflowStep) []string {
	var env []string
	for name, value := range step.Env {
		if value != "${{ steps.attest.outputs.bundle-path }}" {
			h.t.Errorf("%s is %s", name, value)
		}
		env = append(env, name+"=attestation.json")
	}
	return env
}

// installs holds an install step against this module.
func (h *howto) installs(run string) {
	h.t.Helper()
	path, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(run), "go install "), "@")
	if path != module+"/cmd/sigdriver" {
		h.t.Errorf("%s installs something else", run)
	}
}

// attest makes the bundle that GitHub would, by an identity: of a public
// repository, seen by a log.
func (h *howto) attest(san string) func(map[string]any) {
	return func(with map[string]any) {
		h.t.Helper()
		document, err := os.ReadFile(filepath.Join(h.dir, with["subject-path"].(string)))
		if err != nil {
			h.t.Fatal(err)
		}
		predicate, err := os.ReadFile(filepath.Join(h.dir, with["predicate-path"].(string)))
		if err != nil {
			h.t.Fatal(err)
		}
		statement := verifiertest.Statement{
			Type: verifiertest.StatementV1, Subject: []verifiertest.Subject{verifiertest.SubjectOf(document)},
			PredicateType: with["predicate-type"].(string), Predicate: json.RawMessage(predicate),
		}
		leaf := verifiertest.Leaf{SAN: san, Issuer: "https://token.actions.githubusercontent.com", At: time.Now().Add(-3 * time.Minute).Truncate(time.Second),
			Change: verifiertest.Claimed(h.claims)}
		bundle := h.sigstore.Keyless(statement.JSON(), leaf, verifiertest.Evidence{Rekor1: true})
		if err := os.WriteFile(filepath.Join(h.dir, "attestation.json"), append(bundle.JSON(), '\n'), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
}

// console returns the commands of the console blocks that start like this.
func (h *howto) console(start string) string {
	h.t.Helper()
	var lines []string
	for _, block := range fenced(h.text, "console") {
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok && strings.HasPrefix(command, start) {
				lines = append(lines, command)
			}
		}
	}
	if len(lines) == 0 {
		h.t.Fatalf("the page has no command %s", start)
	}
	return strings.Join(lines, "")
}

// trust makes the repository of the page, with rules that are changed or not.
func (h *howto) trust(change *strings.Replacer) {
	h.t.Helper()
	rules := fenced(h.text, "json")
	if len(rules) != 1 {
		h.t.Fatalf("%d rule files on the page", len(rules))
	}
	for name, data := range map[string][]byte{"authorities.json": []byte(change.Replace(rules[0])), "trusted_root.json": h.sigstore.TrustedRoot()} {
		if err := os.WriteFile(filepath.Join(h.dir, name), data, 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	h.must("rm -rf trust")
	h.must(h.console("sigdriver trust init"))
}

const approveSAN = "https://github.com/acme/policies/.github/workflows/approve.yml@refs/heads/main"

// TestHowtoGitHub plays the page: its commands, its workflows but for the actions,
// its rules, and a bundle by the identity that they name.
func TestHowtoGitHub(t *testing.T) {
	h := newHowto(t)
	h.must(strings.Join(fenced(h.text, "sh"), "\n"))
	h.trust(strings.NewReplacer())

	approve := h.workflows["approve.yml"]
	if approve.Permissions["id-token"] != "write" || approve.Permissions["attestations"] != "write" {
		t.Errorf("the permissions do not let it attest: %v", approve.Permissions)
	}
	out := h.steps("approve.yml", h.attest(approveSAN), "GITHUB_RUN_NUMBER=7", "GITHUB_SHA=0123abc")
	for _, want := range []string{"version    7", "reason     0123abc", "tickets.corp.example:443, rest, enforced", "for /usr/bin/curl"} {
		if !strings.Contains(out, want) {
			t.Errorf("the workflow does not say %q:\n%s", want, out)
		}
	}
	verify := strings.TrimSpace(h.console("sigdriver verify"))
	offered := verify + " --attestation out/web.sigstore.json"
	if out, err := h.sh(offered); err != nil || !strings.Contains(out, "ALLOW") {
		t.Fatalf("offered: %v\n%s", err, out)
	}
	// Published with trust, it is found there.
	if out, err := h.sh(verify); err == nil {
		t.Errorf("nothing was published and it is allowed:\n%s", out)
	}
	h.must(h.console("sigdriver trust publish"))
	if out, err := h.sh(verify); err != nil {
		t.Errorf("published: %v\n%s", err, out)
	}
}

// TestHowtoGitHubOneChange: the page's rules with one change deny what they allow,
// and the pattern of the page allows it.
func TestHowtoGitHubOneChange(t *testing.T) {
	h := newHowto(t)
	h.must(strings.Join(fenced(h.text, "sh"), "\n"))
	h.steps("approve.yml", h.attest(approveSAN), "GITHUB_RUN_NUMBER=7", "GITHUB_SHA=0123abc")
	pattern := regexp.MustCompile("`(\"sanRegexp\": \"[^`]*\")`").FindStringSubmatch(h.text)
	if pattern == nil {
		t.Fatal("the page has no pattern")
	}
	san := `"san": "` + approveSAN + `"`
	verify := strings.TrimSpace(h.console("sigdriver verify")) + " --attestation out/web.sigstore.json"
	for _, c := range []struct{ from, to, want string }{
		{san, pattern[1], "ALLOW"},
		{"approve.yml@refs/heads/main", "approve.yml@refs/heads/dev", "DENY CERT_IDENTITY"},
		{"approve.yml@", "review.yml@", "DENY CERT_IDENTITY"},
		{"github.com/acme/", "github.com/acme-evil/", "DENY CERT_IDENTITY"},
		{"https://token.actions.githubusercontent.com", "https://token.actions.example", "DENY CERT_ISSUER"},
		{"policy-approval/v1", "policy-approval/v2", "DENY PREDICATE_TYPE"},
		{`"github-hosted"`, `"self-hosted"`, "DENY CERT_IDENTITY"},
		{`"https://github.com/acme/policies"`, `"https://github.com/acme/another"`, "DENY CERT_IDENTITY"},
		{`"sourceRepositoryURI"`, `"buildConfigURI"`, "DENY CERT_IDENTITY"}, // which the certificate does not say
	} {
		h.trust(strings.NewReplacer(c.from, c.to))
		out, err := h.sh(verify)
		if (err == nil) != (c.want == "ALLOW") || !strings.Contains(out, c.want) {
			t.Errorf("%s to %s: %v, want %s\n%s", c.from, c.to, err, c.want, out)
		}
	}
	h.trust(strings.NewReplacer())
	h.steps("approve.yml", h.attest(strings.Replace(approveSAN, "main", "dev", 1)), "GITHUB_RUN_NUMBER=7", "GITHUB_SHA=0123abc")
	if out, err := h.sh(verify); err == nil || !strings.Contains(out, "DENY CERT_IDENTITY") {
		t.Errorf("from another branch: %v\n%s", err, out)
	}
	// The same workflow, called by another repository.
	h.claims["sourceRepositoryURI"] = "https://github.com/acme/website"
	h.steps("approve.yml", h.attest(approveSAN), "GITHUB_RUN_NUMBER=7", "GITHUB_SHA=0123abc")
	if out, err := h.sh(verify); err == nil || !strings.Contains(out, "DENY CERT_IDENTITY") || !strings.Contains(out, "sourceRepositoryURI") {
		t.Errorf("called by another repository: %v\n%s", err, out)
	}
}

// TestHowtoGitHubReview plays the review of a pull request.
func TestHowtoGitHubReview(t *testing.T) {
	h := newHowto(t)
	h.must(strings.Join(fenced(h.text, "sh"), "\n"))
	h.must(`git init -q && git add policies && git -c user.name=a -c user.email=a@b commit -qm policies
git update-ref refs/remotes/origin/main HEAD`)
	if out := h.steps("review.yml", nil, "GITHUB_BASE_REF=main"); !strings.Contains(out, "They are the same") {
		t.Errorf("nothing changed:\n%s", out)
	}
	policy := filepath.Join(h.dir, "policies", "web.yaml")
	text, err := os.ReadFile(policy)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(policy, bytes.Replace(text, []byte("read-only"), []byte("full"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	out := h.steps("review.yml", nil, "GITHUB_BASE_REF=main")
	if !strings.Contains(out, "widens   /networkPolicies/tickets/endpoints/0/access") || !strings.Contains(out, "1 difference: 1 widens") {
		t.Errorf("the change is not shown:\n%s", out)
	}
	if out, err := h.sh(strings.TrimSpace(h.workflows["review.yml"].Jobs["review"].Steps[4].Run), "GITHUB_BASE_REF=nowhere"); err == nil {
		t.Errorf("without a base it ends well:\n%s", out)
	}
}
