// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
)

// The normalisations that concern more than one field.

// nameByKey gives each rule and each middleware without a name its key.
func nameByKey(_ *reader, _ *node, _ place, _ map[string]*value, out *value) error {
	for _, member := range []string{"networkPolicies", "networkMiddlewares"} {
		named := out.get(member)
		for i, m := range itemsOf(named) {
			if key := named.names[i]; m.get("name") == nil && key != "" {
				m.put("name", textValue(key))
			}
		}
	}
	return nil
}

// finishEndpoint writes the ports of a policy's endpoint in both forms, and the
// options of JSON-RPC and MCP where the message has them.
func finishEndpoint(r *reader, n *node, at place, in map[string]*value, out *value) error {
	ports, port := itemsOf(in["ports"]), in["port"]
	given := port != nil && port.value != "0"
	switch {
	case len(ports) > 0 && given && port.value != ports[0].value:
		r.note(n.get("port"), at.key("port"), "is overlooked: ports stands beside it")
	case len(ports) == 0 && given:
		ports = []*value{port}
	}
	if len(ports) > 0 {
		out.put("ports", &value{kind: jsonArray, items: ports})
		if ports[0].value != "0" {
			out.put("port", ports[0])
		}
	}
	if err := finishVersions(r, n, at, in, out); err != nil {
		return err
	}
	return finishProtocols(r, n, at, in, out)
}

// finishVersions writes the options of MCP where a line has them always, and refuses
// them where the protocol is another.
func finishVersions(r *reader, n *node, at place, in map[string]*value, out *value) error {
	if r.line < Line01 {
		return nil
	}
	switch mcp := isMCP(in["protocol"].string()); {
	case in["mcp"] != nil && !mcp:
		return n.get("mcp").fail(at.key("mcp"), "stands beside a protocol that is not mcp: leave it out")
	case in["mcp"] == nil && mcp:
		out.put("mcp", &value{kind: jsonObject, names: []string{"versions"}, items: []*value{versionsOf(mcpDefault)}})
	}
	return nil
}

// isMCP: the protocol is in any case.
func isMCP(protocol string) bool { return lowerASCII(protocol) == "mcp" }

func versionsOf(versions ...string) *value {
	list := &value{kind: jsonArray}
	for _, v := range versions {
		list.items = append(list.items, textValue(v))
	}
	return list
}

// lacksVersions reports whether an endpoint has not the versions of MCP that a line
// would have put there.
func lacksVersions(l Line, endpoint *value) bool {
	return l >= Line01 && isMCP(endpoint.text("protocol")) && len(endpoint.get("mcp").list("versions")) == 0
}

// finishMCP puts the versions into their order, and writes the default.
func finishMCP(r *reader, n *node, at place, in map[string]*value, out *value) error {
	if r.line < Line01 {
		return nil
	}
	written := in["versions"]
	if written == nil {
		out.put("versions", versionsOf(mcpDefault))
		return nil
	}
	list, here := n.get("versions"), at.key("versions")
	if len(written.items) == 0 {
		return list.fail(here, "is an empty list: leave it out for %s", mcpDefault)
	}
	seen := map[string]bool{}
	for i, v := range written.items {
		switch {
		case !slices.Contains(mcpVersions, v.value):
			return list.items[i].fail(here.item(i), "is %s, which is no version of MCP that OpenShell knows: %s", printable(v.value), strings.Join(mcpVersions, ", "))
		case seen[v.value]:
			return list.items[i].fail(here.item(i), "is %s a second time", printable(v.value))
		}
		seen[v.value] = true
	}
	slices.SortFunc(written.items, func(a, b *value) int { return strings.Compare(a.value, b.value) })
	return nil
}

// oneDuration writes the durations that are given in seconds, and refuses one that is
// given twice: OpenShell overlooks one of the two.
func oneDuration(_ *reader, n *node, at place, in map[string]*value, out *value) error {
	for _, d := range []struct{ key, seconds, member string }{
		{"refresh_before", "refresh_before_seconds", "refreshBefore"},
		{"max_lifetime", "max_lifetime_seconds", "maxLifetime"},
		{"cache_ttl", "cache_ttl_seconds", "cacheTtl"},
	} {
		switch seconds := in[d.seconds]; {
		case seconds == nil || seconds.kind != jsonNumber: // in line 0.0 it is a string, and a field of its own
		case in[d.key] != nil:
			return n.get(d.seconds).fail(at.key(d.seconds), "stands beside %s, and OpenShell overlooks it: keep one of the two", d.key)
		case seconds.value != "0":
			out.put(d.member, textValue(seconds.value+"s"))
		}
	}
	return nil
}

func finishProtocols(r *reader, n *node, at place, in map[string]*value, out *value) error {
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
	if stanza == "" || n.get(stanza).get("max_body_bytes") == nil {
		return nil
	}
	limit, err := r.integer(jsonRPCMessage.byKey(r.line, "max_body_bytes"), n.get(stanza).get("max_body_bytes"), at.key(stanza))
	if err == nil && limit.value != "0" {
		out.put("jsonRpcMaxBodyBytes", limit)
	}
	return err
}

// finishProfileEndpoint refuses what the host refuses before a profile becomes a
// message, which could not tell it any more.
func finishProfileEndpoint(r *reader, n *node, at place, in map[string]*value, out *value) error {
	if err := finishVersions(r, n, at, in, out); err != nil {
		return err
	}
	for _, key := range []string{"rules", "deny_rules"} {
		if rules := in[key]; rules != nil && len(rules.items) == 0 {
			return n.get(key).fail(at.key(key), "is an empty list, which OpenShell refuses: leave it out")
		}
	}
	if p := in["protocol"].string(); p != "mcp" && (r.line < Line01 || !isMCP(p)) {
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
func finishTool(r *reader, n *node, at place, in map[string]*value, out *value) error {
	tool, params := in["tool"], in["params"]
	if tool == nil {
		return nil
	}
	if params == nil {
		params = &value{kind: jsonObject}
	}
	if written := n.get("params"); written != nil && written.get("name") != nil {
		r.note(n.get("tool"), at.key("tool"), "is overlooked: params.name stands beside it")
		return nil
	}
	params.put("name", tool)
	if out.get("params") == nil {
		out.put("params", params)
	}
	return nil
}

// matcher reads a matcher: a text, which is a glob, or a mapping. In a policy the
// mapping knows any alone.
func (r *reader) matcher(n *node, at place) (*value, error) {
	if n.kind == mappingNode {
		long := matcherMessage
		if r.schema == &policyMessage {
			long.fields = long.fields[1:]
		}
		return r.message(&long, n, at)
	}
	glob, err := r.text(n, at, true)
	if err != nil {
		return nil, err
	}
	out := &value{kind: jsonObject}
	if glob.value != "" {
		out.put("glob", glob)
	}
	return out, nil
}

// params reads the matchers of a policy's params: a mapping that is no matcher is a
// level of names, which become one name with dots.
func (r *reader) params(n *node, prefix string, at place, out *value, seen map[string]bool) error {
	for i, key := range n.keys {
		item, here, name := n.items[i], at.key(key.text), prefix+key.text
		if item.kind == mappingNode && !looksLikeMatcher(item) {
			if err := r.params(item, name+".", here, out, seen); err != nil {
				return err
			}
			continue
		}
		matcher, err := r.matcher(item, here)
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
		out.put(name, matcher)
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
func (r *reader) binary(m *message, n *node, at place) (*value, error) {
	if n.kind == mappingNode {
		return r.message(m, n, at)
	}
	path, err := r.text(n, at, true)
	if err != nil {
		return nil, err
	}
	out := &value{kind: jsonObject}
	if path.value != "" {
		out.put("path", path)
	}
	return out, nil
}

// keysOf lists the keys of a message, for the one who wrote something else.
func (r *reader) keysOf(m *message) string {
	names := r.keys(m)
	if len(names) > 6 {
		names = append(names[:6], "…")
	}
	return " of " + strings.Join(names, ", ")
}
