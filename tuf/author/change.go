// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
	"github.com/sigdriver/sigdriver/tuf"
)

// Change is what the next publication changes. The zero Change signs a new
// timestamp and nothing else, which is what a repository needs most often.
type Change struct {
	// Files adds or replaces target files by path; a nil value removes one.
	// revocations.json and attestations/<sha256>/<name> belong to their delegated
	// roles, every other path to targets.
	Files map[string][]byte
	// Keyholders sets who holds a role, all of its keys and its threshold. Roles not
	// named keep theirs. The first change names all four top-level roles.
	Keyholders map[string]Keyholders
	// Renew names roles to sign anew, for their full validity.
	Renew []string
	// Validity is how long a role lives from the moment it is staged. Roles not
	// named have their DefaultValidity.
	Validity map[string]time.Duration
}

// DefaultValidity returns how long a role lives unless the author says otherwise:
// long for keys kept in a safe, short for keys a machine signs with, and long enough
// for a machine that stands still over a holiday.
func DefaultValidity(role string) time.Duration {
	const day = 24 * time.Hour
	switch role {
	case tuf.RoleRoot:
		return 365 * day
	case tuf.RoleTargets, tuf.RoleAttestations:
		return 90 * day
	case tuf.RoleTimestamp:
		return 7 * day
	}
	return 21 * day
}

// ChangeError says why a change cannot be staged.
type ChangeError struct{ Problem string }

func (e *ChangeError) Error() string { return e.Problem }

// targetPathPattern keeps target paths to what every web server, bucket and file
// system spells the same.
var targetPathPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+@=-]*(/[A-Za-z0-9][A-Za-z0-9._+@=-]*)*$`)

// NewStage makes the metadata that a change needs, unsigned, on top of a
// repository; nil for the first publication. Nothing is written. now becomes the
// start of the validity of every role that the change signs.
func NewStage(base *Repository, change Change, now time.Time) (*Stage, error) {
	if base == nil {
		base = &Repository{}
	}
	if err := change.check(base); err != nil {
		return nil, err
	}
	s := &Stage{base: base, metas: map[string]roleMeta{}, files: map[string][]byte{}}
	b := &stageBuilder{stage: s, change: change, now: now.UTC().Truncate(time.Second)}
	for _, build := range []func() error{b.root, b.targets, b.delegated} {
		if err := build(); err != nil {
			return nil, err
		}
	}
	return s, b.snapshotAndTimestamp()
}

// check refuses what is wrong with a change before anything is built from it.
func (c Change) check(base *Repository) error {
	for _, role := range slices.Sorted(maps.Keys(c.Keyholders)) {
		if !slices.Contains(tuf.Roles(), role) {
			return unknownRole(role)
		}
		if _, _, err := c.Keyholders[role].inMetadata(role); err != nil {
			return err
		}
	}
	for _, role := range c.Renew {
		if !slices.Contains(tuf.Roles(), role) {
			return unknownRole(role)
		}
	}
	for _, role := range tuf.Roles() {
		if d, ok := c.Validity[role]; ok && d <= 0 {
			return &ChangeError{fmt.Sprintf("role %q: a validity of %s is over before it starts", role, d)}
		}
		_, named := c.Keyholders[role]
		if base.metas == nil && !named && delegatedPaths[role] == "" {
			return &ChangeError{fmt.Sprintf("role %q has no keys: the first publication names the keys of root, targets, snapshot and timestamp", role)}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(c.Files)) {
		if err := c.checkFile(base, p); err != nil {
			return err
		}
	}
	return nil
}

func unknownRole(role string) error {
	return &ChangeError{fmt.Sprintf("unknown role %s: there are %s", printable.Quote(role), strings.Join(tuf.Roles(), ", "))}
}

func (c Change) checkFile(base *Repository, p string) error {
	role := roleOfTarget(p)
	_, named := c.Keyholders[role]
	switch {
	case !fs.ValidPath(p) || !targetPathPattern.MatchString(p):
		return &ChangeError{fmt.Sprintf("invalid target path %q: use letters, digits and ._+@=- between slashes", p)}
	case role == tuf.RoleAttestations && !attestationPath.MatchString(p):
		return &ChangeError{fmt.Sprintf("invalid attestation path %q: use attestations/<sha256 in hex>/<name>", p)}
	case base.metas[role] == nil && !named && delegatedPaths[role] != "":
		return &ChangeError{fmt.Sprintf("%q belongs to role %q, which has no keys yet", p, role)}
	case c.Files[p] == nil && targetsOf(base.metas[role])[p] == nil:
		return &ChangeError{fmt.Sprintf("%q cannot be removed: it is not published", p)}
	case int64(len(c.Files[p])) > maxTarget(p):
		return &ChangeError{fmt.Sprintf("%q has %d bytes: clients take at most %d", p, len(c.Files[p]), maxTarget(p))}
	}
	return nil
}

var attestationPath = regexp.MustCompile(`^attestations/[0-9a-f]{64}/[^/]+$`)

// stageBuilder turns a change into metadata, the delegators first.
type stageBuilder struct {
	stage  *Stage
	change Change
	now    time.Time
}

// root makes a new root when a top-level role changes hands.
func (b *stageBuilder) root() error {
	changed := b.stage.base.metas == nil || slices.Contains(b.change.Renew, tuf.RoleRoot)
	for role := range b.change.Keyholders {
		changed = changed || delegatedPaths[role] == ""
	}
	if !changed {
		return nil
	}
	m := metadata.Root(b.now)
	if b.stage.base.metas != nil {
		if err := b.copyBase(tuf.RoleRoot, m); err != nil {
			return err
		}
		m.Signed.Version++
	}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		if h, ok := b.change.Keyholders[role]; ok {
			ids, keys, err := h.inMetadata(role)
			if err != nil {
				return err
			}
			m.Signed.Roles[role] = &metadata.Role{KeyIDs: ids, Threshold: h.Threshold}
			maps.Copy(m.Signed.Keys, keys)
		}
	}
	removeUnusedKeys(m)
	m.Signed.ConsistentSnapshot = true
	m.Signed.Expires = b.expiry(tuf.RoleRoot)
	b.stage.metas[tuf.RoleRoot] = m
	return nil
}

// removeUnusedKeys takes the keys out of a root that no role lists any more.
func removeUnusedKeys(m *metadata.Metadata[metadata.RootType]) {
	maps.DeleteFunc(m.Signed.Keys, func(id string, _ *metadata.Key) bool {
		for _, role := range m.Signed.Roles {
			if slices.Contains(role.KeyIDs, id) {
				return false
			}
		}
		return true
	})
}

// copyBase fills m with the published metadata of a role, without signatures.
func (b *stageBuilder) copyBase(role string, m interface{ UnmarshalJSON([]byte) error }) error {
	if err := m.UnmarshalJSON(b.stage.base.raw[role]); err != nil {
		return err
	}
	*headerOf(m.(roleMeta)).signatures = []metadata.Signature{}
	return nil
}

func (b *stageBuilder) expiry(role string) time.Time { return expiry(role, b.change.Validity, b.now) }

func expiry(role string, validity map[string]time.Duration, now time.Time) time.Time {
	d, ok := validity[role]
	if !ok {
		d = DefaultValidity(role)
	}
	return now.UTC().Truncate(time.Second).Add(d)
}

// targets makes a new targets role when its files or its delegations change.
func (b *stageBuilder) targets() error {
	delegations := false
	for role := range b.change.Keyholders {
		delegations = delegations || delegatedPaths[role] != ""
	}
	if !delegations && !b.needs(tuf.RoleTargets) {
		return nil
	}
	m, err := b.nextTargets(tuf.RoleTargets)
	if err != nil {
		return err
	}
	for _, role := range []string{tuf.RoleRevocation, tuf.RoleAttestations} {
		if h, ok := b.change.Keyholders[role]; ok {
			if err := delegate(m, role, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// delegate writes the keyholders of a delegated role into targets.
func delegate(m *metadata.Metadata[metadata.TargetsType], role string, h Keyholders) error {
	ids, keys, err := h.inMetadata(role)
	if err != nil {
		return err
	}
	d := m.Signed.Delegations
	if d == nil {
		d = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
		m.Signed.Delegations = d
	}
	d.Roles = slices.DeleteFunc(d.Roles, func(r metadata.DelegatedRole) bool { return r.Name == role })
	d.Roles = append(d.Roles, metadata.DelegatedRole{
		Name: role, KeyIDs: ids, Threshold: h.Threshold, Terminating: true, Paths: []string{delegatedPaths[role]},
	})
	maps.Copy(d.Keys, keys)
	maps.DeleteFunc(d.Keys, func(id string, _ *metadata.Key) bool {
		return !slices.ContainsFunc(d.Roles, func(r metadata.DelegatedRole) bool { return slices.Contains(r.KeyIDs, id) })
	})
	return nil
}

// delegated makes new revocation and attestations roles where they change.
func (b *stageBuilder) delegated() error {
	for _, role := range []string{tuf.RoleRevocation, tuf.RoleAttestations} {
		// check has refused files for a role without keyholders.
		if !delegates(b.stage.next(tuf.RoleTargets), role) || !b.needs(role) {
			continue
		}
		if _, err := b.nextTargets(role); err != nil {
			return err
		}
	}
	return nil
}

// needs reports whether a targets role must be signed anew: it is new, its files
// change, somebody asks for it, or its signatures no longer meet its threshold.
func (b *stageBuilder) needs(role string) bool {
	if b.stage.base.metas[role] == nil || slices.Contains(b.change.Renew, role) {
		return true
	}
	for p := range b.change.Files {
		if roleOfTarget(p) == role {
			return true
		}
	}
	return !b.stage.meetsThreshold(role, b.stage.base.metas[role])
}

// nextTargets stages the next version of a targets role with its files.
func (b *stageBuilder) nextTargets(role string) (*metadata.Metadata[metadata.TargetsType], error) {
	m := metadata.Targets(b.now)
	if b.stage.base.metas[role] != nil {
		if err := b.copyBase(role, m); err != nil {
			return nil, err
		}
		m.Signed.Version++
	}
	for p, data := range b.change.Files {
		if roleOfTarget(p) != role {
			continue
		}
		if data == nil {
			delete(m.Signed.Targets, p)
			continue
		}
		info, err := metadata.TargetFile().FromBytes(p, data, "sha256")
		if err != nil {
			return nil, err
		}
		m.Signed.Targets[p] = info
		b.stage.files[p] = slices.Clone(data)
	}
	m.Signed.Expires = b.expiry(role)
	b.stage.metas[role] = m
	return m, nil
}

// online stages snapshot and timestamp where nothing needs to be signed before
// them; otherwise Seal does, once the rest is signed.
func (b *stageBuilder) snapshotAndTimestamp() error {
	if slices.Contains(b.change.Renew, tuf.RoleSnapshot) && len(b.stage.Incomplete()) == 0 {
		if err := b.stage.sealSnapshot(b.now, b.change.Validity); err != nil {
			return err
		}
	}
	if len(b.stage.metas) == 0 {
		return b.stage.sealTimestamp(b.now, b.change.Validity)
	}
	return nil
}
