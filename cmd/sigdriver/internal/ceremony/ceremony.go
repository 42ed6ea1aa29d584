// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package ceremony makes, changes and publishes the trust that drivers follow. A
// ceremony keeps it in one folder:
//
//	published/      the repository
//	staged/         a change that still collects signatures
//	keys/           private keys of this machine, NAME.key beside NAME.pub
//	ceremony.toml   how long each role lives and what people call the keys
//
// With all keys at hand, [Folder.Init] and [Folder.Publish] do everything at once. With
// several people, [Folder.StageChange], [Folder.Sign] and [Folder.Publish] are steps,
// each on anybody's machine. New trust is parsed and checked as a driver does it before
// anything of it is signed. Whatever a step is interrupted at, it can be done again.
package ceremony

import (
	"errors"
	"fmt"

	"github.com/sigdriver/sigdriver/tuf/author"
)

// Error is what a ceremony refuses. What package author refuses is an error of its own.
type Error struct {
	Err    error  // one sentence
	Remedy string // what to do about it; may be empty
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

func refuse(remedy, format string, args ...any) error {
	return &Error{fmt.Errorf(format, args...), remedy}
}

// Action is what a step did.
type Action string

// The actions.
const (
	Published Action = "published"
	Staged    Action = "staged"
	Signed    Action = "signed"
	NotDue    Action = "not-due"
)

// Result is what a step came to.
type Result struct {
	Action  Action
	Changes []author.Difference
	Staged  *author.Stage // what is staged now; nil for nothing
	Notes   []string      // one sentence each
}

// changeError is the error of a change of which nothing is staged yet.
func changeError(err error) error {
	var change *author.ChangeError
	if errors.As(err, &change) {
		return &Error{change, "nothing was staged or published; mend what you asked for and try again"}
	}
	return err
}

func (f *Folder) alreadyStaged() error {
	return refuse(fmt.Sprintf("publish it with `sigdriver trust publish --dir %s`, or drop it with `sigdriver trust stage --dir %s --discard`", f.Dir, f.Dir),
		"another change is staged already")
}

func (f *Folder) unpublished() error {
	return refuse(fmt.Sprintf("make one with `sigdriver trust init --dir %s`", f.Dir), "%q holds no published repository", f.Dir)
}
