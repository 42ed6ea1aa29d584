// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// YAML writes the document as its author would, in OpenShell's YAML. Text in it
// is quoted where it is not plain. What was canonicalised from YAML canonicalises
// again from this; a member that authors cannot write, or that this build does not
// know, stands under its JSON name with a comment.
func (d *Document) YAML() string {
	var b strings.Builder
	tree := d.root
	if d.Known() {
		tree = d.message().authored(d.line, tree)
		tree.drop("@type")
	}
	writeYAML(&b, tree, "")
	return b.String()
}

// authored turns a value of a message into what an author writes.
func (m *message) authored(l Line, n *value) *value {
	if n.kind != jsonObject {
		return n
	}
	out := &value{kind: jsonObject}
	for i, name := range n.names {
		f := m.byMember(l, name)
		switch {
		case f == nil && name == "@type":
			out.put(name, n.items[i])
		case f == nil:
			out.put(name, n.items[i].remarked("not known to this build"))
		case f.wrong(n.items[i]):
			out.put(name, n.items[i].remarked("not of the type that this build knows"))
		case f.internal:
			out.put(name, f.authored(l, n.items[i]).remarked("no author can write this"))
		default:
			out.put(f.shown(), f.authored(l, n.items[i]))
		}
	}
	for i := range m.fields {
		f := &m.fields[i]
		if absent := f.absent(); f.in(l) && absent != nil && n.get(cmp.Or(f.member, f.writes)) == nil {
			out.put(f.shown(), absent)
		}
	}
	if m == &endpointMessage {
		authoredEndpoint(out)
	}
	return m.ordered(l, out)
}

// absent is what YAML shows of a field that is not there; nil for nothing.
func (f *field) absent() *value {
	switch required := f.explicit || f.required && !f.presence; {
	case required && f.kind == textKind:
		return textValue("")
	case required && f.kind == intKind:
		return numberValue("0")
	}
	return nil
}

// ordered puts members into the order of the table, and what it does not list at the
// end.
func (m *message) ordered(l Line, n *value) *value {
	out := &value{kind: n.kind, comment: n.comment}
	listed := map[string]bool{}
	for i := range m.fields {
		shown := m.fields[i].shown()
		if listed[shown] || m.fields[i].internal || !m.fields[i].in(l) {
			continue
		}
		listed[shown] = true
		for k, name := range n.names {
			if name == shown {
				out.put(name, n.items[k])
			}
		}
	}
	for i, name := range n.names {
		if !listed[name] {
			out.put(name, n.items[i])
		}
	}
	return out
}

func (f *field) authored(l Line, n *value) *value {
	switch f.kind {
	case messageKind:
		return f.of.authored(l, n)
	case messageList, binaryList, messageMap, matcherMap, paramMap:
		out := &value{kind: n.kind, names: n.names}
		for _, e := range n.items {
			out.items = append(out.items, shortMatcher(f.of, f.of.authored(l, e)))
		}
		return out
	case intKind, wideKind:
		if n.kind == jsonString && wholeNumber.MatchString(n.value) {
			return &value{kind: yamlDigits, value: n.value} // 64-bit integers are strings in ProtoJSON only
		}
	case enumKind:
		if f.exact {
			return textValue(f.spoken(n.string()))
		}
		if f.prefix != "" {
			return textValue(short(n.value, f.prefix))
		}
	}
	return n
}

var wholeNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,18})$`)

// shortMatcher writes a matcher of a single glob as that glob.
func shortMatcher(m *message, n *value) *value {
	if glob := n.get("glob"); m == &matcherMessage && n.kind == jsonObject && len(n.items) == 1 && glob != nil && glob.kind == jsonString {
		return glob
	}
	return n
}

// authoredEndpoint writes what a policy's author says in other words than the
// message.
func authoredEndpoint(e *value) {
	port, ports := e.get("port"), e.list("ports")
	switch {
	case len(ports) == 1 && same(port, ports[0]):
		e.drop("ports")
	case len(ports) > 1 && same(port, ports[0]):
		e.drop("port")
	}
	limit := e.get("jsonRpcMaxBodyBytes")
	if limit == nil || limit.comment != "" {
		return
	}
	e.drop("jsonRpcMaxBodyBytes")
	stanza := "json_rpc"
	if strings.EqualFold(e.text("protocol"), "mcp") || e.get("mcp") != nil {
		stanza = "mcp"
	}
	if e.get(stanza) == nil {
		e.put(stanza, &value{kind: jsonObject})
	}
	e.get(stanza).put("max_body_bytes", limit)
}

// remarked is a copy of a value with a comment.
func (n *value) remarked(comment string) *value {
	c := *n
	c.comment = comment
	return &c
}

// writeYAML writes a block of YAML for an object or array, or a scalar. The library's
// encoder is no substitute: it writes letters that reorder a line, are invisible or
// sit on their neighbour as they are, and a terminal would obey them.
func writeYAML(b *strings.Builder, n *value, indent string) {
	for i, e := range n.items {
		lead := "- "
		if n.kind == jsonObject {
			lead = yamlKey(n.names[i], indent)
		}
		b.WriteString(indent)
		switch {
		case len(e.items) == 0:
			b.WriteString(lead + yamlScalar(e) + e.remark() + "\n")
		case n.kind == jsonArray && e.kind == jsonObject && e.comment == "":
			var inner strings.Builder
			writeYAML(&inner, e, indent+"  ")
			b.WriteString(lead + strings.TrimPrefix(inner.String(), indent+"  "))
		case e.kind == jsonArray && oneLine(e):
			b.WriteString(lead + flow(e) + e.remark() + "\n")
		default:
			b.WriteString(strings.TrimSuffix(lead, " ") + e.remark() + "\n")
			writeYAML(b, e, indent+"  ")
		}
	}
	if len(n.items) == 0 {
		b.WriteString(indent + yamlScalar(n) + "\n")
	}
}

// yamlKey writes a key and its colon. YAML wants a long one marked.
func yamlKey(name, indent string) string {
	key := yamlText(name)
	if len(key) > 1000 {
		return "? " + key + "\n" + indent + ": "
	}
	return key + ": "
}

func (n *value) remark() string {
	if n.comment == "" {
		return ""
	}
	return " # " + n.comment
}

// oneLine reports whether a list fits on a line.
func oneLine(n *value) bool {
	for _, e := range n.items {
		if e.kind == jsonObject || e.kind == jsonArray {
			return false
		}
	}
	return len(flow(n)) <= 88
}

func flow(n *value) string {
	all := make([]string, len(n.items))
	for i, e := range n.items {
		all[i] = yamlScalar(e)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func yamlScalar(n *value) string {
	switch n.kind {
	case jsonObject:
		return "{}"
	case jsonArray:
		return "[]"
	case jsonString:
		return yamlText(n.value)
	case yamlDigits:
		return n.value
	case jsonNumber:
		return yamlNumber(n.value)
	}
	return n.json()
}

// yamlPlain is text that no YAML reader takes for anything but a string.
var yamlPlain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./-]*$`)

// yamlWords are plain to look at and no strings to some reader.
var yamlWords = strings.Fields("true false yes no on off null y n inf nan")

func yamlText(s string) string {
	if yamlPlain.MatchString(s) && !slices.Contains(yamlWords, strings.ToLower(s)) {
		return s
	}
	return quoted(s)
}

// yamlNumber writes a number without an exponent, about which readers differ, and
// one that few integers can hold as what it is, a double.
func yamlNumber(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if strings.ContainsAny(s, "eE") {
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if math.Abs(f) > 1<<53 && !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
