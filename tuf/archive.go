// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// digest is the SHA-256 of some bytes; in text, 64 lower-case hex digits.
type digest [sha256.Size]byte

func digestOf(data []byte) digest { return sha256.Sum256(data) }

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *digest) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(d) || hex.EncodeToString(raw) != string(text) {
		return errors.New("not 64 lower-case hex digits")
	}
	copy(d[:], raw)
	return nil
}

// archive keeps every verified file for ever, by digest: sha256/ab/<64 hex>. What
// it returns has the digest that was asked for; an edited or cut file is the same
// as none, and is replaced when its bytes come by again.
type archive struct {
	files  disk.FS
	dir    string
	stored map[digest]bool // written or seen whole by this process
	made   map[string]bool // folders that exist
	synced map[string]bool // folders whose names are durable
	dirty  map[string]bool // folders to sync
}

func newArchive(files disk.FS, dir string) *archive {
	return &archive{files, dir, map[digest]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

// tmp is not shared with whoever else keeps files in the archive.
func (a *archive) tmp() string { return filepath.Join(a.dir, "tmp-trust") }

func (a *archive) path(d digest) string {
	name := d.String()
	return filepath.Join(a.dir, "sha256", name[:2], name)
}

// object returns archived bytes. Missing and damaged are a *CorruptError.
func (a *archive) object(d digest) ([]byte, error) {
	data, err := readFile(a.files, a.path(d), MaxNote)
	if err != nil || digestOf(data) != d {
		delete(a.stored, d)
		return nil, &CorruptError{a.path(d), "missing or not what its name says"}
	}
	a.stored[d] = true
	return data, nil
}

// put archives bytes; flush makes that durable. What is there already may be what
// another process left when it died, with a name that was never synced.
func (a *archive) put(data []byte) (digest, error) {
	d := digestOf(data)
	if !a.stored[d] {
		if _, err := a.object(d); err != nil {
			if err := a.write(d, data); err != nil {
				return d, err
			}
		}
	}
	dir := filepath.Dir(a.path(d))
	for _, dir := range []string{dir, filepath.Dir(dir), a.dir} {
		if !a.synced[dir] {
			a.dirty[dir] = true
		}
	}
	return d, nil
}

func (a *archive) write(d digest, data []byte) error {
	dir := filepath.Dir(a.path(d))
	if !a.made[dir] {
		if err := makeDir(a.files, dir, privateDir); err != nil {
			return err
		}
		a.made[dir] = true
	}
	if err := putFile(a.files, a.tmp(), a.path(d), data, privateFile); err != nil {
		return err
	}
	a.stored[d], a.synced[dir] = true, false
	return nil
}

// flush makes every put durable. After a failure nothing is assumed to be there.
func (a *archive) flush() error {
	for _, dir := range sortedKeys(a.dirty) {
		if err := a.files.SyncDir(dir); err != nil {
			a.stored, a.made, a.synced = map[digest]bool{}, map[string]bool{}, map[string]bool{}
			return &StoreError{"sync", dir, err}
		}
		delete(a.dirty, dir)
		a.synced[dir] = true
	}
	return nil
}
