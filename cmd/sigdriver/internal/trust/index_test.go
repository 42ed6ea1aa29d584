// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package trust

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// world is an index over a folder, with the trust of the base scenario.
type indexWorld struct {
	*Index
	*verifiertest.Scenario
	dir   string
	trust *verifier.Trust
	at    time.Time
	log   strings.Builder
}

func newIndexWorld(t *testing.T) *indexWorld {
	t.Helper()
	w := &indexWorld{Scenario: verifiertest.AdmitPolicy(), dir: t.TempDir(), at: verifiertest.Now}
	w.trust = w.parse(t)
	w.Index = NewIndex(w.dir, func() time.Time { return w.at }, hclog.New(&hclog.LoggerOptions{Output: &w.log}))
	w.SetTrust(w.trust, nil)
	return w
}

func (w *indexWorld) put(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// scan checks everything that is there.
func (w *indexWorld) scan(t *testing.T) {
	t.Helper()
	if !w.Fill(t.Context()) {
		t.Fatal("not every file is checked")
	}
}

// approval is one by somebody about the policy of the scenario.
func (w *indexWorld) approval(name string, version int) []byte {
	a := w.Approval(0)
	a.Version = fmt.Sprint(version)
	return a.Of(w.Body(0)).Seal(verifiertest.Person(name)).JSON()
}

// found is what the index has about the policy of the scenario.
func (w *indexWorld) found() [][]byte { return w.Current().For(sha256.Sum256(w.Body(0))) }

func (w *indexWorld) has(raw []byte) bool {
	return slices.ContainsFunc(w.found(), func(b []byte) bool { return w.same(b, raw) })
}

// same reports whether two encodings prove the same.
func (w *indexWorld) same(a, b []byte) bool {
	x, _ := w.trust.Evidence(a)
	y, _ := w.trust.Evidence(b)
	return len(x) > 0 && reflect.DeepEqual(x, y)
}

func TestFolderComesAndGoes(t *testing.T) {
	w := newIndexWorld(t)
	good := w.approval("alice", 5)
	w.scan(t)
	if len(w.found()) != 0 {
		t.Fatal("an empty folder has attestations")
	}
	before := w.Current().Generation()
	flat, below := w.put(t, "a.json", good), w.put(t, "sub/b.json", w.approval("bob", 5))
	w.scan(t)
	if len(w.found()) != 2 || w.Current().Generation() <= before {
		t.Fatalf("found %d, generation %d after %d", len(w.found()), w.Current().Generation(), before)
	}
	before = w.Current().Generation()
	w.scan(t)
	if w.Current().Generation() != before {
		t.Error("a pass without news is a new generation")
	}
	os.Remove(flat)
	w.scan(t)
	if w.has(good) || len(w.found()) != 1 {
		t.Error("a file that is gone is still found")
	}
	w.put(t, "sub/b.json", []byte("{}"))
	w.scan(t)
	if len(w.found()) != 0 {
		t.Errorf("a file that changed is still found: %s", below)
	}
}

// A pass that runs out of time says so, and Fill goes on until nothing is due.
func TestFill(t *testing.T) {
	w := newIndexWorld(t)
	w.pass = 0 // one file a pass
	for v := range 5 {
		w.put(t, fmt.Sprint(v), w.approval("alice", v+1))
	}
	if w.Scan() || len(w.found()) != 1 {
		t.Fatalf("a pass over the first of five files says that all are checked, or found %d", len(w.found()))
	}
	if !w.Fill(t.Context()) || len(w.found()) != 5 {
		t.Fatalf("found %d of 5", len(w.found()))
	}
	for _, f := range w.sources {
		f.again()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if w.Fill(ended) {
		t.Error("Fill went on after its context had ended")
	}
}

// Answers are cached by generation: trust and files that bring nothing new do not
// have them decided again.
func TestNothingNewIsNoGeneration(t *testing.T) {
	w := newIndexWorld(t)
	target := map[string][]byte{"attestations/bob.json": w.approval("bob", 5)}
	w.put(t, "alice.json", w.approval("alice", 5))
	w.SetTrust(w.trust, target)
	w.scan(t)
	before := w.Current().Generation()
	same := func(what string) {
		t.Helper()
		if got := w.Current().Generation(); got != before || len(w.found()) != 2 {
			t.Errorf("%s: generation %d after %d, found %d", what, got, before, len(w.found()))
		}
	}
	w.SetTrust(w.trust, target)
	same("the same trust again")
	w.scan(t)
	same("its pass")
	w.put(t, "alice.json", w.approval("alice", 5))
	w.put(t, "again.json", w.approval("alice", 5))
	w.scan(t)
	same("what is there already")
	w.SetTrust(w.trust, nil)
	w.scan(t)
	if w.Current().Generation() <= before || len(w.found()) != 1 {
		t.Error("an attestation that is gone is no new generation")
	}
}

func TestOnlyWhatVerifiesIsKept(t *testing.T) {
	w := newIndexWorld(t)
	good := w.approval("alice", 5)
	bad := bytes.Replace(good, []byte(`"sig":"M`), []byte(`"sig":"N`), 1)
	stranger := w.Approval(0).Of(w.Body(0)).Seal(verifiertest.Person("mallory")).JSON()
	for i, raw := range [][]byte{bad, stranger, []byte("not json"), nil} {
		w.put(t, fmt.Sprintf("bad-%d", i), raw)
	}
	w.put(t, "good", good)
	w.scan(t)
	if got := w.found(); len(got) != 1 || !w.same(got[0], good) {
		t.Errorf("found %d attestations", len(got))
	}
}

// SE-16: a flood does not hide the good one, and work is bounded.
func TestFloodDoesNotHideTheGoodOne(t *testing.T) {
	w := newIndexWorld(t)
	for i := range 3000 {
		w.put(t, fmt.Sprintf("%04d.json", i), fmt.Appendf(nil, `{"payloadType":"application/vnd.in-toto+json","payload":"%04d","signatures":[{"sig":"AAAA"}]}`, i))
	}
	w.scan(t)
	good := w.approval("alice", 5)
	for _, f := range w.sources { // all are due again, and a pass has time for one
		f.again()
	}
	w.pass = 0
	w.put(t, "zzzz.json", good)
	w.Scan()
	if !w.has(good) {
		t.Error("the first pass after it was put there did not find it")
	}
}

// While something is decided, a pass rests after each file, but where decisions wait for
// the pass.
func TestPassYields(t *testing.T) {
	for _, c := range []struct {
		name                  string
		busy, settled, yields bool
	}{
		{"idle", false, true, false},
		{"busy", true, true, true},
		{"not built", true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newIndexWorld(t)
				w.Busy = func() bool { return c.busy }
				if c.settled {
					w.isSettled()
				}
				const files = 20
				for i := range files {
					w.put(t, fmt.Sprint(i), w.approval("alice", i+1))
				}
				begun := time.Now()
				if !w.Scan() {
					t.Fatal("a pass has no time for all")
				}
				rested := time.Since(begun)
				if want := (files - 1) * yieldTime; c.yields && rested < want || !c.yields && rested != 0 {
					t.Errorf("rested for %s", rested)
				}
			})
		})
	}
}

// One principal's many valid approvals do not crowd out another's.
func TestGroupsAreBoundedAndShareTheRoom(t *testing.T) {
	w := newIndexWorld(t)
	const flood = 3 * perGroup
	for v := range flood {
		w.put(t, fmt.Sprintf("alice-%d", v), w.approval("alice", v+1))
	}
	other := w.approval("bob", 1)
	w.put(t, "bob", other)
	w.scan(t)
	got := w.found()
	if len(got) != perGroup+1 {
		t.Errorf("%d kept, want %d", len(got), perGroup+1)
	}
	if !w.has(other) || !slices.ContainsFunc(got[:2], func(b []byte) bool { return w.same(b, other) }) {
		t.Error("bob's only approval is not among the first")
	}
	for v := 1; v <= flood; v++ {
		if want := v > flood-perGroup; w.has(w.approval("alice", v)) != want {
			t.Errorf("version %d kept: %v, want the newest %d", v, !want, perGroup)
		}
	}
}

// Other encodings of one statement do not use up the room of its author.
func TestEncodingsOfOneStatementAreOne(t *testing.T) {
	w := newIndexWorld(t)
	old := w.approval("alice", 1)
	w.put(t, "old", old)
	newest := w.approval("alice", 2)
	for i := range 2 * perGroup {
		w.put(t, fmt.Sprintf("variant-%d", i), append(bytes.Clone(newest), bytes.Repeat([]byte(" "), i)...))
	}
	w.scan(t)
	if n := len(w.found()); n != 2 || !w.has(old) {
		t.Errorf("%d kept, want 2; the other statement: %v", n, w.has(old))
	}
}

// ST-22: the order in which files are found does not matter.
func TestOrderDoesNotMatter(t *testing.T) {
	var files [][]byte
	var first [][]byte
	for round := range 5 {
		w := newIndexWorld(t)
		if round == 0 {
			for i := range 100 {
				files = append(files, w.approval([]string{"alice", "bob", "carol"}[i%3], i+1))
			}
		}
		rand.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		for i, raw := range files {
			w.put(t, fmt.Sprint(i), raw)
		}
		w.scan(t)
		if round == 0 {
			first = w.found()
		}
		if got := w.found(); !slices.EqualFunc(got, first, bytes.Equal) || len(got) == 0 {
			t.Fatalf("round %d: another result", round)
		}
	}
}

func TestHostileFolder(t *testing.T) {
	w := newIndexWorld(t)
	good := w.approval("alice", 5)
	os.Symlink("/", filepath.Join(w.dir, "rootlink"))
	os.Symlink(w.dir, filepath.Join(w.dir, "loop"))
	os.Symlink("nowhere", filepath.Join(w.dir, "dangling"))
	if err := unix.Mkfifo(filepath.Join(w.dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.put(t, "huge", bytes.Repeat([]byte("a"), maxFile+1))
	w.put(t, ".hidden", good)
	w.put(t, strings.Repeat("d/", maxDepth)+"deep", w.approval("carol", 5))
	w.put(t, "good", good)
	w.scan(t)
	if got := w.found(); len(got) != 1 || !w.same(got[0], good) {
		t.Errorf("found %d attestations, want the good one", len(got))
	}
	padded := append(bytes.Clone(good), bytes.Repeat([]byte(" "), verifier.MaxAttestation-len(good))...)
	w.put(t, "good", padded)
	w.scan(t)
	if !w.has(good) {
		t.Error("a file at the limit is not found")
	}
}

func TestTargetsAndNewTrust(t *testing.T) {
	w := newIndexWorld(t)
	local, target := w.approval("alice", 5), w.approval("bob", 5)
	w.put(t, "local", local)
	w.scan(t)
	w.SetTrust(w.trust, map[string][]byte{
		"attestations/ab/bob.json": target,
		"authorities.json":         w.approval("carol", 5), // not where attestations are
	})
	w.scan(t)
	if !w.has(target) || !w.has(local) || len(w.found()) != 2 {
		t.Fatalf("found %d", len(w.found()))
	}
	w.SetTrust(w.trust, map[string][]byte{"attestations/ab/bob.json": w.approval("carol", 5)})
	w.scan(t)
	if w.has(target) || len(w.found()) != 2 {
		t.Error("a target that was replaced is still found")
	}
	// Trust that does not know alice: her file is forgotten at the next pass.
	alice := w.Authorities.Principals["alice"]
	w.Authorities.Principals["alice"] = verifiertest.HeldBy(verifiertest.Person("somebody else"))
	w.SetTrust(w.parse(t), nil)
	w.scan(t)
	if len(w.found()) != 0 {
		t.Errorf("found %d after she left", len(w.found()))
	}
	w.Authorities.Principals["alice"] = alice
	w.SetTrust(w.parse(t), nil)
	w.scan(t)
	if !w.has(local) {
		t.Error("her file is not found after she came back")
	}
}

func (w *indexWorld) parse(t *testing.T) *verifier.Trust {
	t.Helper()
	trust, err := verifier.ParseTrust(w.Source())
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func TestNilViewIsEmpty(t *testing.T) {
	var v *IndexView
	if v.Generation() != 0 || v.For([32]byte{}) != nil {
		t.Error("a nil view holds something")
	}
}

func TestCrowdedFolderIsReported(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	passed := func(files []found) (n int) {
		for _, f := range files {
			if f.passed == Crowded {
				n++
			}
		}
		return n
	}
	if files, err := listSome(dir, 3); err != nil || len(files) != 3 || passed(files) != 0 {
		t.Fatalf("at the limit: %v, %v", err, files)
	}
	if files, err := listSome(dir, 2); err != nil || len(files) != 3 || passed(files) != 1 {
		t.Errorf("past the limit: %v, %v", err, files)
	}
}

// Whoever goes on to fill the folder does not keep an index from being built.
func TestIndexIsBuiltInAFlood(t *testing.T) {
	x := NewIndex(t.TempDir(), time.Now, hclog.NewNullLogger())
	trust, err := verifier.ParseTrust(verifiertest.NewScenario().Source())
	if err != nil {
		t.Fatal(err)
	}
	x.SetTrust(trust, nil)
	put := func(name string) {
		if err := os.WriteFile(filepath.Join(x.dir, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const first = 20
	for i := range first {
		put(fmt.Sprint("first-", i))
	}
	passes := 0
	for ; !x.Current().Built() && passes < 10*first; passes++ {
		checked := 0
		x.scan(passChecks, func() bool { checked++; return checked == 3 }) // by turns what is new and what is old
		put(fmt.Sprint("later-", passes, "-a"))
		put(fmt.Sprint("later-", passes, "-b"))
	}
	if !x.Current().Built() || passes < 2 {
		t.Errorf("it is built %v after %d passes", x.Current().Built(), passes)
	}
}

// An index is built once everything that was found has been checked by some trust, and
// stays so. Whoever waits for it waits no longer than settleTime.
func TestIndexIsBuilt(t *testing.T) {
	x := NewIndex(t.TempDir(), time.Now, hclog.NewNullLogger())
	if x.Current().Built() {
		t.Error("it is built before the first pass")
	}
	x.Scan()
	if x.Current().Built() {
		t.Error("it is built without trust")
	}
	select {
	case <-x.Settled():
		t.Error("nobody waits for it")
	default:
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); x.Run(ctx) }()
	<-x.Settled() // after settleTime
	cancel()
	<-done
	trust, err := verifier.ParseTrust(verifiertest.NewScenario().Source())
	if err != nil {
		t.Fatal(err)
	}
	x.SetTrust(trust, nil)
	if x.Scan(); !x.Current().Built() {
		t.Error("it is never built")
	}
	if err := os.WriteFile(filepath.Join(x.dir, "later"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.scan(0, func() bool { return true })
	if !x.Current().Built() {
		t.Error("what comes later takes it apart")
	}
}
