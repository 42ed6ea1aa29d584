// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"testing"
	"time"
)

// What says yes looks for itself, whatever was found before.
func TestAllowLooksForItself(t *testing.T) {
	h := &evaluation{req: &Request{Purpose: Admit}}
	passed := DocumentResult{Passed: true}
	good := Decision{Documents: []DocumentResult{passed}}
	if good.allow(h, nil); good.Verdict != Allow {
		t.Fatal("the base must be allowed")
	}
	for name, d := range map[string]*Decision{
		"a reason":           {Reason: Threshold, Documents: []DocumentResult{passed}},
		"no document":        {},
		"a document refused": {Documents: []DocumentResult{passed, {}}},
	} {
		if d.allow(h, nil); d.Verdict == Allow || d.Reason == Allowed {
			t.Errorf("%s, and yet allowed", name)
		}
	}
}

// How far a decision looks ahead depends on how much there is to count.
func TestLookaheadIsBounded(t *testing.T) {
	two := []requirement{{}, {}}
	of := func(approvals, rules, shadows int) *documentEvaluation {
		d := &documentEvaluation{approvals: make([]*approval, approvals)}
		for range rules {
			d.rules = append(d.rules, &rule{require: two})
		}
		for range shadows {
			d.shadowRules = append(d.shadowRules, &rule{require: two})
		}
		return d
	}
	for _, c := range []struct {
		documents []*documentEvaluation
		want      int
	}{
		{nil, maxInstants},
		{[]*documentEvaluation{of(16, 2, 1)}, maxInstants},
		{[]*documentEvaluation{of(1<<15, 1, 0), of(1<<15, 0, 1)}, 15}, // 2^17 and one
		{[]*documentEvaluation{of(1<<20, 1, 0)}, 0},
	} {
		if got := (&evaluation{documents: c.documents}).lookahead(); got != c.want {
			t.Errorf("%d documents: %d instants, want %d", len(c.documents), got, c.want)
		}
	}
}

// Past what it looks at, a decision stands until something might change.
func TestBeyondLookahead(t *testing.T) {
	h := &evaluation{req: &Request{Purpose: Admit}, trust: &Trust{authorities: &authorities{}, expires: Expires{
		Root: noon.Add(time.Hour), Snapshot: noon.Add(time.Hour), Targets: noon.Add(time.Hour), Timestamp: noon.Add(time.Hour)}}}
	p := people("a")
	heavy := &documentEvaluation{fault: &Finding{Reason: DocumentRevoked, Attestation: -1}, rules: []*rule{{require: make([]requirement, 1<<16)}}}
	for i := range 40 {
		v := approvalBy(p["a"], 1)
		v.notAfter = noon.Add(time.Duration(i+1) * time.Second)
		heavy.approvals = append(heavy.approvals, v)
	}
	h.documents = []*documentEvaluation{heavy}
	if h.lookahead() != 0 {
		t.Fatalf("%d instants: the case is not heavy enough", h.lookahead())
	}
	recheck, until := h.validUntil(noon, h.changes(), &Decision{Reason: DocumentRevoked})
	if want := noon.Add(time.Second); !recheck.Equal(want) || !until.Equal(want) {
		t.Errorf("recheck %v, valid until %v, want %v", recheck, until, want)
	}
}
