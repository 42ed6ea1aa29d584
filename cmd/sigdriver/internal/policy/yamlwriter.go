// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
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
	a := author{policy: d.Surface == policySurface}
	tree := d.root
	if d.Known() {
		tree = a.message(d.message(), tree)
		tree.drop("@type")
	}
	writeYAML(&b, tree, "")
	return b.String()
}

// author turns documents into what authors write.
type author struct{ policy bool }

func (a *author) message(m *grantMessage, n *value) *value {
	if n.kind != jsonObject {
		return n
	}
	out := &value{kind: jsonObject}
	for i, name := range n.names {
		f := m.field(name)
		switch {
		case f == nil && name == "@type":
			out.put(name, n.items[i])
		case f == nil:
			out.put(name, n.items[i].remarked("not known to this build"))
		case f.wrong(n.items[i]):
			out.put(name, n.items[i].remarked("not of the type that this build knows"))
		case f.internal:
			out.put(name, n.items[i].remarked("no author can write this"))
		default:
			out.put(m.authored(f), a.field(f, n.items[i]))
		}
	}
	for i := range m.fields {
		if f := &m.fields[i]; f.must && n.get(f.name) == nil {
			out.put(m.authored(f), map[shape]*value{textShape: {kind: jsonString}, countShape: {kind: jsonNumber, value: "0"}}[f.kind])
		}
	}
	if m == endpointGrants {
		a.endpoint(out)
	}
	return m.ordered(out)
}

// ordered puts members into the order in which the schema lists them, and what it
// does not list at the end.
func (m *grantMessage) ordered(n *value) *value {
	out := &value{kind: n.kind, comment: n.comment}
	for f := range m.fields {
		for i, name := range n.names {
			if name == m.authored(&m.fields[f]) {
				out.put(name, n.items[i])
			}
		}
	}
	for i, name := range n.names {
		if !slices.ContainsFunc(m.fields, func(f grantField) bool { return m.authored(&f) == name }) {
			out.put(name, n.items[i])
		}
	}
	return out
}

func (a *author) field(f *grantField, n *value) *value {
	switch f.kind {
	case messageShape:
		return a.message(f.of, n)
	case listShape, mapShape:
		out := &value{kind: n.kind, names: n.names}
		for _, e := range n.items {
			out.items = append(out.items, shortMatcher(f.of, a.message(f.of, e)))
		}
		return out
	case countShape:
		if n.kind == jsonString && wholeNumber.MatchString(n.value) {
			return &value{kind: yamlDigits, value: n.value} // 64-bit integers are strings in ProtoJSON only
		}
	case textShape:
		for _, prefix := range []string{"PROVIDER_PROFILE_CATEGORY_", strategyPrefix} {
			if strings.HasPrefix(n.value, prefix) && (f.name == "category" || f.name == "strategy") {
				return &value{kind: jsonString, value: short(n.value, prefix)}
			}
		}
	}
	return n
}

var wholeNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,18})$`)

// shortMatcher writes a matcher of a single glob as that glob.
func shortMatcher(m *grantMessage, n *value) *value {
	if glob := n.get("glob"); m == matcherGrants && n.kind == jsonObject && len(n.items) == 1 && glob != nil && glob.kind == jsonString {
		return glob
	}
	return n
}

// endpoint writes what a policy's author says in other words than the message.
func (a *author) endpoint(e *value) {
	if !a.policy {
		return
	}
	port, ports := e.get("port"), e.list("ports")
	switch {
	case len(ports) == 1 && same(port, ports[0]):
		e.drop("ports")
	case len(ports) > 1 && same(port, ports[0]):
		e.drop("port")
	}
	if limit := e.get("json_rpc_max_body_bytes"); limit != nil {
		e.drop("json_rpc_max_body_bytes")
		stanza := "json_rpc"
		if strings.EqualFold(e.text("protocol"), "mcp") || e.get("mcp") != nil {
			stanza = "mcp"
		}
		if e.get(stanza) == nil {
			e.put(stanza, &value{kind: jsonObject})
		}
		e.get(stanza).put("max_body_bytes", limit)
	}
}

// authored is the name that authors give a field.
func (m *grantMessage) authored(f *grantField) string {
	switch {
	case f.yaml != "":
		return f.yaml
	case m.camel:
		return f.name
	}
	var b strings.Builder
	for _, c := range f.name {
		if 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (n *value) put(name string, value *value) {
	n.index = nil
	n.names, n.items = append(n.names, name), append(n.items, value)
}

func (n *value) drop(name string) {
	n.index = nil
	if i := slices.Index(n.names, name); i >= 0 {
		n.names, n.items = slices.Delete(n.names, i, i+1), slices.Delete(n.items, i, i+1)
	}
}

// remarked is a copy of a value with a comment.
func (n *value) remarked(comment string) *value {
	c := *n
	c.comment = comment
	return &c
}

// writeYAML writes a block of YAML for an object or array, or a scalar.
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
