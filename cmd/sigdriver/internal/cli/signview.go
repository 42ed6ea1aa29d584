// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
)

// show prints what a document grants and, with --previous, what that changes.
func (f *signFlags) show(env *Env, doc *policy.Subject) error {
	is, err := newSide(doc.File, doc.Body)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stderr)
	if is.doc.HasLine() {
		fmt.Fprintf(env.Stderr, "%s is a document of %s\n", printable(doc.File), is.doc.LineText())
	}
	fmt.Fprintf(env.Stderr, "%s grants:\n", printable(doc.File))
	is.doc.View().Print(env.Stderr)
	if f.previous == "" {
		return nil
	}
	was, err := readSide(env, "", "", f.previous)
	if err != nil {
		return err
	}
	r, err := was.compare(is)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "\nAgainst %s, sha256:%s%s:\n", printable(was.File), was.SHA256, ofLine(was.doc))
	r.printChanges(env.Stderr)
	return nil
}

// confirm asks on the process's terminal, where a pipe cannot answer.
func (f *signFlags) confirm(env *Env, n int) error {
	fmt.Fprintln(env.Stderr)
	if f.yes {
		return nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return usageError(errors.New("not signed: there is no terminal to ask on"), "read what is printed above, then give --yes to sign without being asked")
	}
	defer tty.Close()
	question := "Sign this? Type yes: "
	if n > 1 {
		question = fmt.Sprintf("Sign these %d? Type yes: ", n)
	}
	fmt.Fprint(tty, question)
	answer, err := bufio.NewReader(io.LimitReader(tty, maxAnswer)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(answer) != "yes" {
		return usageError(errors.New("not signed: the answer was not yes"), "run it again, or give --yes")
	}
	return nil
}

// writePredicate writes what another tool shall sign.
func (f *signFlags) writePredicate(env *Env, approved signable, predicateType string) error {
	statement, err := approved.Statement()
	if err != nil {
		return approvalError(err)
	}
	predicate, err := policy.Predicate(statement)
	if err != nil {
		return err
	}
	if err := writeFile(env, f.out, predicate); err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "\nNot signed: sign this predicate with the type %s\n", predicateType)
	return nil
}
