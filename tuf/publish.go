// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Publish writes a fully signed stage into the repository folder dir: target
// files, then the delegated roles, targets, snapshot, root, and the timestamp
// last, each by temporary file, fsync and rename. Until the timestamp is there,
// clients see the publication before. A *QuorumError says that signatures are
// missing and a *ChangeError that the stage cannot be published; in both cases
// nothing was written. After any other error, publishing again completes it.
func (s *Stage) Publish(dir string, now time.Time) error { return s.publish(publicFiles{}, dir, now) }

func (s *Stage) publish(files fileLayer, dir string, now time.Time) error {
	publication, err := s.publication(files, dir, now)
	if err != nil {
		return err
	}
	// Not below metadata/ or targets/, so that no server lists what a crash leaves.
	tmp := filepath.Join(dir, ".unfinished")
	if err := makeDir(files, tmp); err != nil {
		return err
	}
	if err := sweep(files, tmp); err != nil {
		return err
	}
	for _, f := range publication {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := makeDir(files, filepath.Dir(name)); err != nil {
			return err
		}
		if err := replaceFile(files, tmp, name, f.data); err != nil {
			return err
		}
	}
	return storeFault("remove", tmp, files.Remove(tmp))
}

// published is one file of a publication, in the order of writing.
type published struct {
	name string
	data []byte
}

// publication checks the whole stage and returns what to write.
func (s *Stage) publication(files fileLayer, dir string, now time.Time) ([]published, error) {
	if len(s.metas) == 0 {
		return nil, &ChangeError{"nothing is staged"}
	}
	if missing := s.Incomplete(); len(missing) > 0 {
		return nil, &QuorumError{missing}
	}
	if s.needsSnapshot() || s.needsTimestamp() {
		return nil, &ChangeError{"the stage has no snapshot and timestamp over its final metadata: seal it and sign those"}
	}
	if err := s.checkExpiry(now); err != nil {
		return nil, err
	}
	list, err := s.targetFiles()
	if err != nil {
		return nil, err
	}
	for _, role := range []string{RoleAttestations, RoleRevocation, RoleTargets, RoleSnapshot, RoleRoot, RoleTimestamp} {
		if s.metas[role] == nil {
			continue
		}
		data, err := s.bytes(role)
		if err != nil {
			return nil, err
		}
		list = append(list, published{s.metadataName(role), data})
	}
	return list, s.checkRoot(files, dir)
}

func (s *Stage) metadataName(role string) string {
	if role == RoleTimestamp {
		return "metadata/timestamp.json"
	}
	return fmt.Sprintf("metadata/%d.%s.json", *headerOf(s.metas[role]).version, role)
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

// checkRoot refuses to replace a root that clients may have seen already.
func (s *Stage) checkRoot(files fileLayer, dir string) error {
	if s.metas[RoleRoot] == nil {
		return nil
	}
	data, err := s.bytes(RoleRoot)
	if err != nil {
		return err
	}
	name := s.metadataName(RoleRoot)
	have, err := files.Read(filepath.Join(dir, filepath.FromSlash(name)), MaxRoot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !bytes.Equal(have, data) {
		err = &ChangeError{fmt.Sprintf("%s is published already with other contents: open the repository again and stage on top of it", name)}
	}
	return err
}

// publicFiles is the file layer for what everybody may read: modes are 0644 and
// 0755, less what the umask takes away.
type publicFiles struct{ osFiles }

func (publicFiles) MkdirAll(name string) error { return os.MkdirAll(name, 0o755) }

func (publicFiles) Temp(dir string) (writeFile, error) {
	name := filepath.Join(dir, "new-"+rand.Text())
	return fileOrNil(os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644))
}
