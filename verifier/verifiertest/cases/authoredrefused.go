// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

// endpointYAML starts an endpoint of a policy; its fields follow, six deep.
const (
	endpointYAML = "version: 1\nnetwork_policies:\n  web:\n    endpoints:\n    - host: a.example\n"
	configYAML   = "version: 1\nnetwork_middlewares:\n  guard:\n    middleware: guard\n    config:\n      n: "
	profileYAML  = "id: forge\ndisplay_name: Forge\n"
)

// refusedVectors are what nobody may read as one thing or another, and what the
// host refuses. Where says the line and the column of the fault.
func refusedVectors() []*DocumentVector {
	var vectors []*DocumentVector
	for _, r := range append(refusedYAML, refusedYAML01...) {
		v := documentVector("yaml-"+r.name, r.about, authoredRole("yaml-"+r.name), r.input, "", r.attacks)
		v.From, v.At, v.OpenShell = FromAuthored, r.at, lineOf(r.name)
		vectors = append(vectors, v)
	}
	return vectors
}

var po23, po22 = []string{"PO-23"}, []string{"PO-22"}

var refusedYAML = []struct {
	name, about, input, at string
	attacks                []string
}{
	// YAML that two readers read as two things.
	{"duplicate", "A key twice.", "version: 1\nversion: 2\n", "2:1", po23},
	{"duplicate-quoted", "A key twice, once in quotes.", "version: 1\n\"version\": 2\n", "2:1", po23},
	{"duplicate-escaped", "A key twice, once in escapes.", "version: 1\n\"\\x76ersion\": 2\n", "2:1", po23},
	{"duplicate-rule", "A rule twice: the host keeps the last one silently.", "version: 1\nnetwork_policies:\n  web: {name: a}\n  web: {name: b}\n", "4:3", po23},
	{"duplicate-config", "A key twice in free-form configuration.", configYAML + "{a: 1, a: 2}\n", "6:17", po23},
	{"duplicate-unicode", "Two keys that differ only in how Unicode spells them.", "version: 1\nnetwork_policies:\n  caf\u00e9: {}\n  cafe\u0301: {}\n", "4:3", po23},
	{"second-document", "A second document.", "version: 1\n---\nversion: 2\n", "2:1", po23},
	{"second-document-empty", "A second document with nothing in it.", "version: 1\n---\n", "2:1", po23},
	{"second-document-broken", "Something after the end that is no YAML.", "version: 1\n---\n[\n", "3:0", po23},
	{"anchor", "An anchor.", "version: &v 1\n", "1:10", po23},
	{"alias", "An alias: its anchor comes first.", "version: 1\nprocess: {run_as_user: &u a, run_as_group: *u}\n", "2:24", po23},
	{"merge", "A merge.", "version: 1\nprocess:\n  <<: {run_as_user: a}\n", "3:3", po23},
	{"merge-rule", "A merge where a key is anybody's.", "version: 1\nnetwork_policies:\n  <<: {}\n", "3:3", po23},
	{"tag", "A tag of YAML.", "version: !!int 1\n", "1:10", po23},
	{"tag-binary", "A tag that decodes.", "version: 1\nprocess: {run_as_user: !!binary YQ==}\n", "2:24", po23},
	{"tag-local", "A tag of nobody.", "version: 1\nprocess: !mine {run_as_user: a}\n", "2:10", po23},
	{"tag-none", "The tag that only says: no tag.", "version: ! 1\n", "1:10", po23},
	{"tag-block", "A tag on a mapping that begins a line later.", "version: 1\nprocess: !!map\n  run_as_user: a\n", "2:10", po23},
	{"tag-list", "A tag on a list that is not indented.", "version: 1\nfilesystem_policy:\n  read_only: !!seq\n  - a\n", "3:14", po23},
	{"tag-nothing", "A tag on nothing.", "version: 1\nprocess: !!null\n", "2:10", po23},
	{"tag-root", "A tag on everything.", "!!map\nversion: 1\n", "1:1", po23},
	{"tag-key", "A tag on a key.", "!!str version: 1\n", "1:1", po23},
	{"tag-after-wide", "A tag behind characters of several bytes.", "version: 1\nnetwork_policies: {\"größe 😀\": ! {}}\n", "2:31", po23},
	{"anchor-list", "An anchor on a list.", "version: 1\nfilesystem_policy:\n  read_only: &a\n  - a\n", "3:14", po23},
	{"tag-crlf", "A tag in a file with the line ends of Windows.", "version: 1\r\nprocess: ! {}\r\n", "2:10", po23},
	{"tag-map", "A tag on a mapping.", "version: 1\nprocess: !!map {run_as_user: a}\n", "2:10", po23},
	{"directive", "A directive.", "%YAML 1.1\n---\nversion: 1\n", "1:1", po23},
	{"directive-later", "A directive behind a comment.", "# so\n\n%YAML 1.1\n---\nversion: 1\n", "3:1", po23},
	{"key-number", "A key that is a number.", "version: 1\nnetwork_policies:\n  8080: {}\n", "3:3", po23},
	{"key-boolean", "A key that is true to some.", "version: 1\nnetwork_policies:\n  on: {}\n", "3:3", po23},
	{"key-null", "A key that is null.", "version: 1\nnetwork_policies:\n  null: {}\n", "3:3", po23},
	{"key-list", "A key that is a list.", "version: 1\nnetwork_policies:\n  ? [a]\n  : {}\n", "3:5", po23},
	{"number-octal", "014 is 12 to some and 14 to others.", endpointYAML + "      port: 014\n", "6:13", po23},
	{"number-octal-12", "0o14 is 12 to some and text to others.", endpointYAML + "      port: 0o14\n", "6:13", po23},
	{"number-underscore", "1_000 is 1000 to some and text to others.", endpointYAML + "      port: 1_000\n", "6:13", po23},
	{"number-binary", "0b11 is 3 to some and text to others.", endpointYAML + "      port: 0b11\n", "6:13", po23},
	{"number-base-60", "1:30 is 90 to some and text to others.", configYAML + "1:30\n", "6:10", po23},
	{"number-exponent-bare", "1e3 is 1000 to some and text to others.", configYAML + "1e3\n", "6:10", po23},
	{"number-exponent-unsigned", "1.5e3 is 1500 to some and text to others.", configYAML + "1.5e3\n", "6:10", po23},
	{"number-hexadecimal-signed", "-0x1 is -1 to some and text to others.", configYAML + "-0x1\n", "6:10", po23},
	{"number-in-text", "Also where a text is wanted: an editor may rewrite it.", "version: 1\nprocess: {run_as_user: 0777}\n", "2:24", po23},
	{"yes", "yes is true to some and text to others.", configYAML + "yes\n", "6:10", po23},
	{"date", "A date to some and text to others.", configYAML + "2026-08-21\n", "6:10", po23},
	{"next-line", "NEL ends a line for some, even in a comment.", "version: 1 # so\u0085process: {}\n", "1:16", po23},
	{"line-separator", "U+2028 ends a line for some.", "version: 1\nprocess: {run_as_user: \"a\u2028b\"}\n", "2:26", po23},
	{"json-line-separator", "The same in JSON: the host reads it as YAML and makes a space of it.", "{\"version\": 1, \"process\": {\"run_as_user\": \"a\u2028b\"}}", "1:45", po23},
	{"control", "A character that YAML knows in escapes only.", "version: 1\nprocess: {run_as_user: \"a\u007fb\"}\n", "2:26", nil},
	{"escape-slash", "An escape of YAML 1.2 that YAML 1.1 has not.", "version: 1\nprocess:\n  run_as_user: \"a\\/b\"\n", "3:0", po23},
	{"question-mark", "A key behind a question mark, which is a part of it to some.", "{?version: 1}\n", "1:3", po23},
	{"colon", "A colon at the end of a text, which ends it for some.", "version: 1\nprocess: {run_as_user: a:}\n", "2:24", po23},
	{"block-end", "Spaces behind a block scalar are a line of it to some.", "version: 1\nprocess:\n  run_as_user: |\n    a\n     ", "5:1", po23},
	{"paragraph-separator", "U+2029 ends a line for some.", "version: 1\nprocess: {run_as_user: \"a\u2029b\"}\n", "2:26", po23},
	{"bom", "A byte order mark.", "\ufeffversion: 1\n", "1:1", po23},
	{"utf8", "A byte that is not UTF-8.", "version: 1\nprocess: {run_as_user: \xff}\n", "2:24", nil},
	{"utf8-old-lines", "The same, with the line ends of old.", "version: 1\rprocess: {run_as_user: \xff}\r", "2:24", nil},
	{"utf8-crlf", "The same, with the line ends of Windows.", "version: 1\r\nprocess: {run_as_user: \xff}\r\n", "2:24", nil},
	{"utf16", "UTF-16.", "\xff\xfev\x00", "1:1", nil},
	{"not-a-number", "NaN has no JSON; the host makes a null of it.", configYAML + ".nan\n", "6:10", po22},
	{"not-a-number-in-list", "NaN in a list.", configYAML + "[1, .nan]\n", "6:14", po22},
	{"not-a-number-in-mapping", "NaN in a mapping.", configYAML + "{a: .nan}\n", "6:14", po22},
	{"infinity", "Nor has infinity.", configYAML + "-.inf\n", "6:10", po22},
	{"overflow", "Out of a double's range; the host makes a text of it.", configYAML + "1.0e+400\n", "6:10", po22},
	{"underflow", "Too small to be anything but 0.", configYAML + "1.0e-400\n", "6:10", po22},
	{"rounded", "2^53 + 1 is not a double.", configYAML + "9007199254740993\n", "6:10", po22},
	{"wide", "Beyond 64 bits.", configYAML + "18446744073709551616\n", "6:10", po22},

	// What the schema refuses.
	{"nothing", "An empty file.", "# nothing\n", "", nil},
	{"list", "A list.", "- version: 1\n", "1:1", nil},
	{"syntax", "No YAML.", "version: [1\n", "1:0", nil},
	{"unknown", "An unknown key.", "version: 1\nfilesystem: {}\n", "2:1", nil},
	{"unknown-deep", "An unknown key, deep down.", endpointYAML + "      prot: 443\n", "6:7", nil},
	{"unknown-derived", "What the gateway derives cannot be written.", endpointYAML + "      provider_credentialed: true\n", "6:7", nil},
	{"unknown-member", "The member's name of the document is no key.", "version: 1\nnetworkPolicies: {}\n", "2:1", nil},
	{"no-version", "No version.", "process: {}\n", "1:1", nil},
	{"no-provider", "A credential binding without its provider.", endpointYAML + "      credential_binding: {}\n", "6:27", nil},
	{"no-path", "A binary without its path.", "version: 1\nnetwork_policies: {web: {binaries: [{harness: true}]}}\n", "2:37", nil},
	{"no-allow", "A rule that allows nothing in particular.", endpointYAML + "      rules:\n      - {}\n", "7:9", nil},
	{"no-middleware", "A middleware without its implementation.", "version: 1\nnetwork_middlewares:\n  guard: {order: 1}\n", "3:10", nil},
	{"port-large", "A port beyond 65535.", endpointYAML + "      port: 65536\n", "6:13", nil},
	{"port-negative", "A port below 0.", endpointYAML + "      ports: [-1]\n", "6:15", nil},
	{"port-minus-zero", "Minus zero, where nothing is below zero.", endpointYAML + "      port: -0\n", "6:13", nil},
	{"port-quoted", "A number in quotes is a text.", endpointYAML + "      port: \"443\"\n", "6:13", nil},
	{"port-fraction", "A fraction.", endpointYAML + "      port: 443.0\n", "6:13", nil},
	{"port-blank", "A number that is not there.", endpointYAML + "      port:\n", "6:12", nil},
	{"order-large", "Beyond 32 bits.", "version: 1\nnetwork_middlewares: {g: {middleware: m, order: 2147483648}}\n", "2:49", nil},
	{"boolean-quoted", "A truth value in quotes is a text.", "version: 1\nfilesystem_policy: {include_workdir: \"true\"}\n", "2:38", nil},
	{"boolean-number", "1 is not true.", "version: 1\nfilesystem_policy: {include_workdir: 1}\n", "2:38", nil},
	{"text-null", "null where a text is wanted: the host reads the word.", "version: 1\nlandlock: {compatibility: null}\n", "2:27", nil},
	{"text-list", "A list where a text is wanted.", "version: 1\nlandlock: {compatibility: [a]}\n", "2:27", nil},
	{"list-text", "A text where a list is wanted.", "version: 1\nfilesystem_policy: {read_only: /usr}\n", "2:32", nil},
	{"list-null", "null where a list is wanted.", "version: 1\nfilesystem_policy: {read_only: null}\n", "2:32", nil},
	{"mapping-list", "A list where a mapping is wanted.", "version: 1\nprocess: []\n", "2:10", nil},
	{"map-list", "A list where names are wanted.", "version: 1\nnetwork_policies: [a]\n", "2:19", nil},
	{"map-text", "A text where names are wanted.", "version: 1\nnetwork_policies: web\n", "2:19", nil},
	{"matcher-number", "A matcher that is a number.", endpointYAML + "      rules: [{allow: {query: {page: 1}}}]\n", "6:38", nil},
	{"matcher-glob", "glob is written as a text in a policy.", endpointYAML + "      rules: [{allow: {query: {page: {glob: x}}}}]\n", "6:39", nil},
	{"matcher-list", "any of a list that is not of texts.", endpointYAML + "      rules: [{allow: {query: {page: {any: [1]}}}}]\n", "6:45", nil},
	{"matcher-blank", "any of nothing at all.", endpointYAML + "      rules: [{allow: {query: {page: {any: }}}}]\n", "6:44", nil},
	{"profile-json-number", "The host takes no number for a text in a profile that is JSON.", `{"id": "forge", "display_name": 7}`, "1:33", nil},
	{"params-twice", "One parameter in two spellings.", endpointYAML + "      rules: [{allow: {params: {a: {b: x}, a.b: z}}}]\n", "6:44", nil},
	{"reserved", "A key that is kept for what providers insert.", "version: 1\nnetwork_policies: {_provider_x: {}}\n", "", nil},
	{"deep", "Deeper than a document may nest.", configYAML + deepList(31) + "\n", "", nil},
	{"very-deep", "Deeper than a file may nest.", configYAML + deepList(70) + "\n", "6:71", nil},
	{"json-duplicate", "A name twice in JSON with the names of the YAML schema.", `{"version": 1, "network_policies": {}, "version": 2}`, "1:40", nil},
	{"json-duplicate-unicode", "Two names in JSON that differ only in how Unicode spells them.", "{\"version\": 1, \"network_policies\": {\"caf\u00e9\": {}, \"cafe\u0301\": {}}}", "1:49", po23},
	{"printed-metadata", "openshell policy get without the policy.", "Version:      3\nHash:         5b1e\nStatus:       Loaded\n", "1:1", nil},
	{"printed-metadata-json", "The same as JSON.", `{"scope": "sandbox", "version": 3, "hash": "5b1e", "status": "loaded"}`, "1:1", nil},
	{"printed-null", "The same with a policy that is null.", `{"scope": "sandbox", "version": 3, "hash": "5b1e", "status": "loaded", "policy": null}`, "1:1", nil},
	{"printed-duplicate", "A name twice in the policy inside.", `{"hash": "5b1e", "policy": {"version": 1, "version": 2}}`, "1:43", nil},
	{"printed-syntax", "Lines count from the first of them.", "Version:      3\n---\nversion: 1\nprocess:\n  run_as_user: \"\\q\"\n", "5:0", nil},
	{"printed-other", "A line among them that it does not print.", "Version:      3\nfilesystem_policy: {}\n---\nversion: 1\n", "2:1", nil},
	{"profile-printed", "Lines about a revision are of policies only.", "Version:      3\n---\n" + profileYAML, "2:1", nil},
	{"profile-printed-json", "Nor does JSON with a profile inside become one.", `{"hash": "5b1e", "policy": {"id": "forge", "display_name": "Forge"}}`, "", nil},
	{"profile-unknown", "An unknown key: the host overlooks it, an approver must not.", profileYAML + "endpoint: []\n", "3:1", nil},
	{"profile-json-rpc", "A policy's stanza in a profile.", profileYAML + "endpoints: [{host: a.example, json_rpc: {}}]\n", "3:31", nil},
	{"profile-binding", "A profile cannot bind a credential.", profileYAML + "endpoints: [{host: a.example, credential_binding: {provider: p}}]\n", "3:31", nil},
	{"profile-no-id", "A profile without an id.", "display_name: Forge\n", "1:1", nil},
	{"profile-empty-id", "A profile whose id is empty.", "id: \"\"\ndisplay_name: Forge\n", "", nil},
	{"profile-no-host", "An endpoint without a host.", profileYAML + "endpoints: [{port: 443}]\n", "3:13", nil},
	{"profile-category-list", "A list where a word is wanted.", profileYAML + "category: [agent]\n", "3:11", nil},
	{"profile-category-other", "A category that nobody knows.", profileYAML + "category: toys\n", "3:11", nil},
	{"profile-strategy-other", "A strategy that nobody knows.", profileYAML + "credentials: [{name: a, refresh: {strategy: unspecified}}]\n", "3:45", nil},
	{"profile-rules-empty", "An empty list of rules would deny everything.", profileYAML + "endpoints: [{host: a.example, rules: []}]\n", "3:38", nil},
	{"profile-tool-and-name", "Both tool and params.name, for MCP.", profileYAML + "endpoints: [{host: a.example, protocol: mcp, rules: [{allow: {tool: a, params: {name: b}}}]}]\n", "3:69", nil},
	{"profile-binary-number", "A binary that is a number.", profileYAML + "binaries: [1]\n", "3:12", nil},
	{"profile-seconds", "Beyond 64 bits.", profileYAML + "credentials: [{name: a, refresh: {max_lifetime_seconds: 9223372036854775808}}]\n", "3:57", nil},
	{"settings-unknown", "An unknown member of the settings.", "policySource: sandbox\npolicyValidationMode: fail_closed\n", "2:1", nil},
	{"settings-json-unknown", "The same as JSON.", `{"policySource": "sandbox", "policyValidationMode": "fail_closed"}`, "1:29", nil},
	{"settings-source", "A source that is none.", "policySource: profile\n", "1:15", nil},
	{"settings-no-source", "Settings that do not name the source.", "providersV2Enabled: true\n", "1:1", nil},
	{"settings-twice", "A service twice.", "policySource: sandbox\nmiddlewareServices:\n- {name: a, endpoint: x}\n- {name: a, endpoint: w}\n", "4:3", nil},
	{"settings-type", "Another type.", "\"@type\": type.googleapis.com/openshell.v1.ProviderProfile\npolicySource: sandbox\n", "", nil},
}

// deepList nests lists.
func deepList(n int) string {
	text := ""
	for range n {
		text = "[" + text + "]"
	}
	return text
}
