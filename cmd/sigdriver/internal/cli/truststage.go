// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// changeFlags are the options that change a repository.
type changeFlags struct {
	content                        contentFlags
	renew                          []string
	addKeys, removeKeys, threshold []string
}

func (f *changeFlags) register(cmd *cobra.Command) {
	f.content.register(cmd)
	f.content.registerMore(cmd)
	cmd.Flags().StringArrayVar(&f.renew, "renew", nil, "sign this role anew for its full validity (repeatable)")
	cmd.Flags().StringArrayVar(&f.addKeys, "add-key", nil, "ROLE=FILE: let this PEM public key sign the role, too (repeatable)")
	cmd.Flags().StringArrayVar(&f.removeKeys, "remove-key", nil, "ROLE=KEY: take the key with this id or name from the role (repeatable)")
	cmd.Flags().StringArrayVar(&f.threshold, "threshold", nil, "ROLE=N: how many keys of the role must sign (repeatable)")
}

func (f *changeFlags) empty() bool {
	c := f.content
	return c.authorities+c.trustedRoot+c.revocations+c.drivers == "" &&
		len(c.attestations)+len(c.remove)+len(f.renew) == 0 && !f.holdersChange()
}

// holdersChange reports whether a role changes hands.
func (f *changeFlags) holdersChange() bool {
	return len(f.addKeys)+len(f.removeKeys)+len(f.threshold) > 0
}

// stage checks the change as a driver would and makes its metadata, unsigned.
func (f *changeFlags) stage(env *Env, c *ceremonyFlags, base *author.Repository) (*author.Stage, []string, error) {
	names, err := c.openCeremony(env)
	if err != nil {
		return nil, nil, err
	}
	change := author.Change{Renew: f.renew}
	if change.Validity, err = names.validity(); err != nil {
		return nil, nil, err
	}
	if change.Files, err = f.content.read(env); err != nil {
		return nil, nil, err
	}
	trust, err := checkTrust(base, change.Files)
	if err != nil {
		return nil, nil, err
	}
	if err := f.content.addAttestations(env, trust, change.Files); err != nil {
		return nil, nil, err
	}
	if change.Keyholders, err = f.holders(env, base, names); err != nil {
		return nil, nil, err
	}
	if err := c.keepNames(env, names, f.addKeys); err != nil {
		return nil, nil, err
	}
	s, err := author.NewStage(base, change, env.Now())
	if err != nil {
		return nil, nil, changeError(err)
	}
	return s, s.Warnings(), nil
}

// keepNames writes the notes when keys have joined.
func (f *ceremonyFlags) keepNames(env *Env, names *ceremony, added []string) error {
	if len(added) == 0 {
		return nil
	}
	return f.saveCeremony(env, names)
}

// holders returns the roles that change hands.
func (f *changeFlags) holders(env *Env, base *author.Repository, names *ceremony) (map[string]author.Keyholders, error) {
	changed := map[string]author.Keyholders{}
	edits := []struct {
		option string
		values []string
		edit   func(h *author.Keyholders, role, value string) error
	}{
		{"--remove-key", f.removeKeys, func(h *author.Keyholders, role, value string) error { return removeKey(h, role, value, names) }},
		{"--add-key", f.addKeys, func(h *author.Keyholders, _, value string) error { return addKey(env, h, value, names) }},
		{"--threshold", f.threshold, setThreshold},
	}
	for _, e := range edits {
		for _, v := range e.values {
			role, value, ok := strings.Cut(v, "=")
			if !ok || value == "" || !slices.Contains(tuf.Roles(), role) {
				return nil, usageError(fmt.Errorf("%s %.60q is not ROLE=VALUE", e.option, v), "use one of the roles "+strings.Join(tuf.Roles(), ", "))
			}
			h, ok := changed[role]
			if !ok {
				h, _ = base.Keyholders(role) // a delegated role without keys yet has none
			}
			if err := e.edit(&h, role, value); err != nil {
				return nil, err
			}
			changed[role] = h
		}
	}
	return changed, nil
}

func addKey(env *Env, h *author.Keyholders, file string, names *ceremony) error {
	key, err := readPublicKey(env, file)
	if err != nil {
		return err
	}
	id, err := author.KeyID(key)
	if err != nil {
		return err
	}
	names.remember(id, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	h.Keys = append(h.Keys, key)
	if h.Threshold == 0 {
		h.Threshold = 1
	}
	return nil
}

// removeKey takes a key out by its id, the start of it, or its name.
func removeKey(h *author.Keyholders, role, which string, names *ceremony) error {
	found := []int{}
	for i, key := range h.Keys {
		id, err := author.KeyID(key)
		if err != nil {
			return err
		}
		if names.Names[id] == which || (len(which) >= 8 && strings.HasPrefix(id, which)) {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		return usageError(fmt.Errorf("--remove-key: %s of the keys of %s answer to %.80q", strconv.Itoa(len(found)), role, which),
			"give the id, or at least its first 8 characters, as `sigdriver trust status` prints it")
	}
	h.Keys = slices.Delete(slices.Clone(h.Keys), found[0], found[0]+1)
	return nil
}

func setThreshold(h *author.Keyholders, role, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil {
		return usageError(fmt.Errorf("--threshold: %.40q is no number", value), "write it like --threshold "+role+"=2")
	}
	h.Threshold = n
	return nil
}

// trustStageFlags are the options of trust stage.
type trustStageFlags struct {
	ceremonyFlags
	change  changeFlags
	discard bool
	outputs []string
}

func newTrustStageCommand(env *Env) *cobra.Command {
	f := &trustStageFlags{}
	cmd := &cobra.Command{
		Use:   "stage --dir DIR [--authorities FILE] [--add-key ROLE=FILE] …",
		Short: "Prepare a change that several people sign",
		Long: `Checks a change as a driver would, writes its unsigned metadata into staged/ and
prints every member that differs. Pass the folder to its signers by any means:
a signature is a file of its own in staged/signatures/, so that copies are merged
by copying those files together. Without options that change something it shows
what is staged.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustStage(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	f.change.register(cmd)
	cmd.Flags().BoolVar(&f.discard, "discard", false, "drop what is staged")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func trustStage(env *Env, f *trustStageFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	if f.discard {
		if !exists(f.staged()) {
			return usageError(errors.New("nothing is staged"), "")
		}
		if err := f.dropStage(env); err != nil {
			return trustError(err)
		}
		fmt.Fprintln(env.Stdout, "What was staged is dropped; what is published stays as it was.")
		return nil
	}
	base, err := f.repository()
	if err != nil {
		return err
	}
	staged, err := f.stage(base)
	if err != nil {
		return err
	}
	switch {
	case f.change.empty() && staged == nil:
		return usageError(errors.New("nothing is staged"), "say what to change, as in --authorities FILE")
	case f.change.empty():
		return f.reportStage(env, out, "staged", staged, staged.Warnings())
	case staged != nil:
		return alreadyStaged(f.dir)
	}
	if base, err = f.mustRepository(); err != nil {
		return err
	}
	s, notes, err := f.change.stage(env, &f.ceremonyFlags, base)
	if err != nil {
		return err
	}
	return f.saveStage(env, s, notes, out)
}

// saveStage writes a new stage and shows it.
func (f *ceremonyFlags) saveStage(env *Env, s *author.Stage, notes []string, out sinks) error {
	if err := f.save(env, s); err != nil {
		return err
	}
	return f.reportStage(env, out, "staged", s, notes)
}

// reportStage shows a stage with everything that it changes.
func (f *ceremonyFlags) reportStage(env *Env, out sinks, action string, s *author.Stage, notes []string) error {
	changes, err := s.Diff()
	if err != nil {
		return trustError(err)
	}
	return f.report(env, out, action, changes, s, notes)
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
