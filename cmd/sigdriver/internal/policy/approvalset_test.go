// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// setFor is a set of the scenario's documents that fits it.
func setFor(t *testing.T, s *verifiertest.Scenario) *ApprovalSet {
	t.Helper()
	set := &ApprovalSet{
		ID: "stack", Gateway: "gw-*", Workspace: "prod", Name: "web-*", Version: 7,
		NotBefore: verifiertest.Now.Add(-time.Hour), NotAfter: verifiertest.Now.Add(time.Hour), Reason: "reviewed",
	}
	for i, d := range s.Request.Documents {
		doc, err := ReadSubject("document.json", d.Role, d.Body)
		if err != nil {
			t.Fatal(err)
		}
		set.Members = append(set.Members, Member{doc, s.Member(i).Name})
	}
	return set
}

// TestVerifyCountsSets takes what Sign makes to the code that decides.
func TestVerifyCountsSets(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*ApprovalSet)
		want   verifier.Reason
	}{
		{"as it is", func(*ApprovalSet) {}, verifier.Allowed},
		{"without a reason", func(s *ApprovalSet) { s.Reason = "" }, verifier.Allowed},
		{"one document twice", func(s *ApprovalSet) { s.Members = append(s.Members, Member{s.Members[0].Document, "db-*"}) }, verifier.Allowed},
		{"another workspace", func(s *ApprovalSet) { s.Workspace = "dev" }, verifier.ScopeMismatch},
		{"one layer less", func(s *ApprovalSet) { s.Members = s.Members[:2] }, verifier.SetMismatch},
		{"over", func(s *ApprovalSet) { s.NotAfter = verifiertest.Now }, verifier.AttestationExpired},
	} {
		s := verifiertest.ComposeSet()
		var offered [][]byte
		for _, name := range []string{"alice", "bob"} {
			set := setFor(t, s)
			c.change(set)
			key, err := keys.Parse(verifiertest.Person(name).PrivatePEM(), nil)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := set.Sign(key)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			offered = append(offered, signed.Bundle)
		}
		d, err := s.OfferAll(offered...).Decide()
		if err != nil {
			t.Fatal(err)
		}
		if d.Reason != c.want {
			t.Errorf("%s: %v, want %v: %+v", c.name, d.Reason, c.want, d.Findings)
		}
	}
}

func TestSetCheck(t *testing.T) {
	s := verifiertest.ComposeSet()
	global, err := ReadSubject("policy.json", verifier.GlobalPolicy, s.Body(0))
	if err != nil {
		t.Fatal(err)
	}
	good := setFor(t, s)
	good.Members = append(good.Members, Member{global, ""})
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	many := make([]Member, verifier.MaxSubjects+1)
	for i := range many {
		many[i] = Member{good.Members[0].Document, strings.Repeat("n", i+1)}
	}
	for name, change := range map[string]func(*ApprovalSet){
		"no id":             func(s *ApprovalSet) { s.ID = "" },
		"a long id":         func(s *ApprovalSet) { s.ID = strings.Repeat("i", verifier.MaxName+1) },
		"no members":        func(s *ApprovalSet) { s.Members = nil },
		"too many members":  func(s *ApprovalSet) { s.Members = many },
		"a member twice":    func(s *ApprovalSet) { s.Members = append(s.Members, s.Members[1]) },
		"another id":        func(s *ApprovalSet) { s.Members[1].Name = "other" },
		"a named global":    func(s *ApprovalSet) { s.Members[3].Name = "web-1" },
		"a nameless policy": func(s *ApprovalSet) { s.Members[0].Name = "" },
		"version 0":         func(s *ApprovalSet) { s.Version = 0 },
		"version 2^63":      func(s *ApprovalSet) { s.Version = 1 << 63 },
		"an empty window":   func(s *ApprovalSet) { s.NotAfter = s.NotBefore },
		"the year 10000":    func(s *ApprovalSet) { s.NotAfter = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		bad := *good
		bad.Members = slices.Clone(good.Members)
		change(&bad)
		var refused *ApprovalError
		if err := bad.Check(); !errors.As(err, &refused) || refused.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := bad.Statement(); err == nil {
			t.Errorf("%s: it is written all the same", name)
		}
	}
	good.Members = many[1:]
	if err := good.Check(); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}
