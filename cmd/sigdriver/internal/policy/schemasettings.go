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
		kept(boolKind, "providersV2Enabled", "yaml-settings"),
		kept(textKind, "policyValidationFailureMode", "yaml-settings"),
		kept(boolKind, "extensionAuthenticationEnabled", "yaml-settings"),
		kept(freeMap, "settings", "yaml-settings"),
		{key: "middlewareServices", member: "middlewareServices", kind: messageList, of: &serviceMessage, presence: true, vector: "yaml-settings", how: "sorted by `name`; a name twice is refused"},
		kept(freeKind, "volumes", "yaml-settings-limits"),
		kept(freeKind, "drivers", "yaml-settings-limits"),
	},
	finish: sortServices,
}

// policySources are the words that the gateway's own output uses, and ours.
var policySources = map[string]string{
	"sandbox": "SANDBOX_POLICY", "sandbox_policy": "SANDBOX_POLICY",
	"global": "GLOBAL_POLICY", "global_policy": "GLOBAL_POLICY",
}

var serviceMessage = message{name: "`middlewareServices`", fields: []field{
	{key: "name", member: "name", kind: textKind, strict: true, required: true, presence: true, vector: "yaml-settings"},
	{key: "endpoint", member: "endpoint", kind: textKind, strict: true, required: true, presence: true, vector: "yaml-settings"},
	kept(textKind, "caSha256", "yaml-settings"),
	kept(boolKind, "allowInsecureTransport", "yaml-settings"),
}}

func kept(k kind, name, vector string) field {
	return field{key: name, member: name, kind: k, presence: true, strict: true, vector: vector, how: "stays, if written"}
}

// sortServices puts the services into the one order that the gateway and the
// author can agree on.
func sortServices(_ *reader, n *node, at place, _ map[string]any, out *object) error {
	services, _ := out.get("middlewareServices").([]any)
	name := func(service any) string {
		text, _ := service.(*object).get("name").(string) // required, so it is there
		return text
	}
	seen := map[string]bool{}
	for i, s := range services {
		if seen[name(s)] {
			here := at.key("middlewareServices")
			return n.get("middlewareServices").items[i].fail(here.item(i), "has the name %s, as another has", printable(name(s)))
		}
		seen[name(s)] = true
	}
	slices.SortFunc(services, func(a, b any) int {
		return strings.Compare(name(a), name(b))
	})
	return nil
}
