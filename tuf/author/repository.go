// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// delegatedPaths are the target paths of the delegated roles.
var delegatedPaths = map[string]string{
	tuf.RoleRevocation:   "revocations.json",
	tuf.RoleAttestations: "attestations/*/*",
}

// Repository is the author's view of a published repository: a folder with
// metadata/ and targets/ that any static web server can serve. Every signature in
// it was checked when it was opened, expiries were not: an author must be able to
// open, and to renew, what has expired.
type Repository struct {
	files disk.FS
	dir   string
	metas map[string]roleMeta
	raw   map[string][]byte // the same, as published
}

// The modes of what is published. The umask may take from them.
const (
	publicDir  fs.FileMode = 0o755
	publicFile fs.FileMode = 0o644
)

// RepositoryError says what is wrong with a published repository.
type RepositoryError struct {
	Path string
	Err  error
}

func (e *RepositoryError) Error() string { return fmt.Sprintf("%q: %v", e.Path, e.Err) }

func (e *RepositoryError) Unwrap() error { return e.Err }

// OpenRepository reads the repository in dir and checks it from its first root
// to its last timestamp. A folder without any root is an fs.ErrNotExist. A nil fsys
// is the real file system, here and below.
//
// A publication that was interrupted between its root and its timestamp leaves
// roles that the new root no longer lets their signers sign. They are taken as the
// root before lets them, so that the next publication, of the same stage or of
// another, replaces them.
func OpenRepository(fsys disk.FS, dir string) (r *Repository, err error) {
	defer caught(&err)
	files := disk.OrOS(fsys)
	chain, err := readRoots(files, dir)
	if err != nil {
		return nil, err
	}
	r, err = loadRepository(files, dir, chain)
	if err == nil || len(chain) < 2 {
		return r, err
	}
	before, beforeErr := loadRepository(files, dir, chain[:len(chain)-1])
	trusted, chainErr := trustChain(chain)
	if beforeErr != nil || chainErr != nil {
		return nil, err
	}
	before.add(tuf.RoleRoot, trusted.Root, chain[len(chain)-1])
	return before, nil
}

// beforeRoot returns the repository as it was before its newest root.
func (r *Repository) beforeRoot() (*Repository, error) {
	chain, err := readRoots(r.files, r.dir)
	if err != nil {
		return nil, err
	}
	if len(chain) < 2 {
		return nil, &RepositoryError{r.dir, fs.ErrNotExist}
	}
	return loadRepository(r.files, r.dir, chain[:len(chain)-1])
}

// readRoots returns the root chain, which starts at the oldest root kept.
func readRoots(files disk.FS, dir string) ([][]byte, error) {
	names, err := files.List(filepath.Join(dir, tuf.MetadataDir))
	if err != nil {
		return nil, err
	}
	versions := []int64{}
	for _, name := range names {
		var v int64
		if _, err := fmt.Sscanf(name, "%d.root.json", &v); err == nil && name == fmt.Sprintf("%d.root.json", v) {
			versions = append(versions, v)
		}
	}
	slices.Sort(versions)
	if len(versions) == 0 {
		return nil, &RepositoryError{filepath.Join(dir, tuf.MetadataDir), fs.ErrNotExist}
	}
	chain := make([][]byte, len(versions))
	for i, v := range versions {
		if chain[i], err = disk.Read(files, metadataFile(dir, tuf.RoleRoot, v), tuf.MaxRoot); err != nil {
			return nil, &RepositoryError{metadataFile(dir, tuf.RoleRoot, v), err}
		}
	}
	return chain, nil
}

// loadRepository verifies what is published, from the first root of the chain to every
// targets role.
func loadRepository(files disk.FS, dir string, chain [][]byte) (*Repository, error) {
	r := &Repository{files: files, dir: dir, metas: map[string]roleMeta{}, raw: map[string][]byte{}}
	trusted, err := trustChain(chain)
	if err != nil {
		return nil, &RepositoryError{filepath.Join(dir, tuf.MetadataDir), err}
	}
	r.add(tuf.RoleRoot, trusted.Root, chain[len(chain)-1])

	file := filepath.Join(dir, tuf.MetadataDir, "timestamp.json")
	data, err := disk.Read(files, file, tuf.MaxTimestamp)
	if err != nil {
		return nil, &RepositoryError{file, err}
	}
	timestamp, err := trusted.UpdateTimestamp(data)
	if err != nil {
		return nil, &RepositoryError{file, err}
	}
	info := timestamp.Signed.Meta["snapshot.json"]
	if info == nil {
		return nil, &RepositoryError{file, errors.New("names no snapshot")}
	}
	r.add(tuf.RoleTimestamp, timestamp, data)

	file = metadataFile(dir, tuf.RoleSnapshot, info.Version)
	if data, err = disk.Read(files, file, tuf.MaxSnapshot); err != nil {
		return nil, &RepositoryError{file, err}
	}
	snapshot, err := trusted.UpdateSnapshot(data, false)
	if err != nil {
		return nil, &RepositoryError{file, err}
	}
	r.add(tuf.RoleSnapshot, snapshot, data)

	if err := r.loadTargets(trusted, tuf.RoleTargets, tuf.RoleRoot); err != nil {
		return nil, err
	}
	for _, role := range []string{tuf.RoleRevocation, tuf.RoleAttestations} {
		if !delegates(r.metas[tuf.RoleTargets], role) {
			continue
		}
		if _, err := r.delegation(role); err != nil {
			return nil, &RepositoryError{metadataFile(dir, tuf.RoleTargets, snapshot.Signed.Meta["targets.json"].Version), err}
		}
		if err := r.loadTargets(trusted, role, tuf.RoleTargets); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// loadTargets verifies one targets role as its delegator delegates it.
func (r *Repository) loadTargets(trusted *trustedmetadata.TrustedMetadata, role, by string) error {
	info := trusted.Snapshot.Signed.Meta[role+".json"]
	if info == nil {
		return &RepositoryError{r.dir, fmt.Errorf("the snapshot does not name %s.json", role)}
	}
	file := metadataFile(r.dir, role, info.Version)
	data, err := disk.Read(r.files, file, tuf.MaxTargets)
	if err != nil {
		return &RepositoryError{file, err}
	}
	m, err := trusted.UpdateDelegatedTargets(data, role, by)
	if err != nil {
		return &RepositoryError{file, err}
	}
	r.add(role, m, data)
	return nil
}

// trustChain checks a root chain. The reference time is before any expiry.
func trustChain(chain [][]byte) (*trustedmetadata.TrustedMetadata, error) {
	for _, data := range chain {
		if err := checkRootKeys(data); err != nil {
			return nil, err
		}
	}
	trusted, err := trustedmetadata.New(chain[0])
	if err != nil {
		return nil, err
	}
	trusted.RefTime = time.Time{}
	for _, data := range chain[1:] {
		if _, err := trusted.UpdateRoot(data); err != nil {
			return nil, err
		}
	}
	return trusted, nil
}

// checkRootKeys refuses keys on which go-tuf would panic, before it uses them.
func checkRootKeys(data []byte) error {
	m, err := new(metadata.Metadata[metadata.RootType]).FromBytes(data)
	if err != nil {
		return err
	}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		if _, err := delegationOf(m, role); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) add(role string, m roleMeta, raw []byte) { r.metas[role], r.raw[role] = m, raw }

// metadataFile is where a version of a role is published.
func metadataFile(dir, role string, version int64) string {
	return filepath.Join(dir, tuf.MetadataDir, fmt.Sprintf("%d.%s.json", version, role))
}

// targetFileName is where a target with this digest is published, below targets/.
func targetFileName(targetPath string, info *metadata.TargetFiles) string {
	return path.Join(path.Dir(targetPath), info.Hashes["sha256"].String()+"."+path.Base(targetPath))
}

// maxTarget is the most bytes that clients take as this target.
func maxTarget(targetPath string) int64 {
	if roleOfTarget(targetPath) == tuf.RoleAttestations {
		return tuf.MaxAttestationFile
	}
	return tuf.MaxTargetFile
}

// Dir returns the folder of the repository.
func (r *Repository) Dir() string { return r.dir }

// RoleState is one role of a published repository.
type RoleState struct {
	Role      string    `json:"role"`
	Version   int64     `json:"version"`
	Expires   time.Time `json:"expires"`
	Threshold int       `json:"threshold"`
	Signed    []string  `json:"signed"` // key ids
	Missing   []string  `json:"missing"`
}

// States returns every role of the repository, in the order of Roles.
func (r *Repository) States() []RoleState {
	states := []RoleState{}
	for _, role := range tuf.Roles() {
		m := r.metas[role]
		if m == nil {
			continue
		}
		h := headerOf(m)
		d, err := r.delegation(role)
		if err != nil {
			continue // OpenRepository went through every delegation
		}
		q := d.quorum(m)
		states = append(states, RoleState{role, *h.version, *h.expires, q.Threshold, q.Signed, q.Missing})
	}
	return states
}

func (r *Repository) delegation(role string) (*delegation, error) {
	return delegationOf(r.metas[delegatorOf(role)], role)
}

// delegatorOf returns the role that says who may sign this one.
func delegatorOf(role string) string {
	if delegatedPaths[role] != "" {
		return tuf.RoleTargets
	}
	return tuf.RoleRoot
}

// Keyholders returns who holds a role.
func (r *Repository) Keyholders(role string) (Keyholders, error) {
	d, err := r.delegation(role)
	if err != nil {
		return Keyholders{}, err
	}
	return d.keyholders()
}

// Target returns the bytes of a published target file, checked against the
// metadata that lists it. A path that nothing lists is an fs.ErrNotExist.
func (r *Repository) Target(targetPath string) ([]byte, error) {
	info := targetsOf(r.metas[roleOfTarget(targetPath)])[targetPath]
	if info == nil {
		return nil, &RepositoryError{targetPath, fs.ErrNotExist}
	}
	file := filepath.Join(r.dir, tuf.TargetsDir, filepath.FromSlash(targetFileName(targetPath, info)))
	data, err := disk.Read(r.files, file, maxTarget(targetPath))
	if err != nil {
		return nil, &RepositoryError{file, err}
	}
	if err := info.VerifyLengthHashes(data); err != nil {
		return nil, &RepositoryError{file, err}
	}
	return data, nil
}

// Targets returns the paths of all published target files, sorted.
func (r *Repository) Targets() []string {
	paths := []string{}
	for _, m := range r.metas {
		paths = slices.AppendSeq(paths, maps.Keys(targetsOf(m)))
	}
	slices.Sort(paths)
	return paths
}

// RootBytes returns the newest root as published.
func (r *Repository) RootBytes() []byte { return bytes.Clone(r.raw[tuf.RoleRoot]) }

// targetsOf returns what a role lists; nil for a role that lists no targets.
func targetsOf(m roleMeta) map[string]*metadata.TargetFiles {
	if t, ok := m.(*metadata.Metadata[metadata.TargetsType]); ok && t != nil {
		return t.Signed.Targets
	}
	return nil
}

// roleOfTarget returns the role that lists a target path.
func roleOfTarget(targetPath string) string {
	switch {
	case targetPath == delegatedPaths[tuf.RoleRevocation]:
		return tuf.RoleRevocation
	case strings.HasPrefix(targetPath, "attestations/"):
		return tuf.RoleAttestations
	}
	return tuf.RoleTargets
}

// caught turns a panic of a library into an error. Use: defer caught(&err).
func caught(err *error) {
	if r := recover(); r != nil {
		*err = &tuf.PanicError{Value: fmt.Sprint(r)}
	}
}
