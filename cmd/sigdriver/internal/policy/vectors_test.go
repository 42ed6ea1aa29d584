// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// vectors reads the committed document vectors that authors wrote.
func vectors(t testing.TB) map[string]*cases.DocumentVector {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "testdata", "vectors", "documents", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*cases.DocumentVector{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v := new(cases.DocumentVector)
		if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if v.Format != cases.DocumentFormat {
			t.Fatalf("%s has the format %q", path, v.Format)
		}
		switch v.From {
		case cases.FromAuthored:
			found[v.Name] = v
		case cases.FromProtoJSON:
		default:
			t.Fatalf("%s is from %q", path, v.From)
		}
	}
	if len(found) < 100 {
		t.Fatalf("only %d vectors", len(found))
	}
	return found
}

// typeOf returns the type of a vector's file.
func typeOf(t testing.TB, v *cases.DocumentVector) Type {
	t.Helper()
	for typ := range types {
		if typ.Role().String() == v.Role || typ == SandboxPolicy && v.Role == verifier.GlobalPolicy.String() {
			return typ
		}
	}
	t.Fatalf("%s has the role %q", v.Name, v.Role)
	return 0
}

// lineOf returns the line of OpenShell that reads a vector's file.
func lineOf(t testing.TB, v *cases.DocumentVector) Line {
	t.Helper()
	l, ok := ParseLine(v.OpenShell)
	if v.OpenShell == "" {
		l, ok = Line00, true
	}
	if !ok {
		t.Fatalf("%s is of the line %q", v.Name, v.OpenShell)
	}
	return l
}

func TestVectors(t *testing.T) {
	accepted, refused := 0, 0
	for _, v := range vectors(t) {
		if v.Refused {
			refused++
		} else {
			accepted++
		}
		t.Run(v.Name, func(t *testing.T) { runVector(t, v) })
	}
	if accepted == 0 || refused == 0 {
		t.Errorf("%d vectors with a document, %d without", accepted, refused)
	}
}

func runVector(t *testing.T, v *cases.DocumentVector) {
	got, err := Canonicalize(typeOf(t, v), lineOf(t, v), v.Input)
	if !v.Refused {
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Document) != string(v.Document) || verifiertest.SHA256(got.Document) != v.SHA256 {
			t.Errorf("got  %s\nwant %s", got.Document, v.Document)
		}
		return
	}
	if err == nil {
		t.Fatalf("not refused: %s", got.Document)
	}
	var refused *CanonicalizeError
	if got != nil || !errors.As(err, &refused) {
		t.Fatalf("%v and %T", got, err)
	}
	at := ""
	if refused.Line > 0 {
		at = fmt.Sprintf("%d:%d", refused.Line, refused.Column)
	}
	if at != v.At {
		t.Errorf("at %q, want %q: %v", at, v.At, err)
	}
	t.Log(err)
}

// What is overlooked or not all there is said, and nothing else is.
func TestNotes(t *testing.T) {
	want := map[string]int{
		"yaml-port-and-ports": 1, "yaml-mcp-and-json-rpc": 2, "yaml-tool-and-name": 1, "yaml-profile-rules": 1,
		"yaml-printed": 1, "yaml-printed-crlf": 1, "yaml-printed-json": 1, "yaml-scalars-01": 5, "yaml-profile-derived": 4,
	}
	for _, v := range vectors(t) {
		if v.Refused {
			continue
		}
		got, err := Canonicalize(typeOf(t, v), lineOf(t, v), v.Input)
		if err != nil || len(got.Notes) != want[v.Name] {
			t.Errorf("%s: %v, %d notes, want %d: %q", v.Name, err, len(got.Notes), want[v.Name], got.Notes)
		}
		delete(want, v.Name)
	}
	if len(want) > 0 {
		t.Errorf("no vectors %v", want)
	}
}

// Two files of one policy are one document; the vectors must not both be wrong.
func TestOrderIsNoMatter(t *testing.T) {
	all := vectors(t)
	if a, b := all["yaml-order"], all["yaml-order-other"]; a == nil || b == nil || a.SHA256 != b.SHA256 {
		t.Error("yaml-order and yaml-order-other differ")
	}
}

// What comes out goes in: a document is the ProtoJSON of itself.
func TestDocumentsStay(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Refused {
			continue
		}
		got, err := Canonicalize(typeOf(t, v), lineOf(t, v), v.Document)
		if err != nil || string(got.Document) != string(v.Document) {
			t.Errorf("%s: %v\n%s", v.Name, err, v.Document)
		}
		if v.Role != verifier.SandboxPolicy.String() {
			continue
		}
		global, _, err := verifier.Canonicalize(verifier.GlobalPolicy, v.Document)
		if err != nil || string(global) != string(v.Document) {
			t.Errorf("%s as a global policy: %v", v.Name, err)
		}
	}
}
