// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// auditShowFlags are the options of audit show.
type auditShowFlags struct {
	state, sandbox string
	outputs        []string
}

func newAuditShowCommand(env *Env) *cobra.Command {
	f := &auditShowFlags{}
	cmd := &cobra.Command{
		Use:   "show INDEX|latest --state DIR",
		Short: "Show one recorded decision: who counted, who did not and why",
		Long: `Shows the decision of a journal entry, by the index that answers and the driver's log
have; latest is the newest decision, with --sandbox that about one sandbox, by its
id, or by workspace/name. What is read is held against its digests; whether the
whole log holds together is for sigdriver audit verify.

Exit codes: 0 shown, 2 usage, 4 there is no such decision, or it cannot be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return auditShow(env, f, args[0]) },
	}
	cmd.Flags().StringVar(&f.state, "state", "", "a driver's state folder, a copy of it, or a pack")
	_ = cmd.MarkFlagRequired("state") // fails only for a flag that does not exist
	cmd.Flags().StringVar(&f.sandbox, "sandbox", "", "the newest about this sandbox: its id, or workspace/name")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func auditShow(env *Env, f *auditShowFlags, which string) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	u, err := unpackState(f.state)
	if err != nil {
		return err
	}
	defer u.done()
	f.state = u.dir
	found, err := f.find(which)
	if err != nil {
		return err
	}
	kept, err := f.record(found)
	if err != nil {
		return err
	}
	return out.render(env, func(p *printer, format string) error {
		if format == "json" {
			_, err := fmt.Fprintf(p.w, "%s\n", verifier.DecisionJSON(kept))
			return err
		}
		printShown(p, found, kept)
		return nil
	})
}

// record reads the whole decision of an entry.
func (f *auditShowFlags) record(entry *record.Stored) (*verifier.Decision, error) {
	kept, err := evidence.OpenArchive(f.state).Record(entry.Decision)
	if err != nil {
		return nil, &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("entry %d: its decision record cannot be read: %w", entry.Seq, err), Remedy: "`sigdriver audit verify` says what else of the folder is missing"}
	}
	return kept.Decision, nil
}

// find looks for the entry.
func (f *auditShowFlags) find(which string) (*record.Stored, error) {
	index, err := strconv.ParseUint(which, 10, 63)
	latest := which == "latest"
	if err != nil && !latest || f.sandbox != "" && !latest {
		return nil, usageError(fmt.Errorf("%.40q is no index of an entry", which), "give the log_index of a line of the driver's log, or latest")
	}
	var found *record.Stored
	for e, err := range record.Read(disk.OS{}, filepath.Join(f.state, "audit"), index) {
		var torn *record.TornError
		if errors.As(err, &torn) {
			break // an entry that is being written
		}
		var corrupt *record.CorruptError
		if errors.As(err, &corrupt) {
			return nil, &ExitError{Code: ExitInconclusive, Err: err, Remedy: "`sigdriver audit verify` looks at the whole log"}
		}
		if err != nil {
			return nil, journalFault(f.state, err)
		}
		if !latest {
			if e.Seq == index {
				found = &e
			}
			break
		}
		if e.Decision != nil && f.wanted(e.Decision) {
			kept := e
			found = &kept
		}
	}
	if found == nil || found.Decision == nil {
		return nil, &ExitError{Code: ExitInconclusive, Err: errors.New("there is no such decision in the journal"), Remedy: "`sigdriver audit show latest` shows the newest"}
	}
	return found, nil
}

func (f *auditShowFlags) wanted(e *record.Entry) bool {
	return f.sandbox == "" || f.sandbox == e.Target.SandboxID || f.sandbox == e.Target.Workspace+"/"+e.Target.Name
}

func printShown(p *printer, stored *record.Stored, d *verifier.Decision) {
	e := stored.Decision
	p.line("Entry %d, %s: %s of %s:%s/%s", stored.Seq, e.Time.UTC().Format(time.RFC3339), e.Purpose, e.Target.GatewayID, e.Target.Workspace, e.Target.Name)
	p.line("  asked by uid %d, decided by driver %s with trust epoch %d", e.Peer.UID, e.Driver, e.Trust.Epoch)
	for i, doc := range d.Documents {
		mark := failed
		if doc.Passed {
			mark = passed
		}
		who := "nobody"
		if len(doc.Principals) > 0 {
			who = strings.Join(doc.Principals, ", ")
		}
		p.check(mark, fmt.Sprintf("document %d", i), "sha256:%x, version %d; counted: %s", doc.SHA256[:8], doc.Version, printable(who))
	}
	for _, f := range d.Findings {
		p.check(unseen, f.Reason.String(), "%s", printable(f.Detail))
	}
	if d.Verdict == verifier.Allow {
		p.line("%s", d.Verdict)
		return
	}
	p.line("%s %s", d.Verdict, d.Reason)
	if d.NearestMiss.Text != "" {
		p.line("Nearest miss: %s", d.NearestMiss.Text)
	}
	if d.NearestMiss.Command != "" {
		p.line("    %s", d.NearestMiss.Command)
	}
}
