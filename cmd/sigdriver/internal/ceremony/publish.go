// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"slices"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// Publish signs a change with the keys at hand and publishes it. One that changes
// nothing publishes what is staged, or else a fresh timestamp. An *author.QuorumError
// says whose signatures are missing; then nothing was published.
func (f *Folder) Publish(c *Change) (*Result, error) {
	release, err := f.hold("publish")
	if err != nil {
		return nil, err
	}
	defer release()
	base, staged, err := f.open()
	switch {
	case err != nil:
		return nil, err
	case staged != nil && c.empty():
		return f.publishStaged(base, staged)
	case staged != nil && c.handsOver():
		return nil, f.alreadyStaged()
	case base == nil:
		return nil, f.unpublished()
	}
	s, err := f.newStage(base, c)
	if err != nil {
		return nil, err
	}
	return f.signAndCommit(s, staged, tuf.Roles(), s.Warnings())
}

// publishStaged completes what several people have signed. Only the keys of
// snapshot and timestamp sign here by themselves: nobody's approval of the change
// is made up from a key that happens to lie around.
func (f *Folder) publishStaged(base *author.Repository, s *author.Stage) (*Result, error) {
	if err := checkStaged(base, s); err != nil {
		return nil, err
	}
	return f.signAndCommit(s, nil, []string{tuf.RoleSnapshot, tuf.RoleTimestamp}, s.Warnings())
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

// signAndCommit signs with the keys at hand of these roles and publishes. staged is
// another change that waits, nil for none.
func (f *Folder) signAndCommit(s, staged *author.Stage, roles []string, notes []string) (*Result, error) {
	if staged != nil && !besideStaged(s, staged) {
		return nil, f.alreadyStaged()
	}
	n, err := f.Notes()
	if err != nil {
		return nil, err
	}
	lifetimes, err := n.Lifetimes()
	if err != nil {
		return nil, err
	}
	signers, err := f.signers(s.Keys(roles...))
	if err != nil {
		return nil, err
	}
	if err := s.Complete(signers, f.Now(), lifetimes); err != nil {
		return nil, err
	}
	return f.commit(s, staged, notes)
}

// commit publishes a complete stage. It is saved first, so that a publication that
// is interrupted can be completed byte for byte; not where another one is staged,
// beside which there is no root to complete.
func (f *Folder) commit(s, staged *author.Stage, notes []string) (*Result, error) {
	changes, err := s.Diff()
	if err != nil {
		return nil, err
	}
	if staged == nil {
		if err := f.save(s); err != nil {
			return nil, err
		}
	}
	if err := s.Publish(f.FS, f.Published(), f.Now()); err != nil {
		return nil, err
	}
	if staged == nil {
		if err := f.dropStage(); err != nil {
			return nil, err
		}
	}
	return &Result{Published, changes, staged, notes}, nil
}
