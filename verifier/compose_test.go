// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// composition is a request for COMPOSE in pieces that a test can change.
type composition struct {
	source      Role
	policy      string
	layers      []sampleLayer
	settings    string // empty: not sent
	providersV2 bool
	recipe      string
	effective   []byte // nil: what the gateway would make of the rest
}

// recipe is the one that most tests compose by.
var recipe = recipes[0].Name

type sampleLayer struct{ provider, profile string }

// sampleComposition is a sandbox policy with a credentialed layer and a plain one.
func sampleComposition() composition {
	return composition{
		source: SandboxPolicy, policy: samplePolicy, settings: sampleSettings, providersV2: true, recipe: recipe,
		layers: []sampleLayer{{"My-Forge", sampleProfile}, {"mirror", samplePlainProfile}},
	}
}

// gatewayCompose makes the effective policy the way the gateway does it, over
// plain maps, so that checkComposition has something to differ from.
func gatewayCompose(t testing.TB, c composition, names []string) map[string]any {
	t.Helper()
	effective := decoded(t, []byte(c.policy))
	if c.source != SandboxPolicy || !c.providersV2 || len(c.layers) == 0 {
		return effective
	}
	rules, _ := effective["networkPolicies"].(map[string]any)
	if rules == nil {
		rules = map[string]any{}
		effective["networkPolicies"] = rules
	}
	for i, l := range c.layers {
		profile := decoded(t, []byte(l.profile))
		key := names[i]
		for n := 2; rules[key] != nil; n++ {
			key = fmt.Sprintf("%s_%d", names[i], n)
		}
		rule := map[string]any{"name": names[i]}
		if v, ok := profile["binaries"]; ok {
			rule["binaries"] = v
		}
		if v, ok := profile["endpoints"]; ok {
			rule["endpoints"] = v
			for _, e := range v.([]any) {
				if profile["credentials"] != nil {
					e.(map[string]any)["providerCredentialed"] = true
				}
			}
		}
		rules[key] = rule
	}
	return effective
}

func decoded(t testing.TB, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return sample(t, string(text))
}

// names are the rule names of the sample's layers, written out.
func (c composition) names() []string {
	known := map[string]string{"My-Forge": "_provider_my_forge", "mirror": "_provider_mirror", "bridge": "_provider_bridge"}
	var names []string
	for _, l := range c.layers {
		names = append(names, known[l.provider])
	}
	return names
}

// request makes the request and parses its documents.
func (c composition) request(t testing.TB) (*Request, []*parsedDocument) {
	t.Helper()
	if c.effective == nil {
		c.effective = encoded(t, gatewayCompose(t, c, c.names()))
	}
	req := &Request{Purpose: Compose, Target: *sampleTarget, Recipe: c.recipe, ProvidersV2: c.providersV2, Effective: c.effective}
	req.Documents = append(req.Documents, Document{Role: c.source, Body: sample(t, c.policy)})
	for _, l := range c.layers {
		req.Documents = append(req.Documents, Document{Role: ProviderProfile, Provider: l.provider, Body: sample(t, l.profile)})
	}
	if c.settings != "" {
		req.Documents = append(req.Documents, Document{Role: Settings, Body: sample(t, c.settings)})
	}
	var docs []*parsedDocument
	for i := range req.Documents {
		docs = append(docs, mustParse(t, &req.Documents[i]))
	}
	return req, docs
}

func (c composition) check(t testing.TB) []Finding {
	t.Helper()
	req, docs := c.request(t)
	findings := checkComposition(req, docs)
	for i := range findings {
		checkDetail(t, &findings[i])
		if findings[i].Document != -1 || findings[i].Attestation != -1 {
			t.Errorf("a finding is about document %d, attestation %d", findings[i].Document, findings[i].Attestation)
		}
	}
	if !slices.IsSortedFunc(findings, func(a, b Finding) int { return int(a.Reason) - int(b.Reason) }) {
		t.Errorf("the findings are not in order: %v", findings)
	}
	return findings
}

func allowed(t testing.TB, name string, c composition) {
	t.Helper()
	for _, f := range c.check(t) {
		t.Errorf("%s: %v %s", name, f.Reason, f.Detail)
	}
}

// denied checks that the findings are exactly these, each "REASON detail part".
func denied(t testing.TB, name string, got []Finding, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d findings, want %d: %v", name, len(got), len(want), got)
		return
	}
	for i, f := range got {
		reason, detail, _ := strings.Cut(want[i], " ")
		if f.Reason.String() != reason || !strings.Contains(f.Detail, detail) {
			t.Errorf("%s: %v %s, want %s", name, f.Reason, f.Detail, want[i])
		}
	}
}

func TestCompositionAllowed(t *testing.T) {
	for name, change := range map[string]func(*composition){
		"as it is":               func(c *composition) {},
		"no settings":            func(c *composition) { c.settings = "" },
		"one layer":              func(c *composition) { c.layers = c.layers[:1] },
		"no layers":              func(c *composition) { c.layers = nil },
		"providers v2 off":       func(c *composition) { c.providersV2, c.settings = false, "" },
		"global source":          func(c *composition) { c.source, c.settings = GlobalPolicy, "" },
		"global, v2 off":         func(c *composition) { c.source, c.settings, c.providersV2 = GlobalPolicy, "", false },
		"v2 off, settings agree": func(c *composition) { c.providersV2 = false; c.set("providersV2Enabled", "false") },
		"v2 off, settings omit":  func(c *composition) { c.providersV2 = false; c.set("providersV2Enabled", "") },
		"settings: sandbox":      func(c *composition) { c.set("policySource", `"sandbox"`) },
		"settings: enum":         func(c *composition) { c.set("policySource", `"POLICY_SOURCE_SANDBOX"`) },
		"global, settings agree": func(c *composition) { c.source = GlobalPolicy; c.set("policySource", `"POLICY_SOURCE_GLOBAL"`) },
		"a source without rules": func(c *composition) {
			c.policy = `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","version":1}`
		},
		"a source with an empty map of rules": func(c *composition) {
			c.policy = `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{}}`
		},
		"the same without layers": func(c *composition) {
			c.policy, c.layers = `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{}}`, nil
		},
		"a profile without endpoints": func(c *composition) {
			c.layers = append(c.layers, sampleLayer{"bridge", `{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","id":"bridge","credentials":[{"name":"k"}]}`})
		},
		"an unknown member on both sides": func(c *composition) { // PO-19
			c.policy = strings.Replace(c.policy, `"version": 1`, `"version": 1, "tomorrow": {"x": [null, 0.5]}`, 1)
		},
		"an unknown member in a layer": func(c *composition) {
			c.layers[1].profile = strings.Replace(c.layers[1].profile, `"port": 443`, `"port": 443, "tomorrow": {"x": [null, 0.5]}`, 1)
		},
	} {
		c := sampleComposition()
		change(&c)
		allowed(t, name, c)
	}
}

// set changes or, with an empty value, drops one of the settings.
func (c *composition) set(name, value string) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(c.settings), &m); err != nil {
		panic(err)
	}
	delete(m, name)
	if value != "" {
		m[name] = json.RawMessage(value)
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	c.settings = string(text)
}

func TestCompositionSettings(t *testing.T) {
	allowed(t, "before", sampleComposition())
	for name, change := range map[string]func(*composition) []string{
		"source is global, settings say sandbox": func(c *composition) []string {
			c.source = GlobalPolicy
			return []string{`COMPOSITION_SOURCE the source is a GLOBAL_POLICY, the settings say policySource "SANDBOX_POLICY"`}
		},
		"source is sandbox, settings say global": func(c *composition) []string {
			c.set("policySource", `"GLOBAL_POLICY"`)
			return []string{`COMPOSITION_SOURCE policySource "GLOBAL_POLICY"`}
		},
		"settings say nothing": func(c *composition) []string {
			c.set("policySource", "")
			return []string{`COMPOSITION_SOURCE policySource ""`}
		},
		"settings say something": func(c *composition) []string { c.set("policySource", `"x"`); return []string{"COMPOSITION_SOURCE "} },
		"settings say a number":  func(c *composition) []string { c.set("policySource", `1`); return []string{"COMPOSITION_SOURCE "} },
		"settings say off": func(c *composition) []string {
			c.set("providersV2Enabled", "false")
			return []string{"COMPOSITION_RECIPE providers_v2_enabled true"}
		},
		"settings leave out on": func(c *composition) []string { c.set("providersV2Enabled", ""); return []string{"COMPOSITION_RECIPE "} },
		"settings say on": func(c *composition) []string {
			c.providersV2 = false
			return []string{"COMPOSITION_RECIPE providers_v2_enabled false"}
		},
		"settings say \"true\"": func(c *composition) []string {
			c.set("providersV2Enabled", `"true"`)
			return []string{"COMPOSITION_RECIPE "}
		},
		"off by another type": func(c *composition) []string {
			c.providersV2 = false
			c.set("providersV2Enabled", `0`)
			return []string{"COMPOSITION_RECIPE "}
		},
		"both": func(c *composition) []string {
			c.source, c.providersV2 = GlobalPolicy, false
			return []string{"COMPOSITION_SOURCE ", "COMPOSITION_RECIPE "}
		},
		"unknown recipe": func(c *composition) []string {
			c.recipe = "openshell.compose/2026-11"
			return []string{`COMPOSITION_RECIPE "openshell.compose/2026-11"`}
		},
		"no recipe": func(c *composition) []string { c.recipe = ""; return []string{"COMPOSITION_RECIPE "} },
	} {
		c := sampleComposition()
		want := change(&c)
		denied(t, name, c.check(t), want...)
	}
	if !slices.Equal(Recipes(), []string{"openshell.compose/2026-08", "openshell.compose/2026-09", "openshell.compose/2026-10"}) {
		t.Errorf("Recipes() = %v", Recipes())
	}
}

// Shapes that CheckRequest refuses end in a refusal here too.
func TestCompositionOfTheWrongParts(t *testing.T) {
	good := func(role Role) *parsedDocument {
		return mustParse(t, &Document{Role: role, Provider: "mirror", Body: sample(t, sampleOf[role])})
	}
	req := &Request{Recipe: recipe, Effective: sample(t, samplePolicy)}
	if got := checkComposition(req, []*parsedDocument{good(SandboxPolicy)}); len(got) != 0 {
		t.Fatalf("a source alone: %v", got)
	}
	denied(t, "none", checkComposition(req, nil), "COMPOSITION_SOURCE no source policy")
	denied(t, "no source", checkComposition(req, []*parsedDocument{good(ProviderProfile), good(Settings)}), "COMPOSITION_SOURCE no source policy")
	denied(t, "two sources", checkComposition(req, []*parsedDocument{good(SandboxPolicy), good(GlobalPolicy)}), "COMPOSITION_SOURCE second GLOBAL_POLICY")
	denied(t, "two settings", checkComposition(req, []*parsedDocument{good(Settings), good(SandboxPolicy), good(Settings)}), "COMPOSITION_SOURCE second SETTINGS")
	denied(t, "a refused part", checkComposition(req, []*parsedDocument{good(SandboxPolicy), nil}), "COMPOSITION_PART_MISSING document 1")
}

func TestCompositionDenied(t *testing.T) {
	type tree = map[string]any
	rule := func(e tree, key string) tree { return e["networkPolicies"].(tree)[key].(tree) }
	endpoint := func(e tree, key string, i int) tree { return rule(e, key)["endpoints"].([]any)[i].(tree) }
	for name, c := range map[string]struct {
		change func(tree)
		want   []string
	}{
		"nothing":     {func(e tree) {}, nil},
		"extra rule":  {func(e tree) { e["networkPolicies"].(tree)["evil"] = tree{"name": "evil"} }, []string{`COMPOSITION_PART_EXTRA "evil"`}},
		"extra layer": {func(e tree) { e["networkPolicies"].(tree)["_provider_evil"] = tree{} }, []string{`COMPOSITION_PART_EXTRA "_provider_evil"`}},
		"missing rule of the source": {func(e tree) { delete(e["networkPolicies"].(tree), "ledger") },
			[]string{`COMPOSITION_PART_MISSING the rule "ledger" of the source policy`}},
		"missing layer": {func(e tree) { delete(e["networkPolicies"].(tree), "_provider_mirror") },
			[]string{`COMPOSITION_PART_MISSING the rule "_provider_mirror" of the provider "mirror"`}},
		"all rules missing": {func(e tree) { delete(e, "networkPolicies") },
			[]string{`COMPOSITION_PART_MISSING "_provider_mirror"`, `COMPOSITION_PART_MISSING "_provider_my_forge"`, `COMPOSITION_PART_MISSING "ledger"`, `COMPOSITION_PART_MISSING "tools_mcp"`}},
		"renamed rule": {func(e tree) {
			rules := e["networkPolicies"].(tree)
			rules["book"] = rules["ledger"]
			delete(rules, "ledger")
		}, []string{`COMPOSITION_PART_MISSING "ledger"`, `COMPOSITION_PART_EXTRA "book"`}},
		"extra endpoint": {func(e tree) {
			rule(e, "ledger")["endpoints"] = append(rule(e, "ledger")["endpoints"].([]any), tree{"host": "evil.example"})
		}, []string{`COMPOSITION_MISMATCH the rule "ledger" of the source policy differs at "/networkPolicies/ledger/endpoints/2"`}},
		"missing endpoint": {func(e tree) {
			rule(e, "ledger")["endpoints"] = rule(e, "ledger")["endpoints"].([]any)[:1]
		}, []string{`COMPOSITION_MISMATCH "/networkPolicies/ledger/endpoints/1"`}},
		"swapped endpoints": {func(e tree) { slices.Reverse(rule(e, "ledger")["endpoints"].([]any)) },
			[]string{`COMPOSITION_MISMATCH "/networkPolicies/ledger/endpoints/0/`}},
		"advisorProposed taken away": {func(e tree) { delete(endpoint(e, "ledger", 1), "advisorProposed") },
			[]string{`COMPOSITION_MISMATCH "/networkPolicies/ledger/endpoints/1/advisorProposed"`}},
		"advisorProposed added":       {func(e tree) { endpoint(e, "ledger", 0)["advisorProposed"] = true }, []string{`COMPOSITION_MISMATCH advisorProposed`}},
		"allowUninspectedCredentials": {func(e tree) { endpoint(e, "_provider_my_forge", 0)["allowUninspectedCredentials"] = true }, []string{`COMPOSITION_MISMATCH the rule "_provider_my_forge" of the provider "My-Forge" differs at "/networkPolicies/_provider_my_forge/endpoints/0/allowUninspectedCredentials"`}},
		"tls: skip":                   {func(e tree) { endpoint(e, "ledger", 0)["tls"] = "skip" }, []string{`COMPOSITION_MISMATCH endpoints/0/tls`}},
		"allowedIps":                  {func(e tree) { endpoint(e, "ledger", 1)["allowedIps"].([]any)[0] = "0.0.0.0/0" }, []string{`COMPOSITION_MISMATCH endpoints/1/allowedIps/0`}},
		"name of a layer":             {func(e tree) { rule(e, "_provider_mirror")["name"] = "mirror" }, []string{`COMPOSITION_MISMATCH _provider_mirror/name`}},
		"binary of a layer":           {func(e tree) { rule(e, "_provider_mirror")["binaries"].([]any)[0].(tree)["path"] = "/bin/sh" }, []string{`COMPOSITION_MISMATCH binaries/0/path`}},
		"number as text":              {func(e tree) { endpoint(e, "ledger", 0)["port"] = "443" }, []string{`COMPOSITION_MISMATCH endpoints/0/port`}},
		"one port as a list":          {func(e tree) { delete(endpoint(e, "ledger", 0), "port"); endpoint(e, "ledger", 0)["ports"] = []any{443} }, []string{`COMPOSITION_MISMATCH endpoints/0/port`}},
		"static field":                {func(e tree) { e["process"].(tree)["runAsUser"] = "root" }, []string{`COMPOSITION_MISMATCH the field "/process/runAsUser"`}},
		"static field gone":           {func(e tree) { delete(e, "landlock") }, []string{`COMPOSITION_MISMATCH the field "/landlock"`}},
		"static field new":            {func(e tree) { e["inference"] = tree{} }, []string{`COMPOSITION_MISMATCH the field "/inference"`}},
		"middleware":                  {func(e tree) { e["networkMiddlewares"].(tree)["redact"].(tree)["onError"] = "fail_open" }, []string{`COMPOSITION_MISMATCH "/networkMiddlewares/redact/onError"`}},
		"middleware config":           {func(e tree) { e["networkMiddlewares"].(tree)["redact"].(tree)["config"].(tree)["ratio"] = 0.5 }, []string{`COMPOSITION_MISMATCH config/ratio`}},
		"middleware default":          {func(e tree) { e["networkMiddlewares"].(tree)["redact"].(tree)["config"].(tree)["x"] = nil }, []string{`COMPOSITION_MISMATCH config/x`}},
		"several kinds at once": {func(e tree) {
			e["version"] = 2
			rule(e, "ledger")["name"] = "x"
			e["networkPolicies"].(tree)["z"] = tree{}
			delete(e["networkPolicies"].(tree), "tools_mcp")
		}, []string{`COMPOSITION_PART_MISSING "tools_mcp"`, `COMPOSITION_PART_EXTRA "z"`, `COMPOSITION_MISMATCH "/version"`, `COMPOSITION_MISMATCH ledger/name`}},
		"unmarked":                    {func(e tree) { delete(endpoint(e, "_provider_my_forge", 1), "providerCredentialed") }, []string{`COMPOSITION_MISMATCH its endpoint "/networkPolicies/_provider_my_forge/endpoints/1" is not marked providerCredentialed`}},
		"marked false":                {func(e tree) { endpoint(e, "_provider_my_forge", 0)["providerCredentialed"] = false }, []string{`COMPOSITION_MISMATCH not marked`}},
		"marked \"true\"":             {func(e tree) { endpoint(e, "_provider_my_forge", 0)["providerCredentialed"] = "true" }, []string{`COMPOSITION_MISMATCH not marked`}},
		"marked under another name":   {func(e tree) { endpoint(e, "ledger", 0)["provider_credentialed"] = true }, []string{`COMPOSITION_MISMATCH provider_credentialed`}},
		"marked beside an endpoint":   {func(e tree) { rule(e, "ledger")["providerCredentialed"] = true }, []string{`COMPOSITION_MISMATCH ledger/providerCredentialed`}},
		"marker of the source masked": {func(e tree) { endpoint(e, "ledger", 0)["providerCredentialed"] = true }, nil},
		"marker of a plain layer":     {func(e tree) { endpoint(e, "_provider_mirror", 0)["providerCredentialed"] = true }, nil},
		"marker masked, rest compared": {func(e tree) {
			endpoint(e, "ledger", 0)["providerCredentialed"] = true
			endpoint(e, "ledger", 0)["host"] = "evil.example"
		}, []string{`COMPOSITION_MISMATCH endpoints/0/host`}},
		"another type":                  {func(e tree) { e["@type"] = "type.googleapis.com/openshell.v1.ProviderProfile" }, []string{"DOCUMENT_SURFACE the effective policy: "}},
		"rules are a list":              {func(e tree) { e["networkPolicies"] = []any{} }, []string{"DOCUMENT_SURFACE the effective policy: "}},
		"endpoints are an object":       {func(e tree) { rule(e, "ledger")["endpoints"] = tree{} }, []string{"DOCUMENT_SURFACE the effective policy: "}},
		"an endpoint is text":           {func(e tree) { rule(e, "ledger")["endpoints"] = []any{"x"} }, []string{"DOCUMENT_SURFACE the effective policy: "}},
		"no value of the body is shown": {func(e tree) { rule(e, "ledger")["name"] = "s3cret" }, []string{"COMPOSITION_MISMATCH ledger/name"}},
	} {
		comp := sampleComposition()
		effective := gatewayCompose(t, comp, comp.names())
		c.change(effective)
		comp.effective = encoded(t, effective)
		got := comp.check(t)
		denied(t, name, got, c.want...)
		for _, f := range got {
			if strings.Contains(f.Detail, "s3cret") || strings.Contains(f.Detail, "evil.example") {
				t.Errorf("%s: a value is shown: %s", name, f.Detail)
			}
		}
	}
}

// The effective policy's own faults are those of a document.
func TestCompositionOfABadEffective(t *testing.T) {
	c := sampleComposition()
	good := string(encoded(t, gatewayCompose(t, c, c.names())))
	for name, e := range map[string]struct{ text, want string }{
		"none":      {"", "DOCUMENT_NONCANONICAL the effective policy: "},
		"space":     {good + " ", "DOCUMENT_NONCANONICAL the effective policy: "},
		"trailing":  {good + "{}", "DOCUMENT_NONCANONICAL after the end"},
		"duplicate": {strings.Replace(good, `"version":1`, `"version":1,"version":1`, 1), "DOCUMENT_DUPLICATE_KEY the effective policy: "},
		"UTF-8":     {strings.Replace(good, `"agent"`, "\"agen\xff\"", 1), "DOCUMENT_NONCANONICAL invalid UTF-8"},
		"null":      {"null", "DOCUMENT_SURFACE the effective policy: "},
		"another":   {string(sample(t, samplePlainProfile)), "DOCUMENT_SURFACE the effective policy: "},
	} {
		c.effective = []byte(e.text)
		denied(t, name, c.check(t), e.want)
	}
	c.effective = []byte(good)
	allowed(t, "unchanged", c)
}

// SPEC: PO-21 an absent default is not the default written out.
func TestCompositionKeepsDefaultsApart(t *testing.T) {
	c := sampleComposition()
	c.policy = `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{}}`
	c.layers = nil
	c.effective = sample(t, `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{}}`)
	allowed(t, "both empty", c)
	c.effective = sample(t, `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy"}`)
	denied(t, "empty and absent", c.check(t), `COMPOSITION_MISMATCH the field "/networkPolicies"`)
	c.policy, c.effective = string(c.effective), sample(t, c.policy)
	denied(t, "absent and empty", c.check(t), `COMPOSITION_MISMATCH the field "/networkPolicies"`)
	c.effective = sample(t, `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{"x":{}}}`)
	denied(t, "absent and one", c.check(t), `COMPOSITION_PART_EXTRA "x"`)
}

// Null is a value: beside an absent member it is a difference.
func TestCompositionKeepsNullApart(t *testing.T) {
	c := sampleComposition()
	c.layers = nil
	with, without := strings.Replace(samplePolicy, `"version": 1`, `"version": 1, "zone": null`, 1), samplePolicy
	c.policy = with
	allowed(t, "null on both sides", c)
	c.effective = sample(t, without)
	denied(t, "null gone", c.check(t), `COMPOSITION_MISMATCH the field "/zone"`)
	c.policy, c.effective = without, sample(t, with)
	denied(t, "null new", c.check(t), `COMPOSITION_MISMATCH the field "/zone"`)
}

// SPEC: SE-18 keys are the gateway's, byte for byte.
func TestProviderRuleName(t *testing.T) {
	for provider, want := range map[string]string{
		"my-github":       "_provider_my_github",
		"my_github":       "_provider_my_github",
		"MY.GITHUB":       "_provider_my_github",
		"Café x":          "_provider_caf__x",
		"Cafe\u0301 x":    "_provider_cafe__x",
		"\u212aube":       "_provider_ube",
		"\u212aube\u212a": "_provider_ube",
		"x\u212ay":        "_provider_x_y",
		"İstanbul":        "_provider_stanbul",
		"ſ":               "_provider_unnamed",
		"ÀÉ":              "_provider_unnamed",
		"":                "_provider_unnamed",
		"...":             "_provider_unnamed",
		"___":             "_provider_unnamed",
		"_a_":             "_provider_a",
		"-a--b-":          "_provider_a__b",
		"a😀b":             "_provider_a_b",
		"a\u0301\u0302b":  "_provider_a__b",
		"０１":              "_provider_unnamed",
		"Work GitHub!":    "_provider_work_github",
		"_provider_x":     "_provider_provider_x",
		"x_2":             "_provider_x_2",
	} {
		if got := providerRuleName(provider); got != want {
			t.Errorf("providerRuleName(%q) = %q, want %q", provider, got, want)
		}
	}
}

func TestCompositionCollisions(t *testing.T) {
	c := sampleComposition()
	c.settings = ""
	c.layers = nil
	for i, provider := range []string{"a", "a_2", "A", "à", "Á", "a."} {
		c.layers = append(c.layers, sampleLayer{provider, strings.Replace(samplePlainProfile, "mirror.corp", fmt.Sprintf("m%d", i), 1)})
	}
	effective := decoded(t, []byte(samplePolicy))
	for i, r := range []struct{ key, name string }{
		{"_provider_a", "_provider_a"}, {"_provider_a_2", "_provider_a_2"}, {"_provider_a_3", "_provider_a"},
		{"_provider_unnamed", "_provider_unnamed"}, {"_provider_unnamed_2", "_provider_unnamed"}, {"_provider_a_4", "_provider_a"},
	} {
		effective["networkPolicies"].(map[string]any)[r.key] = map[string]any{
			"name": r.name, "binaries": []any{map[string]any{"path": "/usr/bin/pip"}},
			"endpoints": []any{map[string]any{"host": fmt.Sprintf("m%d.example", i), "port": 443}},
		}
	}
	c.effective = encoded(t, effective)
	allowed(t, "collisions", c)
	c.layers[0], c.layers[2] = c.layers[2], c.layers[0]
	denied(t, "the other order", c.check(t), `COMPOSITION_MISMATCH "_provider_a"`, `COMPOSITION_MISMATCH "_provider_a_3"`)
}

// SPEC: PO-12 layers in every order, the verdict is the same.
func TestCompositionPermutations(t *testing.T) {
	layers := []sampleLayer{{"My-Forge", sampleProfile}, {"mirror", samplePlainProfile}}
	names := map[string]string{"My-Forge": "_provider_my_forge", "mirror": "_provider_mirror"}
	for i := range 3 {
		provider := fmt.Sprintf("P %d", i)
		names[provider] = fmt.Sprintf("_provider_p_%d", i)
		layers = append(layers, sampleLayer{provider, strings.Replace(samplePlainProfile, "mirror.corp", provider[2:]+".corp", 1)})
	}
	bodies, count := map[string]bool{}, 0
	permute(layers, func(order []sampleLayer) {
		c := sampleComposition()
		c.layers = slices.Clone(order)
		var keys []string
		for _, l := range order {
			keys = append(keys, names[l.provider])
		}
		c.effective = encoded(t, gatewayCompose(t, c, keys))
		allowed(t, fmt.Sprint(keys), c)
		bodies[string(c.effective)] = true
		count++

		// A profile under another provider's name never passes, in no order.
		c.layers[0].provider, c.layers[1].provider = c.layers[1].provider, c.layers[0].provider
		if len(c.check(t)) == 0 {
			t.Errorf("%v: two providers swapped their profiles", keys)
		}
	})
	if count != 120 || len(bodies) != 1 {
		t.Errorf("%d orders made %d different effective policies", count, len(bodies))
	}
}

func permute[T any](list []T, visit func([]T)) {
	var step func(int)
	step = func(k int) {
		if k == len(list) {
			visit(list)
			return
		}
		for i := k; i < len(list); i++ {
			list[k], list[i] = list[i], list[k]
			step(k + 1)
			list[k], list[i] = list[i], list[k]
		}
	}
	step(0)
}

func TestMarkable(t *testing.T) {
	for host, want := range map[string]bool{
		"api.example.com": true, "localhost": true, "API.Example": true, "a_b-c.example": true, "10.0.0.1": true,
		"*": true, "**": true, "*.example": true, "**.example": true, "a.**.b": true, "*-api.example": true, "a*b*c": true, "**.**": true,
		"": false, ".": false, "a.": false, ".a": false, "a..b": false, "***": false, "a**": false, "**a.b": false,
		"a b": false, " a": false, "[::1]": false, "a/b": false, "a:443": false, "{a,b}.c": false, "a?.b": false, "[ab].c": false,
		"é.example": false, "\u212aube": false, "a.\x00": false,
	} {
		if got := markable(host); got != want {
			t.Errorf("markable(%q) = %t", host, got)
		}
	}
}

// A credential anywhere in the profile asks for the marker on every endpoint the
// gateway can mark.
func TestCompositionMarkers(t *testing.T) {
	const head = `{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","id":"mirror",`
	for name, c := range map[string]struct {
		profile string
		need    bool
	}{
		"credentials":                  {head + `"credentials":[{}],"endpoints":[{"host":"a.example"}]}`, true},
		"no credentials":               {head + `"endpoints":[{"host":"a.example"}]}`, false},
		"empty credentials":            {head + `"credentials":[],"endpoints":[{"host":"a.example"}]}`, false},
		"signing":                      {head + `"endpoints":[{"host":"a.example","credentialSigning":"sigv4"}]}`, true},
		"signing of another endpoint":  {head + `"endpoints":[{"host":"a.example"},{"host":"[::1]","credentialSigning":"sigv4"}]}`, true},
		"blank signing":                {head + `"endpoints":[{"host":"a.example","credentialSigning":" \t\u00a0\u2003"}]}`, false},
		"signing of an unknown kind":   {head + `"endpoints":[{"host":"a.example","credentialSigning":{}}]}`, true},
		"a host that is no pattern":    {head + `"credentials":[{}],"endpoints":[{"host":"[::1]"}]}`, false},
		"no host":                      {head + `"credentials":[{}],"endpoints":[{"allowedIps":["10.0.0.1"]}]}`, false},
		"a host of an unknown kind":    {head + `"credentials":[{}],"endpoints":[{"host":7}]}`, false},
		"signing with another's spell": {head + `"endpoints":[{"host":"a.example","credential_signing":"sigv4"}]}`, false},
	} {
		comp := composition{source: SandboxPolicy, policy: samplePolicy, providersV2: true, recipe: recipe, layers: []sampleLayer{{"mirror", c.profile}}}
		effective := gatewayCompose(t, comp, comp.names())
		endpoints := effective["networkPolicies"].(map[string]any)["_provider_mirror"].(map[string]any)["endpoints"].([]any)
		for _, e := range endpoints {
			e.(map[string]any)["providerCredentialed"] = true
		}
		comp.effective = encoded(t, effective)
		allowed(t, name+", marked", comp)
		for _, e := range endpoints {
			delete(e.(map[string]any), "providerCredentialed")
		}
		comp.effective = encoded(t, effective)
		if got := comp.check(t); (len(got) > 0) != c.need {
			t.Errorf("%s, unmarked: %v", name, got)
		}
		// Inserted or not, nobody is asked for a marker when layers are not.
		comp.providersV2, comp.effective = false, sample(t, samplePolicy)
		allowed(t, name+", not inserted", comp)
	}
}

func FuzzCompose(f *testing.F) {
	c := sampleComposition()
	source := mustParse(f, &Document{Role: SandboxPolicy, Body: sample(f, samplePolicy)})
	good := encoded(f, gatewayCompose(f, c, c.names()))
	f.Add("My-Forge", "mirror", sample(f, sampleProfile), good, true)
	f.Add("a", "A", sample(f, samplePlainProfile), sample(f, samplePolicy), false)
	f.Add("Café", "\u212a", sample(f, samplePlainProfile), []byte(strings.Replace(string(good), "443", "444", 1)), true)
	f.Fuzz(func(t *testing.T, first, second string, profile, effective []byte, v2 bool) {
		docs := []*parsedDocument{source, nil, mustParse(t, &Document{Role: ProviderProfile, Provider: second, Body: sample(t, samplePlainProfile)})}
		one, fault := parseDocument(&Document{Role: ProviderProfile, Provider: first, Body: profile}, sampleTarget)
		if fault != nil {
			return
		}
		docs[1] = one
		req := &Request{Recipe: recipe, ProvidersV2: v2, Effective: effective}
		findings := checkComposition(req, docs)
		for i := range findings {
			checkDetail(t, &findings[i])
		}
		if len(findings) > maxDifferences {
			t.Errorf("%d findings", len(findings))
		}
		if len(findings) > 0 {
			return
		}
		// What is accepted holds exactly the rules of the parts.
		tree, fault := parseEffective(effective)
		if fault != nil {
			t.Fatalf("accepted, but %s", fault.Detail)
		}
		want := len(rulesOf(source.tree))
		if v2 {
			want += 2
		}
		if got := len(rulesOf(tree)); got != want {
			t.Errorf("accepted with %d rules, want %d", got, want)
		}
		// And composing again from what was accepted changes nothing.
		if again := checkComposition(&Request{Recipe: recipe, ProvidersV2: v2, Effective: appendTree(nil, tree)}, docs); len(again) > 0 {
			t.Errorf("not accepted again: %v", again)
		}
	})
}
