// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Command gen writes the man pages and the completions of sigdriver below a folder.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra/doc"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/cli"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
)

func main() {
	dir := flag.String("o", "", "folder to write below")
	epoch := flag.Int64("date", 0, "the date of the pages, in seconds since 1970")
	flag.Parse()
	root := cli.Command()
	root.DisableAutoGenTag = true
	root.InitDefaultHelpCmd()
	date := time.Unix(*epoch, 0).UTC()
	man, completions := filepath.Join(*dir, "man"), filepath.Join(*dir, "completions")
	for _, d := range []string{man, completions} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			log.Fatal(err)
		}
	}
	header := &doc.GenManHeader{Title: "SIGDRIVER", Section: "1", Date: &date, Source: "sigdriver " + version.Driver, Manual: "sigdriver"}
	if err := doc.GenManTree(root, header, man); err != nil {
		log.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(man, "*.1"))
	if err != nil || len(pages) == 0 {
		log.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err == nil {
			err = os.WriteFile(page, tidy(text, date), 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	for name, write := range map[string]func(string) error{
		"sigdriver.bash": func(f string) error { return root.GenBashCompletionFileV2(f, true) },
		"_sigdriver":     root.GenZshCompletionFile,
		"sigdriver.fish": func(f string) error { return root.GenFishCompletionFile(f, true) },
	} {
		if err := write(filepath.Join(completions, name)); err != nil {
			log.Fatal(err)
		}
	}
}

// option is one of a list, with its text indented by a tab.
var option = regexp.MustCompile(`(?m)(?:^\.PP\n)?^(\\fB-.*)\n\t`)

// tidy writes a page as readers of roff want it: a date that they know, a list of options
// that is one, and letters beyond ASCII by their names.
func tidy(page []byte, date time.Time) []byte {
	text := strings.Replace(string(page), date.Format("Jan 2006"), date.Format("2006-01-02"), 1)
	text = option.ReplaceAllString(text, ".TP\n$1\n")
	var out strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf {
			out.WriteRune(r)
			continue
		}
		fmt.Fprintf(&out, `\[u%04X]`, r)
	}
	return []byte(out.String())
}
