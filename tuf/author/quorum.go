// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"fmt"
	"slices"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf"
)

// Quorum is how far the signing of one role's metadata has come.
type Quorum struct {
	Role      string   `json:"role"`
	By        string   `json:"by"` // whose keys are asked: "root v2", "targets v7"
	Threshold int      `json:"threshold"`
	Signed    []string `json:"signed"`  // ids of keys whose signature verified
	Missing   []string `json:"missing"` // ids of the other keys that may sign
}

// Complete reports whether enough keys have signed.
func (q Quorum) Complete() bool { return q.Threshold >= 1 && len(q.Signed) >= q.Threshold }

// roleMeta is one role's metadata of any type: a *metadata.Metadata[T].
type roleMeta interface {
	ToBytes(pretty bool) ([]byte, error)
	Sign(signature.Signer) (*metadata.Signature, error)
	VerifyDelegate(role string, delegated any) error
}

// header is what every role's metadata has in common.
type header struct {
	version    *int64
	expires    *time.Time
	signatures *[]metadata.Signature
}

func headerOf(m roleMeta) header {
	switch m := m.(type) {
	case *metadata.Metadata[metadata.RootType]:
		return header{&m.Signed.Version, &m.Signed.Expires, &m.Signatures}
	case *metadata.Metadata[metadata.SnapshotType]:
		return header{&m.Signed.Version, &m.Signed.Expires, &m.Signatures}
	case *metadata.Metadata[metadata.TimestampType]:
		return header{&m.Signed.Version, &m.Signed.Expires, &m.Signatures}
	case *metadata.Metadata[metadata.TargetsType]:
		return header{&m.Signed.Version, &m.Signed.Expires, &m.Signatures}
	}
	panic("tuf: not metadata") // roleMeta has these four types only
}

// parseMeta reads the metadata of the named role.
func parseMeta(role string, data []byte) (roleMeta, error) {
	switch role {
	case tuf.RoleRoot:
		return asMeta(new(metadata.Metadata[metadata.RootType]).FromBytes(data))
	case tuf.RoleSnapshot:
		return asMeta(new(metadata.Metadata[metadata.SnapshotType]).FromBytes(data))
	case tuf.RoleTimestamp:
		return asMeta(new(metadata.Metadata[metadata.TimestampType]).FromBytes(data))
	}
	return asMeta(new(metadata.Metadata[metadata.TargetsType]).FromBytes(data))
}

func asMeta[T metadata.Roles](m *metadata.Metadata[T], err error) (roleMeta, error) {
	if err != nil {
		return nil, err
	}
	return any(m).(roleMeta), nil
}

// delegation is who may sign one role, as its delegator lists it.
type delegation struct {
	role, by  string
	ids       []string
	keys      map[string]*metadata.Key
	threshold int
}

// delegationOf reads who may sign role from the root or the targets metadata.
func delegationOf(delegator roleMeta, role string) (*delegation, error) {
	switch m := delegator.(type) {
	case *metadata.Metadata[metadata.RootType]:
		if r := m.Signed.Roles[role]; r != nil {
			by := fmt.Sprintf("root v%d", m.Signed.Version)
			return newDelegation(role, by, r.KeyIDs, m.Signed.Keys, r.Threshold)
		}
	case *metadata.Metadata[metadata.TargetsType]:
		if m.Signed.Delegations == nil {
			break
		}
		for _, r := range m.Signed.Delegations.Roles {
			if r.Name == role {
				by := fmt.Sprintf("targets v%d", m.Signed.Version)
				return newDelegation(role, by, r.KeyIDs, m.Signed.Delegations.Keys, r.Threshold)
			}
		}
	}
	return nil, &KeyholdersError{role, "no role delegates to it"}
}

// delegates reports whether the targets metadata lists a delegated role at all.
func delegates(targets roleMeta, role string) bool {
	m, ok := targets.(*metadata.Metadata[metadata.TargetsType])
	return ok && m.Signed.Delegations != nil && slices.ContainsFunc(m.Signed.Delegations.Roles, func(r metadata.DelegatedRole) bool { return r.Name == role })
}

func newDelegation(role, by string, ids []string, keys map[string]*metadata.Key, threshold int) (*delegation, error) {
	d := &delegation{role, by, slices.Clone(ids), map[string]*metadata.Key{}, threshold}
	for _, id := range ids {
		if _, err := publicKey(keys[id]); err != nil {
			return nil, &KeyholdersError{role, fmt.Sprintf("key %s in %s is %v", shortID(id), by, err)}
		}
		d.keys[id] = keys[id]
	}
	// The keyholders are checked as if they were new: also metadata that somebody
	// else made may list one key under two ids.
	keyholders, err := d.keyholders()
	if err != nil {
		return nil, err
	}
	_, _, err = keyholders.inMetadata(role)
	return d, err
}

func (d *delegation) keyholders() (Keyholders, error) {
	h := Keyholders{Threshold: d.threshold}
	for _, id := range d.ids {
		public, err := publicKey(d.keys[id])
		if err != nil {
			return Keyholders{}, &KeyholdersError{d.role, err.Error()}
		}
		h.Keys = append(h.Keys, public)
	}
	return h, nil
}

// signed reports whether the key with this id has signed m. go-tuf judges.
func (d *delegation) signed(id string, m roleMeta) bool {
	judge := metadata.Root(time.Time{})
	judge.Signed.Keys = map[string]*metadata.Key{id: d.keys[id]}
	judge.Signed.Roles = map[string]*metadata.Role{d.role: {KeyIDs: []string{id}, Threshold: 1}}
	return judge.VerifyDelegate(d.role, m) == nil
}

// quorum says who has signed m and who has not.
func (d *delegation) quorum(m roleMeta) Quorum {
	q := Quorum{Role: d.role, By: d.by, Threshold: d.threshold, Signed: []string{}, Missing: []string{}}
	for _, id := range d.ids {
		if d.signed(id, m) {
			q.Signed = append(q.Signed, id)
		} else {
			q.Missing = append(q.Missing, id)
		}
	}
	return q
}
