// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"
)

// trustPublishFlags are the options of trust publish.
type trustPublishFlags struct {
	ceremonyFlags
	change  changeFlags
	outputs []string
}

func newTrustPublishCommand(env *Env) *cobra.Command {
	f := &trustPublishFlags{}
	cmd := &cobra.Command{
		Use:   "publish --dir DIR [--authorities FILE] [--revocations FILE] …",
		Short: "Publish a change, or what is staged, or a fresh timestamp",
		Long: `With options that change something it signs the change with the keys at hand and
publishes it. When something is staged and everybody has signed, it adds snapshot
and timestamp and publishes that. Otherwise it publishes a fresh timestamp, which
a repository needs before the old one expires. What is staged and still waits for
signatures does not hold up --renew, --revocations and --attestation.

New trust is parsed and checked as a driver does it first. Nothing is published
unless every check passes and every threshold is met. Files appear before whatever
names them and the timestamp last, so a client never sees half a publication.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustPublish(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	f.registerKeys(cmd)
	f.change.register(cmd)
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func trustPublish(env *Env, f *trustPublishFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	change, err := f.change.read(env)
	if err != nil {
		return err
	}
	result, err := f.folder(env).Publish(change)
	return f.finish(env, out, result, err)
}
