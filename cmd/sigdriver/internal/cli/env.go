// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of sigdriver: one file a verb, each a thin
// layer over the packages that do the work. Main is its only entry.
package cli

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/sigdriver/sigdriver/tuf/disk"

	shown "github.com/sigdriver/sigdriver/internal/printable"
)

// Env is the world as a command sees it. Commands use nothing else of the
// process, except the files that their arguments name.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Now    func() time.Time
	Getenv func(string) string
	// LookupEnv tells an empty variable from none; nil takes them for the same.
	LookupEnv func(string) (string, bool)
	// FS is where files are read and written; nil is the real file system.
	FS disk.FS

	held   []answer // JSON that waits for the exit code
	inputs []string // files that were read
}

// raw is the standard output for bytes that must arrive as they are; what else is
// written to Stdout and Stderr has its invisible characters escaped.
func (e *Env) raw() io.Writer { return unwrap(e.Stdout) }

func unwrap(w io.Writer) io.Writer {
	if p, ok := w.(*shown.Writer); ok {
		return p.W
	}
	return w
}

// lookupEnv is LookupEnv, or the next best.
func (e *Env) lookupEnv(name string) (string, bool) {
	if e.LookupEnv != nil {
		return e.LookupEnv(name)
	}
	value := e.Getenv(name)
	return value, value != ""
}

// colour reports whether w is a terminal whose owner has nothing against colour.
func (e *Env) colour(w io.Writer) bool {
	w = unwrap(w)
	if s, ok := w.(*stickyWriter); ok {
		w = s.w
	}
	f, ok := w.(*os.File)
	return ok && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
