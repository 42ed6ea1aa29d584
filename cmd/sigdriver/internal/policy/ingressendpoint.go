// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"slices"
	"strings"
)

// endpointChecks are what a gateway refuses in an endpoint. Each names the key to
// blame and says why; nothing, if it has no objection.
var endpointChecks = []func(e *value, protocol string) (key, why string){
	checkProtocol, checkHost, checkPorts, checkTCP, checkRules, checkDenyRules, checkPath, checkSigning, checkQueries,
}

// protocols are those that OpenShell knows, in any case. All but tcp are looked into.
var protocols = strings.Fields("tcp rest websocket graphql sql json-rpc mcp")

func checkEndpoint(_ *reader, n *node, at place, out *value) error {
	protocol := lowerASCII(out.text("protocol"))
	for _, check := range endpointChecks {
		if key, why := check(out, protocol); why != "" {
			return n.failKey(at, key, "%s", why)
		}
	}
	return checkOperations(n, at, out)
}

func checkProtocol(_ *value, protocol string) (key, why string) {
	if protocol == "" || slices.Contains(protocols, protocol) {
		return "", ""
	}
	return "protocol", "is " + printable(protocol) + " and must be one of " + strings.Join(protocols, ", ")
}

func checkHost(e *value, protocol string) (key, why string) {
	host := e.text("host")
	if strings.TrimSpace(host) == "" {
		switch {
		case protocol == "tcp":
			return "host", "is missing, and tcp needs one"
		case len(e.list("allowedIps")) == 0:
			return "host", "is missing: name a host, or allowed_ips"
		}
		return "", ""
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); protocol == "tcp" && (err == nil || strings.HasSuffix(host, ".") || strings.ContainsFunc(host, outsideName)) {
		return "host", "is " + printable(host) + " and must be a DNS name for tcp, without a dot at its end"
	}
	return "host", checkPattern(host)
}

// outsideName reports whether a letter has no place in a DNS name or a pattern of one.
func outsideName(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("_-.*", c))
}

// checkPattern says what is wrong with the stars of a host.
func checkPattern(host string) string {
	labels := strings.Split(host, ".")
	switch first := labels[0]; {
	case host == "*" || host == "**":
		return "is any host at all: name a domain"
	case strings.Contains(first, "**") && first != "**":
		return "is " + printable(host) + ": ** stands only for whole labels"
	case (first == "*" || first == "**") && len(labels) <= 2:
		return "is " + printable(host) + ", all of a top-level domain: name a domain below it"
	}
	for _, label := range labels[1:] {
		if strings.Contains(label, "*") && label != "*" {
			return "is " + printable(host) + ": behind the first dot, * stands only for a whole label, and ** for nothing"
		}
	}
	return ""
}

func checkPorts(e *value, _ string) (key, why string) {
	const bounds = " and must be a port from 1 to 65535"
	for _, p := range e.list("ports") {
		if n, ok := parseWhole(p.value, 1, 65535); !ok {
			return "ports", "has " + n + bounds
		}
	}
	port := e.get("port")
	if port == nil && len(e.list("ports")) == 0 {
		return "port", "has no port: name one from 1 to 65535"
	}
	if port != nil {
		if _, ok := parseWhole(port.value, 1, 65535); !ok {
			return "port", "is " + port.value + bounds
		}
	}
	return "", ""
}

// withoutTCP are the members that say nothing about a stream that nothing looks into.
var withoutTCP = []struct{ member, key string }{
	{"access", "access"}, {"rules", "rules"}, {"denyRules", "deny_rules"}, {"enforcement", "enforcement"}, {"path", "path"},
	{"allowEncodedSlash", "allow_encoded_slash"}, {"websocketCredentialRewrite", "websocket_credential_rewrite"},
	{"requestBodyCredentialRewrite", "request_body_credential_rewrite"}, {"persistedQueries", "persisted_queries"},
	{"graphqlPersistedQueries", "graphql_persisted_queries"}, {"graphqlMaxBodyBytes", "graphql_max_body_bytes"},
	{"jsonRpcMaxBodyBytes", "json_rpc"},
}

func checkTCP(e *value, protocol string) (key, why string) {
	if protocol != "tcp" {
		return "", ""
	}
	for _, f := range withoutTCP {
		if e.get(f.member) != nil {
			return f.key, "means nothing for tcp, and OpenShell refuses it there: leave it out"
		}
	}
	return "", ""
}

func checkRules(e *value, protocol string) (key, why string) {
	rules, access := e.list("rules"), e.text("access") != ""
	remote := protocol == "json-rpc" || protocol == "mcp"
	switch {
	case len(rules) > 0 && access:
		return "rules", "stands beside access: keep one of the two"
	case remote && access:
		return "access", "means nothing for " + protocol + ", and OpenShell refuses it there: write rules"
	case len(rules) > 0 && !slices.ContainsFunc(rules, func(r *value) bool { return r.get("allow") != nil }):
		return "rules", "allows nothing at all: write an allow"
	case len(rules) > 0 || access || protocol == "" || protocol == "tcp":
		return "", ""
	case protocol == "mcp" && e.get("mcp").flag("allowAllKnownMcpMethods"):
		return "", ""
	case protocol == "mcp":
		return "protocol", "mcp needs rules, or allow_all_known_mcp_methods"
	case protocol == "json-rpc":
		return "protocol", "json-rpc needs rules"
	}
	return "protocol", protocol + " needs rules or access"
}

func checkDenyRules(e *value, protocol string) (key, why string) {
	switch {
	case len(e.list("denyRules")) == 0:
		return "", ""
	case !inspected(protocol):
		return "deny_rules", "needs a protocol whose requests are looked into"
	case protocol != "mcp" && len(e.list("rules")) == 0 && e.text("access") == "":
		return "deny_rules", "takes away from nothing: write rules or access"
	}
	return "", ""
}

func checkPath(e *value, _ string) (key, why string) {
	if path := e.text("path"); path != "" && path != "**" && !strings.HasPrefix(path, "/") {
		return "path", "is " + printable(path) + " and must begin with / or be **"
	}
	return "", ""
}

func checkSigning(e *value, _ string) (key, why string) {
	switch signing := e.text("credentialSigning"); {
	case signing == "":
		return "", ""
	case !slices.Contains([]string{"sigv4", "sigv4:body", "sigv4:no_body"}, signing):
		return "credential_signing", "is " + printable(signing) + " and must be sigv4, sigv4:body or sigv4:no_body"
	case e.text("signingService") == "":
		return "credential_signing", "needs a signing_service"
	case e.flag("requestBodyCredentialRewrite"):
		return "request_body_credential_rewrite", "stands beside credential_signing: keep one of the two"
	}
	return "", ""
}

func checkQueries(e *value, _ string) (key, why string) {
	if q := e.text("persistedQueries"); !slices.Contains([]string{"", "deny", "allow_registered"}, q) {
		return "persisted_queries", "is " + printable(q) + " and must be deny or allow_registered"
	}
	if e.text("protocol") == "sql" && modeOf(e, "enforcement") == "enforce" {
		return "enforcement", "cannot be enforce for sql: OpenShell only logs it"
	}
	return "", ""
}

var operationTypes = []string{"query", "mutation", "subscription"}

// checkOperations checks the operation types of GraphQL.
func checkOperations(n *node, at place, e *value) error {
	if e.text("protocol") != "graphql" {
		return nil
	}
	for _, list := range []struct{ key, member string }{{"rules", "rules"}, {"deny_rules", "denyRules"}, {"graphql_persisted_queries", "graphqlPersistedQueries"}} {
		for i, rule := range itemsOf(e.get(list.member)) {
			action, written, here := rule, n.get(list.key).items[i], at.key(list.key).item(i)
			if list.key == "graphql_persisted_queries" {
				here = at.key(list.key).key(n.get(list.key).keys[i].text)
			}
			if list.key == "rules" {
				if action = rule.get("allow"); action == nil {
					continue
				}
				written, here = written.get("allow"), here.key("allow")
			}
			if t := action.text("operationType"); !slices.Contains(operationTypes, t) {
				return written.failKey(here, "operation_type", "needs an operation_type, one of %s", strings.Join(operationTypes, ", "))
			}
		}
	}
	return nil
}
