// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

func TestUnknownMembersAreSaid(t *testing.T) {
	for input, want := range map[string]string{
		`{"version": 1, "networkPolicy": {}}`: "line 1: networkPolicy is no member that this build knows here (OpenShell 2f7fb65 of 2026-08-21); did you mean networkPolicies?",
		`{"networkPolicies": {"a": {"endpoints": [{"host": "x"},
			{"alowedIps": []}]}}}`: "line 2: networkPolicies.a.endpoints[1].alowedIps is no member that this build knows here (OpenShell 2f7fb65 of 2026-08-21); did you mean allowedIps?",
		`{"networkPolicies": {"a": {"endpoints": [{"rules": [{"allow": {"query": {"q": {"globs": "x"}}}}]}]}}}`: "line 1: networkPolicies.a.endpoints[0].rules[0].allow.query.q.globs is no member that this build knows here (OpenShell 2f7fb65 of 2026-08-21); did you mean glob?",
	} {
		got, err := Canonicalize(SandboxPolicy, Line00, []byte(input))
		if err != nil {
			t.Errorf("%s: %v", input, err)
		} else if !slices.Contains(got.Notes, want) {
			t.Errorf("%s: %q", input, got.Notes)
		}
	}
	many, err := Canonicalize(SandboxPolicy, Line00, []byte(`{"version": 1`+manyMembers(50)+`}`))
	if err != nil || len(many.Notes) != maxUnknown {
		t.Errorf("%v, %d notes of 50 members", err, len(many.Notes))
	}
	for input, notes := range map[string]int{
		`{"networkPolicies": {"a": {"endpoints": [{"": 1}]}}}`: 1, // a member without a name
		`{"landlock": null}`: 1, // the verifier's
		`{"filesystem": {"readOnly": [` + strings.Repeat("1,", 50) + `1]}}`:            maxUnknown,
		`{"filesystem": {"readOnly": ["/a", "/b"], "readWrite": []}, "process": null}`: 2, // the verifier's
	} {
		if got, err := Canonicalize(SandboxPolicy, Line00, []byte(input)); err != nil || len(got.Notes) != notes {
			t.Errorf("%s: %v, %q", input, err, got.Notes)
		}
	}
}

// What no gateway writes is a document of its own, which it will never ask about.
func TestOtherTypesAreSaid(t *testing.T) {
	const tail = ": the digests then differ"
	for _, c := range []struct {
		as          Type
		input, want string
	}{
		{SandboxPolicy, `{"version": "1"}`, `version is a text in quotes, where a gateway writes a number`},
		{SandboxPolicy, `{"landlock": {"compatibility": 7}}`, `landlock.compatibility is 7, where a gateway writes a text`},
		{SandboxPolicy, `{"filesystem": {"includeWorkdir": "true"}}`, `filesystem.includeWorkdir is a text in quotes, where a gateway writes true or false`},
		{SandboxPolicy, `{"filesystem": {"readOnly": "/usr"}}`, `filesystem.readOnly is a text in quotes, where a gateway writes a list`},
		{SandboxPolicy, `{"filesystem": {"readOnly": ["/usr", 1]}}`, `filesystem.readOnly[1] is 1, where a gateway writes a text`},
		{SandboxPolicy, `{"networkPolicies": {"a": {"endpoints": [{"graphqlPersistedQueries": {"b": true}}]}}}`, `networkPolicies.a.endpoints[0].graphqlPersistedQueries.b is true, where a gateway writes an object`},
		{SandboxPolicy, `{"networkPolicies": {"a": {"endpoints": [{"ports": ["443"]}]}}}`, `networkPolicies.a.endpoints[0].ports[0] is a text in quotes, where a gateway writes a number`},
		{SandboxPolicy, `{"networkPolicies": {"a": {"endpoints": [{"jsonRpcMaxBodyBytes": {}}]}}}`, `networkPolicies.a.endpoints[0].jsonRpcMaxBodyBytes is a mapping, where a gateway writes a number`},
		{ProviderProfile, `{"id": "a", "category": 3}`, `category is 3, where a gateway writes a text`},
	} {
		got, err := Canonicalize(c.as, Line00, []byte(c.input))
		if err != nil {
			t.Errorf("%s: %v", c.input, err)
		} else if !slices.Contains(got.Notes, "line 1: "+c.want+tail) {
			t.Errorf("%s: %q", c.input, got.Notes)
		}
	}
	for input, want := range map[string]string{
		`{"id": "a", "category": "PROVIDER_PROFILE_CATEGORY_DATE"}`:                "category is PROVIDER_PROFILE_CATEGORY_DATE",
		`{"id": "a", "endpoints": [{"ports": [443, 4294967296]}]}`:                 "endpoints[0].ports[1] is 4294967296",
		`{"id": "a", "credentials": [{"refresh": {"maxLifetimeSeconds": "1h"}}]}`:  "credentials[0].refresh.maxLifetimeSeconds is 1h",
		`{"id": "a", "credentials": [{"refresh": {"maxLifetimeSeconds": "1.5"}}]}`: "credentials[0].refresh.maxLifetimeSeconds is 1.5",
	} {
		got, err := Canonicalize(ProviderProfile, Line00, []byte(input))
		if err != nil {
			t.Errorf("%s: %v", input, err)
		} else if !slices.Contains(got.Notes, "line 1: "+want+", which this build (OpenShell 2f7fb65 of 2026-08-21) does not know") {
			t.Errorf("%s: %q", input, got.Notes)
		}
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
		_, err := Canonicalize(SandboxPolicy, Line00, []byte("version: 1\n\""+strings.ReplaceAll(key, "\x1b", `\x1b`)+"\": {}\n"))
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
	for _, v := range cases.DocumentVectors() {
		if v.Refused {
			continue
		}
		got, err := Canonicalize(typeOf(t, v), lineOf(t, v), v.Document)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		seen++
		for _, note := range got.Notes {
			if strings.Contains(note, "no member") || strings.Contains(note, "a gateway writes") {
				t.Errorf("%s: %s", v.Name, note)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d documents", seen)
	}
}

// An attestation or a file of trust is no document of which nothing is known.
func TestOtherFilesAreRefused(t *testing.T) {
	for input, want := range map[string]string{
		`{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": {}}`: "is an attestation, and no SandboxPolicy",
		`{"payload": "", "payloadType": "", "signatures": []}`:                               "is an attestation, and no SandboxPolicy",
		`{"_type": "https://in-toto.io/Statement/v1", "subject": []}`:                        "is a Statement, and no SandboxPolicy",
		`{"schema": "sigdriver.authorities/v1", "rules": []}`:                                "is a file of trust, and no SandboxPolicy",
		`{"signatures": [], "signed": {}}`:                                                   "is metadata of trust, and no SandboxPolicy",
		`{"@type": "type.googleapis.com/openshell.sandbox.v1.SandboxPolicy", "schema": 1}`:   "",
		`{"version": 1, "schema": "newer"}`:                                                  "",
		`{"newer": {}}`:                                                                      "",
	} {
		_, err := Canonicalize(SandboxPolicy, Line01, []byte(input))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", input, err, want)
		}
	}
}
