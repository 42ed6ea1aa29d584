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
	outputs []string
}

func newTrustStatusCommand(env *Env) *cobra.Command {
	f := &trustStatusFlags{}
	cmd := &cobra.Command{
		Use:   "status --dir DIR",
		Short: "Show every role: its version, who signed it and the days it has left",
		Long: `DIR is a ceremony's folder, a published repository, or a driver's state folder or
an export of it; the latter two need --root, the pinned root.json. What is staged
is shown with whose signatures are missing.

Exit codes: 0, or 4 when a role has expired that drivers cannot do without.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustStatus(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	cmd.Flags().StringVar(&f.root, "root", "", "the pinned root.json, for a state folder or an export")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func trustStatus(env *Env, f *trustStatusFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	r, err := f.status(env)
	if err != nil {
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
