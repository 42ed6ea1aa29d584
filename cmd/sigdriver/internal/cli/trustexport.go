// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/tuf"
)

func newTrustExportCommand(env *Env) *cobra.Command {
	var dir, out string
	cmd := &cobra.Command{
		Use:   "export --dir STATE --out FILE",
		Short: "Write a driver's history of trust into one file",
		Long: `Writes everything that a driver ever accepted, as its state folder keeps it, into
one tar file. Commands with --trust read that file like the folder. The running
driver is not disturbed.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustExport(env, dir, out) },
	}
	cmd.Flags().StringVar(&dir, "dir", "", "a driver's state folder")
	cmd.Flags().StringVar(&out, "out", "", "where to write the export")
	for _, name := range []string{"dir", "out"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	return cmd
}

func trustExport(env *Env, dir, out string) error {
	var b bytes.Buffer
	err := tuf.Export(dir, &b)
	var none *tuf.NoHistoryError
	if errors.As(err, &none) {
		return usageError(err, "give the state folder of a driver; a published repository needs no export")
	}
	var damaged *tuf.CorruptError
	if errors.As(err, &damaged) {
		return &ExitError{Code: ExitDenied, Err: damaged, Remedy: "nothing was written; restore the state folder from a backup"}
	}
	if err != nil {
		return trustError(err)
	}
	if err := writeFile(env, out, b.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "Exported %s to %s\n", plural(b.Len(), "byte", "bytes"), printable(out))
	return nil
}
