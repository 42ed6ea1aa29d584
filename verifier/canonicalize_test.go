// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const (
	policyHead  = `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy"`
	profileHead = `{"@type":"type.googleapis.com/openshell.v1.ProviderProfile"`
)

// canonicalizeCases are golden: what becomes of a body, and what is said of it.
var canonicalizeCases = []struct {
	name  string
	role  Role
	in    string
	want  string
	notes []string // parts of them
}{
	{"nothing", SandboxPolicy, `{}`, policyHead + `}`, nil},
	{"order and space", SandboxPolicy, "\n{ \"version\" : 1 , \"process\" : { \"runAsUser\" : \"\\u0061\" } }\n",
		policyHead + `,"process":{"runAsUser":"a"},"version":1}`, nil},
	{"@type is kept", SandboxPolicy, `{"version":1,"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy"}`, policyHead + `,"version":1}`, nil},
	{"@type goes to its place", SandboxPolicy, `{"!":1,"A":1}`, `{"!":1,"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","A":1}`, nil},
	{"marker", SandboxPolicy, `{"networkPolicies":{"w":{"endpoints":[{"host":"a","providerCredentialed":true},{"host":"b"}]}}}`,
		policyHead + `,"networkPolicies":{"w":{"endpoints":[{"host":"a"},{"host":"b"}]}}}`,
		[]string{`"/networkPolicies/w/endpoints/0/providerCredentialed" was left out`}},
	{"marker, original name", GlobalPolicy, `{"networkPolicies":{"w":{"endpoints":[{"host":"a","provider_credentialed":true}]}}}`,
		policyHead + `,"networkPolicies":{"w":{"endpoints":[{"host":"a"}]}}}`, []string{`provider_credentialed" was left out`}},
	{"a mark of a proposal stays in a policy", SandboxPolicy, `{"networkPolicies":{"w":{"endpoints":[{"advisorProposed":true,"credentialBinding":{"provider":"p"},"host":"a"}]}}}`,
		policyHead + `,"networkPolicies":{"w":{"endpoints":[{"advisorProposed":true,"credentialBinding":{"provider":"p"},"host":"a"}]}}}`, nil},
	{"profile", ProviderProfile, `{"id":"p","resourceVersion":"7","annotations":{"a":"b"},"source":"user","scope":"platform","discovery":{"credentials":[]},
		"endpoints":[{"host":"a","providerCredentialed":true,"advisorProposed":true,"credentialBinding":{"provider":"p"}}],"credentials":[{"name":"k","source":"kept"}]}`,
		profileHead + `,"credentials":[{"name":"k","source":"kept"}],"endpoints":[{"host":"a"}],"id":"p"}`,
		[]string{`"/annotations" was`, `"/resourceVersion" was`, `"/scope" was`, `"/source" was`, `"/discovery" was`,
			`"/endpoints/0/advisorProposed" was`, `"/endpoints/0/credentialBinding" was`, `"/endpoints/0/providerCredentialed" was`}},
	{"discovery stays", ProviderProfile, `{"id":"p","discovery":{"credentials":["k"]}}`, profileHead + `,"discovery":{"credentials":["k"]},"id":"p"}`, nil},
	{"64-bit integers", ProviderProfile, `{"id":"p","credentials":[{"refresh":{"refreshBeforeSeconds":300,"maxLifetimeSeconds":"3600"}}]}`,
		profileHead + `,"credentials":[{"refresh":{"maxLifetimeSeconds":"3600","refreshBeforeSeconds":"300"}}],"id":"p"}`,
		[]string{`"/credentials/0/refresh/refreshBeforeSeconds" became a string`}},

	// PO-21: absent and default are two documents, and a note says so.
	{"defaults", SandboxPolicy, `{"version":0,"process":{"runAsUser":""},"filesystem":{"includeWorkdir":false,"readOnly":[]},"networkPolicies":{}}`,
		policyHead + `,"filesystem":{"includeWorkdir":false,"readOnly":[]},"networkPolicies":{},"process":{"runAsUser":""},"version":0}`,
		[]string{`"/filesystem/includeWorkdir" holds its default`, `"/filesystem/readOnly" holds`, `"/networkPolicies" holds`, `"/process/runAsUser" holds`, `"/version" holds`}},
	{"port 0", SandboxPolicy, `{"networkPolicies":{"w":{"endpoints":[{"host":"a","port":0}]}}}`,
		policyHead + `,"networkPolicies":{"w":{"endpoints":[{"host":"a","port":0}]}}}`, []string{`"/networkPolicies/w/endpoints/0/port" holds its default`}},
	{"port", SandboxPolicy, `{"networkPolicies":{"w":{"endpoints":[{"port":443}]}}}`, policyHead + `,"networkPolicies":{"w":{"endpoints":[{"port":443}]}}}`, nil},
	{"ports", SandboxPolicy, `{"networkPolicies":{"w":{"endpoints":[{"ports":[443]}]}}}`, policyHead + `,"networkPolicies":{"w":{"endpoints":[{"ports":[443]}]}}}`, nil},
	{"defaults that mean something", SandboxPolicy,
		`{"landlock":{},"networkPolicies":{"w":{},"x":{"endpoints":[{"mcp":{"strictToolNames":false}},{"ports":[0],"allowedIps":[""]}]}}}`,
		policyHead + `,"landlock":{},"networkPolicies":{"w":{},"x":{"endpoints":[{"mcp":{"strictToolNames":false}},{"allowedIps":[""],"ports":[0]}]}}}`, nil},

	{"null", SandboxPolicy, `{"version":1,"landlock":null,"networkPolicies":{"w":{"name":null}}}`, policyHead + `,"networkPolicies":{"w":{}},"version":1}`,
		[]string{`"/landlock" was left out: it is null`, `"/networkPolicies/w/name" was left out`}},
	{"a middleware's config is anything", SandboxPolicy, `{"networkMiddlewares":{"m":{"config":{"a_b":null,"read_only":0,"x":[null,{"y":""}],"n":-0,"f":1.50e1}}}}`,
		policyHead + `,"networkMiddlewares":{"m":{"config":{"a_b":null,"f":15,"n":0,"read_only":0,"x":[null,{"y":""}]}}}}`, nil},
	{"another config is not", SandboxPolicy, `{"config":{"x":null}}`, policyHead + `,"config":{}}`, []string{`"/config/x" was left out`}},
	{"keys are free", SandboxPolicy, `{"networkPolicies":{"read_only":{"endpoints":[{"rules":[{"allow":{"query":{"run_as_user":{"glob":"x"}}}}]}]}}}`,
		policyHead + `,"networkPolicies":{"read_only":{"endpoints":[{"rules":[{"allow":{"query":{"run_as_user":{"glob":"x"}}}}]}]}}}`, nil},
	{"unknown members", SandboxPolicy, `{"tomorrow_field":{"a_b":1},"zone":[[1],{"q":2}]}`, policyHead + `,"tomorrow_field":{"a_b":1},"zone":[[1],{"q":2}]}`, nil},
	{"settings are plain", Settings, `{"providersV2Enabled":false,"settings":{"a_b":null,"z":0},"policySource":""}`,
		`{"@type":"type.googleapis.com/sigdriver.v1.GatewaySettings","policySource":"","providersV2Enabled":false,"settings":{"a_b":null,"z":0}}`, nil},
	{"numbers", SandboxPolicy, `{"a":1E30,"b":0.10,"c":-0,"d":333333333.33333329,"e":9007199254740992}`,
		`{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","a":1e+30,"b":0.1,"c":0,"d":333333333.3333333,"e":9007199254740992}`,
		[]string{`"/c" holds its default`}},
}

func TestCanonicalize(t *testing.T) {
	for _, c := range canonicalizeCases {
		got, notes, err := Canonicalize(c.role, []byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if string(got) != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.name, got, c.want)
		}
		if !slices.EqualFunc(notes, c.notes, strings.Contains) {
			t.Errorf("%s: notes\n%s\nwant\n%s", c.name, strings.Join(notes, "\n"), strings.Join(c.notes, "\n"))
		}
		again, _, err := Canonicalize(c.role, got)
		if err != nil || string(again) != string(got) {
			t.Errorf("%s: a second time it is %s, %v", c.name, again, err)
		}
		mustParse(t, &Document{Role: c.role, Body: got})
	}
}

func TestCanonicalizeRefuses(t *testing.T) {
	if _, _, err := Canonicalize(ProviderProfile, []byte(`{"id":"p"}`)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		role Role
		in   string
		want Reason
		text string
	}{
		{"role", RoleUnspecified, `{}`, DocumentSurface, "role 0"},
		{"empty", SandboxPolicy, ``, DocumentNoncanonical, "no strict JSON"},
		{"YAML", SandboxPolicy, "version: 1\n", DocumentNoncanonical, "no strict JSON"},
		{"duplicate", SandboxPolicy, `{"version":1,"version":2}`, DocumentDuplicateKey, "duplicate"},
		{"trailing", SandboxPolicy, `{} {}`, DocumentNoncanonical, "after the end"},
		{"UTF-8", SandboxPolicy, "{\"a\":\"\xff\"}", DocumentNoncanonical, "UTF-8"},
		{"depth", SandboxPolicy, `{"a":` + nestedArrays(MaxDepth) + `}`, DocumentNoncanonical, "deeper"},
		{"list", SandboxPolicy, `[]`, DocumentSurface, "no JSON object"},
		{"null", SandboxPolicy, `null`, DocumentSurface, "no JSON object"},
		{"another type", SandboxPolicy, profileHead + `}`, DocumentSurface, `"/@type" must be type.googleapis.com/openshell.sandbox.v1.SandboxPolicy`},
		{"type is null", SandboxPolicy, `{"@type":null}`, DocumentSurface, `"/@type"`},
		{"big integer", SandboxPolicy, `{"a":[1,{"s3cret":9007199254740993}]}`, DocumentNoncanonical, `"/a/1/s3cret" holds a number`},
		{"past a double", SandboxPolicy, `{"networkMiddlewares":{"m":{"config":{"x":1e400}}}}`, DocumentNoncanonical, `"/networkMiddlewares/m/config/x"`},
		{"too small for a double", SandboxPolicy, `{"x":1e-400}`, DocumentNoncanonical, `"/x"`},
		{"original name", SandboxPolicy, `{"network_policies":{}}`, DocumentNoncanonical, `"/network_policies" is a field's original name: write networkPolicies`},
		{"original name below", SandboxPolicy, `{"networkPolicies":{"w":{"endpoints":[{"allowed_ips":[]}]}}}`, DocumentNoncanonical, `"/networkPolicies/w/endpoints/0/allowed_ips"`},
		{"null in a list", SandboxPolicy, `{"filesystem":{"readOnly":["/usr",null]}}`, DocumentNoncanonical, `"/filesystem/readOnly/1" is null`},
		{"null in a map", SandboxPolicy, `{"networkPolicies":{"w":null}}`, DocumentNoncanonical, `"/networkPolicies/w" is null`},
		{"null in another map", SandboxPolicy, `{"networkMiddlewares":{"w":null}}`, DocumentNoncanonical, `"/networkMiddlewares/w" is null`},
		{"64-bit fraction", ProviderProfile, `{"id":"p","credentials":[{"refresh":{"refreshBeforeSeconds":1.5}}]}`, DocumentNoncanonical, "whole number"},
		{"64-bit out of range", ProviderProfile, `{"id":"p","credentials":[{"refresh":{"refreshBeforeSeconds":9223372036854775808}}]}`, DocumentNoncanonical, "whole number"},
		{"reserved name", SandboxPolicy, `{"networkPolicies":{"_provider_x":{}}}`, DocumentReservedName, "_provider_x"},
		{"no id", ProviderProfile, `{}`, DocumentSurface, `"id"`},
		{"rules are a list", SandboxPolicy, `{"networkPolicies":[{"endpoints":[{"providerCredentialed":true}]}]}`, DocumentSurface, "networkPolicies"},
		{"too long to read", SandboxPolicy, `{` + strings.Repeat(" ", MaxProtoJSON) + `}`, DocumentNoncanonical, "limit"},
		{"too long to send", SandboxPolicy, `{"a":"` + strings.Repeat("x", MaxBody) + `"}`, DocumentNoncanonical, "limit"},
	} {
		got, notes, err := Canonicalize(c.role, []byte(c.in))
		if err == nil || got != nil || notes != nil {
			t.Errorf("%s: a document of %d bytes, %d notes, error %v", c.name, len(got), len(notes), err)
			continue
		}
		fault, ok := errors.AsType[*CanonicalizeError](err)
		if !ok || fault.Reason != c.want || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v %v, want %v …%s…", c.name, fault.Reason, err, c.want, c.text)
		}
		if strings.Contains(err.Error(), "9007199254740993") || len(err.Error()) > MaxDetail {
			t.Errorf("%s: the error shows a value or is too long: %v", c.name, err)
		}
	}
}

// The limit is of the document, not of the spaces round it.
func TestCanonicalizeAtTheLimit(t *testing.T) {
	room := MaxBody - len(policyHead) - len(`,"a":""}`)
	in := `{` + strings.Repeat("\n", 2*MaxBody) + `"a":"` + strings.Repeat("x", room) + `"}`
	got, _, err := Canonicalize(SandboxPolicy, []byte(in))
	if err != nil || len(got) != MaxBody {
		t.Errorf("at the limit: %d bytes, %v", len(got), err)
	}
	if _, _, err := Canonicalize(SandboxPolicy, []byte(strings.Replace(in, "x", "xx", 1))); err == nil {
		t.Error("one byte past the limit is accepted")
	}
}

func TestCanonicalizeKeepsTheSamples(t *testing.T) {
	for role, text := range sampleOf {
		got, notes, err := Canonicalize(role, []byte(text))
		if err != nil || string(got) != string(sample(t, text)) {
			t.Errorf("%v: %s, %v", role, got, err)
		}
		if len(notes) > 0 {
			t.Errorf("%v: notes on a body as a gateway writes it: %q", role, notes)
		}
	}
}

func TestCanonicalizeLeavesItsInput(t *testing.T) {
	in := []byte(`{"networkPolicies":{"w":{"endpoints":[{"providerCredentialed":true,"host":"a"}]}}}`)
	before := string(in)
	if _, _, err := Canonicalize(SandboxPolicy, in); err != nil || string(in) != before {
		t.Errorf("the input became %s, %v", in, err)
	}
}

func TestCanonicalizeOutside(t *testing.T) {
	for name, data := range outsideFiles(t, "json", "test_parsing") {
		body := []byte(`{"networkMiddlewares":{"m":{"config":{"x":` + string(data) + `}}}}`)
		got, _, err := Canonicalize(SandboxPolicy, body)
		if _, refused := Canonical(data); (refused == nil) != (err == nil) {
			t.Errorf("%s: canonical %v, canonicalize %v", name, refused, err)
		}
		if err == nil {
			mustParse(t, &Document{Role: SandboxPolicy, Body: got})
		}
	}
}

func FuzzCanonicalize(f *testing.F) {
	for _, c := range canonicalizeCases {
		f.Add(int(c.role), []byte(c.in))
	}
	for role, text := range sampleOf {
		f.Add(int(role), []byte(text))
	}
	f.Fuzz(func(t *testing.T, role int, body []byte) {
		document, notes, err := Canonicalize(Role(role), body)
		if err != nil {
			if _, ok := errors.AsType[*CanonicalizeError](err); !ok || document != nil || notes != nil {
				t.Errorf("a %T, with %d bytes and %d notes beside it", err, len(document), len(notes))
			}
			return
		}
		if _, fault := parseDocument(&Document{Role: Role(role), Body: document}, sampleTarget); fault != nil {
			t.Errorf("Verify would refuse the document: %v %s", fault.Reason, fault.Detail)
		}
		again, _, err := Canonicalize(Role(role), document)
		if err != nil || string(again) != string(document) {
			t.Errorf("a second time it is %s, %v", again, err)
		}
	})
}
