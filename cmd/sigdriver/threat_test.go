// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testsOf returns the text of every test source of the module, by language.
func testsOf(t *testing.T) (goTests, rustTests string) {
	t.Helper()
	var goText, rustText strings.Builder
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".." || name == "target" || name == "out") {
			return fs.SkipDir
		}
		into := &goText
		switch {
		case strings.HasSuffix(path, ".rs"):
			into = &rustText
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		into.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return goText.String(), rustText.String()
}

// Every test and vector that the threat model leans on exists, and a row that
// says "stopped" leans on one.
func TestThreatModel(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| shown by |\n")
	if !found {
		t.Fatal("the page has no table of attacks")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	goTests, rustTests := testsOf(t)
	named := regexp.MustCompile("`([^`]+)`")
	rows := 0
	for row := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
		if strings.HasPrefix(row, "|---") {
			continue
		}
		rows++
		refs := named.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if strings.Contains(row, "stopped") && !strings.Contains(row, "only with") && len(refs) == 0 {
			t.Errorf("nothing shows what this row says: %s", row)
		}
		for _, ref := range refs {
			if !exists(ref[1], goTests, rustTests) {
				t.Errorf("there is no test or vector %q", ref[1])
			}
		}
	}
	if rows < 15 {
		t.Errorf("only %d rows", rows)
	}
}

func exists(ref, goTests, rustTests string) bool {
	if name, ok := strings.CutPrefix(ref, "hook: "); ok { // an attack that the gateway's side plays, or a test
		return strings.Contains(rustTests, `name: "`+name+`"`) || strings.Contains(rustTests, "async fn "+name+"(")
	}
	if _, name, ok := strings.Cut(ref, ": "); ok { // a Rust test, behind the name of its file
		return strings.Contains(rustTests, "fn "+name+"()")
	}
	if strings.HasPrefix(ref, "Test") {
		name, sub, _ := strings.Cut(ref, "/")
		return strings.Contains(goTests, "func "+name+"(t *testing.T)") && (sub == "" || strings.Contains(goTests, `"`+sub+`"`))
	}
	_, err := os.Stat(filepath.Join("..", "..", "testdata", "vectors", "decisions", ref+".json"))
	return err == nil
}

// Every test that the page for OpenShell's maintainers names exists.
func TestReceiptsPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "receipts-for-openshell.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| test in `supervisor.rs` or `nodes.rs` |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	_, rustTests := testsOf(t)
	named := regexp.MustCompile("`([a-z_]+)`")
	names := 0
	for row := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
		for _, name := range named.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			names++
			if !strings.Contains(rustTests, "fn "+name[1]+"()") {
				t.Errorf("there is no test %s", name[1])
			}
		}
	}
	if names < 5 {
		t.Errorf("only %d tests are named", names)
	}
}
