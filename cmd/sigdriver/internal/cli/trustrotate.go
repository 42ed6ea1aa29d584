// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
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
	base, err := f.mustRepository()
	if err != nil {
		return err
	}
	if exists(f.staged()) {
		return alreadyStaged(f.dir)
	}
	names, err := f.openCeremony(env)
	if err != nil {
		return err
	}
	change := author.Change{}
	if change.Validity, err = names.validity(); err != nil {
		return err
	}
	holders, made, err := f.holders(env, base, names)
	if err != nil {
		return err
	}
	change.Keyholders = map[string]author.Keyholders{tuf.RoleRoot: holders}
	s, err := author.NewStage(base, change, env.Now())
	if err != nil {
		return changeError(err)
	}
	if err := f.keep(env, made, names); err != nil {
		return err
	}
	return f.saveStage(env, s, s.Warnings(), out)
}

// holders returns who will hold root, and the keys made for it.
func (f *rotateRootFlags) holders(env *Env, base *author.Repository, names *ceremony) (author.Keyholders, []newKey, error) {
	if len(f.publicKeys)+f.generate < 1 || f.generate < 0 || f.generate > maxGenerate {
		return author.Keyholders{}, nil, usageError(errors.New("the new root needs keys"), fmt.Sprintf("give --public-key FILE, or --generate N up to %d", maxGenerate))
	}
	h, err := base.Keyholders(tuf.RoleRoot)
	if err != nil {
		return h, nil, trustError(err)
	}
	h.Keys = nil
	if f.threshold != 0 {
		h.Threshold = f.threshold
	}
	for _, file := range f.publicKeys {
		if err := addKey(env, &h, file, names); err != nil {
			return h, nil, err
		}
	}
	made := []newKey{}
	for range f.generate {
		key, err := keys.Generate(f.algorithm)
		if err != nil {
			return h, nil, usageError(err, "")
		}
		id, err := author.KeyID(key.Signer().Public())
		if err != nil {
			return h, nil, err
		}
		name := f.freeName(made)
		names.remember(id, name)
		made, h.Keys = append(made, newKey{name, key}), append(h.Keys, key.Signer().Public())
	}
	return h, made, nil
}

// freeName returns a name for another root key that no file has yet.
func (f *rotateRootFlags) freeName(made []newKey) string {
	for i := 2; ; i++ {
		name := fmt.Sprintf("root-%d", i)
		taken := slices.ContainsFunc(made, func(k newKey) bool { return k.name == name })
		if !taken && !exists(filepath.Join(f.keyDir(), name+".key")) {
			return name
		}
	}
}

func (f *rotateRootFlags) keep(env *Env, made []newKey, names *ceremony) error {
	var passphrase []byte
	if len(made) > 0 && (f.passphrase.fd >= 0 || f.passphrase.name != "") {
		var err error
		if passphrase, err = f.passphrase.source(env, "", false)(); err != nil {
			return usageError(err, "")
		}
	}
	if err := f.writeKeys(env, made, passphrase); err != nil {
		return err
	}
	return f.saveCeremony(env, names)
}
