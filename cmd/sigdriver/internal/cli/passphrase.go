// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
)

// passphraseFlags say where the passphrase of an encrypted key comes from.
type passphraseFlags struct {
	fd   int
	name string
	// byFD reports whether it is a descriptor.
	byFD func() bool
	// given reports whether a flag says where the passphrase comes from, whatever it says:
	// what a script names wrongly is not asked for on a terminal.
	given func() bool
}

// register adds the flags to a command that reads or writes private keys.
func (p *passphraseFlags) register(cmd *cobra.Command) {
	cmd.Flags().IntVar(&p.fd, "passphrase-fd", -1, "read the key's passphrase from this open file descriptor")
	cmd.Flags().StringVar(&p.name, "passphrase-env", "", "take the key's passphrase from the variable with this name")
	cmd.MarkFlagsMutuallyExclusive("passphrase-fd", "passphrase-env")
	flags := cmd.Flags()
	p.byFD = func() bool { return flags.Changed("passphrase-fd") }
	p.given = func() bool { return p.byFD() || flags.Changed("passphrase-env") }
}

// source returns where the passphrase comes from; without a flag, the terminal.
// With confirm a prompt asks twice, for a key about to be written.
func (p *passphraseFlags) source(env *Env, question string, confirm bool) keys.Passphrase {
	switch {
	case p.byFD():
		return keys.FromFD(p.fd)
	case p.given():
		return keys.FromEnv(p.name, env.lookupEnv)
	}
	return keys.Prompt(question, confirm)
}

// load opens a private key; its errors say what to do.
func (p *passphraseFlags) load(env *Env, name string) (*keys.Key, error) {
	question := fmt.Sprintf("Passphrase of %s: ", printable(name))
	if keys.IsPKCS11(name) {
		question = "PIN of the token: "
	}
	env.reads(name)
	key, err := keys.Open(name, p.source(env, question, false))
	if err == nil {
		return key, nil
	}
	remedy := ""
	if p.given() {
		remedy = "give the right passphrase; --passphrase-fd N wants a number that is open for reading, --passphrase-env NAME a variable that is set"
	}
	var format *keys.FormatError
	var file *fs.PathError
	var plugin *keys.NoPluginError
	switch {
	case errors.As(err, &format):
		remedy = format.Remedy()
	case errors.Is(err, keys.ErrNoTerminal), errors.Is(err, keys.ErrNoPassphrase):
		remedy = "give it with --passphrase-fd N or --passphrase-env NAME"
	case errors.As(err, &plugin):
		remedy = "install the plugin, or name a file or a PKCS#11 URI"
	case errors.As(err, &file) && file.Path == name:
		return nil, usageError(fmt.Errorf("cannot read the key %q: %w", name, file.Err), "give the path of a private key with --key")
	}
	return nil, usageError(fmt.Errorf("key %q: %w", name, err), remedy)
}
