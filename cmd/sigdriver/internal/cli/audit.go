// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import "github.com/spf13/cobra"

func newAuditCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check the evidence that a driver leaves",
		Long: `A driver keeps in its state folder:

    audit/      the journal: every distinct decision, in order, each entry with the
                digest of the one before
    log/        the same entries as a transparency log (c2sp.org/tlog-tiles), with a
                signed checkpoint
    archive/    what the entries name by digest: decision records, attestations that
                counted, TUF metadata and trust files

These commands read the folder or a copy of it, on any machine, and change nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return &ExitError{Code: ExitUsage}
		},
	}
	cmd.AddCommand(
		newAuditShowCommand(env),
		newAuditVerifyCommand(env),
		newAuditReplayCommand(env),
		newAuditExportCommand(env),
		newAuditReconcileCommand(env),
		newAuditReportCommand(env),
	)
	return cmd
}
