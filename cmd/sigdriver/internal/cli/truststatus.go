// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// trustStatusFlags are the options of trust status.
type trustStatusFlags struct {
	ceremonyFlags
	root    string
	within  string
	outputs []string
}

func newTrustStatusCommand(env *Env) *cobra.Command {
	f := &trustStatusFlags{}
	cmd := &cobra.Command{
		Use:   "status --dir DIR",
		Short: "Show every role: its version, who signed it and the days it has left",
		Long: `DIR is a ceremony's folder, a published repository, or a driver's state folder or
an export of it; the latter two need --root, the pinned root.json. What is staged
is shown with whose signatures are missing, and of the approvals that are published
and in force those that end within --within.

Exit codes: 0, or 4 when a role has expired that drivers cannot do without.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustStatus(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	cmd.Flags().StringVar(&f.root, "root", "", "the pinned root.json, for a state folder or an export")
	cmd.Flags().StringVar(&f.within, "within", "30d", "name the approvals in force that end within this time")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func trustStatus(env *Env, f *trustStatusFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	within, err := readDuration("--within", f.within)
	if err != nil {
		return err
	}
	r, err := f.status(env)
	if err != nil {
		return err
	}
	if err := f.approvals(env, r, within); err != nil {
		return err
	}
	if err := out.writeAll(env, r, func(p *printer) { r.print(p.w) }); err != nil {
		return err
	}
	if r.expired() {
		return &ExitError{Code: ExitInconclusive}
	}
	return nil
}

func (f *trustStatusFlags) status(env *Env) (*trustReport, error) {
	folder := f.folder(env)
	switch {
	case folder.Begun():
		return f.ceremonyStatus(env, folder)
	case exists(filepath.Join(f.dir, "metadata")):
		base, err := author.OpenRepository(nil, f.dir)
		if err != nil {
			return nil, trustError(err)
		}
		r := newTrustReport("status", f.dir)
		r.addRepository(base, &ceremony.Notes{}, env.Now())
		return r, nil
	}
	return f.stateStatus(env)
}

func (f *trustStatusFlags) ceremonyStatus(env *Env, folder *ceremony.Folder) (*trustReport, error) {
	base, err := folder.Repository()
	if err != nil {
		return nil, trustError(err)
	}
	staged, err := folder.Stage(base)
	if err != nil {
		return nil, trustError(err)
	}
	r, _, err := f.standing(env, "status", staged)
	if err == nil && staged != nil {
		r.Notes = staged.Warnings()
	}
	return r, err
}

// approvals adds the approvals in force that end soon, as far as there is trust to
// judge them by.
func (f *trustStatusFlags) approvals(env *Env, r *trustReport, within time.Duration) error {
	lint := trustLintFlags{ceremonyFlags: f.ceremonyFlags}
	if f.root != "" {
		lint.trust.dir, lint.trust.root = f.dir, f.root
	}
	subject, err := lint.subject(env)
	if err != nil || subject.trust == nil {
		return nil // what is wrong with it is for lint to say
	}
	now := env.Now()
	for _, a := range subject.trust.ApprovalsInForce(subject.attestations, now) {
		if a.NotAfter.Sub(now) <= within {
			r.Ending = append(r.Ending, endingApproval{a.File, a.Principal, a.About, a.Gateway, a.Workspace, a.Name, a.Version, a.NotAfter.UTC(), int64(a.NotAfter.Sub(now) / time.Second), a.String()})
		}
	}
	return nil
}

// stateStatus shows what a driver last accepted.
func (f *trustStatusFlags) stateStatus(env *Env) (*trustReport, error) {
	if f.root == "" {
		return nil, usageError(fmt.Errorf("%q is neither a ceremony's folder nor a published repository", f.dir),
			"for a driver's state folder or an export give --root, the pinned root.json")
	}
	trust := trustFlags{f.dir, f.root}
	snapshot, note, err := trust.read(env, tuf.LoadOffline, env.Now())
	if err != nil {
		return nil, err
	}
	r := newTrustReport("status", f.dir)
	for _, role := range tuf.Roles() {
		if info, ok := snapshot.Roles[role]; ok {
			r.Roles = append(r.Roles, roleLine(role, info.Version, info.Expires, env.Now()))
		}
	}
	r.Notes = append(r.Notes, fmt.Sprintf("epoch %d, accepted %s", note.Epoch, snapshot.AcceptedAt.UTC().Format(time.RFC3339)))
	return r, nil
}
