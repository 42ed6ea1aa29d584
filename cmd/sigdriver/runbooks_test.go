// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// runbookCommands is the script command: runbooks. It runs what the pages of docs/runbooks
// show, where this script has what they name, each once.
//
// What asks systemd is not run: its units have to be those of the packages.
func runbookCommands(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: runbooks")
	}
	here := strings.NewReplacer("/etc/sigdriver/sigdriver.toml", ts.MkAbs("sigdriver.toml"),
		"/var/lib/sigdriver-trust", ts.MkAbs("trust"), "/var/lib/sigdriver/state", ts.MkAbs("state"), "/var/lib/sigdriver", ts.MkAbs("."))
	pages, err := filepath.Glob("../../docs/runbooks/*.md")
	ts.Check(err)
	ran := map[string]bool{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		ts.Check(err)
		for _, m := range regexp.MustCompile(`(?m)^# ([a-z]+ .*)$`).FindAllStringSubmatch(strings.Join(fenced(string(text), "console"), ""), -1) {
			if !ran[m[1]] {
				ran[m[1]] = true
				runbookCommand(ts, filepath.Base(page), strings.Fields(m[1]), here)
			}
		}
	}
	if len(ran) < len(pages)/2 {
		ts.Fatalf("%d pages have %d commands", len(pages), len(ran))
	}
	ts.Logf("%d commands of %d pages", len(ran), len(pages))
}

func runbookCommand(ts *testscript.TestScript, page string, words []string, here *strings.Replacer) {
	switch words[0] {
	case "journalctl", "systemctl":
		for _, word := range words[1:] {
			if !strings.HasPrefix(word, "sigdriver") {
				continue
			}
			unit := word
			if filepath.Ext(unit) == "" {
				unit += ".service"
			}
			_, err := os.Stat(filepath.Join("../../packaging", unit))
			ts.Check(err)
			return
		}
		ts.Fatalf("%s: %v is about no unit of ours", page, words)
	}
	args := strings.Fields(here.Replace(strings.Join(words[1:], " ")))
	if words[0] == "sigdriver" && slices.Equal(args, []string{"status"}) {
		args = append(args, "--config", ts.MkAbs("sigdriver.toml")) // a package's is found without
	}
	err := ts.Exec(words[0], args...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 4 { // somebody has to look: there is something to see
		err = nil
	}
	if err != nil {
		ts.Fatalf("%s: %v: %v", page, words, err)
	}
}
