// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

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
	folder := f.folder(env)
	if f.discard {
		if err := folder.Discard(); err != nil {
			return trustError(err)
		}
		fmt.Fprintln(env.Stdout, "What was staged is dropped; what is published stays as it was.")
		return nil
	}
	change, err := f.change.read(env)
	if err != nil {
		return err
	}
	result, err := folder.StageChange(change)
	return f.finish(env, out, result, err)
}
