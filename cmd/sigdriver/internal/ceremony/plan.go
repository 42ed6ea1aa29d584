// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"crypto"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// Plan says who holds which role of a new repository. It is read from a strict TOML
// file:
//
//	algorithm = "ed25519"              # of generated keys; or "ecdsa-p256-sha256"
//
//	[roles.root]
//	threshold = 2
//	keys = ["alice.pub", "bob.pub"]    # PEM public keys, relative to the plan
//	generate = 1                       # keys to make here, besides
//	validity = "365d"                  # optional
//
// and the same for targets, snapshot, timestamp and, where wanted, revocation and
// attestations.
type Plan struct {
	Algorithm string              `toml:"algorithm"`
	Roles     map[string]PlanRole `toml:"roles"`
	// Dir is what the names of files are relative to.
	Dir string `toml:"-"`
}

// PlanRole says who holds one role.
type PlanRole struct {
	Threshold int      `toml:"threshold"`
	Keys      []string `toml:"keys"`
	Generate  int      `toml:"generate"`
	Validity  string   `toml:"validity"`
}

// MaxGenerate bounds the keys that one role has made here.
const MaxGenerate = 16

// DefaultPlan has one new key hold each role.
func DefaultPlan() *Plan {
	p := &Plan{Algorithm: keys.Ed25519, Roles: map[string]PlanRole{}, Dir: "."}
	for _, role := range tuf.Roles() {
		p.Roles[role] = PlanRole{Threshold: 1, Generate: 1}
	}
	return p
}

// ReadPlan reads a plan.
func (f *Folder) ReadPlan(path string) (*Plan, error) {
	p := &Plan{Algorithm: keys.Ed25519, Roles: map[string]PlanRole{}, Dir: filepath.Dir(path)}
	data, err := f.Read(path, "plan", maxSmallFile)
	if err != nil {
		return nil, err
	}
	if err := decodeTOML(path, data, p); err != nil {
		return nil, err
	}
	for _, role := range slices.Sorted(maps.Keys(p.Roles)) {
		if !slices.Contains(tuf.Roles(), role) {
			return nil, refuse("use "+strings.Join(tuf.Roles(), ", "), "%q: unknown role %.40q", path, role)
		}
		if n := p.Roles[role].Generate; n < 0 || n > MaxGenerate {
			return nil, refuse(fmt.Sprintf("give a number from 0 to %d", MaxGenerate), "%q: role %q: generate = %d", path, role, n)
		}
	}
	return p, nil
}

// founding is what a plan comes to: the first change, the keys made for it and
// the notes about both.
type founding struct {
	change author.Change
	made   []newKey
	notes  *Notes
}

// found makes the keys that the plan asks for, in memory, and reads the others.
func (f *Folder) found(p *Plan) (*founding, error) {
	start := &founding{change: author.Change{Keyholders: map[string]author.Keyholders{}}, notes: &Notes{Validity: map[string]string{}}}
	for _, role := range tuf.Roles() {
		planned, ok := p.Roles[role]
		if !ok {
			continue // author.NewStage knows which roles must be there
		}
		h := author.Keyholders{Threshold: planned.Threshold}
		for _, file := range planned.Keys {
			if !filepath.IsAbs(file) {
				file = filepath.Join(p.Dir, file)
			}
			key, err := f.PublicKey(file)
			if err != nil {
				return nil, err
			}
			if err := start.name(key, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))); err != nil {
				return nil, err
			}
			h.Keys = append(h.Keys, key)
		}
		for i := range planned.Generate {
			key, err := start.generate(p.Algorithm, role, i+1)
			if err != nil {
				return nil, err
			}
			h.Keys = append(h.Keys, key)
		}
		start.change.Keyholders[role] = h
		if planned.Validity != "" {
			start.notes.Validity[role] = planned.Validity
		}
	}
	var err error
	start.change.Validity, err = start.notes.Lifetimes()
	return start, err
}

// generate makes a key: "root", "root-2", …
func (s *founding) generate(algorithm, role string, n int) (crypto.PublicKey, error) {
	name := role
	if n > 1 {
		name = fmt.Sprintf("%s-%d", role, n)
	}
	key, err := keys.Generate(algorithm)
	if err != nil {
		return nil, &Error{err, ""}
	}
	s.made = append(s.made, newKey{name, key})
	public := key.Signer().Public()
	return public, s.name(public, name)
}

func (s *founding) name(key crypto.PublicKey, name string) error {
	id, err := author.KeyID(key)
	if err == nil {
		s.notes.remember(id, name)
	}
	return err
}
