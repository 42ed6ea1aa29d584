// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier"
)

// trustPublishFlags are the options of trust publish.
type trustPublishFlags struct {
	ceremonyFlags
	change  changeFlags
	outputs []string
}

func newTrustPublishCommand(env *Env) *cobra.Command {
	f := &trustPublishFlags{}
	cmd := &cobra.Command{
		Use:   "publish --dir DIR [--authorities FILE] [--revocations FILE] …",
		Short: "Publish a change, or what is staged, or a fresh timestamp",
		Long: `With options that change something it signs the change with the keys at hand and
publishes it. When something is staged and everybody has signed, it adds snapshot
and timestamp and publishes that. Otherwise it publishes a fresh timestamp, which
a repository needs before the old one expires. What is staged and still waits for
signatures does not hold up --renew, --revocations and --attestation.

New trust is parsed and checked as a driver does it first. Nothing is published
unless every check passes and every threshold is met. Files appear before whatever
names them and the timestamp last, so a client never sees half a publication.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustPublish(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	f.registerKeys(cmd)
	f.change.register(cmd)
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func trustPublish(env *Env, f *trustPublishFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	base, err := f.repository()
	if err != nil {
		return err
	}
	staged, err := f.stage(base)
	if err != nil {
		return err
	}
	if staged != nil && f.change.empty() {
		return f.publishStaged(env, base, staged, out)
	}
	if staged != nil && f.change.holdersChange() {
		return alreadyStaged(f.dir)
	}
	if base, err = f.mustRepository(); err != nil {
		return err
	}
	s, notes, err := f.change.stage(env, &f.ceremonyFlags, base)
	if err != nil {
		return err
	}
	return f.signAndCommit(env, s, staged, tuf.Roles(), notes, out)
}

func alreadyStaged(dir string) error {
	return usageError(errors.New("another change is staged already"),
		fmt.Sprintf("publish it with `sigdriver trust publish --dir %s`, or drop it with `sigdriver trust stage --dir %s --discard`", printable(dir), printable(dir)))
}

// publishStaged completes what several people have signed. Only the keys of
// snapshot and timestamp sign here by themselves: nobody's approval of the change
// is made up from a key that happens to lie around.
func (f *trustPublishFlags) publishStaged(env *Env, base *author.Repository, s *author.Stage, out sinks) error {
	files, err := stagedFiles(s)
	if err != nil {
		return err
	}
	if _, err := checkTrust(base, files); err != nil {
		return err
	}
	return f.signAndCommit(env, s, nil, []string{tuf.RoleSnapshot, tuf.RoleTimestamp}, s.Warnings(), out)
}

// besideStaged reports whether a change can go out while another one still collects
// signatures: neither touches a role of the other, and root and targets, which the
// other roles hang on, stay. A revocation and a fresh timestamp must not wait until
// everybody has signed something else.
func besideStaged(s, staged *author.Stage) bool {
	roles := append(s.Roles(), tuf.RoleSnapshot, tuf.RoleTimestamp) // Complete adds these
	return !slices.ContainsFunc(roles, func(role string) bool {
		return role == tuf.RoleRoot || role == tuf.RoleTargets || slices.Contains(staged.Roles(), role)
	})
}

// stagedFiles returns the trust files as the stage leaves them, nil for none.
func stagedFiles(s *author.Stage) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, target := range sortedKeys(trustFiles(&verifier.TrustSource{})) {
		data, err := s.Target(target)
		if err != nil && !isNotExist(err) {
			return nil, trustError(err)
		}
		files[target] = data
	}
	return files, nil
}

// signAndCommit signs with the keys at hand of these roles and publishes. staged is
// another change that waits, nil for none.
func (f *ceremonyFlags) signAndCommit(env *Env, s, staged *author.Stage, roles []string, notes []string, out sinks) error {
	if staged != nil && !besideStaged(s, staged) {
		return alreadyStaged(f.dir)
	}
	names, err := f.openCeremony(env)
	if err != nil {
		return err
	}
	validity, err := names.validity()
	if err != nil {
		return err
	}
	signers, err := f.signers(env, s.Keys(roles...))
	if err != nil {
		return err
	}
	err = s.Complete(signers, env.Now(), validity)
	var missing *author.QuorumError
	if errors.As(err, &missing) {
		return f.belowThreshold(names, missing)
	}
	if err != nil {
		return trustError(err)
	}
	return f.commit(env, s, staged, notes, out)
}

func (f *ceremonyFlags) belowThreshold(names *ceremony, missing *author.QuorumError) error {
	q, dir := missing.Quorums[0], printable(f.dir)
	remedy := fmt.Sprintf("give the missing keys with --key, or stage the change with `sigdriver trust stage --dir %s` for their holders to sign", dir)
	if exists(f.staged()) {
		remedy = fmt.Sprintf("let their holders run `sigdriver trust sign --dir DIR --key FILE` on a copy of %s, and copy the new signatures back", printable(f.staged()))
	}
	if exists(f.staged()) && exists(f.published()) {
		remedy += fmt.Sprintf("; meanwhile `sigdriver trust publish --dir %s --renew timestamp` keeps what is published fresh", dir)
	}
	return usageError(fmt.Errorf("nothing was published: %s has %d of %d signatures by the keys of %s; not yet signed by %s",
		q.Role, len(q.Signed), q.Threshold, q.By, names.namesOf(q.Missing)), remedy)
}

// commit publishes a complete stage. It is saved first, so that a publication that
// is interrupted can be completed byte for byte; not where another one is staged,
// beside which there is no root to complete.
func (f *ceremonyFlags) commit(env *Env, s, staged *author.Stage, notes []string, out sinks) error {
	changes, err := s.Diff()
	if err != nil {
		return trustError(err)
	}
	if staged == nil {
		if err := f.save(env, s); err != nil {
			return err
		}
	}
	if err := s.Publish(env.FS, f.published(), env.Now()); err != nil {
		return trustError(err)
	}
	if staged == nil {
		if err := f.dropStage(env); err != nil {
			return trustError(err)
		}
	}
	return f.report(env, out, "published", changes, staged, notes)
}
