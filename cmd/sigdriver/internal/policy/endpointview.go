// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
)

// endpoint shows where an endpoint leads, what may be asked there and what is
// unusual about it.
func (v *viewer) endpoint(at, name string, e *value) {
	host := e.text("host")
	if host == "" {
		host = "any host"
	} else {
		host = word(host)
	}
	g := v.grant("network", at, word(name), "%s:%s%s, %s", host, portText(e), pathText(e), manner(e))
	g.Details = append(requests(e), extras(e)...)
	v.endpointHost(at, e)
	v.endpointInspection(at, e)
	v.endpointCredentials(at, e)
	if e.flag("advisorProposed") {
		v.note(at, "a machine proposed it: advisorProposed")
	}
	if e.flag("providerCredentialed") {
		v.note(at, "carries the gateway's own mark providerCredentialed, which no approved document may")
	}
	if owner := e.get("tokenGrantOwner"); owner != nil {
		v.note(pointer(at, "tokenGrantOwner"), "is the gateway's own, which no approved document may carry: %s", word(owner.scalar()))
	}
}

func portText(e *value) string {
	switch ports := portsOf(e); len(ports) {
	case 0:
		return "any port"
	case 1:
		return word(ports[0])
	default:
		return "{" + words(ports) + "}"
	}
}

func pathText(e *value) string {
	if path := e.text("path"); path != "" {
		return " " + word(path)
	}
	return ""
}

// manner says how far traffic is looked into.
func manner(e *value) string {
	protocol := e.text("protocol")
	switch {
	case modeOf(e, "tls") == "skip":
		return "uninspected"
	case protocol == "":
		return "uninspected"
	case protocol == "tcp":
		return "tcp, uninspected"
	case modeOf(e, "enforcement") == "enforce":
		return word(protocol) + ", enforced"
	}
	return word(protocol) + ", only logged"
}

// requests lists what may be asked for, and what not.
func requests(e *value) []string {
	var lines []string
	switch access := modeOf(e, "access"); access {
	case "":
	case "full":
		lines = append(lines, "allow everything (access full)")
	default:
		lines = append(lines, "allow "+word(access))
	}
	for _, r := range e.list("rules") {
		lines = append(lines, "allow "+action(r.get("allow")))
	}
	for _, r := range e.list("denyRules") {
		lines = append(lines, "deny "+action(r))
	}
	return lines
}

// action is one rule in a line: what is set, in the order in which one says it.
func action(a *value) string {
	if a == nil || a.kind != jsonObject {
		return "nothing"
	}
	var parts []string
	for _, name := range []string{"method", "path", "command", "operationType", "operationName"} {
		if s := a.text(name); s != "" {
			parts = append(parts, word(s))
		}
	}
	if fields := a.texts("fields"); len(fields) > 0 {
		parts = append(parts, "fields "+words(fields))
	}
	for _, name := range []string{"query", "params"} {
		m := a.get(name)
		for i, matcher := range itemsOf(m) {
			if m.kind == jsonObject {
				parts = append(parts, fmt.Sprintf("%s %s=%s", name, word(m.names[i]), matcherText(matcher)))
			}
		}
	}
	if len(parts) == 0 {
		return "anything"
	}
	return strings.Join(parts, " ")
}

func matcherText(m *value) string {
	any, glob := m.texts("any"), m.text("glob")
	switch {
	case len(any) == 0:
		return word(glob)
	case glob != "":
		return "any of " + words(any) + " or " + word(glob)
	}
	return "any of " + words(any)
}

// extras are the other members that let something through.
func extras(e *value) []string {
	var lines []string
	add := func(when bool, format string, args ...any) {
		if when {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	ips := e.texts("allowedIps")
	add(len(ips) > 0, "at addresses %s, internal ones too", words(ips))
	add(e.flag("allowEncodedSlash"), "%%2F may stand in paths")
	add(e.flag("websocketCredentialRewrite"), "credentials enter WebSocket messages")
	add(e.flag("requestBodyCredentialRewrite"), "credentials enter request bodies")
	add(e.get("mcp").flag("allowAllKnownMcpMethods"), "every known MCP method, unless rules narrow it")
	versions := e.get("mcp").texts("versions")
	add(len(versions) > 0, "MCP of %s", words(versions))
	queries := e.get("graphqlPersistedQueries")
	add(e.text("persistedQueries") != "" || queries != nil, "persisted queries: %s, %d registered", word(e.text("persistedQueries")), len(itemsOf(queries)))
	if queries != nil && queries.kind == jsonObject {
		for i, q := range queries.items {
			add(true, "registered %s: %s", word(queries.names[i]), action(q))
		}
	}
	return lines
}

func (v *viewer) endpointHost(at string, e *value) {
	host := e.text("host")
	switch {
	case host == "":
		v.note(at, "has no host: any host at the allowed addresses can be reached")
	case strings.Contains(host, "*"):
		v.note(at, "the host is a pattern: %s", word(host))
	}
	for _, c := range host {
		if c > 0x7E {
			v.note(at, "the host has letters beyond ASCII, which may look like others: %s", quoteJSON(host))
			break
		}
	}
	ports := e.texts("ports")
	switch port := e.get("port"); {
	case len(portsOf(e)) == 0:
		v.note(at, "names no port")
	case port != nil && len(ports) > 0 && port.scalar() != ports[0]:
		v.note(pointer(at, "port"), "is %s, and ports does not begin with it: the host goes by ports", word(port.scalar()))
	}
}

// knownValues are the values that this build knows of what decides about
// inspection.
var knownValues = []struct {
	name   string
	values []string
}{
	{"access", strings.Fields("read-only read-write full")},
	{"enforcement", strings.Fields("enforce audit")},
	{"protocol", strings.Fields("tcp rest websocket graphql sql json-rpc mcp")},
	{"tls", strings.Fields("skip terminate passthrough")},
}

func (v *viewer) endpointInspection(at string, e *value) {
	for _, known := range knownValues {
		if value := modeOf(e, known.name); value != "" && !slices.Contains(known.values, value) {
			v.note(pointer(at, known.name), "%s is no value that this build knows", word(value))
		}
	}
	if modeOf(e, "tls") == "skip" {
		v.note(at, "nothing looks into the traffic: tls is skip")
	}
	if inspected(e.text("protocol")) && modeOf(e, "enforcement") != "enforce" {
		v.note(at, "what the rules do not allow is logged and let through: enforcement is not enforce")
	}
	if mcp := e.get("mcp"); mcp.get("strictToolNames") != nil && !mcp.flag("strictToolNames") {
		v.note(at, "tools of any name may be called: strictToolNames is false")
	}
}

func (v *viewer) endpointCredentials(at string, e *value) {
	if e.flag("allowUninspectedCredentials") {
		v.note(at, "credentials travel where nothing can look: allowUninspectedCredentials")
	}
	if binding := e.get("credentialBinding"); binding != nil {
		v.grant("credential", pointer(at, "credentialBinding"), word(binding.text("provider")), "of this provider may be used at %s:%s", word(e.text("host")), portText(e))
	}
	if signing := e.text("credentialSigning"); signing != "" {
		v.grant("credential", pointer(at, "credentialSigning"), word(signing), "signs requests to %s:%s for service %s, %s", word(e.text("host")), portText(e), word(e.text("signingService")), regionText(e))
	}
}

func regionText(e *value) string {
	if region := e.text("signingRegion"); region != "" {
		return "region " + word(region)
	}
	return "in the region that the host names"
}

// modeOf returns a mode of an endpoint in the author's word, whatever the line: what
// was a text in 0.0 is an enumeration since.
func modeOf(e *value, name string) string {
	text := e.text(name)
	for _, prefix := range []string{tlsPrefix, enforcementPrefix, accessPrefix} {
		if rest, ok := strings.CutPrefix(text, prefix); ok && rest == strings.ToUpper(rest) && !strings.Contains(rest, "-") {
			return strings.ReplaceAll(strings.ToLower(rest), "_", "-")
		}
	}
	return text
}

// spoken returns the word that an author writes for a value of an exact enumeration,
// and any other value as it is.
func (f *field) spoken(text string) string {
	if !f.exact {
		return text
	}
	for _, word := range f.names() {
		if f.words[word] == text {
			return word
		}
	}
	return text
}
