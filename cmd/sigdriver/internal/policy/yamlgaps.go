// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What the library forgets of a text: where a scalar ends, and what stands between
// two of them. Readers of YAML differ there in what they take, and in block scalars in
// what they make of it.

// gaps walks through what stands between scalars, in the order of the text.
type gaps struct {
	line, at int  // the next that was not looked at, the line from 1
	block    bool // what ended there is a block scalar, and all before the next node's line is its own
	open     int  // lists and mappings in flow style that are not closed
	indent   int  // spaces that a line in the outermost of them has at least
}

func blank(text []byte) bool { return len(bytes.Trim(text, " \t\r")) == 0 }

// behindAnchor returns the text at a node, behind its anchor, and the line it is on.
func (c *converter) behindAnchor(n *yaml.Node) (text []byte, at int) {
	line, offset := c.find(n)
	if offset >= len(line) {
		return nil, n.Line
	}
	text, at = line[offset:], n.Line
	if n.Anchor == "" || text[0] != '&' {
		return text, at
	}
	text = bytes.TrimLeft(bytes.TrimPrefix(text[1:], []byte(n.Anchor)), " \t")
	for at < len(c.lines) && (len(text) == 0 || text[0] == '#') {
		text = bytes.TrimLeft(c.lines[at], " \t")
		at++
	}
	return text, at
}

// endOf returns the line on which a scalar ends that is no block, and what stands
// behind it there.
func (c *converter) endOf(n *yaml.Node) (at int, rest []byte) {
	if n.Line < 1 || n.Line > len(c.lines) {
		return n.Line, nil
	}
	text, at := c.behindAnchor(n)
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return c.endOfQuoted(text, at, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return c.endOfQuoted(text, at, '\'')
	case n.Value == "":
		return n.Line, nil // what is behind its anchor is another node's
	}
	return c.endOfPlain(n, text, at)
}

func (c *converter) endOfQuoted(text []byte, at int, quote byte) (int, []byte) {
	text = text[bytes.IndexByte(text, quote)+1:]
	for {
		for i := 0; i < len(text); i++ {
			switch {
			case text[i] == '\\' && quote == '"', text[i] == quote && quote == '\'' && i+1 < len(text) && text[i+1] == quote:
				i++
			case text[i] == quote:
				return at, text[i+1:]
			}
		}
		if at == len(c.lines) {
			return at, nil
		}
		text = c.lines[at]
		at++
	}
}

// endOfPlain finds the words of a plain scalar one after the other.
func (c *converter) endOfPlain(n *yaml.Node, text []byte, at int) (int, []byte) {
	if rest, tagged := bytes.CutPrefix(text, []byte("!!str")); tagged {
		text = rest
	}
	for _, word := range strings.Fields(n.Value) {
		for text = bytes.TrimLeft(text, " \t"); len(text) == 0 && at < len(c.lines); text = bytes.TrimLeft(text, " \t") {
			text = c.lines[at]
			at++
		}
		rest, found := bytes.CutPrefix(text, []byte(word))
		if !found {
			return at, text
		}
		text = rest
	}
	return at, text
}

// between looks at what stands before a node that begins a scalar, an alias or a list
// or mapping in flow style, and goes behind it.
func (c *converter) between(n *yaml.Node) error {
	g := &c.gaps
	if !c.reads.strict() || n.Line < max(g.line, 1) || n.Line > len(c.lines) {
		return nil // what an alias stands for was looked at where it is written
	}
	_, offset := c.find(n)
	if n.Line == g.line && offset < g.at {
		return nil
	}
	if g.block {
		g.block, g.line, g.at = false, n.Line, 0
	}
	if err := c.walk(n.Line, offset); err != nil {
		return err
	}
	if err := c.checkName(n, offset); err != nil {
		return err
	}
	switch {
	case n.Kind == yaml.AliasNode:
		g.at = offset + 1 + len(n.Value)
	case n.Kind != yaml.ScalarNode:
		if g.open == 0 {
			g.indent = c.indent
		}
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		_, at := c.behindAnchor(n)
		g.block, g.line, g.at = true, at, 0
	case n.Value == "" && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0:
		g.at = offset // nothing at all
	default:
		at, rest := c.endOf(n)
		g.line, g.at = at, len(c.lines[at-1])-len(rest)
	}
	return nil
}

// checkName refuses an anchor or an alias whose name goes on to some readers.
func (c *converter) checkName(n *yaml.Node, offset int) error {
	name, text := n.Anchor, c.lines[n.Line-1]
	if n.Kind == yaml.AliasNode {
		name = n.Value
	}
	if behind := offset + 1 + len(name); name != "" && behind < len(text) && !bytes.ContainsAny(text[behind:behind+1], " \t,]}") {
		return c.failAt(n.Line, behind, "is part of a name of an anchor to some readers of YAML: let a space follow the name")
	}
	value := bytes.HasSuffix(bytes.TrimRight(text[:min(offset, len(text))], " \t"), []byte(":")) // all readers agree there
	if n.Anchor != "" && n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == "" && !value {
		return c.fail(n, "is an anchor before nothing: leave it out")
	}
	return nil
}

// checkPlain refuses a text without quotes that only some readers take for one.
func (c *converter) checkPlain(n *yaml.Node) error {
	if !c.reads.strict() {
		return nil
	}
	if n.Value == "-" {
		return c.fail(n, "is a text to some readers of YAML and an element of a list to others: put it into quotes")
	}
	last, _ := c.endOf(n)
	for line := n.Line; line < last; line++ {
		text := bytes.TrimRight(c.lines[line-1], "\r")
		if kept := bytes.TrimRight(text, " \t"); len(kept) > 0 && len(kept) < len(text) {
			return c.failAt(line, len(kept), "is a space at the end of a line in a text that goes on, which only some readers of YAML take: take it away")
		}
	}
	return nil
}

// checkEscapes refuses, in double quotes, a line break behind a backslash before an empty
// line, of which readers make a line break or none, and a quote that needs no backslash.
func (c *converter) checkEscapes(n *yaml.Node) error {
	if n.Style&yaml.DoubleQuotedStyle == 0 || n.Line < 1 || n.Line > len(c.lines) {
		return nil
	}
	text, at := c.behindAnchor(n)
	last, rest := c.endOf(n)
	for ; at <= last; at++ {
		begin, end := len(c.lines[at-1])-len(text), len(c.lines[at-1])
		if at == last {
			end -= len(rest)
		}
		for i := begin; i < end; i++ {
			if c.lines[at-1][i] != '\\' {
				continue
			}
			i++
			switch behind := c.lines[at-1][i:]; {
			case bytes.HasPrefix(behind, []byte("'")):
				return c.failAt(at, i-1, `is an escape that only some readers of YAML know: write ' without the backslash`)
			case len(behind) == 0 && at < last && blank(c.lines[at]):
				return c.failAt(at+1, 0, `is an empty line behind a line that ends with a backslash, which only some readers of YAML count: write \n instead`)
			}
		}
		if at < last {
			text = c.lines[at]
		}
	}
	return nil
}

// walk looks at the text up to a place. There are only comments, indicators, anchors
// and tags.
func (c *converter) walk(line, offset int) error {
	g := &c.gaps
	if g.line == 0 {
		g.line = 1
	}
	for g.line <= line {
		text := c.lines[g.line-1]
		end := len(text)
		if g.line == line {
			end = min(offset, end)
		}
		if err := c.walkLine(text, end); err != nil {
			return err
		}
		if g.line == line {
			return nil
		}
		g.line, g.at = g.line+1, 0
	}
	return nil
}

// walkToEnd looks at what stands behind the last node.
func (c *converter) walkToEnd() error {
	if !c.reads.strict() || c.gaps.block {
		return nil
	}
	return c.walk(len(c.lines), len(c.lines[len(c.lines)-1]))
}

func (c *converter) walkLine(text []byte, end int) error {
	g := &c.gaps
	spaces := len(text) - len(bytes.TrimLeft(text, " "))
	if g.at == 0 && g.open > 0 && spaces < g.indent && !blank(text) && !bytes.ContainsAny(bytes.TrimLeft(text, " \t")[:1], "]}") {
		return c.failAt(g.line, spaces, "is inside brackets and not indented deeper than what is around them, which only some readers of YAML take: indent it")
	}
	for ; g.at < end; g.at++ {
		switch text[g.at] {
		case '[', '{':
			g.open++
		case ']', '}':
			g.open--
		case '#':
			if g.at > 0 && text[g.at-1] != ' ' && text[g.at-1] != '\t' {
				return c.failAt(g.line, g.at, "begins a comment directly behind something else, which only some readers of YAML take: put a space before it")
			}
			g.at = end
			return nil
		}
	}
	return nil
}

func (c *converter) failAt(line, offset int, text string) error {
	return &CanonicalizeError{Line: line + c.skipped, Column: offset + 1, Text: text}
}

// checkBlock refuses a block scalar that readers take for two texts: with spaces alone
// on a line that is indented deeper than the rest, which some fold away, and one that
// ends with the file and without a line break, which some add.
func (c *converter) checkBlock(n *yaml.Node) error {
	first, at := c.behindAnchor(n)
	header, rest, _ := bytes.Cut(bytes.TrimLeft(bytes.TrimPrefix(first, []byte("!!str")), " \t"), []byte("#"))
	switch {
	case c.reads.strict() && rest != nil && len(bytes.TrimRight(header, " \t")) == len(header):
		return c.failAt(at, len(c.lines[at-1])-len(rest)-1, "begins a comment directly behind something else, which only some readers of YAML take: put a space before it")
	case bytes.ContainsAny(header, "123456789"):
		return nil
	}
	indent := 0
	for ; at < len(c.lines); at++ {
		text := c.lines[at]
		spaces := len(text) - len(bytes.TrimLeft(text, " "))
		switch {
		case !blank(text) && indent == 0:
			indent = spaces
		case !blank(text) && spaces < indent:
			return nil
		case blank(text) && indent > 0 && spaces > indent && n.Style&yaml.FoldedStyle != 0:
			return c.failAt(at+1, indent, "is a line of spaces in a folded text that only some readers of YAML keep: take the spaces away")
		case blank(text) && indent == 0 && c.reads.strict() && c.deeperThanText(at, spaces):
			return c.failAt(at+1, 0, "is a line of spaces before a text and indented deeper than it, which only some readers of YAML take: take the spaces away")
		}
	}
	last := c.lines[len(c.lines)-1]
	if len(last) > 0 && indent > 0 && !blank(last) && !bytes.ContainsAny(header, "+-") {
		return c.failAt(len(c.lines), len(last), "ends a text and the file without a line break, which some readers of YAML add: end the file with one")
	}
	return nil
}

// deeperThanText reports whether the first line behind one of spaces that has a text is
// indented less.
func (c *converter) deeperThanText(at, spaces int) bool {
	for _, text := range c.lines[at+1:] {
		if !blank(text) {
			return len(text)-len(bytes.TrimLeft(text, " ")) < spaces
		}
	}
	return spaces > 0
}
