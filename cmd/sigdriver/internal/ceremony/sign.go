// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"errors"
	"io/fs"

	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier"
)

// Pending returns what is staged, checked as a driver would, and everything that it
// changes.
func (f *Folder) Pending() (*author.Stage, []author.Difference, error) {
	base, s, err := f.open()
	if err != nil {
		return nil, nil, err
	}
	if s == nil {
		return nil, nil, refuse("copy the staged/ folder of whoever staged the change into it, beside published/", "nothing is staged in %q", f.Dir)
	}
	if err := checkStaged(base, s); err != nil {
		return nil, nil, err
	}
	changes, err := s.Diff()
	return s, changes, err
}

// checkStaged checks the trust that a stage leaves as a driver would.
func checkStaged(base *author.Repository, s *author.Stage) error {
	files := map[string][]byte{}
	for target := range TrustFiles(&verifier.TrustSource{}) {
		data, err := s.Target(target)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		files[target] = data
	}
	_, err := check(base, files)
	return err
}

// Sign signs a stage with every key given by file, or else with those of the keys
// folder, and saves it.
func (f *Folder) Sign(s *author.Stage) (*Result, error) {
	release, err := f.hold("sign")
	if err != nil {
		return nil, err
	}
	defer release()
	ids := s.Keys(s.Roles()...)
	if len(f.KeyFiles) > 0 {
		ids = nil
	}
	signers, err := f.signers(ids)
	if err != nil {
		return nil, err
	}
	if len(signers) == 0 {
		return nil, refuse("give yours with --key FILE", "no key at hand may sign what is staged")
	}
	for i, signer := range signers {
		_, err := s.Sign(signer)
		if errors.Is(err, author.ErrForeignKey) {
			return nil, refuse("`sigdriver trust status` shows whose signatures are missing", "key %d of %d: %w", i+1, len(signers), err)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := f.save(s); err != nil {
		return nil, err
	}
	return &Result{Signed, nil, s, s.Warnings()}, nil
}
