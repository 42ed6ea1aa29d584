// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"
)

// What readers of YAML differ about and the library says nothing of, each beside what
// they agree about. The text is the config of a middleware; OpenShell's own parser of
// line 0.1 refuses it or reads another text than the library does.
func TestReadersDiffer(t *testing.T) {
	both, only01 := []Line{Line00, Line01}, []Line{Line01}
	for name, c := range map[string]struct {
		lines         []Line
		refused, good string
		line          int // of the refused, from that of config
	}{
		"spaces in a folded text":         {both, "a: >\n  x\n    \n  z\n", "a: >\n  x\n  \n  z\n", 3},
		"spaces behind a deeper line":     {both, "a: >-\n  x\n    y\n   \n  z\n", "a: >-\n  x\n    y\n\n  z\n", 4},
		"spaces at the end of a folded":   {both, "a: >\n  x\n   \n", "a: |\n  x\n   \n", 3},
		"a block without its last break":  {both, "a: |\n  x", "a: |\n  x\n", 2},
		"a folded one without it":         {both, "a: >\n  x\n  y", "a: >-\n  x\n  y", 3},
		"an empty line behind an escape":  {both, "a: \"x\\\n\n  y\"\n", "a: \"x\\\n  y\"\n", 2},
		"an escaped apostrophe":           {both, "a: \"b\n  \\' c\"\n", "a: \"b\n  ' \\\"'c\"\n", 2},
		"spaces before a block":           {only01, "a: |-\n    \nb: c\n", "a: |-\n\nb: c\n", 2},
		"a comment behind a bracket":      {only01, "a: [b]#c\n", "a: [b] #c\n", 1},
		"a comment behind a comma":        {only01, "a: [b,# c\n    d]\n", "a: [b, # c\n    d]\n", 1},
		"a comment behind quotes":         {only01, "a: 'b'#c\n", "a: 'b' #c\n", 1},
		"a comment behind the last":       {only01, "a: \"b\\\"\"#c", "a: \"b\\\"\" #c", 1},
		"a comment behind a block's head": {only01, "a: |# c\n  x\n", "a: | # c\n  x\n", 1},
		"brackets that go on too far out": {only01, "a:\n- b: [\n  c]\n", "a:\n- b: [\n   c]\n", 3},
		"brackets that go on at the left": {only01, "a: {b: [c],\nd: e}\n", "a: {b: [c],\n d: e\n}\n", 2},
		"a comment at the left of them":   {only01, "a: [b,\n# c\n d]\n", "a: [b,\n # c\n d]\n", 2},
		"a tab in brackets":               {only01, "a: [b,\n\td]\n", "a: [b,\n \td]\n", 2},
		"an anchor before nothing":        {only01, "a:\n- &b\n- c\n", "x: &a\na:\n- &b b\n- c\n", 2},
		"a colon in an anchor":            {only01, "a: &b:c d\n", "a: &b c:d\n", 1},
		"a dash in brackets":              {only01, "a: [-, b]\n", "a: ['-', b]\n", 1},
		"a space before the next line":    {only01, "a: b \n  c\n", "a: b\n  c\n", 1},
		"a wide space for an indent":      {only01, "a: \"b\n\u3000\n  c\"\n", "a: \"b\n  \u3000\n  c\"\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			for _, line := range c.lines {
				_, err := Canonicalize(SandboxPolicy, line, withConfig(c.refused))
				if err == nil || !strings.HasPrefix(err.Error(), "line "+itoa(c.line+6)+", column ") {
					t.Errorf("%s: %v, want it refused on line %d", line.Schema(), err, c.line+6)
				}
			}
			if _, err := Canonicalize(SandboxPolicy, Line01, withConfig(c.good)); err != nil {
				t.Errorf("what they agree about: %v", err)
			}
		})
	}
}

// withConfig is a policy with a middleware's config from its seventh line on.
func withConfig(config string) []byte {
	const start = "version: 1\nnetwork_middlewares:\n  m:\n    middleware: x\n    endpoints: {include: [a.example.com]}\n    config:\n"
	lines := strings.SplitAfter(config, "\n")
	for i, line := range lines {
		if strings.Trim(line, "\n") != "" {
			lines[i] = "      " + line
		}
	}
	return []byte(start + strings.Join(lines, ""))
}
