// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// ceremonyFlags say where a ceremony is and which private keys are at hand.
type ceremonyFlags struct {
	dir, keys  string
	keyFiles   []string
	passphrase passphraseFlags
}

func (f *ceremonyFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "dir", "", "the ceremony's folder")
	_ = cmd.MarkFlagRequired("dir") // fails only for a flag that does not exist
}

// registerKeys adds the options of commands that sign.
func (f *ceremonyFlags) registerKeys(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.keys, "keys", "", "folder of private keys (default: keys/ in the ceremony's folder)")
	cmd.Flags().StringArrayVar(&f.keyFiles, "key", nil, "a private key that is elsewhere: a PEM file, pkcs11:… or the URI of a KMS (repeatable)")
	f.passphrase.register(cmd)
}

// folder is the ceremony's folder.
func (f *ceremonyFlags) folder(env *Env) *ceremony.Folder {
	return &ceremony.Folder{
		Dir: f.dir, Keys: f.keys, KeyFiles: f.keyFiles, FS: env.FS, Now: env.Now,
		Read:    func(path, what string, limit int) ([]byte, error) { return readFile(env, path, what, limit) },
		OpenKey: func(path string) (*keys.Key, error) { return f.passphrase.load(env, path) },
	}
}

// finish shows what a step came to and how everything stands now.
func (f *ceremonyFlags) finish(env *Env, out sinks, result *ceremony.Result, err error) error {
	r, err := f.outcome(env, result, err)
	if err != nil {
		return err
	}
	return out.writeAll(env, r, func(p *printer) { r.print(p.w) })
}

// outcome is the report of a step.
func (f *ceremonyFlags) outcome(env *Env, result *ceremony.Result, err error) (*trustReport, error) {
	folder := f.folder(env)
	var missing *author.QuorumError
	if errors.As(err, &missing) {
		return nil, belowThreshold(folder, missing)
	}
	if err != nil {
		return nil, trustError(err)
	}
	r, base, err := f.standing(env, string(result.Action), result.Staged)
	if err != nil {
		return nil, err
	}
	r.Changes, r.Notes = result.Changes, result.Notes
	if base != nil && result.Action == ceremony.Published {
		if err := r.pin(env, folder.Published()); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// standing is a report of what is published, and of what is staged unless that is nil.
func (f *ceremonyFlags) standing(env *Env, action string, staged *author.Stage) (*trustReport, *author.Repository, error) {
	folder := f.folder(env)
	notes, err := folder.DisplayNotes()
	if err != nil {
		return nil, nil, trustError(err)
	}
	base, err := folder.Repository()
	if err != nil {
		return nil, nil, trustError(err)
	}
	r := newTrustReport(action, f.dir)
	if base != nil {
		r.addRepository(base, notes, env.Now())
	}
	if staged != nil {
		r.addStage(staged, notes)
	}
	return r, base, nil
}

// pin names the first root, which drivers may start from for ever.
func (r *trustReport) pin(env *Env, dir string) error {
	file := filepath.Join(dir, "metadata", "1.root.json")
	if !exists(file) {
		return nil
	}
	data, err := readFile(env, file, "first root", maxRoot)
	if err != nil {
		return err
	}
	r.Pin = &pinnedRoot{file, fmt.Sprintf("%x", sha256.Sum256(data))}
	return nil
}

func belowThreshold(folder *ceremony.Folder, missing *author.QuorumError) error {
	notes, err := folder.DisplayNotes()
	if err != nil {
		return trustError(err)
	}
	q, dir := missing.Quorums[0], printable(folder.Dir)
	remedy := fmt.Sprintf("give the missing keys with --key, or stage the change with `sigdriver trust stage --dir %s` for their holders to sign", dir)
	if exists(folder.Staged()) {
		remedy = fmt.Sprintf("let their holders run `sigdriver trust sign --dir DIR --key FILE` on a copy of %s, and copy the new signatures back", printable(folder.Staged()))
	}
	if exists(folder.Staged()) && exists(folder.Published()) {
		remedy += fmt.Sprintf("; meanwhile `sigdriver trust publish --dir %s --renew timestamp` keeps what is published fresh", dir)
	}
	return usageError(fmt.Errorf("nothing was published: %s has %d of %d signatures by the keys of %s; not yet signed by %s",
		q.Role, len(q.Signed), q.Threshold, q.By, keyTexts(named(notes, q.Missing))), remedy)
}
