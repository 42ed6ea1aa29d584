// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/sigdriver/sigdriver/verifier"
)

// ProviderNames are names of provider records of which many meet in one rule
// name, or leave nothing of themselves in one.
var ProviderNames = []string{
	"my-github", "my_github", "MY.GITHUB", "My GitHub", "Café x", "caf__x", "\u212aube", "ube", "unnamed", "___", "日本", "-", "a", "A",
	"_provider_a", "github", "github_2", "GitHub", "x\ty", "é", "0",
}

// Stack is one policy with some providers, composed.
type Stack struct {
	Request   verifier.Request
	Effective Tree              // what the recipe makes
	Providers map[string]string // who inserts a rule, by its key
}

// NewStack composes a policy by a recipe with layers in their order. Without insert
// the profiles are judged and nothing is inserted, where the recipe knows that; a
// global policy takes none.
func NewStack(recipe string, role verifier.Role, policy []byte, insert bool, layers ...Layer) *Stack {
	k := &Stack{Providers: map[string]string{}}
	k.Request = verifier.Request{Purpose: verifier.Compose, Target: WebOne, Recipe: recipe, ProvidersV2: insert && recipe == Recipe}
	k.Request.Documents = []verifier.Document{{Role: role, Body: policy}}
	if recipe == Recipe && !insert {
		for i := range layers {
			layers[i].NoLayer = verifier.BaseURLElsewhere // for ComposeBy: the request does not say so
		}
	}
	for _, l := range layers {
		d := verifier.Document{Role: verifier.ProviderProfile, Provider: l.Provider, Body: Canonical(l.Profile)}
		if recipe != Recipe {
			d.NoLayer = l.NoLayer
		}
		k.Request.Documents = append(k.Request.Documents, d)
		if l.NoLayer == 0 && role == verifier.SandboxPolicy {
			key := RuleName(l.Provider)
			for n := 2; k.Providers[key] != ""; n++ {
				key = RuleName(l.Provider) + "_" + strconv.Itoa(n)
			}
			k.Providers[key] = l.Provider
		}
	}
	k.Request.Effective = ComposeBy(recipe, role, Parse(policy), layers...)
	if recipe == Recipe10 {
		k.Request.Effective = Owned(k.Request.Effective)
	}
	k.Effective = Parse(k.Request.Effective)
	return k
}

// RandomStacks attaches each profile once, to 0 to 4 at a time, in random order
// and under random names, to a policy.
func RandomStacks(r *rand.Rand, recipe string, policy []byte, profiles [][]byte) (list []*Stack) {
	order, names := r.Perm(len(profiles)), r.Perm(len(ProviderNames))
	for {
		n := min(r.IntN(5), len(order))
		var layers []Layer
		for i, p := range order[:n] {
			l := Layer{Provider: ProviderNames[names[i]], Profile: Parse(profiles[p])}
			if endpoints, _ := l.Profile["endpoints"].(List); recipe != Recipe && len(endpoints) > 0 && r.IntN(6) == 0 {
				l.NoLayer = verifier.BaseURLElsewhere
			}
			layers = append(layers, l)
		}
		role, insert := verifier.SandboxPolicy, true
		switch r.IntN(8) {
		case 0:
			role = verifier.GlobalPolicy
		case 1:
			insert = false
		}
		list = append(list, NewStack(recipe, role, policy, insert, layers...))
		if order = order[n:]; len(order) == 0 {
			return list
		}
		names = append(names[n:], names[:n]...)
	}
}

// PinningTrust takes any document of the digests without a signature, so that
// what is left to judge is how they are composed.
func PinningTrust(sha256 ...string) *verifier.Trust {
	s := NewScenario()
	s.Authorities.Rules = []*Rule{{Name: "pinned", Surface: AnySurface, Roles: []string{"SANDBOX_POLICY", "GLOBAL_POLICY", "PROVIDER_PROFILE"},
		Mode: "enforce", Require: []Requirement{}, Pinned: sha256}}
	return Must(verifier.ParseTrust(s.Source()))
}

// CheckEdits makes every edit of the stack's effective policy and compares what
// Verify says with what must be said. It reports the first wrong ones through
// fail, and returns how many edits were refused and how many are masked. Of every
// `every` edits it looks at one.
func (k *Stack) CheckEdits(trust *verifier.Trust, every int, fail func(string)) (refused, masked int) {
	n := 0
	EachEdit(k.Request.Effective, func(e TreeEdit) {
		if n++; n%every != 0 {
			return
		}
		req := k.Request
		req.Effective = Canonical(e.Tree)
		d := verifier.Verify(&req, trust, verifier.MapFloors{}, Now)
		want := Differs(k.Request.Recipe, k.Effective, e.Tree, k.Providers)
		if want.Reason == verifier.Allowed {
			masked++
		} else {
			refused++
		}
		if fault := want.check(&d); fault != "" {
			fail(fmt.Sprintf("%s %s: %s", e.At, e.What, fault))
		}
	})
	return refused, masked
}
