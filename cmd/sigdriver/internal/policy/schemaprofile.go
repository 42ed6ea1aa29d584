// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "math"

// The provider profile, as OpenShell's openshell-providers reads it.

const (
	categoryPrefix = "PROVIDER_PROFILE_CATEGORY_"
	strategyPrefix = "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_"
)

var profileMessage = message{name: "ProviderProfile", fields: []field{
	text("id", "id", "yaml-profile").must(),
	text("display_name", "displayName", "yaml-profile").must(),
	text("description", "description", "yaml-profile"),
	enum("category", "category", "yaml-profile", categoryPrefix, categoryPrefix+"OTHER",
		"other", "inference", "agent", "source_control", "messaging", "data", "knowledge").
		materialised(categoryPrefix + "OTHER").becomes("`PROVIDER_PROFILE_CATEGORY_OTHER` if left out; any case, `-` for `_`"),
	list("credentials", "credentials", "yaml-profile", &credentialMessage).opens().edges(0, Changes),
	list("endpoints", "endpoints", "yaml-profile", &profileEndpointMessage).opens(),
	{key: "binaries", member: "binaries", kind: binaryList, of: &profileBinaryMessage, vector: "yaml-profile-binaries", how: "a text is the `path` of a mapping",
		effect: effect{more: Widens, less: Narrows}},
	boolean("inference_capable", "inferenceCapable", "yaml-profile"),
	{key: "discovery", member: "discovery", kind: messageKind, of: &discoveryMessage, omitEmpty: true, vector: "yaml-profile", how: "left out if it is empty"},
	{key: "resource_version", member: "resourceVersion", kind: wideKind, high: math.MaxUint64, vector: "yaml-profile-derived", how: "left out: the gateway sets it"},
	{key: "annotations", member: "annotations", kind: textMap, vector: "yaml-profile-derived", how: "left out: no part of what is approved"},
	text("source", "source", "yaml-profile-derived").becomes("left out: the gateway sets it"),
	text("scope", "scope", "yaml-profile-derived").becomes("left out: the gateway sets it"),
}}

var credentialMessage = message{name: "ProviderProfileCredential", pair: pairBy("name"), fields: []field{
	text("name", "name", "yaml-profile").must(),
	text("description", "description", "yaml-profile"),
	texts("env_vars", "envVars", "yaml-profile").opens(),
	boolean("required", "required", "yaml-profile"),
	text("auth_style", "authStyle", "yaml-profile"),
	text("header_name", "headerName", "yaml-profile"),
	text("query_param", "queryParam", "yaml-profile"),
	section("refresh", "refresh", "yaml-profile-refresh", &refreshMessage).present().opens().removal(Changes),
	text("path_template", "pathTemplate", "yaml-profile"),
	section("token_grant", "tokenGrant", "yaml-profile-token-grant", &tokenGrantMessage).present().opens().removal(Changes),
}}

var refreshMessage = message{name: "ProviderCredentialRefresh", fields: []field{
	enum("strategy", "strategy", "yaml-profile-refresh", strategyPrefix, "", // the empty one is the default, which a document leaves out
		"static", "external", "oauth2_refresh_token", "oauth2_client_credentials", "google_service_account_jwt", "aws_sts_assume_role").
		becomes("any case, `-` for `_`"),
	text("token_url", "tokenUrl", "yaml-profile-refresh"),
	texts("scopes", "scopes", "yaml-profile-refresh").opens().edges(Changes, Changes),
	seconds("refresh_before_seconds", "refreshBeforeSeconds", "yaml-profile-refresh"),
	seconds("max_lifetime_seconds", "maxLifetimeSeconds", "yaml-profile-refresh"),
	list("material", "material", "yaml-profile-refresh", &materialMessage),
	list("additional_outputs", "additionalOutputs", "yaml-profile-refresh", &outputMessage).opens(),
}}

func seconds(key, member, vector string) field {
	return field{key: key, member: member, kind: wideKind, low: math.MinInt64, high: math.MaxInt64, vector: vector, how: "a string, as 64-bit integers are"}
}

var materialMessage = message{name: "ProviderCredentialRefreshMaterial", pair: pairBy("name"), fields: []field{
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
	texts("scopes", "scopes", "yaml-profile-token-grant").opens().edges(Changes, Changes),
	seconds("cache_ttl_seconds", "cacheTtlSeconds", "yaml-profile-token-grant"),
	list("audience_overrides", "audienceOverrides", "yaml-profile-token-grant", &overrideMessage),
	text("jwt_svid_audience", "jwtSvidAudience", "yaml-profile-token-grant"),
	text("client_assertion_type", "clientAssertionType", "yaml-profile-token-grant"),
}}

var overrideMessage = message{name: "ProviderCredentialTokenGrantAudienceOverride", fields: []field{
	text("host", "host", "yaml-profile-token-grant"),
	number("port", "port", "yaml-profile-token-grant", 0, math.MaxUint32),
	text("path", "path", "yaml-profile-token-grant"),
	text("audience", "audience", "yaml-profile-token-grant").must(),
	texts("scopes", "scopes", "yaml-profile-token-grant"),
}}

var discoveryMessage = message{name: "ProviderProfileDiscovery", fields: []field{
	texts("credentials", "credentials", "yaml-profile").opens(),
}}

var profileBinaryMessage = message{name: "NetworkBinary, in a profile", pair: pairBy("path"), fields: []field{
	text("path", "path", "yaml-profile-binaries").quoted().must(),
	boolean("harness", "harness", "yaml-profile-binaries"),
}}
