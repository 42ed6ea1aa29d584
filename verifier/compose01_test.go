// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/internal/cputime"
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// stack01 is a composition by a recipe of OpenShell 0.1: a policy with a credentialed
// layer and a plain one.
func stack01(recipe string) (*vt.Stack, *verifier.Trust) {
	k := vt.NewStack(recipe, verifier.SandboxPolicy, vt.Canonical(vt.Policy()), true,
		vt.Layer{Provider: "my-forge", Profile: vt.ForgeProfile()}, vt.Layer{Provider: "mirror", Profile: vt.MirrorProfile()})
	return k, vt.PinningTrust(vt.SHA256(vt.Canonical(vt.Policy())), vt.SHA256(vt.Canonical(vt.ForgeProfile())), vt.SHA256(vt.Canonical(vt.MirrorProfile())))
}

func decide01(k *vt.Stack, trust *verifier.Trust) verifier.Decision {
	return verifier.Verify(&k.Request, trust, verifier.MapFloors{}, vt.Now)
}

func firstEndpoint(tree vt.Tree, rule string) vt.Tree {
	return tree["networkPolicies"].(vt.Tree)[rule].(vt.Tree)["endpoints"].(vt.List)[0].(vt.Tree)
}

// The owner of a token grant is the gateway's to write: put aside from 0.1.3 on, by its
// form, and nowhere before.
func TestGrantOwners(t *testing.T) {
	for recipe, owner := range map[string]any{vt.Recipe09: vt.GrantOwner, vt.Recipe10: "grant-owner:v1:0000", "": 7} {
		k, trust := stack01(recipe)
		if recipe == "" {
			k, trust = stack01(vt.Recipe10)
		}
		if d := decide01(k, trust); d.Verdict != verifier.Allow {
			t.Fatalf("%s: %v %+v", recipe, d.Reason, d.Findings)
		}
		tree := vt.Parse(k.Request.Effective)
		firstEndpoint(tree, "_provider_mirror")["tokenGrantOwner"] = owner
		k.Request.Effective = vt.Canonical(tree)
		if d := decide01(k, trust); d.Reason != verifier.CompositionMismatch {
			t.Errorf("%s: %v is taken as %v", recipe, owner, d.Reason)
		}
	}
	k, _ := stack01(vt.Recipe10)
	tree := vt.ForgeProfile()
	tree["endpoints"].(vt.List)[0].(vt.Tree)["tokenGrantOwner"] = vt.GrantOwner
	k.Request.Documents[1].Body = vt.Canonical(tree)
	if d := decide01(k, vt.PinningTrust(vt.SHA256(vt.Canonical(vt.Policy())), vt.SHA256(vt.Canonical(tree)), vt.SHA256(vt.Canonical(vt.MirrorProfile())))); d.Reason != verifier.DocumentNoncanonical {
		t.Errorf("a document with an owner: %v", d.Reason)
	}
}

// A provider that is said to insert nothing inserts nothing, and its profile is judged.
func TestNoLayer(t *testing.T) {
	k, trust := stack01(vt.Recipe09)
	k.Request.Documents[1].NoLayer = verifier.BaseURLElsewhere
	if d := decide01(k, trust); d.Reason != verifier.CompositionPartExtra {
		t.Errorf("a layer of a provider without one: %v", d.Reason)
	}
	composed, fault := verifier.Composed(&k.Request)
	if fault != nil || strings.Contains(string(composed), "_provider_my_forge") {
		t.Fatalf("%v %s", fault, composed)
	}
	k.Request.Effective = composed
	if d := decide01(k, trust); d.Verdict != verifier.Allow {
		t.Errorf("%v %+v", d.Reason, d.Findings)
	}
	if d := decide01(k, vt.PinningTrust(vt.SHA256(k.Request.Documents[0].Body), vt.SHA256(k.Request.Documents[2].Body))); d.Verdict == verifier.Allow {
		t.Error("a profile that nobody approved is not judged")
	}
	recorded, err := verifier.ParseRequestJSON(verifier.RequestJSON(&k.Request))
	if err != nil || recorded.Request().Documents[1].NoLayer != verifier.BaseURLElsewhere {
		t.Errorf("the record of the request: %v", err)
	}
	for name, change := range map[string]func(r *verifier.Request){
		"by the first recipe": func(r *verifier.Request) { r.Recipe = vt.Recipe },
		"of a policy":         func(r *verifier.Request) { r.Documents[0].NoLayer = verifier.BaseURLElsewhere },
		"for no known reason": func(r *verifier.Request) { r.Documents[1].NoLayer = 7 },
	} {
		req := k.Request
		req.Documents = append([]verifier.Document{}, k.Request.Documents...)
		change(&req)
		if verifier.CheckRequest(&req) == nil {
			t.Errorf("no layer %s is taken", name)
		}
	}
	// A profile without endpoints has no host that a base URL could miss.
	bridge := vt.NewStack(vt.Recipe09, verifier.SandboxPolicy, vt.Canonical(vt.Policy()), true, vt.Layer{Provider: "bridge", Profile: vt.BridgeProfile(), NoLayer: verifier.BaseURLElsewhere})
	if d := decide01(bridge, vt.PinningTrust(vt.SHA256(bridge.Request.Documents[0].Body), vt.SHA256(bridge.Request.Documents[1].Body))); d.Reason != verifier.CompositionMismatch {
		t.Errorf("a profile without endpoints: %v", d.Reason)
	}
}

// Where credentials go is looked at for less than a bounded number of letters; what is
// left over must be marked.
func TestStampsAreBounded(t *testing.T) {
	label := strings.Repeat("*a", 30)
	many := func(n int) vt.List {
		list := vt.List{}
		for range n {
			list = append(list, vt.Tree{"host": label + ".example", "port": 443})
		}
		return list
	}
	profile, source := vt.ForgeProfile(), vt.Parse(vt.Canonical(vt.Policy()))
	profile["endpoints"] = many(2000)
	list := many(2000)
	for _, e := range list {
		e.(vt.Tree)["host"] = strings.ReplaceAll(label, "a", "b") + "c.example"
	}
	source["networkPolicies"] = vt.Tree{"web": vt.Tree{"name": "web", "endpoints": list}}
	req := verifier.Request{Purpose: verifier.Compose, Target: vt.WebOne, Recipe: vt.Recipe09, Documents: []verifier.Document{
		{Role: verifier.SandboxPolicy, Body: vt.Canonical(source)}, {Role: verifier.ProviderProfile, Provider: "forge", Body: vt.Canonical(profile)}}}
	took := cputime.Of(func() {
		composed, fault := verifier.Composed(&req)
		if fault != nil || !strings.Contains(string(composed), "providerCredentialed") {
			t.Error(fault)
		}
	})
	if took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
