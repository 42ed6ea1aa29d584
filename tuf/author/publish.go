// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// Publish writes a fully signed stage into the repository folder dir: target
// files, then the delegated roles, targets, snapshot, root, and the timestamp
// last, each by temporary file, fsync and rename. Until the timestamp is there,
// clients see the publication before. A *QuorumError says that signatures are
// missing, a *ChangeError that the stage cannot be published and a *LockedError
// that somebody else is publishing; then nothing was written. After any other
// error, publishing the same stage again completes it; a stage that changes the
// root should have been saved for that, because roots are never replaced.
func (s *Stage) Publish(fsys disk.FS, dir string, now time.Time) (err error) {
	files := disk.OrOS(fsys)
	publication, err := s.publication(now)
	if err != nil {
		return err
	}
	if err := disk.MakeDirs(files, dir, publicDir); err != nil {
		return err
	}
	held, err := files.Lock(filepath.Join(dir, ".lock"))
	var locked *disk.LockedError
	if errors.As(err, &locked) {
		return &LockedError{locked.Path}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	if err := s.checkFollows(files, dir); err != nil {
		return err
	}
	// Not below metadata/ or targets/, so that no server lists what a crash leaves.
	tmp := filepath.Join(dir, ".unfinished")
	if err := disk.MakeDirs(files, tmp, publicDir); err != nil {
		return err
	}
	if err := disk.Sweep(files, tmp); err != nil {
		return err
	}
	for _, f := range publication {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := disk.MakeDirs(files, filepath.Dir(name), publicDir); err != nil {
			return err
		}
		if err := disk.Replace(files, tmp, name, f.data, publicFile); err != nil {
			return err
		}
	}
	return files.Remove(tmp)
}

// LockedError says that somebody else is publishing into the same repository.
type LockedError struct{ Path string }

func (e *LockedError) Error() string {
	return printable.Quote(e.Path) + " is locked: another publication is under way"
}

// published is one file of a publication, in the order of writing.
type published struct {
	name string
	data []byte
}

// publication checks the whole stage and returns what to write.
func (s *Stage) publication(now time.Time) ([]published, error) {
	if len(s.metas) == 0 {
		return nil, &ChangeError{"nothing is staged"}
	}
	if missing := s.Incomplete(); len(missing) > 0 {
		return nil, &QuorumError{missing}
	}
	if s.needsSnapshot() || s.needsTimestamp() {
		return nil, &ChangeError{"the stage has no snapshot and timestamp over its final metadata: seal it and sign those"}
	}
	if err := s.checkRest(); err != nil {
		return nil, err
	}
	if err := s.checkExpiry(now); err != nil {
		return nil, err
	}
	list, err := s.targetFiles()
	if err != nil {
		return nil, err
	}
	for _, role := range []string{tuf.RoleAttestations, tuf.RoleRevocation, tuf.RoleTargets, tuf.RoleSnapshot, tuf.RoleRoot, tuf.RoleTimestamp} {
		if s.metas[role] == nil {
			continue
		}
		data, err := s.bytes(role)
		if err != nil {
			return nil, err
		}
		list = append(list, published{s.metadataName(role), data})
	}
	return list, nil
}

func (s *Stage) metadataName(role string) string {
	if role == tuf.RoleTimestamp {
		return "metadata/timestamp.json"
	}
	return fmt.Sprintf("metadata/%d.%s.json", *headerOf(s.metas[role]).version, role)
}

// checkRest refuses a stage that takes a role from those who signed what stays
// published of it: clients would refuse the whole repository.
func (s *Stage) checkRest() error {
	for _, role := range tuf.Roles() {
		if m := s.base.metas[role]; m != nil && s.metas[role] == nil && !s.meetsThreshold(role, m) {
			return &ChangeError{fmt.Sprintf("the published %s would not be signed by enough of its new keys: stage the whole change again", role)}
		}
	}
	return nil
}

// checkExpiry refuses metadata that took so long to sign that it is over.
func (s *Stage) checkExpiry(now time.Time) error {
	for _, role := range s.Roles() {
		if expires := *headerOf(s.metas[role]).expires; !now.Before(expires) {
			return &ChangeError{fmt.Sprintf("the staged %s expired at %s: stage it again", role, expires.Format(time.RFC3339))}
		}
	}
	return nil
}

// targetFiles returns the target files that the change brings, checked against
// the metadata that lists them.
func (s *Stage) targetFiles() ([]published, error) {
	files := []published{}
	for _, role := range s.Roles() {
		targets := targetsOf(s.metas[role])
		for _, p := range slices.Sorted(maps.Keys(targets)) {
			data, ok := s.files[p]
			if !ok {
				var err error
				if data, err = s.unchanged(p, targets[p]); err != nil {
					return nil, err
				}
			}
			if err := targets[p].VerifyLengthHashes(data); err != nil {
				return nil, &ChangeError{fmt.Sprintf("the staged file %q is not the one that the staged %s lists: %v", p, role, err)}
			}
			if ok {
				files = append(files, published{"targets/" + targetFileName(p, targets[p]), data})
			}
		}
	}
	return files, nil
}

// unchanged returns a file that the stage lists and does not bring.
func (s *Stage) unchanged(p string, info *metadata.TargetFiles) ([]byte, error) {
	before := targetsOf(s.base.metas[roleOfTarget(p)])[p]
	if before == nil || !before.Equal(*info) {
		return nil, &ChangeError{fmt.Sprintf("the file %q is listed and neither staged nor published", p)}
	}
	return s.base.Target(p)
}

// checkFollows refuses to publish over what the stage was not made on top of, and
// to replace a root that clients may have seen already. What is there may be the
// stage itself, from a publication that was interrupted.
func (s *Stage) checkFollows(files disk.FS, dir string) error {
	checks := []struct {
		name, role string
		before     []byte // what is there before the publication, nil for nothing
	}{{"metadata/timestamp.json", tuf.RoleTimestamp, s.base.raw[tuf.RoleTimestamp]}}
	if s.metas[tuf.RoleRoot] != nil {
		checks = append(checks, struct {
			name, role string
			before     []byte
		}{s.metadataName(tuf.RoleRoot), tuf.RoleRoot, nil})
	}
	for _, c := range checks {
		after, err := s.bytes(c.role)
		if err != nil {
			return err
		}
		have, err := disk.Read(files, filepath.Join(dir, filepath.FromSlash(c.name)), tuf.MaxRoot)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !bytes.Equal(have, c.before) && !bytes.Equal(have, after) {
			return &ChangeError{fmt.Sprintf("the published %s is neither the one that the stage follows nor its own: stage the change again", c.name)}
		}
	}
	return nil
}
