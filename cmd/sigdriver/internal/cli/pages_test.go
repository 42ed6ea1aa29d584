// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestPagesShowRealCommands parses the commands of all pages with the commands'
// own options.
func TestPagesShowRealCommands(t *testing.T) {
	env := &Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Now: time.Now, Getenv: os.Getenv}
	found := 0
	for _, list := range codeLists() {
		for _, d := range list.docs {
			line, ok := strings.CutPrefix(d.Command, "sigdriver ")
			if !ok {
				continue
			}
			found++
			cmd, args, err := newRootCommand(env).Find(strings.Fields(line))
			if err != nil {
				t.Errorf("%s: %v", d.Code, err)
				continue
			}
			if err := errors.Join(cmd.ParseFlags(args), cmd.ValidateArgs(cmd.Flags().Args()), cmd.ValidateRequiredFlags()); err != nil {
				t.Errorf("%s: `sigdriver %s`: %v", d.Code, line, err)
			}
		}
	}
	if found == 0 {
		t.Error("no page shows a command")
	}
}
