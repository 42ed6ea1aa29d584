// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// Every file of the state folder and the archive, damaged in turn: what can be
// fetched again is, what cannot is refused by its code, and nothing is believed.
func TestDamagedFiles(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	repo.Rotate("root")
	repo.Publish()
	s.accept()
	s.Close()
	sc := &scene{t: t, repo: repo, state: filepath.Dir(s.cfg.Dir), cfg: s.cfg}
	damages := map[string]func([]byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"edited":    func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"replaced":  func([]byte) []byte { return []byte("{}\n") },
		"oversized": func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), MaxTargets+1)...) },
		"removed":   nil,
	}
	ratchet := digestOf(s.note(s.epoch).Ratchet).String() // nobody but we have it
	refused := map[string]string{floorsFile: CodeRollback, historyFile: CodeCorrupt, ratchet: CodeCorrupt}
	files := 0
	for how, damage := range damages {
		for _, name := range stateFiles(t, sc.state) {
			files++
			cfg := sc.copy()
			cfg.Source = s.cfg.Source
			path := filepath.Join(filepath.Dir(cfg.Dir), name)
			harm(t, path, damage)
			c, err := Open(cfg)
			if code := refused[filepath.Base(name)]; code != "" && how != "oversized" {
				if Code(err) != code {
					t.Errorf("%s %s: %v", name, how, err)
				}
				continue
			}
			if err != nil && how == "oversized" {
				continue // a *StoreError: nobody but an attacker makes these
			}
			if err != nil {
				t.Errorf("%s %s: %v", name, how, err)
				continue
			}
			if got, _, ok := c.Accepted(); ok && string(got.Targets["authorities.json"]) != `{"v":1}` {
				t.Errorf("%s %s: %q is in force", name, how, got.Targets)
			}
			u, err := c.Refresh(t.Context())
			if err == nil {
				err = c.Accept(u, Note{Epoch: 2})
			}
			if err != nil || string(u.Targets["authorities.json"]) != `{"v":1}` {
				t.Errorf("%s %s: %v", name, how, err)
			}
			if _, _, err := AsOf(cfg.Dir, cfg.Root, repo.Now()); err != nil {
				t.Errorf("%s %s: not healed: %v", name, how, err)
			}
			c.Close()
		}
	}
	if files < 60 {
		t.Errorf("only %d files damaged", files)
	}
}

func stateFiles(t *testing.T, state string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			name, _ := filepath.Rel(state, path)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func harm(t *testing.T, path string, damage func([]byte) []byte) {
	t.Helper()
	if damage == nil {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, damage(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Floors outlive the cache: with everything else damaged a rollback is refused.
func TestFloorsOutliveTheCache(t *testing.T) {
	for _, role := range []string{"timestamp", "snapshot", "targets", "revocation"} {
		repo := newRepo(t)
		for range 3 {
			repo.SetTarget("authorities.json", []byte(role))
			repo.SetTarget("revocations.json", []byte(role))
			repo.Publish()
		}
		s := newSubject(t, repo)
		s.accept()
		s.Close()
		lose(t, s.cfg.Dir, currentFile)
		for _, name := range stateFiles(t, s.cfg.ArchiveDir) {
			if filepath.Base(name) != digestOf(s.note(s.epoch).Ratchet).String() { // without that nothing starts
				lose(t, s.cfg.ArchiveDir, name)
			}
		}
		s.open()
		repo.SetVersion(role, 2)
		if role == "timestamp" {
			repo.PublishTimestamp()
		} else {
			repo.Publish()
		}
		var rollback *RollbackError
		if err := s.refuse(CodeRollback); !errors.As(err, &rollback) || rollback.Role != role || rollback.Got != 2 {
			t.Errorf("%s: %v", role, err)
		}
	}
}

// With the cache at hand the error names the same role.
func TestRollbackNamesItsRole(t *testing.T) {
	for _, role := range []string{"timestamp", "snapshot", "targets", "revocation"} {
		repo := newRepo(t)
		repo.SetTarget("authorities.json", []byte(role))
		repo.SetTarget("revocations.json", []byte(role))
		repo.Publish()
		s := newSubject(t, repo)
		s.accept()
		repo.SetVersion(role, 1)
		if role == "timestamp" {
			repo.PublishTimestamp()
		} else {
			repo.Publish()
		}
		var rollback *RollbackError
		if err := s.refuse(CodeRollback); !errors.As(err, &rollback) || rollback.Role != role || rollback.Got != 1 {
			t.Errorf("%s: %v", role, err)
		}
	}
}

func TestLostFloorsNeedAWord(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	s.Close()
	lose(t, s.cfg.Dir, floorsFile)
	_, err := Open(s.cfg)
	var lost *FloorsLostError
	if !errors.As(err, &lost) || Code(err) != CodeRollback {
		t.Fatalf("without a word: %v", err)
	}
	if _, err := Open(s.cfg); !errors.As(err, &lost) {
		t.Fatalf("the second time: %v", err)
	}
	var log bytes.Buffer
	s.cfg.AcceptLostFloors, s.cfg.Logger = true, hclog.New(&hclog.LoggerOptions{Output: &log})
	s.open()
	if !strings.Contains(log.String(), "operator") {
		t.Errorf("not loud: %q", log.String())
	}
	s.accept()
	s.cfg.AcceptLostFloors = false
	s.restart()
	// Also when the whole folder is gone: the archive remembers that there was one.
	s.Close()
	lose(t, filepath.Dir(s.cfg.Dir), "trust")
	if _, err := Open(s.cfg); !errors.As(err, &lost) {
		t.Errorf("without the whole folder: %v", err)
	}
	s.cfg.AcceptLostFloors = true
	s.open()
	s.accept()
}

func TestLostHistoryNeedsAWord(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.epoch = 6
	s.accept()
	s.Close()
	harm(t, filepath.Join(s.cfg.Dir, historyFile), func(b []byte) []byte { return bytes.Replace(b, []byte(`"epoch":7`), []byte(`"epoch":1`), 1) })
	if _, err := Open(s.cfg); Code(err) != CodeCorrupt {
		t.Fatalf("an edited history: %v", err)
	}
	s.cfg.AcceptLostFloors = true
	s.open()
	if _, _, ok := s.Accepted(); ok {
		t.Error("an edited history is in force")
	}
	if got := s.LastEpoch(); got != 7 {
		t.Errorf("epoch starts over at %d", got)
	}
	s.accept()
	s.cfg.AcceptLostFloors = false
	s.restart()
	if aside, _ := filepath.Glob(filepath.Join(s.cfg.Dir, "history-*.damaged")); len(aside) != 1 {
		t.Errorf("set aside: %v", aside)
	}
}

// What was noted outlives the files that it was noted with, and the root that it
// was proven from: only the ratchet itself cannot be fetched again.
func TestNoteOutlivesItsFiles(t *testing.T) {
	for name, lost := range map[string]func(*subject, *tuftest.Repo){
		"a damaged target": func(s *subject, _ *tuftest.Repo) {
			sum := digestOf([]byte(`{"v":1}`)).String()
			harm(s.t, filepath.Join(s.cfg.ArchiveDir, "sha256", sum[:2], sum), func([]byte) []byte { return []byte("x") })
		},
		"a newer pinned root": func(s *subject, repo *tuftest.Repo) {
			repo.Rotate("root")
			repo.Publish()
			s.cfg.Root = repo.File(repo.Path("root"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			repo := newRepo(t)
			s := newSubject(t, repo)
			s.accept()
			want := s.note(s.epoch)
			s.Close()
			lost(s, repo)
			s.open()
			if _, _, ok := s.Accepted(); ok {
				t.Fatal("it is still proven")
			}
			if got := s.LastNote(); !reflect.DeepEqual(got, want) {
				t.Errorf("noted %+v, want %+v", got, want)
			}
			s.accept()
			if got := s.LastNote(); !reflect.DeepEqual(got, s.note(s.epoch)) {
				t.Errorf("afterwards %+v", got)
			}
		})
	}
}

// A ratchet is the union of many lists, and outgrows each of them.
func TestLargeRatchet(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	u, err := s.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var length *LengthError
	if err := s.Accept(u, Note{Epoch: 1, Ratchet: make([]byte, MaxNote+1)}); !errors.As(err, &length) {
		t.Errorf("one past the limit: %v", err)
	}
	large := bytes.Repeat([]byte("r"), MaxTargets+1)
	if err := s.Accept(u, Note{Epoch: 1, Ratchet: large}); err != nil {
		t.Fatal(err)
	}
	s.restart()
	if _, note, ok := s.Accepted(); !ok || !bytes.Equal(note.Ratchet, large) || !bytes.Equal(s.LastNote().Ratchet, large) {
		t.Error("it is gone after a restart")
	}
	if _, note, err := AsOf(s.cfg.Dir, s.cfg.Root, repo.Now()); err != nil || !bytes.Equal(note.Ratchet, large) {
		t.Errorf("it is not proven again: %v", err)
	}
}

func TestLostRatchetNeedsAWord(t *testing.T) {
	s := newSubject(t, newRepo(t))
	s.accept()
	s.Close()
	sum := digestOf(s.note(s.epoch).Ratchet).String()
	lose(t, s.cfg.ArchiveDir, filepath.Join("sha256", sum[:2], sum))
	if _, err := Open(s.cfg); Code(err) != CodeCorrupt || !strings.Contains(err.Error(), "revoked") {
		t.Fatalf("without a word: %v", err)
	}
	var log bytes.Buffer
	s.cfg.AcceptLostFloors, s.cfg.Logger = true, hclog.New(&hclog.LoggerOptions{Output: &log})
	s.open()
	if got := s.LastNote(); got.Ratchet != nil || got.Epoch != s.epoch || !strings.Contains(log.String(), "revoked before") {
		t.Errorf("on a word: %+v, log %q", got, log.String())
	}
	s.accept()
	s.cfg.AcceptLostFloors = false
	s.restart()
}

// A last line without its end is what a crash leaves; it is cut, not believed.
func TestTornHistory(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	s.Close()
	path := filepath.Join(s.cfg.Dir, historyFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	harm(t, path, func(b []byte) []byte { return append(b, b[:len(b)/2]...) })
	s.open()
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the torn tail is still there: %v", err)
	}
	repo.PublishTimestamp()
	s.accept()
	s.restart()
}

func TestAnotherPinnedRoot(t *testing.T) {
	s := newSubject(t, newRepo(t))
	s.accept()
	s.Close()
	other := tuftest.New(t, tuftest.At(tuftest.Start.Add(time.Hour)))
	s.cfg.Root = other.Root()
	if _, err := Open(s.cfg); Code(err) != CodeCorrupt {
		t.Errorf("the state of another root: %v", err)
	}
	for name, root := range map[string][]byte{"none": nil, "junk": []byte("{}"), "cut": s.cfg.Root[:50]} {
		s.cfg.Root = root
		if _, err := Open(s.cfg); Code(err) != CodeSignature {
			t.Errorf("root %s: %v", name, err)
		}
	}
}

func TestNewerPinnedRoot(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	repo.Rotate("root")
	repo.Publish()
	s.accept()
	s.Close()
	s.cfg.Root = repo.File(repo.Path("root"))
	s.open()
	repo.Rotate("root")
	repo.Publish()
	if u := s.accept(); u.Roles[RoleRoot].Version != 3 {
		t.Errorf("root %d", u.Roles[RoleRoot].Version)
	}
	s.restart()
}

func TestContextOfFaultyStore(t *testing.T) {
	s := newScene(t)
	cfg := s.copy()
	files := &disktest.FS{}
	cfg.FS = files
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	u, err := c.Refresh(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	// The append fails and so does the cut after it: nothing may be written
	// behind a torn line until a new start has cut it.
	files.After = true
	files.Arm(3, syscall.EIO)
	if err := c.Accept(u, Note{Epoch: 2}); Code(err) != CodeDownload {
		t.Fatalf("accepted on a broken disk: %v", err)
	}
	files.At = 0
	files.After = false
	err = c.Accept(u, Note{Epoch: 2})
	var store *StoreError
	if err != nil && !errors.As(err, &store) {
		t.Errorf("after the repair: %v", err)
	}
	c.Close()
	consistent(t, cfg, "after a broken append")
}

// What the archive has is checked against what is signed now, not only by name.
func TestArchivedTargetIsCheckedAgain(t *testing.T) {
	longer := func(s *metadata.TargetsType, path string) { s.Targets[path].Length++ }
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	repo.EditTargets("attestations", func(m *metadata.TargetsType) { longer(m, bundlePath) })
	repo.Publish()
	if u := s.accept(); len(u.Faults) != 1 || Code(u.Faults[0]) != CodeLength {
		t.Errorf("faults %v", u.Faults)
	}
	repo.EditTargets("targets", func(m *metadata.TargetsType) { longer(m, "authorities.json") })
	repo.Publish()
	s.refuse(CodeLength)
	repo.EditTargets("targets", func(m *metadata.TargetsType) { m.Targets["authorities.json"].Length = 0 })
	repo.Publish()
	s.refuse(CodeLength)
}

// Each sign of a past is enough to ask for the floors.
func TestSignsOfAPast(t *testing.T) {
	signs := []string{"trust/" + currentFile, "trust/" + historyFile, "trust/roots", "archive/" + startedFile}
	for i := range signs {
		repo := newRepo(t)
		repo.Rotate("root")
		repo.Publish()
		s := newSubject(t, repo)
		s.accept()
		s.Close()
		lose(t, s.cfg.Dir, floorsFile)
		for j, sign := range signs {
			if j != i {
				lose(t, filepath.Dir(s.cfg.Dir), sign)
			}
		}
		if _, err := Open(s.cfg); Code(err) != CodeRollback {
			t.Errorf("with %s alone: %v", signs[i], err)
		}
		lose(t, filepath.Dir(s.cfg.Dir), signs[i])
		s.open()
	}
}

// Targets metadata published again under its version is fetched again when the
// snapshot names another digest.
func TestTargetsOfTheSameVersion(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	repo.SetTarget("authorities.json", []byte("again"))
	repo.SetVersion("targets", repo.Version("targets"))
	repo.Publish()
	if u := s.accept(); string(u.Targets["authorities.json"]) != "again" {
		t.Errorf("targets %q", u.Targets["authorities.json"])
	}
}
