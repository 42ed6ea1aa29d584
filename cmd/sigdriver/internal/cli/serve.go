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
	who := &userFlag{}
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the driver",
		Long: `Answers a gateway's questions on a Unix socket until it gets SIGTERM; calls under way
are finished. SIGHUP reads the configuration again and refreshes trust. The log goes
to the standard error.

With --check it looks at the configuration and at everything that it names, changes
nothing, and exits: 0 when the driver would start, 2 when not. Files and groups are
tried as the user that it runs as; root tries them as the user of the unit that
starts a driver with this configuration, or as --user.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case !check && who.name != "":
				return usageError(errors.New("--user is for --check"), "start the driver as its user, for example with `runuser -u USER --`")
			case check:
				return who.run(env, o.ConfigFile, func() error { return serveCheck(env, o.ConfigFile) })
			}
			return serve(env, o)
		},
	}
	cmd.Flags().StringVar(&o.ConfigFile, "config", "", "the configuration file, TOML")
	cmd.Flags().BoolVar(&check, "check", false, "check the configuration and exit")
	who.register(cmd)
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
	looks := daemon.Preflight(context.Background(), file)
	var refused []error
	for _, l := range looks {
		if l.Err != nil {
			refused = append(refused, l.Err)
		}
	}
	if last := len(refused) - 1; last >= 0 {
		for _, err := range refused[:last] {
			fmt.Fprintf(env.Stderr, "sigdriver: %s\n", printable(err.Error()))
		}
		return startError(refused[last])
	}
	fmt.Fprintf(env.Stdout, "%s: the driver would start\n", printable(file))
	printLooks(&printer{w: env.Stdout, colour: env.colour(env.Stdout)}, looks)
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
