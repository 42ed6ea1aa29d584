// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// maxMany bounds what somebody approves at once; more is not read by anybody.
const maxMany = 1000

// manifest is what approves several files of different places: a TOML file whose
// documents take what they do not say from the options.
type manifest struct {
	Document []manifestEntry `toml:"document"`
}

type manifestEntry struct {
	File      string  `toml:"file"` // relative to the manifest
	Type      string  `toml:"type"`
	Role      string  `toml:"role"`
	Gateway   *string `toml:"gateway"`
	Workspace *string `toml:"workspace"`
	Name      *string `toml:"name"`
	Version   string  `toml:"version"`
}

// toApprove is one file with the options that hold for it.
type toApprove struct {
	path  string
	label string // what its approval's file is named after
	flags signFlags
}

// files lists what is to be approved: of the manifest, or of the files and folders.
func (f *signFlags) files(env *Env) ([]toApprove, error) {
	if f.manifest != "" {
		return f.manifestFiles(env)
	}
	var list []toApprove
	for _, path := range f.documents {
		names := []string{path}
		if st, err := (disk.OS{}).Stat(path); err == nil && st.IsDir() {
			if names, err = authoredIn(path); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			list = append(list, toApprove{name, filepath.Base(name), *f})
		}
	}
	return list, nil
}

// authoredIn are the files of a folder that authors write.
func authoredIn(dir string) ([]string, error) {
	names, err := disk.OS{}.List(dir)
	if err != nil {
		return nil, cannotRead(dir, "folder", err)
	}
	var files []string
	for _, name := range names {
		switch filepath.Ext(name) {
		case ".yaml", ".yml", ".json":
			files = append(files, filepath.Join(dir, name))
		}
	}
	if len(files) == 0 {
		return nil, usageError(fmt.Errorf("the folder %q has no .yaml, .yml or .json file", dir), "give the files, or --manifest FILE")
	}
	return files, nil
}

func (f *signFlags) manifestFiles(env *Env) ([]toApprove, error) {
	data, err := readFile(env, f.manifest, "manifest", 1<<20)
	if err != nil {
		return nil, err
	}
	var m manifest
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, usageError(fmt.Errorf("%q is no manifest: %s", f.manifest, strings.ReplaceAll(err.Error(), "\n", " ")), "write a table [[document]] for each, with file, and type, workspace, name and version where they differ")
	}
	var list []toApprove
	for i, e := range m.Document {
		if e.File == "" {
			return nil, usageError(fmt.Errorf("%q: document %d has no file", f.manifest, i+1), "add file = \"FILE\"")
		}
		t := toApprove{e.File, strings.ReplaceAll(filepath.ToSlash(filepath.Clean(e.File)), "/", "-"), *f}
		if !filepath.IsAbs(e.File) {
			t.path = filepath.Join(filepath.Dir(f.manifest), e.File)
		}
		e.applyTo(&t.flags)
		list = append(list, t)
	}
	if len(list) == 0 {
		return nil, usageError(fmt.Errorf("%q lists no document", f.manifest), "write a table [[document]] for each")
	}
	return list, nil
}

// applyTo sets what the entry says itself.
func (e *manifestEntry) applyTo(f *signFlags) {
	if e.Type != "" {
		f.typeName = e.Type
	}
	if e.Role != "" {
		f.role = e.Role
	}
	if e.Version != "" {
		f.version = e.Version
	}
	if e.Gateway != nil {
		f.gateway = *e.Gateway
	}
	if e.Workspace != nil {
		f.workspace, f.workspaceGiven = *e.Workspace, true
	}
	if e.Name != nil {
		f.name, f.nameGiven = *e.Name, true
	}
}

// body reads a file: a document as it is, anything else as what an author writes.
func (t *toApprove) body(env *Env) ([]byte, error) {
	data, err := readFile(env, t.path, "document", max(policy.MaxInput, verifier.MaxBody))
	if err != nil {
		return nil, err
	}
	text := bytes.TrimLeft(data, " \t\r\n")
	if bytes.HasPrefix(text, []byte("{")) && bytes.Contains(text, []byte(`"@type"`)) {
		return data, nil
	}
	if t.flags.unsigned { // what signs then takes the digest of the file itself
		return nil, usageError(fmt.Errorf("%q is no document yet, and another tool would sign the file as it is", t.path),
			fmt.Sprintf("make the document with `sigdriver canonicalize --type %s %q --out document.json`, and have that signed", t.flags.typeName, t.path))
	}
	as, ok := policy.ParseType(t.flags.typeName)
	if !ok {
		return nil, usageError(fmt.Errorf("--type %q is no type", t.flags.typeName), "use sandbox-policy, provider-profile or settings")
	}
	line, err := readLine(t.flags.line)
	if err != nil {
		return nil, err
	}
	result, err := policy.Canonicalize(as, line, data)
	if err != nil {
		return nil, noDocument(t.path, err)
	}
	for _, note := range append(result.Notes, result.Elsewhere...) {
		fmt.Fprintf(env.Stderr, "note: %s: %s\n", printable(t.path), printable(note))
	}
	return result.Document, nil
}

// signMany shows every approval, asks once, and writes each into a file of its own.
func signMany(env *Env, f *signFlags, list []toApprove) error {
	if f.unsigned || f.previous != "" {
		return usageError(errors.New("--unsigned and --previous are for one document"), "give one --document")
	}
	if len(list) > maxMany {
		return usageError(fmt.Errorf("%d documents are more than the %d that are approved at once", len(list), maxMany), "approve them in parts")
	}
	if _, err := approvalFiles(f.outDir(), list, "signer"); err != nil {
		return err
	}
	approvals := make([]*policy.Approval, len(list))
	for i := range list {
		var err error
		if approvals[i], err = list[i].flags.approval(env, &list[i]); err != nil {
			return err
		}
	}
	for i, a := range approvals {
		fmt.Fprintf(env.Stderr, "\n%d of %d. ", i+1, len(approvals))
		if err := showApproval(env, &list[i].flags, a); err != nil {
			return err
		}
	}
	return f.signAll(env, list, approvals)
}

// signAll asks, opens the key once and signs.
func (f *signFlags) signAll(env *Env, list []toApprove, approvals []*policy.Approval) error {
	if err := f.confirm(env, len(approvals)); err != nil {
		return err
	}
	key, err := f.passphrase.load(env, f.key)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "  key        %s %s\n", key.Algorithm(), key.ID())
	files, err := approvalFiles(f.outDir(), list, signerName(f.key, key))
	if err != nil {
		return err
	}
	for i, a := range approvals {
		signed, err := a.Sign(key)
		if err != nil {
			return approvalError(err)
		}
		if err := writeFile(env, files[i], signed.Bundle); err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "Signed: attestation sha256:%x written to %s\n", signed.SHA256, printable(files[i]))
	}
	f.written = files
	return nil
}

func (f *signFlags) outDir() string {
	if f.out == "" {
		return "."
	}
	return f.out
}

// approvalFiles are the files of the approvals: DOCUMENT.SIGNER.sigstore.json.
func approvalFiles(dir string, list []toApprove, signer string) ([]string, error) {
	if st, err := (disk.OS{}).Stat(dir); err != nil || !st.IsDir() {
		return nil, usageError(fmt.Errorf("%q is no folder, and several approvals go into one", dir), "give --out the folder that the approvals go to")
	}
	from := map[string]string{}
	files := make([]string, len(list))
	for i, t := range list {
		name := fileName(strings.TrimSuffix(t.label, filepath.Ext(t.label))) + "." + signer + ".sigstore.json"
		if other, taken := from[name]; taken {
			return nil, usageError(fmt.Errorf("the approvals of %q and %q would both be %q", other, t.path, name), "name the files apart, or approve them into different folders")
		}
		from[name] = t.path
		files[i] = filepath.Join(dir, name)
	}
	return files, nil
}

var notInFileName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func fileName(s string) string { return notInFileName.ReplaceAllString(s, "-") }

// signerName is what a key's signatures are named after: its file, or its id.
func signerName(name string, key *keys.Key) string {
	if keys.IsPKCS11(name) || keys.IsKMS(name) {
		return hex.EncodeToString(key.SPKI()[len(key.SPKI())-4:])
	}
	return fileName(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)))
}
