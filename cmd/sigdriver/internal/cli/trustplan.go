// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// trustPlan is the plan of trust init, a strict TOML file:
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
type trustPlan struct {
	Algorithm string              `toml:"algorithm"`
	Roles     map[string]planRole `toml:"roles"`
	dir       string
}

type planRole struct {
	Threshold int      `toml:"threshold"`
	Keys      []string `toml:"keys"`
	Generate  int      `toml:"generate"`
	Validity  string   `toml:"validity"`
}

// maxGenerate bounds the keys that one role has made here.
const maxGenerate = 16

// readPlan reads a plan; without a file, one new key holds each role.
func readPlan(env *Env, path string) (*trustPlan, error) {
	p := &trustPlan{Algorithm: keys.Ed25519, Roles: map[string]planRole{}, dir: filepath.Dir(path)}
	if path == "" {
		for _, role := range tuf.Roles() {
			p.Roles[role] = planRole{Threshold: 1, Generate: 1}
		}
		return p, nil
	}
	data, err := readFile(env, path, "plan", maxSmallFile)
	if err != nil {
		return nil, err
	}
	if err := decodeTOML(path, data, p); err != nil {
		return nil, err
	}
	for _, role := range sortedKeys(p.Roles) {
		if !slices.Contains(tuf.Roles(), role) {
			return nil, usageError(fmt.Errorf("%q: unknown role %.40q", path, role), "use "+strings.Join(tuf.Roles(), ", "))
		}
		if n := p.Roles[role].Generate; n < 0 || n > maxGenerate {
			return nil, usageError(fmt.Errorf("%q: role %q: generate = %d", path, role, n), fmt.Sprintf("give a number from 0 to %d", maxGenerate))
		}
	}
	return p, nil
}

// founding is what a plan comes to: the first change, the keys made for it and
// the notes about both.
type founding struct {
	change   author.Change
	made     []newKey
	ceremony *ceremony
}

// found makes the keys that the plan asks for, in memory, and reads the others.
func (p *trustPlan) found(env *Env) (*founding, error) {
	f := &founding{change: author.Change{Keyholders: map[string]author.Keyholders{}}, ceremony: &ceremony{Validity: map[string]string{}}}
	for _, role := range tuf.Roles() {
		planned, ok := p.Roles[role]
		if !ok {
			continue // author.NewStage knows which roles must be there
		}
		h := author.Keyholders{Threshold: planned.Threshold}
		for _, file := range planned.Keys {
			key, err := f.known(env, p.dir, file)
			if err != nil {
				return nil, err
			}
			h.Keys = append(h.Keys, key)
		}
		for i := range planned.Generate {
			key, err := f.generate(p.Algorithm, role, i+1)
			if err != nil {
				return nil, err
			}
			h.Keys = append(h.Keys, key)
		}
		f.change.Keyholders[role] = h
		if planned.Validity != "" {
			f.ceremony.Validity[role] = planned.Validity
		}
	}
	var err error
	f.change.Validity, err = f.ceremony.validity()
	return f, err
}

// known reads a public key that somebody else, or an earlier command, has made.
func (f *founding) known(env *Env, dir, file string) (crypto.PublicKey, error) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	key, err := readPublicKey(env, file)
	if err != nil {
		return nil, err
	}
	return key, f.note(key, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
}

// generate makes a key: "root", "root-2", …
func (f *founding) generate(algorithm, role string, n int) (crypto.PublicKey, error) {
	name := role
	if n > 1 {
		name = fmt.Sprintf("%s-%d", role, n)
	}
	key, err := keys.Generate(algorithm)
	if err != nil {
		return nil, usageError(err, "")
	}
	f.made = append(f.made, newKey{name, key})
	public := key.Signer().Public()
	return public, f.note(public, name)
}

func (f *founding) note(key crypto.PublicKey, name string) error {
	id, err := author.KeyID(key)
	if err == nil {
		f.ceremony.remember(id, name)
	}
	return err
}
