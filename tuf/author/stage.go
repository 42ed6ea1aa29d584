// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf"
)

// Stage is a change on its way to publication: new metadata, and the signatures
// it has so far. Root, targets and the delegated roles are signed first; Seal then
// adds the snapshot over their final bytes, and the timestamp over the snapshot.
// The zero Stage cannot be published.
type Stage struct {
	base  *Repository // what it changes; without metas for the first publication
	metas map[string]roleMeta
	files map[string][]byte // target path → bytes that the change brings
}

// QuorumError says which roles still need signatures. Nothing was published.
type QuorumError struct{ Quorums []Quorum }

func (e *QuorumError) Error() string {
	texts := make([]string, len(e.Quorums))
	for i, q := range e.Quorums {
		short := make([]string, len(q.Missing))
		for j, id := range q.Missing {
			short[j] = shortID(id)
		}
		texts[i] = fmt.Sprintf("%s has %d of %d signatures (keys of %s; not yet: %s)",
			q.Role, len(q.Signed), q.Threshold, q.By, strings.Join(short, ", "))
	}
	return strings.Join(texts, "; ")
}

// ErrForeignKey says that a key has no part in what is staged.
var ErrForeignKey = errors.New("this key may not sign anything that is staged")

// Sign adds the key's signature to everything staged that it may sign, and
// returns those roles. A key that may sign nothing is ErrForeignKey. Show Diff to
// whoever signs, first.
func (s *Stage) Sign(key crypto.Signer) ([]string, error) {
	id, err := KeyID(key.Public())
	if err != nil {
		return nil, err
	}
	signed := []string{}
	for _, role := range s.Roles() {
		delegations, err := s.delegations(role)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(delegations, func(d *delegation) bool { return slices.Contains(d.ids, id) }) {
			continue
		}
		signed = append(signed, role)
		if slices.ContainsFunc(delegations, func(d *delegation) bool { return slices.Contains(d.ids, id) && d.signed(id, s.metas[role]) }) {
			continue // once is enough, and keeps the bytes that the snapshot names
		}
		dropSignature(s.metas[role], id)
		if _, err := s.metas[role].Sign(metaSigner{key}); err != nil {
			return nil, fmt.Errorf("sign %s with key %s: %w", role, shortID(id), err)
		}
	}
	if len(signed) == 0 {
		return nil, ErrForeignKey
	}
	return signed, nil
}

func dropSignature(m roleMeta, id string) {
	signatures := headerOf(m).signatures
	*signatures = slices.DeleteFunc(*signatures, func(s metadata.Signature) bool { return s.KeyID == id })
}

// Complete signs with the keys at hand as far as they go, sealing when it can. A
// *QuorumError says that others have to sign, too; their signatures and the ones
// made here stay in the stage.
func (s *Stage) Complete(keys []crypto.Signer, now time.Time, validity map[string]time.Duration) error {
	for range 3 { // the content, then the snapshot, then the timestamp
		for _, key := range keys {
			if _, err := s.Sign(key); err != nil && !errors.Is(err, ErrForeignKey) {
				return err
			}
		}
		if err := s.Seal(now, validity); err != nil {
			return err
		}
	}
	if missing := s.Incomplete(); len(missing) > 0 {
		return &QuorumError{missing}
	}
	return nil
}

// Seal adds the snapshot once everything below it is signed, and the timestamp
// once the snapshot is. It does nothing while signatures are missing. now starts
// their validity.
func (s *Stage) Seal(now time.Time, validity map[string]time.Duration) error {
	if s.incomplete(tuf.RoleRoot, tuf.RoleTargets, tuf.RoleRevocation, tuf.RoleAttestations) {
		return nil
	}
	if s.needsSnapshot() {
		if err := s.sealSnapshot(now, validity); err != nil {
			return err
		}
	}
	if s.incomplete(tuf.RoleSnapshot) {
		return nil
	}
	if s.needsTimestamp() {
		return s.sealTimestamp(now, validity)
	}
	return nil
}

// needsSnapshot reports whether the newest snapshot, staged or published, is not
// the one over the newest targets with today's keys.
func (s *Stage) needsSnapshot() bool {
	m := s.next(tuf.RoleSnapshot)
	if m == nil {
		return true
	}
	want, err := s.snapshotMeta()
	if err != nil {
		return true
	}
	have := m.(*metadata.Metadata[metadata.SnapshotType]).Signed.Meta
	return !maps.EqualFunc(have, want, sameMeta) || (s.metas[tuf.RoleSnapshot] == nil && !s.meetsThreshold(tuf.RoleSnapshot, m))
}

func (s *Stage) needsTimestamp() bool {
	m := s.next(tuf.RoleTimestamp)
	if m == nil {
		return true
	}
	want, err := s.timestampMeta()
	if err != nil {
		return true
	}
	have := m.(*metadata.Metadata[metadata.TimestampType]).Signed.Meta
	return !maps.EqualFunc(have, want, sameMeta) || (s.metas[tuf.RoleTimestamp] == nil && !s.meetsThreshold(tuf.RoleTimestamp, m))
}

func sameMeta(a, b *metadata.MetaFiles) bool {
	return a.Version == b.Version && a.Length == b.Length && bytes.Equal(a.Hashes["sha256"], b.Hashes["sha256"])
}

func (s *Stage) sealSnapshot(now time.Time, validity map[string]time.Duration) error {
	meta, err := s.snapshotMeta()
	if err != nil {
		return err
	}
	m := metadata.Snapshot(expiry(tuf.RoleSnapshot, validity, now))
	m.Signed.Version, m.Signed.Meta = s.nextVersion(tuf.RoleSnapshot), meta
	s.metas[tuf.RoleSnapshot] = m
	return nil
}

func (s *Stage) sealTimestamp(now time.Time, validity map[string]time.Duration) error {
	meta, err := s.timestampMeta()
	if err != nil {
		return err
	}
	m := metadata.Timestamp(expiry(tuf.RoleTimestamp, validity, now))
	m.Signed.Version, m.Signed.Meta = s.nextVersion(tuf.RoleTimestamp), meta
	s.metas[tuf.RoleTimestamp] = m
	return nil
}

// snapshotMeta is what the snapshot has to say: every targets role, by its final bytes.
func (s *Stage) snapshotMeta() (map[string]*metadata.MetaFiles, error) {
	meta := map[string]*metadata.MetaFiles{}
	for _, role := range []string{tuf.RoleTargets, tuf.RoleRevocation, tuf.RoleAttestations} {
		if s.next(role) == nil {
			continue
		}
		info, err := s.describe(role)
		if err != nil {
			return nil, err
		}
		meta[role+".json"] = info
	}
	return meta, nil
}

func (s *Stage) timestampMeta() (map[string]*metadata.MetaFiles, error) {
	info, err := s.describe(tuf.RoleSnapshot)
	return map[string]*metadata.MetaFiles{"snapshot.json": info}, err
}

// describe is how one role's final bytes are named by the role above it.
func (s *Stage) describe(role string) (*metadata.MetaFiles, error) {
	data, err := s.bytes(role)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return &metadata.MetaFiles{
		Version: *headerOf(s.next(role)).version, Length: int64(len(data)), Hashes: metadata.Hashes{"sha256": sum[:]},
	}, nil
}

// bytes returns a role as it is, or will be, published: signatures by key id, so
// that the order of signing leaves no trace.
func (s *Stage) bytes(role string) ([]byte, error) {
	m := s.metas[role]
	if m == nil {
		return s.base.raw[role], nil
	}
	slices.SortFunc(*headerOf(m).signatures, func(a, b metadata.Signature) int { return strings.Compare(a.KeyID, b.KeyID) })
	return m.ToBytes(true)
}

// next returns a role as it will be after publication; nil when there is none.
func (s *Stage) next(role string) roleMeta {
	if m := s.metas[role]; m != nil {
		return m
	}
	return s.base.metas[role]
}

func (s *Stage) nextVersion(role string) int64 {
	if m := s.base.metas[role]; m != nil {
		return *headerOf(m).version + 1
	}
	return 1
}

// delegation returns who may sign a role after publication.
func (s *Stage) delegation(role string) (*delegation, error) {
	by := s.next(delegatorOf(role))
	if by == nil {
		return nil, &KeyholdersError{role, "no role delegates to it"}
	}
	return delegationOf(by, role)
}

// delegations returns every set of keys whose threshold a staged role must meet:
// one, but for a new root the one before it as well.
func (s *Stage) delegations(role string) ([]*delegation, error) {
	d, err := s.delegation(role)
	if err != nil {
		return nil, err
	}
	if role != tuf.RoleRoot || s.base.metas == nil {
		return []*delegation{d}, nil
	}
	old, err := s.base.delegation(tuf.RoleRoot)
	return []*delegation{old, d}, err
}

// meetsThreshold reports whether m has the signatures that its role needs after publication.
func (s *Stage) meetsThreshold(role string, m roleMeta) bool {
	d, err := s.delegation(role)
	return err == nil && d.quorum(m).Complete()
}

// Roles returns the roles that are staged, in the order in which they are signed.
func (s *Stage) Roles() []string {
	return slices.DeleteFunc(tuf.Roles(), func(role string) bool { return s.metas[role] == nil })
}

// Keys returns the ids of the keys that may sign these roles, sorted. The roles
// need not be staged: Seal will add a timestamp, perhaps a snapshot.
func (s *Stage) Keys(roles ...string) []string {
	ids := map[string]bool{}
	for _, role := range roles {
		delegations, err := s.delegations(role)
		if err != nil {
			continue // Quorums reports it
		}
		for _, d := range delegations {
			for _, id := range d.ids {
				ids[id] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// Target returns a target file as it will be after publication; a path that
// nothing will list is an fs.ErrNotExist.
func (s *Stage) Target(targetPath string) ([]byte, error) {
	if data, ok := s.files[targetPath]; ok {
		return slices.Clone(data), nil
	}
	if targetsOf(s.next(roleOfTarget(targetPath)))[targetPath] == nil {
		return nil, &RepositoryError{targetPath, fs.ErrNotExist}
	}
	return s.base.Target(targetPath)
}

// Quorums returns how far the signing of everything staged has come. A new root
// has two: by the keys before it and by its own.
func (s *Stage) Quorums() []Quorum {
	quorums := []Quorum{}
	for _, role := range s.Roles() {
		delegations, err := s.delegations(role)
		if err != nil {
			quorums = append(quorums, Quorum{Role: role, By: err.Error()}) // never complete
			continue
		}
		for _, d := range delegations {
			quorums = append(quorums, d.quorum(s.metas[role]))
		}
	}
	return quorums
}

// Incomplete returns the quorums that need more signatures.
func (s *Stage) Incomplete() []Quorum {
	return slices.DeleteFunc(s.Quorums(), Quorum.Complete)
}

func (s *Stage) incomplete(roles ...string) bool {
	return slices.ContainsFunc(s.Incomplete(), func(q Quorum) bool { return slices.Contains(roles, q.Role) })
}

// Warnings returns what is legal and unwise about who will hold the roles.
func (s *Stage) Warnings() []string {
	warnings := []string{}
	owner := map[string]string{}
	for _, role := range tuf.Roles() {
		d, err := s.delegation(role)
		if err != nil {
			continue
		}
		for _, id := range d.ids {
			if first := owner[id]; first != "" {
				warnings = append(warnings, fmt.Sprintf("key %s holds %s and %s: whoever takes it takes both", shortID(id), first, role))
				continue
			}
			owner[id] = role
		}
		if (role == tuf.RoleRoot || role == tuf.RoleTargets) && d.threshold == 1 {
			warnings = append(warnings, fmt.Sprintf("%s needs one signature only: one lost or stolen key is enough to take over", role))
		}
	}
	return warnings
}
