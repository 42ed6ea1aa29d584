// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// TestRequestVectors reads request-sha256.json, as a reader in another language
// does, and comes to the same digests.
func TestRequestVectors(t *testing.T) {
	var f cases.RequestVectorFile
	if err := json.Unmarshal(read(t, filepath.Join(vectorFolder, "request-sha256.json")), &f, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	if f.Format != cases.RequestFormat || len(f.Vectors) == 0 {
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
	base := vt.ComposeLayers().Request
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
		changed := vt.ComposeLayers().Request
		change(&changed)
		sum := verifier.RequestSHA256(&changed)
		if other, taken := seen[sum]; taken {
			t.Errorf("%s: the digest of %s", name, other)
		}
		seen[sum] = name
	}
}

func TestAttestationDigest(t *testing.T) {
	s := vt.AdmitProfile()
	dave := vt.Person("dave")
	envelope := s.Approval(0).Of(s.Body(0)).Seal(dave)
	want := envelope.SHA256()
	twice := envelope
	twice.Signatures = append(twice.Signatures, vt.SignatureBy(vt.Person("erin"), vt.PAE(envelope.PayloadType, envelope.PayloadBytes())))
	for name, raw := range map[string][]byte{
		"bare":             envelope.JSON(),
		"more signatures":  twice.JSON(),
		"an extra member":  vt.Edit(envelope.JSON(), `"payload":`, `"extra":1,"payload":`),
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
		"a duplicate":     vt.Edit(envelope.JSON(), `"payload":`, `"payload":"","payload":`),
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

// A digest that is remembered is the one that the bytes have: over good, padded and malformed
// attestations, each alone and all in one request, summaries with and without a memory are the same.
func TestRememberedDigestsAreTheSame(t *testing.T) {
	s := vt.AdmitProfile()
	envelope := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave"))
	text := envelope.JSON()
	raws := [][]byte{
		text, append([]byte("\n "), text...), append(bytes.Clone(text), ' '), append(bytes.Clone(text), '1'), text[:len(text)-1],
		vt.Edit(text, `"payload":`, `"extra":1,"payload":`), vt.Edit(text, `"payload":`, `"payload":"","payload":`), vt.Edit(text, `"payload":`, `"Payload":`),
		envelope.Bundle("0.1", vt.Person("dave")).JSON(), envelope.Bundle("0.3", vt.Person("dave")).JSON(), envelope.Bundle("0.3", vt.Person("dave")).Proto(),
		nil, {}, []byte("x"), []byte("\n\x00"), []byte(`{"payload":"","payloadType":"x","signatures":[]}`), append(bytes.Clone(text), bytes.Repeat([]byte(" "), verifier.MaxAttestation)...),
	}
	for i := range text {
		flipped := bytes.Clone(text)
		flipped[i] ^= 1
		raws = append(raws, flipped)
	}
	requests := []*verifier.Request{{Documents: []verifier.Document{{Attestations: raws}, {Attestations: raws[3:9]}, {}}}}
	for _, raw := range raws {
		requests = append(requests, &verifier.Request{Documents: []verifier.Document{{Attestations: [][]byte{raw}}}})
	}
	for _, c := range cases.Catalogue() {
		requests = append(requests, &c.Scenario().Request)
	}
	var m verifier.AttestationDigests
	for range 2 {
		for i, req := range requests {
			got, want := m.Summarize(req), verifier.Summarize(req)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("request %d: %s, want %s", i, got.JSON, want.JSON)
			}
			var all []string
			for j := range req.Documents {
				for k, raw := range req.Documents[j].Attestations {
					if got.Encoded[j][k] != sha256.Sum256(raw) {
						t.Errorf("request %d: attestation %d of document %d is %x", i, k, j, got.Encoded[j][k])
					}
					if digest := verifier.AttestationDigest(raw); !slices.Contains(all, digest) {
						all = append(all, digest)
					}
				}
			}
			if !slices.Equal(got.Attestations, all) {
				t.Errorf("request %d: %v, want %v", i, got.Attestations, all)
			}
		}
	}
}

// recordedScenarios ask in every shape a request can have.
func recordedScenarios() []*vt.Scenario {
	return []*vt.Scenario{vt.AdmitPolicy(), vt.AdmitProfile(), vt.ComposePlain(), vt.ComposeLayers(), vt.ComposeGlobal()}
}

// TestParseRequestJSON restores requests from their summary and their bytes.
func TestParseRequestJSON(t *testing.T) {
	for _, s := range recordedScenarios() {
		text := verifier.RequestJSON(&s.Request)
		r, err := verifier.ParseRequestJSON(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		req := r.Request()
		for i, d := range r.Documents {
			body := s.Body(i)
			if d.SHA256 != sha256.Sum256(body) {
				t.Errorf("document %d is sha256:%x", i, d.SHA256)
			}
			for j, digest := range d.Attestations {
				if digest != verifier.AttestationDigest(s.Attestation(i, j)) {
					t.Errorf("attestation %d of document %d is %s", j, i, digest)
				}
			}
			req.Documents[i].Body, req.Documents[i].Attestations = body, s.Request.Documents[i].Attestations
		}
		if (r.Effective == nil) != (s.Request.Effective == nil) || r.Effective != nil && *r.Effective != sha256.Sum256(s.Request.Effective) {
			t.Errorf("effective %x", r.Effective)
		}
		req.Effective = s.Request.Effective
		if got := verifier.RequestJSON(req); string(got) != string(text) {
			t.Errorf("restored as\n%s\nwas\n%s", got, text)
		}
	}
}

func TestParseRequestJSONRefuses(t *testing.T) {
	s := vt.ComposeLayers()
	text := string(verifier.RequestJSON(&s.Request))
	if _, err := verifier.ParseRequestJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"purpose":            {`"COMPOSE"`, `"DECOMPOSE"`},
		"no purpose":         {`"COMPOSE"`, `"PURPOSE_UNSPECIFIED"`},
		"role":               {`"SANDBOX_POLICY"`, `"SANDBOX"`},
		"document digest":    {`"sha256":"`, `"sha256":"0`},
		"effective digest":   {`"effective_sha256":"`, `"effective_sha256":"0`},
		"white space":        {`"recipe":`, `"recipe": `},
		"unknown member":     {`"recipe":`, `"recepte":"","recipe":`},
		"duplicate member":   {`"recipe":`, `"recipe":"","recipe":`},
		"letter case":        {`"recipe":`, `"Recipe":`},
		"missing member":     {`"providers_v2_enabled":true,`, ``},
		"null documents":     {text[strings.Index(text, `"documents":`):strings.Index(text, `,"effective`)], `"documents":null`},
		"trailing text":      {`}}`, `}} `},
		"not a number of it": {`true`, `1`},
	} {
		bad := strings.Replace(text, edit[0], edit[1], 1)
		if bad == text {
			t.Fatalf("%s: the edit changes nothing", name)
		}
		if r, err := verifier.ParseRequestJSON([]byte(bad)); err == nil {
			t.Errorf("%s: read as %+v", name, r)
		}
	}
}

// FuzzParseRequestJSON: what is read is written back byte for byte.
func FuzzParseRequestJSON(f *testing.F) {
	for _, s := range recordedScenarios() {
		f.Add(verifier.RequestJSON(&s.Request))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := verifier.ParseRequestJSON(text)
		if err != nil {
			if r != nil {
				t.Fatal("half a request beside an error")
			}
			return
		}
		if r.Purpose == verifier.PurposeUnspecified || r.Request().Purpose != r.Purpose || len(r.Request().Documents) != len(r.Documents) {
			t.Fatalf("%+v", r)
		}
	})
}
