// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// editedRow is a sandbox that was allowed, whose policy somebody then changed in the
// gateway's database: the approvals beside it are the old ones.
func editedRow(t *testing.T) (s *vt.Scenario, was string) {
	t.Helper()
	s = vt.ComposePlain()
	d := decide(t, s)
	if d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	was = s.SHA256(0)
	s = s.After(d)
	s.Request.Documents[0].Body = vt.Edit(s.Body(0), `"/tmp"`, `"/"`)
	return s.Recompose(), was
}

// TestUnapproved tells what is new from what was changed.
func TestUnapproved(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *vt.Scenario)
		want   verifier.Unapproved
	}{
		"a row edited":                     {func(*vt.Scenario) {}, verifier.UnapprovedChanged},
		"a row edited, without approvals":  {func(s *vt.Scenario) { s.Offer(0) }, verifier.UnapprovedChanged},
		"approved by somebody who may not": {func(s *vt.Scenario) { s.Approve(0, "dave") }, verifier.UnapprovedChanged},
		"approved for another place": {func(s *vt.Scenario) {
			a := s.Approval(0)
			a.Scope.Name = "other-*"
			s.ApproveAs(0, a, "alice", "bob")
		}, verifier.UnapprovedChanged},
		"signed by a stranger": {func(s *vt.Scenario) {
			s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(vt.NewKey("stranger", verifier.Ed25519)).JSON())
		}, verifier.UnapprovedChanged},
		"approved by one of two": {func(s *vt.Scenario) { s.Approve(0, "alice") }, 0},
		"approved until yesterday": {func(s *vt.Scenario) {
			a := s.Approval(0)
			a.NotAfter = "2026-08-31T00:00:00Z"
			s.ApproveAs(0, a, "alice", "bob")
		}, 0},
		"an empty memory":                     {func(s *vt.Scenario) { s.Floors = verifier.MapFloors{} }, verifier.UnapprovedNew},
		"a version whose document is unknown": {func(s *vt.Scenario) { s.SetFloor(0, 42, "") }, verifier.UnapprovedNew},
		"what is in force, with its approvals gone": {func(s *vt.Scenario) {
			s.SetFloor(0, 42, s.SHA256(0)).Offer(0)
		}, 0},
		"approved under the next version": {func(s *vt.Scenario) {
			a := s.Approval(0)
			a.Version = "43"
			s.ApproveAs(0, a, "alice", "bob")
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, was := editedRow(t)
			c.change(s)
			d := decide(t, s)
			if d.Unapproved() != c.want {
				t.Fatalf("%v %q, want %q: %s", d.Reason, d.Unapproved(), c.want, d.NearestMiss.Text)
			}
			signs := strings.HasPrefix(d.NearestMiss.Command, "sigdriver sign ")
			switch c.want {
			case verifier.UnapprovedChanged:
				for _, part := range []string{"version 42 in force, sha256:" + was, "sha256:" + s.SHA256(0) + " was presented", "treat it as an incident"} {
					if !strings.Contains(d.NearestMiss.Text, part) {
						t.Errorf("%q does not say %q", d.NearestMiss.Text, part)
					}
				}
				if len(d.NearestMiss.Text) > verifier.MaxDetail || signs || d.NearestMiss.Command == "" {
					t.Errorf("%q, %q", d.NearestMiss.Text, d.NearestMiss.Command)
				}
				for _, f := range d.Findings {
					if strings.Contains(strings.ToLower(f.Hint), "sign") || strings.Contains(strings.ToLower(f.Hint), "approve ") {
						t.Errorf("%v advises: %s", f.Reason, f.Hint)
					}
				}
			case verifier.UnapprovedNew:
				if !strings.HasPrefix(d.NearestMiss.Text, "no approved version is known for this subject; 2 approvals by ") || !signs {
					t.Errorf("%q, %q", d.NearestMiss.Text, d.NearestMiss.Command)
				}
			case 0:
				if strings.Contains(d.NearestMiss.Text, "no approved version") || strings.Contains(d.NearestMiss.Text, "incident") {
					t.Errorf("%q", d.NearestMiss.Text)
				}
			}
		})
	}
}

// TestUnapprovedBesideOthers: a profile that was changed shows though another document
// leads the refusal, and where a set is asked for no command signs it in.
func TestUnapprovedBesideOthers(t *testing.T) {
	s := vt.ComposeLayers()
	d := decide(t, s)
	if d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	s = s.After(d)
	s.Request.Documents[1].Body = vt.Canonical(func() vt.Tree { p := vt.ForgeProfile(); p["description"] = "changed"; return p }())
	s.Recompose().Approve(0, "alice")
	if d := decide(t, s); d.Unapproved() != verifier.UnapprovedChanged || d.NearestMiss.Document != 0 {
		t.Errorf("%v at %d: %q", d.Reason, d.NearestMiss.Document, d.Unapproved())
	}
	s.Approve(0, "alice", "bob")
	if d := decide(t, s); d.Unapproved() != verifier.UnapprovedChanged || d.NearestMiss.Document != 1 || strings.Contains(d.NearestMiss.Command, "sign") {
		t.Errorf("%v at %d: %q, %q", d.Reason, d.NearestMiss.Document, d.Unapproved(), d.NearestMiss.Command)
	}
}
