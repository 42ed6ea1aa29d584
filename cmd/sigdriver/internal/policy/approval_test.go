// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// approvalBy is an approval of the scenario's first document that fits it,
// signed by a person of the base scenarios.
func approvalBy(t *testing.T, s *verifiertest.Scenario, name string, change func(*Approval)) []byte {
	t.Helper()
	doc, err := ReadSubject("policy.json", verifier.RoleUnspecified, s.Body(0))
	if err != nil {
		t.Fatal(err)
	}
	a := &Approval{
		Document: doc, Gateway: "gw-*", Workspace: "prod", Name: "web-*", Version: 42,
		NotBefore: verifiertest.Now.Add(-time.Hour), NotAfter: verifiertest.Now.Add(time.Hour), Reason: "reviewed",
	}
	change(a)
	key, err := keys.Parse(verifiertest.Person(name).PrivatePEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := a.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed.Bundle
}

// TestVerifyCountsIt takes what Sign makes to the code that decides.
func TestVerifyCountsIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Approval)
		want   verifier.Reason
	}{
		{"as it is", func(*Approval) {}, verifier.Allowed},
		{"another workspace", func(a *Approval) { a.Workspace = "dev" }, verifier.ScopeMismatch},
		{"over", func(a *Approval) { a.NotAfter = verifiertest.Now }, verifier.AttestationExpired},
		{"not begun", func(a *Approval) { a.NotBefore = verifiertest.Now.Add(time.Second) }, verifier.AttestationNotYetValid},
	} {
		s := verifiertest.AdmitPolicy()
		s.Offer(0, approvalBy(t, s, "alice", c.change), approvalBy(t, s, "bob", c.change))
		d, err := s.Decide()
		if err != nil {
			t.Fatal(err)
		}
		if d.Reason != c.want {
			t.Errorf("%s: %v, want %v: %+v", c.name, d.Reason, c.want, d.Findings)
		}
	}
}

func TestCheck(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	global, err := ReadSubject("policy.json", verifier.GlobalPolicy, s.Body(0))
	if err != nil {
		t.Fatal(err)
	}
	good := Approval{
		Document: global, Gateway: "*", Workspace: "*", Version: 1,
		NotBefore: verifiertest.Now, NotAfter: verifiertest.Now.Add(time.Second),
	}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Approval){
		"workspace of a global policy": func(a *Approval) { a.Workspace = "prod" },
		"name of a global policy":      func(a *Approval) { a.Name = "web-1" },
		"version 0":                    func(a *Approval) { a.Version = 0 },
		"version 2^63":                 func(a *Approval) { a.Version = 1 << 63 },
		"no beginning":                 func(a *Approval) { a.NotBefore = time.Time{} },
		"empty window":                 func(a *Approval) { a.NotAfter = a.NotBefore },
		"year 10000":                   func(a *Approval) { a.NotAfter = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		bad := good
		change(&bad)
		var refused *ApprovalError
		if err := bad.Check(); !errors.As(err, &refused) || refused.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProfileName refuses a name under which the profile would never be found.
func TestProfileName(t *testing.T) {
	profile, err := ReadSubject("forge.json", verifier.RoleUnspecified, verifiertest.AdmitProfile().Body(0))
	if err != nil {
		t.Fatal(err)
	}
	a := Approval{
		Document: profile, Gateway: "*", Name: "fo*", Version: 1,
		NotBefore: verifiertest.Now, NotAfter: verifiertest.Now.Add(time.Second),
	}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	a.Name = "Fo*"
	var refused *ApprovalError
	if err := a.Check(); !errors.As(err, &refused) {
		t.Errorf("a name that is not the profile's: %v", err)
	}
}

func TestReadSubject(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	body := s.Body(0)
	if _, err := ReadSubject("policy.json", verifier.SandboxPolicy, body); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		role verifier.Role
		body []byte
	}{
		"a line break at the end": {verifier.SandboxPolicy, append(append([]byte{}, body...), '\n')},
		"another role":            {verifier.ProviderProfile, body},
		"nothing":                 {verifier.RoleUnspecified, nil},
		"no type":                 {verifier.RoleUnspecified, []byte(`{}`)},
		"foreign type":            {verifier.RoleUnspecified, []byte(`{"@type":"type.googleapis.com/x.Y"}`)},
	} {
		var refused *ApprovalError
		if _, err := ReadSubject("policy.json", c.role, c.body); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
