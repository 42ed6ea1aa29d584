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
	var dir, out, root string
	var drivers bool
	cmd := &cobra.Command{
		Use:   "export --dir STATE --out FILE [--drivers --root FILE]",
		Short: "Write a driver's history of trust into one file",
		Long: `Writes everything that a driver ever accepted, as its state folder keeps it, into
one tar file. Commands with --trust read that file like the folder. The running
driver is not disturbed.

With --drivers it writes drivers.json alone, with the roots after the pinned one and
the metadata of targets that prove it: what supervisors that demand receipts read.
--dir may then be a published repository, too. The file holds until root or targets
expires; have a timer renew it, and carry it to the nodes in any way: who changes it
makes it worthless. A published drivers.json with a revoked key is not exported.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if drivers {
				return trustExportDrivers(env, &trustFlags{dir, root}, out)
			}
			return trustExport(env, dir, out)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "a driver's state folder")
	cmd.Flags().BoolVar(&drivers, "drivers", false, "write the proof of drivers.json that supervisors read")
	cmd.Flags().StringVar(&root, "root", "", "with --drivers: the pinned root.json")
	cmd.MarkFlagsRequiredTogether("drivers", "root")
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
