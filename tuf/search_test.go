// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// terminating marks one delegation of a role as terminating.
func terminating(repo *tuftest.Repo, parent, role string) {
	repo.EditTargets(parent, func(s *metadata.TargetsType) {
		for i := range s.Delegations.Roles {
			if s.Delegations.Roles[i].Name == role {
				s.Delegations.Roles[i].Terminating = true
			}
		}
	})
}

func TestDelegations(t *testing.T) {
	const file = "team/file"
	add := func(r *tuftest.Repo, parent, role, pattern string) {
		r.Delegate(parent, role, []string{pattern}, tuftest.Key(role))
	}
	cases := map[string]struct {
		make func(*tuftest.Repo)
		want string // the content found; "" for TUF_DELEGATION
	}{
		"TU-22 the first match wins": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "team/*")
			add(r, "targets", "b", "team/*")
			r.SetTargetIn("a", file, []byte("of a"))
			r.SetTargetIn("b", file, []byte("of b"))
		}, "of a"},
		"TU-22 pre-order: a child before the next sibling": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "team/*")
			add(r, "targets", "b", "team/*")
			add(r, "a", "c", "team/*")
			r.SetTargetIn("c", file, []byte("of c"))
			r.SetTargetIn("b", file, []byte("of b"))
		}, "of c"},
		"not terminating goes on": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "team/*")
			add(r, "targets", "b", "team/*")
			r.SetTargetIn("b", file, []byte("of b"))
		}, "of b"},
		"TU-20 terminating stops": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "team/*")
			add(r, "targets", "b", "team/*")
			terminating(r, "targets", "a")
			r.SetTargetIn("b", file, []byte("of b"))
		}, ""},
		"TU-20 outside its pattern": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "other/*")
			r.SetTargetIn("a", file, []byte("of a"))
		}, ""},
		"TU-20 a star does not match a slash": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "*")
			r.SetTargetIn("a", file, []byte("of a"))
		}, ""},
		"a child does not widen its parent": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "other/*")
			add(r, "a", "c", "team/*")
			r.SetTargetIn("c", file, []byte("of c"))
		}, ""},
		"a question mark matches one character": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "team/fil?")
			r.SetTargetIn("a", file, []byte("of a"))
		}, "of a"},
		"TU-20 a cycle ends": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "team/*")
			add(r, "a", "b", "team/*")
			add(r, "b", "a", "team/*")
		}, ""},
		"TU-20 32 delegations": {func(r *tuftest.Repo) { many(r, MaxDelegations) }, "last"},
		"TU-20 33 delegations": {func(r *tuftest.Repo) { many(r, MaxDelegations+1) }, ""},
		"not in the snapshot": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "team/*")
			r.SetTargetIn("a", file, []byte("of a"))
			r.EditSnapshot(func(s *metadata.SnapshotType) { delete(s.Meta, "a.json") })
		}, ""},
		"hash prefix": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "x")
			r.EditTargets("targets", func(s *metadata.TargetsType) {
				d := &s.Delegations.Roles[len(s.Delegations.Roles)-1]
				d.Paths, d.PathHashPrefixes = nil, []string{digestOf([]byte(file)).String()[:2]}
			})
			r.SetTargetIn("a", file, []byte("of a"))
		}, "of a"},
		"another hash prefix": {func(r *tuftest.Repo) {
			add(r, "targets", "a", "x")
			r.EditTargets("targets", func(s *metadata.TargetsType) {
				d := &s.Delegations.Roles[len(s.Delegations.Roles)-1]
				d.Paths, d.PathHashPrefixes = nil, []string{digestOf([]byte(file + "x")).String()[:8]}
			})
			r.SetTargetIn("a", file, []byte("of a"))
		}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			repo := newRepo(t)
			c.make(repo)
			repo.Publish()
			repo.Put(tuftest.TargetFile(file, []byte(c.want)), []byte(c.want))
			s := newSubject(t, repo)
			s.accept()
			data, err := s.target(t.Context(), file)
			if string(data) != c.want || c.want == "" && Code(err) != CodeDelegation {
				t.Errorf("got %q, %v", data, err)
			}
			for _, path := range []string{"../x", "/x", "a//b", ".", "a/../b", ""} {
				if _, err := s.target(t.Context(), path); Code(err) != CodeDelegation {
					t.Errorf("target %q: %v", path, err)
				}
			}
		})
	}
}

// many delegates team/* to n roles; the last one lists the file.
func many(r *tuftest.Repo, n int) {
	for i := range n {
		role := fmt.Sprintf("role%02d", i)
		r.Delegate("targets", role, []string{"team/*"}, tuftest.Key(role))
	}
	r.SetTargetIn(fmt.Sprintf("role%02d", n-1), "team/file", []byte("last"))
}

// TU-21: a role that is valid through one delegator is worth nothing through another.
func TestDiamond(t *testing.T) {
	repo := newRepo(t)
	repo.Delegate("targets", "left", []string{"left/*"}, tuftest.Key("left"))
	repo.Delegate("targets", "right", []string{"right/*"}, tuftest.Key("right"))
	repo.Delegate("left", "shared", []string{"left/*"}, tuftest.Key("shared"))
	repo.Delegate("right", "shared", []string{"right/*"}, tuftest.Key("shared for right"))
	repo.SetTargetIn("shared", "left/f", []byte("good"))
	repo.SetTargetIn("shared", "right/f", []byte("evil"))
	repo.SignWith("shared", tuftest.Key("shared"))
	repo.Publish()
	s := newSubject(t, repo)
	s.accept()
	for range 2 {
		if data, err := s.target(t.Context(), "left/f"); err != nil || string(data) != "good" {
			t.Fatalf("through the first delegator: %q, %v", data, err)
		}
		if data, err := s.target(t.Context(), "right/f"); Code(err) != CodeDelegation {
			t.Fatalf("through the second delegator: %q, %v", data, err)
		}
	}
	repo.SignWith("shared", tuftest.Key("shared"), tuftest.Key("shared for right"))
	repo.Publish()
	s.accept()
	if data, err := s.target(t.Context(), "right/f"); err != nil || string(data) != "evil" {
		t.Errorf("signed for both: %q, %v", data, err)
	}
}

// Only the top-level role may list what rules; a delegated role may not, even if a
// pattern would let it.
func TestAuthoritiesAreTopLevel(t *testing.T) {
	repo := tuftest.New(t)
	repo.Delegate("targets", "greedy", []string{"*"}, tuftest.Key("greedy"))
	repo.SetTargetIn("greedy", "authorities.json", []byte("evil"))
	repo.Publish()
	s := newSubject(t, repo)
	if u := s.accept(); u.Targets["authorities.json"] != nil {
		t.Error("a delegated role brought authorities.json")
	}
	repo.SetTarget("authorities.json", []byte("good"))
	repo.Publish()
	if u := s.accept(); string(u.Targets["authorities.json"]) != "good" {
		t.Error("the top-level authorities.json is missing")
	}
}

func TestStrayTargetsAreFaults(t *testing.T) {
	repo := newRepo(t)
	repo.SetTargetIn("revocation", "authorities.json", []byte("evil"))
	repo.SetTargetIn("attestations", "trusted_root.json", []byte("evil"))
	repo.Publish()
	s := newSubject(t, repo)
	u := s.accept()
	if string(u.Targets["authorities.json"]) != `{"v":1}` || u.Targets["trusted_root.json"] != nil {
		t.Error("a stray target was taken")
	}
	if len(u.Faults) != 2 || Code(u.Faults[0]) != CodeDelegation || Code(u.Faults[1]) != CodeDelegation {
		t.Errorf("faults %v", u.Faults)
	}
}

// An expired revocation role is handed out with its expiry and holds nothing back.
func TestExpiredRevocation(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	repo.SetTarget("revocations.json", []byte("more"))
	repo.Expire("revocation")
	repo.SetTarget("authorities.json", []byte("emergency"))
	repo.Publish()
	u := s.accept()
	if string(u.Targets["authorities.json"]) != "emergency" || string(u.Targets["revocations.json"]) != "more" {
		t.Errorf("targets %q", u.Targets)
	}
	var expired *ExpiredError
	if len(u.Faults) != 1 || !errors.As(u.Faults[0], &expired) || expired.Role != RoleRevocation {
		t.Errorf("faults %v", u.Faults)
	}
	if at := u.Roles[RoleRevocation].Expires; !at.Before(repo.Now()) {
		t.Errorf("handed out expiry %s", at)
	}
	s.restart()
	if got, _, ok := s.Accepted(); !ok || string(got.Targets["revocations.json"]) != "more" {
		t.Error("not in force after a restart")
	}
	// All but the expiry still counts.
	repo.SignWith("revocation", tuftest.Strangers(1)...)
	repo.Expire("revocation")
	repo.Publish()
	s.refuse(CodeSignature)
}

// Whatever is wrong with attestations, the rest goes on and the old ones stay.
func TestAttestationsNeverHoldBack(t *testing.T) {
	second := strings.Replace(bundlePath, "alice", "bob", 1)
	big := bytes.Repeat([]byte{'x'}, MaxAttestationFile)
	cases := map[string]struct {
		code string
		do   func(*tuftest.Repo)
	}{
		"expired":   {CodeExpired, func(r *tuftest.Repo) { r.Expire("attestations") }},
		"unsigned":  {CodeSignature, func(r *tuftest.Repo) { r.SignWith("attestations") }},
		"missing":   {CodeDownload, func(r *tuftest.Repo) {}},
		"too large": {CodeLength, func(r *tuftest.Repo) { r.SetTarget(second, append(big, 'x')) }},
		"too many": {CodeLength, func(r *tuftest.Repo) {
			r.EditTargets("attestations", func(s *metadata.TargetsType) {
				for i := range MaxAttestationFiles + 1 {
					s.Targets[fmt.Sprintf("%s-%d", second, i)] = s.Targets[second]
				}
			})
		}},
		"too much together": {CodeLength, func(r *tuftest.Repo) {
			r.SetTarget(second, big)
			r.EditTargets("attestations", func(s *metadata.TargetsType) {
				for i := range MaxAttestationBytes / MaxAttestationFile {
					s.Targets[fmt.Sprintf("%s-%d", second, i)] = s.Targets[second]
				}
			})
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			repo := newRepo(t)
			s := newSubject(t, repo)
			s.accept()
			repo.SetTarget("authorities.json", []byte("emergency"))
			repo.SetTarget(second, []byte("new"))
			c.do(repo)
			repo.Publish()
			if name == "missing" {
				repo.Remove(tuftest.TargetFile(second, []byte("new")))
			}
			u := s.accept()
			if string(u.Targets["authorities.json"]) != "emergency" || string(u.Targets[bundlePath]) != `{"a":1}` || u.Targets[second] != nil {
				t.Errorf("targets %q", sortedKeys(u.Targets))
			}
			if len(u.Faults) != 1 || Code(u.Faults[0]) != c.code {
				t.Errorf("faults %v, want %s", u.Faults, c.code)
			}
			before, _, _ := s.Accepted()
			s.restart()
			after, _, ok := s.Accepted()
			if !ok || !slices.Equal(sortedKeys(before.Targets), sortedKeys(after.Targets)) || after.Roles[RoleAttestations] != before.Roles[RoleAttestations] {
				t.Error("not the same after a restart")
			}
			repo.PublishTimestamp()
			s.accept() // carried over once more
			s.restart()
			if twice, _, ok := s.Accepted(); !ok || string(twice.Targets[bundlePath]) != `{"a":1}` {
				t.Error("lost when carried over twice")
			}
			repo.SignHonestly("attestations")
			repo.EditTargets("attestations", func(s *metadata.TargetsType) {
				s.Targets = map[string]*metadata.TargetFiles{bundlePath: s.Targets[bundlePath]}
			})
			repo.Publish()
			if u := s.accept(); len(u.Faults) != 0 || len(u.Targets) != 3 {
				t.Errorf("after the repair: faults %v, targets %v", u.Faults, sortedKeys(u.Targets))
			}
		})
	}
}

func TestAttestationLimitsAreReached(t *testing.T) {
	repo := newRepo(t)
	repo.SetTarget(bundlePath, bytes.Repeat([]byte{'x'}, MaxAttestationFile))
	repo.Publish()
	if u := newSubject(t, repo).accept(); len(u.Faults) != 0 || len(u.Targets[bundlePath]) != MaxAttestationFile {
		t.Errorf("a file at the limit: %v", u.Faults)
	}
}

// A repository without delegated roles is whole too.
func TestNoDelegations(t *testing.T) {
	repo := tuftest.New(t)
	repo.SetTarget("authorities.json", []byte("x"))
	repo.EditTargets("targets", func(s *metadata.TargetsType) { s.Delegations = nil })
	repo.Publish()
	u := newSubject(t, repo).accept()
	if len(u.Targets) != 1 || len(u.Roles) != 4 {
		t.Errorf("targets %v, roles %v", u.Targets, u.Roles)
	}
}

func TestOtherDelegationsAreNotVisited(t *testing.T) {
	repo := newRepo(t)
	repo.Delegate("targets", "foreign", []string{"foreign/*"}, tuftest.Key("foreign"))
	repo.Expire("foreign")
	repo.Publish()
	u := newSubject(t, repo).accept()
	if _, ok := u.Roles["foreign"]; ok || len(u.Faults) != 0 {
		t.Errorf("roles %v, faults %v", u.Roles, u.Faults)
	}
}

func TestAttestationPaths(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for path, want := range map[string]bool{
		"attestations/" + hash + "/x.json":             true,
		"attestations/" + strings.ToUpper(hash) + "/x": false,
		"attestations/" + hash[1:] + "/x":              false,
		"attestations/" + hash + "/":                   false,
		"attestations/" + hash + "/..":                 false,
		"attestations/" + hash + "/a/b":                false,
		"attestations/" + hash:                         false,
		"other/" + hash + "/x":                         false,
	} {
		if got := isAttestationPath(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestExpiryOfRevocationCountsWithoutAList(t *testing.T) {
	repo := tuftest.New(t)
	repo.SetTarget("authorities.json", []byte("x"))
	repo.Publish()
	s := newSubject(t, repo)
	u := s.accept()
	if u.Roles[RoleRevocation].Expires.IsZero() {
		t.Error("the revocation role has no expiry while it lists nothing")
	}
	repo.Advance(23 * time.Hour)
	repo.PublishTimestamp()
	s.accept()
}

// The expiry of one role does not turn the clock back for another.
func TestExpiredRevocationThenAttestations(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	repo.SetExpiry("revocation", repo.Now().Add(-2*time.Hour))
	repo.SetExpiry("attestations", repo.Now().Add(-time.Hour))
	repo.Publish()
	u := s.accept()
	if len(u.Faults) != 2 || u.Targets[bundlePath] != nil {
		t.Errorf("faults %v, targets %v", u.Faults, sortedKeys(u.Targets))
	}
}

// Enumerating attestations ends in a cycle, and at the limit.
func TestAttestationDelegations(t *testing.T) {
	repo := newRepo(t)
	repo.Delegate("attestations", "below", []string{"attestations/*/*"}, tuftest.Key("below"))
	repo.Delegate("below", "attestations", []string{"attestations/*/*"}, tuftest.Key("attestations"))
	second := strings.Replace(bundlePath, "alice", "bob", 1)
	repo.SetTargetIn("below", second, []byte("from below"))
	repo.Publish()
	s := newSubject(t, repo)
	if u := s.accept(); len(u.Faults) != 0 || string(u.Targets[second]) != "from below" {
		t.Errorf("faults %v, targets %v", u.Faults, sortedKeys(u.Targets))
	}
	for i := range MaxDelegations {
		role := fmt.Sprintf("deep%d", i)
		repo.Delegate("below", role, []string{"attestations/*/x"}, tuftest.Key(role))
	}
	repo.Publish()
	if u := s.accept(); len(u.Faults) != 1 || Code(u.Faults[0]) != CodeDelegation || string(u.Targets[second]) != "from below" {
		t.Errorf("faults %v, targets %v", u.Faults, sortedKeys(u.Targets))
	}
}

// What could not be taken is tried again although the timestamp has not moved.
func TestFaultsAreTriedAgain(t *testing.T) {
	repo := newRepo(t)
	name := tuftest.TargetFile(bundlePath, []byte(`{"a":1}`))
	repo.Remove(name)
	s := newSubject(t, repo)
	if u := s.accept(); len(u.Faults) != 1 || u.Targets[bundlePath] != nil {
		t.Fatalf("faults %v", u.Faults)
	}
	repo.Put(name, []byte(`{"a":1}`))
	if u := s.accept(); len(u.Faults) != 0 || u.Targets[bundlePath] == nil || !u.Changed {
		t.Errorf("faults %v, targets %v", u.Faults, sortedKeys(u.Targets))
	}
}

func TestTargetPathsAreNotFilePaths(t *testing.T) {
	repo := newRepo(t)
	for _, path := range []string{"../x", "a/../x", "/x"} {
		repo.SetTargetIn("targets", path, []byte("x"))
		repo.Publish()
		repo.Put("targets/"+tuftest.TargetFile("x", []byte("x"))[len("targets/"):], []byte("x"))
		s := newSubject(t, repo)
		s.accept()
		if data, err := s.target(t.Context(), path); Code(err) != CodeDelegation {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
}

// A role that is gone for good is not kept as if it were trusted.
func TestRemovedRole(t *testing.T) {
	repo := newRepo(t)
	repo.Delegate("targets", "extra", []string{"extra/*"}, tuftest.Key("extra"))
	repo.SetTargetIn("extra", "extra/f", []byte("x"))
	repo.Publish()
	s := newSubject(t, repo)
	s.accept()
	if _, err := s.target(t.Context(), "extra/f"); err != nil || s.metadata()["extra"] == nil {
		t.Fatalf("%v", err)
	}
	repo.Rotate("snapshot")
	repo.EditSnapshot(func(m *metadata.SnapshotType) { delete(m.Meta, "extra.json") })
	repo.Publish()
	s.accept()
	if s.metadata()["extra"] != nil {
		t.Error("the role is still there")
	}
}
