// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/demo"
)

func newDemoCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Play the whole job on this machine, in a temporary folder",
		Long: `Makes keys and a TUF repository, approves a sandbox policy and two provider profiles,
starts the driver as a process of its own and plays the gateway, honest and not.
Each verdict is announced first; the exit code is 1 when one differs. It takes less
than a minute, uses no network and leaves nothing behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			binary, err := os.Executable()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			err = demo.Run(ctx, binary, env.Stdout)
			if errors.Is(err, demo.ErrDiffers) {
				return &ExitError{Code: ExitDenied, Err: err, Remedy: "the line marked ✗ above says which; please report it with `sigdriver version`"}
			}
			var place *demo.NoFolderError
			if errors.As(err, &place) {
				return usageError(err, "set TMPDIR to a folder you can write to")
			}
			return err
		},
	}
}
