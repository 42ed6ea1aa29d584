// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

//go:generate go run ../testdata/vectors/generate ../testdata/vectors

const vectorFolder = "../testdata/vectors"

// TestCatalogue decides every case of the catalogue, committed or made by this
// run, through its vector, and compares all of what comes out. The case that it
// is one change away from must be allowed in the same run.
func TestCatalogue(t *testing.T) {
	cases := cases.Catalogue()
	if len(cases) == 0 {
		t.Fatal("the catalogue is empty")
	}
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.Name] {
			t.Errorf("%s is there twice", c.Name)
		}
		seen[c.Name] = true
		t.Run(c.Name, func(t *testing.T) { runCase(t, c) })
	}
}

// runCase decides one case, and the positive that it is one change away from.
func runCase(t *testing.T, c *cases.Case) {
	t.Helper()
	if c.Positive != "" {
		if p := decideVector(t, cases.Find(c.Positive).Vector()); p.Verdict != "ALLOW" {
			t.Fatalf("the positive %s is refused: %s", c.Positive, p.Reason)
		}
	}
	v := c.Vector()
	compare(t, decideVector(t, v), v.Expect)
}

// TestCommittedVectors reads every decision from its file, as a reader in
// another language does, and decides it.
func TestCommittedVectors(t *testing.T) {
	vectors := map[string]*cases.Vector{}
	for _, path := range glob(t, "decisions") {
		v, err := cases.ParseVector(read(t, path))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if name := strings.TrimSuffix(filepath.Base(path), ".json"); v.Name != name {
			t.Errorf("%s is named %q inside", path, v.Name)
		}
		vectors[v.Name] = v
	}
	for name, v := range vectors {
		compare(t, decideVector(t, v), v.Expect)
		if v.Expect.Verdict == "ALLOW" {
			continue
		}
		if p := vectors[v.Positive]; p == nil || p.Expect.Verdict != "ALLOW" {
			t.Errorf("%s: its positive %q is no committed ALLOW", name, v.Positive)
		}
	}
}

// TestVectorsAreGenerated makes the files anew and compares them byte for byte
// with the committed ones.
func TestVectorsAreGenerated(t *testing.T) {
	files := cases.Files()
	if len(files) == 0 {
		t.Fatal("no vectors")
	}
	for path, want := range files {
		if got := read(t, filepath.Join(vectorFolder, path)); !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: run go generate ./verifier", path)
		}
	}
	for _, kind := range []string{"decisions", "documents", "compositions", "receipts"} {
		for _, path := range glob(t, kind) {
			if files[kind+"/"+filepath.Base(path)] == nil {
				t.Errorf("%s is not written by the generator: run go generate ./verifier", path)
			}
		}
	}
}

// TestEveryReasonHasAVector fails when a reason leads no vector, committed or
// made by the run, or the wrong kind of folder is read.
func TestEveryReasonHasAVector(t *testing.T) {
	leading := map[string]int{}
	for _, c := range cases.Catalogue() {
		leading[c.Want.Reason.String()]++
	}
	reasons := 0
	for _, doc := range verifier.ReasonDocs() {
		if doc.Reason == verifier.ReasonUnspecified {
			continue
		}
		reasons++
		if leading[doc.Code] == 0 {
			t.Errorf("%s has no vector", doc.Code)
		}
		delete(leading, doc.Code)
	}
	if reasons == 0 {
		t.Error("there are no reasons")
	}
	for name := range leading {
		t.Errorf("%s has a vector and is no reason", name)
	}
}

func TestDocumentVectors(t *testing.T) {
	ran := 0
	for _, v := range cases.DocumentVectors() {
		if v.From == cases.FromProtoJSON {
			t.Run(v.Name, func(t *testing.T) { runDocument(t, v) })
			ran++
		}
	}
	if ran == 0 {
		t.Fatal("no document vectors")
	}
}

func runDocument(t *testing.T, v *cases.DocumentVector) {
	t.Helper()
	if v.From == cases.FromAuthored {
		t.Skip("run by the reader of what authors write, cmd/sigdriver/internal/policy")
	}
	role, ok := verifier.RoleByName(v.Role)
	if !ok {
		t.Fatalf("no role %q", v.Role)
	}
	got, _, err := verifier.Canonicalize(role, v.Input)
	switch {
	case v.Refused && err == nil:
		t.Errorf("not refused: %s", got)
	case !v.Refused && err != nil:
		t.Error(err)
	case !bytes.Equal(got, v.Document):
		t.Errorf("got  %s\nwant %s", got, v.Document)
	case !v.Refused && verifiertest.SHA256(got) != v.SHA256:
		t.Error("another digest")
	}
}

// TestCompositionVectors pins every document, so that composition alone decides,
// and then changes one byte of the effective policy.
func TestCompositionVectors(t *testing.T) {
	vectors := cases.CompositionVectors()
	if len(vectors) == 0 {
		t.Fatal("no composition vectors")
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) { runComposition(t, v) })
	}
}

func runComposition(t *testing.T, v *cases.CompositionVector) {
	t.Helper()
	s := v.Scenario()
	if d := decide(t, s); d.Verdict != verifier.Allow {
		t.Fatalf("%s: %+v", d.Reason, d.Findings)
	}
	s.EditEffective(func(tree verifiertest.Tree) { tree["version"] = 2 })
	if d := decide(t, s); d.Reason != verifier.CompositionMismatch {
		t.Errorf("with another version: %s", d.Reason)
	}
}

// TestVectorsAreStrict shows that a reader refuses what the format does not have.
func TestVectorsAreStrict(t *testing.T) {
	good := cases.Find("allow-admit-profile").Vector().Marshal()
	if _, err := cases.ParseVector(good); err != nil {
		t.Fatal(err)
	}
	for old, new := range map[string]string{
		`"expect": {`:               `"expect": { "extra": 1,`,
		`"request": {`:              `"request": { "extra": 1,`,
		`"format":`:                 `"extra": 1, "format":`,
		`sigdriver.vector/v1`:       `sigdriver.vector/v2`,
		`"nearestMiss": false`:      `"nearestMiss": false, "nearestMiss": true`,
		`"attestations": [`:         `"attestations": [ {"text": "a", "base64": "YQ=="},`,
		`"principals": [`:           `"principals": "dave", "principal": [`,
		`"driverVersion": "0.1.0"`:  `"driverVersion": 1`,
		`"now": "2026-09-01T12:00:`: `"Now": "2026-09-01T12:00:`,
	} {
		if _, err := cases.ParseVector(verifiertest.Edit(good, old, new)); err == nil {
			t.Errorf("%s was taken for %s", new, old)
		}
	}
}

// decideVector reads a vector from its bytes, as any reader does, and decides it.
func decideVector(t *testing.T, v *cases.Vector) cases.Expect {
	t.Helper()
	read, err := cases.ParseVector(v.Marshal())
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	s, err := read.Scenario()
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	d, err := s.Decide()
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	decided := cases.Observe(&s.Request, d)
	if !s.NoTrust {
		src := s.Source()
		src.Verified = &remembered
		trust, err := verifier.ParseTrust(src)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		for range 2 { // what is remembered decides nothing
			compare(t, cases.Observe(&s.Request, verifier.Verify(&s.Request, trust, s.Floors, s.Now)), decided)
		}
	}
	return decided
}

// remembered is of all decisions together.
var remembered verifier.VerifiedSignatures

func compare(t *testing.T, got, want cases.Expect) {
	t.Helper()
	g, w := string(cases.ExpectJSON(got)), string(cases.ExpectJSON(want))
	if g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

// glob returns the vectors of one kind and fails when there are none.
func glob(t *testing.T, kind string) []string {
	t.Helper()
	paths, err := fs.Glob(os.DirFS(vectorFolder), kind+"/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("%s/%s is empty", vectorFolder, kind)
	}
	for i := range paths {
		paths[i] = filepath.Join(vectorFolder, paths[i])
	}
	return paths
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(fmt.Errorf("%w: run go generate ./verifier", err))
	}
	return data
}
