// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// TestStageShowsWhatWillBe compares a stage with the repository that it becomes.
func TestStageShowsWhatWillBe(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	old := m.all()
	m[tuf.RoleTargets] = append(m[tuf.RoleTargets], tuftest.Key("author targets 2"))
	s, err := NewStage(mustOpen(t, dir), Change{
		Files:      map[string][]byte{"drivers.json": []byte("{}"), "authorities.json": []byte("new"), "revocations.json": nil},
		Keyholders: map[string]Keyholders{tuf.RoleTargets: m.keyholders(tuf.RoleTargets, 2)},
	}, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.States()[1]; got.Role != tuf.RoleTargets || got.Threshold != 2 || len(got.Signed) != 0 || len(got.Missing) != 2 {
		t.Errorf("unsigned targets: %+v", got)
	}
	if err := s.Complete(append(old, m[tuf.RoleTargets]...), authorNow, nil); err != nil {
		t.Fatal(err)
	}
	states, targets := fmt.Sprint(s.States()), s.Targets()
	if err := s.Publish(nil, dir, authorNow); err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, dir)
	if got := fmt.Sprint(r.States()); got != states {
		t.Errorf("the stage says\n%s\nand was published as\n%s", states, got)
	}
	if got := r.Targets(); !slices.Equal(got, targets) || slices.Contains(got, "revocations.json") {
		t.Errorf("the stage lists %v and was published with %v", targets, got)
	}
}

// TestOfflineHolders reads who may sign from a repository, from the state of a
// client that has followed it, and from an export.
func TestOfflineHolders(t *testing.T) {
	repo := tuftest.New(t, tuftest.Threshold(tuftest.Root, 2, 3))
	repo.SetTarget("authorities.json", []byte(`{"v":1}`))
	repo.SetTarget("revocations.json", []byte(`{"r":1}`))
	repo.Publish()
	state := t.TempDir()
	client, err := tuf.Open(tuf.Config{Root: repo.Root(), Source: tuf.DirSource(repo.Dir()), Dir: state, Now: repo.Now})
	if err != nil {
		t.Fatal(err)
	}
	update, err := client.Refresh(t.Context())
	if err == nil {
		err = client.Accept(update, tuf.Note{Epoch: 1})
	}
	if err := errors.Join(err, client.Close()); err != nil {
		t.Fatal(err)
	}
	export := filepath.Join(t.TempDir(), "export.tar")
	f, err := os.Create(export)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tuf.Export(state, f), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{repo.Dir(), state, export} {
		snapshot, _, err := tuf.LoadOffline(dir, repo.Root(), repo.Now())
		if err != nil {
			t.Fatal(err)
		}
		held, err := OfflineKeyholders(dir, snapshot)
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		if len(held) != len(snapshot.Roles) || held[tuf.RoleRoot].Threshold != 2 || len(held[tuf.RoleRoot].Keys) != 3 || len(held[tuf.RoleRevocation].Keys) != 1 {
			t.Errorf("%s: %v", dir, held)
		}
	}
	// What was not proven is not read.
	snapshot, _, err := tuf.LoadOffline(repo.Dir(), repo.Root(), repo.Now())
	if err != nil {
		t.Fatal(err)
	}
	root := metadataFile(repo.Dir(), tuf.RoleRoot, snapshot.Roles[tuf.RoleRoot].Version)
	data, err := os.ReadFile(root)
	if err == nil {
		err = os.WriteFile(root, append(data, '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var damaged *tuf.CorruptError
	if _, err := OfflineKeyholders(repo.Dir(), snapshot); !errors.As(err, &damaged) {
		t.Errorf("an edited root: %v, want a tuf.CorruptError", err)
	}
}
