// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// people is a repository whose root and targets need two of three people, with
// the other roles held by one machine.
func people(t *testing.T) (dir string, m team, machine []crypto.Signer) {
	t.Helper()
	dir, m = t.TempDir(), newTeam()
	for _, role := range []string{tuf.RoleRoot, tuf.RoleTargets} {
		m[role] = []crypto.Signer{tuftest.Key("alice " + role), tuftest.Key("bob " + role), tuftest.Key("carol " + role)}
	}
	c := m.firstChange()
	c.Keyholders[tuf.RoleRoot], c.Keyholders[tuf.RoleTargets] = m.keyholders(tuf.RoleRoot, 2), m.keyholders(tuf.RoleTargets, 2)
	apply(t, dir, c, m.all(), authorNow)
	return dir, m, []crypto.Signer{m[tuf.RoleSnapshot][0], m[tuf.RoleTimestamp][0], m[tuf.RoleRevocation][0]}
}

// TestTwoPeopleWhoNeverMeet passes a stage between folders by copying its files.
func TestTwoPeopleWhoNeverMeet(t *testing.T) {
	dir, m, machine := people(t)
	base := mustOpen(t, dir)
	s, err := NewStage(base, Change{Files: map[string][]byte{"authorities.json": []byte(`{"n":2}`)}}, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := filepath.Join(t.TempDir(), "stage"), filepath.Join(t.TempDir(), "stage")
	for _, at := range []string{alice, bob} {
		if err := s.Save(nil, at); err != nil {
			t.Fatal(err)
		}
	}
	signAt(t, alice, base, m[tuf.RoleTargets][0])
	if err := openedStage(t, alice, base).Publish(nil, dir, authorNow); err == nil {
		t.Fatal("one of two signatures is enough")
	}
	signAt(t, bob, base, m[tuf.RoleTargets][1])
	copySignatures(t, bob, alice)

	merged := openedStage(t, alice, base)
	if err := merged.Complete(machine, authorNow, nil); err != nil {
		t.Fatal(err)
	}
	if err := merged.Publish(nil, dir, authorNow); err != nil {
		t.Fatal(err)
	}
	if got, err := mustOpen(t, dir).Target("authorities.json"); err != nil || string(got) != `{"n":2}` {
		t.Errorf("%s, %v", got, err)
	}
	var moved *ChangeError
	late := openedStage(t, bob, base)
	if err := late.Complete(append(machine, m[tuf.RoleTargets][2]), authorNow, nil); err != nil {
		t.Fatal(err)
	}
	if err := late.Publish(nil, dir, authorNow); !errors.As(err, &moved) {
		t.Errorf("a second publication on the same base: %v, want a ChangeError", err)
	}
	// The repository has moved on, so the same stage is refused now.
	var refused *StageError
	if _, err := OpenStage(nil, alice, mustOpen(t, dir)); !errors.As(err, &refused) {
		t.Errorf("an old stage: %v, want a StageError", err)
	}
}

func openedStage(t *testing.T, dir string, base *Repository) *Stage {
	t.Helper()
	s, err := OpenStage(nil, dir, base)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func signAt(t *testing.T, dir string, base *Repository, key crypto.Signer) {
	t.Helper()
	s := openedStage(t, dir, base)
	if _, err := s.Sign(key); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(nil, dir); err != nil {
		t.Fatal(err)
	}
}

func copySignatures(t *testing.T, from, to string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "signatures", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no signatures in %s: %v", from, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, "signatures", filepath.Base(f)), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPublishBelowThresholdWritesNothing(t *testing.T) {
	dir, m, machine := people(t)
	before := folderText(t, dir)
	s, err := NewStage(mustOpen(t, dir), Change{Files: map[string][]byte{"authorities.json": []byte(`{"n":2}`)}}, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	var missing *QuorumError
	err = s.Complete(append(machine, m[tuf.RoleTargets][0]), authorNow, nil)
	if !errors.As(err, &missing) || len(missing.Quorums) != 1 || missing.Quorums[0].Role != tuf.RoleTargets || len(missing.Quorums[0].Missing) != 2 {
		t.Fatalf("%v", err)
	}
	if err := s.Publish(nil, dir, authorNow); !errors.As(err, &missing) {
		t.Fatalf("publish: %v, want a QuorumError", err)
	}
	if got := folderText(t, dir); got != before {
		t.Errorf("something was published:\n%s", got)
	}
	// The second signature makes the difference.
	if err := s.Complete(append(machine, m[tuf.RoleTargets][2]), authorNow, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(nil, dir, authorNow); err != nil {
		t.Fatal(err)
	}
}

// folderText is the names and sizes of everything below a folder.
func folderText(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			data, err := os.ReadFile(name)
			fmt.Fprintf(&b, "%s %x %v\n", strings.TrimPrefix(name, dir), data, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRootNeedsOldAndNewKeys(t *testing.T) {
	dir, m, machine := people(t)
	old := m[tuf.RoleRoot]
	m[tuf.RoleRoot] = []crypto.Signer{tuftest.Key("dave root"), tuftest.Key("erin root")}
	change := Change{Keyholders: map[string]Keyholders{tuf.RoleRoot: m.keyholders(tuf.RoleRoot, 2)}}
	for name, keys := range map[string][]crypto.Signer{
		"old only": old, "new only": m[tuf.RoleRoot],
		"old and one new": append(slices.Clone(old), m[tuf.RoleRoot][0]), "new and one old": append(slices.Clone(m[tuf.RoleRoot]), old[0]),
	} {
		s, err := NewStage(mustOpen(t, dir), change, authorNow)
		if err != nil {
			t.Fatal(err)
		}
		var missing *QuorumError
		if err := s.Complete(append(keys, machine...), authorNow, nil); !errors.As(err, &missing) {
			t.Errorf("%s: %v, want a QuorumError", name, err)
		}
	}
	apply(t, dir, change, append(append(m[tuf.RoleRoot], old[:2]...), machine...), authorNow)
	if states := mustOpen(t, dir).States(); states[0].Version != 2 || states[len(states)-1].Version != 1 {
		t.Errorf("root v%d and timestamp v%d, want 2 and an untouched 1", states[0].Version, states[len(states)-1].Version)
	}
}

func TestForeignKeySignsNothing(t *testing.T) {
	dir, m, _ := people(t)
	s, err := NewStage(mustOpen(t, dir), Change{Files: map[string][]byte{"authorities.json": {'1'}}}, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{tuftest.Key("mallory"), m[tuf.RoleRoot][0]} {
		if _, err := s.Sign(key); !errors.Is(err, ErrForeignKey) {
			t.Errorf("%v, want ErrForeignKey", err)
		}
	}
	roles, err := s.Sign(m[tuf.RoleTargets][0])
	if err != nil || fmt.Sprint(roles) != "[targets]" {
		t.Errorf("%v, %v", roles, err)
	}
	if _, err := s.Sign(m[tuf.RoleTargets][0]); err != nil || len(s.Incomplete()) != 1 {
		t.Errorf("the same key twice: %v, %v", err, s.Incomplete())
	}
}

func TestStagedFolderIsNotBelieved(t *testing.T) {
	dir, m, _ := people(t)
	base := mustOpen(t, dir)
	change := Change{Files: map[string][]byte{"authorities.json": []byte(`{"n":2}`)}}
	id, err := KeyID(m[tuf.RoleTargets][0].Public())
	if err != nil {
		t.Fatal(err)
	}
	signature := "signatures/targets." + id + ".json"
	edits := map[string]func(at string){
		"metadata changed after signing": func(at string) { substitute(t, at, "targets.json", `"expires": "2026`, `"expires": "2027`) },
		"file changed":                   func(at string) { substitute(t, at, "files/authorities.json", "2", "3") },
		"file missing":                   func(at string) { remove(t, at, "files/authorities.json") },
		"version skipped":                func(at string) { substitute(t, at, "targets.json", `"version": 2`, `"version": 3`) },
		"signature of another key":       func(at string) { substitute(t, at, signature, `"sig": "`, `"sig": "00`) },
		"signature cut":                  func(at string) { put(t, at, signature, "{") },
		"signature by a stranger": func(at string) {
			stranger := tuftest.KeyID(tuftest.Key("mallory"))
			put(t, at, "signatures/targets."+stranger+".json", `{"keyid":"`+stranger+`","sig":"00"}`)
		},
		"signature under another name": func(at string) { put(t, at, "signatures/targets.x.json", `{"keyid":"y","sig":"00"}`) },
		"foreign file":                 func(at string) { put(t, at, "mirrors.json", "{}") },
		"wrong type":                   func(at string) { substitute(t, at, "targets.json", `"_type": "targets"`, `"_type": "snapshot"`) },
		"not JSON":                     func(at string) { put(t, at, "targets.json", "{") },
		"third delegation":             func(at string) { substitute(t, at, "targets.json", `"name": "revocation"`, `"name": "mallory"`) },
		"wider delegation":             func(at string) { substitute(t, at, "targets.json", `"revocations.json"`, `"*"`) },
		"threshold 0":                  func(at string) { substitute(t, at, "targets.json", `"threshold": 1`, `"threshold": 0`) },
		"target outside":               func(at string) { substitute(t, at, "targets.json", `"authorities.json"`, `"../authorities.json"`) },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			s, err := NewStage(base, change, authorNow)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Sign(m[tuf.RoleTargets][0]); err != nil {
				t.Fatal(err)
			}
			at := filepath.Join(t.TempDir(), "stage")
			if err := s.Save(nil, at); err != nil {
				t.Fatal(err)
			}
			if got := openedStage(t, at, base).Incomplete(); len(got) != 1 || len(got[0].Signed) != 1 {
				t.Fatalf("before: %+v", got)
			}
			edit(at)
			var refused *StageError
			if _, err := OpenStage(nil, at, base); !errors.As(err, &refused) {
				t.Errorf("%v, want a StageError", err)
			}
		})
	}
}

func substitute(t *testing.T, dir, name, old, with string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q: %v", name, old, err)
	}
	put(t, dir, name, strings.Replace(string(data), old, with, 1))
}

func put(t *testing.T, dir, name, data string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// TestLateSignatureMakesANewSnapshot: a snapshot names final bytes, so one made
// before the last signature must not survive it.
func TestLateSignatureMakesANewSnapshot(t *testing.T) {
	dir, m, machine := people(t)
	s, err := NewStage(mustOpen(t, dir), Change{Files: map[string][]byte{"authorities.json": {'2'}}}, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(append(machine, m[tuf.RoleTargets][:2]...), authorNow, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(m[tuf.RoleTargets][2]); err != nil {
		t.Fatal(err)
	}
	var refused *ChangeError
	if err := s.Publish(nil, dir, authorNow); !errors.As(err, &refused) {
		t.Fatalf("%v, want a ChangeError", err)
	}
	if err := s.Complete(machine, authorNow, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(nil, dir, authorNow); err != nil {
		t.Fatal(err)
	}
	if signed := mustOpen(t, dir).States()[1].Signed; len(signed) != 3 {
		t.Errorf("targets has %d signatures, want 3", len(signed))
	}
}

func TestRenewals(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	later := authorNow.Add(12 * time.Hour)
	for _, c := range []struct {
		name   string
		change Change
		want   string // versions in the order of Roles
	}{
		{"daily timestamp", Change{}, "1 1 1 1 1 2"},
		{"snapshot", Change{Renew: []string{tuf.RoleSnapshot}}, "1 1 1 1 2 3"},
		{"timestamp by name", Change{Renew: []string{tuf.RoleTimestamp}}, "1 1 1 1 2 4"},
		{"root", Change{Renew: []string{tuf.RoleRoot}}, "2 1 1 1 2 4"},
		{"revocation", Change{Renew: []string{tuf.RoleRevocation}}, "2 1 2 1 3 5"},
		{"everything", Change{Renew: tuf.Roles()}, "3 2 3 2 4 6"},
		{"a file", Change{Files: map[string][]byte{"drivers.json": {'1'}}}, "3 3 3 2 5 7"},
	} {
		apply(t, dir, c.change, m.all(), later)
		versions := []string{}
		for _, s := range mustOpen(t, dir).States() {
			versions = append(versions, fmt.Sprint(s.Version))
			if slices.Contains(c.change.Renew, s.Role) && !s.Expires.Equal(later.Add(DefaultValidity(s.Role))) {
				t.Errorf("%s: %s expires at %s", c.name, s.Role, s.Expires)
			}
		}
		if got := strings.Join(versions, " "); got != c.want {
			t.Fatalf("%s: versions %s, want %s", c.name, got, c.want)
		}
	}
}

func TestStageThatTookTooLong(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	s, err := NewStage(mustOpen(t, dir), Change{}, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(m.all(), authorNow, nil); err != nil {
		t.Fatal(err)
	}
	expires := authorNow.Add(DefaultValidity(tuf.RoleTimestamp))
	var refused *ChangeError
	if err := s.Publish(nil, dir, expires); !errors.As(err, &refused) {
		t.Errorf("at its expiry: %v, want a ChangeError", err)
	}
	if err := s.Publish(nil, dir, expires.Add(-time.Second)); err != nil {
		t.Errorf("a second before: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	m := newTeam()
	c := m.firstChange()
	c.Keyholders[tuf.RoleTargets] = Keyholders{Keys: []crypto.PublicKey{tuftest.Key("t1").Public(), tuftest.Key("t2").Public()}, Threshold: 2}
	warnings := func() []string {
		s, err := NewStage(nil, c, authorNow)
		if err != nil {
			t.Fatal(err)
		}
		return s.Warnings()
	}
	if got := warnings(); len(got) != 0 {
		t.Fatalf("%q", got)
	}
	c.Keyholders[tuf.RoleTimestamp] = c.Keyholders[tuf.RoleSnapshot]
	if got := warnings(); len(got) != 1 || !strings.Contains(got[0], "snapshot and timestamp") {
		t.Errorf("a shared key: %q", got)
	}
	c.Keyholders[tuf.RoleTimestamp] = m.keyholders(tuf.RoleTimestamp, 1)
	c.Keyholders[tuf.RoleRoot] = m.keyholders(tuf.RoleRoot, 1)
	if got := warnings(); len(got) != 1 || !strings.Contains(got[0], "root needs one signature only") {
		t.Errorf("root threshold 1: %q", got)
	}
}

var errDisk = errors.New("the disk is gone")

// TestPublicationFailsAtEveryOperation stops a publication that changes every
// role at each of its file operations: clients see the old or the new state, and
// publishing again completes it.
func TestPublicationFailsAtEveryOperation(t *testing.T) {
	m, before := newTeam(), disktest.MemoryDir(t)
	apply(t, before, m.firstChange(), m.all(), authorNow)
	old := m.all()
	m[tuf.RoleTimestamp] = []crypto.Signer{tuftest.Key("next timestamp")}
	stage := func(dir string) *Stage {
		t.Helper()
		s, err := NewStage(mustOpen(t, dir), Change{
			Files:      map[string][]byte{"authorities.json": []byte("new"), "revocations.json": []byte("new")},
			Keyholders: map[string]Keyholders{tuf.RoleTimestamp: m.keyholders(tuf.RoleTimestamp, 1)},
		}, authorNow)
		if err == nil {
			err = s.Complete(append(old, m[tuf.RoleTimestamp]...), authorNow, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	failures, first := 0, stage(before)
	for n := 1; ; n++ {
		dir := disktest.MemoryDir(t)
		if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
			t.Fatal(err)
		}
		err := first.Publish(&disktest.FS{At: n, Err: errDisk, After: true}, dir, authorNow)
		if err == nil {
			break
		}
		failures++
		if !errors.Is(err, errDisk) {
			t.Fatalf("operation %d: %v", n, err)
		}
		seen := publicationSeen(t, dir)
		if seen != "old" && seen != "new" && seen != "root only" {
			t.Fatalf("operation %d: clients see %q", n, seen)
		}
		if seen == "new" {
			continue
		}
		if err := stage(dir).Publish(nil, dir, authorNow); err != nil {
			t.Fatalf("operation %d, again: %v", n, err)
		}
		if got, err := mustOpen(t, dir).Target("authorities.json"); err != nil || string(got) != "new" {
			t.Fatalf("operation %d, again: %q, %v", n, got, err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, ".unfinished", "*")); err != nil || len(left) != 0 {
			t.Fatalf("operation %d, again: %v is left, %v", n, left, err)
		}
	}
	if failures < 20 {
		t.Errorf("only %d operations were stopped", failures)
	}
}

// publicationSeen tells which publication a repository shows. "root only" is the moment
// between a root that changes the timestamp's keys and that timestamp: clients
// keep what they have.
func publicationSeen(t *testing.T, dir string) string {
	t.Helper()
	r, err := OpenRepository(nil, dir)
	if err != nil {
		return err.Error()
	}
	data, err := r.Target("authorities.json")
	if err != nil {
		return err.Error()
	}
	rev, err := r.Target("revocations.json")
	if err != nil {
		return err.Error()
	}
	_, rootErr := os.Stat(filepath.Join(dir, "metadata", "2.root.json"))
	switch {
	case string(data) == "new" && string(rev) == "new" && rootErr == nil:
		return "new"
	case string(data) == `{"n":1}` && string(rev) == `{"r":1}` && rootErr == nil:
		return "root only"
	case string(data) == `{"n":1}` && string(rev) == `{"r":1}`:
		return "old"
	}
	return "a mixture"
}

// TestInterruptedAfterTheRoot takes the timestamp of a whole publication back:
// the saved stage completes it, and so does any other change when the stage is lost.
func TestInterruptedAfterTheRoot(t *testing.T) {
	for _, role := range []string{tuf.RoleTimestamp, tuf.RoleTargets} { // with and without a root that ends the old timestamp
		for _, lost := range []bool{false, true} {
			dir, m := t.TempDir(), newTeam()
			apply(t, dir, m.firstChange(), m.all(), authorNow)
			timestamp := filepath.Join(dir, "metadata", "timestamp.json")
			before, err := os.ReadFile(timestamp)
			if err != nil {
				t.Fatal(err)
			}
			old := m.all()
			m[role] = []crypto.Signer{tuftest.Key("next " + role)}
			s, err := NewStage(mustOpen(t, dir), Change{
				Files: map[string][]byte{"authorities.json": []byte("new")}, Keyholders: map[string]Keyholders{role: m.keyholders(role, 1)},
			}, authorNow)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Complete(append(old, m[role]...), authorNow, nil); err != nil {
				t.Fatal(err)
			}
			at := filepath.Join(t.TempDir(), "stage")
			if err := s.Save(nil, at); err != nil {
				t.Fatal(err)
			}
			if err := s.Publish(nil, dir, authorNow); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(timestamp, before, 0o644); err != nil {
				t.Fatal(err)
			}
			if lost {
				apply(t, dir, Change{Files: map[string][]byte{"authorities.json": []byte("new")}}, m.all(), authorNow.Add(time.Minute))
			} else if err := openedStage(t, at, mustOpen(t, dir)).Publish(nil, dir, authorNow); err != nil {
				t.Fatalf("%s: %v", role, err)
			}
			if got, err := mustOpen(t, dir).Target("authorities.json"); err != nil || string(got) != "new" {
				t.Errorf("%s, lost %v: %q, %v", role, lost, got, err)
			}
		}
	}
}

func TestPublishedRootIsNeverReplaced(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	base := mustOpen(t, dir)
	renew := Change{Renew: []string{tuf.RoleRoot}}
	first, err := NewStage(base, renew, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewStage(base, renew, authorNow.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Stage{first, second} {
		if err := s.Complete(m.all(), authorNow, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Publish(nil, dir, authorNow); err != nil {
		t.Fatal(err)
	}
	if err := first.Publish(nil, dir, authorNow); err != nil {
		t.Errorf("the same again: %v", err)
	}
	var refused *ChangeError
	if err := second.Publish(nil, dir, authorNow); !errors.As(err, &refused) {
		t.Errorf("another root 2: %v, want a ChangeError", err)
	}
}

func TestOnePublisherAtATime(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	s, err := NewStage(mustOpen(t, dir), Change{}, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(m.all(), authorNow, nil); err != nil {
		t.Fatal(err)
	}
	lock, err := disk.OS{}.Lock(filepath.Join(dir, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if err := s.Publish(nil, dir, authorNow); !errors.As(err, &locked) {
		t.Errorf("%v, want a LockedError", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(nil, dir, authorNow); err != nil {
		t.Error(err)
	}
}
