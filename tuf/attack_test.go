// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// TestAttacks plays each attack on a client that has accepted an honest state,
// sees it refused with its code, and then lets the honest repository go on: the
// same client must follow it again.
func TestAttacks(t *testing.T) {
	type attack struct {
		code string
		do   func(repo, old *tuftest.Repo)
	}
	attacks := map[string]attack{
		"TU-01 target bytes changed": {CodeHash, func(r, _ *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.Publish()
			r.Put(tuftest.TargetFile("authorities.json", []byte("new")), []byte("NEW"))
		}},
		"TU-02 timestamp by an unknown key": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SignWith("timestamp", tuftest.Strangers(1)...)
			r.PublishTimestamp()
		}},
		"TU-02 snapshot by an unknown key": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SignWith("snapshot", tuftest.Strangers(1)...)
			r.Publish()
		}},
		"TU-02 targets by an unknown key": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SignWith("targets", tuftest.Strangers(1)...)
			r.Publish()
		}},
		"TU-02 revocation by an unknown key": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SignWith("revocation", tuftest.Strangers(1)...)
			r.Publish()
		}},
		"TU-02 unsigned timestamp": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SignWith("timestamp")
			r.PublishTimestamp()
		}},
		"TU-15 one signature short": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SetKeys("targets", 2, tuftest.Key("a"), tuftest.Key("b"))
			r.SignWith("targets", tuftest.Key("a"))
			r.Publish()
		}},
		"TU-09 mix and match": {CodeVersion, func(r, old *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.Publish()
			r.Put(r.Path("targets"), old.File(old.Path("targets")))
		}},
		"TU-09 mix and match without hashes": {CodeVersion, func(r, old *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.EditSnapshot(func(s *metadata.SnapshotType) {
				s.Meta["targets.json"].Hashes, s.Meta["targets.json"].Length = nil, 0
			})
			r.Publish()
			r.Put(r.Path("targets"), old.File(old.Path("targets")))
		}},
		"snapshot of another version": {CodeVersion, func(r, old *tuftest.Repo) {
			r.EditTimestamp(func(s *metadata.TimestampType) {
				s.Meta["snapshot.json"].Hashes, s.Meta["snapshot.json"].Length = nil, 0
			})
			r.Publish()
			r.Put(r.Path("snapshot"), old.File(old.Path("snapshot")))
		}},
		"rollback of the timestamp": {CodeRollback, func(r, _ *tuftest.Repo) {
			r.SetVersion("timestamp", 1)
			r.PublishTimestamp()
		}},
		"rollback of the snapshot": {CodeRollback, func(r, _ *tuftest.Repo) {
			r.SetVersion("snapshot", 1)
			r.Publish()
		}},
		"rollback of targets": {CodeRollback, func(r, _ *tuftest.Repo) {
			r.SetVersion("targets", 1)
			r.Publish()
		}},
		"rollback of a delegated role": {CodeRollback, func(r, _ *tuftest.Repo) {
			r.SetVersion("revocation", 1)
			r.Publish()
		}},
		"a role removed from the snapshot": {CodeRollback, func(r, _ *tuftest.Repo) {
			r.EditSnapshot(func(s *metadata.SnapshotType) { delete(s.Meta, "revocation.json") })
			r.Publish()
		}},
		"a mirror rolled back": {CodeRollback, func(r, old *tuftest.Repo) { r.ServeFrom(old) }},
		"freeze": {CodeExpired, func(r, _ *tuftest.Repo) {
			r.Advance(25 * time.Hour)
		}},
		"TU-19 expired root": {CodeExpired, func(r, _ *tuftest.Repo) {
			r.Expire("root")
			r.Publish()
		}},
		"TU-19 expired timestamp": {CodeExpired, func(r, _ *tuftest.Repo) {
			r.Expire("timestamp")
			r.PublishTimestamp()
		}},
		"TU-19 expired snapshot": {CodeExpired, func(r, _ *tuftest.Repo) {
			r.Expire("snapshot")
			r.Publish()
		}},
		"TU-19 expired targets": {CodeExpired, func(r, _ *tuftest.Repo) {
			r.Expire("targets")
			r.Publish()
		}},
		"TU-10 target one byte longer than signed": {CodeLength, func(r, _ *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.Publish()
			r.Put(tuftest.TargetFile("authorities.json", []byte("new")), []byte("newx"))
		}},
		"TU-10 target one byte shorter than signed": {CodeLength, func(r, _ *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.Publish()
			r.Put(tuftest.TargetFile("authorities.json", []byte("new")), []byte("ne"))
		}},
		"TU-10 target of declared length zero": {CodeLength, func(r, _ *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.EditTargets("targets", func(s *metadata.TargetsType) { s.Targets["authorities.json"].Length = 0 })
			r.Publish()
		}},
		"TU-10 snapshot longer than signed": {CodeLength, func(r, _ *tuftest.Repo) {
			r.Publish()
			r.Edit(r.Path("snapshot"), func(b []byte) []byte { return append(b, ' ') })
		}},
		"TU-10 targets shorter than signed": {CodeLength, func(r, _ *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.EditSnapshot(func(s *metadata.SnapshotType) { s.Meta["targets.json"].Length++ })
			r.Publish()
		}},
		"TU-11 unknown hash algorithm": {CodeHash, func(r, _ *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.EditTargets("targets", func(s *metadata.TargetsType) {
				s.Targets["authorities.json"].Hashes = metadata.Hashes{"md5": []byte{1, 2}}
			})
			r.Publish()
			r.Put("targets/0102.authorities.json", []byte("new"))
		}},
		"TU-11 two algorithms, one wrong": {CodeHash, func(r, _ *tuftest.Repo) {
			r.SetTarget("authorities.json", []byte("new"))
			r.EditTargets("targets", func(s *metadata.TargetsType) {
				s.Targets["authorities.json"].Hashes["sha512"] = bytes.Repeat([]byte{1}, 64)
			})
			r.Publish()
		}},
		"TU-11 wrong hash of the snapshot": {CodeHash, func(r, _ *tuftest.Repo) {
			r.EditTimestamp(func(s *metadata.TimestampType) { s.Meta["snapshot.json"].Hashes["sha256"][0] ^= 1 })
			r.Publish()
		}},
		"TU-18 root skips a version": {CodeVersion, func(r, _ *tuftest.Repo) {
			r.SetVersion("root", 3)
			r.Publish()
			r.Put("metadata/2.root.json", r.File("metadata/3.root.json"))
		}},
		"TU-18 root signed by new keys only": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SignWith("root", r.Rotate("root")...)
			r.Publish()
		}},
		"TU-18 root signed by old keys only": {CodeSignature, func(r, _ *tuftest.Repo) {
			before := r.Keys("root")
			r.Rotate("root")
			r.SignWith("root", before...)
			r.Publish()
		}},
		"duplicate signatures of one key": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SetKeys("timestamp", 2, tuftest.Key("a"), tuftest.Key("b"))
			r.SignWith("timestamp", tuftest.Key("a"), tuftest.Key("a"))
			r.Publish()
		}},
		"one key under two ids": {CodeSignature, func(r, _ *tuftest.Repo) {
			r.SetKeys("timestamp", 2, tuftest.Key("a"), tuftest.Key("b"))
			r.EditRoot(func(s *metadata.RootType) {
				ids := s.Roles["timestamp"].KeyIDs
				s.Keys[ids[1]] = s.Keys[ids[0]]
			})
			r.Publish()
			name := r.Path("timestamp")
			r.Edit(name, func(b []byte) []byte { return renameSecondSignature(b) })
		}},
		"revocations withheld": {CodeDownload, func(r, _ *tuftest.Repo) {
			r.SetTarget("revocations.json", []byte("new"))
			r.Publish()
			r.Remove(tuftest.TargetFile("revocations.json", []byte("new")))
		}},
		"revocations of before": {CodeHash, func(r, _ *tuftest.Repo) {
			r.SetTarget("revocations.json", []byte("newest"))
			r.Publish()
			r.Put(tuftest.TargetFile("revocations.json", []byte("newest")), []byte("honest"))
		}},
		"endless data": {CodeLength, func(r, _ *tuftest.Repo) { r.Fault("metadata/timestamp.json", tuftest.Endless) }},
		"oversized":    {CodeLength, func(r, _ *tuftest.Repo) { r.Fault("metadata/timestamp.json", tuftest.Oversize(MaxTimestamp+1)) }},
		"truncated": {CodeDownload, func(r, _ *tuftest.Repo) {
			r.Publish()
			r.Fault(r.Path("snapshot"), tuftest.Truncated(r.File(r.Path("snapshot")), 20))
		}},
		"server error":     {CodeDownload, func(r, _ *tuftest.Repo) { r.Fault("*", tuftest.Status(500)) }},
		"snapshot missing": {CodeDownload, func(r, _ *tuftest.Repo) { r.Publish(); r.Remove(r.Path("snapshot")) }},
		"timestamp forbidden": {CodeDownload, func(r, _ *tuftest.Repo) {
			r.Fault("metadata/timestamp.json", tuftest.Status(http.StatusForbidden))
		}},
		"TU-13 redirect to another host": {CodeDownload, func(r, old *tuftest.Repo) {
			r.Fault("metadata/timestamp.json", tuftest.Redirect(old.URL()+"/metadata/timestamp.json"))
		}},
		"TU-13 redirect loop": {CodeDownload, func(r, _ *tuftest.Repo) {
			r.Fault("metadata/timestamp.json", tuftest.Redirect(r.URL()+"/metadata/timestamp.json"))
		}},
		"TU-08 gzip": {CodeNotMetadata, func(r, _ *tuftest.Repo) {
			r.Fault("metadata/timestamp.json", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write([]byte{0x1f, 0x8b})
			})
		}},
		"a target larger than anybody wants": {CodeLength, func(r, _ *tuftest.Repo) {
			r.SetTarget("authorities.json", make([]byte, MaxTargetFile+1))
			r.Publish()
		}},
	}
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			repo := newRepo(t)
			old := repo.Fork()
			repo.SetTarget("authorities.json", []byte("honest"))
			repo.SetTarget("revocations.json", []byte("honest"))
			repo.Publish()
			s := newSubject(t, repo)
			s.accept()
			honest := repo.Fork()
			a.do(repo, old)
			s.refuse(a.code)
			s.restart()
			if a.code != CodeDownload { // a restart must not launder it
				s.refuse(a.code)
			}
			recoverHonestly(t, s, repo, honest)
		})
	}
}

// recoverHonestly lets the honest repository publish past the attack.
func recoverHonestly(t *testing.T, s *subject, repo, honest *tuftest.Repo) {
	t.Helper()
	for _, role := range []string{"timestamp", "snapshot", "targets", "revocation"} {
		honest.SetVersion(role, repo.Version(role)+5)
	}
	honest.Advance(repo.Now().Sub(honest.Now()))
	honest.SetTarget("authorities.json", []byte("after"))
	honest.SetTarget("revocations.json", []byte("after"))
	honest.Publish()
	s.Close()
	s.cfg.Source = mustHTTP(t, honest.URL())
	s.open()
	if repo.Version("root") != honest.Version("root") && verified(s) > honest.Version("root") {
		return // the attack was a properly signed root: nothing to go back to
	}
	if u := s.accept(); string(u.Targets["authorities.json"]) != "after" {
		t.Errorf("after the attack: %q", u.Targets["authorities.json"])
	}
}

// verified is the version of the root the client stands on.
func verified(s *subject) int64 { return s.chain.first + int64(len(s.chain.data)) - 1 }

// renameSecondSignature gives a second signature the other listed key id. The bytes
// are those of key a under b's id, which lists key a too.
func renameSecondSignature(b []byte) []byte {
	a, other := tuftest.KeyID(tuftest.Key("a")), tuftest.KeyID(tuftest.Key("b"))
	m, err := metadata.Timestamp().FromBytes(b)
	if err != nil {
		panic(err)
	}
	for _, s := range m.Signatures {
		if s.KeyID == a {
			m.Signatures = []metadata.Signature{s, {KeyID: other, Signature: s.Signature}}
			break
		}
	}
	out, err := m.ToBytes(false)
	if err != nil {
		panic(err)
	}
	return out
}

func TestSlowBodyEndsAtTheDeadline(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	source := s.cfg.Source.(*httpSource)
	usual := source.deadline
	source.deadline = 300 * time.Millisecond
	for name, fault := range map[string]http.HandlerFunc{"TU-12 drip": tuftest.Slow(20 * time.Millisecond), "hang": tuftest.Hang} {
		repo.Fault("metadata/timestamp.json", fault)
		start := time.Now()
		s.refuse(CodeDownload)
		if took := time.Since(start); took > usual/2 {
			t.Errorf("%s: took %s", name, took)
		}
	}
	source.deadline = usual
	repo.Heal()
	s.accept()
}

func TestCancel(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	repo.Fault("*", tuftest.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := s.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) || Code(err) != CodeDownload {
		t.Errorf("cancelled: %v", err)
	}
	if took := time.Since(start); took > FileDeadline/2 {
		t.Errorf("took %s", took)
	}
}

// TU-30: after a rotation the mirror only has what the revoked first root signs.
func TestRevokedFirstRoot(t *testing.T) {
	for name, drop := range map[string]func(*subject){
		"state kept":  func(*subject) {},
		"roots lost":  func(s *subject) { lose(s.t, s.cfg.Dir, "roots/2.root.json") },
		"cache lost":  func(s *subject) { lose(s.t, s.cfg.Dir, currentFile) },
		"both lost":   func(s *subject) { lose(s.t, s.cfg.Dir, "roots/2.root.json", currentFile) },
		"all but one": func(s *subject) { lose(s.t, s.cfg.Dir, "roots", currentFile, historyFile, floorsFile) },
	} {
		t.Run(name, func(t *testing.T) {
			repo := newRepo(t)
			revoked := repo.Fork()
			repo.Rotate("root")
			repo.Rotate("timestamp")
			repo.Publish()
			s := newSubject(t, repo)
			s.accept()
			for range 3 { // the thief of the old keys signs what he likes
				revoked.Publish()
			}
			repo.ServeFrom(revoked)
			s.Close()
			drop(s)
			if name == "all but one" {
				_, err := Open(s.cfg)
				if Code(err) != CodeRollback {
					t.Errorf("opened without floors: %v", err)
				}
				return
			}
			s.open()
			s.refuse(CodeRollback)
			s.restart()
			s.refuse(CodeRollback)
		})
	}
}

func lose(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// Fast-forward: a version that was too high is forgotten with the keys that
// signed it, not before (section 5.3.11).
func TestFastForwardRecovery(t *testing.T) {
	for _, role := range []string{"timestamp", "snapshot"} {
		t.Run(role, func(t *testing.T) {
			repo := newRepo(t)
			s := newSubject(t, repo)
			low := repo.Fork()
			repo.SetVersion("timestamp", 1<<40)
			repo.SetVersion("snapshot", 1<<40)
			repo.SetVersion("targets", 1<<40)
			repo.Publish()
			s.accept()
			s.cfg.Source = mustHTTP(t, low.URL())
			low.Publish()
			s.restart()
			s.refuse(CodeRollback)
			low.Rotate("timestamp")
			if role == "timestamp" {
				// A new timestamp key alone does not undo what a snapshot said.
				low.Publish()
				s.refuse(CodeRollback)
			}
			low.Rotate("snapshot")
			low.Publish()
			s.accept()
			s.restart()
			s.accept()
		})
	}
}

func TestRootLimit(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	for range MaxRootRotations + 1 {
		repo.Rotate("root")
		repo.Publish()
	}
	err := s.refuse(CodeStale)
	var limit *RootLimitError
	if !errors.As(err, &limit) || limit.Version != MaxRootRotations+1 {
		t.Errorf("257 behind: %v", err)
	}
	s.restart()
	if u := s.accept(); u.Roles[RoleRoot].Version != MaxRootRotations+2 {
		t.Errorf("root %d", u.Roles[RoleRoot].Version)
	}
}

func TestExactlyTheRootLimit(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	for range MaxRootRotations {
		repo.Rotate("root")
		repo.Publish()
	}
	s.accept()
}

func TestExpiredIntermediateRoot(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	repo.Expire("root")
	repo.Publish()
	s.refuse(CodeExpired)
	repo.Rotate("root")
	repo.Publish()
	s.accept()
}

func TestBucketsThatAnswer403(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	repo.Fault("metadata/2.root.json", tuftest.Status(http.StatusForbidden))
	s.accept()
}

// TU-14: Snapshot hands out expiries; a failed refresh must not move them.
func TestExpiresWhileRunning(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	repo.Advance(25 * time.Hour)
	s.refuse(CodeExpired)
	got, _, _ := s.Accepted()
	if !got.Roles[RoleTimestamp].Expires.Before(repo.Now()) {
		t.Error("the accepted timestamp does not show its age")
	}
	repo.PublishTimestamp()
	s.accept()
}

// TU-23: names of roles are not paths.
func TestRoleNames(t *testing.T) {
	for _, name := range []string{"../x", "/x", "?", "#", "..", strings.Repeat("n", 300), "ünïcode", "a b", "%2e%2e"} {
		repo := newRepo(t)
		repo.Delegate("targets", name, []string{"other/*"}, tuftest.Key("x"))
		repo.SetTargetIn(name, "other/file", []byte("hello"))
		repo.Publish()
		s := newSubject(t, repo)
		s.accept()
		data, err := s.target(t.Context(), "other/file")
		if err != nil || string(data) != "hello" {
			t.Errorf("%.20q: %q, %v", name, data, err)
		}
		var outside []string
		root := filepath.Dir(s.cfg.Dir)
		entries, err := os.ReadDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "trust" && e.Name() != "archive" {
				outside = append(outside, e.Name())
			}
		}
		if len(outside) != 0 {
			t.Errorf("%q wrote %v", name, outside)
		}
	}
}

// TU-26: with two hashes there are two names; either one may be served.
func TestTwoHashes(t *testing.T) {
	for _, algorithm := range []string{"sha256", "sha512"} {
		repo := newRepo(t)
		data := []byte("two hashes")
		info, err := metadata.TargetFile().FromBytes("authorities.json", data, "sha256", "sha512")
		if err != nil {
			t.Fatal(err)
		}
		repo.SetTarget("authorities.json", []byte("replaced by the edit"))
		repo.EditTargets("targets", func(s *metadata.TargetsType) { s.Targets["authorities.json"] = info })
		repo.Publish()
		repo.Put("targets/"+info.Hashes[algorithm].String()+".authorities.json", data)
		s := newSubject(t, repo)
		repo.Requests()
		s.accept()
		first := "targets/" + info.Hashes["sha256"].String() + ".authorities.json"
		if asked := strings.Join(repo.Requests(), " "); !strings.Contains(asked, first) {
			t.Errorf("%s: asked for %s", algorithm, asked)
		}
	}
}

// An expiry is told of the role that has expired.
func TestExpiredRoleIsNamed(t *testing.T) {
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		repo := newRepo(t)
		s := newSubject(t, repo)
		at := repo.Now().Add(time.Hour)
		repo.SetExpiry(role, at)
		repo.Publish()
		s.accept()
		repo.Advance(time.Hour)
		s.restart()
		s.accept() // valid until and with that second
		repo.Advance(time.Second)
		for range 2 {
			var expired *ExpiredError
			if err := s.refuse(CodeExpired); !errors.As(err, &expired) || expired.Role != role || !expired.Expires.Equal(at) {
				t.Errorf("%s: %v", role, err)
			}
			s.restart()
		}
	}
}

// A snapshot may be published again under its version; the timestamp's digest says
// which one counts.
// Another timestamp of the version at hand is not taken, however well signed:
// section 5.4.3.
func TestTimestampOfTheSameVersion(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	before := s.metadata()[RoleTimestamp]
	repo.SetVersion("timestamp", repo.Version("timestamp"))
	repo.SetExpiry("timestamp", repo.Now().Add(99*24*time.Hour))
	repo.PublishTimestamp()
	s.restart()
	if u := s.accept(); u.Roles[RoleTimestamp].SHA256 != digestOf(before) || !bytes.Equal(s.metadata()[RoleTimestamp], before) {
		t.Error("it was taken")
	}
	repo.Requests()
	s.accept()
	if asked := repo.Requests(); len(asked) < 2 { // what is served is not what is trusted
		t.Errorf("asked for %q only", asked)
	}
}

// A signed length bounds the download, not only what is taken of it.
func TestSignedLengthBoundsTheDownload(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	for _, role := range []string{"snapshot", "targets"} {
		want := int64(len(repo.File(repo.Path(role))))
		repo.Fault(repo.Path(role), tuftest.Endless)
		var length *LengthError
		if err := s.refuse(CodeLength); !errors.As(err, &length) || length.Want != want {
			t.Errorf("%s: %v, want a limit of %d", role, err, want)
		}
		repo.Heal()
	}
}

// What is kept is not fetched again: a new timestamp over the same snapshot costs
// the question for a root beside it, also after a restart.
func TestNothingIsFetchedTwice(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	s.restart()
	repo.PublishTimestamp()
	repo.Requests()
	s.accept()
	if got, want := repo.Requests(), []string{"metadata/2.root.json", "metadata/timestamp.json"}; !slices.Equal(got, want) {
		t.Errorf("asked for %q, want %q", got, want)
	}
}

// A second root of a version that was verified before is not the same root, however
// well signed.
func TestSecondRootOfAVersion(t *testing.T) {
	repo := newRepo(t)
	other := repo.Fork()
	repo.Rotate("root")
	repo.Publish()
	s := newSubject(t, repo)
	s.accept()
	s.Close()
	lose(t, s.cfg.Dir, "roots/2.root.json")
	other.SetKeys("root", 1, tuftest.Key("of the other one"))
	other.SetVersion("timestamp", 50)
	other.Publish()
	s.cfg.Source = mustHTTP(t, other.URL())
	s.open()
	s.refuse(CodeCorrupt)
	s.cfg.Source = mustHTTP(t, repo.URL())
	s.restart()
	s.accept()
}

func TestSnapshotOfTheSameVersion(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	first := s.accept()
	repo.SetVersion("snapshot", repo.Version("snapshot"))
	repo.SetExpiry("snapshot", repo.Now().Add(48*time.Hour))
	repo.Publish()
	second := s.accept()
	if a, b := first.Roles[RoleSnapshot], second.Roles[RoleSnapshot]; a.Version != b.Version || a.SHA256 == b.SHA256 {
		t.Errorf("%v then %v", a, b)
	}
}

// After a failed refresh the timestamp before it is a rollback, not "unchanged".
func TestBackAfterAFailure(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	old := repo.Fork()
	repo.Publish()
	repo.Remove(repo.Path("snapshot"))
	s.refuse(CodeDownload)
	repo.ServeFrom(old)
	s.refuse(CodeRollback)
}
