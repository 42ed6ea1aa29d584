// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// TestComposed makes the effective policy of every composition vector.
func TestComposed(t *testing.T) {
	made := 0
	for _, v := range cases.CompositionVectors() {
		s := v.Scenario()
		s.Request.Effective = nil
		got, fault := verifier.Composed(&s.Request)
		if fault != nil || string(got) != string(v.Effective) {
			t.Errorf("%s: %v\n%s\nwant\n%s", v.Name, fault, got, v.Effective)
		}
		made++
	}
	if made == 0 {
		t.Fatal("no vectors")
	}
	bare := vt.ComposePlain()
	bare.Request.Documents[0].Body = vt.Canonical(vt.Tree{"@type": "type.googleapis.com/" + vt.PolicySurface})
	if got, fault := verifier.Composed(&bare.Request); fault != nil || string(got) != string(bare.Body(0)) {
		t.Errorf("nothing to add to nothing: %v %s", fault, got)
	}
	for name, change := range map[string]func(r *verifier.Request){
		"recipe":    func(r *verifier.Request) { r.Recipe = "other" },
		"a body":    func(r *verifier.Request) { r.Documents[1].Body = []byte("{}") },
		"no source": func(r *verifier.Request) { r.Documents = r.Documents[1:] },
		"nothing":   func(r *verifier.Request) { r.Documents = nil },
	} {
		s := vt.ComposeLayers()
		change(&s.Request)
		if got, fault := verifier.Composed(&s.Request); fault == nil {
			t.Errorf("%s: composed %s", name, got)
		}
	}
}
