// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// trustSignFlags are the options of trust sign.
type trustSignFlags struct {
	ceremonyFlags
	yes     bool
	outputs []string
}

func newTrustSignCommand(env *Env) *cobra.Command {
	f := &trustSignFlags{}
	cmd := &cobra.Command{
		Use:   "sign --dir DIR --key FILE",
		Short: "Add your signature to what is staged",
		Long: `Prints every member that the staged change touches, asks, and then signs with the
key. The signature is a new file in staged/signatures/: send it back, or the whole
folder. The private key is opened only after the change was shown and agreed to.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustSign(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	f.registerKeys(cmd)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "sign without being asked")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func trustSign(env *Env, f *trustSignFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	folder := f.folder(env)
	staged, changes, err := folder.Pending()
	if err != nil {
		return trustError(err)
	}
	fmt.Fprintln(env.Stderr, "You are signing:")
	printChanges(env.Stderr, changes)
	if err := f.agree(env); err != nil {
		return err
	}
	result, err := folder.Sign(staged)
	return f.finish(env, out, result, err)
}

// agree asks, unless --yes says so.
func (f *trustSignFlags) agree(env *Env) error {
	if f.yes {
		return nil
	}
	fmt.Fprint(env.Stderr, "Sign this? Type yes: ")
	answer, err := bufio.NewReader(io.LimitReader(env.Stdin, 64)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(answer) != "yes" {
		fmt.Fprintln(env.Stderr)
		return usageError(errors.New("not signed: the answer was not yes"), "run it again, or give --yes")
	}
	return nil
}
