// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestNothingHides puts characters that look like nothing, or move others, into every
// name of a document and a command line: no output has them as they are, on the
// standard output or error, in text or in JSON.
func TestNothingHides(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, hidden := range []string{"\u3164", "\uFFA0", "\u115F", "\u2800", "\u202E", "\u200B", "\uFE0F", "\U000E0041", "\u05D0", "\u0301", "\u00A0"} {
		rules := map[string]any{"web" + hidden: map[string]any{"name": "web" + hidden,
			"endpoints": []any{map[string]any{"host": "a" + hidden + ".example", "port": 443, "note" + hidden: hidden}},
			"binaries":  []any{map[string]any{"path": "/bin/" + hidden}}}}
		policy := vt.Policy()
		old := write("old.json", vt.Canonical(policy))
		policy["networkPolicies"] = rules
		doc := write("doc.json", vt.Canonical(policy))
		odd := write("odd"+hidden+".json", []byte(`{"@type":"x`+hidden+`"}`))
		author := write("policy.yaml", []byte("version: 1\nnetwork_policies:\n  web:\n    na"+hidden+"me: x\n"))
		var shown int
		for _, args := range [][]string{
			{"inspect", doc}, {"inspect", "-o", "json", doc}, {"inspect", "-o", "yaml", doc}, {"diff", old, doc}, {"diff", "-o", "json", old, doc},
			{"inspect", odd}, {"inspect", "-o", "json", odd}, {"canonicalize", author}, {"explain", "CODE" + hidden}, {"inspect", "--no" + hidden},
			{"verify", "--document", doc, "--trust", dir + "/no" + hidden, "--root", odd},
			{"sign", "--document", doc, "--key", dir + "/no" + hidden + ".key", "--workspace", "a" + hidden},
		} {
			var out, errs bytes.Buffer
			Main(args, strings.NewReader(""), &out, &errs)
			if all := out.String() + errs.String(); strings.Contains(all, hidden) {
				at := strings.Index(all, hidden)
				t.Errorf("%+q in %s: …%+q…", hidden, args[:2], all[max(0, at-40):min(len(all), at+20)])
			} else if strings.Contains(all, fmt.Sprintf("%+q", hidden)[1:3]) {
				shown++
			}
		}
		if shown < 6 {
			t.Errorf("%+q: only %d outputs show it escaped: the test looks at nothing", hidden, shown)
		}
	}
}

// TestDocumentsArriveAsTheyAre: what is signed has the characters, not their escapes.
func TestDocumentsArriveAsTheyAre(t *testing.T) {
	const hidden = "\u3164"
	author := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(author, []byte("version: 1\nfilesystem_policy:\n  read_only: [/x"+hidden+"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := Main([]string{"canonicalize", author}, strings.NewReader(""), &out, &errs); code != ExitOK || !strings.Contains(out.String(), `"/x`+hidden+`"`) {
		t.Errorf("%d: %+q %+q", code, out.String(), errs.String())
	}
}

// TestEnvEscapes: what a command or the driver's log prints without quoting it is
// escaped on the way out, and results are not.
func TestEnvEscapes(t *testing.T) {
	var out, errs bytes.Buffer
	env := newEnv(nil, &out, &errs)
	fmt.Fprint(env.Stdout, "a\u3164b")
	fmt.Fprint(env.Stderr, "a\u202Eb")
	fmt.Fprint(env.raw(), "a\u3164b")
	if out.String() != `a\u3164b`+"a\u3164b" || errs.String() != `a\u202eb` {
		t.Errorf("%+q %+q", out.String(), errs.String())
	}
}

// TestNoCommandsForCI puts what CI systems obey into names of a document: no output has
// it but that which is made of such commands.
func TestNoCommandsForCI(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	policy := vt.Policy()
	old := write("old.json", vt.Canonical(policy))
	policy["networkPolicies"] = map[string]any{"::stop-commands::x": map[string]any{"name": "##[group]",
		"endpoints": []any{map[string]any{"host": "##vso[task.setvariable variable=x]y", "port": 443}},
		"binaries":  []any{map[string]any{"path": "::add-mask::/bin/x"}}}}
	doc := write("##[error].json", vt.Canonical(policy))
	obeyed := regexp.MustCompile(`##[A-Za-z]*\[|(?m:^\s*::[A-Za-z])`)
	for _, args := range [][]string{
		{"inspect", doc}, {"inspect", "-o", "json", doc}, {"inspect", "-o", "yaml", doc}, {"diff", old, doc}, {"diff", "-o", "json", old, doc},
		{"inspect", dir + "/##[no]"},
		{"sign", "--yes", "--document", doc, "--key", dir + "/##[no]", "--workspace", "w", "--name", "##[x]", "--version", "1"},
	} {
		var out, errs bytes.Buffer
		Main(args, strings.NewReader(""), &out, &errs)
		all := out.String() + "\n" + errs.String()
		if found := obeyed.FindString(all); found != "" || !strings.Contains(all, `\u005b`) {
			t.Errorf("%s: %q in %s", args, found, all)
		}
	}
	env := newEnv(strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer))
	var out bytes.Buffer
	env.Stdout = &out
	err := (sinks{{format: "github"}}).render(env, func(p *printer, _ string) error {
		hostileReport().github(p.w)
		return nil
	})
	if err != nil || !strings.HasPrefix(out.String(), "::error file=") {
		t.Errorf("%v: %s", err, out.String())
	}
}
