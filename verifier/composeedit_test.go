// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

var editsApart = flag.Int("edits-apart", 5, "TestEveryEditOfACompositionIsNamed makes one edit of so many; `make durability` makes each")

// committedDocuments are the documents of the committed vectors and of the
// scenarios.
func committedDocuments(t *testing.T) (policies, profiles [][]byte) {
	seen := map[string]bool{}
	add := func(role verifier.Role, document []byte) {
		if seen[string(document)] {
			return
		}
		seen[string(document)] = true
		switch role {
		case verifier.SandboxPolicy:
			policies = append(policies, document)
		case verifier.ProviderProfile:
			profiles = append(profiles, document)
		}
	}
	for _, v := range cases.DocumentVectors() {
		if role, _ := verifier.RoleByName(v.Role); !v.Refused {
			add(role, v.Document)
		}
	}
	add(verifier.SandboxPolicy, vt.Canonical(vt.Policy()))
	for _, p := range []vt.Tree{vt.ForgeProfile(), vt.MirrorProfile(), vt.BridgeProfile()} {
		add(verifier.ProviderProfile, vt.Canonical(p))
	}
	if len(policies) < 5 || len(profiles) < 3 {
		t.Fatalf("%d policies, %d profiles", len(policies), len(profiles))
	}
	return policies, profiles
}

// Whatever single thing of whatever effective policy is changed, Verify refuses
// it and names the place, but for a marker where none is needed.
func TestEveryEditOfACompositionIsNamed(t *testing.T) {
	policies, profiles := committedDocuments(t)
	trust := vt.PinningTrust(digests(policies, profiles)...)
	r := rand.New(rand.NewPCG(4, 3))
	every := *editsApart
	if testing.Short() {
		every = 20
	}
	for _, recipe := range verifier.Recipes() {
		checkEveryEdit(t, r, recipe, policies, profiles, trust, every)
	}
}

func checkEveryEdit(t *testing.T, r *rand.Rand, recipe string, policies, profiles [][]byte, trust *verifier.Trust, every int) {
	refused, masked, stacks := 0, 0, 0
	for _, policy := range policies {
		for _, k := range vt.RandomStacks(r, recipe, policy, profiles) {
			stacks++
			if d := verifier.Verify(&k.Request, trust, verifier.MapFloors{}, vt.Now); d.Verdict != verifier.Allow {
				t.Fatalf("%v: %+v", d.Reason, d.Findings)
			}
			a, b := k.CheckEdits(trust, every, func(s string) { t.Error(s) })
			refused, masked = refused+a, masked+b
		}
	}
	t.Logf("%s: %d compositions, %d edits refused, %d masked", recipe, stacks, refused, masked)
	if stacks < 20 || refused*every < 5000 || masked == 0 {
		t.Error("too few to mean anything")
	}
}

func digests(lists ...[][]byte) (sums []string) {
	for _, list := range lists {
		for _, document := range list {
			sums = append(sums, vt.SHA256(document))
		}
	}
	return sums
}
