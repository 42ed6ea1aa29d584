// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// Change is a change of what is published.
type Change struct {
	Files        map[string][]byte // by target path; nil takes one out
	Attestations []Attestation
	Renew        []string // roles to sign anew for their full validity
	// AddKeys name files of PEM public keys that sign a role, too; RemoveKeys keys by
	// their id, the start of it, or their name; Thresholds say how many of a role's keys
	// must sign.
	AddKeys, RemoveKeys, Thresholds []RoleValue
}

// Attestation is a bundle or an envelope that is published with trust.
type Attestation struct {
	Path string // of the file, which names the target
	Data []byte
}

// RoleValue is something about one role.
type RoleValue struct{ Role, Value string }

// ParseRoleValue reads ROLE=VALUE. option is where it was written, for the error.
func ParseRoleValue(option, s string) (RoleValue, error) {
	role, value, ok := strings.Cut(s, "=")
	if !ok || value == "" || !slices.Contains(tuf.Roles(), role) {
		return RoleValue{}, refuse("use one of the roles "+strings.Join(tuf.Roles(), ", "), "%s %.60q is not ROLE=VALUE", option, s)
	}
	return RoleValue{role, value}, nil
}

func (c *Change) empty() bool {
	return len(c.Files)+len(c.Attestations)+len(c.Renew) == 0 && !c.handsOver()
}

// handsOver reports whether a role changes hands.
func (c *Change) handsOver() bool {
	return len(c.AddKeys)+len(c.RemoveKeys)+len(c.Thresholds) > 0
}

// newStage checks a change as a driver would and makes its metadata, unsigned.
func (f *Folder) newStage(base *author.Repository, c *Change) (*author.Stage, error) {
	notes, err := f.Notes()
	if err != nil {
		return nil, err
	}
	change := author.Change{Renew: c.Renew, Files: map[string][]byte{}}
	maps.Copy(change.Files, c.Files)
	if change.Validity, err = notes.Lifetimes(); err != nil {
		return nil, err
	}
	trust, err := check(base, change.Files)
	if err != nil {
		return nil, err
	}
	if err := addAttestations(trust, c.Attestations, change.Files); err != nil {
		return nil, err
	}
	if change.Keyholders, err = f.keyholders(base, c, notes); err != nil {
		return nil, err
	}
	if len(c.AddKeys) > 0 {
		if err := f.saveNotes(notes); err != nil {
			return nil, err
		}
	}
	s, err := author.NewStage(base, change, f.Now())
	return s, changeError(err)
}

// keyholders returns the roles that change hands.
func (f *Folder) keyholders(base *author.Repository, c *Change, notes *Notes) (map[string]author.Keyholders, error) {
	changed := map[string]author.Keyholders{}
	for _, edits := range []struct {
		list []RoleValue
		edit func(h *author.Keyholders, v RoleValue, notes *Notes) error
	}{{c.RemoveKeys, removeKey}, {c.AddKeys, f.addKey}, {c.Thresholds, setThreshold}} {
		for _, v := range edits.list {
			h, ok := changed[v.Role]
			if !ok {
				h, _ = base.Keyholders(v.Role) // a delegated role without keys yet has none
			}
			if err := edits.edit(&h, v, notes); err != nil {
				return nil, err
			}
			changed[v.Role] = h
		}
	}
	return changed, nil
}

func (f *Folder) addKey(h *author.Keyholders, v RoleValue, notes *Notes) error {
	key, err := f.PublicKey(v.Value)
	if err != nil {
		return err
	}
	id, err := author.KeyID(key)
	if err != nil {
		return err
	}
	notes.remember(id, strings.TrimSuffix(filepath.Base(v.Value), filepath.Ext(v.Value)))
	h.Keys = append(h.Keys, key)
	if h.Threshold == 0 {
		h.Threshold = 1
	}
	return nil
}

func removeKey(h *author.Keyholders, v RoleValue, notes *Notes) error {
	found := []int{}
	for i, key := range h.Keys {
		id, err := author.KeyID(key)
		if err != nil {
			return err
		}
		if notes.Names[id] == v.Value || (len(v.Value) >= 8 && strings.HasPrefix(id, v.Value)) {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		return refuse("give the id, or at least its first 8 characters, as `sigdriver trust status` prints it",
			"--remove-key: %d of the keys of %s answer to %.80q", len(found), v.Role, v.Value)
	}
	h.Keys = slices.Delete(slices.Clone(h.Keys), found[0], found[0]+1)
	return nil
}

func setThreshold(h *author.Keyholders, v RoleValue, _ *Notes) error {
	n, err := strconv.Atoi(v.Value)
	if err != nil {
		return refuse("write it like --threshold "+v.Role+"=2", "--threshold: %.40q is no number", v.Value)
	}
	h.Threshold = n
	return nil
}

// StageChange stages a change for several people to sign. One that changes nothing
// shows what is staged.
func (f *Folder) StageChange(c *Change) (*Result, error) {
	release, err := f.hold("stage")
	if err != nil {
		return nil, err
	}
	defer release()
	base, staged, err := f.open()
	switch {
	case err != nil:
		return nil, err
	case c.empty() && staged == nil:
		return nil, refuse("say what to change, as in --authorities FILE", "nothing is staged")
	case c.empty():
		return stagedResult(staged, staged.Warnings())
	case staged != nil:
		return nil, f.alreadyStaged()
	case base == nil:
		return nil, f.unpublished()
	}
	s, err := f.newStage(base, c)
	if err != nil {
		return nil, err
	}
	return f.saveStage(s, s.Warnings())
}

// saveStage writes a new stage.
func (f *Folder) saveStage(s *author.Stage, notes []string) (*Result, error) {
	if err := f.save(s); err != nil {
		return nil, err
	}
	return stagedResult(s, notes)
}

func stagedResult(s *author.Stage, notes []string) (*Result, error) {
	changes, err := s.Diff()
	return &Result{Staged, changes, s, notes}, err
}
