// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

func newAuditExportCommand(env *Env) *cobra.Command {
	var state, out string
	cmd := &cobra.Command{
		Use:   "export --state DIR --out FILE",
		Short: "Put a driver's evidence into one file",
		Long: `Writes the journal, the tile log with its checkpoint, the history of trust and the
objects of the archive that these name into one file, a pack. The same evidence makes
the same bytes. There is no policy body in it, and no key. The running driver is not
disturbed.

sigdriver audit verify FILE needs nothing but the pack, the pinned root and the log's key.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return auditExport(env, state, out) },
	}
	cmd.Flags().StringVar(&state, "state", "", "a driver's state folder")
	cmd.Flags().StringVarP(&out, "out", "o", "", "where to write the pack")
	for _, name := range []string{"state", "out"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	return cmd
}

func auditExport(env *Env, state, out string) error {
	sum := sha256.New()
	var m *evidence.Manifest
	var fault error // of the evidence, not of what is written
	var lost stickyWriter
	err := writeTo(env, out, func(w io.Writer) error {
		lost.w = w
		m, fault = evidence.WritePack(io.MultiWriter(&lost, sum), state)
		return fault
	})
	var corrupt *record.CorruptError
	switch {
	case lost.err != nil:
		return cannotWrite(out, lost.err)
	case errors.As(fault, &corrupt):
		return &ExitError{Code: ExitDenied, Err: fault, Remedy: "nothing was written; a damaged folder is itself the evidence, so copy it whole"}
	case fault != nil:
		return replayFault(state, fault)
	case err != nil:
		return cannotWrite(out, err)
	}
	fmt.Fprintf(env.Stderr, "Packed %s in %s, sha256:%x\n", plural(int(m.Entries), "entry", "entries"), plural(len(m.Members), "file", "files"), sum.Sum(nil))
	if n := len(m.Missing); n > 0 {
		fmt.Fprintf(env.Stderr, "The archive lacks %s that the evidence names\n", plural(n, "object", "objects"))
	}
	return nil
}
