// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/verifier"
)

func newCanonicalizeCommand(env *Env) *cobra.Command {
	var role, out string
	cmd := &cobra.Command{
		Use:   "canonicalize --role ROLE FILE",
		Short: "Turn the ProtoJSON of a policy or profile into its document",
		Long: `Reads the ProtoJSON of a message and writes the canonical document that is signed
and verified: what the gateway derives is left out, @type is put in, and the text
follows RFC 8785. A file named - is the standard input. Notes about what was
changed go to the standard error.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := readRole("--role", role)
			if err != nil {
				return err
			}
			return canonicalize(env, r, args[0], out)
		},
	}
	cmd.Flags().StringVar(&role, "role", "SANDBOX_POLICY", "SANDBOX_POLICY, GLOBAL_POLICY, PROVIDER_PROFILE or SETTINGS")
	cmd.Flags().StringVar(&out, "out", "", "where to write the document (default: the standard output)")
	return cmd
}

func canonicalize(env *Env, role verifier.Role, path, out string) error {
	data, err := readFile(env, path, "file", verifier.MaxProtoJSON)
	if err != nil {
		return err
	}
	document, notes, err := verifier.Canonicalize(role, data)
	var refused *verifier.CanonicalizeError
	switch {
	case errors.As(err, &refused):
		return usageError(fmt.Errorf("%q has no document: %w", path, refused),
			fmt.Sprintf("mend it there; `sigdriver explain %s` says more", refused.Reason))
	case err != nil:
		return err
	}
	for _, note := range notes {
		fmt.Fprintf(env.Stderr, "note: %s\n", printable(note))
	}
	if err := writeFile(env, out, document); err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "%s document, %s, sha256:%x\n", role, plural(len(document), "byte", "bytes"), sha256.Sum256(document))
	return nil
}
