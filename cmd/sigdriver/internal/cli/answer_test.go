// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEnvelopeOfEveryCommand has every command with -o json fail before it begins, and
// while it runs: the answer is the same envelope each time.
func TestEnvelopeOfEveryCommand(t *testing.T) {
	asked := 0
	var walk func(parent *cobra.Command)
	walk = func(parent *cobra.Command) {
		for _, cmd := range parent.Commands() {
			walk(cmd)
			if flag := cmd.Flags().Lookup("output"); flag == nil || flag.Value.Type() != "stringArray" {
				continue
			}
			asked++
			name := strings.Fields(strings.TrimPrefix(cmd.CommandPath(), "sigdriver "))
			for _, args := range [][]string{{"--no-such-flag", "-o", "json"}, {"-o=json", "--no-such-flag"}, {"--output=json", "a", "b", "c"}} {
				code, stdout, stderr := run3(append(name, args...)...)
				var got answerHead
				if err := json.Unmarshal([]byte(stdout), &got); err != nil {
					t.Errorf("%v %v: %v in %q", name, args, err, stdout)
					continue
				}
				if got.Schema != errorSchema || got.Command != strings.Join(name, " ") || got.ExitCode != code || code != ExitUsage ||
					got.Error == nil || got.Error.Message == "" || !strings.Contains(stderr, got.Error.Message) {
					t.Errorf("%v %v: exit code %d, %+v, %+v, %s", name, args, code, got, got.Error, stderr)
				}
			}
		}
	}
	walk(newRootCommand(&Env{}))
	if asked < 10 {
		t.Errorf("only %d commands have -o json", asked)
	}
}

// run3 is a command line in the real world.
func run3(args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = Main(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestEnvelopeOfAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.json")
	code, stdout, _ := run3("audit", "verify", t.TempDir(), "-o", "text", "-o", "json="+file)
	if code != ExitUsage || stdout != "" || !exists(file) {
		t.Errorf("exit code %d, %q", code, stdout)
	}
	// A place that cannot be written does not hide what went wrong.
	code, _, stderr := run3("audit", "verify", t.TempDir(), "-o", "json=/nowhere/x.json")
	if code != ExitUsage || !strings.Contains(stderr, "is no state folder") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	// The -o of audit export is a file, and no format.
	if code, stdout, _ = run3("audit", "export", "--state", t.TempDir(), "-o", "json"); code != ExitUsage || stdout != "" {
		t.Errorf("exit code %d, %q", code, stdout)
	}
}

func TestEnvelopeAroundAReport(t *testing.T) {
	for body, want := range map[string]string{
		`{"schema":"s","a":1}`:        `{"schema":"s","command":"c","exitCode":1,"a":1}`,
		`{"a":"<&>","mediaType":"m"}`: `{"schema":"m","command":"c","exitCode":1,"a":"<&>","mediaType":"m"}`,
		`{"schema":"s"}`:              `{"schema":"s","command":"c","exitCode":1}`,
		"{\n  \"schema\": \"s\"\n}":   "{\n  \"schema\": \"s\",\n  \"command\": \"c\",\n  \"exitCode\": 1\n}",
	} {
		got, err := answerHead{Command: "c", ExitCode: 1}.around([]byte(body))
		if err != nil || string(got) != want+"\n" {
			t.Errorf("%s: %s, %v; want %s", body, got, err, want)
		}
	}
}
