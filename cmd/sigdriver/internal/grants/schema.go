// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package grants

// effect says what more of a field does to what is granted. It is what Diff
// classes a change by, so whatever is not certain is neutral.
type effect int

const (
	neutral effect = iota // nothing is claimed
	opens                 // more of it never grants less
	closes                // more of it never grants more
)

// kind is the shape of a field.
type kind int

const (
	text     kind = iota // a string
	count                // a number; 64-bit ones are strings
	flag                 // a boolean
	texts                // a set of strings, whatever their order
	one                  // a message
	many                 // a list of messages
	named                // a map of messages
	labels               // a map of strings
	anything             // JSON of somebody else
)

// field is one field of a message as a document writes it.
type field struct {
	name string // the JSON member
	yaml string // what authors call it; empty for the name in snake_case
	kind kind
	of   *message // of one, many and named

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

// message is one message of OpenShell's or of ours.
type message struct {
	fields []field
	// keys name an element of a list of such messages, for pairing, the closest
	// first; none for the whole element.
	keys []func(*node) string
	// camel tells that authors use the JSON names.
	camel bool
	// judge corrects the classes of changes inside such a message, where more than
	// one field decides.
	judge func(d *differ, was, is *node, changes []Change)
}

func (m *message) field(name string) *field {
	for i := range m.fields {
		if m.fields[i].name == name {
			return &m.fields[i]
		}
	}
	return nil
}

func keyed(name string) func(*node) string {
	return func(n *node) string { return n.text(name) }
}

var binaryMessage = &message{keys: []func(*node) string{keyed("path")}, fields: []field{
	{name: "path", must: true},
	{name: "harness", kind: flag},
}}

var matcherMessage = &message{fields: []field{
	{name: "glob"},
	{name: "any", kind: texts},
}}

var actionFields = []field{
	{name: "method"},
	{name: "path"},
	{name: "command"},
	{name: "query", kind: named, of: matcherMessage},
	{name: "operationType"},
	{name: "operationName"},
	{name: "fields", kind: texts},
	{name: "params", kind: named, of: matcherMessage},
}

var (
	denyMessage  = &message{fields: actionFields}
	allowMessage = &message{fields: actionFields}
	ruleMessage  = &message{fields: []field{{name: "allow", kind: one, of: allowMessage}}}
)

var endpointMessage = &message{keys: []func(*node) string{hostAndPath, hostOf}, judge: judgeEndpoint, fields: []field{
	{name: "host", must: true},
	{name: "port", kind: count, effect: opens},
	{name: "ports", kind: texts, effect: opens, first: Changes, last: Changes},
	{name: "protocol", judge: protocolChange, says: "requests are no longer inspected"},
	{name: "tls", judge: widensTo("skip"), says: "with skip nothing looks into the traffic"},
	{name: "enforcement", ranks: []string{"enforce", "audit"}, zero: "audit", says: "without enforce, what the rules do not allow is logged and let through"},
	{name: "access", ranks: []string{"read-only", "read-write", "full"}},
	{name: "rules", kind: many, of: ruleMessage, effect: opens, first: Changes, last: Widens},
	{name: "allowedIps", kind: texts, effect: opens, first: Changes, last: Changes, says: "these addresses may be internal ones"},
	{name: "denyRules", kind: many, of: denyMessage, effect: closes},
	{name: "allowEncodedSlash", kind: flag, effect: opens, says: "%2F passes in paths"},
	{name: "persistedQueries", ranks: []string{"deny", "allow_registered"}, zero: "deny"},
	{name: "graphqlPersistedQueries", kind: named, of: &message{fields: []field{
		{name: "operationType"}, {name: "operationName"}, {name: "fields", kind: texts},
	}}, effect: opens},
	{name: "graphqlMaxBodyBytes", kind: count},
	{name: "path", last: Widens, says: "the endpoint covers every path"},
	{name: "websocketCredentialRewrite", kind: flag, effect: opens, less: Changes, says: "credentials enter WebSocket messages"},
	{name: "requestBodyCredentialRewrite", kind: flag, effect: opens, says: "credentials enter request bodies"},
	{name: "advisorProposed", kind: flag, internal: true, less: Widens, says: "without it, the exact host may be an internal one"},
	{name: "credentialSigning", effect: opens, less: Changes, says: "requests are signed with the provider's credentials"},
	{name: "signingService"},
	{name: "signingRegion"},
	{name: "jsonRpcMaxBodyBytes", kind: count},
	{name: "mcp", kind: one, of: &message{fields: []field{
		{name: "strictToolNames", kind: flag, on: true, effect: closes, says: "tools of any name may be called"},
		{name: "allowAllKnownMcpMethods", kind: flag, effect: opens, says: "every known method is allowed unless rules narrow it"},
	}}},
	{name: "credentialBinding", kind: one, optional: true, effect: opens, less: Changes, of: &message{fields: []field{{name: "provider", must: true, effect: opens}}},
		says: "this provider's credentials may be used here"},
	{name: "allowUninspectedCredentials", kind: flag, effect: opens, says: "credentials travel where nothing can look"},
	{name: "providerCredentialed", kind: flag, internal: true},
}}

var policyMessage = &message{fields: []field{
	{name: "version", must: true, kind: count},
	{name: "filesystem", yaml: "filesystem_policy", kind: one, optional: true, less: Widens,
		says: "without it the policy restricts no path", of: &message{judge: judgePaths, fields: []field{
			{name: "includeWorkdir", kind: flag, effect: opens},
			{name: "readOnly", kind: texts, effect: opens},
			{name: "readWrite", kind: texts, effect: opens},
		}}},
	{name: "landlock", kind: one, of: &message{fields: []field{
		{name: "compatibility", ranks: []string{"hard_requirement", "best_effort"}, zero: "best_effort", says: "a sandbox starts even where paths cannot be restricted"},
	}}},
	{name: "process", kind: one, of: &message{fields: []field{{name: "runAsUser", judge: widensTo("0", "root")}, {name: "runAsGroup", judge: widensTo("0", "root")}}}},
	{name: "networkPolicies", kind: named, effect: opens, of: &message{judge: judgeRule, fields: []field{
		{name: "name"},
		{name: "endpoints", kind: many, of: endpointMessage, effect: opens},
		{name: "binaries", kind: many, of: binaryMessage, effect: opens},
	}}},
	{name: "networkMiddlewares", kind: named, less: Widens, says: "the middleware no longer sees this traffic", of: &message{fields: []field{
		{name: "name"},
		{name: "middleware", must: true},
		{name: "config", kind: anything},
		{name: "onError", ranks: []string{"fail_closed", "fail_open"}, zero: "fail_closed", says: "traffic passes while the middleware is away"},
		{name: "endpoints", kind: one, optional: true, of: &message{fields: []field{
			{name: "include", kind: texts, less: Widens, says: "the middleware no longer sees this traffic"},
			{name: "exclude", kind: texts, more: Widens, says: "the middleware no longer sees this traffic"},
		}}},
		{name: "order", kind: count},
	}}},
}}

var credentialMessage = &message{keys: []func(*node) string{keyed("name")}, fields: []field{
	{name: "name", must: true},
	{name: "description"},
	{name: "envVars", kind: texts, effect: opens},
	{name: "required", kind: flag},
	{name: "authStyle"},
	{name: "headerName"},
	{name: "queryParam"},
	{name: "refresh", kind: one, optional: true, effect: opens, less: Changes, of: &message{fields: []field{
		{name: "strategy"},
		{name: "tokenUrl"},
		{name: "scopes", kind: texts, effect: opens, first: Changes, last: Changes},
		{name: "refreshBeforeSeconds", kind: count},
		{name: "maxLifetimeSeconds", kind: count},
		{name: "material", kind: many, of: &message{keys: []func(*node) string{keyed("name")}, fields: []field{
			{name: "name", must: true}, {name: "description"}, {name: "required", kind: flag}, {name: "secret", kind: flag},
		}}},
		{name: "additionalOutputs", kind: many, effect: opens, of: &message{fields: []field{{name: "output", must: true}, {name: "credential", must: true}}}},
	}}},
	{name: "pathTemplate"},
	{name: "tokenGrant", kind: one, optional: true, effect: opens, less: Changes, of: &message{fields: []field{
		{name: "tokenEndpoint", must: true},
		{name: "audience"},
		{name: "scopes", kind: texts, effect: opens, first: Changes, last: Changes},
		{name: "cacheTtlSeconds", kind: count},
		{name: "audienceOverrides", kind: many, of: &message{fields: []field{
			{name: "host"}, {name: "port", kind: count}, {name: "path"}, {name: "audience", must: true}, {name: "scopes", kind: texts},
		}}},
		{name: "jwtSvidAudience"},
		{name: "clientAssertionType"},
	}}},
}}

var profileMessage = &message{fields: []field{
	{name: "id", must: true},
	{name: "displayName", must: true},
	{name: "description"},
	{name: "category"},
	{name: "credentials", kind: many, of: credentialMessage, effect: opens, last: Changes},
	{name: "endpoints", kind: many, of: endpointMessage, effect: opens},
	{name: "binaries", kind: many, of: binaryMessage, effect: opens},
	{name: "inferenceCapable", kind: flag},
	{name: "discovery", kind: one, of: &message{fields: []field{{name: "credentials", kind: texts, effect: opens}}}},
	{name: "resourceVersion", kind: count},
	{name: "annotations", kind: labels},
	{name: "source"},
	{name: "scope"},
}}

var settingsMessage = &message{camel: true, fields: []field{
	{name: "policySource"},
	{name: "providersV2Enabled", kind: flag},
	{name: "policyValidationFailureMode"},
	{name: "extensionAuthenticationEnabled", kind: flag, effect: closes, says: "extensions are not asked who they are"},
	{name: "settings", kind: anything},
	{name: "volumes", kind: anything},
	{name: "drivers", kind: anything},
	{name: "middlewareServices", kind: many, of: &message{camel: true, keys: []func(*node) string{keyed("name")}, fields: []field{
		{name: "name"},
		{name: "endpoint"},
		{name: "caSha256"},
		{name: "allowInsecureTransport", kind: flag, effect: opens, says: "traffic may reach it unprotected"},
	}}},
}}
