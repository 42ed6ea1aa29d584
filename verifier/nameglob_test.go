// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// TestNameGlobVectors reads name-globs.json: a glob that no name fits is refused in
// every place of trust that takes one, by the path of its member.
func TestNameGlobVectors(t *testing.T) {
	var f cases.NameGlobFile
	if err := json.Unmarshal(read(t, filepath.Join(vectorFolder, "name-globs.json")), &f, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	if f.Format != cases.NameGlobFormat || len(f.Vectors) == 0 {
		t.Fatalf("%d vectors of format %q", len(f.Vectors), f.Format)
	}
	places := map[string]func(a *vt.Authorities, pattern string){
		"rules[0].workspace":  func(a *vt.Authorities, p string) { a.Rules[0].Workspace = p },
		"rules[0].target":     func(a *vt.Authorities, p string) { a.Rules[0].Target = p },
		"rules[0].subject":    func(a *vt.Authorities, p string) { a.Rules[0].Subject = p },
		"floors[0].workspace": func(a *vt.Authorities, p string) { a.Floors[0].Workspace = p },
		"floors[0].subject":   func(a *vt.Authorities, p string) { a.Floors[0].Subject = p },
	}
	for _, v := range f.Vectors {
		if fault := verifier.NameGlobFault(v.Pattern); (fault == "") != v.Accepted {
			t.Errorf("%q: %q", v.Pattern, fault)
		}
		for path, set := range places {
			s := vt.AdmitPolicy()
			s.Authorities.Floors = []vt.SignedFloor{{Role: "SANDBOX_POLICY", Version: "1"}}
			set(s.Authorities, v.Pattern)
			_, err := verifier.ParseTrust(s.Source())
			var refused *verifier.TrustError
			if v.Accepted && err != nil || !v.Accepted && (!errors.As(err, &refused) || refused.Path != path) {
				t.Errorf("%q at %s: %v", v.Pattern, path, err)
			}
		}
	}
}
