// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "slices"

// Recipe is how gateways of some releases compose an effective policy: the source
// policy, and below networkPolicies one more rule for each provider.
type Recipe struct {
	Name     string
	Releases string // of OpenShell, for people
	// flag: layers are inserted only where the gateway has providers v2 on.
	flag bool
	// stamps: every endpoint that a credential reaches, by host, port and path, must
	// be marked; else those that a credentialed profile inserts.
	stamps bool
	// owners: the gateway writes tokenGrantOwner into endpoints.
	owners bool
}

// recipes are those that this driver knows, the oldest first.
var recipes = []Recipe{
	{Name: "openshell.compose/2026-08", Releases: "up to 0.0.116", flag: true},
	{Name: "openshell.compose/2026-09", Releases: "0.1.0 to 0.1.2", stamps: true},
	{Name: "openshell.compose/2026-10", Releases: "0.1.3 and later, seen up to 0.1.5", stamps: true, owners: true},
}

// AllRecipes returns the composition recipes that this driver knows, the oldest first.
func AllRecipes() []Recipe { return slices.Clone(recipes) }

// Recipes returns their names.
func Recipes() []string {
	var names []string
	for _, r := range recipes {
		names = append(names, r.Name)
	}
	return names
}

// recipeByName returns a recipe, nil for none.
func recipeByName(name string) *Recipe {
	for i := range recipes {
		if recipes[i].Name == name {
			return &recipes[i]
		}
	}
	return nil
}

// inserts reports whether the layers of a source are inserted.
//
// SPEC: Composition: layers are inserted if the source is SANDBOX_POLICY and, where the recipe has the flag, providers v2 is on.
func (r *Recipe) inserts(source Role, providersV2 bool) bool {
	return source == SandboxPolicy && (providersV2 || !r.flag)
}

// NoLayer says why an attached provider inserts nothing, though it has a profile. The
// zero value is a provider that does.
type NoLayer int

// BaseURLElsewhere is a provider whose configuration has a base URL with a host that
// is none of its profile's.
const BaseURLElsewhere NoLayer = 1

var noLayerNames = map[NoLayer]string{0: "", BaseURLElsewhere: "BASE_URL_ELSEWHERE"}

// String returns the contract's name; empty for the zero value.
func (n NoLayer) String() string { return noLayerNames[n] }

// NoLayerByName returns the reason of a name, false for none.
func NoLayerByName(name string) (NoLayer, bool) {
	for n, s := range noLayerNames {
		if s == name {
			return n, true
		}
	}
	return 0, false
}
