// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bufio"
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// What OpenShell 0.1 makes of files, where somebody measured it: a file is read as
// measured, or refused for one of the reasons below.

// measured is one line of a file of measurements.
type measured struct {
	Name, File, Type, YAML, Verdict, Stage, Document, SHA256 string
	Scalar                                                   string
	Reading                                                  any
}

func measurements(t *testing.T, name string) []*measured {
	t.Helper()
	data := readFile(t, outsideFiles(t, "openshell-0.1", name)[0])
	var all []*measured
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		m := new(measured)
		if err := json.Unmarshal(lines.Bytes(), m, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	if len(all) < 10 {
		t.Fatalf("%s has %d lines", name, len(all))
	}
	return all
}

// refusedHere are the texts of errors about what OpenShell 0.1 takes, and overlooks,
// overwrites or rounds. docs/documents.md has a line for each.
var refusedHere = []string{
	"is no key that this build knows here",  // an unknown key of a profile
	"is a merge: write the values out",      // a merge
	"is there twice",                        // a repeated key
	"gives the parameter",                   // one parameter in two spellings
	"with at most 9 digits of fraction",     // a duration that is cut off
	"which JSON cannot hold",                // .inf and .nan
	"out of the range that a document can",  // rounded numbers
	"is a number to some readers",           // 0X1F, 0O17, hex from 2^63
	"is a tag",                              // a tag that says nothing
	"nests too deep",                        // a profile, in which OpenShell has no limit
	"the file is no YAML: ",                 // @, ` and % before a text
	"is a character that only some readers", // U+0085, U+2028, U+2029
	"is a byte order mark",                  // not at the start
}

func checkMeasured(t *testing.T, m *measured, input []byte) (refused bool) {
	typ, ok := ParseType(m.Type)
	if !ok {
		t.Fatalf("%s has the type %q", m.Name, m.Type)
	}
	got, err := Canonicalize(typ, Line01, input)
	switch {
	case m.Verdict != "ok":
		if err == nil {
			t.Errorf("%s is not refused (%s): %s", m.Name, m.Stage, got.Document)
		} else if at := err.(*CanonicalizeError); at.Line == 0 && len(input) > 0 {
			t.Errorf("%s: nothing says where: %v", m.Name, err)
		}
		return false
	case err != nil:
		for _, reason := range refusedHere {
			if strings.Contains(err.Error(), reason) {
				t.Logf("%s: %v", m.Name, err)
				return true
			}
		}
		t.Errorf("%s: %v", m.Name, err)
		return false
	}
	want := m.SHA256
	if m.Document != "" { // the gateway keeps what sigdriver leaves out
		document, _, err := verifier.Canonicalize(typ.Role(), []byte(m.Document))
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		want = verifiertest.SHA256(document)
	}
	if verifiertest.SHA256(got.Document) != want {
		t.Errorf("%s\ngot  %s\nwant %s", m.Name, got.Document, m.Document)
	}
	return false
}

func TestMeasuredCases(t *testing.T) {
	refused := 0
	all := measurements(t, "cases.jsonl")
	for _, m := range all {
		if len(m.YAML) >= 3000 {
			continue // cut short where it was written down; limits_test.go has the limits
		}
		if checkMeasured(t, m, []byte(m.YAML)) {
			refused++
		}
	}
	t.Logf("%d files, %d of them refused on purpose", len(all), refused)
	if refused*10 > len(all) {
		t.Errorf("%d of %d files are refused here and not by OpenShell", refused, len(all))
	}
}

func TestMeasuredFiles(t *testing.T) {
	for _, m := range measurements(t, "files.jsonl") {
		m.Name = m.File
		if checkMeasured(t, m, readFile(t, outsideFiles(t, "openshell", filepath.Dir(m.File), filepath.Base(m.File))[0])) {
			t.Errorf("%s is refused here", m.File)
		}
	}
}

// TestMeasuredScalars reads plain scalars in the free JSON of a middleware.
func TestMeasuredScalars(t *testing.T) {
	refused := 0
	all := measurements(t, "scalars.jsonl")
	for _, m := range all {
		input := "version: 1\nnetwork_middlewares:\n  a:\n    middleware: m\n    endpoints: {include: [x.example]}\n    config:\n      v: " + m.Scalar + "\n"
		got, err := Canonicalize(SandboxPolicy, Line01, []byte(input))
		if err != nil {
			known := m.Reading == "refused"
			for _, reason := range refusedHere {
				known = known || strings.Contains(err.Error(), reason)
			}
			if !known {
				t.Errorf("%q: %v, measured %v", m.Scalar, err, m.Reading)
			}
			if m.Reading != "refused" {
				t.Logf("%q: %v, measured %v", m.Scalar, err, m.Reading)
				refused++
			}
			continue
		}
		want, err := json.Marshal(m.Reading)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err = verifier.Canonicalize(verifier.SandboxPolicy, []byte(`{"networkMiddlewares":{"a":{"config":{"v":`+string(want)+`},"endpoints":{"include":["x.example"]},"middleware":"m","name":"a"}},"version":1}`))
		if err != nil || string(want) != string(got.Document) {
			t.Errorf("%q: %s, measured %v, %v", m.Scalar, got.Document, m.Reading, err)
		}
	}
	t.Logf("%d scalars, %d refused on purpose", len(all), refused)
}
