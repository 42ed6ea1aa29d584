// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

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

// TestComposed makes the effective policy of every composition vector.
func TestComposed(t *testing.T) {
	made := 0
	for _, v := range vt.CompositionVectors() {
		s := v.Scenario()
		s.Request.Effective = nil
		got, fault := verifier.Composed(&s.Request)
		if fault != nil || string(got) != string(v.Effective) {
			t.Errorf("%s: %v\n%s\nwant\n%s", v.Name, fault, got, v.Effective)
		}
		made++
	}
	if made == 0 {
		t.Fatal("no vectors")
	}
	bare := vt.ComposePlain()
	bare.Request.Documents[0].Body = vt.Canonical(vt.Tree{"@type": "type.googleapis.com/" + vt.PolicySurface})
	if got, fault := verifier.Composed(&bare.Request); fault != nil || string(got) != string(bare.Body(0)) {
		t.Errorf("nothing to add to nothing: %v %s", fault, got)
	}
	for name, change := range map[string]func(r *verifier.Request){
		"recipe":    func(r *verifier.Request) { r.Recipe = "other" },
		"a body":    func(r *verifier.Request) { r.Documents[1].Body = []byte("{}") },
		"no source": func(r *verifier.Request) { r.Documents = r.Documents[1:] },
		"nothing":   func(r *verifier.Request) { r.Documents = nil },
	} {
		s := vt.ComposeLayers()
		change(&s.Request)
		if got, fault := verifier.Composed(&s.Request); fault == nil {
			t.Errorf("%s: composed %s", name, got)
		}
	}
}
