// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// The settings of a gateway: sigdriver's own message, plain JSON. What is written
// is signed, also a default.

var settingsMessage = message{
	name: "GatewaySettings",
	fields: []field{
		{key: "@type", member: "@type", kind: textKind, presence: true, strict: true, vector: "yaml-settings", how: "added, if left out"},
		{key: "policySource", member: "policySource", kind: enumKind, words: policySources, required: true, presence: true, vector: "yaml-settings", how: "`sandbox` and `global` become the roles' names"},
		asWritten(boolKind, "providersV2Enabled", "yaml-settings"),
		asWritten(textKind, "policyValidationFailureMode", "yaml-settings"),
		asWritten(boolKind, "extensionAuthenticationEnabled", "yaml-settings").closes().because("extensions are not asked who they are"),
		asWritten(freeMap, "settings", "yaml-settings"),
		asWritten(freeKind, "volumes", "yaml-settings-limits"),
		asWritten(freeKind, "drivers", "yaml-settings-limits"),
		list("middlewareServices", "middlewareServices", "yaml-settings", &serviceMessage).kept().becomes("sorted by `name`; a name twice is refused"),
	},
	finish: sortServices,
}

// policySources are the words that the gateway's own output uses, and ours.
var policySources = map[string]string{
	"sandbox": "SANDBOX_POLICY", "sandbox_policy": "SANDBOX_POLICY",
	"global": "GLOBAL_POLICY", "global_policy": "GLOBAL_POLICY",
}

var serviceMessage = message{name: "`middlewareServices`", pair: pairBy("name"), fields: []field{
	text("name", "name", "yaml-settings").quoted().must().kept(),
	text("endpoint", "endpoint", "yaml-settings").quoted().must().kept(),
	asWritten(textKind, "caSha256", "yaml-settings"),
	asWritten(boolKind, "allowInsecureTransport", "yaml-settings").opens().because("traffic may reach it unprotected"),
}}

func asWritten(k kind, name, vector string) field {
	return field{key: name, member: name, kind: k, presence: true, strict: true, vector: vector, how: "stays, if written"}
}

// sortServices puts the services into the one order that the gateway and the
// author can agree on.
func sortServices(_ *reader, n *node, at place, _ map[string]*value, out *value) error {
	services := out.list("middlewareServices")
	seen := map[string]bool{}
	for i, s := range services {
		name := s.text("name") // required, so it is there
		if seen[name] {
			here := at.key("middlewareServices")
			return n.get("middlewareServices").items[i].fail(here.item(i), "has the name %s, as another has", printable(name))
		}
		seen[name] = true
	}
	slices.SortFunc(services, func(a, b *value) int { return strings.Compare(a.text("name"), b.text("name")) })
	return nil
}
