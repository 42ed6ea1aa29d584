// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents are the pages whose commands are run.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, path := range append(paths, "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(path)] = string(text)
	}
	return pages
}

// fenced returns the fenced blocks of a language, in order.
func fenced(text, language string) []string {
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// TestDocumentedCommands runs the sh blocks of each page, one after the other in
// one empty folder, against the real main. Blocks that cannot run here, since
// they need a gateway or root, are console blocks.
func TestDocumentedCommands(t *testing.T) {
	for _, tool := range []string{"sh", "openssl", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the pages use %s, which is not here", tool)
		}
	}
	ran := 0
	for name, text := range documents(t) {
		blocks := fenced(text, "sh")
		if len(blocks) == 0 {
			continue
		}
		ran++
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "docs-") // short: a socket's path is at most 107 bytes
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			cmd := exec.Command("sh", "-eu", "-c", strings.Join(blocks, "\n"))
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	if ran == 0 {
		t.Error("no page has a command")
	}
}

// TestDocumentedTargets looks for the make targets that the pages name.
func TestDocumentedTargets(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for name, text := range documents(t) {
		for _, m := range regexp.MustCompile(`(?m)^\$ make ([a-z-]+)`).FindAllStringSubmatch(text, -1) {
			found++
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
				t.Errorf("%s names `make %s`, which the Makefile has not", name, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no page names a make target")
	}
}

// TestDocumentedLinks follows the relative links of the README.
func TestDocumentedLinks(t *testing.T) {
	text := documents(t)["README.md"]
	links := regexp.MustCompile(`\]\(([a-zA-Z0-9_./-]+)\)`).FindAllStringSubmatch(text, -1)
	if len(links) == 0 {
		t.Fatal("the README has no links")
	}
	for _, m := range links {
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Errorf("README links to %s: %v", m[1], err)
		}
	}
}
