// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/tuf/author"
)

func newTrustCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Make, change and publish the trust that drivers follow",
		Long: `Trust is a TUF repository: a folder of signed files that any static web server can
serve. A ceremony keeps it in one folder:

    published/      the repository: serve this folder and nothing beside it
    staged/         a change that still collects signatures; pass it round
    keys/           private keys of this machine, NAME.key beside NAME.pub
    ceremony.toml   how long each role lives and what people call the keys

With all keys at hand, init and publish do everything at once. With several
people, stage, sign and publish are steps, each on anybody's machine.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return &ExitError{Code: ExitUsage}
		},
	}
	cmd.AddCommand(
		newTrustInitCommand(env),
		newTrustPublishCommand(env),
		newTrustRenewCommand(env),
		newTrustStageCommand(env),
		newTrustSignCommand(env),
		newTrustStatusCommand(env),
		newTrustRotateRootCommand(env),
		newTrustRevokeCommand(env),
		newTrustExportCommand(env),
		newTrustLintCommand(env),
		newTrustPlanCommand(env),
	)
	return cmd
}

// trustError turns what a ceremony refuses into a sentence and a remedy. What it does
// not know stays our own fault.
func trustError(err error) error {
	var (
		exit       *ExitError
		refused    *ceremony.Error
		change     *author.ChangeError
		holders    *author.KeyholdersError
		staged     *author.StageError
		repository *author.RepositoryError
		publishing *author.LockedError
		locked     *ceremony.LockedError
		path       *fs.PathError
	)
	switch {
	case err == nil || errors.As(err, &exit):
		return err
	case errors.As(err, &refused):
		return usageError(refused.Err, printable(refused.Remedy))
	case errors.As(err, &change):
		return usageError(change, "nothing was published; `sigdriver trust stage --discard` drops what is staged")
	case errors.As(err, &holders):
		return usageError(holders, "give the role different keys or another threshold")
	case errors.As(err, &staged):
		return usageError(staged, "nothing was published; ask whoever staged the change for a fresh copy, or drop it with `sigdriver trust stage --discard`")
	case errors.As(err, &repository):
		return usageError(fmt.Errorf("the published repository cannot be used: %w", repository), "restore the folder from the web server or from a backup")
	case errors.As(err, &publishing):
		return usageError(publishing, "wait until the other publication is done")
	case errors.As(err, &locked):
		return usageError(locked, "nothing was changed; run it again when that is done")
	case errors.As(err, &path):
		return usageError(err, "check that the folder exists and that you may write to it")
	}
	return err
}
