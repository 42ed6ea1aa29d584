// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math"
	"strings"
)

// Endpoints and what may be asked for there. A policy and a profile have one
// message for them; what their authors write differs in ports, rules, matchers and
// the options of MCP.

var (
	endpointMessage = message{name: "NetworkEndpoint, in a policy", pair: []func(*value) string{hostAndPath, hostOf}, judge: judgeEndpoint,
		finish: finishEndpoint, check: checkEndpoint, lacks: lacksVersions, fields: endpointFields(inPolicy)}
	profileEndpointMessage = message{name: "NetworkEndpoint, in a profile", pair: []func(*value) string{hostAndPath, hostOf}, judge: judgeEndpoint,
		finish: finishProfileEndpoint, check: checkEndpoint, lacks: lacksVersions, fields: endpointFields(inProfile)}
)

// holder says in which of the two a row stands.
type holder int

const (
	inPolicy holder = 1 << iota
	inProfile
	inBoth = inPolicy | inProfile
)

// What the values of an endpoint's modes begin with.
const (
	tlsPrefix         = "NETWORK_TLS_MODE_"
	enforcementPrefix = "NETWORK_ENFORCEMENT_MODE_"
	accessPrefix      = "NETWORK_ACCESS_PRESET_"
)

// endpointFields are the rows of one of the two. One vector of a line sets all of a
// profile's that a policy has too.
func endpointFields(in holder) []field {
	var fields []field
	for _, row := range endpointRows {
		if row.in&in == 0 {
			continue
		}
		if row.in == inBoth && in == inProfile && !row.internal {
			row.vector = "yaml-profile-endpoint"
			if row.since == Line01 {
				row.vector = "yaml-profile-endpoint-01"
			}
		}
		fields = append(fields, row.field)
	}
	return fields
}

var endpointRows = []struct {
	in holder
	field
}{
	{inPolicy, text("host", "host", "yaml-endpoint").shownEmpty()},
	{inProfile, text("host", "host", "yaml-profile-endpoint").must()},
	{inPolicy, number("port", "", "yaml-port", 0, math.MaxUint16).as("port").becomes("becomes `port` and `ports: [port]`; `ports` wins over it").opens()},
	{inProfile, number("port", "port", "yaml-profile-endpoint", 0, math.MaxUint32).becomes("stays what it is").opens()},
	{inPolicy, numbers("ports", "", "yaml-ports", math.MaxUint16).as("ports").becomes("`ports`, and the first also `port`").opens().edges(Changes, Changes)},
	{inProfile, numbers("ports", "ports", "yaml-profile-endpoint", math.MaxUint32).becomes("stays what it is").opens().edges(Changes, Changes)},
	{inBoth, text("protocol", "protocol", "yaml-endpoint").judged(protocolChange).because("requests are no longer inspected")},
	{inBoth, tls(text("tls", "tls", "yaml-endpoint")).till(Line01)},
	{inBoth, tls(mode("tls", "yaml-endpoint-01", tlsPrefix, "skip")).from(Line01)},
	{inBoth, enforcement(text("enforcement", "enforcement", "yaml-endpoint")).till(Line01)},
	{inBoth, enforcement(mode("enforcement", "yaml-endpoint-01", enforcementPrefix, "enforce", "audit")).from(Line01)},
	{inPolicy, access(text("access", "access", "yaml-access")).becomes("presets stay presets").till(Line01)},
	{inProfile, access(text("access", "access", "yaml-profile-endpoint")).till(Line01)},
	{inBoth, access(mode("access", "yaml-endpoint-01", accessPrefix, "read-only", "read-write", "full")).from(Line01)},
	{inPolicy, list("rules", "rules", "yaml-rules", &policyRuleMessage).opens().edges(Changes, Widens)},
	{inProfile, list("rules", "rules", "yaml-profile-rules", &profileRuleMessage).optional().orNull().becomes("an empty list is refused").opens().edges(Changes, Widens)},
	{inBoth, texts("allowed_ips", "allowedIps", "yaml-endpoint").opens().edges(Changes, Changes).because("these addresses may be internal ones")},
	{inPolicy, list("deny_rules", "denyRules", "yaml-rules", &denyMessage).closes()},
	{inProfile, list("deny_rules", "denyRules", "yaml-profile-rules", &profileDenyMessage).optional().orNull().becomes("an empty list is refused").closes()},
	{inBoth, boolean("allow_encoded_slash", "allowEncodedSlash", "yaml-endpoint").opens().because("%2F passes in paths")},
	{inBoth, text("persisted_queries", "persistedQueries", "yaml-graphql").ranked("deny", "deny", "allow_registered")},
	{inBoth, mapping("graphql_persisted_queries", "graphqlPersistedQueries", "yaml-graphql", &operationMessage).opens()},
	{inBoth, number("graphql_max_body_bytes", "graphqlMaxBodyBytes", "yaml-graphql", 0, math.MaxUint32)},
	{inBoth, text("path", "path", "yaml-endpoint").edges(0, Widens).because("the endpoint covers every path")},
	{inBoth, boolean("websocket_credential_rewrite", "websocketCredentialRewrite", "yaml-endpoint").opens().removal(Changes).because("credentials enter WebSocket messages")},
	{inBoth, boolean("request_body_credential_rewrite", "requestBodyCredentialRewrite", "yaml-endpoint").opens().because("credentials enter request bodies")},
	{inBoth, derived("advisorProposed", boolKind).removal(Widens).because("without it, the exact host may be an internal one")},
	{inBoth, text("credential_signing", "credentialSigning", "yaml-signing").opens().removal(Changes).because("requests are signed with the provider's credentials")},
	{inBoth, text("signing_service", "signingService", "yaml-signing")},
	{inBoth, text("signing_region", "signingRegion", "yaml-signing")},
	{inPolicy, number("", "jsonRpcMaxBodyBytes", "", 0, math.MaxUint32)},
	{inProfile, number("json_rpc_max_body_bytes", "jsonRpcMaxBodyBytes", "yaml-profile-endpoint", 0, math.MaxUint32)},
	{inPolicy, section("mcp", "mcp", "yaml-mcp", &policyMCPMessage).ifAny().becomes("left out if neither option is written").till(Line01)},
	{inPolicy, section("mcp", "mcp", "yaml-mcp-01", &policyMCPMessage).becomes(materialisedMCP).from(Line01)},
	{inProfile, section("mcp", "mcp", "yaml-profile-endpoint", &profileMCPMessage).becomes("stays, also if it is empty").till(Line01)},
	{inProfile, section("mcp", "mcp", "yaml-profile-endpoint-01", &profileMCPMessage).becomes(materialisedMCP).from(Line01)},
	{inPolicy, section("credential_binding", "credentialBinding", "yaml-endpoint", &bindingMessage).present().opens().removal(Changes).because("this provider's credentials may be used here")},
	{inProfile, derived("credentialBinding", messageKind).holding(&bindingMessage).present().opens().removal(Changes).because("this provider's credentials may be used here")},
	{inBoth, boolean("allow_uninspected_credentials", "allowUninspectedCredentials", "yaml-endpoint").opens().because("credentials travel where nothing can look")},
	{inBoth, derived("providerCredentialed", boolKind)},
	{inBoth, derived("tokenGrantOwner", textKind).from(Line01)},
	{inPolicy, section("json_rpc", "", "yaml-json-rpc", &jsonRPCMessage).as("jsonRpcMaxBodyBytes").becomes("its one field")},
}

const materialisedMCP = "there, with its versions, where the protocol is mcp, and nowhere else"

func tls(f field) field {
	return f.judged(widensTo("skip")).because("with skip nothing looks into the traffic")
}

func enforcement(f field) field {
	return f.ranked("audit", "enforce", "audit").because("without enforce, what the rules do not allow is logged and let through")
}

func access(f field) field { return f.ranked("", "read-only", "read-write", "full") }

var bindingMessage = message{name: "NetworkCredentialBinding", fields: []field{
	text("provider", "provider", "yaml-endpoint").must().opens(),
}}

var jsonRPCMessage = message{name: "`json_rpc` of an endpoint", fields: []field{
	number("max_body_bytes", "", "yaml-json-rpc", 0, math.MaxUint32).becomes("`jsonRpcMaxBodyBytes` of the endpoint, unless there is an `mcp`"),
}}

var (
	policyMCPMessage = message{name: "McpOptions, in a policy", finish: finishMCP, fields: append(mcpFields("yaml-mcp"),
		number("max_body_bytes", "", "yaml-mcp", 0, math.MaxUint32).becomes("`jsonRpcMaxBodyBytes` of the endpoint"))}
	profileMCPMessage = message{name: "McpOptions, in a profile", finish: finishMCP, fields: mcpFields("yaml-profile-endpoint")}
)

// mcpVersions are the versions of MCP that OpenShell knows, in the order in which a
// document has them; mcpDefault is the one that it has where none is written.
var mcpVersions = []string{"2025-03-26", "2025-06-18", mcpDefault, "2026-07-28"}

const mcpDefault = "2025-11-25"

func mcpFields(vector string) []field {
	return []field{
		texts("versions", "versions", vector+"-01").becomes("of "+strings.Join(mcpVersions, ", ")+", once each and in this order; "+mcpDefault+" if left out").
			opens().edges(Changes, Changes).from(Line01),
		boolean("strict_tool_names", "strictToolNames", vector).optional().kept().becomes("false stays, if written").
			trueByDefault().closes().because("tools of any name may be called"),
		boolean("allow_all_known_mcp_methods", "allowAllKnownMcpMethods", vector).optional().kept().becomes("false stays, if written").
			opens().because("every known method is allowed unless rules narrow it"),
	}
}

var operationMessage = message{name: "GraphqlOperation", fields: []field{
	text("operation_type", "operationType", "yaml-graphql"),
	text("operation_name", "operationName", "yaml-graphql"),
	texts("fields", "fields", "yaml-graphql"),
}}

var (
	policyRuleMessage = message{name: "L7Rule, in a policy", fields: []field{
		{key: "allow", member: "allow", kind: messageKind, of: &allowMessage, required: true, vector: "yaml-rules"},
	}}
	profileRuleMessage = message{name: "L7Rule, in a profile", fields: []field{
		section("allow", "allow", "yaml-profile-rules", &profileAllowMessage).orNull(),
	}}
	allowMessage        = message{name: "L7Allow, in a policy", fields: actionFields(inPolicy), finish: finishTool}
	denyMessage         = message{name: "L7DenyRule, in a policy", fields: actionFields(inPolicy), finish: finishTool}
	profileAllowMessage = message{name: "L7Allow, in a profile", fields: actionFields(inProfile), finish: finishTool}
	profileDenyMessage  = message{name: "L7DenyRule, in a profile", fields: actionFields(inProfile), finish: finishTool}
)

// actionFields are the rows of L7Allow and of L7DenyRule. A policy takes params in
// mappings of any depth, a profile does not.
func actionFields(in holder) []field {
	const matcher = "a text is the `glob` of a mapping"
	params, vector, how := paramMap, "yaml-rules", "mappings within become names with dots"
	if in == inProfile {
		params, vector, how = matcherMap, "yaml-profile-rules", matcher
	}
	return []field{
		text("method", "method", vector),
		text("path", "path", vector),
		text("command", "command", vector),
		{key: "query", member: "query", kind: matcherMap, of: &matcherMessage, vector: vector, how: matcher},
		text("operation_type", "operationType", vector),
		text("operation_name", "operationName", vector),
		texts("fields", "fields", vector),
		{key: "tool", kind: matcherKind, of: &matcherMessage, option: true, vector: vector, how: "`params.name`, unless that is there"},
		{key: "params", member: "params", kind: params, of: &matcherMessage, vector: vector, how: how},
	}
}

// matcherMessage is what a matcher is in its long form. In a policy it has any
// alone, for a text stands for the glob.
var matcherMessage = message{name: "L7QueryMatcher", fields: []field{
	text("glob", "glob", "yaml-profile-rules").quoted().becomes("only in a profile; in a policy a text stands for it"),
	texts("any", "any", "yaml-rules").quoted(),
}}
