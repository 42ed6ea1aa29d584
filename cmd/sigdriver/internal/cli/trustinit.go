// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/disk"
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
	if exists(f.published()) || exists(f.staged()) {
		return usageError(fmt.Errorf("%q already holds a repository", f.dir), "change it with `sigdriver trust publish`, or start in another folder")
	}
	plan, err := f.readPlan(env)
	if err != nil {
		return err
	}
	start, err := plan.found(env)
	if err != nil {
		return err
	}
	if start.change.Files, err = f.content.read(env); err != nil {
		return err
	}
	trust, err := checkTrust(nil, start.change.Files)
	if err != nil {
		return err
	}
	s, err := author.NewStage(nil, start.change, env.Now())
	if err != nil {
		return changeError(err)
	}
	if err := f.make(env, start); err != nil {
		return err
	}
	notes := s.Warnings()
	if trust == nil {
		notes = append(notes, "there is no authorities.json yet: drivers refuse everything until it is published")
	}
	return f.firstPublication(env, s, start, notes, out)
}

func (f *trustInitFlags) readPlan(env *Env) (*trustPlan, error) {
	if f.ask {
		return interviewPlan(env)
	}
	return readPlan(env, f.plan)
}

// make writes the new keys and the notes.
func (f *trustInitFlags) make(env *Env, start *founding) error {
	if err := disk.MakeDirs(disk.OrOS(env.FS), f.dir, 0o755); err != nil {
		return trustError(err)
	}
	var passphrase []byte
	if len(start.made) > 0 && (f.encrypt || f.passphrase.fd >= 0 || f.passphrase.name != "") {
		var err error
		if passphrase, err = f.passphrase.source(env, "Passphrase for the new keys: ", true)(); err != nil {
			return usageError(err, "give it with --passphrase-fd N or --passphrase-env NAME")
		}
		if len(passphrase) == 0 {
			return usageError(errors.New("an empty passphrase protects nothing"), "give one, or leave --encrypt out for plain key files")
		}
	}
	if err := f.writeKeys(env, start.made, passphrase); err != nil {
		return err
	}
	return f.saveCeremony(env, start.ceremony)
}

// firstPublication signs with the new keys and those given with --key, and
// publishes, or stages what others have to sign.
func (f *trustInitFlags) firstPublication(env *Env, s *author.Stage, start *founding, notes []string, out sinks) error {
	signers, err := f.signers(env, nil)
	if err != nil {
		return err
	}
	for _, k := range start.made {
		signers = append(signers, k.key.Signer())
	}
	err = s.Complete(signers, env.Now(), start.change.Validity)
	var missing *author.QuorumError
	if errors.As(err, &missing) {
		if err := f.save(env, s); err != nil {
			return err
		}
		notes = append(notes, fmt.Sprintf("others have to sign: pass %s on; each runs `sigdriver trust sign --dir DIR --key FILE`, then `sigdriver trust publish --dir DIR` completes it", printable(f.staged())))
		return f.report(env, out, "staged", nil, s, notes)
	}
	if err != nil {
		return trustError(err)
	}
	return f.commit(env, s, nil, notes, out)
}
