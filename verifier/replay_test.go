// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// kept is what a driver keeps of a request: its record, and the attestations that
// somebody it knew had signed.
func kept(t *testing.T, req *verifier.Request, d *verifier.Decision) (*verifier.RecordedRequest, *verifier.Request) {
	t.Helper()
	record, err := verifier.ParseRequestJSON(verifier.RequestJSON(req))
	if err != nil {
		t.Fatal(err)
	}
	left := record.Request()
	for i := range left.Documents {
		left.Documents[i].Attestations = make([][]byte, len(req.Documents[i].Attestations))
	}
	for _, at := range d.Evidence {
		left.Documents[at[0]].Attestations[at[1]] = req.Documents[at[0]].Attestations[at[1]]
	}
	return record, left
}

// trustOf is the trust of a scenario, nil where it has none or none that parses.
func trustOf(s *vt.Scenario) *verifier.Trust {
	if s.NoTrust {
		return nil
	}
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		return nil
	}
	return trust
}

// TestReplay decides every case of the corpus again from what a driver keeps:
// without bodies, with them, and with a cache, always to the same bytes.
func TestReplay(t *testing.T) {
	cache := &verifier.SignatureCache{}
	n, unread, assumed := 0, 0, 0
	for _, c := range cases.Catalogue() {
		if c.PerRun {
			continue
		}
		s, err := c.Vector().Scenario()
		if err != nil {
			t.Fatal(err)
		}
		if verifier.CheckRequest(&s.Request) != nil {
			continue
		}
		trust := trustOf(s)
		want := verifier.Verify(&s.Request, trust, s.Floors, s.Now)
		was, err := verifier.ParseDecisionJSON(verifier.DecisionJSON(&want))
		if err != nil {
			t.Fatal(err)
		}
		record, left := kept(t, &s.Request, was)
		whole := *left
		whole.Documents, whole.Effective = slices.Clone(left.Documents), s.Request.Effective
		for i := range whole.Documents {
			whole.Documents[i].Body = s.Body(i)
		}
		for _, req := range []*verifier.Request{left, &whole} {
			for _, m := range []*verifier.SignatureCache{nil, cache, cache} {
				q, err := verifier.NewReplay(record, req, was, m)
				if err != nil {
					t.Errorf("%s: %v", c.Name, err)
					continue
				}
				got, err := q.Decide(trust, s.Floors, s.Now)
				if err != nil {
					t.Errorf("%s: %v", c.Name, err)
					continue
				}
				if string(got.JSON()) != string(verifier.DecisionJSON(&want)) || got.Verdict != want.Verdict || got.Reason != want.Reason {
					t.Errorf("%s: replayed as\n%s\nwas\n%s", c.Name, got.JSON(), verifier.DecisionJSON(&want))
				}
				if got.Unread {
					unread++
				}
				if got.Assumed > 0 {
					assumed++
				}
			}
		}
		n++
	}
	if n < 100 || unread == 0 || assumed == 0 {
		t.Fatalf("%d cases, %d without bodies, %d with attestations that nobody kept", n, unread, assumed)
	}
	t.Logf("%d cases", n)
}

// TestReplayEvaluatesAgain: what a record says about anything that is evaluated
// again is not believed.
func TestReplayEvaluatesAgain(t *testing.T) {
	s := vt.ComposeLayers()
	trust := trustOf(s)
	d := verifier.Verify(&s.Request, trust, s.Floors, s.Now)
	record, left := kept(t, &s.Request, &d)
	again := func(change func(*verifier.Decision, *verifier.Request)) (*verifier.ReplayedDecision, error) {
		was, req := d, *left
		was.Documents, was.Evidence = slices.Clone(d.Documents), slices.Clone(d.Evidence)
		was.Consulted = slices.Clone(d.Consulted)
		req.Documents = slices.Clone(left.Documents)
		for i := range req.Documents {
			req.Documents[i].Attestations = slices.Clone(req.Documents[i].Attestations)
		}
		change(&was, &req)
		q, err := verifier.NewReplay(record, &req, &was, nil)
		if err != nil {
			return nil, err
		}
		return q.Decide(trust, s.Floors, s.Now)
	}
	got, err := again(func(*verifier.Decision, *verifier.Request) {})
	if err != nil || got.Verdict != verifier.Allow {
		t.Fatalf("%+v, %v", got, err)
	}
	// An approval that the record forgets to name, and nobody kept, does not count.
	got, err = again(func(was *verifier.Decision, req *verifier.Request) {
		was.Evidence = was.Evidence[1:]
		req.Documents[0].Attestations[0] = nil
	})
	if err != nil || got.Verdict != verifier.Deny || got.Reason != verifier.Threshold {
		t.Errorf("an approval less: %+v, %v", got, err)
	}
	// A difference of the effective policy that the record has is repeated.
	got, err = again(func(was *verifier.Decision, _ *verifier.Request) {
		was.Findings = []verifier.Finding{{Reason: verifier.CompositionMismatch, Document: -1, Attestation: -1}}
	})
	if err != nil || got.Verdict != verifier.Deny || got.Reason != verifier.CompositionMismatch {
		t.Errorf("a difference: %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		change        func(*verifier.Decision, *verifier.Request)
		contradiction bool
		said          string
	}{
		"evidence is gone":      {func(_ *verifier.Decision, req *verifier.Request) { req.Documents[0].Attestations[0] = nil }, false, "is not in the archive"},
		"evidence out of range": {func(was *verifier.Decision, _ *verifier.Request) { was.Evidence[0][1] = 9 }, true, "names an attestation 9"},
		"evidence below range":  {func(was *verifier.Decision, _ *verifier.Request) { was.Evidence[0][0] = -1 }, true, "of document -1"},
		"a document less":       {func(was *verifier.Decision, _ *verifier.Request) { was.Documents = was.Documents[1:] }, true, "is about 2 documents"},
		"an attestation more": {func(_ *verifier.Decision, req *verifier.Request) {
			req.Documents[0].Attestations = append(req.Documents[0].Attestations, nil)
		}, true, "another number"},
		"a floor less": {func(was *verifier.Decision, _ *verifier.Request) { was.Consulted = was.Consulted[:2] }, true, "which floor it looked at for document 2"},
		"a floor more": {func(was *verifier.Decision, _ *verifier.Request) {
			was.Consulted = append(was.Consulted, was.Consulted[0])
		}, true, "1 floors too many"},
		"a second floor less": {func(was *verifier.Decision, _ *verifier.Request) {
			was.Consulted = was.Consulted[:len(was.Consulted)-1]
		}, true, "one floor alone for document 2"},
		"another second floor": {func(was *verifier.Decision, _ *verifier.Request) {
			was.Consulted[len(was.Consulted)-1].Key.Workspace = "dev"
		}, true, "one floor alone for document 2"},
		"another subject":   {func(was *verifier.Decision, _ *verifier.Request) { was.Consulted[0].Key.Name = "web-2" }, true, "floor of another subject for document 0"},
		"another workspace": {func(was *verifier.Decision, _ *verifier.Request) { was.Consulted[1].Key.Workspace = "prod" }, true, "floor of another subject for document 1"},
		"trust was refused": {func(was *verifier.Decision, _ *verifier.Request) { was.Reason = verifier.TrustStale }, true, "there was trust that held"},
		"checks ran out": {func(was *verifier.Decision, _ *verifier.Request) {
			was.Findings = []verifier.Finding{{Reason: verifier.TooManySignatures, Document: 0, Attestation: 0}}
		}, false, "ran out of signature checks"},
		"no request that counts": {func(_ *verifier.Decision, req *verifier.Request) { req.Recipe = "other" }, true, "no driver takes its request"},
	} {
		_, err := again(c.change)
		var e *verifier.ReplayError
		if !errors.As(err, &e) || e.Contradiction != c.contradiction || !strings.Contains(e.Text, c.said) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
