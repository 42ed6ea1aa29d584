// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuftest

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// SignWith lets other keys sign a role from its next publication on, without a
// word about it in the delegation; no keys publishes it unsigned. For the root it
// lasts one publication. SignHonestly ends it.
func (r *Repo) SignWith(role string, keys ...ed25519.PrivateKey) {
	r.signers[role] = append([]ed25519.PrivateKey{}, keys...)
	r.dirty[role] = true
}

// SignHonestly ends what SignWith began.
func (r *Repo) SignHonestly(role string) {
	delete(r.signers, role)
	r.dirty[role] = true
}

// Keys returns the keys that the role's delegation lists.
func (r *Repo) Keys(role string) []ed25519.PrivateKey { return slices.Clone(r.keys[role]) }

// Rotate replaces every key of a role, keeping the threshold, in the next
// publication. A new root is signed by the old and the new keys unless SignWith
// says otherwise afterwards.
func (r *Repo) Rotate(role string) []ed25519.PrivateKey {
	r.t.Helper()
	r.rotations++
	old := r.keys[role]
	keys := make([]ed25519.PrivateKey, len(old))
	for i := range keys {
		keys[i] = Key(fmt.Sprintf("%s-%d rotation %d", role, i+1, r.rotations))
	}
	r.delegate(role, r.threshold(role), keys)
	if role == Root {
		r.signers[Root] = append(slices.Clone(old), keys...)
	}
	r.dirty[role] = true
	return keys
}

// SetKeys lists other keys and another threshold for a role, and signs with them.
func (r *Repo) SetKeys(role string, threshold int, keys ...ed25519.PrivateKey) {
	r.t.Helper()
	old := r.keys[role]
	r.delegate(role, threshold, keys)
	if role == Root {
		r.signers[Root] = append(slices.Clone(old), keys...)
	}
	r.dirty[role] = true
}

func (r *Repo) threshold(role string) int {
	if parent, ok := r.parents[role]; ok {
		for _, d := range r.targets[parent].Signed.Delegations.Roles {
			if d.Name == role {
				return d.Threshold
			}
		}
	}
	return r.root.Signed.Roles[role].Threshold
}

// delegate writes keys and threshold of an existing role into its delegator.
func (r *Repo) delegate(role string, threshold int, keys []ed25519.PrivateKey) {
	r.t.Helper()
	r.keys[role] = keys
	ids := make([]string, len(keys))
	public := map[string]*metadata.Key{}
	for i, key := range keys {
		ids[i], public[KeyID(key)] = KeyID(key), PublicKey(key)
	}
	if parent, ok := r.parents[role]; ok {
		d := r.targets[parent].Signed.Delegations
		maps.Copy(d.Keys, public)
		for i := range d.Roles {
			if d.Roles[i].Name == role {
				d.Roles[i].KeyIDs, d.Roles[i].Threshold = ids, threshold
			}
		}
		r.dirty[parent] = true
		return
	}
	if r.root.Signed.Roles[role] == nil {
		r.t.Fatalf("tuftest: no role %q", role)
	}
	r.root.Signed.Roles[role].KeyIDs, r.root.Signed.Roles[role].Threshold = ids, threshold
	r.root.Signed.Keys = r.listedKeys(public)
	r.dirty[Root] = true
}

// listedKeys returns the keys of every top-level role.
func (r *Repo) listedKeys(more map[string]*metadata.Key) map[string]*metadata.Key {
	listed := maps.Clone(more)
	for _, role := range r.root.Signed.Roles {
		for _, id := range role.KeyIDs {
			if key, ok := r.root.Signed.Keys[id]; ok {
				listed[id] = key
			}
		}
	}
	return listed
}

// Delegate adds a role below parent, which may be a delegated role itself. A
// second call with another parent makes a diamond.
func (r *Repo) Delegate(parent, role string, paths []string, keys ...ed25519.PrivateKey) {
	r.t.Helper()
	p := &r.role(parent).Signed
	if p.Delegations == nil {
		p.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
	}
	p.Delegations.Roles = append(p.Delegations.Roles, metadata.DelegatedRole{Name: role, Paths: paths})
	if r.targets[role] == nil {
		r.targets[role] = metadata.Targets(r.Now())
		r.targets[role].Signed.Version = 0
	}
	previous, had := r.parents[role]
	r.parents[role] = parent
	r.delegate(role, 1, keys)
	if had {
		r.parents[role] = previous
	}
	r.dirty[parent], r.dirty[role] = true, true
}

// EditRoot changes the next root just before it is signed.
func (r *Repo) EditRoot(edit func(*metadata.RootType)) {
	r.edit(Root, func() { edit(&r.root.Signed) })
}

// EditTargets changes the next version of a targets or delegated role just
// before it is signed.
func (r *Repo) EditTargets(role string, edit func(*metadata.TargetsType)) {
	r.edit(role, func() { edit(&r.role(role).Signed) })
}

// EditSnapshot changes the next snapshot just before it is signed.
func (r *Repo) EditSnapshot(edit func(*metadata.SnapshotType)) {
	r.edit(Snapshot, func() { edit(&r.snapshot.Signed) })
}

// EditTimestamp changes the next timestamp just before it is signed.
func (r *Repo) EditTimestamp(edit func(*metadata.TimestampType)) {
	r.edit(Timestamp, func() { edit(&r.timestamp.Signed) })
}

func (r *Repo) edit(role string, edit func()) {
	r.edits[role] = append(r.edits[role], edit)
	r.dirty[role] = true
}

// SetExpiry sets when the next version of a role expires.
func (r *Repo) SetExpiry(role string, at time.Time) {
	switch role {
	case Root:
		r.EditRoot(func(s *metadata.RootType) { s.Expires = at })
	case Snapshot:
		r.EditSnapshot(func(s *metadata.SnapshotType) { s.Expires = at })
	case Timestamp:
		r.EditTimestamp(func(s *metadata.TimestampType) { s.Expires = at })
	default:
		r.EditTargets(role, func(s *metadata.TargetsType) { s.Expires = at })
	}
}

// Expire makes the next version of a role expired since a minute.
func (r *Repo) Expire(role string) { r.SetExpiry(role, r.Now().Add(-time.Minute)) }

// SetVersion sets the version of the next publication of a role, also backwards.
func (r *Repo) SetVersion(role string, version int64) {
	switch role {
	case Root:
		r.root.Signed.Version = version - 1
	case Snapshot:
		r.snapshot.Signed.Version = version - 1
	case Timestamp:
		r.timestamp.Signed.Version = version - 1
	default:
		r.role(role).Signed.Version = version - 1
	}
	r.dirty[role] = true
}

// Put serves bytes at a path, behind the back of all metadata.
func (r *Repo) Put(name string, data []byte) { r.put(name, slices.Clone(data)) }

// Remove stops serving a path.
func (r *Repo) Remove(name string) { r.put(name, nil) }

// Edit changes the bytes that are served at a path.
func (r *Repo) Edit(name string, edit func([]byte) []byte) {
	r.t.Helper()
	r.put(name, edit(r.File(name)))
}

// FlipByte changes one byte in the middle of what is served at a path.
func (r *Repo) FlipByte(name string) {
	r.t.Helper()
	r.Edit(name, func(b []byte) []byte {
		b[len(b)/2] ^= 1
		return b
	})
}

// ServeFrom serves what another Repo serves, under this one's URL and folder,
// until the next publication adds to it: a mirror that rolls back, freezes or forks.
func (r *Repo) ServeFrom(other *Repo) {
	r.t.Helper()
	files := other.Files()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = files
	r.mirror()
}

// KeyID returns the TUF key id of a key.
func KeyID(key ed25519.PrivateKey) string {
	id, err := PublicKey(key).ID()
	if err != nil {
		panic("tuftest: " + err.Error()) // a key of ours always has an encoding
	}
	return id
}

// PublicKey returns a key as metadata lists it.
func PublicKey(key ed25519.PrivateKey) *metadata.Key {
	return &metadata.Key{
		Type: metadata.KeyTypeEd25519, Scheme: metadata.KeySchemeEd25519,
		Value: metadata.KeyVal{PublicKey: hex.EncodeToString(key.Public().(ed25519.PublicKey))},
	}
}

// Strangers returns n distinct keys that nobody lists.
func Strangers(n int) []ed25519.PrivateKey {
	keys := make([]ed25519.PrivateKey, n)
	for i := range keys {
		keys[i] = Key(fmt.Sprintf("stranger %d", i+1))
	}
	return keys
}

func signWith[T metadata.Roles](t testing.TB, m *metadata.Metadata[T], keys []ed25519.PrivateKey) {
	t.Helper()
	m.Signatures = []metadata.Signature{}
	for _, key := range keys {
		signer, err := signature.LoadSigner(key, crypto.Hash(0))
		if err != nil {
			t.Fatalf("tuftest: %v", err)
		}
		if _, err := m.Sign(signer); err != nil {
			t.Fatalf("tuftest: %v", err)
		}
	}
}
