// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// Notes is ceremony.toml: conveniences that nothing trusts.
type Notes struct {
	Validity map[string]string `toml:"validity,omitempty"`
	Names    map[string]string `toml:"names,omitempty"` // of keys, by id
}

// Notes reads the notes; a folder without them has none.
func (f *Folder) Notes() (*Notes, error) {
	n := &Notes{}
	if !exists(f.notes()) {
		return n, nil
	}
	data, err := f.Read(f.notes(), "ceremony's notes", maxSmallFile)
	if err != nil {
		return nil, err
	}
	return n, decodeTOML(f.notes(), data, n)
}

func (f *Folder) saveNotes(n *Notes) error {
	data, err := toml.Marshal(n)
	if err != nil {
		return err
	}
	err = disk.Output(disk.OrOS(f.FS), f.notes(), 0o644, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "# Kept by sigdriver trust: how long a role lives once signed, and what people call\n# its keys. Nothing here is trusted.\n\n%s", data)
		return err
	})
	if err == nil {
		return nil
	}
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return refuse("give the path of a file in a folder you can write to", "cannot write %q: %w", f.notes(), err)
}

// stagedNames is what the staged folder says about its keys: it travels, so that those
// who sign elsewhere read names and not only ids.
type stagedNames struct {
	Names map[string]string `toml:"names"`
}

func (f *Folder) stagedNamesFile() string { return filepath.Join(f.Staged(), author.NamesFile) }

// saveStagedNames writes the names that are known here into the staged folder.
func (f *Folder) saveStagedNames() error {
	n, err := f.DisplayNotes()
	if err != nil || len(n.Names) == 0 {
		return err
	}
	data, err := toml.Marshal(stagedNames{n.Names})
	if err != nil {
		return err
	}
	fsys, tmp := disk.OrOS(f.FS), filepath.Join(f.Staged(), ".unfinished")
	if err := disk.MakeDirs(fsys, tmp, 0o755); err != nil {
		return err
	}
	text := append([]byte("# What whoever staged this calls the keys. Nothing here is trusted: the ids count.\n\n"), data...)
	if err := disk.Replace(fsys, tmp, f.stagedNamesFile(), text, 0o644); err != nil {
		return err
	}
	return fsys.Remove(tmp)
}

// DisplayNotes is Notes with the names that came with what is staged, for keys that
// have none here. They are for people to read, and never choose a key.
func (f *Folder) DisplayNotes() (*Notes, error) {
	n, err := f.Notes()
	if err != nil || !exists(f.stagedNamesFile()) {
		return n, err
	}
	data, err := f.Read(f.stagedNamesFile(), "names of staged keys", maxSmallFile)
	if err != nil {
		return nil, err
	}
	var staged stagedNames
	if err := decodeTOML(f.stagedNamesFile(), data, &staged); err != nil {
		return nil, err
	}
	for id, name := range staged.Names {
		if n.Names[id] == "" {
			n.remember(id, name)
		}
	}
	return n, nil
}

// Lifetimes returns how long each role lives, where the notes say so.
func (n *Notes) Lifetimes() (map[string]time.Duration, error) {
	lifetimes := map[string]time.Duration{}
	for _, role := range slices.Sorted(maps.Keys(n.Validity)) {
		if !slices.Contains(tuf.Roles(), role) {
			return nil, refuse("use one of "+strings.Join(tuf.Roles(), ", "), "ceremony.toml: unknown role %.40q", role)
		}
		d, err := ParseDuration("validity of "+role, n.Validity[role])
		if err != nil {
			return nil, err
		}
		lifetimes[role] = d
	}
	return lifetimes, nil
}

// Lives returns how long each role lives once signed.
func (n *Notes) Lives() (map[string]time.Duration, error) {
	lives, err := n.Lifetimes()
	if err != nil {
		return nil, err
	}
	for _, role := range tuf.Roles() {
		if _, ok := lives[role]; !ok {
			lives[role] = author.DefaultValidity(role)
		}
	}
	return lives, nil
}

// remember notes a key's name.
func (n *Notes) remember(id, name string) {
	if n.Names == nil {
		n.Names = map[string]string{}
	}
	n.Names[id] = name
}

// ParseDuration reads a duration of Go's spelling, or a number of days. what is what
// lasts as long, for the error.
func ParseDuration(what, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if errors.Is(err, strconv.ErrRange) {
		return 0, refuse("give at most 65535d", "%s %.40q is too long", what, s)
	}
	if err != nil || d <= 0 {
		return 0, refuse("write it like 90d, 36h or 15m", "%s %.40q is no duration above zero", what, s)
	}
	return d, nil
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
		return refuse("remove it or mend its spelling", "%q line %d: unknown key %q", path, line, strings.Join(unknown.Errors[0].Key(), "."))
	case errors.As(err, &malformed):
		line, _ := malformed.Position()
		return refuse("", "%q line %d: %s", path, line, strings.TrimPrefix(malformed.Error(), "toml: "))
	}
	return refuse("", "%q: %w", path, err)
}
