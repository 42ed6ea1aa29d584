// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	shown "github.com/sigdriver/sigdriver/internal/printable"
)

// Main runs one command line, without the program's name, and returns the exit
// code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &stickyWriter{w: stdout}
	env := newEnv(stdin, out, stderr)
	code := exitCode(run(env, args), env.Stderr)
	if out.err != nil && code == ExitOK {
		fmt.Fprintf(stderr, "sigdriver: cannot write the output: %v\n", out.err)
		return ExitFault
	}
	return code
}

// newEnv is the process as commands see it. What they and the driver's log print has
// its invisible characters escaped, whatever they forgot to quote.
func newEnv(stdin io.Reader, stdout, stderr io.Writer) *Env {
	return &Env{Stdin: stdin, Stdout: &shown.Writer{W: stdout}, Stderr: &shown.Writer{W: stderr}, Now: time.Now, Getenv: os.Getenv, LookupEnv: os.LookupEnv}
}

// Command is the command line with nothing to run it on: for its documentation.
func Command() *cobra.Command { return newRootCommand(&Env{}) }

// run separates what cobra has to say about a command line, which is the
// caller's mistake, from what a command has to say.
func run(env *Env, args []string) error {
	root := newRootCommand(env)
	checkBuiltins(root)
	started := false
	markStarted(root, &started)
	nameArguments(root)
	takeOnce(root)
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	var exit *ExitError
	if err != nil && !started && !errors.As(err, &exit) {
		err = commandLineError(cmd, err)
	}
	return env.answer(cmd, args, err)
}

// commandLineError is what cobra has to say about a command line.
func commandLineError(cmd *cobra.Command, err error) error {
	first, rest, _ := strings.Cut(err.Error(), "\n")
	rest = strings.Join(strings.Fields(strings.TrimSpace(rest)), " ")
	if rest == "" {
		rest = fmt.Sprintf("`%s --help` says what it takes", cmd.CommandPath())
	}
	return usageError(errors.New(first), rest)
}

// checkBuiltins has cobra's own commands refuse a shell and a command that there is not:
// otherwise they print some help and end well.
func checkBuiltins(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.RunE = func(c *cobra.Command, _ []string) error {
				return errors.Join(c.Help(), &ExitError{Code: ExitUsage})
			}
		case "help":
			help := cmd.Run
			cmd.Run, cmd.RunE = nil, func(c *cobra.Command, args []string) error {
				help(c, args)
				return nil
			}
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					return errors.New("no such command")
				}
				return nil
			}
		}
	}
}

// nameArguments has every command below root say which of its arguments is one too many,
// or what is missing.
func nameArguments(parent *cobra.Command) {
	for _, cmd := range parent.Commands() {
		nameArguments(cmd)
		accept := cmd.Args
		if accept == nil || cmd.RunE == nil {
			continue
		}
		cmd.Args = func(c *cobra.Command, args []string) error {
			if accept(c, args) == nil {
				return nil
			}
			for n := range args {
				if accept(c, args[:n]) == nil {
					return usageError(fmt.Errorf("unexpected argument %.80q", args[n]), fmt.Sprintf("`%s --help` says what it takes", c.CommandPath()))
				}
			}
			return usageError(errors.New("an argument is missing"), fmt.Sprintf("write it as `%s`", c.UseLine()))
		}
	}
}

// markStarted notes when a command's own code begins.
func markStarted(cmd *cobra.Command, started *bool) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(c *cobra.Command, args []string) error {
			*started = true
			return inner(c, args)
		}
	}
	for _, sub := range cmd.Commands() {
		markStarted(sub, started)
	}
}

func newRootCommand(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "sigdriver",
		Short: "Decide whether a policy may be enforced, from signed approvals and TUF trust",
		Long: `sigdriver is OpenShell's PolicySigningDriver. A gateway asks it over a Unix socket
whether a policy may be enforced, here and now; it answers from in-toto
attestations, judged by keys and rules that arrive only through TUF.

Exit codes: 0 allowed, 1 denied, 2 usage or configuration, 3 a plan found
breakage, 4 inconclusive (trust stale or unavailable), 5 our own fault.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          noCommand,

		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.AddCommand(driverCommands(env)...)
	root.AddCommand(
		newVerifyCommand(env),
		newVerifyBundleCommand(env),
		newSignCommand(env),
		newApproveCommand(env),
		newCanonicalizeCommand(env),
		newInspectCommand(env),
		newDiffCommand(env),
		newExplainCommand(env),
		newTrustCommand(env),
		newReceiptCommand(env),
		newAuditCommand(env),
		newVersionCommand(env),
	)
	return root
}

// noCommand answers a command line that names none. Nothing was done, so it
// never ends well.
func noCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		if err := root.Help(); err != nil {
			return err
		}
		return &ExitError{Code: ExitUsage}
	}
	remedy := "run `sigdriver --help` for all of them"
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		remedy = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return usageError(fmt.Errorf("no command is called %.60q", args[0]), remedy)
}

// stickyWriter remembers the first failed write, so that no command ends well
// with its output lost.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}
