// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// A decision is kept for as long as somebody remembers its floors or its answer, by the
// tens of thousands. What it was made of is not kept with it.
func TestADecisionKeepsNothingOfItsRequest(t *testing.T) {
	const decisions, padding = 32, 128 << 10
	var kept [decisions]verifier.Decision
	before := liveHeap()
	for i := range kept {
		profile := vt.ForgeProfile()
		profile["description"] = strings.Repeat("x", padding) + fmt.Sprint(i)
		policy := vt.Policy()
		policy["networkPolicies"] = vt.Tree{"web": vt.Tree{"name": strings.Repeat("x", padding), "endpoints": vt.List{vt.Tree{"host": fmt.Sprintf("h%d.example", i), "port": 443}}}}
		s := vt.ComposePlain()
		s.Request.Documents[0].Body = vt.Canonical(policy)
		s.Attach("forge", profile)
		for document := range s.Request.Documents {
			approval := s.Approval(document)
			approval.Reason = strings.Repeat("x", padding/4)
			s.Request.Documents[document].Attestations = nil
			s.ApproveAs(document, approval, "alice", "bob", "dave")
		}
		s.Recompose()
		d, err := s.Decide()
		if err != nil {
			t.Fatal(err)
		}
		if d.Verdict != verifier.Allow || len(d.Consulted) == 0 || len(d.Raises) == 0 {
			t.Fatalf("%s: %d floors consulted, %d raised", d.Reason, len(d.Consulted), len(d.Raises))
		}
		kept[i] = d
	}
	// Less than a sixteenth of what each was made of.
	if each := (liveHeap() - before) / decisions; each > padding/8 {
		t.Errorf("a decision keeps %d bytes", each)
	}
	runtime.KeepAlive(&kept)
}

func liveHeap() int {
	var m runtime.MemStats
	for range 2 { // what the first finds may have finalizers
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
