// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence/evidencetest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// decidedState is a state folder with a few decisions: allowed ones and a denied one.
func decidedState(t *testing.T) string {
	t.Helper()
	s := verifiertest.ComposeLayers()
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	d := evidencetest.New(t, trust)
	if got := d.Decide(s, s.Now); got.Verdict != verifier.Allow {
		t.Fatal(got.Reason)
	}
	s.Request.Documents[0].Attestations = nil
	if got := d.Decide(s, s.Now); got.Verdict != verifier.Deny {
		t.Fatal(got.Verdict)
	}
	d.Close()
	return d.Dir
}

func verifyState(t *testing.T, dir string, o VerifyOptions) *Report {
	t.Helper()
	r, err := Verify(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestJournalAlone(t *testing.T) {
	r := verifyState(t, decidedState(t), VerifyOptions{})
	if !r.Well() || r.Entries != 2 || r.Decisions != 2 || r.Objects < 3 {
		t.Errorf("%+v", r)
	}
	if len(r.Unchecked) != 1 || !strings.Contains(r.Unchecked[0], "no tile log") {
		t.Errorf("unchecked: %q", r.Unchecked)
	}
}

func TestNoState(t *testing.T) {
	var none *NoStateError
	if _, err := Verify(t.TempDir(), VerifyOptions{}); !errors.As(err, &none) {
		t.Error(err)
	}
}

// Each object that an entry names is missed, and a change in it is found.
func TestArchiveIsComplete(t *testing.T) {
	dir := decidedState(t)
	paths, err := filepath.Glob(filepath.Join(dir, "archive", "sha256", "*", "*"))
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d objects, %v", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoil := func(code string, bad []byte) {
			t.Helper()
			if err := os.WriteFile(path, bad, 0o600); bad != nil && err != nil {
				t.Fatal(err)
			} else if bad == nil && os.Remove(path) != nil {
				t.Fatal("it cannot be removed")
			}
			r := verifyState(t, dir, VerifyOptions{})
			if r.Well() || r.Findings[0].Code != code || filepath.Join(dir, r.Findings[0].File) != path || r.Findings[0].Entry < 0 {
				t.Errorf("%s: %+v", path, r.Findings)
			}
		}
		for _, i := range []int{0, len(data) / 2, len(data) - 1} {
			bad := slices.Clone(data)
			bad[i] ^= 1
			spoil(record.LogTampered, bad)
		}
		spoil(record.LogTampered, data[:len(data)-1])
		spoil(record.LogGap, nil)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := verifyState(t, dir, VerifyOptions{}); !r.Well() {
		t.Errorf("after all was put back: %+v", r.Findings)
	}
}

// regroup moves every object of an archive into one group, and returns its file.
func regroup(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "archive", "sha256", "*", "*"))
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d objects, %v", len(paths), err)
	}
	var group []byte
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		group = append(binary.BigEndian.AppendUint32(append(group, sum[:]...), uint32(len(data))), data...)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "archive", "groups", fmt.Sprintf("%x", sha256.Sum256(group)))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, group, 0o600)); err != nil {
		t.Fatal(err)
	}
	return file
}

// Objects that share a file are checked like any others, and exported as the same bytes.
func TestArchiveOfGroups(t *testing.T) {
	dir := decidedState(t)
	export := func() []byte {
		t.Helper()
		var b bytes.Buffer
		if m, err := WritePack(&b, dir); err != nil || len(m.Missing) > 0 {
			t.Fatalf("%+v, %v", m, err)
		}
		return b.Bytes()
	}
	alone := export()
	objects := verifyState(t, dir, VerifyOptions{}).Objects
	path := regroup(t, dir)
	if r := verifyState(t, dir, VerifyOptions{}); !r.Well() || r.Objects != objects {
		t.Errorf("%d objects of %d, %+v", r.Objects, objects, r.Findings)
	}
	if !bytes.Equal(export(), alone) {
		t.Error("a pack of grouped objects has other bytes")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(data); i += 97 {
		bad := slices.Clone(data)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := verifyState(t, dir, VerifyOptions{}); r.Well() || r.Findings[0].Code != record.LogTampered || filepath.Join(dir, r.Findings[0].File) != path || r.Findings[0].Entry < 0 {
			t.Errorf("byte %d: %+v", i, r.Findings)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := verifyState(t, dir, VerifyOptions{}); r.Well() || r.Findings[0].Code != record.LogGap {
		t.Errorf("without the group: %+v", r.Findings)
	}
}

// A record that is whole and about something else is no evidence.
func TestRecordOfAnotherDecision(t *testing.T) {
	s := verifiertest.ComposeLayers()
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	decide := func() (record.Entry, record.DecisionRecord) {
		d := verifier.Verify(&s.Request, trust, s.Floors, s.Now)
		e := record.NewEntry(&s.Request, &d)
		e.Time, e.Driver, e.Revision = s.Now, "test", 1
		return e, record.NewDecisionRecord(&s.Request, &d)
	}
	e, right := decide()
	s.Request.Target.Name = "web-2"
	_, other := decide()
	lied := right
	denied := *right.Decision
	denied.Verdict, denied.Reason = verifier.Deny, verifier.Threshold
	lied.Decision = &denied
	for what, wrong := range map[string]record.DecisionRecord{"another request": other, "the decision record says": lied} {
		d := evidencetest.New(t, trust)
		var evidence [][]byte
		for _, doc := range s.Request.Documents {
			evidence = append(evidence, doc.Attestations...)
		}
		d.Append(e, wrong, evidence...)
		d.Close()
		r := verifyState(t, d.Dir, VerifyOptions{})
		if r.Well() || r.Findings[0].Code != record.LogTampered || !strings.Contains(r.Findings[0].Detail, what) || r.Findings[0].Entry != 0 {
			t.Errorf("%s: %+v", what, r.Findings)
		}
	}
}

func TestNothingToAudit(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "audit"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := verifyState(t, dir, VerifyOptions{})
	if r.Well() || r.Findings[0].Code != record.LogGap {
		t.Errorf("%+v", r)
	}
}

// Every trust file that replay needs is looked for, by the digest that the metadata
// gives it; other targets are found by the entries that name them.
func TestTrustFiles(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	var targets []string
	names := []string{"authorities.json", "drivers.json", "revocations.json", "trusted_root.json"}
	for _, name := range append([]string{"attestations/x"}, names...) {
		targets = append(targets, fmt.Sprintf(`%q:{"length":1,"hashes":{"sha256":%q}}`, name, sum))
	}
	got := trustFiles([]byte(`{"signed":{"targets":{` + strings.Join(targets, ",") + `}}}`))
	if found := slices.Sorted(maps.Keys(got)); !slices.Equal(found, names) {
		t.Errorf("looked for: %v", found)
	}
	for name, file := range got {
		if file.String() != sum {
			t.Errorf("%s: %s", name, file)
		}
	}
}
