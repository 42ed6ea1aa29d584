// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

func newAuditExportCommand(env *Env) *cobra.Command {
	var states statesFlag
	var out string
	cmd := &cobra.Command{
		Use:   "export --state DIR --out FILE",
		Short: "Put a driver's evidence into one file",
		Long: `Writes the journal, the tile log with its checkpoint, the history of trust and the
objects of the archive that these name into one file, a pack. The same evidence makes
the same bytes. There is no policy body in it, and no key. The running driver is not
disturbed.

sigdriver audit verify FILE needs nothing but the pack, the pinned root and the log's key.

With --state once for each driver of a fleet that shares a memory, --out is a folder, and
gets one pack for each. Then the journals are held together: one that is missing is named
by the rows of the memory that its driver raised.

Exit codes: 0 packed, 1 the journal is damaged, and of several also that one is missing
or does not agree with the others, 2 usage.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if len(states) > 1 {
				return auditExportFleet(env, states, out)
			}
			return auditExport(env, states[0], out)
		},
	}
	cmd.Flags().Var(&states, "state", "a driver's state folder; again for each driver of a fleet")
	cmd.Flags().StringVarP(&out, "out", "o", "", "where to write the pack; of several, a folder for them")
	for _, name := range []string{"state", "out"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	return cmd
}

func auditExport(env *Env, state, out string) error {
	text, err := packInto(env, state, out)
	if err == nil {
		fmt.Fprint(env.Stderr, text)
	}
	return err
}

// packInto writes a pack, and says what is in it.
func packInto(env *Env, state, out string) (text string, err error) {
	sum := sha256.New()
	var m *evidence.Manifest
	var fault error // of the evidence, not of what is written
	var lost stickyWriter
	err = writeTo(env, out, func(w io.Writer) error {
		lost.w = w
		m, fault = evidence.WritePack(io.MultiWriter(&lost, sum), state)
		return fault
	})
	var corrupt *record.CorruptError
	switch {
	case lost.err != nil:
		return "", cannotWrite(out, lost.err)
	case errors.As(fault, &corrupt):
		return "", &ExitError{Code: ExitDenied, Err: fault, Remedy: "nothing was written; a damaged folder is itself the evidence, so copy it whole"}
	case fault != nil:
		return "", replayFault(state, fault)
	case err != nil:
		return "", cannotWrite(out, err)
	}
	text = fmt.Sprintf("Packed %s in %s, sha256:%x\n", plural(int(m.Entries), "entry", "entries"), plural(len(m.Members), "file", "files"), sum.Sum(nil))
	if n := len(m.Missing); n > 0 {
		text += fmt.Sprintf("The archive lacks %s that the evidence names\n", plural(n, "object", "objects"))
	}
	return text, nil
}

// auditExportFleet writes a pack for each driver into a folder, and says what the journals
// say together.
func auditExportFleet(env *Env, states []string, out string) error {
	if err := disk.MakeDirs(disk.OS{}, out, 0o755); err != nil {
		return cannotWrite(out, err)
	}
	fleet, err := eachState(states, nil, func(path string, u *unpacked, hear func(record.Stored) error) error {
		if err := eachEntry(u.dir, hear); err != nil {
			return replayFault(path, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, path := range states {
		u, err := unpackState(path)
		if err != nil {
			return err
		}
		name := filepath.Join(out, packName(i, fleet.Journals[i].Driver))
		text, err := packInto(env, u.dir, name)
		u.done()
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "%s: %s", name, text)
	}
	all, err := readOutputs([]string{"text"})
	if err != nil {
		return err
	}
	report := &fleetReport{MediaType: "application/vnd.sigdriver.fleet-audit.v1+json", Fleet: fleet}
	if err := all.writeAll(env, report, func(p *printer) { printFleet(p, fleet) }); err != nil {
		return err
	}
	if !fleet.Well() { // what could not be checked is for audit verify to say
		return fleetExit(fleet)
	}
	return nil
}

// packName is the file of a driver's pack, in the order in which the drivers were named.
func packName(i int, driver string) string {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, cmp.Or(driver, "alone"))
	return fmt.Sprintf("%d-%s.pack", i+1, plain)
}
