// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// What COMPOSE asks for and what a gateway is told that trust governs are one
// thing: over every surface, roles, mode and gateway of a rule.
func TestGovernsIsWhatComposeAsksFor(t *testing.T) {
	parsed := 0
	for _, surface := range []string{verifiertest.SettingsSurface, verifiertest.PolicySurface, verifiertest.ProfileSurface, verifiertest.AnySurface} {
		for _, roles := range [][]string{nil, {"SETTINGS"}, {"SANDBOX_POLICY"}} {
			for _, mode := range []string{"enforce", "shadow"} {
				for _, gateway := range []string{"", "gw-east", "gw-west"} {
					s := verifiertest.ComposeLayers()
					rule := *s.Authorities.Rules[0]
					rule.Name, rule.Surface, rule.Roles, rule.Mode, rule.Gateway = "more", surface, roles, mode, gateway
					s.Authorities.Rules = append(s.Authorities.Rules, &rule)
					trust, err := verifier.ParseTrust(s.Source())
					if err != nil {
						continue // roles that the surface cannot play
					}
					d, err := s.Decide()
					if err != nil {
						t.Fatal(err)
					}
					parsed++
					asks := d.Reason == verifier.DocumentMissing
					if got := trust.Governs(verifier.Settings, s.Request.Target.GatewayID); got != asks {
						t.Errorf("surface %q, roles %v, %s, gateway %q: governs %t, COMPOSE asks %t", surface, roles, mode, gateway, got, asks)
					}
				}
			}
		}
	}
	if parsed < 40 {
		t.Errorf("%d combinations parsed", parsed)
	}
}
