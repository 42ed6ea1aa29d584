// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"embed"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// What authors write, and the document that has to come out. The documents of
// policies and profiles are not our own opinion: they are what OpenShell's parsers
// and its ProtoJSON codec make of the same file.
//
//go:embed authored
var authoredFiles embed.FS

// authored are the vectors with a document: authored/NAME.yaml and .json.
var authored = []struct{ name, about string }{
	{"yaml-policy", "A policy of the usual size; some text is quoted, some not."},
	{"yaml-rule-names", "A rule without a name is called what its key says."},
	{"yaml-binary-harness", "harness of a policy's binary goes away: the host ignores it."},
	{"yaml-endpoint", "Every plain field of an endpoint."},
	{"yaml-port", "One port becomes both forms; 0 is none."},
	{"yaml-ports", "Several ports; the first is also the port."},
	{"yaml-port-and-ports", "ports wins over port, but not if it is empty."},
	{"yaml-access", "Access presets stay presets."},
	{"yaml-rules", "Rules and deny rules, matchers in both forms, params in mappings, tool selectors."},
	{"yaml-tool-and-name", "params.name wins over tool."},
	{"yaml-graphql", "GraphQL: persisted queries, their registry and the body limit."},
	{"yaml-signing", "Credential signing."},
	{"yaml-json-rpc", "The body limit of JSON-RPC moves up into the endpoint."},
	{"yaml-mcp", "MCP options: false stays if it is written, none at all leave no mcp."},
	{"yaml-mcp-and-json-rpc", "mcp wins over json_rpc, also if it says nothing."},
	{"yaml-middleware", "Middlewares: a name from the key, a config that is always there, a selector that may be absent."},
	{"yaml-middleware-config", "Free-form configuration: every kind of value and of number."},
	{"yaml-empty", "Empty mappings: a message that is there stays there."},
	{"yaml-blank", "Keys without a value: nothing is there."},
	{"yaml-defaults", "Every default written out: left out."},
	{"yaml-order", "Keys in one order, lists keep theirs."},
	{"yaml-order-other", "The same policy in another order and style: the same document."},
	{"yaml-unicode", "Names beyond ASCII, and escapes."},
	{"yaml-texts", "A text is the letters that stand there: 1000, True, 1.50, quotes, blocks, folds."},
	{"yaml-numbers", "A sign before a number."},
	{"yaml-markers", "One document between its markers."},
	{"yaml-crlf", "Lines that end as on Windows."},
	{"yaml-json", "JSON with the names of the YAML schema."},
	{"yaml-json-deep", "The same, known by a name further in."},
	{"yaml-json-numbers", "JSON spells numbers and texts in ways of its own."},
	{"yaml-flow", "YAML in flow style."},
	{"yaml-printed", "What openshell policy get prints."},
	{"yaml-printed-crlf", "The same with the line ends of Windows."},
	{"yaml-printed-json", "What openshell policy get prints as JSON."},
	{"yaml-profile", "A profile of the usual size."},
	{"yaml-profile-derived", "What the gateway sets is left out."},
	{"yaml-profile-binaries", "Binaries in both forms; harness stays here."},
	{"yaml-profile-refresh", "Refresh: strategies in any spelling, 64-bit integers as strings."},
	{"yaml-profile-token-grant", "Token grants with overrides."},
	{"yaml-profile-endpoint", "Every field of an endpoint: here port and ports stay what they are, and an empty mcp stays."},
	{"yaml-profile-rules", "Rules, matchers with glob and any, tool selectors."},
	{"yaml-profile-category", "A category in any case, with a hyphen and spaces around it."},
	{"yaml-profile-defaults", "Every default written out: left out, but for the category."},
	{"yaml-policy-01", "A policy of the usual size in OpenShell 0.1: modes are enumerations, and an empty landlock says what it stands for."},
	{"yaml-landlock-01", "The other word of landlock."},
	{"yaml-endpoint-01", "Endpoints of OpenShell 0.1: every mode in every word, and what a gateway takes."},
	{"yaml-mcp-01", "MCP in OpenShell 0.1: versions are always there and in one order; a date without quotes is a text."},
	{"yaml-scalars-01", "How OpenShell 0.1 reads plain scalars, and keys that are no text."},
	{"yaml-alias-01", "A byte order mark, the version of YAML, a tag that says nothing new, anchors and aliases."},
	{"yaml-profile-endpoint-01", "Endpoints of a profile in OpenShell 0.1, and where null is nothing."},
	{"yaml-profile-refresh-01", "Durations, with no, 3, 6 or 9 digits of fraction."},
	{"yaml-profile-refresh-seconds-01", "The same in whole seconds, of which 0 is none."},
	{"yaml-profile-token-grant-01", "A token grant has its type, also if none is written."},
	{"yaml-profile-token-exchange-01", "A token exchange."},
	{"yaml-profile-files-01", "Files of a profile."},
	{"yaml-settings", "The settings of a gateway: what is written stays, services are sorted."},
	{"yaml-settings-json", "Settings as JSON."},
	{"yaml-settings-limits", "Limits of volumes and drivers are any JSON."},
}

func authoredVectors() []*DocumentVector {
	var vectors []*DocumentVector
	for _, a := range authored {
		input := vt.Must(authoredFiles.ReadFile("authored/" + a.name + ".yaml"))
		document := vt.Must(verifier.Canonical(vt.Must(authoredFiles.ReadFile("authored/" + a.name + ".json"))))
		v := documentVector(a.name, a.about, authoredRole(a.name), string(input), string(document), nil)
		v.From, v.OpenShell = FromAuthored, lineOf(a.name)
		vectors = append(vectors, v)
	}
	return append(vectors, refusedVectors()...)
}

// lineOf is the line of OpenShell that a vector is about, by its name; empty for 0.0.
func lineOf(name string) string {
	if strings.HasSuffix(name, "-01") {
		return "0.1"
	}
	return ""
}

func authoredRole(name string) verifier.Role {
	switch {
	case strings.HasPrefix(name, "yaml-profile"):
		return verifier.ProviderProfile
	case strings.HasPrefix(name, "yaml-settings"):
		return verifier.Settings
	}
	return verifier.SandboxPolicy
}
