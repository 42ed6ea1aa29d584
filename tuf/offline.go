// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// LoadOffline proves trust from files alone, without state and without a lock.
// dir is one of
//   - a published repository (metadata/ and targets/): verified at now, so that
//     anything expired is an *ExpiredError, but for delegated roles;
//   - a state folder, or the folder that holds it as trust/ beside archive/: the
//     last line of its history, proven as AsOf does;
//   - an export, one file: likewise.
//
// root is the pinned root. There is no memory, so a repository that was rolled
// back is not noticed. The Note is empty for a published repository.
func LoadOffline(dir string, root []byte, now time.Time) (s *Snapshot, n Note, err error) {
	defer caught(&err)
	if isRepository(dir) {
		s, err := loadRepositoryAt(dir, root, now.UTC().Round(0))
		return s, Note{}, err
	}
	h, err := openStoredHistory(dir)
	if err != nil {
		return nil, Note{}, err
	}
	if len(h.chain.lines) == 0 {
		return nil, Note{}, &NoHistoryError{dir, now}
	}
	return evaluate(h.objects, root, h.chain.lines, len(h.chain.lines)-1)
}

func isRepository(dir string) bool {
	_, err := disk.OS{}.Stat(filepath.Join(dir, MetadataDir, "timestamp.json"))
	return err == nil
}

func loadRepositoryAt(dir string, root []byte, now time.Time) (*Snapshot, error) {
	w, err := newWorkflow(root, now)
	if err != nil {
		return nil, err
	}
	ctx := context.Background() // a folder does not wait
	r := &refresh{source: sniffed{DirSource(dir)}, log: hclog.NewNullLogger()}
	if err := r.metadata(ctx, w, &rootChain{w.rootVersion(), [][]byte{root}}); err != nil {
		return nil, err
	}
	found, err := r.collect(ctx)
	if err == nil {
		found.attestations, err = r.attestations(ctx, found.attestationList.listed)
	}
	var aside *attestationsError
	if err != nil && !errors.As(err, &aside) {
		return nil, err
	}
	roles := found.roles
	if aside == nil {
		for role := range r.search.trusted.Targets {
			roles[role] = true
		}
	}
	snapshot := r.search.describe(roles)
	for path, data := range found.targets {
		snapshot.Targets[path] = data
	}
	for path, data := range found.attestations {
		snapshot.Targets[path] = data
	}
	return snapshot, nil
}

// ReadMetadata returns the metadata of a role of a Snapshot that LoadOffline has just
// read from dir: the very bytes that were proven, or an error.
func ReadMetadata(dir, role string, info RoleInfo) (data []byte, err error) {
	defer caught(&err)
	if !isRepository(dir) {
		h, err := openStoredHistory(dir)
		if err != nil {
			return nil, err
		}
		return h.objects.object(info.SHA256)
	}
	file := filepath.Join(dir, MetadataDir, fmt.Sprintf("%d.%s.json", info.Version, role))
	if role == RoleTimestamp {
		file = filepath.Join(dir, MetadataDir, "timestamp.json")
	}
	if data, err = readFile(disk.OS{}, file, MaxTargets); err != nil {
		return nil, err
	}
	if digestOf(data) != info.SHA256 {
		return nil, &CorruptError{role, "it is no longer the file that was proven"}
	}
	return data, nil
}

// storedHistory is a history with its archive, opened for reading.
type storedHistory struct {
	chain   *chain
	text    []byte // of its whole lines
	objects objects
}

// openStoredHistory finds a history: an export, a state folder, or the folder above it.
func openStoredHistory(dir string) (*storedHistory, error) {
	files := disk.OS{}
	st, err := files.Stat(dir)
	if err != nil {
		return nil, &StoreError{"open", dir, err}
	}
	if st.Mode().IsRegular() {
		return openExport(dir)
	}
	for _, trust := range []string{dir, filepath.Join(dir, "trust")} {
		if _, err := files.Stat(filepath.Join(trust, historyFile)); err == nil {
			return openFolder(trust)
		}
	}
	return nil, &NoHistoryError{Dir: dir, At: time.Time{}}
}

func openFolder(trust string) (*storedHistory, error) {
	files := disk.OS{}
	data, err := readOptional(files, filepath.Join(trust, historyFile), MaxExport)
	if err != nil {
		return nil, err
	}
	c, err := readHistory(filepath.Join(trust, historyFile), data)
	if err != nil {
		return nil, err
	}
	archiveDir := filepath.Join(trust, "archive")
	if _, err := files.Stat(archiveDir); err != nil {
		archiveDir = filepath.Join(filepath.Dir(filepath.Clean(trust)), "archive")
	}
	return &storedHistory{c, data[:c.size], archiveFolder(archiveDir)}, nil
}
