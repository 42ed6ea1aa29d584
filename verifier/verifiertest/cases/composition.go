// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// compositionCases are refusals because the effective policy is not what the
// recipe makes of the documents, or because a part of it is not attested.
func compositionCases() []*Case {
	mismatch := at(verifier.CompositionMismatch, -1, -1)
	effective := func(change func(vt.Tree)) func(*vt.Scenario) {
		return func(s *vt.Scenario) { s.EditEffective(change) }
	}
	rules := func(t vt.Tree) vt.Tree { return t["networkPolicies"].(vt.Tree) }
	// settings changes the approved settings.
	settings := func(change func(vt.Tree)) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			t := vt.GatewaySettings()
			change(t)
			s.Request.Documents[1].Body = vt.Canonical(t)
			s.Approve(1, "dave")
		}
	}
	unattested := func(document int) Want { return at(verifier.CompositionPartUnattested, document, -1) }
	return []*Case{
		denies("composition-part-unattested", composeLayers, "The attestation of one of three layers was stripped: the layer is named.",
			func(s *vt.Scenario) { s.Offer(2) }, unattested(2)).attack("PO-03"),
		denies("composition-part-unattested-source", composePlain, "The attestations of the source were stripped.",
			func(s *vt.Scenario) { s.Offer(0) }, unattested(0)).attack("PO-03"),
		denies("composition-part-unattested-global", composeGlobal, "Under a global policy an attached profile nobody approved: credentials follow profiles.",
			func(s *vt.Scenario) { s.Offer(1) }, unattested(1)).attack("SE-07"),
		denies("subject-mismatch-profile-edited", composeGlobal, "Under a global policy an attached profile was edited.",
			func(s *vt.Scenario) {
				s.Request.Documents[1].Body = vt.Edit(s.Body(1), "api.forge.example", "api.forge.invalid")
			}, at(verifier.SubjectMismatch, 1, 0)).attack("SE-07"),
		denies("subject-mismatch-layer-edited", composeLayers, "One byte of a layer changed after approval.",
			func(s *vt.Scenario) {
				s.Request.Documents[1].Body = vt.Edit(s.Body(1), "api.forge.example", "api.forge.exbmple")
				s.Recompose()
			}, at(verifier.SubjectMismatch, 1, 0)),
		denies("composition-part-extra", composeLayers, "The effective policy has a rule that no document accounts for.",
			effective(func(t vt.Tree) {
				rules(t)["exfiltrate"] = vt.Tree{"name": "exfiltrate", "endpoints": vt.List{vt.Tree{"host": "evil.example", "port": 443}}}
			}), at(verifier.CompositionPartExtra, -1, -1)),
		denies("composition-part-extra-layer", composePlain, "The effective policy has a layer that no document accounts for.",
			effective(func(t vt.Tree) { rules(t)["_provider_ghost"] = vt.LayerRule("_provider_ghost", vt.MirrorProfile()) }), at(verifier.CompositionPartExtra, -1, -1)),
		denies("composition-part-missing", composeLayers, "The effective policy lacks a rule of the source.",
			effective(func(t vt.Tree) { delete(rules(t), "tickets") }), at(verifier.CompositionPartMissing, -1, -1)),
		denies("composition-part-missing-layer", composeLayers, "The effective policy lacks a layer.",
			effective(func(t vt.Tree) { delete(rules(t), "_provider_my_forge") }), at(verifier.CompositionPartMissing, -1, -1)),
		denies("composition-part-missing-empty-layer", "allow-compose-credentials-only", "A profile without endpoints inserts its rule too.",
			effective(func(t vt.Tree) { delete(rules(t), "_provider_bridge") }), at(verifier.CompositionPartMissing, -1, -1)),
		denies("composition-mismatch-host", composeLayers, "One endpoint of the effective policy is another.",
			effective(func(t vt.Tree) { endpoint(t, "_provider_my_forge", 0)["host"] = "api.forge.invalid" }), mismatch).attack("PO-09"),
		denies("composition-mismatch-endpoint", composeLayers, "One endpoint more than the profile has.",
			effective(func(t vt.Tree) {
				rule := rules(t)["_provider_mirror_2"].(vt.Tree)
				rule["endpoints"] = append(rule["endpoints"].(vt.List), vt.Tree{"host": "evil.example", "port": 443})
			}), mismatch).attack("PO-09"),
		denies("composition-mismatch-static", composeLayers, "A field outside the network rules is another.",
			effective(func(t vt.Tree) { t["process"].(vt.Tree)["runAsUser"] = "root" }), mismatch),
		denies("composition-mismatch-marker", composeLayers, "An inserted endpoint of a credentialed profile without its marker.",
			effective(func(t vt.Tree) { delete(endpoint(t, "_provider_my_forge", 1), "providerCredentialed") }), mismatch).attack("PO-15"),
		denies("composition-mismatch-marker-false", composeLayers, "The marker, but false.",
			effective(func(t vt.Tree) { endpoint(t, "_provider_my_forge", 1)["providerCredentialed"] = false }), mismatch).attack("PO-15"),
		denies("composition-mismatch-advisor", composeLayers, "advisorProposed is stored content and is compared.",
			effective(func(t vt.Tree) { endpoint(t, "tickets", 0)["advisorProposed"] = true }), mismatch).attack("PO-15"),
		denies("composition-mismatch-uninspected", composeLayers, "allowUninspectedCredentials set in the effective policy only.",
			effective(func(t vt.Tree) { endpoint(t, "_provider_my_forge", 0)["allowUninspectedCredentials"] = true }), mismatch).attack("PO-16"),
		denies("composition-mismatch-tls", composeLayers, "tls: skip in the effective policy only.",
			effective(func(t vt.Tree) { endpoint(t, "tickets", 0)["tls"] = "skip" }), mismatch).attack("PO-16"),
		denies("composition-mismatch-allowed-ips", composeLayers, "A wider allowedIps in the effective policy only.",
			effective(func(t vt.Tree) { endpoint(t, "build_cache", 0)["allowedIps"] = vt.List{"10.0.0.0/8"} }), mismatch).attack("PO-16"),
		denies("composition-mismatch-unknown-member", "allow-compose-unknown-member", "A member that this driver does not know differs.",
			effective(func(t vt.Tree) { t["resourceLimits"].(vt.Tree)["memoryBytes"] = "2147483648" }), mismatch).attack("PO-19"),
		denies("composition-mismatch-order", composeLayers, "The endpoints of a layer in another order.",
			effective(func(t vt.Tree) {
				e := rules(t)["_provider_my_forge"].(vt.Tree)["endpoints"].(vt.List)
				e[0], e[1] = e[1], e[0]
			}), mismatch),
		denies("composition-mismatch-rule-name", composeLayers, "An inserted rule under another name.",
			effective(func(t vt.Tree) { rules(t)["_provider_my_forge"].(vt.Tree)["name"] = "_provider_other" }), mismatch),
		denies("composition-part-extra-providers-off", "allow-compose-providers-off", "Providers v2 is off and the layer is inserted all the same.",
			effective(func(t vt.Tree) {
				rules(t)["_provider_my_forge"] = vt.LayerRule("_provider_my_forge", vt.ForgeProfile())
			}), at(verifier.CompositionPartExtra, -1, -1)),
		denies("composition-part-missing-layer-2026-09", "allow-compose-2026-09", "Without a flag a layer is always inserted.",
			effective(func(t vt.Tree) { delete(rules(t), "_provider_my_forge") }), at(verifier.CompositionPartMissing, -1, -1)),
		denies("composition-mismatch-owner-2026-09", "allow-compose-2026-09", "An owner of a token grant, which gateways of these releases do not write.",
			effective(func(t vt.Tree) { endpoint(t, "tickets", 0)["tokenGrantOwner"] = vt.GrantOwner }), mismatch),
		denies("composition-mismatch-owner-2026-10", "allow-compose-2026-10", "An owner of a token grant that no gateway writes.",
			effective(func(t vt.Tree) {
				endpoint(t, "tickets", 0)["tokenGrantOwner"] = "grant-owner:v2:" + strings.Repeat("0", 64)
			}), mismatch).attack("PO-15"),
		denies("composition-mismatch-marker-2026-10", "allow-compose-2026-10", "An endpoint that a credential reaches without its marker.",
			effective(func(t vt.Tree) { delete(endpoint(t, "_provider_my_forge", 1), "providerCredentialed") }), mismatch).attack("PO-15"),
		denies("composition-part-extra-global", composeGlobal, "A global policy takes no layers.",
			effective(func(t vt.Tree) {
				rules(t)["_provider_my_forge"] = vt.LayerRule("_provider_my_forge", vt.ForgeProfile())
			}), at(verifier.CompositionPartExtra, -1, -1)),
		denies("composition-source", "allow-compose-settings", "The settings say that the global policy applies.",
			settings(func(t vt.Tree) { t["policySource"] = "GLOBAL_POLICY" }), at(verifier.CompositionSource, -1, -1)),
		denies("composition-recipe", "allow-compose-settings", "The settings say that no layers are inserted, the request says that they are.",
			settings(func(t vt.Tree) { t["providersV2Enabled"] = false }), at(verifier.CompositionRecipe, -1, -1)),
		denies("composition-noncanonical", composePlain, "The effective policy is not canonical.",
			func(s *vt.Scenario) {
				s.Request.Effective = []byte(strings.Replace(string(s.Request.Effective), ":", ": ", 1))
			},
			at(verifier.DocumentNoncanonical, -1, -1)),
		denies("composition-surface", composePlain, "The effective policy is another message.",
			func(s *vt.Scenario) { s.Request.Effective = vt.Canonical(vt.ForgeProfile()) }, at(verifier.DocumentSurface, -1, -1)),
	}
}
