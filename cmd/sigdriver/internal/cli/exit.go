// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The exit codes. 0 is never given when nothing was verified.
const (
	ExitOK           = 0 // allowed, verified, done
	ExitDenied       = 1 // denied, not verified
	ExitUsage        = 2 // wrong usage, input or configuration
	ExitBreakage     = 3 // a plan found something that would break
	ExitInconclusive = 4 // trust stale or unavailable, inputs missing
	ExitFault        = 5 // our own fault
)

// ExitError ends a command with a code. An error that is none ends it with
// ExitFault.
type ExitError struct {
	Code int
	// Err is what happened, one sentence; nil when the output has said it.
	Err error
	// Remedy is what to do about it; may be empty.
	Remedy string
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// usageError is a mistake in how the command was called or in what it was given.
func usageError(err error, remedy string) error {
	return &ExitError{Code: ExitUsage, Err: err, Remedy: remedy}
}

// asExit is the error as one with a code, nil for none.
func asExit(err error) *ExitError {
	if err == nil {
		return nil
	}
	var exit *ExitError
	if !errors.As(err, &exit) {
		exit = &ExitError{Code: ExitFault, Err: err}
	}
	return exit
}

// codeOf is the code that an error ends a command with.
func codeOf(err error) int {
	if exit := asExit(err); exit != nil {
		return exit.Code
	}
	return ExitOK
}

// exitCode prints what the output has not said yet and returns the code.
func exitCode(err error, stderr io.Writer) int {
	exit := asExit(err)
	if exit == nil {
		return ExitOK
	}
	if exit.Err == nil {
		return exit.Code
	}
	fmt.Fprintf(stderr, "sigdriver: %s\n", printable(exit.Err.Error()))
	if exit.Remedy != "" {
		fmt.Fprintf(stderr, "  %s\n", strings.ReplaceAll(exit.Remedy, "\n", "\n  "))
	}
	return exit.Code
}
