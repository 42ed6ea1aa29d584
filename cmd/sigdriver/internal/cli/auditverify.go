// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
)

// auditVerifyFlags are the options of audit verify.
type auditVerifyFlags struct {
	state     string // the one
	states    statesFlag
	logKeys   []string
	witnesses []string
	quorum    int
	root      string // of a pack
	outputs   []string
}

func newAuditVerifyCommand(env *Env) *cobra.Command {
	f := &auditVerifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify DIR|PACK...",
		Short: "Check a driver's whole log: every entry, hash, signature and archived object",
		Long: `Reads the state folder of a driver, or a copy of it. Every entry of the journal has to
follow the one before; every tile and entry bundle of the transparency log has to be,
byte for byte, what the journal makes; the checkpoint has to be signed by the log's
key; and the archive has to hold what each entry names. What is wrong is named by its
file, byte and log index.

The log's key is what ` + "`sigdriver serve --check`" + ` prints, and comes to the auditor by a way
that does not lead through the folder.

A pack that ` + "`sigdriver audit export`" + ` wrote is checked likewise, and with --root every
decision in it is decided again. What that does not prove is said.

Several folders or packs are those of drivers that share a memory: each is checked alone,
and then each row of the memory has to be explained by an entry of one of them. The
journals that are not among them are named by the rows that their drivers raised. With
--root the signatures of rows are checked by the keys that drivers.json lists.

Exit codes: 0 everything was checked and is right, 1 something is wrong, 4 nothing is
wrong, but something could not be checked.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			paths := append(args, f.states...)
			if len(paths) == 0 || len(args) > 0 && len(f.states) > 0 {
				return usageError(errors.New("one state folder is needed, or one of each driver of a fleet"), "run `sigdriver audit verify DIR`")
			}
			if len(paths) > 1 {
				return auditVerifyFleet(env, f, paths)
			}
			f.state = paths[0]
			if isPack(f.state) {
				return auditVerifyPack(env, f)
			}
			return auditVerify(env, f)
		},
	}
	cmd.Flags().Var(&f.states, "state", "the state folder, instead of DIR; again for each driver of a fleet")
	cmd.Flags().StringArrayVar(&f.logKeys, "log-key", nil, "the log's key, NAME+HASH+KEY, or a file that holds it (repeatable)")
	cmd.Flags().StringArrayVar(&f.witnesses, "witness", nil, "the key of a witness, likewise (repeatable)")
	cmd.Flags().IntVar(&f.quorum, "quorum", 0, "how many witnesses have to have signed; all that are given by default")
	cmd.Flags().StringVar(&f.root, "root", "", "the pinned root.json, to decide again what a pack holds, and to check who signed the rows of a fleet")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func auditVerify(env *Env, f *auditVerifyFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	o, err := f.options(env)
	if err != nil {
		return err
	}
	r, err := evidence.Verify(f.state, o)
	if err != nil {
		return auditError(f.state, err)
	}
	report := auditReport{"application/vnd.sigdriver.audit.v1+json", r}
	if err := out.writeAll(env, report, func(p *printer) { printAudit(p, f.state, r) }); err != nil {
		return err
	}
	return auditExit(r)
}

func (f *auditVerifyFlags) options(env *Env) (o evidence.VerifyOptions, err error) {
	if o.LogKeys, err = readVerifiers(env, "log key", f.logKeys, note.NewVerifier); err != nil {
		return o, err
	}
	if o.Witnesses, err = readVerifiers(env, "witness key", f.witnesses, tilelog.NewWitnessVerifier); err != nil {
		return o, err
	}
	o.Quorum = f.quorum
	if o.Quorum == 0 {
		o.Quorum = len(o.Witnesses)
	}
	if o.Quorum < 0 || o.Quorum > len(o.Witnesses) {
		return o, usageError(fmt.Errorf("%d of %d witnesses can never sign", f.quorum, len(o.Witnesses)), "give each of them with --witness")
	}
	return o, nil
}

// readVerifiers reads keys of signed notes: each in the argument, or in a file.
func readVerifiers(env *Env, what string, args []string, parse func(string) (note.Verifier, error)) ([]note.Verifier, error) {
	var keys []note.Verifier
	for _, arg := range args {
		text := arg
		if !strings.Contains(arg, "+") || exists(arg) {
			data, err := readFile(env, arg, what, 4096)
			if err != nil {
				return nil, err
			}
			text = strings.TrimSpace(string(data))
		}
		k, err := parse(text)
		if err != nil {
			return nil, noVerifier(arg, text, what)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// noVerifier names what is no key to verify with by its file, or by its argument. What a file
// holds, and a private key anywhere, is shown to nobody.
func noVerifier(arg, text, what string) error {
	remedy := "give NAME+HASH+KEY, as `sigdriver serve --check` prints it for a log"
	switch {
	case strings.Contains(text, "PRIVATE"):
		if arg == text {
			arg = "that"
		}
		return usageError(fmt.Errorf("%.200q is a private key, and no %s", arg, what), remedy)
	case arg == text:
		return usageError(fmt.Errorf("%.200q is no %s", arg, what), remedy)
	}
	return usageError(fmt.Errorf("%.200q holds no %s", arg, what), remedy)
}

// auditError is a folder that cannot be audited.
func auditError(dir string, err error) error {
	var none *evidence.NoStateError
	var path *fs.PathError
	switch {
	case errors.As(err, &none):
		return usageError(none, "name the state_dir of a driver's configuration, or a copy of it")
	case errors.As(err, &path):
		return usageError(fmt.Errorf("the state folder %q cannot be read: %w", dir, err), "read it as the driver's user, or copy it first")
	}
	return err
}

// auditReport is what -o json writes.
type auditReport struct {
	MediaType string `json:"mediaType"`
	*evidence.Report
}

// printAudit says what was checked, then what was found, then the verdict.
func printAudit(p *printer, dir string, r *evidence.Report) {
	p.line("The log in %s", dir)
	mark := func(prefix string) string {
		for _, f := range r.Findings {
			if strings.HasPrefix(f.File, prefix) {
				return failed
			}
		}
		return passed
	}
	p.check(mark("audit/"), "journal", "%d entries: %d decisions, %d counts of answers given again, %d of refusals; the last is %s", r.Entries, r.Decisions, r.Served, r.Suppressed, r.Head)
	if r.Bundled > 0 {
		p.check(unseen, "", "the first %d were read from their bundles: their segments are kept elsewhere", r.Bundled)
	}
	if n := len(r.Movable); n > 0 {
		p.check(unseen, "", "%s may be kept elsewhere, from %s to %s", plural(n, "segment", "segments"), r.Movable[0], r.Movable[n-1])
	}
	if r.Torn != nil {
		p.check(unseen, "", "%v", r.Torn)
	}
	if c := r.Checkpoint; c != nil {
		p.check(mark("log/"), "tile log", "%d tiles and bundles; %s at %d entries, root %s", r.Tiles, c.Origin, c.Size, c.Root)
		if c.Signed {
			p.check(passed, "signature", "%s", strings.Join(append([]string{c.Origin}, c.Cosigs...), ", "))
		}
		if left := r.Entries - min(c.Size, r.Entries); left > 0 {
			p.check(unseen, "", "%d entries are newer than the checkpoint", left)
		}
	}
	p.check(mark("archive/"), "archive", "%d objects", r.Objects)
	for _, f := range r.Findings {
		p.line("%s %s: %s", f.Code, place(&f), f.Detail)
	}
	if r.More > 0 {
		p.line("and %d more", r.More)
	}
	for _, sentence := range r.Unchecked {
		p.check(unseen, "not checked", "%s", sentence)
	}
	p.line("%s", auditVerdict(r))
}

func place(f *evidence.Finding) string {
	at := f.File
	if f.Offset >= 0 {
		at += fmt.Sprintf(", byte %d", f.Offset)
	}
	if f.Entry >= 0 {
		at += fmt.Sprintf(", entry %d", f.Entry)
	}
	return at
}

func auditVerdict(r *evidence.Report) string {
	switch {
	case !r.Well():
		return "The log is not as it was written. Keep the folder as evidence, and restore nothing over it."
	case r.Entries == 0:
		return "There is no entry: nothing was verified."
	case len(r.Unchecked) > 0:
		return "Nothing is wrong with what was checked."
	}
	return "The log is whole, and nothing in it was changed."
}
