// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
)

// The normalisations that concern more than one field.

// nameByKey gives each rule and each middleware without a name its key.
func nameByKey(_ *reader, _ *node, _ place, _ map[string]any, out *object) error {
	for _, member := range []string{"networkPolicies", "networkMiddlewares"} {
		named, _ := out.get(member).(*object)
		if named == nil {
			continue
		}
		for _, m := range named.members {
			if o := m.value.(*object); o.get("name") == nil && m.name != "" {
				o.set("name", m.name)
			}
		}
	}
	return nil
}

// finishEndpoint writes the ports of a policy's endpoint in both forms, and the
// options of JSON-RPC and MCP where the message has them.
func finishEndpoint(r *reader, n *node, at place, in map[string]any, out *object) error {
	ports, _ := in["ports"].([]any)
	port, _ := in["port"].(numeral)
	switch {
	case len(ports) > 0 && port != "" && port != "0" && port != ports[0]:
		r.note(n.get("port"), at.key("port"), "is overlooked: ports stands beside it")
	case len(ports) == 0 && port != "" && port != "0":
		ports = []any{port}
	}
	if len(ports) > 0 {
		out.set("ports", ports)
		if ports[0] != numeral("0") {
			out.set("port", ports[0])
		}
	}
	return finishProtocols(r, n, at, in, out)
}

func finishProtocols(r *reader, n *node, at place, in map[string]any, out *object) error {
	stanza := ""
	for _, key := range []string{"json_rpc", "mcp"} {
		if in[key] == nil {
			continue
		}
		if stanza != "" {
			r.note(n.get(stanza), at.key(stanza), "is overlooked: mcp stands beside it")
		}
		stanza = key
	}
	if mcp, _ := in["mcp"].(*object); mcp != nil && len(mcp.members) > 0 {
		out.set("mcp", mcp)
	}
	if stanza == "" || n.get(stanza).get("max_body_bytes") == nil {
		return nil
	}
	limit, err := r.integer(jsonRPCMessage.byKey("max_body_bytes"), n.get(stanza).get("max_body_bytes"), at.key(stanza))
	if err == nil && limit != numeral("0") {
		out.set("jsonRpcMaxBodyBytes", limit)
	}
	return err
}

// finishProfileEndpoint refuses what the host refuses before a profile becomes a
// message, which could not tell it any more.
func finishProfileEndpoint(_ *reader, n *node, at place, in map[string]any, out *object) error {
	for _, key := range []string{"rules", "deny_rules"} {
		if rules, written := in[key].([]any); written && len(rules) == 0 {
			return n.get(key).fail(at.key(key), "is an empty list, which OpenShell refuses: leave it out")
		}
	}
	if in["protocol"] != "mcp" {
		return nil
	}
	for _, key := range []string{"rules", "deny_rules"} {
		list := n.get(key)
		if list == nil || list.kind != listNode {
			continue
		}
		here := at.key(key)
		for i, rule := range list.items {
			if action := rule.get("allow"); action != nil {
				rule = action
			}
			if params := rule.get("params"); params != nil && params.get("name") != nil && rule.get("tool") != nil && !rule.get("tool").null() {
				return rule.get("tool").fail(here.item(i), "has both tool and params.name, which OpenShell refuses: keep one")
			}
		}
	}
	return nil
}

// finishTool writes a tool selector as the parameter that it is short for.
func finishTool(r *reader, n *node, at place, in map[string]any, out *object) error {
	tool, _ := in["tool"].(*object)
	if tool == nil {
		return nil
	}
	params, _ := in["params"].(*object)
	if params == nil {
		params = &object{isMap: true}
	}
	if written := n.get("params"); written != nil && written.get("name") != nil {
		r.note(n.get("tool"), at.key("tool"), "is overlooked: params.name stands beside it")
		return nil
	}
	params.set("name", tool)
	if out.get("params") == nil {
		out.set("params", params)
	}
	return nil
}

// matcher reads a matcher: a text, which is a glob, or a mapping. In a policy the
// mapping knows any alone.
func (r *reader) matcher(n *node, at place) (any, error) {
	if n.kind == mappingNode {
		long := matcherMessage
		if r.schema == &policyMessage {
			long.fields = long.fields[:1]
		}
		return r.message(&long, n, at)
	}
	glob, err := r.text(n, at, true)
	if err != nil {
		return nil, err
	}
	out := &object{}
	if glob != "" {
		out.set("glob", glob)
	}
	return out, nil
}

// params reads the matchers of a policy's params: a mapping that is no matcher is a
// level of names, which become one name with dots.
func (r *reader) params(n *node, prefix string, at place, out *object, seen map[string]bool) error {
	for i, key := range n.keys {
		value, here, name := n.items[i], at.key(key.text), prefix+key.text
		if value.kind == mappingNode && !looksLikeMatcher(value) {
			if err := r.params(value, name+".", here, out, seen); err != nil {
				return err
			}
			continue
		}
		matcher, err := r.matcher(value, here)
		if err != nil {
			return err
		}
		if r.names += len(name); r.names > verifier.MaxBody {
			return key.fail(here, "makes names of parameters that are longer than a document: a document has at most %d bytes", verifier.MaxBody)
		}
		if seen[name] {
			return key.fail(here, "gives the parameter %s a second time", printable(name))
		}
		seen[name] = true
		out.set(name, matcher)
	}
	return nil
}

// looksLikeMatcher tells a matcher from a level of names, as the host does: it is
// one if it has nothing but a list called any.
func looksLikeMatcher(n *node) bool {
	switch len(n.keys) {
	case 0:
		return true
	case 1:
		return n.keys[0].text == "any" && n.items[0].kind == listNode
	}
	return false
}

// binary reads a binary of a profile: its path, or a mapping.
func (r *reader) binary(m *message, n *node, at place) (any, error) {
	if n.kind == mappingNode {
		return r.message(m, n, at)
	}
	path, err := r.text(n, at, true)
	if err != nil {
		return nil, err
	}
	out := &object{}
	if path != "" {
		out.set("path", path)
	}
	return out, nil
}

// keysOf lists the keys of a message, for the one who wrote something else.
func keysOf(m *message) string {
	var names []string
	for _, f := range m.fields {
		names = append(names, f.key)
	}
	if len(names) > 6 {
		names = append(names[:6], "…")
	}
	return " of " + strings.Join(names, ", ")
}
