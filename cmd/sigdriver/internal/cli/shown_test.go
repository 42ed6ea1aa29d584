// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// shownCommand is a command in a text that a person is shown: quoted, or indented on a
// line of its own.
var shownCommand = regexp.MustCompile("`sigdriver ([a-z][^`]*)`|(?m)^ {2,}sigdriver ([a-z][^\n]*)$")

// TestShownCommands reads every text of the program, in errors, remedies, hints and
// help, and holds each command in it against the commands there are: its name, and
// every option.
func TestShownCommands(t *testing.T) {
	found := 0
	for _, dir := range []string{"../..", "../../../../verifier", "../../../../tuf"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				text, ok := n.(*ast.BasicLit)
				if !ok || text.Kind != token.STRING {
					return true
				}
				s, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Errorf("%s: %s: %v", path, text.Value, err)
				}
				for _, m := range shownCommand.FindAllStringSubmatch(s, -1) {
					found++
					if why := wrongCommand(m[1] + m[2]); why != "" {
						t.Errorf("%s: `sigdriver %s`: %s", path, m[1]+m[2], why)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 50 {
		t.Errorf("only %d commands found", found)
	}
}

// wrongCommand says what no command of the program understands in a line.
func wrongCommand(line string) string {
	line, _, _ = strings.Cut(line, " | ")
	cmd, args, err := newRootCommand(&Env{}).Find(strings.Fields(line))
	if err != nil {
		return err.Error()
	}
	if cmd.HasSubCommands() && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return "there is no " + args[0]
	}
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimRight(arg, ".,;:)"), "=")
		long, ok := strings.CutPrefix(name, "--")
		if ok && long != "" && cmd.Flags().Lookup(long) == nil && cmd.InheritedFlags().Lookup(long) == nil && long != "help" {
			return "it has no option " + name
		}
	}
	return ""
}

// TestWrongCommand: what does not exist is found.
func TestWrongCommand(t *testing.T) {
	for line, wrong := range map[string]bool{
		"sign --document FILE": false, "audit verify DIR": false, "trust renew --dir D --watch": false, "serve --help": false,
		"sing --document FILE": true, "audit verfy DIR": true, "trust renew --directory D": true,
	} {
		if got := wrongCommand(line); (got != "") != wrong {
			t.Errorf("%s: %q", line, got)
		}
	}
}
