// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "math"

// The provider profile, as OpenShell's openshell-providers reads it.

const (
	categoryPrefix = "PROVIDER_PROFILE_CATEGORY_"
	strategyPrefix = "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_"
	grantPrefix    = "PROVIDER_CREDENTIAL_TOKEN_GRANT_TYPE_"
)

var profileMessage = message{name: "ProviderProfile", check: checkProfile, fields: []field{
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
	list("files", "files", "yaml-profile-files-01", &fileMessage).addition(Changes).removal(Changes).from(Line01),
	{key: "resource_version", member: "resourceVersion", kind: wideKind, high: math.MaxUint64, vector: "yaml-profile-derived", how: "left out: the gateway sets it"},
	{key: "annotations", member: "annotations", kind: textMap, vector: "yaml-profile-derived", how: "left out: no part of what is approved"},
	text("source", "source", "yaml-profile-derived").becomes("left out: the gateway sets it"),
	text("scope", "scope", "yaml-profile-derived").becomes("left out: the gateway sets it"),
}}

var credentialMessage = message{name: "ProviderProfileCredential", pair: pairBy("name"), check: checkCredential, fields: []field{
	text("name", "name", "yaml-profile").must(),
	text("description", "description", "yaml-profile"),
	texts("env_vars", "envVars", "yaml-profile").opens(),
	boolean("required", "required", "yaml-profile"),
	text("auth_style", "authStyle", "yaml-profile"),
	text("header_name", "headerName", "yaml-profile"),
	text("query_param", "queryParam", "yaml-profile"),
	section("refresh", "refresh", "yaml-profile-refresh", &refreshMessage).orNull().present().opens().removal(Changes),
	text("path_template", "pathTemplate", "yaml-profile"),
	section("token_grant", "tokenGrant", "yaml-profile-token-grant", &tokenGrantMessage).orNull().present().opens().removal(Changes),
	derived("tokenGrantOwners", textMap).from(Line01),
	derived("stablePlaceholder", boolKind).from(Line01),
}}

var refreshMessage = message{name: "ProviderCredentialRefresh", finish: oneDuration, check: checkRefresh, fields: []field{
	enum("strategy", "strategy", "yaml-profile-refresh", strategyPrefix, "", // the empty one is the default, which a document leaves out
		"static", "external", "oauth2_refresh_token", "oauth2_client_credentials", "google_service_account_jwt", "aws_sts_assume_role").
		becomes("any case, `-` for `_`"),
	text("token_url", "tokenUrl", "yaml-profile-refresh"),
	texts("scopes", "scopes", "yaml-profile-refresh").opens().edges(Changes, Changes),
	seconds("refresh_before_seconds", "refreshBeforeSeconds", "yaml-profile-refresh"),
	duration("refresh_before", "refreshBefore", "yaml-profile-refresh-01"),
	durationSeconds("refresh_before_seconds", "refreshBefore", "yaml-profile-refresh-seconds-01"),
	seconds("max_lifetime_seconds", "maxLifetimeSeconds", "yaml-profile-refresh"),
	duration("max_lifetime", "maxLifetime", "yaml-profile-refresh-01"),
	durationSeconds("max_lifetime_seconds", "maxLifetime", "yaml-profile-refresh-seconds-01"),
	list("material", "material", "yaml-profile-refresh", &materialMessage),
	list("additional_outputs", "additionalOutputs", "yaml-profile-refresh", &outputMessage).opens(),
}}

func seconds(key, member, vector string) field {
	return field{key: key, member: member, kind: wideKind, low: math.MinInt64, high: math.MaxInt64, vector: vector, how: "a string, as 64-bit integers are", until: Line01}
}

// maxDuration is how many seconds a google.protobuf.Duration has at most.
const maxDuration = 315_576_000_000

func duration(key, member, vector string) field {
	return field{key: key, member: member, kind: durationKind, presence: true, high: maxDuration, vector: vector, how: "with no, 3, 6 or 9 digits of fraction; `0s` stays", since: Line01}
}

func durationSeconds(key, member, vector string) field {
	return field{key: key, kind: secondsKind, writes: member, high: maxDuration, vector: vector, how: "the same in seconds; 0 is none", since: Line01}
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

var tokenGrantMessage = message{name: "ProviderCredentialTokenGrant", finish: oneDuration, check: checkTokenGrant, fields: []field{
	text("token_endpoint", "tokenEndpoint", "yaml-profile-token-grant").must(),
	text("audience", "audience", "yaml-profile-token-grant"),
	texts("scopes", "scopes", "yaml-profile-token-grant").opens().edges(Changes, Changes),
	seconds("cache_ttl_seconds", "cacheTtlSeconds", "yaml-profile-token-grant"),
	duration("cache_ttl", "cacheTtl", "yaml-profile-token-grant-01"),
	durationSeconds("cache_ttl_seconds", "cacheTtl", "yaml-profile-token-exchange-01"),
	list("audience_overrides", "audienceOverrides", "yaml-profile-token-grant", &overrideMessage),
	text("jwt_svid_audience", "jwtSvidAudience", "yaml-profile-token-grant"),
	text("client_assertion_type", "clientAssertionType", "yaml-profile-token-grant"),
	enum("grant_type", "grantType", "yaml-profile-token-exchange-01", grantPrefix, grantPrefix+"CLIENT_CREDENTIALS", "client_credentials", "token_exchange").
		materialised(grantPrefix + "CLIENT_CREDENTIALS").becomes("`" + grantPrefix + "CLIENT_CREDENTIALS` if left out; any case, `-` for `_`").from(Line01).soon(),
	section("subject_token", "subjectToken", "yaml-profile-token-exchange-01", &subjectTokenMessage).orNull().from(Line01).soon(),
	text("requested_token_type", "requestedTokenType", "yaml-profile-token-exchange-01").from(Line01).soon(),
}}

var subjectTokenMessage = message{name: "ProviderCredentialTokenGrantSubjectToken", fields: []field{
	text("source", "source", "yaml-profile-token-exchange-01").must(),
	text("credential", "credential", "yaml-profile-token-exchange-01").must(),
	text("subject_token_type", "subjectTokenType", "yaml-profile-token-exchange-01"),
}}

var fileMessage = message{name: "ProviderProfileFile", pair: pairBy("path"), check: checkFile, fields: []field{
	text("path", "path", "yaml-profile-files-01").must(),
	text("content", "content", "yaml-profile-files-01").must(),
	text("env_var", "envVar", "yaml-profile-files-01"),
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
	boolean("harness", "harness", "yaml-profile-binaries").till(Line01),
}}
