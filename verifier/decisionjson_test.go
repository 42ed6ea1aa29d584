// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// Every decision of the catalogue comes back from its text, and the text is the
// only one: no byte of it can be dropped or doubled.
func TestDecisionJSON(t *testing.T) {
	n := 0
	texts := map[string]bool{}
	for _, c := range cases.Catalogue() {
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
		if !field.IsExported() || field.Name == "HoldsUntil" { // for a cache, not for the record
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
