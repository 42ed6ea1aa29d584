// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math"
	"slices"
)

// The provider profile, as OpenShell's openshell-providers reads it. It has its
// own idea of ports, matchers and MCP options.

var profileMessage = message{
	name: "ProviderProfile",
	fields: []field{
		text("id", "id", "yaml-profile").must(),
		{key: "resource_version", member: "resourceVersion", kind: wideKind, high: math.MaxUint64, vector: "yaml-profile-derived", how: "left out: the gateway sets it"},
		{key: "annotations", member: "annotations", kind: textMap, vector: "yaml-profile-derived", how: "left out: no part of what is approved"},
		text("display_name", "displayName", "yaml-profile").must(),
		text("description", "description", "yaml-profile"),
		{key: "category", member: "category", kind: enumKind, words: categories, vector: "yaml-profile", how: "`PROVIDER_PROFILE_CATEGORY_OTHER` if left out; any case, `-` for `_`"},
		list("credentials", "credentials", "yaml-profile", &credentialMessage),
		list("endpoints", "endpoints", "yaml-profile", &profileEndpointMessage),
		{key: "binaries", member: "binaries", kind: binaryList, of: &profileBinaryMessage, vector: "yaml-profile-binaries", how: "a text is the `path` of a mapping"},
		boolean("inference_capable", "inferenceCapable", "yaml-profile"),
		{key: "discovery", member: "discovery", kind: messageKind, of: &discoveryMessage, vector: "yaml-profile", how: "left out if it is empty"},
		text("source", "source", "yaml-profile-derived").says("left out: the gateway sets it"),
		text("scope", "scope", "yaml-profile-derived").says("left out: the gateway sets it"),
	},
	finish: func(_ *reader, _ *node, _ place, _ map[string]any, out *object) error {
		if out.get("category") == nil {
			out.set("category", categories["other"])
		}
		out.members = slices.DeleteFunc(out.members, func(m member) bool {
			return m.name == "discovery" && len(m.value.(*object).members) == 0
		})
		return nil
	},
}

var categories = map[string]string{
	"":               "PROVIDER_PROFILE_CATEGORY_OTHER",
	"other":          "PROVIDER_PROFILE_CATEGORY_OTHER",
	"inference":      "PROVIDER_PROFILE_CATEGORY_INFERENCE",
	"agent":          "PROVIDER_PROFILE_CATEGORY_AGENT",
	"source_control": "PROVIDER_PROFILE_CATEGORY_SOURCE_CONTROL",
	"messaging":      "PROVIDER_PROFILE_CATEGORY_MESSAGING",
	"data":           "PROVIDER_PROFILE_CATEGORY_DATA",
	"knowledge":      "PROVIDER_PROFILE_CATEGORY_KNOWLEDGE",
}

// strategies: the empty one is the default, which a document leaves out.
var strategies = map[string]string{
	"":                           "",
	"static":                     "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_STATIC",
	"external":                   "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_EXTERNAL",
	"oauth2_refresh_token":       "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_OAUTH2_REFRESH_TOKEN",
	"oauth2_client_credentials":  "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_OAUTH2_CLIENT_CREDENTIALS",
	"google_service_account_jwt": "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_GOOGLE_SERVICE_ACCOUNT_JWT",
	"aws_sts_assume_role":        "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_AWS_STS_ASSUME_ROLE",
}

var credentialMessage = message{name: "ProviderProfileCredential", fields: []field{
	text("name", "name", "yaml-profile").must(),
	text("description", "description", "yaml-profile"),
	texts("env_vars", "envVars", "yaml-profile"),
	boolean("required", "required", "yaml-profile"),
	text("auth_style", "authStyle", "yaml-profile"),
	text("header_name", "headerName", "yaml-profile"),
	text("query_param", "queryParam", "yaml-profile"),
	{key: "refresh", member: "refresh", kind: messageKind, of: &refreshMessage, option: true, vector: "yaml-profile-refresh"},
	text("path_template", "pathTemplate", "yaml-profile"),
	{key: "token_grant", member: "tokenGrant", kind: messageKind, of: &tokenGrantMessage, option: true, vector: "yaml-profile-token-grant"},
}}

var refreshMessage = message{name: "ProviderCredentialRefresh", fields: []field{
	{key: "strategy", member: "strategy", kind: enumKind, words: strategies, vector: "yaml-profile-refresh", how: "any case, `-` for `_`"},
	text("token_url", "tokenUrl", "yaml-profile-refresh"),
	texts("scopes", "scopes", "yaml-profile-refresh"),
	seconds("refresh_before_seconds", "refreshBeforeSeconds", "yaml-profile-refresh"),
	seconds("max_lifetime_seconds", "maxLifetimeSeconds", "yaml-profile-refresh"),
	list("material", "material", "yaml-profile-refresh", &materialMessage),
	list("additional_outputs", "additionalOutputs", "yaml-profile-refresh", &outputMessage),
}}

func seconds(key, member, vector string) field {
	return field{key: key, member: member, kind: wideKind, low: math.MinInt64, high: math.MaxInt64, vector: vector, how: "a string, as 64-bit integers are"}
}

var materialMessage = message{name: "ProviderCredentialRefreshMaterial", fields: []field{
	text("name", "name", "yaml-profile-refresh").must(),
	text("description", "description", "yaml-profile-refresh"),
	boolean("required", "required", "yaml-profile-refresh"),
	boolean("secret", "secret", "yaml-profile-refresh"),
}}

var outputMessage = message{name: "ProviderCredentialRefreshOutput", fields: []field{
	text("output", "output", "yaml-profile-refresh").must(),
	text("credential", "credential", "yaml-profile-refresh").must(),
}}

var tokenGrantMessage = message{name: "ProviderCredentialTokenGrant", fields: []field{
	text("token_endpoint", "tokenEndpoint", "yaml-profile-token-grant").must(),
	text("audience", "audience", "yaml-profile-token-grant"),
	text("jwt_svid_audience", "jwtSvidAudience", "yaml-profile-token-grant"),
	text("client_assertion_type", "clientAssertionType", "yaml-profile-token-grant"),
	texts("scopes", "scopes", "yaml-profile-token-grant"),
	seconds("cache_ttl_seconds", "cacheTtlSeconds", "yaml-profile-token-grant"),
	list("audience_overrides", "audienceOverrides", "yaml-profile-token-grant", &overrideMessage),
}}

var overrideMessage = message{name: "ProviderCredentialTokenGrantAudienceOverride", fields: []field{
	text("host", "host", "yaml-profile-token-grant"),
	number("port", "port", "yaml-profile-token-grant", 0, math.MaxUint32),
	text("path", "path", "yaml-profile-token-grant"),
	text("audience", "audience", "yaml-profile-token-grant").must(),
	texts("scopes", "scopes", "yaml-profile-token-grant"),
}}

var discoveryMessage = message{name: "ProviderProfileDiscovery", fields: []field{
	texts("credentials", "credentials", "yaml-profile"),
}}

var profileBinaryMessage = message{name: "NetworkBinary, in a profile", fields: []field{
	{key: "path", member: "path", kind: textKind, strict: true, required: true, vector: "yaml-profile-binaries"},
	boolean("harness", "harness", "yaml-profile-binaries"),
}}

var profileEndpointMessage = message{
	name: "NetworkEndpoint, in a profile",
	fields: []field{
		text("host", "host", "yaml-profile-endpoint").must(),
		number("port", "port", "yaml-profile-endpoint", 0, math.MaxUint32).says("stays what it is"),
		text("protocol", "protocol", "yaml-profile-endpoint"),
		text("tls", "tls", "yaml-profile-endpoint"),
		text("access", "access", "yaml-profile-endpoint"),
		text("enforcement", "enforcement", "yaml-profile-endpoint"),
		list("rules", "rules", "yaml-profile-rules", &profileRuleMessage).optional().says("an empty list is refused"),
		texts("allowed_ips", "allowedIps", "yaml-profile-endpoint"),
		{key: "ports", member: "ports", kind: intList, high: math.MaxUint32, vector: "yaml-profile-endpoint", how: "stays what it is"},
		list("deny_rules", "denyRules", "yaml-profile-rules", &profileDenyMessage).optional().says("an empty list is refused"),
		boolean("allow_encoded_slash", "allowEncodedSlash", "yaml-profile-endpoint"),
		boolean("websocket_credential_rewrite", "websocketCredentialRewrite", "yaml-profile-endpoint"),
		boolean("request_body_credential_rewrite", "requestBodyCredentialRewrite", "yaml-profile-endpoint"),
		boolean("allow_uninspected_credentials", "allowUninspectedCredentials", "yaml-profile-endpoint"),
		text("persisted_queries", "persistedQueries", "yaml-profile-endpoint"),
		{key: "graphql_persisted_queries", member: "graphqlPersistedQueries", kind: messageMap, of: &operationMessage, vector: "yaml-profile-endpoint"},
		number("graphql_max_body_bytes", "graphqlMaxBodyBytes", "yaml-profile-endpoint", 0, math.MaxUint32),
		number("json_rpc_max_body_bytes", "jsonRpcMaxBodyBytes", "yaml-profile-endpoint", 0, math.MaxUint32),
		{key: "mcp", member: "mcp", kind: messageKind, of: &profileMCPMessage, option: true, vector: "yaml-profile-endpoint", how: "stays, also if it is empty"},
		text("path", "path", "yaml-profile-endpoint"),
		text("credential_signing", "credentialSigning", "yaml-profile-endpoint"),
		text("signing_service", "signingService", "yaml-profile-endpoint"),
		text("signing_region", "signingRegion", "yaml-profile-endpoint"),
	},
	finish: finishProfileEndpoint,
}

var profileMCPMessage = message{name: "McpOptions, in a profile", fields: []field{
	{key: "strict_tool_names", member: "strictToolNames", kind: boolKind, option: true, presence: true, vector: "yaml-profile-endpoint", how: "false stays, if written"},
	{key: "allow_all_known_mcp_methods", member: "allowAllKnownMcpMethods", kind: boolKind, option: true, presence: true, vector: "yaml-profile-endpoint", how: "false stays, if written"},
}}

var profileRuleMessage = message{name: "L7Rule, in a profile", fields: []field{
	{key: "allow", member: "allow", kind: messageKind, of: &profileAllowMessage, option: true, vector: "yaml-profile-rules"},
}}

var (
	profileAllowMessage = message{name: "L7Allow, in a profile", fields: actionFields(matcherMap), finish: finishTool}
	profileDenyMessage  = message{name: "L7DenyRule, in a profile", fields: actionFields(matcherMap), finish: finishTool}
)
