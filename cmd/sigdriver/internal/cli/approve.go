// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier"
)

// approveFlags are the options of approve.
type approveFlags struct {
	signFlags
	to, stage string
	git       bool
	trust     trustFlags
}

func newApproveCommand(env *Env) *cobra.Command {
	f := &approveFlags{}
	cmd := &cobra.Command{
		Use:   "approve --key KEY --to DIR --workspace GLOB --name GLOB FILE…",
		Short: "Approve what authors wrote, under the next version, and deliver it",
		Long: `Does at once what canonicalize, sign and a copy do: makes the document of each file,
of each file of a folder, or of each of a --manifest, as sigdriver sign --help describes
one; finds the version; shows everything and asks once; signs; and puts the approvals,
named DOCUMENT.SIGNER.sigstore.json, into the folder --to.

The version is that of the approvals of the same role and scope that are in --to already,
and with --trust also of those that travel with trust: the latest one, where it approves
the same document, since people who approve together approve one version; one above it,
where it approves another; else the signed floor, or 1. With --trust only approvals
count that somebody known to trust has signed. A --version says it all.

With --git the approvals are committed in the work tree that --to is in; with --stage DIR
they are staged in a ceremony's folder, for trust to bring them to drivers.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.workspaceGiven = cmd.Flags().Changed("workspace")
			f.nameGiven = cmd.Flags().Changed("name")
			f.documents = args
			return approve(env, f)
		},
	}
	f.register(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.version, "version", "", "the version to approve it as (default: the next one)")
	fl.StringVar(&f.to, "to", "", "the folder of approvals")
	fl.StringVar(&f.stage, "stage", "", "also stage them in this ceremony's folder")
	fl.BoolVar(&f.git, "git", false, "commit them in the git work tree of --to")
	f.trust.register(cmd)
	cmd.MarkFlagsRequiredTogether("trust", "root")
	for _, name := range []string{"key", "to"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	return cmd
}

func approve(env *Env, f *approveFlags) error {
	if (len(f.documents) > 0) == (f.manifest != "") {
		return usageError(errors.New("say what to approve: files and folders, or a manifest"), "write it as `sigdriver approve --key KEY --to DIR … FILE…`, or with --manifest FILE")
	}
	list, err := f.files(env)
	if err != nil {
		return err
	}
	f.out = f.to
	past, err := f.past(env)
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].flags.version != "" {
			continue
		}
		v, err := past.next(env, &list[i])
		if err != nil {
			return err
		}
		list[i].flags.version = fmt.Sprint(v)
	}
	if err := signMany(env, &f.signFlags, list); err != nil {
		return err
	}
	return f.bring(env)
}

// past reads the approvals that there are.
func (f *approveFlags) past(env *Env) (*pastApprovals, error) {
	past := &pastApprovals{}
	if f.trust.dir != "" {
		trust, err := f.trust.load(env, env.Now().UTC(), false)
		if err != nil {
			return nil, err
		}
		past.trust = trust.Trust
		for _, a := range trust.attestations {
			past.add(a)
		}
	}
	return past, past.readFolder(env, f.to)
}

// bring commits or stages what was written.
func (f *approveFlags) bring(env *Env) error {
	if f.git {
		if err := commit(f.to, f.written); err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "Committed in %s\n", printable(f.to))
	}
	if f.stage == "" {
		return nil
	}
	folder := &ceremony.Folder{
		Dir: f.stage, FS: env.FS, Now: env.Now,
		Read:    func(path, what string, limit int) ([]byte, error) { return readFile(env, path, what, limit) },
		OpenKey: func(path string) (*keys.Key, error) { return f.passphrase.load(env, path) },
	}
	change := &ceremony.Change{}
	for _, path := range f.written {
		raw, err := readFile(env, path, "attestation", verifier.MaxAttestation)
		if err != nil {
			return err
		}
		change.Attestations = append(change.Attestations, ceremony.Attestation{Path: path, Data: raw})
	}
	if _, err := folder.StageChange(change); err != nil {
		return trustError(err)
	}
	fmt.Fprintf(env.Stderr, "Staged in %s, for `sigdriver trust sign --dir %s` and `sigdriver trust publish --dir %s`\n", printable(folder.Staged()), printable(f.stage), printable(f.stage))
	return nil
}

// commit commits files, and nothing else, in the work tree of a folder.
func commit(dir string, files []string) error {
	git := func(args ...string) error {
		for i, file := range files {
			if i == 0 {
				args = append(args, "--")
			}
			args = append(args, filepath.Base(file)) // they are in dir itself
		}
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
		if err != nil {
			first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
			return usageError(fmt.Errorf("the approvals are written, and git did not take them: %w: %.200s", err, first), "commit them by hand")
		}
		return nil
	}
	if err := git("add"); err != nil {
		return err
	}
	return git("commit", "-q", "-m", "approve "+plural(len(files), "document", "documents"))
}
