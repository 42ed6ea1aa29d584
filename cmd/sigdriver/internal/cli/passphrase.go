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
}

// register adds the flags to a command that reads or writes private keys.
func (p *passphraseFlags) register(cmd *cobra.Command) {
	cmd.Flags().IntVar(&p.fd, "passphrase-fd", -1, "read the key's passphrase from this open file descriptor")
	cmd.Flags().StringVar(&p.name, "passphrase-env", "", "take the key's passphrase from the variable with this name")
	cmd.MarkFlagsMutuallyExclusive("passphrase-fd", "passphrase-env")
}

// given reports whether a flag says where the passphrase comes from.
func (p *passphraseFlags) given() bool { return p.fd >= 0 || p.name != "" }

// source returns where the passphrase comes from; without a flag, the terminal.
// With confirm a prompt asks twice, for a key about to be written.
func (p *passphraseFlags) source(env *Env, question string, confirm bool) keys.Passphrase {
	switch {
	case p.fd >= 0:
		return keys.FromFD(p.fd)
	case p.name != "":
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
