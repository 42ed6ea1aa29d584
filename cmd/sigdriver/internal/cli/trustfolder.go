// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// maxSmallFile bounds a plan, a ceremony.toml or a public key in bytes.
const maxSmallFile = 64 << 10

// ceremonyFlags say where a ceremony is and which private keys are at hand.
type ceremonyFlags struct {
	dir, keys  string
	keyFiles   []string
	passphrase passphraseFlags
}

func (f *ceremonyFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "dir", "", "the ceremony's folder")
	_ = cmd.MarkFlagRequired("dir") // fails only for a flag that does not exist
}

// registerKeys adds the options of commands that sign.
func (f *ceremonyFlags) registerKeys(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.keys, "keys", "", "folder of private keys (default: keys/ in the ceremony's folder)")
	cmd.Flags().StringArrayVar(&f.keyFiles, "key", nil, "a private key that is elsewhere (repeatable)")
	f.passphrase.register(cmd)
}

func (f *ceremonyFlags) published() string { return filepath.Join(f.dir, "published") }
func (f *ceremonyFlags) staged() string    { return filepath.Join(f.dir, "staged") }
func (f *ceremonyFlags) notes() string     { return filepath.Join(f.dir, "ceremony.toml") }

func (f *ceremonyFlags) keyDir() string {
	if f.keys != "" {
		return f.keys
	}
	return filepath.Join(f.dir, "keys")
}

// ceremony is ceremony.toml: conveniences that nothing trusts.
type ceremony struct {
	Validity map[string]string `toml:"validity,omitempty"`
	Names    map[string]string `toml:"names,omitempty"`
}

// openCeremony reads the notes; a folder without them has none.
func (f *ceremonyFlags) openCeremony(env *Env) (*ceremony, error) {
	c := &ceremony{}
	if !exists(f.notes()) {
		return c, nil
	}
	data, err := readFile(env, f.notes(), "ceremony's notes", maxSmallFile)
	if err != nil {
		return nil, err
	}
	return c, decodeTOML(f.notes(), data, c)
}

func (f *ceremonyFlags) saveCeremony(env *Env, c *ceremony) error {
	data, err := toml.Marshal(c)
	if err != nil {
		return err
	}
	return writeFile(env, f.notes(), append([]byte("# Kept by sigdriver trust: how long a role lives once signed, and what people call\n# its keys. Nothing here is trusted.\n\n"), data...))
}

// validity returns how long each role lives, where the notes say so.
func (c *ceremony) validity() (map[string]time.Duration, error) {
	validity := map[string]time.Duration{}
	for _, role := range sortedKeys(c.Validity) {
		if !slices.Contains(tuf.Roles(), role) {
			return nil, usageError(fmt.Errorf("ceremony.toml: unknown role %.40q", role), "use one of "+strings.Join(tuf.Roles(), ", "))
		}
		d, err := readDuration("validity of "+role, c.Validity[role])
		if err != nil {
			return nil, err
		}
		validity[role] = d
	}
	return validity, nil
}

// name is what people call a key.
func (c *ceremony) name(id string) string {
	short := id[:min(12, len(id))]
	if name := c.Names[id]; name != "" {
		return clip(printable(name), 40) + " (" + short + ")"
	}
	return short
}

// remember notes a key's name.
func (c *ceremony) remember(id, name string) {
	if c.Names == nil {
		c.Names = map[string]string{}
	}
	c.Names[id] = name
}

func (c *ceremony) namesOf(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = c.name(id)
	}
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}

// decodeTOML reads a strict TOML file; its errors name the line.
func decodeTOML(path string, data []byte, v any) error {
	dec := toml.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	var unknown *toml.StrictMissingError
	var malformed *toml.DecodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		line, _ := unknown.Errors[0].Position()
		return usageError(fmt.Errorf("%q line %d: unknown key %q", path, line, strings.Join(unknown.Errors[0].Key(), ".")), "remove it or mend its spelling")
	case errors.As(err, &malformed):
		line, _ := malformed.Position()
		return usageError(fmt.Errorf("%q line %d: %s", path, line, strings.TrimPrefix(malformed.Error(), "toml: ")), "")
	}
	return usageError(fmt.Errorf("%q: %w", path, err), "")
}

// repository opens what is published; nil when nothing is yet. A first publication
// that was interrupted is none: its timestamp comes last, and what is staged
// completes it.
func (f *ceremonyFlags) repository() (*author.Repository, error) {
	metadata := filepath.Join(f.published(), "metadata")
	r, err := author.OpenRepository(nil, f.published())
	begun := exists(f.staged()) && !exists(filepath.Join(metadata, "timestamp.json"))
	if errors.Is(err, fs.ErrNotExist) && (begun || !exists(metadata)) {
		return nil, nil
	}
	return r, trustError(err)
}

// mustRepository refuses a folder in which nothing is published.
func (f *ceremonyFlags) mustRepository() (*author.Repository, error) {
	r, err := f.repository()
	if err == nil && r == nil {
		err = usageError(fmt.Errorf("%q holds no published repository", f.dir), fmt.Sprintf("make one with `sigdriver trust init --dir %s`", printable(f.dir)))
	}
	return r, err
}

// stage opens what is staged; nil when nothing is, or only what is published.
func (f *ceremonyFlags) stage(base *author.Repository) (*author.Stage, error) {
	s, err := author.OpenStage(nil, f.staged(), base)
	if errors.Is(err, author.ErrPublished) {
		return nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) && !exists(f.staged()) {
		return nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError(fmt.Errorf("%q is not a whole stage", f.staged()), "drop it with `sigdriver trust stage --discard`")
	}
	return s, trustError(err)
}

func exists(path string) bool {
	_, err := disk.OS{}.Lstat(path)
	return err == nil
}

// save writes a stage, into the folder that it came from or in the place of one
// whose publication was interrupted at its very end.
func (f *ceremonyFlags) save(env *Env, s *author.Stage) error {
	base, err := f.repository()
	if err != nil {
		return err
	}
	if _, err := author.OpenStage(nil, f.staged(), base); errors.Is(err, author.ErrPublished) {
		if err := f.dropStage(env); err != nil {
			return trustError(err)
		}
	}
	return trustError(s.Save(env.FS, f.staged()))
}

// dropStage removes the stage, under another name first: what is left of a change
// when this is interrupted could pass for a smaller one.
func (f *ceremonyFlags) dropStage(env *Env) error {
	fsys, gone := disk.OrOS(env.FS), f.staged()+".unfinished"
	if err := disk.RemoveAll(fsys, gone); err != nil {
		return err
	}
	if err := fsys.Rename(f.staged(), gone); err != nil {
		return err
	}
	if err := fsys.SyncDir(f.dir); err != nil {
		return err
	}
	return disk.RemoveAll(fsys, gone)
}

// signers loads the keys given with --key and those of the keys folder that have
// one of the ids. The others stay closed: nobody is asked for a passphrase in vain.
func (f *ceremonyFlags) signers(env *Env, ids []string) ([]crypto.Signer, error) {
	local, err := f.localKeys(env, ids)
	if err != nil {
		return nil, err
	}
	signers := []crypto.Signer{}
	for _, file := range slices.Concat(f.keyFiles, local) {
		key, err := f.passphrase.load(env, file)
		if err != nil {
			return nil, err
		}
		signers = append(signers, key.Signer())
	}
	return signers, nil
}

// localKeys returns the key files in the keys folder whose public half has one
// of the ids.
func (f *ceremonyFlags) localKeys(env *Env, ids []string) ([]string, error) {
	names, err := disk.OrOS(env.FS).List(f.keyDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, trustError(err)
	}
	files := []string{}
	for _, name := range names {
		base, isPublic := strings.CutSuffix(name, ".pub")
		public, private := filepath.Join(f.keyDir(), name), filepath.Join(f.keyDir(), base+".key")
		if !isPublic || !exists(private) {
			continue
		}
		key, err := readPublicKey(env, public)
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

const publicKeyRemedy = "write it with `openssl pkey -in NAME.key -pubout -out NAME.pub`"

// readPublicKey reads a PEM public key that can hold a role.
func readPublicKey(env *Env, path string) (crypto.PublicKey, error) {
	key, err := readAnyPublicKey(env, path)
	if err != nil {
		return nil, err
	}
	if _, err := author.KeyID(key); err != nil {
		return nil, usageError(fmt.Errorf("the public key %q cannot hold a role: %w", path, err), "")
	}
	return key, nil
}

// readAnyPublicKey reads one PEM public key of any kind.
func readAnyPublicKey(env *Env, path string) (crypto.PublicKey, error) {
	data, err := readFile(env, path, "public key", maxSmallFile)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return nil, usageError(fmt.Errorf("%q is not one PEM public key", path), publicKeyRemedy)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, usageError(fmt.Errorf("%q is no public key", path), publicKeyRemedy)
	}
	return key, nil
}

// newKey is a key made here and not yet written.
type newKey struct {
	name string
	key  *keys.Key
}

// writeKeys puts new keys into the keys folder, encrypted when there is a
// passphrase. An existing file is never replaced.
func (f *ceremonyFlags) writeKeys(env *Env, made []newKey, passphrase []byte) error {
	if len(made) == 0 {
		return nil
	}
	if err := disk.MakeDirs(disk.OrOS(env.FS), f.keyDir(), 0o700); err != nil {
		return trustError(err)
	}
	for _, k := range made {
		private, err := k.key.Marshal(passphrase)
		if err != nil {
			return usageError(err, "")
		}
		for suffix, data := range map[string][]byte{".key": private, ".pub": k.key.PublicPEM()} {
			file := filepath.Join(f.keyDir(), k.name+suffix)
			if err := keys.Write(env.FS, file, data); errors.Is(err, fs.ErrExist) {
				return usageError(fmt.Errorf("the key file %q exists already", file), "choose another folder with --keys")
			} else if err != nil {
				return trustError(err)
			}
		}
	}
	return nil
}
