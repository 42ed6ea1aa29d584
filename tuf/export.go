// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/internal/printable"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// Export writes the whole history of a state folder, with every file that it
// names, as one tar archive that LoadOffline and AsOf read. The same history gives
// the same bytes. The folder is read without its lock.
func Export(dir string, w io.Writer) error {
	h, err := openStoredHistory(dir)
	if err != nil {
		return err
	}
	named, err := h.named()
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	if err := addFile(out, historyFile, h.text); err != nil {
		return err
	}
	for _, name := range sortedKeys(named) {
		data, err := h.objects.object(named[name])
		if err != nil {
			return err
		}
		if err := addFile(out, name, data); err != nil {
			return err
		}
	}
	return out.Close()
}

func addFile(out *tar.Writer, name string, data []byte) error {
	header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err := out.Write(data)
	return err
}

// named returns the digest of every file that the history names, by its name in an
// export.
func (h *storedHistory) named() (map[string]digest, error) {
	found := map[string]digest{}
	add := func(d digest) {
		if d != (digest{}) {
			found["sha256/"+d.String()] = d
		}
	}
	for _, l := range h.chain.lines {
		for _, root := range l.Roots {
			add(root.SHA256)
		}
		for _, role := range l.Roles {
			add(role.SHA256)
		}
		for _, d := range l.Targets {
			add(d)
		}
		add(l.Ratchet)
		if _, known := found["sha256/"+l.Attestations.String()]; known {
			continue
		}
		add(l.Attestations)
		list, err := attestationList(h.objects, l.Attestations)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			add(d)
		}
	}
	return found, nil
}

// memory is the objects of an export.
type memory map[digest][]byte

func (m memory) object(d digest) ([]byte, error) {
	data, ok := m[d]
	if !ok {
		return nil, &CorruptError{d.String(), "missing in the export"}
	}
	return data, nil
}

// openExport reads an export; what it holds is filed under its own digest, so a
// changed file is simply another one.
func openExport(name string) (*storedHistory, error) {
	f, err := (disk.OS{}).Open(name, os.O_RDONLY|disk.Follow, 0)
	if err != nil {
		return nil, &StoreError{"open", name, err}
	}
	defer f.Close()
	history, objects, err := readExport(name, tar.NewReader(io.LimitReader(f, MaxExport)))
	if err != nil {
		return nil, err
	}
	c, err := readHistory(name, history)
	if err != nil {
		return nil, err
	}
	return &storedHistory{c, history[:c.size], objects}, nil
}

func readExport(name string, in *tar.Reader) (history []byte, objects memory, err error) {
	objects = memory{}
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return history, objects, nil
		}
		if err != nil {
			return nil, nil, &CorruptError{name, "not an export, or cut short"}
		}
		// Sparse files, which have another format, are longer than they are.
		object := strings.HasPrefix(header.Name, "sha256/")
		if !object && header.Name != historyFile || header.Typeflag != tar.TypeReg || header.Format != tar.FormatUSTAR {
			return nil, nil, &CorruptError{name, fmt.Sprintf("it holds %s, which no export does", printable.Quote(header.Name))}
		}
		data, err := io.ReadAll(in)
		switch {
		case err != nil:
			return nil, nil, &CorruptError{name, "cut short"}
		case object:
			objects[digestOf(data)] = data
		case history != nil:
			return nil, nil, &CorruptError{name, "it holds two histories"}
		default:
			history = data
		}
	}
}
