// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// roundTrip writes a document as its author would, and makes it a document again.
func roundTrip(t *testing.T, name string, as Type, l Line, document []byte) {
	t.Helper()
	d := read(t, string(document))
	if as != Settings && !slices.Contains(d.Lines(), l) {
		t.Errorf("%s is of %v, not of %s", name, d.Lines(), l)
	}
	for _, n := range d.View().Unusual {
		if strings.Contains(n.Text, "knows a message") || strings.Contains(n.Text, "not of the type") || strings.Contains(n.Text, "not known to this build") {
			t.Errorf("%s: %s %s", name, n.Path, n.Text)
		}
	}
	again, err := Canonicalize(as, l, []byte(d.YAML()))
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, d.YAML())
		return
	}
	if !bytes.Equal(again.Document, document) {
		t.Errorf("%s: from\n%s\nwas\n%s\nis\n%s", name, d.YAML(), document, again.Document)
	}
}

// TestRoundTrip: the YAML of what was made from YAML makes it again. The vectors
// have every field of the schema, so the tables here have it too.
func TestRoundTrip(t *testing.T) {
	types := map[string]Type{}
	for _, as := range []Type{SandboxPolicy, ProviderProfile, Settings} {
		types[as.Role().String()] = as
	}
	made := 0
	for _, v := range cases.DocumentVectors() {
		if v.From == "authored" && !v.Refused {
			roundTrip(t, v.Name, types[v.Role], lineOf(t, v), v.Document)
			made++
		}
	}
	if made < 20 {
		t.Errorf("only %d vectors", made)
	}
}

// TestRoundTripOfOthers does it with policies and profiles that nobody here wrote.
func TestRoundTripOfOthers(t *testing.T) {
	dir := os.Getenv("SIGDRIVER_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "openshell")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("outside data is absent: %v; set SIGDRIVER_DATA to the folder that has it", err)
	}
	for folder, as := range map[string]Type{"policies": SandboxPolicy, "providers": ProviderProfile} {
		paths, err := filepath.Glob(filepath.Join(dir, folder, "*.yaml"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("nothing in %s: %v", folder, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			made, err := Canonicalize(as, Line00, text)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			roundTrip(t, path, as, Line00, made.Document)
		}
	}
}
