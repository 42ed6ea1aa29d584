// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
	"sync"
)

// governed is said of what would narrow, were there nothing else that reaches the
// same place: with the narrower endpoint gone, the other one governs alone, and it
// may inspect less.
const governed = "something else in the policy reaches the same host and port: which of them governs is for the host to say"

// widensTo classes the change of a text to one of some values as widening.
func widensTo(values ...string) func(was, is string) Class {
	return func(_, is string) Class {
		if slices.Contains(values, is) {
			return Widens
		}
		return Changes
	}
}

// inspected reports whether requests of a protocol are looked into.
func inspected(protocol string) bool { return protocol != "" && protocol != "tcp" }

func protocolChange(was, is string) Class {
	if inspected(was) && !inspected(is) {
		return Widens
	}
	return Changes
}

// hostAndPath and hostOf pair endpoints by where they lead.
func hostAndPath(n *value) string { return hostOf(n) + " " + n.text("path") }

func hostOf(n *value) string { return strings.ToLower(n.text("host")) }

// judgePaths: without a single path, Landlock is not applied at all under
// best_effort, so taking the last one away does not narrow.
func judgePaths(_ *differ, _, is *value, changes []Change) {
	if is.flag("includeWorkdir") || len(is.list("readOnly"))+len(is.list("readWrite")) > 0 {
		return
	}
	for i := range changes {
		if changes[i].Class == Narrows {
			changes[i].Class, changes[i].Says = Widens, "no path is left, and without one OpenShell may restrict none"
		}
	}
}

// judgeEndpoint: ports that are taken away narrow only where no other endpoint has
// them; rules, only where they do not themselves narrow what is allowed besides.
func judgeEndpoint(d *differ, was, is *value, changes []Change) {
	d.doubt(changes, "/ports/", func() bool { return d.reached(was, nil, is) })
	if !strings.EqualFold(is.text("protocol"), "mcp") || !is.get("mcp").flag("allowAllKnownMcpMethods") || namesTools(is) {
		return
	}
	for i, c := range changes {
		if c.Class == Narrows && isRule(c.Path) {
			changes[i].Class, changes[i].Says = Widens, "no rule names a tool any more, so every tool may be called"
		}
	}
}

// namesTools reports whether a rule of an MCP endpoint says which tools may be called.
func namesTools(endpoint *value) bool {
	return slices.ContainsFunc(endpoint.list("rules"), func(r *value) bool { return r.get("allow").get("params").get("name") != nil })
}

// isRule reports whether a path is that of one rule of an endpoint.
func isRule(path string) bool {
	_, within, _ := strings.Cut(path[max(0, strings.LastIndex(path, "/endpoints/")):], "/endpoints/")
	parts := strings.Split(within, "/")
	return len(parts) == 3 && parts[1] == "rules"
}

// judgeRule: binaries that are taken away narrow only where no other rule leads
// to the same place.
func judgeRule(d *differ, was, is *value, changes []Change) {
	d.doubt(changes, "/binaries/", func() bool { return d.exposesRule(was, is) })
}

// doubt takes back that removals below some path narrow, where something else
// reaches the same place.
func (d *differ) doubt(changes []Change, below string, reached func() bool) {
	reached = sync.OnceValue(reached)
	for i, c := range changes {
		if c.Class == Narrows && c.Is == "" && strings.Contains(c.Path, below) && reached() {
			changes[i].Class, changes[i].Says = Changes, governed
		}
	}
}

// exposes reports whether an element that is gone leaves another that reaches the
// same place, in the new document.
func (d *differ) exposes(f *field, was *value) bool {
	switch f.member {
	case "networkPolicies":
		return d.exposesRule(was, nil)
	case "endpoints":
		return d.reached(was, nil, nil)
	}
	return false
}

// exposesRule reports whether a rule of the new document, other than is, reaches a
// place that a rule of the old one does.
func (d *differ) exposesRule(was, is *value) bool {
	return slices.ContainsFunc(was.list("endpoints"), func(e *value) bool { return d.reached(e, is, nil) })
}

// reached reports whether an endpoint of the new document may lead where this one
// does, other than those of one rule and one endpoint.
func (d *differ) reached(endpoint, exceptRule, exceptEndpoint *value) bool {
	for _, rule := range rulesOf(d.is) {
		if rule == exceptRule {
			continue
		}
		for _, e := range rule.list("endpoints") {
			if d.looked++; d.looked > maxLooks || e != exceptEndpoint && overlap(endpoint, e) {
				return true
			}
		}
	}
	return false
}

// rulesOf are the values that hold endpoints: the rules of a policy, or a profile.
func rulesOf(root *value) []*value {
	rules := slices.Clone(itemsOf(root.get("networkPolicies")))
	return append(rules, root)
}

// overlap reports whether two endpoints may lead to one host and port. It is not
// sure of patterns and of endpoints without a host, so it says yes.
func overlap(a, b *value) bool {
	one, other := strings.ToLower(a.text("host")), strings.ToLower(b.text("host"))
	if one != other && one != "" && other != "" && !strings.ContainsAny(one+other, "*?[") {
		return false
	}
	ports := portsOf(b)
	return len(ports) == 0 || len(portsOf(a)) == 0 ||
		slices.ContainsFunc(portsOf(a), func(p string) bool { return slices.Contains(ports, p) })
}

// portsOf are the ports that an endpoint covers: ports, or else port.
func portsOf(endpoint *value) []string {
	if ports := endpoint.texts("ports"); len(ports) > 0 {
		return ports
	}
	if port := endpoint.get("port"); port != nil {
		return []string{port.scalar()}
	}
	return nil
}
