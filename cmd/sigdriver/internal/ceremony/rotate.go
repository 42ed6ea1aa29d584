// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// Rotation says who will hold root, and nobody else.
type Rotation struct {
	PublicKeys []string // files of PEM public keys
	Generate   int      // keys to make, besides
	Algorithm  string   // of the keys made
	Threshold  int      // how many of them must sign; 0 for as many as before
}

// RotateRoot stages a root with other keys.
func (f *Folder) RotateRoot(r *Rotation) (*Result, error) {
	release, err := f.hold("rotate-root")
	if err != nil {
		return nil, err
	}
	defer release()
	base, err := f.MustRepository()
	if err != nil {
		return nil, err
	}
	if exists(f.Staged()) {
		return nil, f.alreadyStaged()
	}
	notes, err := f.Notes()
	if err != nil {
		return nil, err
	}
	change := author.Change{}
	if change.Validity, err = notes.Lifetimes(); err != nil {
		return nil, err
	}
	h, made, err := f.rootHolders(base, r, notes)
	if err != nil {
		return nil, err
	}
	change.Keyholders = map[string]author.Keyholders{tuf.RoleRoot: h}
	s, err := author.NewStage(base, change, f.Now())
	if err != nil {
		return nil, changeError(err)
	}
	if err := f.writeKeys(made); err != nil {
		return nil, err
	}
	if err := f.saveNotes(notes); err != nil {
		return nil, err
	}
	return f.saveStage(s, s.Warnings())
}

// rootHolders returns who will hold root, and the keys made for it.
func (f *Folder) rootHolders(base *author.Repository, r *Rotation, notes *Notes) (author.Keyholders, []newKey, error) {
	if len(r.PublicKeys)+r.Generate < 1 || r.Generate < 0 || r.Generate > MaxGenerate {
		return author.Keyholders{}, nil, refuse(fmt.Sprintf("give --public-key FILE, or --generate N up to %d", MaxGenerate), "the new root needs keys")
	}
	h, err := base.Keyholders(tuf.RoleRoot)
	if err != nil {
		return h, nil, err
	}
	h.Keys = nil
	if r.Threshold != 0 {
		h.Threshold = r.Threshold
	}
	for _, file := range r.PublicKeys {
		if err := f.addKey(&h, RoleValue{tuf.RoleRoot, file}, notes); err != nil {
			return h, nil, err
		}
	}
	made := []newKey{}
	for range r.Generate {
		key, err := keys.Generate(r.Algorithm)
		if err != nil {
			return h, nil, &Error{err, ""}
		}
		id, err := author.KeyID(key.Signer().Public())
		if err != nil {
			return h, nil, err
		}
		name := f.freeName(made)
		notes.remember(id, name)
		made, h.Keys = append(made, newKey{name, key}), append(h.Keys, key.Signer().Public())
	}
	return h, made, nil
}

// freeName returns a name for another root key that no file has yet.
func (f *Folder) freeName(made []newKey) string {
	for i := 2; ; i++ {
		name := fmt.Sprintf("root-%d", i)
		taken := slices.ContainsFunc(made, func(k newKey) bool { return k.name == name })
		if !taken && !exists(filepath.Join(f.keyDir(), name+".key")) {
			return name
		}
	}
}
