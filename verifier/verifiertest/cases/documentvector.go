// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// DocumentFormat names the format of a document vector.
const DocumentFormat = "sigdriver.document-vector/v2"

// What a vector's input is.
const (
	FromProtoJSON = "protojson" // of the message: what a gateway holds
	FromAuthored  = "authored"  // what people write: YAML, or JSON with its names
)

// DocumentVector is the canonical form of one message: ProtoJSON or what an author
// wrote in, document out, or a refusal.
type DocumentVector struct {
	Format  string   `json:"format"`
	Name    string   `json:"name"`
	About   string   `json:"about"`
	Attacks []string `json:"attacks,omitempty"`
	Role    string   `json:"role"`
	From    string   `json:"from"`
	// OpenShell is the line of releases that reads what an author wrote so; 0.0 if it
	// is absent.
	OpenShell string `json:"openshell,omitempty"`
	Input     Bytes  `json:"input"`
	// Document and SHA256 are absent, and Refused is true, when there is none.
	Document Bytes  `json:"document,omitzero"`
	SHA256   string `json:"sha256,omitempty"`
	Refused  bool   `json:"refused,omitempty"`
	// At is line:column of the fault in what an author wrote, from 1; absent when
	// only the whole file can be blamed.
	At string `json:"at,omitempty"`
}

// DocumentVectors are the canonical forms, none of them made by our own code.
func DocumentVectors() []*DocumentVector { return append(protoJSONVectors(), authoredVectors()...) }

func protoJSONVectors() []*DocumentVector {
	policy := func(name, about, input, document string, attacks ...string) *DocumentVector {
		return documentVector(name, about, verifier.SandboxPolicy, input, document, attacks)
	}
	refused := func(name, about, input string, attacks ...string) *DocumentVector {
		return documentVector(name, about, verifier.SandboxPolicy, input, "", attacks)
	}
	const typed = `"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy"`
	const config = `{"networkMiddlewares":{"m":{"config":{"n":%}}},"version":1}`
	const canonical = `{` + typed + `,"networkMiddlewares":{"m":{"config":{"n":%}}},"version":1}`
	number := func(name, about, in, out string) *DocumentVector {
		v := policy("number-"+name, about, strings.Replace(config, "%", in, 1), strings.Replace(canonical, "%", out, 1), "PO-22")
		return v
	}
	noNumber := func(name, about, in string) *DocumentVector {
		return refused("number-"+name, about, strings.Replace(config, "%", in, 1), "PO-22")
	}
	return []*DocumentVector{
		policy("type-added", "The member @type is added.", `{"version":1}`, `{`+typed+`,"version":1}`),
		policy("type-kept", "The member @type is kept.", `{"version":1,`+typed+`}`, `{`+typed+`,"version":1}`),
		refused("type-other", "Another @type than the role's.", `{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","version":1}`),
		policy("order", "Members in any order and white space make one document.",
			"{\n  \"version\": 1,\n  \"process\": {\"runAsUser\": \"a\", \"runAsGroup\": \"b\"}\n}", `{`+typed+`,"process":{"runAsGroup":"b","runAsUser":"a"},"version":1}`, "PO-20"),
		policy("order-utf16", "Names are ordered by UTF-16 code units: U+1F600 before U+FB33.",
			`{"networkPolicies":{"`+"\ufb33"+`":{},"`+"\U0001f600"+`":{}}}`, `{`+typed+`,"networkPolicies":{"`+"\U0001f600"+`":{},"`+"\ufb33"+`":{}}}`),
		policy("escapes", "Escapes become characters, control characters stay escapes.",
			`{"process":{"runAsUser":"\u0061\/\u0022\n\u000f"}}`, `{`+typed+`,"process":{"runAsUser":"a/\"\n\u000f"}}`),
		policy("ports", "port and ports are two members: one does not become the other.",
			`{"networkPolicies":{"a":{"endpoints":[{"host":"h","ports":[443]}]}}}`, `{`+typed+`,"networkPolicies":{"a":{"endpoints":[{"host":"h","ports":[443]}]}}}`, "PO-21"),
		policy("default-kept", "A member that holds its type's default is kept: an author who writes it signs it.",
			`{"version":0,"filesystem":{"includeWorkdir":false}}`, `{`+typed+`,"filesystem":{"includeWorkdir":false},"version":0}`, "PO-21"),
		policy("default-absent", "A member that is absent stays absent.", `{"filesystem":{}}`, `{`+typed+`,"filesystem":{}}`, "PO-21"),
		policy("null-absent", "null means absent.", `{"version":1,"process":null}`, `{`+typed+`,"version":1}`, "PO-21"),
		policy("grant-owner", "What gateways write into endpoints is left out, in both spellings.",
			`{"networkPolicies":{"a":{"endpoints":[{"host":"h","providerCredentialed":true,"tokenGrantOwner":"grant-owner:v1:0"},{"host":"i","token_grant_owner":"x"}]}}}`,
			`{`+typed+`,"networkPolicies":{"a":{"endpoints":[{"host":"h"},{"host":"i"}]}}}`, "PO-15"),
		documentVector("grant-owner-profile", "And in a profile.", verifier.ProviderProfile,
			`{"id":"p","endpoints":[{"host":"h","tokenGrantOwner":"grant-owner:v1:0"}]}`,
			`{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","endpoints":[{"host":"h"}],"id":"p"}`, []string{"PO-15"}),
		documentVector("original-name-01", "A field's original name, of a field that OpenShell 0.1 brought.", verifier.ProviderProfile,
			`{"id":"p","credentials":[{"name":"t","refresh":{"max_lifetime":"300s"}}]}`, "", []string{"PO-21"}),
		refused("original-name", "A field's original name.", `{"network_policies":{}}`, "PO-21"),
		policy("nfc-nfd", "Two Unicode spellings of one letter are two names.",
			"{\"networkPolicies\":{\"\u00e9\":{},\"e\u0301\":{}}}", "{"+typed+",\"networkPolicies\":{\"e\u0301\":{},\"\u00e9\":{}}}", "PO-23"),
		number("one", "1.0 is 1.", "1.0", "1"),
		number("minus-zero", "Minus zero is 0.", "-0", "0"),
		number("exponent", "Exponents are written out below 10^21.", "1e20", "100000000000000000000"),
		number("exponent-kept", "From 10^21 on they are kept.", "1e21", "1e+21"),
		number("fraction", "A fraction is the double nearest to it, in the fewest digits.", "0.1000000000000000055511151231257827", "0.1"),
		number("largest-exact", "2^53 is exact.", "9007199254740992", "9007199254740992"),
		noNumber("rounded", "2^53 + 1 is not a double: it must be a string.", "9007199254740993"),
		noNumber("overflow", "Out of a double's range.", "1e400"),
		noNumber("underflow", "Too small to be anything but 0.", "1e-400"),
		noNumber("nan", "NaN is no JSON.", "NaN"),
		noNumber("infinity", "Infinity is no JSON.", "-Infinity"),
		refused("duplicate", "A name twice.", `{"version":1,"version":2}`),
		refused("duplicate-escaped", "A name twice, once in escapes.", `{"version":1,"\u0076ersion":2}`),
		refused("utf8", "A byte that is not UTF-8.", "{\"process\":{\"runAsUser\":\"\xff\"}}"),
		refused("surrogate", "Half a surrogate pair.", `{"process":{"runAsUser":"\ud800"}}`),
		refused("trailing", "Something after the end.", `{"version":1} {}`),
		refused("bom", "A byte order mark.", "\ufeff"+`{"version":1}`),
		refused("array", "No object.", `[]`),
		documentVector("policy", "A whole sandbox policy.", verifier.SandboxPolicy, string(pretty(vt.Policy())), string(vt.Canonical(vt.Policy())), nil),
		documentVector("global-policy", "The same as a global policy: one document, one digest.", verifier.GlobalPolicy, string(pretty(vt.Policy())), string(vt.Canonical(vt.Policy())), nil),
		documentVector("profile", "A whole provider profile.", verifier.ProviderProfile, string(pretty(vt.ForgeProfile())), string(vt.Canonical(vt.ForgeProfile())), nil),
		documentVector("settings", "The gateway's settings.", verifier.Settings, string(pretty(vt.GatewaySettings())), string(vt.Canonical(vt.GatewaySettings())), nil),
	}
}

func documentVector(name, about string, role verifier.Role, input, document string, attacks []string) *DocumentVector {
	v := &DocumentVector{Format: DocumentFormat, Name: name, About: about, Attacks: attacks, Role: vt.RoleNames[role], From: FromProtoJSON, Input: Bytes(input)}
	if document == "" {
		v.Refused = true
		return v
	}
	v.Document, v.SHA256 = Bytes(document), vt.SHA256([]byte(document))
	return v
}
