// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// interviewed runs trust init with answers, one a line.
func interviewed(t *testing.T, dir string, answers ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	text := strings.Join(answers, "\n")
	env := &Env{Stdin: strings.NewReader(text), Stdout: &out, Stderr: &errs, Now: func() time.Time { return tuftest.Start }, Getenv: func(string) string { return "" }}
	code = exitCode(run(env, []string{"trust", "init", "--dir", dir, "--interactive", "--authorities", put(t, "a.json", verifiertest.BaseAuthorities().JSON())}), &errs)
	return code, out.String(), errs.String()
}

// thresholds of a published repository, "root 2 of 3, …".
func thresholds(t *testing.T, dir string) string {
	t.Helper()
	r, err := author.OpenRepository(nil, filepath.Join(dir, "published"))
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, s := range r.States() {
		list = append(list, fmt.Sprintf("%s %d of %d", s.Role, s.Threshold, len(s.Signed)+len(s.Missing)))
	}
	return strings.Join(list, ", ")
}

func TestTrustInitInteractive(t *testing.T) {
	enter := make([]string, 13) // six roles, two questions each, and go on
	dir := filepath.Join(t.TempDir(), "t")
	if code, _, stderr := interviewed(t, dir, append(enter, "")...); code != ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if got := thresholds(t, dir); got != "root 1 of 1, targets 1 of 1, revocation 1 of 1, attestations 1 of 1, snapshot 1 of 1, timestamp 1 of 1" {
		t.Errorf("all defaults: %s", got)
	}
	dir = filepath.Join(t.TempDir(), "t")
	code, stdout, stderr := interviewed(t, dir, "3", "", "2", "1", "", "", "none", "", "", "", "", "yes\n")
	if code != ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if got := thresholds(t, dir); got != "root 2 of 3, targets 1 of 2, revocation 1 of 1, snapshot 1 of 1, timestamp 1 of 1" {
		t.Errorf("some answers: %s", got)
	}
	if !strings.Contains(stderr, "\nroot: 2 of 3 new keys\n") || !strings.Contains(stdout, "Published in") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

// TestTrustInitInteractiveHolders names people who are elsewhere.
func TestTrustInitInteractiveHolders(t *testing.T) {
	alice, bob := put(t, "alice.pub", []byte(verifiertest.Person("alice").PEM())), put(t, "bob.pub", []byte(verifiertest.Person("bob").PEM()))
	dir := filepath.Join(t.TempDir(), "t")
	code, stdout, stderr := interviewed(t, dir, alice+" "+bob+" 1", "", "", "", "", "", "", "", "", "", "", "", "yes\n")
	if code != ExitOK || !strings.Contains(stderr, "root: 2 of "+alice+", "+bob+" and 1 new key\n") ||
		!strings.Contains(stdout, "– root: 1 of 2 signatures by the keys of root v1: root (") || !strings.Contains(stdout, "not yet by alice (") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

// TestTrustInitInteractiveAsksAgain refuses answers one at a time; with nobody
// left to answer, or a no, nothing is made.
func TestTrustInitInteractiveAsksAgain(t *testing.T) {
	rest := []string{"", "", "", "", "", "", "", "", "", "", "", "", "yes\n"}
	for _, c := range []struct {
		answer string // before all the others are accepted
		said   string
	}{
		{"nobody.pub", `cannot read the public key "nobody.pub"`},
		{"0", `"0" is no number of keys from 1 to 16`},
		{"9 8", `"8" is no number of keys from 1 to 16`},
		{"none", `cannot read the public key "none"`}, // root is not optional
		{put(t, "rita.pub", []byte(verifiertest.Person("rita").PEM())), "cannot hold a role"},
	} {
		dir := filepath.Join(t.TempDir(), "t")
		if code, _, stderr := interviewed(t, dir, append([]string{c.answer}, rest...)...); code != ExitOK || !strings.Contains(stderr, c.said) {
			t.Errorf("%s: exit code %d: %s", c.answer, code, stderr)
		}
	}
	dir := filepath.Join(t.TempDir(), "t")
	if code, _, stderr := interviewed(t, dir, append([]string{"2", "3", "0", "x"}, rest[1:]...)...); code != ExitOK || strings.Count(stderr, "is no number from 1 to 2") != 3 {
		t.Errorf("thresholds: exit code %d: %s", code, stderr)
	}
	for name, c := range map[string]struct {
		answers []string
		said    string
	}{
		"no answers":    {nil, "the answers ended before the questions"},
		"half":          {rest[:4], "the answers ended before the questions"},
		"no":            {append(append([]string{}, rest[:12]...), "no\n"), "the answer was no"},
		"endless words": {[]string{strings.Repeat("a", maxAnswer+1)}, "the answers ended before the questions"},
	} {
		dir := filepath.Join(t.TempDir(), "t")
		code, _, stderr := interviewed(t, dir, c.answers...)
		if code != ExitUsage || !strings.Contains(stderr, "nothing was made: "+c.said) || exists(dir) {
			t.Errorf("%s: exit code %d, made %v: %s", name, code, exists(dir), stderr)
		}
	}
	if code, _, _ := runAt(tuftest.Start, "trust", "init", "--dir", dir, "--interactive", "--plan", "x.toml"); code != ExitUsage {
		t.Errorf("a plan as well: exit code %d", code)
	}
}
