// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// The samples have the shape of what a gateway sends; their content is our own.
const (
	samplePolicy = `{
	  "@type": "type.googleapis.com/openshell.sandbox.v1.SandboxPolicy",
	  "version": 1,
	  "filesystem": {"includeWorkdir": true, "readOnly": ["/usr", "/lib", "/etc"], "readWrite": ["/sandbox", "/tmp"]},
	  "landlock": {"compatibility": "best_effort"},
	  "process": {"runAsUser": "agent", "runAsGroup": "agent"},
	  "networkPolicies": {
	    "ledger": {
	      "name": "ledger",
	      "endpoints": [
	        {"host": "ledger.corp.example", "port": 443, "protocol": "rest", "enforcement": "enforce", "tls": "terminate",
	         "rules": [{"allow": {"method": "GET", "path": "/v1/**", "query": {"providerCredentialed": {"any": ["a", "b*"]}}}}],
	         "denyRules": [{"method": "DELETE", "path": "**"}]},
	        {"host": "*.cdn.corp.example", "ports": [443, 8443], "allowedIps": ["10.9.0.0/16"], "advisorProposed": true}
	      ],
	      "binaries": [{"path": "/usr/bin/python3"}, {"path": "/opt/agent/bin/*"}]
	    },
	    "tools_mcp": {
	      "name": "tools",
	      "endpoints": [{"host": "mcp.corp.example", "port": 8080, "path": "/rpc", "protocol": "mcp",
	        "mcp": {"strictToolNames": false}, "rules": [{"allow": {"params": {"name": {"glob": "read_*"}}}}]}],
	      "binaries": [{"path": "/usr/bin/node"}]
	    }
	  },
	  "networkMiddlewares": {
	    "redact": {"name": "Redact", "middleware": "corp-redact", "order": 10, "onError": "fail_closed",
	      "config": {"mode": "mask", "ratio": 0.25, "terms": ["alpha", null], "limits": {"max": 1e+21, "off": false}},
	      "endpoints": {"include": ["**.corp.example"]}}
	  }
	}`
	sampleProfile = `{
	  "@type": "type.googleapis.com/openshell.v1.ProviderProfile",
	  "id": "forge",
	  "displayName": "Forge",
	  "category": "PROVIDER_PROFILE_CATEGORY_SOURCE_CONTROL",
	  "credentials": [{"name": "api_token", "envVars": ["FORGE_TOKEN"], "required": true, "authStyle": "bearer",
	    "refresh": {"strategy": "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_OAUTH2_REFRESH_TOKEN", "refreshBeforeSeconds": "300",
	      "material": [{"name": "client_secret", "secret": true}]}}],
	  "discovery": {"credentials": ["api_token"]},
	  "endpoints": [
	    {"host": "api.forge.example", "port": 443, "protocol": "rest", "access": "read-only", "enforcement": "enforce"},
	    {"host": "**.git.forge.example", "port": 443, "protocol": "rest", "rules": [{"allow": {"method": "POST", "path": "/**/upload"}}]}
	  ],
	  "binaries": [{"path": "/usr/bin/git"}, {"path": "/usr/bin/forge", "harness": true}]
	}`
	samplePlainProfile = `{
	  "@type": "type.googleapis.com/openshell.v1.ProviderProfile",
	  "id": "mirror",
	  "endpoints": [{"host": "mirror.corp.example", "port": 443}],
	  "binaries": [{"path": "/usr/bin/pip"}]
	}`
	sampleSettings = `{
	  "@type": "type.googleapis.com/sigdriver.v1.GatewaySettings",
	  "policySource": "SANDBOX_POLICY",
	  "providersV2Enabled": true,
	  "policyValidationFailureMode": "reject",
	  "settings": {"log_level": "info", "empty": null},
	  "middlewareServices": []
	}`
)

var sampleTarget = &Target{GatewayID: "gw-1", Workspace: "prod", SandboxID: "sb-1", Name: "web-1"}

// sample is the document of a JSON text.
func sample(t testing.TB, text string) []byte {
	t.Helper()
	body, err := Canonical([]byte(text))
	if err != nil {
		t.Fatalf("a sample has no canonical form: %v", err)
	}
	return body
}

// sampleOf is the sample of each role.
var sampleOf = map[Role]string{
	SandboxPolicy: samplePolicy, GlobalPolicy: samplePolicy, ProviderProfile: sampleProfile, Settings: sampleSettings,
}

func mustParse(t testing.TB, d *Document) *parsedDocument {
	t.Helper()
	doc, fault := parseDocument(d, sampleTarget)
	if fault != nil {
		t.Fatalf("a good document is refused: %v %s", fault.Reason, fault.Detail)
	}
	return doc
}

func TestParseDocument(t *testing.T) {
	for _, c := range []struct {
		role      Role
		workspace string
		surface   string
		subject   documentSubject
	}{
		{SandboxPolicy, "", "openshell.sandbox.v1.SandboxPolicy", documentSubject{"gw-1", "prod", "web-1"}},
		{SandboxPolicy, "prod", "openshell.sandbox.v1.SandboxPolicy", documentSubject{"gw-1", "prod", "web-1"}},
		{GlobalPolicy, "", "openshell.sandbox.v1.SandboxPolicy", documentSubject{"gw-1", "", ""}},
		{GlobalPolicy, "prod", "openshell.sandbox.v1.SandboxPolicy", documentSubject{"gw-1", "", ""}},
		{ProviderProfile, "", "openshell.v1.ProviderProfile", documentSubject{"gw-1", "", "forge"}},
		{ProviderProfile, "prod", "openshell.v1.ProviderProfile", documentSubject{"gw-1", "prod", "forge"}},
		{Settings, "", "sigdriver.v1.GatewaySettings", documentSubject{"gw-1", "prod", "web-1"}},
	} {
		body := sample(t, sampleOf[c.role])
		doc := mustParse(t, &Document{Role: c.role, Workspace: c.workspace, Provider: "my-forge", Body: body})
		if doc.role != c.role || doc.surface != c.surface || doc.subject != c.subject || doc.provider != "my-forge" {
			t.Errorf("%v: parsed as %v %s %+v %s", c.role, doc.role, doc.surface, doc.subject, doc.provider)
		}
		if doc.sha256 != sha256.Sum256(body) || string(doc.body) != string(body) {
			t.Errorf("%v: the digest is not of the body", c.role)
		}
		if want := (FloorKey{"gw-1", c.role, c.subject.workspace, c.subject.name}); doc.floors.own != want {
			t.Errorf("%v: floor key %+v, want %+v", c.role, doc.floors.own, want)
		}
		if again := appendTree(nil, doc.tree); string(again) != string(body) {
			t.Errorf("%v: the tree is not the body's", c.role)
		}
	}
}

// mutations are each one change away from a sample.
var mutations = []struct {
	name     string
	role     Role
	old, new string // in the canonical text; an empty old replaces everything
	want     Reason
	detail   string // part of it
}{
	{"empty", SandboxPolicy, "", "", DocumentMissing, "empty"},
	{"role none", RoleUnspecified, "", "{}", DocumentSurface, "role 0"},
	{"role unknown", Role(5), "", "{}", DocumentSurface, "role 5"},
	{"space", SandboxPolicy, `{"@type":`, `{ "@type":`, DocumentNoncanonical, "from byte 1 on"},
	{"newline at the end", SandboxPolicy, `"version":1}`, "\"version\":1}\n", DocumentNoncanonical, "RFC 8785"},
	{"order", SandboxPolicy, `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","filesystem"`, `{"filesystem":{},"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","z"`, DocumentNoncanonical, "RFC 8785"},
	{"number", SandboxPolicy, `"version":1}`, `"version":1.0}`, DocumentNoncanonical, "RFC 8785"},
	{"number past a double", SandboxPolicy, `1e+21`, `1e400`, DocumentNoncanonical, "RFC 8785"},
	{"integer past 2^53", SandboxPolicy, `1e+21`, `9007199254740993`, DocumentNoncanonical, "RFC 8785"},
	{"minus zero", SandboxPolicy, `0.25`, `-0`, DocumentNoncanonical, "RFC 8785"},
	{"NaN", SandboxPolicy, `0.25`, `NaN`, DocumentNoncanonical, "not valid JSON"},
	{"needless escape", SandboxPolicy, `"mask"`, `"\u006dask"`, DocumentNoncanonical, "RFC 8785"},
	{"invalid UTF-8", SandboxPolicy, `"mask"`, "\"mas\xff\"", DocumentNoncanonical, "invalid UTF-8"},
	{"half a surrogate pair", SandboxPolicy, `"mask"`, `"\ud800"`, DocumentNoncanonical, "invalid UTF-8"},
	{"byte order mark", SandboxPolicy, `{"@type"`, "\xef\xbb\xbf{\"@type\"", DocumentNoncanonical, "invalid UTF-8"},
	{"trailing", SandboxPolicy, `"version":1}`, `"version":1}{}`, DocumentNoncanonical, "after the end"},
	{"truncated", SandboxPolicy, `"version":1}`, `"version":1`, DocumentNoncanonical, "not valid JSON"},
	{"too deep", SandboxPolicy, `0.25`, nestedArrays(MaxDepth - 3), DocumentNoncanonical, "deeper than 32"},
	{"duplicate", SandboxPolicy, `"version":1}`, `"version":1,"version":1}`, DocumentDuplicateKey, "duplicate"},
	{"duplicate below", SandboxPolicy, `"mode":"mask"`, `"mode":"mask","mode":"off"`, DocumentDuplicateKey, "duplicate"},
	{"duplicate by escape", SandboxPolicy, `"mode":"mask"`, `"mode":"mask","mo\u0064e":"off"`, DocumentDuplicateKey, "duplicate"},

	{"no object", SandboxPolicy, "", `[]`, DocumentSurface, "no JSON object"},
	{"null", SandboxPolicy, "", `null`, DocumentSurface, "no JSON object"},
	{"no type", SandboxPolicy, `"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy",`, ``, DocumentSurface, `no "@type"`},
	{"another type", SandboxPolicy, `v1.SandboxPolicy`, `v2.SandboxPolicy`, DocumentSurface, "openshell.sandbox.v2.SandboxPolicy"},
	{"type without prefix", SandboxPolicy, `type.googleapis.com/`, ``, DocumentSurface, "@type"},
	{"type of another host", SandboxPolicy, `type.googleapis.com/`, `type.example.com/`, DocumentSurface, "@type"},
	{"type is no text", SandboxPolicy, `"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy"`, `1`, DocumentSurface, "@type"},
	{"profile as policy", SandboxPolicy, "", sampleProfile, DocumentSurface, "ProviderProfile"},
	{"policy as profile", ProviderProfile, "", samplePolicy, DocumentSurface, "SandboxPolicy"},
	{"policy as settings", Settings, "", samplePolicy, DocumentSurface, "SandboxPolicy"},
	{"settings as policy", GlobalPolicy, "", sampleSettings, DocumentSurface, "GatewaySettings"},

	{"marker", SandboxPolicy, `"port":8080,`, `"port":8080,"providerCredentialed":true,`, DocumentNoncanonical, `"/networkPolicies/tools_mcp/endpoints/0/providerCredentialed"`},
	{"marker, false", SandboxPolicy, `"port":8080,`, `"port":8080,"providerCredentialed":false,`, DocumentNoncanonical, `providerCredentialed`},
	{"marker, original name", SandboxPolicy, `"port":8080,`, `"port":8080,"provider_credentialed":true,`, DocumentNoncanonical, `provider_credentialed`},
	{"marker in a global policy", GlobalPolicy, `"port":8080,`, `"port":8080,"providerCredentialed":true,`, DocumentNoncanonical, `providerCredentialed`},
	{"marker in a profile", ProviderProfile, `"port":443,"protocol":"rest","rules"`, `"port":443,"protocol":"rest","providerCredentialed":true,"rules"`, DocumentNoncanonical, `"/endpoints/1/providerCredentialed"`},
	{"resourceVersion", ProviderProfile, `"id":"forge"`, `"id":"forge","resourceVersion":"7"`, DocumentNoncanonical, `"/resourceVersion"`},
	{"resource_version", ProviderProfile, `"id":"forge"`, `"id":"forge","resource_version":"7"`, DocumentNoncanonical, `"/resource_version"`},
	{"annotations", ProviderProfile, `{"@type"`, `{"annotations":{},"@type"`, DocumentNoncanonical, `"/annotations"`},
	{"source", ProviderProfile, `"id":"forge"`, `"id":"forge","source":"builtin"`, DocumentNoncanonical, `"/source"`},
	{"scope", ProviderProfile, `"id":"forge"`, `"id":"forge","scope":"platform"`, DocumentNoncanonical, `"/scope"`},

	{"reserved name", SandboxPolicy, `"ledger":{`, `"_provider_x":{},"ledger":{`, DocumentReservedName, `"_provider_x"`},
	{"reserved name, only the prefix", SandboxPolicy, `"ledger":{`, `"_provider_":{},"ledger":{`, DocumentReservedName, `"_provider_"`},
	{"reserved name in a global policy", GlobalPolicy, `"ledger":{`, `"_provider_x":{},"ledger":{`, DocumentReservedName, `"_provider_x"`},

	{"rules are a list", SandboxPolicy, `"networkPolicies":{`, `"networkPolicies":[],"z":{`, DocumentSurface, `"/networkPolicies" is not an object`},
	{"rules are null", SandboxPolicy, `"networkPolicies":{`, `"networkPolicies":null,"z":{`, DocumentSurface, `"/networkPolicies"`},
	{"a rule is a list", SandboxPolicy, `"ledger":{`, `"ledger":[],"z":{`, DocumentSurface, `"/networkPolicies/ledger"`},
	{"endpoints are an object", SandboxPolicy, `"endpoints":[{"host":"mcp.corp.example"`, `"endpoints":{},"z":[{"host":"mcp.corp.example"`, DocumentSurface, `"/networkPolicies/tools_mcp/endpoints" is not an array`},
	{"an endpoint is a list", SandboxPolicy, `"endpoints":[{"host":"mcp.corp.example"`, `"endpoints":[[],{"host":"mcp.corp.example"`, DocumentSurface, `"/networkPolicies/tools_mcp/endpoints/0"`},
	{"profile endpoints are an object", ProviderProfile, `"endpoints":[`, `"endpoints":{},"z":[`, DocumentSurface, `"/endpoints"`},
	{"credentials are an object", ProviderProfile, `"credentials":[{`, `"credentials":{},"z":[{`, DocumentSurface, `"/credentials"`},
	{"binaries are an object", ProviderProfile, `"binaries":[`, `"binaries":{},"z":[`, DocumentSurface, `"/binaries"`},
	{"no id", ProviderProfile, `"id":"forge"`, `"ids":"forge"`, DocumentSurface, `"id"`},
	{"empty id", ProviderProfile, `"id":"forge"`, `"id":""`, DocumentSurface, `"id"`},
	{"id is no text", ProviderProfile, `"id":"forge"`, `"id":1`, DocumentSurface, `"id"`},
	{"long id", ProviderProfile, `"id":"forge"`, `"id":"` + strings.Repeat("x", MaxName+1) + `"`, DocumentSurface, `"id"`},
}

// mutate applies one mutation to the sample of its role. What it leaves out of
// order is put into order, unless being out of it is the point.
func mutate(t testing.TB, good, old, new string, want Reason) []byte {
	t.Helper()
	if old == "" && strings.Contains(new, "\n") {
		return sample(t, new)
	}
	if old == "" {
		return []byte(new)
	}
	if strings.Count(good, old) != 1 {
		t.Fatalf("%q occurs %d times in the sample", old, strings.Count(good, old))
	}
	bad := []byte(strings.Replace(good, old, new, 1))
	if want == DocumentNoncanonical && !strings.Contains(new, "redentialed") && !strings.Contains(new, `"id"`) && !strings.Contains(new, "annotations") {
		return bad
	}
	if canonical, err := Canonical(bad); err == nil {
		return canonical
	}
	return bad
}

func TestParseDocumentRefuses(t *testing.T) {
	for _, m := range mutations {
		good := ""
		if text, ok := sampleOf[m.role]; ok {
			good = string(sample(t, text))
			mustParse(t, &Document{Role: m.role, Body: []byte(good)})
		}
		bad := mutate(t, good, m.old, m.new, m.want)
		doc, fault := parseDocument(&Document{Role: m.role, Body: bad}, sampleTarget)
		if fault == nil {
			t.Errorf("%s: accepted", m.name)
			continue
		}
		if doc != nil {
			t.Errorf("%s: half a document beside the finding", m.name)
		}
		if fault.Reason != m.want || !strings.Contains(fault.Detail, m.detail) {
			t.Errorf("%s: %v %s, want %v …%s…", m.name, fault.Reason, fault.Detail, m.want, m.detail)
		}
		if fault.Document != -1 || fault.Attestation != -1 {
			t.Errorf("%s: the finding is about document %d, attestation %d", m.name, fault.Document, fault.Attestation)
		}
		checkDetail(t, fault)
	}
}

// checkDetail checks what every finding promises.
func checkDetail(t testing.TB, f *Finding) {
	t.Helper()
	if len(f.Detail) > MaxDetail || len(f.Hint) > MaxDetail || !utf8.ValidString(f.Detail) || f.Detail == "" ||
		strings.ContainsFunc(f.Detail, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		t.Errorf("a detail of %d bytes that is not fit to print: %q", len(f.Detail), f.Detail)
	}
}

// What looks like one of the above and is none.
func TestParseDocumentAccepts(t *testing.T) {
	for _, c := range []struct {
		name     string
		role     Role
		old, new string
	}{
		{"unknown member", SandboxPolicy, `"version":1}`, `"version":1,"zoneOfTomorrow":{"a":[null]}}`},
		{"defaults", SandboxPolicy, `"version":1}`, `"version":0,"zone":"","zones":[]}`},
		{"a query parameter called like the marker", SandboxPolicy, `"query":{`, `"query":{"provider_credentialed":{"glob":"x"},`},
		{"the marker outside an endpoint", SandboxPolicy, `"version":1}`, `"version":1,"providerCredentialed":true}`},
		{"a key that only looks reserved", SandboxPolicy, `"ledger":{`, `"_Provider_x":{},"provider_x":{},"ledger":{`},
		{"a middleware with a reserved name", SandboxPolicy, `"redact":{`, `"_provider_x":{},"redact":{`},
		{"no rules", SandboxPolicy, `"networkPolicies":{`, `"other":{`},
		{"a rule without endpoints", SandboxPolicy, `"ledger":{`, `"bare":{},"ledger":{`},
		{"a source further down", ProviderProfile, `"required":true`, `"required":true,"source":"x","scope":"y","annotations":{}`},
		{"a binding in a profile is content", ProviderProfile, `"access":"read-only"`, `"access":"read-only","advisorProposed":true`},
		{"the longest id", ProviderProfile, `"id":"forge"`, `"id":"` + strings.Repeat("x", MaxName) + `"`},
		{"the deepest", SandboxPolicy, `0.25`, nestedArrays(MaxDepth - 4)},
	} {
		good := string(sample(t, sampleOf[c.role]))
		if strings.Count(good, c.old) != 1 {
			t.Fatalf("%s: %q occurs %d times", c.name, c.old, strings.Count(good, c.old))
		}
		body := sample(t, strings.Replace(good, c.old, c.new, 1))
		if _, fault := parseDocument(&Document{Role: c.role, Body: body}, sampleTarget); fault != nil {
			t.Errorf("%s: %v %s", c.name, fault.Reason, fault.Detail)
		}
	}
}

// A body's values do not show in what is said about it.
func TestParseDocumentTellsNoValues(t *testing.T) {
	good := string(sample(t, samplePolicy))
	bad := 0
	for i := range len(good) {
		body := []byte(strings.ReplaceAll(good, "ledger.corp.example", "s3cret.corp.example"))
		body = append(body[:i:i], body[min(i+1, len(body)):]...)
		if _, fault := parseDocument(&Document{Role: SandboxPolicy, Body: body}, sampleTarget); fault != nil {
			bad++
			if strings.Contains(fault.Detail, "s3cret") {
				t.Fatalf("without byte %d: %s", i, fault.Detail)
			}
		}
	}
	if bad < len(good)/4 {
		t.Errorf("only %d of %d deletions are refused", bad, len(good))
	}
}

// SPEC: PO-20 one message, one digest: any other spelling of it is refused.
func TestOneSpellingOnly(t *testing.T) {
	body := sample(t, samplePolicy)
	want := mustParse(t, &Document{Role: SandboxPolicy, Body: body}).sha256
	got := mustParse(t, &Document{Role: SandboxPolicy, Body: sample(t, string(body))}).sha256
	if got != want {
		t.Error("canonicalising twice changes the digest")
	}
	if _, fault := parseDocument(&Document{Role: SandboxPolicy, Body: []byte(samplePolicy)}, sampleTarget); fault == nil || fault.Reason != DocumentNoncanonical {
		t.Errorf("the same message, indented: %v", fault)
	}
}

func TestParseDocumentOutside(t *testing.T) {
	const open, shut = `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","x":`, `}`
	accepted := 0
	for name, data := range outsideFiles(t, "json", "test_parsing") {
		for _, role := range []Role{SandboxPolicy, ProviderProfile, Settings} {
			if doc, fault := parseDocument(&Document{Role: role, Body: data}, sampleTarget); fault == nil || doc != nil {
				t.Errorf("%s is a %v", name, role)
			} else {
				checkDetail(t, fault)
			}
		}
		_, fault := parseDocument(&Document{Role: SandboxPolicy, Body: []byte(open + string(data) + shut)}, sampleTarget)
		if fault == nil && strings.HasPrefix(name, "n_") {
			t.Errorf("%s passes as a member", name)
		}
		canonical, err := Canonical(data)
		if err != nil {
			continue
		}
		accepted++
		if _, fault := parseDocument(&Document{Role: SandboxPolicy, Body: []byte(open + string(canonical) + shut)}, sampleTarget); fault != nil {
			t.Errorf("%s: its canonical form is refused as a member: %s", name, fault.Detail)
		}
	}
	if accepted < 50 {
		t.Errorf("only %d files have a canonical form", accepted)
	}
}

func FuzzDocument(f *testing.F) {
	for role, text := range sampleOf {
		f.Add(int(role), sample(f, text))
	}
	for _, m := range mutations {
		if text, ok := sampleOf[m.role]; ok && m.old != "" {
			f.Add(int(m.role), []byte(strings.Replace(string(sample(f, text)), m.old, m.new, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, role int, body []byte) {
		doc, fault := parseDocument(&Document{Role: Role(role), Body: body}, sampleTarget)
		if (doc == nil) == (fault == nil) {
			t.Fatal("neither a document nor a finding, or both")
		}
		if fault != nil {
			checkDetail(t, fault)
			return
		}
		if !isCanonical(body) || checkJSON(body) != nil || doc.sha256 != sha256.Sum256(body) {
			t.Error("accepted, but not strict and canonical")
		}
		if kind, _ := doc.tree.get("@type"); kind != typePrefix+roleSurface[doc.role] {
			t.Errorf("accepted as %v with @type %v", doc.role, kind)
		}
		if again := appendTree(nil, doc.tree); string(again) != string(body) {
			t.Error("the tree is not the body's")
		}
	})
}

// largeBody is a policy of about so many bytes.
func largeBody(t testing.TB, size int) []byte {
	var b strings.Builder
	fmt.Fprint(&b, `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"rule_%06d":{"binaries":[{"path":"/usr/bin/tool"}],"endpoints":[{"host":"host-%d.corp.example","port":443,"protocol":"rest"}],"name":"rule"}`, i, i)
	}
	b.WriteString(`},"version":1}`)
	return sample(t, b.String())
}

func BenchmarkParseDocument(b *testing.B) {
	for _, size := range []int{2 << 10, 64 << 10, MaxBody - 1024} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			d := &Document{Role: SandboxPolicy, Body: largeBody(b, size)}
			b.SetBytes(int64(len(d.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, fault := parseDocument(d, sampleTarget); fault != nil {
					b.Fatal(fault.Detail)
				}
			}
		})
	}
}

// BenchmarkLibraryParse is what the same work costs without canonicalReader.
func BenchmarkLibraryParse(b *testing.B) {
	body := largeBody(b, 2<<10)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if checkJSON(body) != nil || !isCanonical(body) {
			b.Fatal("not canonical")
		}
	}
}

// BenchmarkVerifySignature is the yardstick: one ECDSA P-256 verification.
func BenchmarkVerifySignature(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte("message"))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], sig) {
			b.Fatal("refused")
		}
	}
}
