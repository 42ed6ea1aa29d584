// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "math"

// The sandbox policy, as OpenShell's openshell-policy reads it.

var policyMessage = message{
	name: "SandboxPolicy",
	fields: []field{
		number("version", "version", "yaml-policy", 0, math.MaxUint32).must(),
		{key: "filesystem_policy", member: "filesystem", kind: messageKind, of: &filesystemMessage, option: true, vector: "yaml-policy"},
		{key: "landlock", member: "landlock", kind: messageKind, of: &landlockMessage, option: true, vector: "yaml-policy"},
		{key: "process", member: "process", kind: messageKind, of: &processMessage, option: true, vector: "yaml-policy"},
		{key: "network_policies", member: "networkPolicies", kind: messageMap, of: &ruleMessage, vector: "yaml-policy"},
		{key: "network_middlewares", member: "networkMiddlewares", kind: messageMap, of: &middlewareMessage, vector: "yaml-middleware"},
	},
	finish: nameByKey,
}

var filesystemMessage = message{name: "FilesystemPolicy", fields: []field{
	boolean("include_workdir", "includeWorkdir", "yaml-policy"),
	texts("read_only", "readOnly", "yaml-policy"),
	texts("read_write", "readWrite", "yaml-policy"),
}}

var landlockMessage = message{name: "LandlockPolicy", fields: []field{
	text("compatibility", "compatibility", "yaml-policy"),
}}

var processMessage = message{name: "ProcessPolicy", fields: []field{
	text("run_as_user", "runAsUser", "yaml-policy"),
	text("run_as_group", "runAsGroup", "yaml-policy"),
}}

var ruleMessage = message{name: "NetworkPolicyRule", fields: []field{
	text("name", "name", "yaml-rule-names").says("the key, if it is empty or left out"),
	list("endpoints", "endpoints", "yaml-policy", &endpointMessage),
	list("binaries", "binaries", "yaml-policy", &policyBinaryMessage),
}}

var policyBinaryMessage = message{name: "NetworkBinary, in a policy", fields: []field{
	text("path", "path", "yaml-policy").must(),
	boolean("harness", "", "yaml-binary-harness").as("harness").says("left out: the host ignores it"),
}}

var endpointMessage = message{
	name: "NetworkEndpoint, in a policy",
	fields: []field{
		text("host", "host", "yaml-endpoint"),
		text("path", "path", "yaml-endpoint"),
		number("port", "", "yaml-port", 0, math.MaxUint16).as("port").says("becomes `port` and `ports: [port]`; `ports` wins over it"),
		{key: "ports", writes: "ports", kind: intList, high: math.MaxUint16, vector: "yaml-ports", how: "`ports`, and the first also `port`"},
		text("protocol", "protocol", "yaml-endpoint"),
		text("tls", "tls", "yaml-endpoint"),
		text("enforcement", "enforcement", "yaml-endpoint"),
		text("access", "access", "yaml-access").says("presets stay presets"),
		list("rules", "rules", "yaml-rules", &policyRuleMessage),
		texts("allowed_ips", "allowedIps", "yaml-endpoint"),
		list("deny_rules", "denyRules", "yaml-rules", &denyMessage),
		boolean("allow_encoded_slash", "allowEncodedSlash", "yaml-endpoint"),
		boolean("websocket_credential_rewrite", "websocketCredentialRewrite", "yaml-endpoint"),
		boolean("request_body_credential_rewrite", "requestBodyCredentialRewrite", "yaml-endpoint"),
		boolean("allow_uninspected_credentials", "allowUninspectedCredentials", "yaml-endpoint"),
		text("persisted_queries", "persistedQueries", "yaml-graphql"),
		{key: "graphql_persisted_queries", member: "graphqlPersistedQueries", kind: messageMap, of: &operationMessage, vector: "yaml-graphql"},
		number("graphql_max_body_bytes", "graphqlMaxBodyBytes", "yaml-graphql", 0, math.MaxUint32),
		text("credential_signing", "credentialSigning", "yaml-signing"),
		text("signing_service", "signingService", "yaml-signing"),
		text("signing_region", "signingRegion", "yaml-signing"),
		{key: "credential_binding", member: "credentialBinding", kind: messageKind, of: &bindingMessage, option: true, vector: "yaml-endpoint"},
		{key: "json_rpc", writes: "jsonRpcMaxBodyBytes", kind: messageKind, of: &jsonRPCMessage, option: true, vector: "yaml-json-rpc", how: "its one field"},
		{key: "mcp", writes: "mcp", kind: messageKind, of: &policyMCPMessage, option: true, vector: "yaml-mcp", how: "left out if neither option is written"},
	},
	finish: finishEndpoint,
}

var bindingMessage = message{name: "NetworkCredentialBinding", fields: []field{
	text("provider", "provider", "yaml-endpoint").must(),
}}

var jsonRPCMessage = message{name: "`json_rpc` of an endpoint", fields: []field{
	number("max_body_bytes", "", "yaml-json-rpc", 0, math.MaxUint32).says("`jsonRpcMaxBodyBytes` of the endpoint, unless there is an `mcp`"),
}}

var policyMCPMessage = message{name: "McpOptions, in a policy", fields: []field{
	number("max_body_bytes", "", "yaml-mcp", 0, math.MaxUint32).says("`jsonRpcMaxBodyBytes` of the endpoint"),
	{key: "strict_tool_names", member: "strictToolNames", kind: boolKind, option: true, presence: true, vector: "yaml-mcp", how: "false stays, if written"},
	{key: "allow_all_known_mcp_methods", member: "allowAllKnownMcpMethods", kind: boolKind, option: true, presence: true, vector: "yaml-mcp", how: "false stays, if written"},
}}

var operationMessage = message{name: "GraphqlOperation", fields: []field{
	text("operation_type", "operationType", "yaml-graphql"),
	text("operation_name", "operationName", "yaml-graphql"),
	texts("fields", "fields", "yaml-graphql"),
}}

var policyRuleMessage = message{name: "L7Rule, in a policy", fields: []field{
	{key: "allow", member: "allow", kind: messageKind, of: &allowMessage, required: true, vector: "yaml-rules"},
}}

var (
	allowMessage = message{name: "L7Allow, in a policy", fields: actionFields(paramMap), finish: finishTool}
	denyMessage  = message{name: "L7DenyRule, in a policy", fields: actionFields(paramMap), finish: finishTool}
)

// actionFields are the fields of L7Allow and of L7DenyRule. A policy takes params
// in mappings of any depth, a profile does not.
func actionFields(params kind) []field {
	vector := map[kind]string{paramMap: "yaml-rules", matcherMap: "yaml-profile-rules"}[params]
	how := map[kind]string{paramMap: "mappings within become names with dots", matcherMap: "a text is the `glob` of a mapping"}[params]
	return []field{
		text("method", "method", vector),
		text("path", "path", vector),
		text("command", "command", vector),
		{key: "query", member: "query", kind: matcherMap, of: &matcherMessage, vector: vector, how: "a text is the `glob` of a mapping"},
		text("operation_type", "operationType", vector),
		text("operation_name", "operationName", vector),
		texts("fields", "fields", vector),
		{key: "tool", kind: matcherKind, of: &matcherMessage, option: true, vector: vector, how: "`params.name`, unless that is there"},
		{key: "params", member: "params", kind: params, of: &matcherMessage, vector: vector, how: how},
	}
}

// matcherMessage is what a matcher of a policy is in its long form.
var matcherMessage = message{name: "L7QueryMatcher", fields: []field{
	{key: "any", member: "any", kind: textList, strict: true, vector: "yaml-rules"},
	{key: "glob", member: "glob", kind: textKind, strict: true, vector: "yaml-profile-rules", how: "only in a profile; in a policy a text stands for it"},
}}

var middlewareMessage = message{
	name: "NetworkMiddlewareConfig",
	fields: []field{
		text("name", "name", "yaml-middleware").says("the key, if it is empty or left out"),
		text("middleware", "middleware", "yaml-middleware").must(),
		number("order", "order", "yaml-middleware", math.MinInt32, math.MaxInt32),
		{key: "config", member: "config", kind: freeMap, presence: true, vector: "yaml-middleware-config", how: "any JSON; `{}` if left out"},
		text("on_error", "onError", "yaml-middleware"),
		{key: "endpoints", member: "endpoints", kind: messageKind, of: &selectorMessage, option: true, vector: "yaml-middleware"},
	},
	finish: func(_ *reader, _ *node, _ place, _ map[string]any, out *object) error {
		if out.get("config") == nil {
			out.set("config", &object{})
		}
		return nil
	},
}

var selectorMessage = message{name: "MiddlewareEndpointSelector", fields: []field{
	texts("include", "include", "yaml-middleware"),
	texts("exclude", "exclude", "yaml-middleware"),
}}
