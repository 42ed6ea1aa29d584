// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
)

func newAuditReportCommand(env *Env) *cobra.Command {
	f := &replayFlags{}
	var out string
	cmd := &cobra.Command{
		Use:   "report --state DIR --root FILE --out FILE",
		Short: "Make a page that people can look at",
		Long: `Replays as sigdriver audit replay does, and makes one HTML page of what was decided:
decisions and refusals over time, the epochs of trust, versions and signers, days to
expiry, and what the replay came to. The page is one file. It loads nothing and runs no
script, and it reads on paper.

With --state once for each driver of a fleet that shares a memory, the page is about all
of them together, in the order of the rows of their memory, and names what no journal
explains.

Exit codes are those of sigdriver audit replay; the page is written in any case.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return auditReportPage(env, f, out) },
	}
	f.register(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "", "where to write the page")
	_ = cmd.MarkFlagRequired("out") // fails only for a flag that does not exist
	return cmd
}

func auditReportPage(env *Env, f *replayFlags, out string) error {
	r, o, end, err := f.reported(env)
	if err != nil {
		return err
	}
	for _, state := range f.states {
		env.reads(state)
	}
	var b bytes.Buffer
	if err := replay.WritePage(&b, r, o); err != nil {
		return err
	}
	if err := writeFile(env, out, b.Bytes()); err != nil {
		return err
	}
	return end
}

// reported is what the page is about, and how the command ends.
func (f *replayFlags) reported(env *Env) (r *replay.Report, o *replay.Options, end, err error) {
	if len(f.states) == 1 {
		if r, o, err = f.runOne(env); err == nil {
			end = replayExit(r)
		}
		return r, o, end, err
	}
	all, options, worst, err := f.runFleet(env)
	if err != nil {
		return nil, nil, nil, err
	}
	o = options[0]
	o.Dir = strings.Join(f.states, ", ")
	return replay.Union(all.members, all.fleet), o, worse(worst, fleetExit(all.fleet)), nil
}
