// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"errors"
	"fmt"

	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// CheckNew refuses a folder that already holds a repository.
func (f *Folder) CheckNew() error {
	if f.Begun() {
		return refuse("change it with `sigdriver trust publish`, or start in another folder", "%q already holds a repository", f.Dir)
	}
	return nil
}

// Init makes the keys that a plan asks for and the first publication, of these files by
// target path. It is staged where others have to sign.
func (f *Folder) Init(plan *Plan, files map[string][]byte) (*Result, error) {
	if err := f.CheckNew(); err != nil {
		return nil, err
	}
	start, err := f.found(plan)
	if err != nil {
		return nil, err
	}
	start.change.Files = files
	trust, err := check(nil, files)
	if err != nil {
		return nil, err
	}
	s, err := author.NewStage(nil, start.change, f.Now())
	if err != nil {
		return nil, changeError(err)
	}
	if err := disk.MakeDirs(disk.OrOS(f.FS), f.Dir, 0o755); err != nil {
		return nil, err
	}
	release, err := f.lock("init")
	if err != nil {
		return nil, err
	}
	defer release()
	if err := f.CheckNew(); err != nil {
		return nil, err
	}
	if err := f.writeKeys(start.made); err != nil {
		return nil, err
	}
	if err := f.saveNotes(start.notes); err != nil {
		return nil, err
	}
	notes := s.Warnings()
	if trust == nil {
		notes = append(notes, "there is no authorities.json yet: drivers refuse everything until it is published")
	}
	return f.firstPublication(s, start, notes)
}

// firstPublication signs with the new keys and those given by file, and publishes, or
// stages what others have to sign.
func (f *Folder) firstPublication(s *author.Stage, start *founding, notes []string) (*Result, error) {
	signers, err := f.signers(nil)
	if err != nil {
		return nil, err
	}
	for _, k := range start.made {
		signers = append(signers, k.key.Signer())
	}
	err = s.Complete(signers, f.Now(), start.change.Validity)
	var missing *author.QuorumError
	if errors.As(err, &missing) {
		if err := f.save(s); err != nil {
			return nil, err
		}
		notes = append(notes, fmt.Sprintf("others have to sign: pass %s on; each runs `sigdriver trust sign --dir DIR --key FILE`, then `sigdriver trust publish --dir DIR` completes it", f.Staged()))
		return &Result{Staged, nil, s, notes}, nil
	}
	if err != nil {
		return nil, err
	}
	return f.commit(s, nil, notes)
}
