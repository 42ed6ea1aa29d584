// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// What is decided about providers without a profile is in the vectors
// document-missing-profile* and allow-compose-without-profile*. Here: what is no such
// request, and what a record keeps of one.
func TestProvidersWithoutProfile(t *testing.T) {
	name := strings.Repeat("p", verifier.MaxName)
	many := make([]string, verifier.MaxDocuments)
	for i := range many {
		many[i] = strings.Repeat("m", i+1)
	}
	for about, c := range map[string]struct {
		without []string
		taken   bool
	}{
		"the longest name":        {[]string{name}, true},
		"a longer one":            {[]string{name + "p"}, false},
		"no name":                 {[]string{"mailer", ""}, false},
		"no UTF-8":                {[]string{"\xff"}, false},
		"twice":                   {[]string{"mailer", "mailer"}, false},
		"beside its profile":      {[]string{"my-forge"}, false},
		"as many as there may be": {many, true},
		"one more":                {append(slices.Clone(many), "more"), false},
	} {
		s := vt.ComposeLayers()
		s.Request.WithoutProfile = c.without
		if err := verifier.CheckRequest(&s.Request); (err == nil) != c.taken {
			t.Errorf("%s: %v", about, err)
		}
	}
	admit := vt.AdmitPolicy()
	admit.Request.WithoutProfile = []string{"mailer"}
	if verifier.CheckRequest(&admit.Request) == nil {
		t.Error("ADMIT with a provider is taken")
	}

	s := vt.ComposePlain()
	asked := verifier.AskedSHA256(&s.Request)
	s.Request.WithoutProfile = []string{"mailer", "another"}
	if verifier.AskedSHA256(&s.Request) == asked {
		t.Error("the question does not say it")
	}
	text := verifier.RequestJSON(&s.Request)
	recorded, err := verifier.ParseRequestJSON(text)
	if err != nil || !slices.Equal(recorded.Request().WithoutProfile, s.Request.WithoutProfile) {
		t.Errorf("the record of the request: %v", err)
	}
	empty := strings.Replace(string(text), `["mailer","another"]`, `[]`, 1)
	if _, err := verifier.ParseRequestJSON([]byte(empty)); err == nil {
		t.Error("another spelling of no providers is taken")
	}
	d := decide(t, s)
	if d.Reason != verifier.DocumentMissing || !strings.Contains(d.Findings[0].Detail, `"mailer"`) {
		t.Errorf("%v %+v", d.Reason, d.Findings)
	}
}

// The switch is for rules about profiles.
func TestAllowWithoutProfileIsOfProfiles(t *testing.T) {
	for name, taken := range map[string]bool{"profiles": true, "prod sandboxes": false} {
		a := vt.BaseAuthorities()
		a.Rule(name).AllowWithoutProfile = true
		s := vt.AdmitPolicy()
		s.Authorities = a
		if _, err := verifier.ParseTrust(s.Source()); (err == nil) != taken {
			t.Errorf("%s: %v", name, err)
		}
	}
}
