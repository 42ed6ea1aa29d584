// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/daemon"
)

func newServeCommand(env *Env) *cobra.Command {
	var o daemon.Options
	var check bool
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the driver",
		Long: `Answers a gateway's questions on a Unix socket until it gets SIGTERM; calls under way
are finished. SIGHUP reads the configuration again and refreshes trust. The log goes
to the standard error.

With --check it looks at the configuration and at everything that it names, changes
nothing, and exits: 0 when the driver would start, 2 when not.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if check {
				return serveCheck(env, o.ConfigFile)
			}
			return serve(env, o)
		},
	}
	cmd.Flags().StringVar(&o.ConfigFile, "config", "", "the configuration file, TOML")
	cmd.Flags().BoolVar(&check, "check", false, "check the configuration and exit")
	cmd.Flags().StringVar(&o.BindSocket, "bind-socket", "", "for development: make the socket here, for a gateway of the same user; no trust boundary")
	cmd.Flags().BoolVar(&o.AcceptLostFloors, "accept-lost-floors", false, "start although the memory that protects trust against rollback is lost; once, and knowing it")
	cmd.Flags().BoolVar(&o.RebuildFloors, "rebuild-floors", false, "read lost policy floors back from the audit journal; once")
	cmd.Flags().BoolVar(&o.AcceptClock, "accept-clock", false, "take the wall clock for right although the driver remembers a later time; once, and recorded")
	for _, flag := range []string{"bind-socket", "accept-lost-floors", "rebuild-floors", "accept-clock"} {
		cmd.MarkFlagsMutuallyExclusive("check", flag)
	}
	_ = cmd.MarkFlagRequired("config") // fails only for a flag that does not exist
	return cmd
}

func serveCheck(env *Env, file string) error {
	notes, err := daemon.Check(file)
	if err != nil {
		return startError(err)
	}
	fmt.Fprintf(env.Stdout, "%s: the driver would start\n", printable(file))
	for _, note := range notes {
		fmt.Fprintln(env.Stdout, printable(note))
	}
	return nil
}

func serve(env *Env, o daemon.Options) error {
	if o.BindSocket != "" {
		fmt.Fprintln(env.Stderr, "sigdriver: --bind-socket is for development: the gateway runs as the driver's own user, so there is no trust boundary between them")
	}
	o.Log = env.Stderr
	return startError(daemon.Run(context.Background(), o))
}

// startError is a driver that does not start: something for its operator to mend.
func startError(err error) error {
	var start *daemon.StartError
	if errors.As(err, &start) {
		return usageError(start, "")
	}
	return err
}
