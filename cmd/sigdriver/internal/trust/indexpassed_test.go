// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package trust

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// link makes a link in the folder.
func (w *indexWorld) link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(w.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// The volume of a ConfigMap, as the kubelet writes it and exchanges it whole.
func TestKubernetesVolume(t *testing.T) {
	w := newIndexWorld(t)
	w.put(t, "..2026_09_01/alice.json", w.approval("alice", 5))
	w.put(t, "..2026_09_01/sub/bob.json", w.approval("bob", 5))
	w.link(t, "..2026_09_01", "..data")
	w.link(t, "..data/alice.json", "alice.json")
	w.link(t, "..data/sub", "sub")
	w.expect(t, verifier.Allowed)
	if list := w.PassedOver(); len(list) != 0 {
		t.Errorf("passed over: %v", list)
	}
	w.put(t, "..2026_09_02/alice.json", w.approval("alice", 6))
	w.link(t, "..2026_09_02", "..tmp")
	if err := os.Rename(filepath.Join(w.dir, "..tmp"), filepath.Join(w.dir, "..data")); err != nil {
		t.Fatal(err)
	}
	w.scan(t)
	if !w.has(w.approval("alice", 6)) || w.has(w.approval("alice", 5)) || w.has(w.approval("bob", 5)) {
		t.Errorf("after the exchange: %d attestations", len(w.found()))
	}
}

// Several attestations in a file, a byte order mark, folders below folders, a folder elsewhere.
func TestFilesAsToolsWriteThem(t *testing.T) {
	alice := func(w *indexWorld) []byte { return w.approval("alice", 5) }
	bob := func(w *indexWorld) []byte { return w.approval("bob", 5) }
	for name, write := range map[string]func(w *indexWorld){
		"JSON Lines": func(w *indexWorld) {
			w.put(t, "all.jsonl", slices.Concat(alice(w), []byte("\n"), bob(w), []byte("\n")))
		},
		"an array":          func(w *indexWorld) { w.put(t, "all.json", fmt.Appendf(nil, "[%s, %s]", alice(w), bob(w))) },
		"a torn line":       func(w *indexWorld) { w.put(t, "all.jsonl", slices.Concat(alice(w), []byte("\n{\"payl\n"), bob(w))) },
		"a byte order mark": func(w *indexWorld) { w.put(t, "a", append([]byte("\xef\xbb\xbf"), alice(w)...)); w.put(t, "b", bob(w)) },
		"a third level":     func(w *indexWorld) { w.put(t, "a/b/c/alice", alice(w)); w.put(t, "bob", bob(w)) },
		"a link to a folder": func(w *indexWorld) {
			elsewhere := t.TempDir()
			for name, raw := range map[string][]byte{"alice": alice(w), "bob": bob(w)} {
				if err := os.WriteFile(filepath.Join(elsewhere, name), raw, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			w.link(t, elsewhere, "team")
		},
	} {
		w := newIndexWorld(t)
		write(w)
		w.expect(t, verifier.Allowed)
		if list := w.PassedOver(); len(list) != 0 {
			t.Errorf("%s: passed over: %v", name, list)
		}
	}
}

// What is not used is named once, with its reason, and counted.
func TestPassedOver(t *testing.T) {
	w := newIndexWorld(t)
	stranger := w.Approval(0).Of(w.Body(0)).Seal(verifiertest.Person("mallory")).JSON()
	w.put(t, ".hidden", w.approval("alice", 5))
	w.put(t, "stranger", stranger)
	w.put(t, "README.md", []byte("# Approvals\n"))
	w.put(t, "empty", nil)
	w.put(t, "large", bytes.Repeat([]byte("a"), maxFile+1))
	w.put(t, strings.Repeat("d/", maxDepth)+"deep", w.approval("carol", 5))
	w.link(t, "nowhere", "dangling")
	if err := unix.Mkfifo(filepath.Join(w.dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.put(t, "good", w.approval("bob", 5))
	w.scan(t)
	want := map[Reason]int{Hidden: 1, Unproven: 1, NotAttestation: 2, TooLarge: 1, TooDeep: 1, Unreadable: 1, NotRegular: 1}
	if got := w.Current().PassedOver(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	w.scan(t)
	log := w.log.String()
	for _, p := range w.PassedOver() {
		line := fmt.Sprintf("path=%q reason=%s", p.Path, p.Reason)
		if strings.Count(log, line) != 1 {
			t.Errorf("%s is %d times in the log:\n%s", line, strings.Count(log, line), log)
		}
	}
	if n := strings.Count(log, "passed over"); n != 8 {
		t.Errorf("%d lines, want 8", n)
	}
	if !strings.Contains(log, "SIGNATURE_INVALID") && !strings.Contains(log, "SIGNER_UNKNOWN") {
		t.Error("why a signature proves nothing is not said")
	}
}

// A file that could not be read is tried again: a link may be made before what it names.
func TestFailedReadIsTriedAgain(t *testing.T) {
	w := newIndexWorld(t)
	outside := filepath.Join(t.TempDir(), "alice.json")
	w.link(t, outside, "alice.json")
	w.scan(t)
	if w.Current().PassedOver()[Unreadable] != 1 {
		t.Fatal("it is not passed over")
	}
	if err := os.WriteFile(outside, w.approval("alice", 5), 0o600); err != nil {
		t.Fatal(err)
	}
	w.scan(t)
	if !w.has(w.approval("alice", 5)) || len(w.PassedOver()) != 0 {
		t.Errorf("it is not read again: %v", w.PassedOver())
	}
	if os.Geteuid() == 0 {
		return // who may read everything
	}
	path := w.put(t, "bob.json", w.approval("bob", 5))
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	w.scan(t)
	if w.has(w.approval("bob", 5)) || w.Current().PassedOver()[Unreadable] != 1 {
		t.Error("a file that cannot be read is used")
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	w.scan(t)
	if !w.has(w.approval("bob", 5)) {
		t.Error("it is not read again")
	}
}

// Who fills the folder with junk does not fill the log.
func TestMentionsAreBounded(t *testing.T) {
	w := newIndexWorld(t)
	const junk = 3 * maxMentions
	for i := range junk {
		w.put(t, fmt.Sprint(i), []byte("junk"))
	}
	w.scan(t)
	if n := strings.Count(w.log.String(), "passed over"); n != maxMentions {
		t.Errorf("%d lines at once", n)
	}
	w.scan(t)
	if n := strings.Count(w.log.String(), "passed over"); n != maxMentions+1 {
		t.Errorf("%d lines after the next pass", n)
	}
	if len(w.PassedOver()) != junk {
		t.Errorf("%d of %d are listed", len(w.PassedOver()), junk)
	}
}

// A link out of the folder to more than is looked at crowds out nothing in it, and no
// link leads twice to the same place.
func TestLinksCrowdOutNothing(t *testing.T) {
	w := newIndexWorld(t)
	elsewhere := t.TempDir()
	for i := range maxLinked + 5 {
		if err := os.WriteFile(filepath.Join(elsewhere, fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		w.link(t, elsewhere, fmt.Sprintf("0-%d", i))
	}
	w.link(t, ".", "self")
	w.put(t, "z/alice", w.approval("alice", 5))
	w.put(t, "z/bob", w.approval("bob", 5))
	w.expect(t, verifier.Allowed)
	got := w.Current().PassedOver()
	if got[Crowded] != 1 || got[NotAttestation] != maxLinked {
		t.Errorf("%v", got)
	}
}
