// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

// effect says what more of a field does to what is granted. It is what Diff
// classes a change by, so whatever is not certain is neutral.
type effect int

const (
	neutral effect = iota // nothing is claimed
	opens                 // more of it never grants less
	closes                // more of it never grants more
)

// shape is how a document writes a field.
type shape int

const (
	textShape    shape = iota // a string
	countShape                // a number; 64-bit ones are strings
	flagShape                 // a boolean
	textsShape                // a set of strings, whatever their order
	messageShape              // a message
	listShape                 // a list of messages
	mapShape                  // a map of messages
	labelsShape               // a map of strings
	anyShape                  // JSON of somebody else
)

// grantField is one field of a message as a document writes it.
type grantField struct {
	name string // the JSON member
	yaml string // what authors call it; empty for the name in snake_case
	kind shape
	of   *grantMessage // of one, many and named

	effect effect
	// more and less class an addition and a removal where they are not what the
	// effect says; first and last do where the field was, or becomes, empty.
	more, less, first, last Class
	// ranks orders the values of a text from narrow to wide, and zero is what the
	// host takes an empty one for. Values that are not here are not ordered.
	ranks []string
	zero  string
	// judge classes a change of a text that no order describes.
	judge func(was, is string) Class
	// on is the default of a flag.
	on bool
	// optional fields of messages mean something by being there.
	optional bool
	// must be written by authors, also if it holds its default.
	must bool
	// internal fields are the gateway's own, and nothing that authors write.
	internal bool
	// says explains, in a clause, what the wide end means.
	says string
}

// grantMessage is one message of OpenShell's or of ours.
type grantMessage struct {
	fields []grantField
	// keys name an element of a list of such messages, for pairing, the closest
	// first; none for the whole element.
	keys []func(*value) string
	// camel tells that authors use the JSON names.
	camel bool
	// judge corrects the classes of changes inside such a message, where more than
	// one field decides.
	judge func(d *differ, was, is *value, changes []Change)
}

func (m *grantMessage) field(name string) *grantField {
	for i := range m.fields {
		if m.fields[i].name == name {
			return &m.fields[i]
		}
	}
	return nil
}

func keyed(name string) func(*value) string {
	return func(n *value) string { return n.text(name) }
}

var binaryGrants = &grantMessage{keys: []func(*value) string{keyed("path")}, fields: []grantField{
	{name: "path", must: true},
	{name: "harness", kind: flagShape},
}}

var matcherGrants = &grantMessage{fields: []grantField{
	{name: "glob"},
	{name: "any", kind: textsShape},
}}

var actionGrants = []grantField{
	{name: "method"},
	{name: "path"},
	{name: "command"},
	{name: "query", kind: mapShape, of: matcherGrants},
	{name: "operationType"},
	{name: "operationName"},
	{name: "fields", kind: textsShape},
	{name: "params", kind: mapShape, of: matcherGrants},
}

var (
	denyGrants  = &grantMessage{fields: actionGrants}
	allowGrants = &grantMessage{fields: actionGrants}
	ruleGrants  = &grantMessage{fields: []grantField{{name: "allow", kind: messageShape, of: allowGrants}}}
)

var endpointGrants = &grantMessage{keys: []func(*value) string{hostAndPath, hostOf}, judge: judgeEndpoint, fields: []grantField{
	{name: "host", must: true},
	{name: "port", kind: countShape, effect: opens},
	{name: "ports", kind: textsShape, effect: opens, first: Changes, last: Changes},
	{name: "protocol", judge: protocolChange, says: "requests are no longer inspected"},
	{name: "tls", judge: widensTo("skip"), says: "with skip nothing looks into the traffic"},
	{name: "enforcement", ranks: []string{"enforce", "audit"}, zero: "audit", says: "without enforce, what the rules do not allow is logged and let through"},
	{name: "access", ranks: []string{"read-only", "read-write", "full"}},
	{name: "rules", kind: listShape, of: ruleGrants, effect: opens, first: Changes, last: Widens},
	{name: "allowedIps", kind: textsShape, effect: opens, first: Changes, last: Changes, says: "these addresses may be internal ones"},
	{name: "denyRules", kind: listShape, of: denyGrants, effect: closes},
	{name: "allowEncodedSlash", kind: flagShape, effect: opens, says: "%2F passes in paths"},
	{name: "persistedQueries", ranks: []string{"deny", "allow_registered"}, zero: "deny"},
	{name: "graphqlPersistedQueries", kind: mapShape, of: &grantMessage{fields: []grantField{
		{name: "operationType"}, {name: "operationName"}, {name: "fields", kind: textsShape},
	}}, effect: opens},
	{name: "graphqlMaxBodyBytes", kind: countShape},
	{name: "path", last: Widens, says: "the endpoint covers every path"},
	{name: "websocketCredentialRewrite", kind: flagShape, effect: opens, less: Changes, says: "credentials enter WebSocket messages"},
	{name: "requestBodyCredentialRewrite", kind: flagShape, effect: opens, says: "credentials enter request bodies"},
	{name: "advisorProposed", kind: flagShape, internal: true, less: Widens, says: "without it, the exact host may be an internal one"},
	{name: "credentialSigning", effect: opens, less: Changes, says: "requests are signed with the provider's credentials"},
	{name: "signingService"},
	{name: "signingRegion"},
	{name: "jsonRpcMaxBodyBytes", kind: countShape},
	{name: "mcp", kind: messageShape, of: &grantMessage{fields: []grantField{
		{name: "strictToolNames", kind: flagShape, on: true, effect: closes, says: "tools of any name may be called"},
		{name: "allowAllKnownMcpMethods", kind: flagShape, effect: opens, says: "every known method is allowed unless rules narrow it"},
	}}},
	{name: "credentialBinding", kind: messageShape, optional: true, effect: opens, less: Changes, of: &grantMessage{fields: []grantField{{name: "provider", must: true, effect: opens}}},
		says: "this provider's credentials may be used here"},
	{name: "allowUninspectedCredentials", kind: flagShape, effect: opens, says: "credentials travel where nothing can look"},
	{name: "providerCredentialed", kind: flagShape, internal: true},
}}

var policyGrants = &grantMessage{fields: []grantField{
	{name: "version", must: true, kind: countShape},
	{name: "filesystem", yaml: "filesystem_policy", kind: messageShape, optional: true, less: Widens,
		says: "without it the policy restricts no path", of: &grantMessage{judge: judgePaths, fields: []grantField{
			{name: "includeWorkdir", kind: flagShape, effect: opens},
			{name: "readOnly", kind: textsShape, effect: opens},
			{name: "readWrite", kind: textsShape, effect: opens},
		}}},
	{name: "landlock", kind: messageShape, of: &grantMessage{fields: []grantField{
		{name: "compatibility", ranks: []string{"hard_requirement", "best_effort"}, zero: "best_effort", says: "a sandbox starts even where paths cannot be restricted"},
	}}},
	{name: "process", kind: messageShape, of: &grantMessage{fields: []grantField{{name: "runAsUser", judge: widensTo("0", "root")}, {name: "runAsGroup", judge: widensTo("0", "root")}}}},
	{name: "networkPolicies", kind: mapShape, effect: opens, of: &grantMessage{judge: judgeRule, fields: []grantField{
		{name: "name"},
		{name: "endpoints", kind: listShape, of: endpointGrants, effect: opens},
		{name: "binaries", kind: listShape, of: binaryGrants, effect: opens},
	}}},
	{name: "networkMiddlewares", kind: mapShape, less: Widens, says: "the middleware no longer sees this traffic", of: &grantMessage{fields: []grantField{
		{name: "name"},
		{name: "middleware", must: true},
		{name: "config", kind: anyShape},
		{name: "onError", ranks: []string{"fail_closed", "fail_open"}, zero: "fail_closed", says: "traffic passes while the middleware is away"},
		{name: "endpoints", kind: messageShape, optional: true, of: &grantMessage{fields: []grantField{
			{name: "include", kind: textsShape, less: Widens, says: "the middleware no longer sees this traffic"},
			{name: "exclude", kind: textsShape, more: Widens, says: "the middleware no longer sees this traffic"},
		}}},
		{name: "order", kind: countShape},
	}}},
}}

var credentialGrants = &grantMessage{keys: []func(*value) string{keyed("name")}, fields: []grantField{
	{name: "name", must: true},
	{name: "description"},
	{name: "envVars", kind: textsShape, effect: opens},
	{name: "required", kind: flagShape},
	{name: "authStyle"},
	{name: "headerName"},
	{name: "queryParam"},
	{name: "refresh", kind: messageShape, optional: true, effect: opens, less: Changes, of: &grantMessage{fields: []grantField{
		{name: "strategy"},
		{name: "tokenUrl"},
		{name: "scopes", kind: textsShape, effect: opens, first: Changes, last: Changes},
		{name: "refreshBeforeSeconds", kind: countShape},
		{name: "maxLifetimeSeconds", kind: countShape},
		{name: "material", kind: listShape, of: &grantMessage{keys: []func(*value) string{keyed("name")}, fields: []grantField{
			{name: "name", must: true}, {name: "description"}, {name: "required", kind: flagShape}, {name: "secret", kind: flagShape},
		}}},
		{name: "additionalOutputs", kind: listShape, effect: opens, of: &grantMessage{fields: []grantField{{name: "output", must: true}, {name: "credential", must: true}}}},
	}}},
	{name: "pathTemplate"},
	{name: "tokenGrant", kind: messageShape, optional: true, effect: opens, less: Changes, of: &grantMessage{fields: []grantField{
		{name: "tokenEndpoint", must: true},
		{name: "audience"},
		{name: "scopes", kind: textsShape, effect: opens, first: Changes, last: Changes},
		{name: "cacheTtlSeconds", kind: countShape},
		{name: "audienceOverrides", kind: listShape, of: &grantMessage{fields: []grantField{
			{name: "host"}, {name: "port", kind: countShape}, {name: "path"}, {name: "audience", must: true}, {name: "scopes", kind: textsShape},
		}}},
		{name: "jwtSvidAudience"},
		{name: "clientAssertionType"},
	}}},
}}

var profileGrants = &grantMessage{fields: []grantField{
	{name: "id", must: true},
	{name: "displayName", must: true},
	{name: "description"},
	{name: "category"},
	{name: "credentials", kind: listShape, of: credentialGrants, effect: opens, last: Changes},
	{name: "endpoints", kind: listShape, of: endpointGrants, effect: opens},
	{name: "binaries", kind: listShape, of: binaryGrants, effect: opens},
	{name: "inferenceCapable", kind: flagShape},
	{name: "discovery", kind: messageShape, of: &grantMessage{fields: []grantField{{name: "credentials", kind: textsShape, effect: opens}}}},
	{name: "resourceVersion", kind: countShape},
	{name: "annotations", kind: labelsShape},
	{name: "source"},
	{name: "scope"},
}}

var settingsGrants = &grantMessage{camel: true, fields: []grantField{
	{name: "policySource"},
	{name: "providersV2Enabled", kind: flagShape},
	{name: "policyValidationFailureMode"},
	{name: "extensionAuthenticationEnabled", kind: flagShape, effect: closes, says: "extensions are not asked who they are"},
	{name: "settings", kind: anyShape},
	{name: "volumes", kind: anyShape},
	{name: "drivers", kind: anyShape},
	{name: "middlewareServices", kind: listShape, of: &grantMessage{camel: true, keys: []func(*value) string{keyed("name")}, fields: []grantField{
		{name: "name"},
		{name: "endpoint"},
		{name: "caSha256"},
		{name: "allowInsecureTransport", kind: flagShape, effect: opens, says: "traffic may reach it unprotected"},
	}}},
}}
