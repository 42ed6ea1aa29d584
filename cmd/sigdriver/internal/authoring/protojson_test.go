// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package authoring

import (
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func TestUnknownMembersAreSaid(t *testing.T) {
	for input, want := range map[string]string{
		`{"version": 1, "networkPolicy": {}}`: "line 1: networkPolicy is no member that this build knows here (OpenShell 2f7fb65 of 2026-08-21); did you mean networkPolicies?",
		`{"networkPolicies": {"a": {"endpoints": [{"host": "x"},
			{"alowedIps": []}]}}}`: "line 2: networkPolicies.a.endpoints[1].alowedIps is no member that this build knows here (OpenShell 2f7fb65 of 2026-08-21); did you mean allowedIps?",
		`{"networkPolicies": {"a": {"endpoints": [{"rules": [{"allow": {"query": {"q": {"globs": "x"}}}}]}]}}}`: "line 1: networkPolicies.a.endpoints[0].rules[0].allow.query.q.globs is no member that this build knows here (OpenShell 2f7fb65 of 2026-08-21); did you mean glob?",
	} {
		got, err := Document(SandboxPolicy, []byte(input))
		if err != nil {
			t.Errorf("%s: %v", input, err)
		} else if !slices.Contains(got.Notes, want) {
			t.Errorf("%s: %q", input, got.Notes)
		}
	}
	many, err := Document(SandboxPolicy, []byte(`{"version": 1`+manyMembers(50)+`}`))
	if err != nil || len(many.Notes) != maxUnknown {
		t.Errorf("%v, %d notes of 50 members", err, len(many.Notes))
	}
}

func TestSuggestions(t *testing.T) {
	const build = " is no key that this build knows here (OpenShell 2f7fb65 of 2026-08-21)"
	for key, want := range map[string]string{
		"filesystem":       "filesystem" + build + "; in YAML it is filesystem_policy",
		"network_policy":   "network_policy" + build + "; did you mean network_policies?",
		"networkPolicies":  "networkPolicies" + build + "; in YAML it is network_policies",
		"landlok":          "landlok" + build + "; did you mean landlock?",
		"quite_else":       "quite_else" + build,
		"evil\x1b[31mname": `"evil\x1b[31mname"` + build,
	} {
		_, err := Document(SandboxPolicy, []byte("version: 1\n\""+strings.ReplaceAll(key, "\x1b", `\x1b`)+"\": {}\n"))
		if err == nil || err.Error() != "line 2, column 1: "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func manyMembers(n int) string {
	text := ""
	for i := range n {
		text += `, "x` + itoa(i) + `": 1`
	}
	return text
}

// A gateway's own documents have nothing unknown.
func TestKnownMembersAreNotSaid(t *testing.T) {
	seen := 0
	for _, v := range verifiertest.DocumentVectors() {
		if v.Refused {
			continue
		}
		got, err := Document(typeOf(t, v), v.Document)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		seen++
		for _, note := range got.Notes {
			if strings.Contains(note, "no member") {
				t.Errorf("%s: %s", v.Name, note)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d documents", seen)
	}
}
