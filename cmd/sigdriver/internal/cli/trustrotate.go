// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
)

// rotateRootFlags are the options of trust rotate-root.
type rotateRootFlags struct {
	ceremonyFlags
	publicKeys []string
	generate   int
	algorithm  string
	threshold  int
	outputs    []string
}

func newTrustRotateRootCommand(env *Env) *cobra.Command {
	f := &rotateRootFlags{}
	cmd := &cobra.Command{
		Use:   "rotate-root --dir DIR --public-key FILE …",
		Short: "Stage a root with other keys",
		Long: `Stages a new root that is held by the keys given, and by no others. It must be
signed by as many of the old keys as the old root asks for, and of the new ones as
the new root does; drivers then follow by themselves. To keep a key, give its
public half again.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return rotateRoot(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	f.registerKeys(cmd)
	cmd.Flags().StringArrayVar(&f.publicKeys, "public-key", nil, "a PEM public key that will hold root (repeatable)")
	cmd.Flags().IntVar(&f.generate, "generate", 0, "make this many new keys in the keys folder")
	cmd.Flags().StringVar(&f.algorithm, "algorithm", keys.Ed25519, "of the keys made: "+keys.Ed25519+" or "+keys.ECDSAP256)
	cmd.Flags().IntVar(&f.threshold, "threshold", 0, "how many of them must sign (default: as many as before)")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func rotateRoot(env *Env, f *rotateRootFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	folder := f.folder(env)
	if f.passphrase.given() {
		folder.Passphrase = func() ([]byte, error) {
			passphrase, err := f.passphrase.source(env, "", false)()
			if err != nil {
				return nil, usageError(err, "")
			}
			return passphrase, nil
		}
	}
	result, err := folder.RotateRoot(&ceremony.Rotation{PublicKeys: f.publicKeys, Generate: f.generate, Algorithm: f.algorithm, Threshold: f.threshold})
	return f.finish(env, out, result, err)
}
