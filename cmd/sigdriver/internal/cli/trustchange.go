// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/verifier"
)

// contentFlags are the files that a change brings.
type contentFlags struct {
	authorities, trustedRoot, revocations, drivers string
}

func (f *contentFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.authorities, "authorities", "", "publish this authorities.json")
	cmd.Flags().StringVar(&f.trustedRoot, "trusted-root", "", "publish this Sigstore trusted_root.json, or a file with one on each line")
	cmd.Flags().StringVar(&f.revocations, "revocations", "", "publish this revocations.json")
	cmd.Flags().StringVar(&f.drivers, "drivers", "", "publish this drivers.json, the receipt keys of drivers")
}

// read returns the files by target path.
func (f *contentFlags) read(env *Env) (map[string][]byte, error) {
	files := map[string][]byte{}
	for target, path := range map[string]string{
		"authorities.json": f.authorities, "trusted_root.json": f.trustedRoot, "revocations.json": f.revocations, "drivers.json": f.drivers,
	} {
		if path == "" {
			continue
		}
		data, err := readFile(env, path, target, verifier.MaxTrustFile)
		if err != nil {
			return nil, err
		}
		if target == "trusted_root.json" {
			if data, err = oneRoot(env, path, data); err != nil {
				return nil, err
			}
		}
		files[target] = data
	}
	return files, nil
}

// changeFlags are the options that change a repository.
type changeFlags struct {
	content                        contentFlags
	attestations, remove, renew    []string
	addKeys, removeKeys, threshold []string
}

func (f *changeFlags) register(cmd *cobra.Command) {
	f.content.register(cmd)
	cmd.Flags().StringArrayVar(&f.attestations, "attestation", nil, "publish this bundle or envelope, or a file with one on each line (repeatable)")
	cmd.Flags().StringArrayVar(&f.remove, "remove", nil, "take this target path out, as attestations/…/… (repeatable)")
	cmd.Flags().StringArrayVar(&f.renew, "renew", nil, "sign this role anew for its full validity (repeatable)")
	cmd.Flags().StringArrayVar(&f.addKeys, "add-key", nil, "ROLE=FILE: let this PEM public key sign the role, too (repeatable)")
	cmd.Flags().StringArrayVar(&f.removeKeys, "remove-key", nil, "ROLE=KEY: take the key with this id or name from the role (repeatable)")
	cmd.Flags().StringArrayVar(&f.threshold, "threshold", nil, "ROLE=N: how many keys of the role must sign (repeatable)")
}

// read reads the change with everything that it brings.
func (f *changeFlags) read(env *Env) (*ceremony.Change, error) {
	c := &ceremony.Change{Renew: f.renew}
	var err error
	if c.Files, err = f.content.read(env); err != nil {
		return nil, err
	}
	for _, target := range f.remove {
		if target == "authorities.json" {
			return nil, usageError(errors.New("authorities.json cannot be removed: drivers would have no trust at all"), "publish another one with --authorities")
		}
		c.Files[target] = nil
	}
	for _, path := range f.attestations {
		all, err := readAttestations(env, path)
		if err != nil {
			return nil, err
		}
		for i, a := range all {
			name := path
			if len(all) > 1 {
				name = lineName(path, i+1)
			}
			c.Attestations = append(c.Attestations, ceremony.Attestation{Path: name, Data: a.raw})
		}
	}
	for _, o := range []struct {
		option string
		values []string
		to     *[]ceremony.RoleValue
	}{{"--remove-key", f.removeKeys, &c.RemoveKeys}, {"--add-key", f.addKeys, &c.AddKeys}, {"--threshold", f.threshold, &c.Thresholds}} {
		for _, s := range o.values {
			v, err := ceremony.ParseRoleValue(o.option, s)
			if err != nil {
				return nil, trustError(err)
			}
			*o.to = append(*o.to, v)
		}
	}
	return c, nil
}
