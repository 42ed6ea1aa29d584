// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sigdriver/sigdriver"

// layout is the table of docs/design.md: what a package may not import directly.
// An entry that ends in "..." also covers everything below it.
var layout = []struct {
	pkg  string
	not  []string
	only []string // allowed modules outside the standard library; nil: any not forbidden
}{
	{module + "/proto/signing/v1", []string{module + "/..."},
		[]string{"google.golang.org/protobuf/...", "google.golang.org/grpc/..."}},
	{module + "/verifier", []string{
		"net", "net/http", "os", "os/exec", "io/ioutil", "syscall", "log", "math/rand",
		"google.golang.org/grpc/...", "github.com/theupdateframework/go-tuf/v2/...", "github.com/hashicorp/go-hclog", module + "/..."},
		[]string{"github.com/sigstore/sigstore-go/...", "github.com/sigstore/protobuf-specs/...", "github.com/sigstore/sigstore/...",
			"github.com/in-toto/...", "github.com/secure-systems-lab/go-securesystemslib/dsse",
			"github.com/go-json-experiment/json/...", "google.golang.org/protobuf/...", "github.com/transparency-dev/merkle/...", "github.com/sigstore/timestamp-authority/v2/pkg/verification"}},
	{module + "/verifier/receipt", []string{"net", "net/http", "os", "os/exec", "syscall", "log", module + "/..."}, []string{}},
	{module + "/tuf", []string{
		module + "/...", "google.golang.org/grpc/...", "github.com/sigstore/...", "github.com/in-toto/..."},
		[]string{"github.com/theupdateframework/go-tuf/v2/...", "github.com/hashicorp/go-hclog", "github.com/secure-systems-lab/go-securesystemslib/cjson", "github.com/go-json-experiment/json/...", module + "/tuf/archive", module + "/tuf/disk", module + "/internal/printable"}},
	{module + "/tuf/author", []string{
		module + "/...", "net", "net/http", "google.golang.org/grpc/...", "github.com/sigstore/sigstore-go/...", "github.com/in-toto/..."},
		[]string{"github.com/theupdateframework/go-tuf/v2/...", "github.com/sigstore/sigstore/pkg/signature", module + "/tuf", module + "/tuf/disk", module + "/internal/printable"}},
	{module + "/tuf/archive", []string{module + "/..."}, []string{module + "/tuf/disk"}},
	{module + "/tuf/disk", []string{module + "/..."}, []string{"golang.org/x/sys/unix"}},
}

func covers(pattern, path string) bool {
	prefix, all := strings.CutSuffix(pattern, "/...")
	return path == prefix || all && strings.HasPrefix(path, prefix+"/")
}

func coveredBy(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, path) })
}

// TestLayout holds direct imports against the table.
func TestLayout(t *testing.T) {
	for _, row := range layout {
		out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, row.pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", row.pkg, err)
		}
		imports := strings.Fields(string(out))
		if len(imports) == 0 {
			t.Fatalf("%s imports nothing: is it the right package?", row.pkg)
		}
		for _, imp := range imports {
			if coveredBy(row.not, imp) && !coveredBy(row.only, imp) {
				t.Errorf("%s must not import %s", row.pkg, imp)
			}
			standard := !strings.Contains(strings.Split(imp, "/")[0], ".")
			if !standard && !coveredBy(row.only, imp) {
				t.Errorf("%s imports %s, which the table of docs/design.md does not list", row.pkg, imp)
			}
		}
	}
}

// TestTopLevel holds the folders against the map of docs/design.md.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n| folder | what it is |")
	table, _, _ := strings.Cut(rest, "\n\n")
	folders := []string{"docs", "bin", "out", "dist"} // the map itself, and what is made
	for line := range strings.Lines(table) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			name, _, _ = strings.Cut(name, "/")
			folders = append(folders, name)
		}
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(folders, e.Name()) {
			t.Errorf("the map has no top-level folder %s", e.Name())
		}
	}
}

// TestInnerMap: every package of the binary stands once in the map of
// docs/design.md, and imports nothing from a row above its own.
func TestInnerMap(t *testing.T) {
	row := innerMap(t)
	entries, err := os.ReadDir("internal")
	if err != nil || len(entries) == 0 || len(entries) != len(row) {
		t.Fatalf("%d packages, %d in the map: %v", len(entries), len(row), err)
	}
	inner := module + "/cmd/sigdriver/internal/"
	for _, e := range entries {
		if row[e.Name()] == 0 {
			t.Errorf("package %s is not in the map", e.Name())
		}
		out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, inner+e.Name()).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", e.Name(), err)
		}
		for _, imp := range strings.Fields(string(out)) {
			name, ours := strings.CutPrefix(imp, inner)
			name, _, _ = strings.Cut(name, "/")
			if ours && row[name] < row[e.Name()] {
				t.Errorf("%s imports %s, which stands above it in the map", e.Name(), name)
			}
		}
	}
}

// single are the packages that only one other imports, and why: what a command or the
// daemon starts. Any other package with one importer belongs into that.
var single = map[string]string{
	"cli":         "main starts it",
	"ceremony":    "sigdriver trust starts it",
	"daemon":      "sigdriver serve starts it",
	"demo":        "sigdriver demo starts it",
	"interceptor": "the daemon serves it on a second socket",
	"policy":      "sigdriver canonicalize, sign, inspect and diff start it",
	"replay":      "sigdriver audit replay, report and reconcile start it",
}

// TestImporters holds the number of packages in the binary, and that each but the
// above is imported by more than one. What only tests or the benchmark use is not in
// the binary.
func TestImporters(t *testing.T) {
	const most = 17
	row := innerMap(t)
	if len(row) == 0 || len(row) > most {
		t.Errorf("%d packages, of at most %d", len(row), most)
	}
	binary := module + "/cmd/sigdriver"
	out, err := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	importers := map[string]map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		pkg, imports, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(pkg, module+"/") {
			continue
		}
		if strings.HasSuffix(pkg, "test") || strings.HasSuffix(pkg, "/gen") || strings.HasSuffix(pkg, "/bench") {
			t.Errorf("%s is in the binary", pkg)
		}
		for _, imp := range strings.Fields(imports) {
			name, ours := strings.CutPrefix(imp, binary+"/internal/")
			name, _, _ = strings.Cut(name, "/")
			if !ours || strings.HasPrefix(pkg+"/", binary+"/internal/"+name+"/") {
				continue
			}
			if importers[name] == nil {
				importers[name] = map[string]bool{}
			}
			importers[name][pkg] = true
		}
	}
	for name := range row {
		switch n := len(importers[name]); {
		case n == 0:
			t.Errorf("%s is not in the binary", name)
		case n == 1 && single[name] == "":
			t.Errorf("only one package imports %s: %v", name, importers[name])
		case n > 1 && single[name] != "":
			t.Errorf("%d packages import %s: take it from the exceptions", n, name)
		}
	}
	for name := range single {
		if row[name] == 0 {
			t.Errorf("there is no package %s", name)
		}
	}
}

// innerMap is the row of each package in the map.
func innerMap(t *testing.T) map[string]int {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n| who it works for | packages |\n")
	table, _, _ := strings.Cut(rest, "\n\n")
	rows := map[string]int{}
	for i, line := range strings.Split(table, "\n") {
		for k, name := range strings.Split(line, "`") {
			if k%2 == 0 {
				continue
			}
			if rows[name] != 0 {
				t.Errorf("package %s stands twice in the map", name)
			}
			rows[name] = i
		}
	}
	return rows
}

// TestReplayIsForAuditors: what a record says about a body is believed by nobody
// who answers a gateway. Only the package replay evaluates recorded requests.
func TestReplayIsForAuditors(t *testing.T) {
	found := 0
	err := filepath.WalkDir("internal", func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, name := range []string{"verifier.NewReplay(", "verifier.Replay"} {
			if !strings.Contains(string(text), name) {
				continue
			}
			found++
			if filepath.Dir(path) != filepath.Join("internal", "replay") {
				t.Errorf("%s names %s", path, name)
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Fatalf("%d uses: %v", found, err)
	}
	for _, pkg := range []string{"server", "daemon"} {
		out, err := exec.Command("go", "list", "-deps", module+"/cmd/sigdriver/internal/"+pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		if strings.Contains(string(out), "/internal/replay") || strings.Contains(string(out), "/internal/evidence") {
			t.Errorf("%s reaches what auditors use", pkg)
		}
	}
}
