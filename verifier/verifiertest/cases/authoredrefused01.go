// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import "strings"

// What a line of a vector begins with; more fields follow.
const (
	tcpYAML        = "version: 1\nnetwork_policies:\n  web:\n    endpoints:\n    - {host: a.example.com, port: 443, protocol: tcp"
	restYAML       = "version: 1\nnetwork_policies:\n  web:\n    endpoints:\n    - {host: a.example.com, port: 443, protocol: rest"
	mcpYAML        = "version: 1\nnetwork_policies:\n  web:\n    endpoints:\n    - {host: a.example.com, port: 443, protocol: mcp, rules: [{allow: {method: a}}]"
	selectorYAML   = "    endpoints: {include: [x.example.com]}\n"
	configYAML01   = "version: 1\nnetwork_middlewares:\n  guard:\n    middleware: guard\n" + selectorYAML + "    config:\n      n: "
	credentialYAML = profileYAML + "credentials:\n- name: a\n  env_vars: [A]\n"
	grantYAML      = credentialYAML + "  token_grant: {token_endpoint: \"https://a.example/\""
)

// refusedYAML01 are what OpenShell 0.1 refuses, when it reads a file or when the
// result arrives at a gateway, and what it overlooks, overwrites or rounds.
var refusedYAML01 = []struct {
	name, about, input, at string
	attacks                []string
}{
	// What is read as something else than is written.
	{"number-0x-01", "0X1F is a number to OpenShell and text to others.", configYAML01 + "0X1F\n", "7:10", po23},
	{"number-0o-01", "0O17 is, too.", configYAML01 + "0O17\n", "7:10", po23},
	{"number-hexadecimal-wide-01", "In base 16, 2^63 is text to OpenShell.", configYAML01 + "0x8000000000000000\n", "7:10", po22},
	{"number-wide-01", "2^63 is rounded.", configYAML01 + "9223372036854775808\n", "7:10", po22},
	{"number-rounded-01", "2^53 + 1 is not a double.", configYAML01 + "9007199254740993\n", "7:10", po22},
	{"number-overflow-01", "Out of a double's range: OpenShell makes a null of it.", configYAML01 + "1e400\n", "7:10", po22},
	{"number-infinity-01", "Nor has infinity a number.", configYAML01 + ".inf\n", "7:10", po22},
	{"second-document-01", "A second document.", "version: 1\n---\nversion: 1\n", "2:1", po23},
	{"merge-01", "A merge.", "version: 1\nprocess:\n  <<: {run_as_user: sandbox}\n", "3:3", po23},
	{"tag-01", "A tag that makes a text of a number.", "version: 1\nprocess: {run_as_user: !!str 1000}\n", "2:24", po23},
	{"tag-anchor-01", "A tag behind an anchor.", "version: 1\nprocess: {run_as_user: &a ! sandbox}\n", "2:24", po23},
	{"directive-01", "Another version of YAML.", "%YAML 1.1\n---\nversion: 1\n", "1:1", po23},
	{"alias-six-01", "The sixth alias of one anchor.", "version: 1\nfilesystem_policy: {read_only: [&a /usr, *a, *a, *a, *a, *a, *a]}\n", "2:62", nil},
	{"alias-itself-01", "An anchor that holds itself.", "version: 1\nfilesystem_policy: &a\n  read_only: *a\n", "3:14", nil},
	{"key-twice-01", "Two keys that become one text.", "version: 1\nnetwork_policies:\n  0x1: {}\n  \"1\": {}\n", "4:3", po23},
	{"deep-01", "The 65th mapping.", "version: 1\nnetwork_policies: {a: {endpoints: [{rules: [{allow: {params: " + strings.Repeat("{a: ", 57) + strings.Repeat("}", 57) + "}}]}]}}\n", "2:286", nil},
	{"continuation-01", "A text that goes on where its parent begins.", "version: 1\nnetwork_policies:\n  web:\n    name: \"a\n    b\"\n", "5:5", po23},
	{"continuation-flow-01", "The same in flow style.", "version: 1\nnetwork_policies: {web: {name: a\n b, endpoints: [{host: a.example.com, port: 443, path: \"/a\nb\"}]}}\n", "4:1", po23},

	// What is not of the type.
	{"text-number-01", "A number is no text.", "version: 1\nprocess: {run_as_user: 1000}\n", "2:24", nil},
	{"text-boolean-01", "Nor is true.", endpointYAML + "      path: true\n", "6:13", nil},
	{"null-mapping-01", "null is no mapping.", "version: 1\nlandlock:\n", "2:10", nil},
	{"null-list-01", "Nor a list.", endpointYAML + "      rules:\n", "6:13", nil},
	{"null-boolean-01", "Nor false.", endpointYAML + "      allow_encoded_slash:\n", "6:27", nil},
	{"boolean-word-01", "yes is a text.", endpointYAML + "      allow_encoded_slash: yes\n", "6:28", nil},
	{"version-two-01", "The version is 1.", "version: 2\n", "1:10", nil},
	{"version-half-01", "A fraction is no whole number.", "version: 1.5\n", "1:10", nil},
	{"harness-01", "A key of before.", "version: 1\nnetwork_policies: {web: {binaries: [{path: /bin/a, harness: true}]}}\n", "2:52", nil},

	// Words.
	{"tls-terminate-01", "A mode that is gone.", endpointYAML + "      tls: terminate\n", "6:12", nil},
	{"tls-case-01", "Modes are spelled one way.", endpointYAML + "      tls: Skip\n", "6:12", nil},
	{"access-01", "read_only is not how it is spelled.", endpointYAML + "      access: read_only\n", "6:15", nil},
	{"enforcement-01", "A mode that there never was.", endpointYAML + "      enforcement: monitor\n", "6:20", nil},
	{"landlock-empty-01", "An empty word.", "version: 1\nlandlock: {compatibility: \"\"}\n", "2:27", nil},
	{"mcp-elsewhere-01", "Options of MCP for another protocol.", restYAML + ", access: full, mcp: {}}\n", "5:75", nil},
	{"mcp-versions-empty-01", "No version at all.", mcpYAML + ", mcp: {versions: []}}\n", "5:102", nil},
	{"mcp-versions-twice-01", "A version twice.", mcpYAML + ", mcp: {versions: [2025-03-26, 2025-03-26]}}\n", "5:115", nil},
	{"mcp-versions-other-01", "A version that nobody knows.", mcpYAML + ", mcp: {versions: [2024-11-05]}}\n", "5:103", nil},

	// What a gateway refuses when a policy arrives.
	{"reserved-01", "A key that is kept for what providers insert.", "version: 1\nnetwork_policies: {_provider_x: {}}\n", "2:20", nil},
	{"user-root-01", "A user that is not the image's.", "version: 1\nprocess: {run_as_user: root}\n", "2:24", nil},
	{"user-zero-01", "Root by its number.", "version: 1\nprocess: {run_as_group: \"0\"}\n", "2:25", nil},
	{"user-large-01", "Beyond the last user.", "version: 1\nprocess: {run_as_user: \"4294967295\"}\n", "2:24", nil},
	{"path-relative-01", "A path that is not absolute.", "version: 1\nfilesystem_policy: {read_only: [/usr, usr]}\n", "2:39", nil},
	{"path-up-01", "A path that goes up.", "version: 1\nfilesystem_policy: {read_only: [/usr/../etc]}\n", "2:33", nil},
	{"path-root-01", "The root can not be written to.", "version: 1\nfilesystem_policy: {read_write: [//]}\n", "2:34", nil},
	{"path-long-01", "A path of more than 4096 bytes.", "version: 1\nfilesystem_policy: {read_only: [/" + strings.Repeat("a", 4096) + "]}\n", "2:33", nil},
	{"paths-many-01", "The 257th path.", "version: 1\nfilesystem_policy: {read_only: [" + strings.Repeat("/a,", 256) + "], read_write: [/b]}\n", "2:817", nil},
	{"host-missing-01", "Neither a host nor addresses.", "version: 1\nnetwork_policies: {web: {endpoints: [{port: 443}]}}\n", "2:38", nil},
	{"host-any-01", "Any host.", "version: 1\nnetwork_policies: {web: {endpoints: [{host: \"*\", port: 443}]}}\n", "2:45", nil},
	{"host-tld-01", "All of a top-level domain.", "version: 1\nnetwork_policies: {web: {endpoints: [{host: \"**.com\", port: 443}]}}\n", "2:45", nil},
	{"host-inner-01", "A star within a label.", "version: 1\nnetwork_policies: {web: {endpoints: [{host: a.b*.com, port: 443}]}}\n", "2:45", nil},
	{"port-missing-01", "No port.", "version: 1\nnetwork_policies: {web: {endpoints: [{host: a.example.com}]}}\n", "2:38", nil},
	{"port-zero-01", "Port 0 is none.", "version: 1\nnetwork_policies: {web: {endpoints: [{host: a.example.com, port: 0}]}}\n", "2:66", nil},
	{"protocol-01", "A protocol that nobody knows.", endpointYAML + "      port: 443\n      protocol: gopher\n", "7:17", nil},
	{"rules-missing-01", "Requests are looked into, and nothing is allowed.", restYAML + "}\n", "5:50", nil},
	{"rules-and-access-01", "Both rules and access.", restYAML + ", access: full, rules: [{allow: {method: GET}}]}\n", "5:77", nil},
	{"deny-rules-alone-01", "Rules that take away from nothing.", endpointYAML + "      port: 443\n      deny_rules: [{method: GET}]\n", "7:19", nil},
	{"tcp-path-01", "A path where nothing looks.", tcpYAML + ", path: /a}\n", "5:61", nil},
	{"tcp-address-01", "tcp wants a name.", strings.Replace(tcpYAML, "a.example.com", "10.0.0.1", 1) + "}\n", "5:14", nil},
	{"endpoint-path-01", "A path that does not begin with a slash.", restYAML + ", access: full, path: a}\n", "5:76", nil},
	{"signing-01", "A way of signing that nobody knows.", restYAML + ", access: full, credential_signing: sigv5, signing_service: s3}\n", "5:90", nil},
	{"signing-service-01", "Signing for no service.", restYAML + ", access: full, credential_signing: sigv4}\n", "5:90", nil},
	{"persisted-01", "A word of GraphQL that nobody knows.", restYAML + ", access: full, persisted_queries: allow}\n", "5:89", nil},
	{"sql-01", "SQL cannot be enforced.", strings.Replace(restYAML, "rest", "sql", 1) + ", access: full, enforcement: enforce}\n", "5:82", nil},
	{"operation-01", "An operation that GraphQL has not.", strings.Replace(restYAML, "rest", "graphql", 1) + ", rules: [{allow: {operation_type: read}}]}\n", "5:92", nil},
	{"middleware-selector-01", "A middleware for no endpoint.", "version: 1\nnetwork_middlewares: {a: {middleware: m}}\n", "2:26", nil},
	{"middleware-order-01", "Two middlewares of one order.", "version: 1\nnetwork_middlewares:\n  a: {middleware: m, endpoints: {include: [a.example.com]}}\n  b: {middleware: m, endpoints: {include: [a.example.com]}}\n", "4:6", nil},
	{"middleware-error-01", "A word of a middleware that nobody knows.", "version: 1\nnetwork_middlewares:\n  a: {middleware: m, on_error: stop, endpoints: {include: [a.example.com]}}\n", "3:32", nil},
	{"middleware-skip-01", "A middleware for traffic that nothing looks into.", "version: 1\nnetwork_policies: {web: {endpoints: [{host: a.example.com, port: 443, tls: skip}]}}\nnetwork_middlewares:\n  a: {middleware: m, endpoints: {include: [\"*.example.com\"]}}\n", "4:33", nil},

	// The same of a profile.
	{"profile-unknown-01", "An unknown key: the host overlooks it.", profileYAML + "color: red\n", "3:1", nil},
	{"profile-key-twice-01", "A key twice, of which the host takes the last.", profileYAML + "annotations: {a: b, a: c}\n", "3:21", po23},
	{"profile-merge-01", "A merge, which the host makes in a profile.", profileYAML + "credentials:\n- &c {name: a}\n- {<<: *c, name: b}\n", "5:4", po23},
	{"profile-null-01", "null is no list.", profileYAML + "endpoints:\n", "3:11", nil},
	{"profile-id-01", "An id with a capital letter.", "id: Forge\ndisplay_name: Forge\n", "1:5", nil},
	{"profile-harness-01", "A key of before.", profileYAML + "binaries: [{path: /bin/a, harness: false}]\n", "3:27", nil},
	{"profile-tls-01", "A mode that is gone.", profileYAML + "endpoints: [{host: a.example.com, port: 443, protocol: rest, access: full, tls: terminate}]\n", "3:81", nil},
	{"profile-port-01", "A port that is none.", profileYAML + "endpoints: [{host: a.example.com, port: 70000}]\n", "3:41", nil},
	{"profile-variable-twice-01", "A variable twice.", profileYAML + "credentials: [{name: a, env_vars: [C]}, {name: b, env_vars: [D, C]}]\n", "3:65", nil},
	{"profile-variable-kept-01", "A variable that the host keeps.", profileYAML + "credentials: [{name: a, env_vars: [v1_A]}]\n", "3:36", nil},
	{"profile-style-01", "A style that nobody knows.", credentialYAML + "  auth_style: digest\n", "6:15", nil},
	{"profile-style-header-01", "A header without a name.", credentialYAML + "  auth_style: bearer\n", "6:15", nil},
	{"profile-style-path-01", "A path without a place.", credentialYAML + "  auth_style: path\n  path_template: /a\n", "6:15", nil},
	{"profile-style-query-01", "A parameter without a name.", credentialYAML + "  auth_style: query\n", "6:15", nil},
	{"profile-uninspected-01", "A credential where nothing looks.", credentialYAML + "endpoints: [{host: a.example.com, port: 443}]\n", "6:13", nil},
	{"profile-strategy-01", "A refresh without a strategy.", credentialYAML + "  refresh: {}\n", "6:12", nil},
	{"profile-duration-unit-01", "A duration in minutes.", credentialYAML + "  refresh: {strategy: static, refresh_before: 5m}\n", "6:47", nil},
	{"profile-duration-number-01", "A duration without its unit.", credentialYAML + "  refresh: {strategy: static, refresh_before: 300}\n", "6:47", nil},
	{"profile-duration-negative-01", "A duration below zero.", credentialYAML + "  refresh: {strategy: static, refresh_before_seconds: -1}\n", "6:55", nil},
	{"profile-duration-long-01", "A duration beyond its bound.", credentialYAML + "  refresh: {strategy: static, refresh_before: 315576000001s}\n", "6:47", nil},
	{"profile-duration-cut-01", "Digits that are cut off.", credentialYAML + "  refresh: {strategy: static, refresh_before: 1.0000000001s}\n", "6:47", po22},
	{"profile-duration-twice-01", "A duration in both forms.", credentialYAML + "  refresh: {strategy: static, refresh_before: 1s, refresh_before_seconds: 2}\n", "6:75", po23},
	{"profile-lifetime-01", "A lifetime of nothing.", credentialYAML + "  refresh: {strategy: static, max_lifetime: 0s}\n", "6:45", nil},
	{"profile-grant-01", "A grant that nobody knows.", grantYAML + ", grant_type: password}\n", "6:67", nil},
	{"profile-grant-address-01", "Secrets over http.", credentialYAML + "  token_grant: {token_endpoint: \"http://a.example/\"}\n", "6:33", nil},
	{"profile-grant-subject-01", "An exchange of nothing.", grantYAML + ", grant_type: token_exchange}\n", "6:67", nil},
	{"profile-grant-other-01", "A subject without an exchange.", grantYAML + ", subject_token: {source: provider_credential, credential: a}}\n", "6:70", nil},
	{"profile-grant-source-01", "A subject of nowhere.", grantYAML + ", grant_type: token_exchange, subject_token: {source: file, credential: a}}\n", "6:107", nil},
	{"profile-grant-itself-01", "An exchange for itself.", grantYAML + ", grant_type: token_exchange, subject_token: {source: provider_credential, credential: a}}\n", "6:140", nil},
	{"profile-file-path-01", "A file in a folder.", profileYAML + "files: [{path: a/b, content: x}]\n", "3:16", nil},
	{"profile-file-content-01", "A file without content.", profileYAML + "files: [{path: a}]\n", "3:9", nil},
	{"profile-file-template-01", "A placeholder for a secret.", profileYAML + "files: [{path: a, content: \"{{secret.X}}\"}]\n", "3:28", nil},
	{"profile-file-twice-01", "Two files of one name.", profileYAML + "files: [{path: a, content: x}, {path: a, content: y}]\n", "3:39", nil},
	{"profile-file-variable-01", "A variable of a credential.", credentialYAML + "files: [{path: a, content: x, env_var: A}]\n", "6:40", nil},
	{"profile-files-many-01", "The 17th file.", profileYAML + "files:\n" + filesYAML(17), "20:3", nil},
}

// filesYAML are some files of a profile.
func filesYAML(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("- {path: f" + string(rune('a'+i)) + ", content: x}\n")
	}
	return b.String()
}
