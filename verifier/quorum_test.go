// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func TestQuorums(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *vt.Scenario)
		want   string
	}{
		{"everybody", func(*vt.Scenario) {}, "[prod sandboxes security 2 [alice bob carol] +1]"},
		{"one revoked", func(s *vt.Scenario) {
			s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("bob").SHA256()))
		}, "[prod sandboxes security 2 [alice carol] +0]"},
		{"two ended", func(s *vt.Scenario) {
			window(s, "alice", "", stampAt(-time.Second))
			window(s, "bob", stampAt(time.Second), "")
		}, "[prod sandboxes security 2 [carol] -1]"},
		{"an algorithm", func(s *vt.Scenario) {
			s.Authorities.Rule("prod sandboxes").Algorithms = []verifier.KeyAlgorithm{verifier.Ed25519, verifier.ECDSAP384}
		}, "[prod sandboxes security 2 [alice carol] +0]"},
		{"pinned", func(s *vt.Scenario) {
			s.Authorities.Rule("prod sandboxes").Pinned = []string{s.SHA256(0)}
		}, "[]"},
		{"in shadow", func(s *vt.Scenario) { s.Authorities.Rule("prod sandboxes").Mode = "shadow" }, "[]"},
		{"elsewhere", func(s *vt.Scenario) { s.Request.Target.Workspace = "test" }, "[]"},
		{"no document", func(s *vt.Scenario) { s.Request.Documents[0].Body = []byte("{}") }, "[]"},
	} {
		s := vt.AdmitPolicy()
		c.change(s)
		got := []string{}
		for _, sp := range mustTrust(t, s).Quorums(&s.Request, s.Now) {
			got = append(got, fmt.Sprintf("%s %s %d %v %+d", sp.Rule, sp.Authority, sp.Threshold, sp.Able, sp.Margin()))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
	s := vt.ComposeLayers()
	for i, sp := range mustTrust(t, s).Quorums(&s.Request, s.Now) {
		if sp.Document != i || sp.PredicateType != vt.ApprovalType {
			t.Errorf("requirement %d: %+v", i, sp)
		}
	}
	if got := (*verifier.Trust)(nil).Quorums(&s.Request, s.Now); got != nil {
		t.Errorf("no trust: %v", got)
	}
}
