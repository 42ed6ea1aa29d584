// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// reviewStep returns a step of docs/policy-review.yml. No expression reaches a shell, and
// the workflow may do nothing but read and comment.
func reviewStep(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/policy-review.yml")
	if err != nil {
		t.Fatal(err)
	}
	var w struct {
		Permissions map[string]string `yaml:"permissions"`
		Jobs        map[string]struct {
			Steps []struct{ Name, Uses, Run string } `yaml:"steps"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	if len(w.Permissions) != 2 || w.Permissions["contents"] != "read" || w.Permissions["pull-requests"] != "write" {
		t.Errorf("it may do %v", w.Permissions)
	}
	found := ""
	for _, step := range w.Jobs["review"].Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("%q writes an expression into a shell", step.Name)
		}
		if step.Name == name {
			found = step.Run
		}
	}
	if found == "" {
		t.Fatalf("there is no step %q", name)
	}
	return found
}

// TestPolicyReview lets the workflow look at a pull request, also at a hostile one.
func TestPolicyReview(t *testing.T) {
	for _, tool := range []string{"bash", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here", tool)
		}
	}
	step, dir, temp := reviewStep(t, "Compare"), t.TempDir(), t.TempDir()
	bash := func(script string) (string, error) {
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "BASE=main", "POLICIES=policies", "TYPE=sandbox-policy", "RUNNER_TEMP="+temp, "GITHUB_STEP_SUMMARY="+filepath.Join(temp, "summary.md"),
			"GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(script string) string {
		t.Helper()
		out, err := bash(script)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	must(`git init -q -b main . && mkdir policies
		printf 'version: 1\nfilesystem_policy:\n  read_only: [/usr, /opt]\n' | tee policies/web.yaml policies/gone.yaml > policies/same.yaml
		git add . && git commit -qm base && git checkout -qb change
		printf 'version: 1\nfilesystem_policy:\n  read_only: [/usr, /opt]\n  read_write: [/srv]\n' | tee policies/web.yaml > 'policies/$(touch pwned);x.yaml'
		git rm -q policies/gone.yaml && echo text > policies/README.txt && git add . && git commit -qm change`)
	out := must(step)
	review, err := os.ReadFile(filepath.Join(temp, "review.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"### policies/web.yaml\n", "      widens   /filesystem/readWrite/0\n", "### policies/gone.yaml\n\n    is gone\n", "### policies/__touch_pwned__x.yaml\n\n    is new, and grants:\n", "/srv"} {
		if !strings.Contains(string(review), want) {
			t.Errorf("the review lacks %q:\n%s", want, review)
		}
	}
	if strings.Contains(string(review), "same.yaml") || strings.Contains(string(review), "README") || !strings.Contains(out, "::warning title=policy review::") {
		t.Errorf("%s\n%s", out, review)
	}
	if _, err := os.Lstat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("the name of a file was run")
	}
	must("echo 'version: [' > policies/web.yaml && git commit -qam broken")
	if out, err := bash(step); err == nil {
		t.Errorf("a policy that cannot be read passes: %s", out)
	}
	must("git checkout -q main && git checkout -qb narrow && printf 'version: 1\nfilesystem_policy:\n  read_only: [/usr]\n' > policies/web.yaml && git commit -qam narrow")
	if out := must(step); strings.Contains(out, "::warning") {
		t.Errorf("what narrows is said to widen: %s", out)
	}
	// A comment that holds not all of it says so: what widens could be what is missing.
	must(`git checkout -qb long && { echo 'version: 1'; echo 'filesystem_policy:'; echo '  read_write:'; for n in $(seq 1 250); do printf '  - /srv/%0200d\n' "$n"; done; } > policies/long.yaml && git add . && git commit -qm long`)
	must(step)
	all, err := os.ReadFile(filepath.Join(temp, "summary.md"))
	if err != nil {
		t.Fatal(err)
	}
	if review, err = os.ReadFile(filepath.Join(temp, "review.md")); err != nil || len(review) >= len(all) || !strings.HasSuffix(string(review), "\n**Cut here: all of it is in the summary of the run.**\n") {
		t.Errorf("of %d bytes %d are left, and end with %q: %v", len(all), len(review), review[max(0, len(review)-80):], err)
	}
}
