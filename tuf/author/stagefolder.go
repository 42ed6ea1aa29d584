// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// StageError says what is wrong with a stage's folder.
type StageError struct {
	File    string
	Problem string
}

func (e *StageError) Error() string {
	return fmt.Sprintf("staged file %s: %s", printable.Quote(e.File), e.Problem)
}

// NamesFile is a file in a stage's folder that is no part of the stage: what people call
// its keys. Nothing reads it here.
const NamesFile = "names.toml"

// Save writes the stage into a folder. A new folder appears whole or not at all: a
// part of a change could pass for a smaller one. In one that is there signatures
// that are not in the stage are removed.
func (s *Stage) Save(fsys disk.FS, dir string) error {
	files := disk.OrOS(fsys)
	dir = filepath.Clean(dir)
	content, err := s.folder()
	if err != nil {
		return err
	}
	if _, err := files.List(dir); !errors.Is(err, fs.ErrNotExist) {
		return s.saveInto(files, dir, content)
	}
	// Made beside it, under a name that is not opened.
	fresh := dir + ".unfinished"
	if err := disk.RemoveAll(files, fresh); err != nil {
		return err
	}
	if err := s.saveInto(files, fresh, content); err != nil {
		return err
	}
	if err := files.Rename(fresh, dir); err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(dir))
}

// saveInto writes the files of the stage one by one.
func (s *Stage) saveInto(files disk.FS, dir string, content []published) error {
	tmp := filepath.Join(dir, ".unfinished")
	for _, sub := range []string{tmp, filepath.Join(dir, "signatures")} {
		if err := disk.MakeDirs(files, sub, publicDir); err != nil {
			return err
		}
	}
	if err := s.dropOldSignatures(files, dir, content); err != nil {
		return err
	}
	for _, f := range content {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := disk.MakeDirs(files, filepath.Dir(name), publicDir); err != nil {
			return err
		}
		if err := disk.Replace(files, tmp, name, f.data, publicFile); err != nil {
			return err
		}
	}
	if err := disk.Sweep(files, tmp); err != nil {
		return err
	}
	return files.Remove(tmp)
}

// folder returns the files of the stage, in the order of writing.
func (s *Stage) folder() ([]published, error) {
	list := []published{}
	for _, p := range slices.Sorted(maps.Keys(s.files)) {
		list = append(list, published{"files/" + p, s.files[p]})
	}
	for _, role := range s.Roles() {
		bare, err := s.unsigned(role)
		if err != nil {
			return nil, err
		}
		list = append(list, published{role + ".json", bare})
		for _, sig := range *headerOf(s.metas[role]).signatures {
			data, err := json.MarshalIndent(sig, "", "\t")
			if err != nil {
				return nil, err
			}
			list = append(list, published{fmt.Sprintf("signatures/%s.%s.json", role, sig.KeyID), data})
		}
	}
	return list, nil
}

// unsigned returns a staged role without its signatures.
func (s *Stage) unsigned(role string) ([]byte, error) {
	m := s.metas[role]
	data, err := m.ToBytes(false)
	if err != nil {
		return nil, err
	}
	bare, err := parseMeta(role, data)
	if err != nil {
		return nil, err
	}
	*headerOf(bare).signatures = []metadata.Signature{}
	return bare.ToBytes(true)
}

func (s *Stage) dropOldSignatures(files disk.FS, dir string, content []published) error {
	names, err := files.List(filepath.Join(dir, "signatures"))
	if err != nil {
		return err
	}
	for _, name := range names {
		kept := slices.ContainsFunc(content, func(f published) bool { return f.name == "signatures/"+name })
		if kept {
			continue
		}
		file := filepath.Join(dir, "signatures", name)
		if err := files.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// OpenStage reads a stage from a folder, on top of the repository it changes; nil
// for the first publication. Every file is judged anew: a signature by a key that
// may not sign, or over other bytes, is a *StageError, as is metadata that does
// not follow the published version by version. No stage is an fs.ErrNotExist, one
// that is what is published is ErrPublished.
func OpenStage(fsys disk.FS, dir string, base *Repository) (s *Stage, err error) {
	defer caught(&err)
	files := disk.OrOS(fsys)
	if base == nil {
		base = &Repository{}
	}
	s = &Stage{base: base, metas: map[string]roleMeta{}, files: map[string][]byte{}}
	names, err := files.List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := s.readMeta(files, dir, name); err != nil {
			return nil, err
		}
	}
	if len(s.metas) == 0 {
		return nil, fmt.Errorf("%s: %w", printable.Quote(dir), fs.ErrNotExist)
	}
	if s.isPublished() {
		return nil, ErrPublished
	}
	s.resume()
	if err := s.checkVersions(); err != nil {
		return nil, err
	}
	if err := s.readFiles(files, dir); err != nil {
		return nil, err
	}
	if err := s.readSignatures(files, dir); err != nil {
		return nil, err
	}
	return s, nil
}

// readMeta reads one entry of the stage's folder, if it is a role's metadata.
func (s *Stage) readMeta(files disk.FS, dir, name string) error {
	role, ok := strings.CutSuffix(name, ".json")
	switch {
	case name == "files" || name == "signatures" || name == NamesFile || strings.HasPrefix(name, "."):
		return nil
	case !ok || !slices.Contains(tuf.Roles(), role):
		return &StageError{name, "not part of a stage: remove it"}
	}
	data, err := disk.Read(files, filepath.Join(dir, name), tuf.MaxTargets)
	if err != nil {
		return err
	}
	m, err := parseMeta(role, data)
	if err != nil {
		return &StageError{name, "invalid metadata of its role: " + printable.Clip(err.Error())}
	}
	if len(*headerOf(m).signatures) != 0 {
		return &StageError{name, "it holds signatures, which belong into signatures/"}
	}
	s.metas[role] = m
	return nil
}

// ErrPublished is returned by OpenStage for a stage whose publication is complete:
// only its folder was not removed yet.
var ErrPublished = errors.New("what is staged is published already")

// done compares the timestamps, which vouch for all the rest.
func (s *Stage) isPublished() bool {
	published := &Stage{metas: s.base.metas}
	if s.metas[tuf.RoleTimestamp] == nil || published.metas[tuf.RoleTimestamp] == nil {
		return false
	}
	staged, err := s.unsigned(tuf.RoleTimestamp)
	have, haveErr := published.unsigned(tuf.RoleTimestamp)
	return err == nil && haveErr == nil && bytes.Equal(staged, have)
}

// resume goes back to before the newest root when that is the staged one: its
// publication was interrupted. Publish compares the two byte for byte.
func (s *Stage) resume() {
	staged, published := s.metas[tuf.RoleRoot], s.base.metas[tuf.RoleRoot]
	if staged == nil || published == nil || *headerOf(staged).version != *headerOf(published).version {
		return
	}
	if before, err := s.base.beforeRoot(); err == nil {
		s.base = before // otherwise checkVersions reports the version
	}
}

// checkVersions refuses a stage that was made on top of another publication, and
// delegations that no author of ours writes.
func (s *Stage) checkVersions() error {
	if s.next(tuf.RoleRoot) == nil || s.next(tuf.RoleTargets) == nil {
		return &StageError{"root.json", "a stage without root.json and targets.json changes what is published already: put the published folder beside it"}
	}
	for _, role := range s.Roles() {
		if got, want := *headerOf(s.metas[role]).version, s.nextVersion(role); got != want {
			return &StageError{role + ".json", fmt.Sprintf("version %d where %d comes next: the repository has moved on, stage the change again", got, want)}
		}
	}
	for _, role := range tuf.Roles() {
		if _, err := s.delegation(role); err != nil && s.next(role) != nil {
			return &StageError{delegatorOf(role) + ".json", err.Error()}
		}
	}
	return s.checkDelegations()
}

// checkDelegations refuses delegations beside the two that this package makes,
// which could hand somebody else the files of a third.
func (s *Stage) checkDelegations() error {
	for _, role := range s.Roles() {
		m, ok := s.metas[role].(*metadata.Metadata[metadata.TargetsType])
		if !ok || m.Signed.Delegations == nil {
			continue
		}
		bad := role != tuf.RoleTargets || m.Signed.Delegations.SuccinctRoles != nil
		for _, d := range m.Signed.Delegations.Roles {
			bad = bad || delegatedPaths[d.Name] == "" || !slices.Equal(d.Paths, []string{delegatedPaths[d.Name]}) || len(d.PathHashPrefixes) > 0
		}
		if bad {
			return &StageError{role + ".json", "it delegates to roles or paths that a repository of ours does not have"}
		}
	}
	return nil
}

// readFiles reads the target files that the staged roles list and that are not
// published as they are.
func (s *Stage) readFiles(files disk.FS, dir string) error {
	for _, role := range s.Roles() {
		for p, info := range targetsOf(s.metas[role]) {
			before := targetsOf(s.base.metas[role])[p]
			if before != nil && info != nil && before.Equal(*info) {
				continue
			}
			if err := s.readFile(files, dir, role, p, info); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Stage) readFile(files disk.FS, dir, role, p string, info *metadata.TargetFiles) error {
	if !fs.ValidPath(p) || !targetPathPattern.MatchString(p) || roleOfTarget(p) != role || info == nil || len(info.Hashes) != 1 || info.Hashes["sha256"] == nil {
		return &StageError{role + ".json", fmt.Sprintf("it lists %s, which is not a target of this role", printable.Quote(p))}
	}
	data, err := disk.Read(files, filepath.Join(dir, "files", filepath.FromSlash(p)), maxTarget(p))
	if errors.Is(err, fs.ErrNotExist) {
		return &StageError{"files/" + p, "it is listed and missing: copy the whole stage"}
	}
	if err != nil {
		return err
	}
	if err := info.VerifyLengthHashes(data); err != nil {
		return &StageError{"files/" + p, "it is not the file that the staged metadata lists"}
	}
	s.files[p] = data
	return nil
}

// readSignatures attaches the signatures of the folder to the metadata.
func (s *Stage) readSignatures(files disk.FS, dir string) error {
	names, err := files.List(filepath.Join(dir, "signatures"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			continue
		}
		data, err := disk.Read(files, filepath.Join(dir, "signatures", name), maxSignatureFile)
		if err != nil {
			return err
		}
		if problem := s.addSignature(name, data); problem != "" {
			return &StageError{"signatures/" + name, problem}
		}
	}
	return nil
}

// maxSignatureFile bounds one signature's file in bytes.
const maxSignatureFile = 4 << 10

// addSignature attaches one signature, or says why not.
func (s *Stage) addSignature(name string, data []byte) string {
	var sig metadata.Signature
	if err := json.Unmarshal(data, &sig); err != nil {
		return "invalid signature: " + printable.Clip(err.Error())
	}
	role, id, _ := strings.Cut(strings.TrimSuffix(name, ".json"), ".")
	if s.metas[role] == nil || id != sig.KeyID || name != role+"."+id+".json" {
		return "its name is not <role>.<key id>.json of a staged role and the key in it"
	}
	delegations, err := s.delegations(role)
	if err != nil {
		return err.Error()
	}
	signatures := headerOf(s.metas[role]).signatures
	*signatures = append(*signatures, sig)
	known := false
	for _, d := range delegations {
		if !slices.Contains(d.ids, id) {
			continue
		}
		known = true
		if d.signed(id, s.metas[role]) {
			return ""
		}
	}
	if !known {
		return fmt.Sprintf("key %s may not sign %s: remove this file", shortID(id), role)
	}
	return fmt.Sprintf("it does not verify: it was made over other metadata; remove this file and let the holder of key %s sign again", shortID(id))
}
