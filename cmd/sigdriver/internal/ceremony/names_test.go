// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// newFolder is a ceremony in a folder of its own.
func newFolder(t *testing.T) *Folder {
	t.Helper()
	return &Folder{
		Dir: t.TempDir(), Now: time.Now,
		Read:    func(path, _ string, _ int) ([]byte, error) { return os.ReadFile(path) },
		OpenKey: func(path string) (*keys.Key, error) { return keys.Load(path, nil) },
	}
}

// founded is a ceremony whose root alice holds, elsewhere: its first publication is
// staged.
func founded(t *testing.T) (f *Folder, alice *keys.Key) {
	t.Helper()
	f = newFolder(t)
	alice, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(t.TempDir(), "alice.pub")
	if err := os.WriteFile(public, alice.PublicPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	plan := DefaultPlan()
	plan.Roles[tuf.RoleRoot] = PlanRole{Threshold: 1, Keys: []string{public}}
	result, err := f.Init(plan, map[string][]byte{"authorities.json": verifiertest.BaseAuthorities().JSON()})
	if err != nil || result.Action != Staged {
		t.Fatalf("%+v, %v", result, err)
	}
	return f, alice
}

// TestNamesTravel copies a staged folder to somebody who has nothing else: the keys have
// their names there, and those that are known there keep them.
func TestNamesTravel(t *testing.T) {
	f, alice := founded(t)
	id, err := author.KeyID(alice.Signer().Public())
	if err != nil {
		t.Fatal(err)
	}
	there := newFolder(t)
	if err := os.CopyFS(there.Staged(), os.DirFS(f.Staged())); err != nil {
		t.Fatal(err)
	}
	n, err := there.DisplayNotes()
	if err != nil || n.Names[id] != "alice" {
		t.Fatalf("%v, %v", n, err)
	}
	if own, err := there.Notes(); err != nil || len(own.Names) != 0 {
		t.Errorf("what travelled is kept as our own: %v, %v", own, err)
	}
	if err := there.saveNotes(&Notes{Names: map[string]string{id: "my alice"}}); err != nil {
		t.Fatal(err)
	}
	if n, err := there.DisplayNotes(); err != nil || n.Names[id] != "my alice" {
		t.Errorf("a name of ours was replaced: %v, %v", n, err)
	}
	// Signing there saves the stage again, with the names.
	file := filepath.Join(t.TempDir(), "alice.key")
	text, err := alice.Marshal(nil)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	there.KeyFiles = []string{file}
	staged, _, err := there.Pending()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.Sign(staged); err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile(there.stagedNamesFile())
	if err != nil || !strings.Contains(string(saved), "my alice") {
		t.Errorf("%s, %v", saved, err)
	}
}

// TestForeignNames: the file of names is foreign. One that cannot be read is refused with
// its line; none is no matter.
func TestForeignNames(t *testing.T) {
	f, _ := founded(t)
	if err := os.WriteFile(f.stagedNamesFile(), []byte("[names]\na = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var refused *Error
	if _, err := f.DisplayNotes(); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	if err := os.Remove(f.stagedNamesFile()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.DisplayNotes(); err != nil {
		t.Error(err)
	}
}

// TestFreeTarget: files of one name and other bytes each have a target.
func TestFreeTarget(t *testing.T) {
	files := map[string][]byte{}
	for _, c := range []struct{ path, data, want string }{
		{"a/x.sigstore.json", "one", "f/x.sigstore.json"},
		{"b/x.sigstore.json", "one", "f/x.sigstore.json"},
		{"b/x.sigstore.json", "two", "f/x-3fc4ccfe.sigstore.json"},
		{"c/x.sigstore.json", "three", "f/x-8b5b9db0.sigstore.json"},
		{"c/x", "four", "f/x"},
		{"d/x", "five", "f/x-222b0bd5"},
	} {
		a := Attestation{c.path, []byte(c.data)}
		got := freeTarget(files, "f/", a)
		if got != c.want {
			t.Errorf("%s %s: %s, want %s", c.path, c.data, got, c.want)
		}
		files[got] = a.Data
	}
}
