// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/daemon"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
)

// memoryError is a memory that could not be asked: something for its operator to mend.
func memoryError(err error) error {
	var start *daemon.StartError
	if errors.As(err, &start) {
		return usageError(start, "")
	}
	return &ExitError{Code: ExitInconclusive, Err: err, Remedy: "docs/memory.md lists what may be wrong"}
}

func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "the driver's configuration file")
	_ = cmd.MarkFlagRequired("config") // fails only for a flag that does not exist
}

func newMemoryStatusCommand(env *Env) *cobra.Command {
	var file string
	var outputs []string
	cmd := &cobra.Command{
		Use:   "status --config FILE",
		Short: "Ask the memory how it stands, as the driver would",
		Long: `Connects as the driver of the configuration does, with the same demands on the server and
on the role, and says which memory it is, how many rows it has and who raised them.
The driver may run meanwhile.

Exit codes: 0 the driver could use it, 2 configuration, 4 it could not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := readOutputs(outputs)
			if err != nil {
				return err
			}
			s, err := daemon.MemoryStatus(cmd.Context(), file)
			if err != nil {
				return memoryError(err)
			}
			report := struct {
				MediaType string `json:"mediaType"`
				*memory.Status
			}{"application/vnd.sigdriver.memory.v1+json", s}
			return out.writeAll(env, report, func(p *printer) { printMemory(p, s) })
		},
	}
	configFlag(cmd, &file)
	registerOutputs(cmd, &outputs)
	return cmd
}

func printMemory(p *printer, s *memory.Status) {
	p.line("memory   %s, schema %d, %d rows, the last %s", s.Memory, s.Format, s.Revision, s.Sum)
	p.line("answers  in %.1f ms", 1000*s.Took)
	for _, d := range s.Drivers {
		p.line("driver   %s: %d rows, the last %d in session %d", printable(d.ID), d.Rows, d.Last, d.Session)
	}
}

func newMemoryImportCommand(env *Env) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "import --config FILE",
		Short: "Have a stopped driver join the memory and bring what it remembers",
		Long: `For a driver that has remembered alone, and for one whose memory has gone back to an old
copy (MEMORY_ROLLBACK): it is your word that the memory is to be used as it is. The
driver is stopped. It learns every row, raises in the memory what its own journal has
beyond, and writes that into the journal. Where the memory has gone back, stop all its
drivers before the first imports: one that has learned no more than the copy has cannot
tell.

Exit codes: 0 it has joined, 1 it has, and the two say different things of a version or
a sandbox, which are named, 2 configuration, 4 the memory could not be used.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			got, err := daemon.ImportMemory(cmd.Context(), file)
			if err != nil {
				return memoryError(err)
			}
			fmt.Fprintf(env.Stdout, "joined memory %s in session %d: learned %d rows, raised %s and bound %s; the memory has %d rows\n",
				got.Memory, got.Session, got.Learned, plural(got.Floors, "floor", "floors"), plural(got.Places, "sandbox", "sandboxes"), got.Revision)
			for _, sentence := range got.Disagree {
				fmt.Fprintln(env.Stdout, printable(sentence))
			}
			if len(got.Disagree) > 0 {
				return &ExitError{Code: ExitDenied}
			}
			return nil
		},
	}
	configFlag(cmd, &file)
	return cmd
}

func newMemoryExportCommand(env *Env) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "export --config FILE",
		Short: "Have a stopped driver go on alone with what it has learned",
		Long: `Everything that a driver has learned from the memory is in its own journal. This ends the
sharing: take [memory] out of the configuration and start the driver. What other drivers
raise from then on it does not know.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			is, err := daemon.LeaveMemory(file)
			if err != nil {
				return memoryError(err)
			}
			_, err = fmt.Fprintf(env.Stdout, "left memory %s at row %d; take [memory] out of %s before the driver starts\n", is.Memory, is.Revision, printable(file))
			return err
		},
	}
	configFlag(cmd, &file)
	return cmd
}
