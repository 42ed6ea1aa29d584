// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/internal/cputime"
)

// padded is a policy of exactly n bytes.
func padded(n int) []byte {
	const policy = "version: 1\n#"
	return []byte(policy + strings.Repeat("x", n-len(policy)))
}

func TestLimits(t *testing.T) {
	deep := func(n int) []byte { // params may nest, and become one name
		return []byte("version: 1\nnetwork_policies: {a: {endpoints: [{rules: [{allow: {params: " +
			strings.Repeat("{a: ", n) + "x" + strings.Repeat("}", n) + "}}]}]}}\n")
	}
	deepJSON := func(n int) []byte {
		return []byte(`{"version": 1, "network_policies": {"a": {"endpoints": [{"rules": [{"allow": {"params": ` +
			strings.Repeat(`{"a": `, n) + `"x"` + strings.Repeat("}", n) + `}}]}]}}}`)
	}
	json := func(n int) []byte {
		const start, end = `{"version": 1, "filesystem_policy": {}`, `}`
		return []byte(start + strings.Repeat(" ", n-len(start)-len(end)) + end)
	}
	for name, c := range map[string]struct {
		input []byte
		ok    bool
	}{
		"YAML at the limit":    {padded(MaxYAML), true},
		"YAML beyond it":       {padded(MaxYAML + 1), false},
		"JSON at the limit":    {json(MaxInput), true},
		"JSON beyond it":       {json(MaxInput + 1), false},
		"nesting at the limit": {deep(maxDepth - 8), true},
		"JSON nested at it":    {deepJSON(maxDepth - 8), true},
		"JSON nested beyond":   {deepJSON(maxDepth - 7), false},
		"nesting beyond it":    {deep(maxDepth - 7), false},
	} {
		if _, err := Canonicalize(SandboxPolicy, Line00, c.input); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Canonicalize(SandboxPolicy, Line00, nil); err == nil || err.Error() != "the file is empty" {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := Canonicalize(0, Line00, padded(100)); err == nil {
		t.Error("no type at all is accepted")
	}
}

// The limits of OpenShell 0.1, where it has others.
func TestLimitsOf01(t *testing.T) {
	const paths = "version: 1\nfilesystem_policy: {read_only: ["
	rules := func(n int) string {
		var b strings.Builder
		b.WriteString("version: 1\nnetwork_policies:\n")
		for i := range n {
			b.WriteString("  r" + itoa(i) + ": {}\n")
		}
		return b.String()
	}
	addresses := func(n int) string {
		return "version: 1\nnetwork_policies: {r: {endpoints: [{port: 443, allowed_ips: [" + strings.Repeat("10.0.0.1,", n) + "]}]}}\n"
	}
	lists := func(n int) string { // of 10 000 elements each, in free JSON
		var b strings.Builder
		b.WriteString("version: 1\nnetwork_middlewares: {m: {middleware: m, endpoints: {include: [a.example.com]}, config: {")
		for i := range n {
			b.WriteString("k" + itoa(i) + ": [" + strings.Repeat("1,", maxItems) + "],")
		}
		return b.String() + "}}}\n"
	}
	file := func(n int) string {
		return profileStart + "files: [{path: a, content: " + strings.Repeat("x", n) + "}]\n"
	}
	for name, c := range map[string]struct {
		as    Type
		input string
		ok    bool
	}{
		"paths":             {SandboxPolicy, paths + strings.Repeat("/a,", maxPaths) + "]}\n", true},
		"paths beyond":      {SandboxPolicy, paths + strings.Repeat("/a,", maxPaths+1) + "]}\n", false},
		"a path":            {SandboxPolicy, paths + "/" + strings.Repeat("a", maxPathBytes-1) + "]}\n", true},
		"a path beyond":     {SandboxPolicy, paths + "/" + strings.Repeat("a", maxPathBytes) + "]}\n", false},
		"keys":              {SandboxPolicy, rules(maxItems), true},
		"keys beyond":       {SandboxPolicy, rules(maxItems + 1), false},
		"elements":          {SandboxPolicy, addresses(maxItems), true},
		"elements beyond":   {SandboxPolicy, addresses(maxItems + 1), false},
		"values":            {SandboxPolicy, lists(9), true},
		"values beyond":     {SandboxPolicy, lists(10), false},
		"a file":            {ProviderProfile, file(maxFileBytes), true},
		"a file beyond":     {ProviderProfile, file(maxFileBytes + 1), false},
		"YAML":              {SandboxPolicy, string(padded(MaxInput)), true},
		"YAML beyond":       {SandboxPolicy, string(padded(MaxInput + 1)), false},
		"keys of a profile": {ProviderProfile, profileStart + "annotations: {" + strings.TrimPrefix(strings.ReplaceAll(rules(maxItems+1), "{}\n", "x,"), "version: 1\nnetwork_policies:\n") + "}\n", true},
		"aliases":           {ProviderProfile, aliases(maxAliases), true},
		"aliases beyond":    {ProviderProfile, aliases(maxAliases + 1), false},
	} {
		if _, err := Canonicalize(c.as, Line01, []byte(c.input)); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const profileStart = "id: a\ndisplay_name: A\n"

// aliases are a profile with so many of one anchor.
func aliases(n int) string {
	return profileStart + "credentials:\n- {name: a, env_vars: [], description: &d d}\n" + strings.Repeat("- {name: b, description: *d}\n", n)
}

// What OpenShell takes of an MCP endpoint in a profile, and what it does not.
func TestProfileTools(t *testing.T) {
	const start = "id: a\ndisplay_name: A\nendpoints:\n- host: m.example\n  protocol: mcp\n"
	for rules, ok := range map[string]bool{
		"":                                true,
		"  rules: [{allow: {tool: x}}]\n": true,
		"  rules: [{allow: {tool: x, params: {other: y}}}]\n":                  true,
		"  rules: [{allow: {params: {name: x}}}]\n":                            true,
		"  rules: [{allow: {tool: x, params: {name: y}}}]\n":                   false,
		"  deny_rules: [{tool: x, params: {name: y}}]\n":                       false,
		"  rules: [{allow: {tool: null, params: {name: y}}}]\n":                true,
		"  rules: [{allow: {tool: x}}]\n  deny_rules: [{params: {name: y}}]\n": true,
	} {
		if _, err := Canonicalize(ProviderProfile, Line00, []byte(start+rules)); (err == nil) != ok {
			t.Errorf("%q: %v", rules, err)
		}
	}
}

// What looks like the faults at an end, and is none.
func TestEnds(t *testing.T) {
	const block = "version: 1\nprocess:\n  run_as_user: |\n    a"
	for _, input := range []string{"version: 1\n  ", strings.Replace(block, "|", "|-", 1), block + "\n", block + "\n  \n", block + "\n     \n"} {
		if _, err := Canonicalize(SandboxPolicy, Line00, []byte(input)); err != nil {
			t.Errorf("%q: %v", input, err)
		}
	}
	if _, err := Canonicalize(SandboxPolicy, Line00, []byte("version: 1\nnetwork_policies: {caf\u00e9: {}, cafe\u0301: {}}\n")); err == nil || !strings.Contains(err.Error(), "differ only in how Unicode spells them") {
		t.Errorf("two spellings: %v", err)
	}
}

// A bomb is refused before it goes off: each is looked at for less than the
// deadline.
func TestBombs(t *testing.T) {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'z'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	params := "version: 1\nnetwork_policies: {a: {endpoints: [{rules: [{allow: {params: " + strings.Repeat("{"+strings.Repeat("k", 1000)+": ", 50) + "{"
	var names strings.Builder
	for i := range 80_000 {
		names.WriteString("k" + itoa(i) + ": a,")
	}
	for name, input := range map[string]string{
		"names that grow":    params + names.String() + strings.Repeat("}", 51) + "}}]}]}}\n",
		"10 MB of aliases":   laughs + strings.Repeat("w: [*z,*z,*z,*z,*z,*z]\n", 10<<20/23),
		"a billion laughs":   laughs,
		"10 MB of brackets":  strings.Repeat("[", 10<<20),
		"open brackets":      strings.Repeat("[", MaxYAML),
		"open mappings":      strings.Repeat("{a: ", MaxYAML/4),
		"open lists":         strings.Repeat("- ", MaxYAML/2),
		"open JSON brackets": `{"a": ` + strings.Repeat("[", MaxInput-6),
	} {
		var err error
		took := cputime.Of(func() { _, err = Canonicalize(SandboxPolicy, Line00, []byte(input)) })
		t.Logf("%s: %v, %.80s", name, took, err)
		if err == nil || took > 10*time.Second {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
}
