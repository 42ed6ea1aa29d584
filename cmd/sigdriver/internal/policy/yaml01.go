// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What OpenShell 0.1 takes of YAML besides what line 0.0 does, since all readers take
// it for one thing: anchors and aliases within limits, the tag that says what a text is
// anyway, the version of YAML, a byte order mark; and in a policy, keys that are no text.

// Limits of OpenShell 0.1, in a policy; in a profile it has none.
const (
	maxNodes      = 100_000
	maxItems      = 10_000 // keys of a mapping, elements of a list
	maxAliases    = 100
	maxAliasesOne = 5 // of one anchor
)

var versionDirective = regexp.MustCompile(`^%YAML[ \t]+1\.2[ \t]*(#.*)?$`)

// withoutVersion makes a comment of the directive that says which YAML this is.
func withoutVersion(text []byte) []byte {
	for start := 0; start < len(text); {
		line, _, _ := bytes.Cut(text[start:], []byte("\n"))
		trimmed := bytes.TrimSpace(line)
		if versionDirective.Match(bytes.TrimSuffix(line, []byte("\r"))) {
			text = bytes.Clone(text)
			text[start] = '#'
			return text
		}
		if len(trimmed) > 0 && trimmed[0] != '#' {
			return text
		}
		start += len(line) + 1
	}
	return text
}

// count holds a node against the limits.
func (c *converter) count(n *yaml.Node) error {
	if !c.reads.strict() {
		return nil
	}
	items, what := len(n.Content), "elements"
	if n.Kind == yaml.MappingNode {
		items, what = items/2, "keys"
	}
	switch c.nodes++; {
	case c.nodes > maxNodes:
		return c.fail(n, fmt.Sprintf("is one more than %d values, with what aliases stand for", maxNodes))
	case c.keys && items > maxItems:
		return c.fail(n, fmt.Sprintf("has %d %s, OpenShell takes %d", items, what, maxItems))
	}
	return nil
}

// alias reads what an alias stands for.
func (c *converter) alias(n *yaml.Node, depth int) (*node, error) {
	if c.aliases == nil {
		c.aliases = map[*yaml.Node]int{}
	}
	c.aliases[nil]++
	c.aliases[n.Alias]++
	switch {
	case c.aliases[nil] > maxAliases:
		return nil, c.fail(n, fmt.Sprintf("is one more than %d aliases", maxAliases))
	case c.keys && c.aliases[n.Alias] > maxAliasesOne:
		return nil, c.fail(n, fmt.Sprintf("is one more than %d aliases of one anchor, which OpenShell takes", maxAliasesOne))
	}
	return c.convert(n.Alias, depth)
}

// checkTag refuses what says that a text is something else, and takes what says that
// it is a text, before one that is one anyway.
func (c *converter) checkTag(n *yaml.Node) error {
	text, _ := c.behindAnchor(n)
	switch {
	case !bytes.HasPrefix(text, []byte("!")) && n.Style&yaml.TaggedStyle == 0:
		return nil
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && bytes.HasPrefix(text, []byte("!!str")) && (n.Style&^yaml.TaggedStyle != 0 || classify(c.reads, n.Value) == isText):
		return nil
	}
	return c.fail(n, "is a tag: leave it out, and put a text into quotes")
}

var plainFraction = regexp.MustCompile(`^[-+]?[0-9]{1,15}\.[0-9]{1,15}$`)

// keyText returns the text that OpenShell makes of a key that is none in a policy; empty
// where it is a text, or where it is not known what becomes of it.
func keyText(s string) string {
	switch classify(Line01, s) {
	case isNothing:
		if s != "" {
			return "null"
		}
	case isBool:
		return strings.ToLower(s)
	case isInteger:
		if n, ok := parse01(s); ok {
			return strconv.FormatInt(n, 10)
		}
	case isFloat:
		f, err := strconv.ParseFloat(s, 64)
		if err == nil && plainFraction.MatchString(s) && f != math.Trunc(f) {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	return ""
}

// within enters a list or mapping; what it returns leaves it again. In block style its
// texts go on deeper than it begins, in flow style deeper than what is around it.
func (c *converter) within(n *yaml.Node) func() {
	before := c.indent
	switch {
	case n.Style&yaml.FlowStyle != 0 || len(n.Content) == 0:
	case n.Kind == yaml.MappingNode:
		c.indent = n.Content[0].Column
	case n.Anchor == "":
		c.indent = n.Column
	}
	return func() { c.indent = before }
}

// checkContinuation refuses a text that goes on on a line that is not indented deeper
// than its parent, which only some readers take.
func (c *converter) checkContinuation(n *yaml.Node) error {
	if !c.reads.strict() || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return nil
	}
	last, _ := c.endOf(n)
	for line := n.Line; line < last; line++ {
		text := c.lines[line]
		spaces := len(text) - len(bytes.TrimLeft(text, " "))
		if spaces < c.indent && !blank(text) {
			return &CanonicalizeError{Line: line + 1 + c.skipped, Column: spaces + 1, Text: "goes on with the text above and is not indented deeper than its parent, which only some readers of YAML take: indent it"}
		}
	}
	return nil
}
