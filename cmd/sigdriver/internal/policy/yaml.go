// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/unicode/norm"
)

// The YAML that is read is the part of YAML 1.1 and 1.2 on which all readers
// agree. The library, like the host's a port of libyaml, finds the nodes; what
// may be among them is decided here.

// parseYAML reads one YAML document, or what `openshell policy get` prints.
func (r *reader) parseYAML(input []byte) (*node, error) {
	if len(input) > MaxYAML && !r.line.strict() {
		return nil, tooLarge(len(input), MaxYAML)
	}
	if err := checkText(input); err != nil {
		return nil, err
	}
	text, skipped, err := r.cutPrinted(input)
	if err != nil {
		return nil, err
	}
	if r.line.strict() {
		text = withoutVersion(text)
	}
	if err := checkStart(text, skipped); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := dec.Decode(&document); err != nil {
		return nil, yamlFault(err, skipped)
	}
	c := &converter{reads: r.line, keys: r.line.strict() && r.schema == &policyMessage, lines: splitLines(text), skipped: skipped}
	root, err := c.convert(document.Content[0], 0)
	if err != nil {
		return nil, err
	}
	r.notes = append(r.notes, c.notes...)
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, c.fail(&second, "starts a second document: one file is one document")
	case !errors.Is(err, io.EOF):
		return nil, yamlFault(err, skipped)
	}
	if err := c.walkToEnd(); err != nil {
		return nil, err
	}
	return root, c.checkEnd()
}

// faultLine is how the library says where it stopped, if it knows.
var faultLine = regexp.MustCompile(`^(?:yaml: )?(?:line ([0-9]+): )?`)

func yamlFault(err error, skipped int) error {
	if errors.Is(err, io.EOF) {
		return &CanonicalizeError{Text: "the file is empty"}
	}
	found := faultLine.FindStringSubmatch(err.Error())
	fault := &CanonicalizeError{Text: "the file is no YAML: " + strings.TrimPrefix(err.Error(), found[0])}
	if line, err := strconv.Atoi(found[1]); err == nil {
		fault.Line = line + skipped
	}
	return fault
}

// checkText refuses bytes that readers of YAML take for different text: what is
// not UTF-8, a byte order mark, and the characters that end a line in YAML 1.1 but
// not in 1.2; and those that YAML knows in escapes only.
func checkText(input []byte) error {
	line, column := 1, 1
	for rest := input; len(rest) > 0; {
		c, size := utf8.DecodeRune(rest)
		what := ""
		switch {
		case c == utf8.RuneError && size == 1:
			what = "is a byte that is not UTF-8: save the file as UTF-8"
		case c == '\ufeff':
			what = "is a byte order mark: save the file without one"
		case c == '\u0085' || c == '\u2028' || c == '\u2029':
			what = fmt.Sprintf(`is a character that only some readers take for a line break: write it as \u%04x in double quotes`, c)
		case unicode.IsControl(c) && c != '\t' && c != '\n' && c != '\r' || c == '\ufffe' || c == '\uffff':
			what = fmt.Sprintf(`is a character that YAML does not take: write it as \u%04x in double quotes`, c)
		}
		if what != "" {
			return &CanonicalizeError{Line: line, Column: column, Text: what}
		}
		column++
		if c == '\n' || c == '\r' && !bytes.HasPrefix(rest[size:], []byte("\n")) {
			line, column = line+1, 1
		}
		rest = rest[size:]
	}
	return nil
}

// checkStart refuses directives: they change how the rest is read.
func checkStart(text []byte, skipped int) error {
	for i, line := range splitLines(text) {
		trimmed := bytes.TrimSpace(line)
		if len(trimmed) == 0 || trimmed[0] == '#' {
			continue
		}
		if line[0] == '%' {
			return &CanonicalizeError{Line: i + 1 + skipped, Column: 1, Text: "is a YAML directive: leave it out"}
		}
		break
	}
	return nil
}

// splitLines splits a text as the library counts lines.
func splitLines(text []byte) [][]byte {
	var lines [][]byte
	for {
		i := bytes.IndexAny(text, "\r\n")
		if i < 0 {
			return append(lines, text)
		}
		lines = append(lines, text[:i])
		if bytes.HasPrefix(text[i:], []byte("\r\n")) {
			i++
		}
		text = text[i+1:]
	}
}

// converter turns the library's nodes into ours.
type converter struct {
	reads   Line
	keys    bool // a key that is no text becomes one
	lines   [][]byte
	skipped int  // lines of the file before the first of these
	block   bool // there is a block scalar
	// where find looked last: nodes come in the order of the text
	line, column, offset int
	nodes                int
	indent               int                // spaces that a line of the innermost block has at least
	aliases              map[*yaml.Node]int // by what they stand for
	gaps                 gaps
	notes                []string
}

func (c *converter) fail(n *yaml.Node, text string) error {
	return &CanonicalizeError{Line: n.Line + c.skipped, Column: n.Column, Text: text}
}

func (c *converter) convert(n *yaml.Node, depth int) (*node, error) {
	if depth > maxDepth || depth == maxDepth && c.reads.strict() && n.Kind != yaml.ScalarNode {
		return nil, c.fail(n, "nests too deep: a document nests at most 32 deep")
	}
	if c.reads.strict() && n.Kind == yaml.AliasNode {
		if err := c.between(n); err != nil {
			return nil, err
		}
		return c.alias(n, depth)
	}
	if n.Kind == yaml.ScalarNode || n.Style&yaml.FlowStyle != 0 {
		if err := c.between(n); err != nil {
			return nil, err
		}
	}
	if err := c.checkProperties(n); err != nil {
		return nil, err
	}
	if err := c.count(n); err != nil {
		return nil, err
	}
	out := &node{line: n.Line + c.skipped, column: n.Column}
	switch n.Kind {
	case yaml.ScalarNode:
		return out, c.scalar(n, out)
	case yaml.SequenceNode:
		defer c.within(n)()
		out.kind = listNode
		for _, item := range n.Content {
			converted, err := c.convert(item, depth+1)
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, converted)
		}
		return out, nil
	case yaml.MappingNode:
		defer c.within(n)()
		out.kind = mappingNode
		return out, c.mapping(n, out, depth)
	}
	return nil, c.fail(n, "is an alias: write the value out") // unreached: its anchor came first
}

// checkProperties refuses what is written once and meant elsewhere, and what says
// that a text is something else.
func (c *converter) checkProperties(n *yaml.Node) error {
	if c.reads.strict() {
		return c.checkTag(n)
	}
	switch {
	case n.Anchor != "":
		return c.fail(n, "is an anchor: leave it out, and write each value where it belongs")
	case c.startsWithTag(n):
		return c.fail(n, "is a tag: leave it out, and put a text into quotes")
	}
	return nil
}

// startsWithTag looks at the text: the library forgets the tag "!".
func (c *converter) startsWithTag(n *yaml.Node) bool {
	line, at := c.find(n)
	return at < len(line) && line[at] == '!'
}

// afterMark reports whether a key stands directly behind a question mark, as in
// {?a: b}: to YAML 1.2 the mark is a part of it.
func (c *converter) afterMark(n *yaml.Node) bool {
	line, at := c.find(n)
	return at > 0 && at <= len(line) && line[at-1] == '?'
}

// find returns the line on which a node begins, and where in it.
func (c *converter) find(n *yaml.Node) (line []byte, at int) {
	if n.Line < 1 || n.Line > len(c.lines) {
		return nil, 0
	}
	if n.Line != c.line || n.Column < c.column {
		c.line, c.column, c.offset = n.Line, 1, 0
	}
	line = c.lines[n.Line-1]
	for ; c.column < n.Column && c.offset < len(line); c.column++ {
		_, size := utf8.DecodeRune(line[c.offset:])
		c.offset += size
	}
	return line, c.offset
}

func (c *converter) scalar(n *yaml.Node, out *node) error {
	out.kind, out.text, out.plain = scalarNode, n.Value, n.Style == 0
	c.block = c.block || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return c.checkBlock(n)
	}
	if err := c.checkContinuation(n); err != nil {
		return err
	}
	if !out.plain {
		return c.checkEscapes(n)
	}
	if err := c.checkPlain(n); err != nil {
		return err
	}
	if why := ambiguous(c.reads, n.Value); why != "" {
		return c.fail(n, printable(n.Value)+" "+why)
	}
	if strings.HasSuffix(n.Value, ":") {
		return c.fail(n, printable(n.Value)+" ends with a colon, which only some readers of YAML take for text: put it into quotes")
	}
	return nil
}

// checkEnd refuses a block scalar at the end of which spaces stand without a line
// break: some readers count them as one more line.
func (c *converter) checkEnd() error {
	last := c.lines[len(c.lines)-1]
	if c.block && len(last) > 0 && len(bytes.TrimLeft(last, " \t")) == 0 {
		return &CanonicalizeError{Line: len(c.lines) + c.skipped, Column: 1, Text: "is a line of spaces that only some readers of YAML count: take the spaces away"}
	}
	return nil
}

func (c *converter) mapping(n *yaml.Node, out *node, depth int) error {
	seen := map[string]*node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := c.convert(n.Content[i], depth+1)
		if err != nil {
			return err
		}
		if err := c.checkKey(n.Content[i], key, seen); err != nil {
			return err
		}
		value, err := c.convert(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		out.keys, out.items = append(out.keys, key), append(out.items, value)
	}
	return nil
}

// checkKey refuses keys that are no text, and names that are there twice, also in
// two Unicode spellings that look the same.
func (c *converter) checkKey(n *yaml.Node, key *node, seen map[string]*node) error {
	switch {
	case c.afterMark(n):
		return c.fail(n, "is a key to some readers of YAML, and to others the question mark before it is a part of it: put the key into quotes")
	case key.kind != scalarNode:
		return c.fail(n, "is a key that is no text")
	case key.plain && key.text == "<<":
		return c.fail(n, "is a merge: write the values out")
	case key.plain && c.keys && keyText(key.text) != "":
		text := keyText(key.text)
		if text != key.text {
			c.notes = append(c.notes, "line "+itoa(key.line)+": the key "+printable(key.text)+" is "+printable(text)+" to OpenShell")
		}
		key.text = text
	case key.plain && classify(c.reads, key.text) != isText:
		return c.fail(n, printable(key.text)+" is a key that is no text: put it into quotes")
	}
	form := norm.NFC.String(key.text)
	first, twice := seen[form]
	if !twice {
		seen[form] = key
		return nil
	}
	text := printable(key.text) + " is there twice, first on line " + itoa(first.line)
	if first.text != key.text {
		text = printable(key.text) + " looks like the key on line " + itoa(first.line) + ": the two differ only in how Unicode spells them"
	}
	return c.fail(n, text)
}
