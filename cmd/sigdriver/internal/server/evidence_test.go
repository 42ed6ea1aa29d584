// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"testing"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestEvidence: what goes to the archive is what somebody known had signed and
// what a rule listened to, so that nobody can fill the disk with anything else.
func TestEvidence(t *testing.T) {
	type scenario = verifiertest.Scenario
	junk := bytes.Repeat([]byte("junk "), 1000)
	mallory := func(s *scenario) []byte {
		return s.Approval(0).Of(s.Body(0)).Seal(verifiertest.Person("mallory")).JSON()
	}
	for name, c := range map[string]struct {
		make func() *scenario
		want signingv1.Reason
		kept []int // attestations of the first document
	}{
		"all of an ALLOW": {verifiertest.AdmitPolicy, allowed, []int{0, 1}},
		"no junk beside them": {func() *scenario {
			s := verifiertest.AdmitPolicy()
			return s.Offer(0, junk, s.Attestation(0, 0), mallory(s), s.Attestation(0, 1))
		}, allowed, []int{1, 3}},
		"one that counts beside one that does not, in one envelope": {func() *scenario {
			s := verifiertest.AdmitPolicy()
			both := verifiertest.Seal(s.Approval(0).Of(s.Body(0)).JSON(), verifiertest.Person("mallory"), verifiertest.Person("alice"))
			return s.Offer(0, both.JSON())
		}, signingv1.Reason_REASON_THRESHOLD, []int{0}},
		"what does not count for the document": {func() *scenario {
			s := verifiertest.AdmitPolicy()
			a := s.Approval(0)
			a.Scope.Workspace = "dev"
			return s.ApproveAs(0, a, "alice", "bob")
		}, signingv1.Reason_REASON_SCOPE_MISMATCH, []int{0, 1}},
		"nothing where no rule listens": {func() *scenario {
			s := verifiertest.AdmitPolicy()
			s.Request.Target.Workspace = "dev"
			return s.Offer(0, junk, s.Attestation(0, 0))
		}, signingv1.Reason_REASON_RULE_MISSING, nil},
		"nothing under a refused body": {func() *scenario {
			s := verifiertest.AdmitPolicy()
			s.Request.Documents[0].Body = []byte("{ }")
			return s.Offer(0, junk)
		}, signingv1.Reason_REASON_DOCUMENT_NONCANONICAL, nil},
	} {
		s := c.make()
		w := newWorld(t, s)
		w.expect(s, c.want)
		var want [][]byte
		for _, i := range c.kept {
			want = append(want, s.Attestation(0, i))
		}
		if len(w.record.archive.evidence()) != len(want) {
			t.Errorf("%s: %d kept, want %d", name, len(w.record.archive.evidence()), len(want))
			continue
		}
		for i := range want {
			if !bytes.Equal(w.record.archive.evidence()[i], want[i]) {
				t.Errorf("%s: kept another as number %d", name, i)
			}
		}
	}
	s := verifiertest.AdmitPolicy()
	s.Offer(0, junk)
	w := newWorld(t, s)
	w.trust.swap(nil)
	w.expect(s, signingv1.Reason_REASON_TRUST_UNAVAILABLE)
	if len(w.record.archive.evidence()) != 0 {
		t.Error("something was kept without trust")
	}
}
