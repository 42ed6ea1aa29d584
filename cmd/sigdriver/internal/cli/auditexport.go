// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/pack"
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
	tmp, err := os.CreateTemp(filepath.Dir(out), ".sigdriver-out-*")
	if err != nil {
		return cannotWrite(out, err)
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	sum := sha256.New()
	m, err := pack.Write(io.MultiWriter(tmp, sum), state)
	var corrupt *journal.CorruptError
	switch {
	case errors.As(err, &corrupt):
		return &ExitError{Code: ExitDenied, Err: err, Remedy: "nothing was written; a damaged folder is itself the evidence, so copy it whole"}
	case err != nil:
		return replayFault(state, err)
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync(), os.Rename(tmp.Name(), out)); err != nil {
		return cannotWrite(out, err)
	}
	fmt.Fprintf(env.Stderr, "Packed %s in %s, sha256:%x\n", plural(int(m.Entries), "entry", "entries"), plural(len(m.Members), "file", "files"), sum.Sum(nil))
	if n := len(m.Missing); n > 0 {
		fmt.Fprintf(env.Stderr, "The archive lacks %s that the evidence names\n", plural(n, "object", "objects"))
	}
	return nil
}
