// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestRequestVectors reads request-sha256.json, as a reader in another language
// does, and comes to the same digests.
func TestRequestVectors(t *testing.T) {
	var f verifiertest.RequestVectorFile
	if err := json.Unmarshal(read(t, filepath.Join(vectorFolder, "request-sha256.json")), &f, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	if f.Format != verifiertest.RequestFormat || len(f.Vectors) == 0 {
		t.Fatalf("%d vectors of format %q", len(f.Vectors), f.Format)
	}
	names := map[string]string{} // digest → vector
	digests := map[string]string{}
	for _, v := range f.Vectors {
		req, err := v.Decode()
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		sum := verifier.RequestSHA256(req)
		if got := verifier.RequestJSON(req); string(got) != v.Summary || hex.EncodeToString(sum[:]) != v.SHA256 {
			t.Errorf("%s:\ngot  %s\nwant %s", v.Name, got, v.Summary)
		}
		if asked := verifier.AskedSHA256(req); hex.EncodeToString(asked[:]) != v.AskedSHA256 {
			t.Errorf("%s: asked_sha256 is %x, want %s", v.Name, asked, v.AskedSHA256)
		}
		if v.SameAs != "" && digests[v.SameAs] != v.SHA256 {
			t.Errorf("%s: not the digest of %s", v.Name, v.SameAs)
		}
		if other, taken := names[v.SHA256]; taken && v.SameAs == "" {
			t.Errorf("%s has the digest of %s", v.Name, other)
		}
		names[v.SHA256], digests[v.Name] = v.Name, v.SHA256
	}
}

// Whatever can change an answer changes the digest of its request.
func TestRequestSHA256CoversEverything(t *testing.T) {
	base := verifiertest.ComposeLayers().Request
	seen := map[[32]byte]string{verifier.RequestSHA256(&base): "as it was"}
	for name, change := range map[string]func(*verifier.Request){
		"purpose":             func(r *verifier.Request) { r.Purpose = verifier.Admit },
		"gateway":             func(r *verifier.Request) { r.Target.GatewayID += "x" },
		"workspace":           func(r *verifier.Request) { r.Target.Workspace += "x" },
		"sandbox":             func(r *verifier.Request) { r.Target.SandboxID += "x" },
		"name":                func(r *verifier.Request) { r.Target.Name += "x" },
		"recipe":              func(r *verifier.Request) { r.Recipe += "x" },
		"providers v2":        func(r *verifier.Request) { r.ProvidersV2 = false },
		"effective":           func(r *verifier.Request) { r.Effective = append(bytes.Clone(r.Effective), ' ') },
		"no effective":        func(r *verifier.Request) { r.Effective = nil },
		"role":                func(r *verifier.Request) { r.Documents[0].Role = verifier.GlobalPolicy },
		"document workspace":  func(r *verifier.Request) { r.Documents[1].Workspace = "prod" },
		"provider":            func(r *verifier.Request) { r.Documents[1].Provider += "x" },
		"body":                func(r *verifier.Request) { r.Documents[1].Body = append(bytes.Clone(r.Documents[1].Body), ' ') },
		"order of documents":  func(r *verifier.Request) { r.Documents[1], r.Documents[2] = r.Documents[2], r.Documents[1] },
		"a document less":     func(r *verifier.Request) { r.Documents = r.Documents[:2] },
		"an attestation less": func(r *verifier.Request) { r.Documents[0].Attestations = r.Documents[0].Attestations[:1] },
		"an attestation more": func(r *verifier.Request) {
			r.Documents[0].Attestations = append(r.Documents[0].Attestations, []byte("x"))
		},
	} {
		changed := verifiertest.ComposeLayers().Request
		change(&changed)
		sum := verifier.RequestSHA256(&changed)
		if other, taken := seen[sum]; taken {
			t.Errorf("%s: the digest of %s", name, other)
		}
		seen[sum] = name
	}
}

func TestAttestationDigest(t *testing.T) {
	s := verifiertest.AdmitProfile()
	dave := verifiertest.Person("dave")
	envelope := s.Approval(0).Of(s.Body(0)).Seal(dave)
	want := envelope.SHA256()
	twice := envelope
	twice.Signatures = append(twice.Signatures, verifiertest.SignatureBy(verifiertest.Person("erin"), verifiertest.PAE(envelope.PayloadType, envelope.PayloadBytes())))
	for name, raw := range map[string][]byte{
		"bare":             envelope.JSON(),
		"more signatures":  twice.JSON(),
		"an extra member":  verifiertest.Edit(envelope.JSON(), `"payload":`, `"extra":1,"payload":`),
		"bundle v0.1":      envelope.Bundle("0.1", dave).JSON(),
		"bundle v0.3":      envelope.Bundle("0.3", dave).JSON(),
		"protobuf":         envelope.Bundle("0.3", dave).Proto(),
		"with white space": append([]byte("\n "), envelope.JSON()...),
	} {
		if got := verifier.AttestationDigest(raw); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, raw := range map[string][]byte{
		"nothing":         nil,
		"no JSON":         []byte("x"),
		"a duplicate":     verifiertest.Edit(envelope.JSON(), `"payload":`, `"payload":"","payload":`),
		"trailing data":   append(envelope.JSON(), '1'),
		"no signatures":   []byte(`{"payload":"","payloadType":"x","signatures":[]}`),
		"past the limit":  append(envelope.JSON(), bytes.Repeat([]byte(" "), verifier.MaxAttestation)...),
		"a digest itself": []byte(want),
	} {
		sum := sha256.Sum256(raw)
		if got := verifier.AttestationDigest(raw); got != "raw:"+hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if len(want) != 64 || strings.Contains(want, ":") {
		t.Errorf("%q can be taken for raw bytes", want)
	}
}

// Every decision of the catalogue comes back from its text, and the text is the
// only one: no byte of it can be dropped or doubled.
func TestDecisionJSON(t *testing.T) {
	n := 0
	texts := map[string]bool{}
	for _, c := range verifiertest.Catalogue() {
		if c.PerRun {
			continue
		}
		s, err := c.Vector().Scenario()
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Decide()
		if err != nil {
			t.Fatal(err)
		}
		text := verifier.DecisionJSON(&d)
		back, err := verifier.ParseDecisionJSON(text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.Name, err, text)
		}
		if !bytes.Equal(verifier.DecisionJSON(back), text) || back.Verdict != d.Verdict || back.Reason != d.Reason ||
			len(back.Findings) != len(d.Findings) || len(back.Consulted) != len(d.Consulted) || len(back.Raises) != len(d.Raises) {
			t.Errorf("%s comes back as another decision", c.Name)
		}
		if canonical, err := verifier.Canonical(text); err != nil || !bytes.Equal(canonical, text) {
			t.Errorf("%s: the text is not canonical: %v", c.Name, err)
		}
		texts[string(text)] = true
		n++
	}
	if n == 0 || len(texts) < 2 {
		t.Fatalf("%d decisions, %d texts", n, len(texts))
	}
}

// fullDecision has something in every field.
func fullDecision() *verifier.Decision {
	at := time.Date(2026, 9, 1, 12, 0, 0, 5, time.UTC)
	key := verifier.FloorKey{GatewayID: "gw", Role: verifier.ProviderProfile, Workspace: "w", Name: "n"}
	place := &verifier.Binding{Key: verifier.SandboxKey{GatewayID: "gw", SandboxID: "sb"}, Place: verifier.Place{Workspace: "w", Name: "n"}}
	return &verifier.Decision{
		Verdict: verifier.Deny, Reason: verifier.Threshold,
		NearestMiss:     verifier.NearestMiss{Document: 0, Text: "text", Command: "command"},
		Findings:        []verifier.Finding{{Reason: verifier.Threshold, Document: 0, Attestation: 0, Detail: "d", Hint: "h"}},
		Shadow:          []verifier.Finding{{Reason: verifier.Distinct, Document: 1, Attestation: -1, Detail: "s", Hint: "i"}},
		Documents:       []verifier.DocumentResult{{SHA256: [32]byte{1}, Version: 1 << 62, Principals: []string{"a", "b"}, NotAfter: at, Passed: true}},
		EffectiveSHA256: [32]byte{2}, Stale: true, ValidUntil: at, Recheck: at,
		Consulted: []verifier.Raise{{Key: key, Floor: verifier.Floor{Version: 3, SHA256: [32]byte{3}}}}, Place: place,
		Raises: []verifier.Raise{{Key: key, Floor: verifier.Floor{Version: 4, SHA256: [32]byte{4}}}}, Binding: place,
		Evidence: [][2]int{{0, 1}},
	}
}

// Every field of a decision is in its text. A new field must be put there, or
// replay would not compare it.
func TestDecisionJSONCoversEverything(t *testing.T) {
	full := fullDecision()
	text := verifier.DecisionJSON(full)
	back, err := verifier.ParseDecisionJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, full) {
		t.Errorf("came back as %+v", back)
	}
	v := reflect.ValueOf(full).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set in the test", field.Name)
		}
		less := fullDecision()
		reflect.ValueOf(less).Elem().Field(i).SetZero()
		if bytes.Equal(verifier.DecisionJSON(less), text) {
			t.Errorf("%s is not in the text", field.Name)
		}
	}
	var zero verifier.Decision
	if back, err := verifier.ParseDecisionJSON(verifier.DecisionJSON(&zero)); err != nil || !reflect.DeepEqual(back, &zero) {
		t.Errorf("the zero decision comes back as %+v, %v", back, err)
	}
}

func TestParseDecisionJSONIsStrict(t *testing.T) {
	good := verifier.DecisionJSON(fullDecision())
	if _, err := verifier.ParseDecisionJSON(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"another version":      {`decision.v1+json`, `decision.v2+json`},
		"an unknown member":    {`"mediaType"`, `"extra":1,"mediaType"`},
		"a name twice":         {`"stale":true`, `"stale":true,"stale":true`},
		"another case":         {`"verdict"`, `"Verdict"`},
		"an unknown verdict":   {`"DENY"`, `"MAYBE"`},
		"an unknown reason":    {`"reason":"THRESHOLD"`, `"reason":"BECAUSE"`},
		"an unknown role":      {`"PROVIDER_PROFILE"`, `"PROFILE"`},
		"white space":          {`{"binding"`, `{ "binding"`},
		"a number unquoted":    {`"version":"3"`, `"version":3`},
		"a leading zero":       {`"version":"3"`, `"version":"03"`},
		"zero written out":     {`"document":1,`, `"attestation":-1,"document":1,`},
		"upper-case hex":       {`"sha256":"03`, `"sha256":"0A`},
		"a short digest":       {`"sha256":"03`, `"sha256":"3`},
		"a time with offset":   {`"recheck":"2026-09-01T12:00:00.000000005Z"`, `"recheck":"2026-09-01T14:00:00.000000005+02:00"`},
		"an escape too many":   {`"text":"text"`, `"text":"\u0074ext"`},
		"an empty list gone":   {`"principals":["a","b"],`, ``},
		"an empty miss":        {`"text":"text"`, `"text":null`},
		"members out of order": {`"detail":"d","document":0`, `"document":0,"detail":"d"`},
	} {
		bad := bytes.Replace(good, []byte(edit[0]), []byte(edit[1]), 1)
		if bytes.Equal(bad, good) {
			t.Errorf("%s: the case changes nothing", name)
		}
		if _, err := verifier.ParseDecisionJSON(bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	for _, bad := range [][]byte{nil, []byte("{}"), append(bytes.Clone(good), ' '), good[:len(good)-1]} {
		if _, err := verifier.ParseDecisionJSON(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzParseDecisionJSON(f *testing.F) {
	f.Add(verifier.DecisionJSON(fullDecision()))
	f.Add(verifier.DecisionJSON(&verifier.Decision{}))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := verifier.ParseDecisionJSON(text)
		if err != nil {
			if d != nil {
				t.Error("an error and a decision")
			}
			return
		}
		if !bytes.Equal(verifier.DecisionJSON(d), text) {
			t.Errorf("%q comes back as another text", text)
		}
	})
}
