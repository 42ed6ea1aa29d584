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

	"github.com/sigdriver/sigdriver/tuf/author"
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
	base, err := f.repository()
	if err != nil {
		return err
	}
	s, err := f.stage(base)
	if err != nil {
		return err
	}
	if s == nil {
		return usageError(fmt.Errorf("nothing is staged in %q", f.dir), "copy the staged/ folder of whoever staged the change into it, beside published/")
	}
	if err := f.agree(env, base, s); err != nil {
		return err
	}
	if err := f.addSignatures(env, s); err != nil {
		return err
	}
	if err := f.save(env, s); err != nil {
		return err
	}
	return f.report(env, out, "signed", nil, s, s.Warnings())
}

// agree checks the change as a driver would, shows it and asks.
func (f *trustSignFlags) agree(env *Env, base *author.Repository, s *author.Stage) error {
	files, err := stagedFiles(s)
	if err != nil {
		return err
	}
	if _, err := checkTrust(base, files); err != nil {
		return err
	}
	changes, err := s.Diff()
	if err != nil {
		return trustError(err)
	}
	fmt.Fprintln(env.Stderr, "You are signing:")
	printChanges(env.Stderr, changes)
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

// addSignatures signs with every key given, or the ones of the keys folder.
func (f *trustSignFlags) addSignatures(env *Env, s *author.Stage) error {
	ids := s.Keys(s.Roles()...)
	if len(f.keyFiles) > 0 {
		ids = nil
	}
	signers, err := f.signers(env, ids)
	if err != nil {
		return err
	}
	if len(signers) == 0 {
		return usageError(errors.New("no key at hand may sign what is staged"), "give yours with --key FILE")
	}
	for i, signer := range signers {
		_, err := s.Sign(signer)
		if errors.Is(err, author.ErrForeignKey) {
			return usageError(fmt.Errorf("key %d of %d: %w", i+1, len(signers), err), "`sigdriver trust status` shows whose signatures are missing")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
