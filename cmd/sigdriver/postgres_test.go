// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
)

// postgresCommand starts a PostgreSQL of the script's own with a memory in it, and says
// in $POSTGRES how drivers name it: postgres starts
func postgresCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "starts" {
		ts.Fatalf("usage: postgres starts")
	}
	ts.Setenv("POSTGRES", memorytest.Start(scriptTB{ts: ts}).URL())
}

// scriptTB is a script as a test.
type scriptTB struct {
	testing.TB
	ts *testscript.TestScript
}

func (scriptTB) Helper()                          {}
func (t scriptTB) Cleanup(f func())               { t.ts.Defer(f) }
func (t scriptTB) Fatal(args ...any)              { t.ts.Fatalf("%s", fmt.Sprint(args...)) }
func (t scriptTB) Fatalf(format string, a ...any) { t.ts.Fatalf(format, a...) }
func (scriptTB) Failed() bool                     { return false }
