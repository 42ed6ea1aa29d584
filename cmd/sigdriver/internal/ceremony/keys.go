// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// signers loads the keys given by file and those of the keys folder that have one of
// the ids. The others stay closed: nobody is asked for a passphrase in vain.
func (f *Folder) signers(ids []string) ([]crypto.Signer, error) {
	local, err := f.localKeys(ids)
	if err != nil {
		return nil, err
	}
	signers := []crypto.Signer{}
	for _, file := range slices.Concat(f.KeyFiles, local) {
		key, err := f.OpenKey(file)
		if err != nil {
			return nil, err
		}
		signers = append(signers, key.Signer())
	}
	return signers, nil
}

// localKeys returns the key files in the keys folder whose public half has one
// of the ids.
func (f *Folder) localKeys(ids []string) ([]string, error) {
	names, err := disk.OrOS(f.FS).List(f.keyDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files := []string{}
	for _, name := range names {
		base, isPublic := strings.CutSuffix(name, ".pub")
		public, private := filepath.Join(f.keyDir(), name), filepath.Join(f.keyDir(), base+".key")
		if !isPublic || !exists(private) {
			continue
		}
		key, err := f.PublicKey(public)
		if err != nil {
			return nil, err
		}
		id, err := author.KeyID(key)
		if err == nil && slices.Contains(ids, id) {
			files = append(files, private)
		}
	}
	return files, nil
}

// PublicKeyRemedy says how a file of a public key is made.
const PublicKeyRemedy = "write it with `openssl pkey -in NAME.key -pubout -out NAME.pub`"

// PublicKey reads a PEM public key that can hold a role.
func (f *Folder) PublicKey(path string) (crypto.PublicKey, error) {
	key, err := f.anyPublicKey(path)
	if err != nil {
		return nil, err
	}
	if _, err := author.KeyID(key); err != nil {
		return nil, refuse("", "the public key %q cannot hold a role: %w", path, err)
	}
	return key, nil
}

// anyPublicKey reads one PEM public key of any kind.
func (f *Folder) anyPublicKey(path string) (crypto.PublicKey, error) {
	data, err := f.Read(path, "public key", maxSmallFile)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || strings.TrimSpace(string(rest)) != "" {
		return nil, refuse(PublicKeyRemedy, "%q is not one PEM public key", path)
	}
	if block.Type == "RSA PUBLIC KEY" {
		key, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, refuse(PublicKeyRemedy, "%q is no public key", path)
		}
		return key, nil
	}
	if block.Type != "PUBLIC KEY" {
		return nil, refuse(PublicKeyRemedy, "%q is not one PEM public key", path)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, refuse(PublicKeyRemedy, "%q is no public key", path)
	}
	return key, nil
}

// SignerSHA256 reads a signer's PEM public key and returns how revocations.json names
// it: the sha256 of its SubjectPublicKeyInfo, in hex.
func (f *Folder) SignerSHA256(path string) (string, error) {
	key, err := f.anyPublicKey(path)
	if err != nil {
		return "", err
	}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:]), nil
}

// newKey is a key made here and not yet written.
type newKey struct {
	name string
	key  *keys.Key
}

// writeKeys puts new keys into the keys folder. An existing file is never replaced.
func (f *Folder) writeKeys(made []newKey) error {
	if len(made) == 0 {
		return nil
	}
	var passphrase []byte
	if f.Passphrase != nil {
		var err error
		if passphrase, err = f.Passphrase(); err != nil {
			return err
		}
	}
	if err := disk.MakeDirs(disk.OrOS(f.FS), f.keyDir(), 0o700); err != nil {
		return err
	}
	for _, k := range made {
		private, err := k.key.Marshal(passphrase)
		if err != nil {
			return &Error{err, ""}
		}
		for suffix, data := range map[string][]byte{".key": private, ".pub": k.key.PublicPEM()} {
			file := filepath.Join(f.keyDir(), k.name+suffix)
			if err := keys.Write(f.FS, file, data); errors.Is(err, fs.ErrExist) {
				return refuse("choose another folder with --keys", "the key file %q exists already", file)
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}
