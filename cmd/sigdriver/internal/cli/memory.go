// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
)

func newMemoryCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "memory",
		Short: "The memory that several drivers share, in PostgreSQL",
		Long: `Drivers of several gateways share what they have learned through a PostgreSQL that you
run already: floors, where sandboxes were first allowed, and signed resets. See
docs/memory.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return &ExitError{Code: ExitUsage}
		},
	}
	cmd.AddCommand(newMemoryInitCommand(env), newMemoryStatusCommand(env), newMemoryImportCommand(env), newMemoryExportCommand(env))
	return cmd
}

func newMemoryInitCommand(env *Env) *cobra.Command {
	var show bool
	var role string
	var drivers int
	cmd := &cobra.Command{
		Use:   "init --print",
		Short: "Print the schema and the grants, for an administrator to apply",
		Long: `Prints what an administrator of the database applies once, in one transaction: the
schema, and the role that drivers connect as, which may read and call the one function
that raises. sigdriver itself never connects as anybody who could change the schema.

    sigdriver memory init --print | psql --set ON_ERROR_STOP=1 --dbname sigdriver

Afterwards give the role a password, or have pg_hba.conf know it by its certificate.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case !show:
				return usageError(errors.New("an administrator applies the schema"), "run `sigdriver memory init --print` and give what it prints to psql")
			case role == "" || len(role) > 63:
				return usageError(errors.New("a database role has 1 to 63 bytes"), "leave out --role for sigdriver_driver")
			case drivers < 1 || drivers > 1000:
				return usageError(fmt.Errorf("%d drivers", drivers), "give --drivers a number from 1 to 1000")
			}
			_, err := fmt.Fprint(env.Stdout, memory.Schema(role, 2*drivers+2))
			return err
		},
	}
	cmd.Flags().BoolVar(&show, "print", false, "print it")
	cmd.Flags().StringVar(&role, "role", "sigdriver_driver", "the role that drivers connect as")
	cmd.Flags().IntVar(&drivers, "drivers", 50, "how many drivers may connect at once; each has two connections")
	return cmd
}
