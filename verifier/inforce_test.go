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

// ending is an approval of the base policy that ends after some days.
func ending(s *vt.Scenario, days int, version, by string) []byte {
	a := s.Approval(0)
	a.NotAfter, a.Version = vt.Now.AddDate(0, 0, days).Format(time.RFC3339), version
	return vt.Seal(a.Of(s.Body(0)).JSON(), vt.Person(by)).JSON()
}

// lintEnding is what is found about one approval that ends in a week.
func lintEnding(t *testing.T) []verifier.LintFinding {
	t.Helper()
	s := vt.AdmitPolicy()
	return mustTrust(t, s).LintApprovals(map[string][]byte{"attestations/a": ending(s, 7, "1", "alice")}, vt.Now, lintAhead)
}

func TestApprovalsInForce(t *testing.T) {
	s := vt.AdmitPolicy()
	later := func(days int) string { return vt.Now.AddDate(0, 0, days).Format(time.RFC3339) }
	future := s.Approval(0)
	future.NotBefore, future.NotAfter = later(1), later(2)
	set := vt.ComposeSet()
	all := map[string][]byte{
		"old":      ending(s, 7, "1", "alice"),
		"new":      ending(s, 20, "2", "alice"), // takes over from old
		"again":    ending(s, 25, "2", "alice"), // and this from new
		"bob":      ending(s, 3, "1", "bob"),
		"over":     ending(s, 0, "9", "carol"),
		"future":   vt.Seal(future.Of(s.Body(0)).JSON(), vt.Person("dave")).JSON(),
		"stranger": ending(s, 7, "1", "mallory"),
		"rubbish":  []byte("{}"),
		"set":      set.Request.Documents[0].Attestations[0],
	}
	got := ""
	for _, a := range mustTrust(t, s).ApprovalsInForce(all, vt.Now) {
		got += fmt.Sprintln(a.File, a.Principal, a.About, a.Gateway, a.Workspace, a.Name, a.Version)
	}
	const want = "bob bob SANDBOX_POLICY * * * 1\nagain alice SANDBOX_POLICY * * * 2\nset alice set stack * * * 7\n"
	if got != want {
		t.Errorf("in force are\n%s", got)
	}

	// What is revoked is not in force.
	s.Revocations = vt.Revocations(vt.Revoke("key", vt.SHA256(vt.Person("bob").SPKI())))
	if list := mustTrust(t, s).ApprovalsInForce(all, vt.Now); list[0].Principal == "bob" {
		t.Errorf("%+v", list[0])
	}
	found := mustTrust(t, s).LintApprovals(all, vt.Now, 22*24*time.Hour)
	if len(found) != 0 {
		t.Errorf("%+v", found)
	}
	if found = mustTrust(t, s).LintApprovals(all, vt.Now, 26*24*time.Hour); len(found) != 1 || found[0].File != "again" || found[0].Severity != verifier.LintWarning {
		t.Errorf("%+v", found)
	}
	var none *verifier.Trust
	if none.LintApprovals(all, vt.Now, lintAhead) != nil {
		t.Error("no trust, and something is in force")
	}
}
