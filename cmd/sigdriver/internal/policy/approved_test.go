// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestAuthoredIsAllowed approves each document that came of an author's file, and
// has it admitted and composed.
func TestAuthoredIsAllowed(t *testing.T) {
	ran := map[Type]int{}
	for _, v := range vectors(t) {
		if v.Refused {
			continue
		}
		typ := typeOf(t, v)
		got, err := Canonicalize(typ, lineOf(t, v), v.Input)
		if err != nil {
			t.Fatal(err)
		}
		ran[typ]++
		for _, s := range scenarios(typ, got.Document) {
			if d, err := s.Decide(); err != nil || d.Verdict != verifier.Allow {
				t.Errorf("%s, %s: %v, %s %+v", v.Name, s.Request.Purpose, err, d.Reason, d.Findings)
			}
		}
	}
	if len(ran) != len(types) {
		t.Errorf("ran %v", ran)
	}
}

func scenarios(typ Type, document []byte) []*verifiertest.Scenario {
	tree := verifiertest.Parse(document)
	switch typ {
	case SandboxPolicy:
		admit, compose := verifiertest.AdmitPolicy(), verifiertest.ComposeLayers()
		for _, s := range []*verifiertest.Scenario{admit, compose} {
			s.Request.Documents[0].Body = document
			s.Approve(0, "alice", "bob")
		}
		return []*verifiertest.Scenario{admit, compose.Recompose()}
	case ProviderProfile:
		admit, compose := verifiertest.AdmitProfile(), verifiertest.ComposePlain()
		admit.Request.Documents[0].Body = document
		compose.Attach("Some Provider", tree)
		compose.Request.Documents[1].Body = document
		return []*verifiertest.Scenario{admit.Approve(0, "dave"), compose.Approve(1, "dave").Recompose()}
	}
	return []*verifiertest.Scenario{withSettings(document)}
}

// withSettings composes where settings have to be approved, as these are.
func withSettings(document []byte) *verifiertest.Scenario {
	s := verifiertest.ComposePlain()
	tree := verifiertest.Parse(document)
	if tree["policySource"] == "GLOBAL_POLICY" {
		s = verifiertest.ComposeGlobal()
		s.Request.Documents = s.Request.Documents[:1]
	}
	if enabled, _ := tree["providersV2Enabled"].(bool); !enabled {
		s.Request.ProvidersV2 = false
	}
	s.Authorities.Rules = append(s.Authorities.Rules, verifiertest.SettingsRule())
	s.Request.Documents = append(s.Request.Documents, verifier.Document{Role: verifier.Settings, Body: document})
	return s.Approve(1, "dave").Recompose()
}

// Settings are governed: whoever changes the gateway's is not covered by the
// approval, and settings that say something else than what was done are refused.
func TestSettingsAreGoverned(t *testing.T) {
	const written = "policySource: sandbox\nprovidersV2Enabled: true\nmiddlewareServices:\n- {name: guard, endpoint: \"https://guard.example\"}\n"
	approved, err := Canonicalize(Settings, Line00, []byte(written))
	if err != nil {
		t.Fatal(err)
	}
	s := withSettings(approved.Document)
	if d, err := s.Decide(); err != nil || d.Verdict != verifier.Allow {
		t.Fatalf("%v %s", err, d.Reason)
	}
	other, err := Canonicalize(Settings, Line00, []byte(strings.Replace(written, "guard.example", "other.example", 1)))
	if err != nil {
		t.Fatal(err)
	}
	s.Request.Documents[1].Body = other.Document
	if d, err := s.Decide(); err != nil || d.Verdict == verifier.Allow || d.Reason != verifier.SubjectMismatch {
		t.Errorf("another endpoint: %v %s", err, d.Reason)
	}
	off, err := Canonicalize(Settings, Line00, []byte(strings.Replace(written, "true", "false", 1)))
	if err != nil {
		t.Fatal(err)
	}
	s = withSettings(off.Document)
	s.Request.ProvidersV2 = true
	if d, err := s.Decide(); err != nil || d.Reason != verifier.CompositionRecipe {
		t.Errorf("layers that the settings know nothing of: %v %s", err, d.Reason)
	}
	s.Request.Documents = s.Request.Documents[:1]
	if d, err := s.Decide(); err != nil || d.Verdict == verifier.Allow {
		t.Errorf("without settings: %v %s", err, d.Reason)
	}
}
