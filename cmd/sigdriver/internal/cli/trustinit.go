// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
)

// trustInitFlags are the options of trust init.
type trustInitFlags struct {
	ceremonyFlags
	content contentFlags
	plan    string
	ask     bool
	encrypt bool
	outputs []string
}

func newTrustInitCommand(env *Env) *cobra.Command {
	f := &trustInitFlags{}
	cmd := &cobra.Command{
		Use:   "init --dir DIR --authorities FILE",
		Short: "Make the keys and the first publication of a new repository",
		Long: `Makes a new repository: one key for each role in keys/, and the first signed
publication in published/. With --plan a TOML file says who holds what:

    [roles.root]
    threshold = 2
    keys = ["alice.pub", "bob.pub"]   # PEM public keys, relative to the plan
    generate = 1                      # keys to make here, besides
    validity = "365d"                 # optional

and the same for targets, snapshot, timestamp and, where wanted, revocation and
attestations. When holders are elsewhere the publication is staged: they sign with
sigdriver trust sign, and sigdriver trust publish completes it. With --interactive
it asks for all of that.

New keys are plain files of mode 0600 unless a passphrase is given, or asked for
with --encrypt.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustInit(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	f.registerKeys(cmd)
	f.content.register(cmd)
	cmd.Flags().StringVar(&f.plan, "plan", "", "a TOML plan of roles, thresholds, keys and validities")
	cmd.Flags().BoolVar(&f.ask, "interactive", false, "ask who holds which role and how many must sign")
	cmd.MarkFlagsMutuallyExclusive("plan", "interactive")
	cmd.Flags().BoolVar(&f.encrypt, "encrypt", false, "ask for a passphrase for the new keys")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func trustInit(env *Env, f *trustInitFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	folder := f.folder(env)
	if err := folder.CheckNew(); err != nil {
		return trustError(err)
	}
	plan := ceremony.DefaultPlan()
	switch {
	case f.ask:
		plan, err = interviewPlan(env, folder)
	case f.plan != "":
		plan, err = folder.ReadPlan(f.plan)
	}
	if err != nil {
		return trustError(err)
	}
	files, err := f.content.read(env)
	if err != nil {
		return err
	}
	if f.encrypt || f.passphrase.given() {
		folder.Passphrase = func() ([]byte, error) { return f.newPassphrase(env) }
	}
	result, err := folder.Init(plan, files)
	r, err := f.outcome(env, result, err)
	if err != nil {
		return err
	}
	lives, err := folder.Lives()
	if err != nil {
		return trustError(err)
	}
	r.Lives = newTrustLives(lives)
	return out.writeAll(env, r, func(p *printer) { r.print(p.w) })
}

// newPassphrase is that of the keys made here.
func (f *trustInitFlags) newPassphrase(env *Env) ([]byte, error) {
	passphrase, err := f.passphrase.source(env, "Passphrase for the new keys: ", true)()
	if err != nil {
		return nil, usageError(err, "give it with --passphrase-fd N or --passphrase-env NAME")
	}
	if len(passphrase) == 0 {
		return nil, usageError(errors.New("an empty passphrase protects nothing"), "give one, or leave --encrypt out for plain key files")
	}
	return passphrase, nil
}
