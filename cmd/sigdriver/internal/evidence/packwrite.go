// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// WritePack packs the evidence in a state folder. A driver at work there is not
// disturbed; what it appends meanwhile is left out. A damaged journal is an error:
// the folder itself is then the evidence.
func WritePack(out io.Writer, state string) (*Manifest, error) {
	w := &packer{state: state, small: map[string][]byte{}, objects: map[record.Digest]bool{}, archive: OpenArchive(state),
		manifest: &Manifest{Schema: packSchema, Members: []Member{}, Missing: []record.Digest{}}}
	// The checkpoint first: what is read after it has everything that it covers.
	for _, collect := range []func() error{w.log, w.journal, w.trust, w.list} {
		if err := collect(); err != nil {
			return nil, err
		}
	}
	return w.manifest, w.write(out)
}

type packer struct {
	state    string
	archive  *Archive
	small    map[string][]byte      // members that may change, as they were read
	objects  map[record.Digest]bool // of the archive
	manifest *Manifest
}

// log takes the checkpoint, what the log's writer remembers, and all tiles.
func (w *packer) log() error {
	for _, name := range []string{"log/checkpoint", "log/.state/treeState"} {
		data, err := disk.Read(disk.OS{}, filepath.Join(w.state, name), maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue // there is no tile log, or audit verify says what is missing
		}
		if err != nil {
			return err
		}
		w.small[name] = data
	}
	root := filepath.Join(w.state, "log", "tile")
	err := disk.Files(disk.OS{}, root, func(path string) error {
		name, err := filepath.Rel(w.state, path)
		if err != nil || !packNames.MatchString(filepath.ToSlash(name)) {
			return err // a file under way
		}
		data, err := disk.Read(disk.OS{}, path, maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a partial tile whose full one has come meanwhile
		}
		w.small[filepath.ToSlash(name)] = data
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there is no tile
	}
	return err
}

// journal takes every whole entry, and notes the objects that entries name.
func (w *packer) journal() error {
	cut := map[string]int64{}
	for e, err := range record.Read(disk.OS{}, filepath.Join(w.state, "audit"), 0) {
		var torn *record.TornError
		if errors.As(err, &torn) {
			cut[torn.Segment] = torn.Offset
			break
		}
		if err != nil {
			return err
		}
		w.manifest.Entries, w.manifest.Head = e.Seq+1, e.Sum
		if e.Decision != nil {
			w.decision(e.Decision)
		}
	}
	segments, err := disk.OS{}.List(filepath.Join(w.state, "audit"))
	if err != nil {
		return err
	}
	for _, segment := range segments {
		name := "audit/" + segment
		if !packNames.MatchString(name) {
			continue
		}
		data, err := disk.Read(disk.OS{}, filepath.Join(w.state, name), maxFile)
		if err != nil {
			return err
		}
		if at, torn := cut[segment]; torn {
			data = data[:at]
		}
		if len(data) > 0 {
			w.small[name] = data
		}
	}
	return nil
}

// decision notes the record of a decision and its attestations, as far as they
// were archived.
func (w *packer) decision(e *record.Entry) {
	w.objects[e.Record] = true
	record, err := w.archive.Record(e)
	if err != nil {
		return // audit verify and audit replay will say so of the pack, too
	}
	bore := map[[2]int]bool{}
	for _, at := range record.Decision.Evidence {
		bore[at] = true
	}
	for i, list := range record.Attestations {
		for j, sum := range list {
			if bore[[2]int{i, j}] || w.exists(sum) {
				w.objects[sum] = true
			}
		}
	}
}

func (w *packer) exists(sum record.Digest) bool {
	_, err := disk.OS{}.Stat(filepath.Join(w.state, objectName(sum)))
	return err == nil
}

// trust takes the history and notes what it names.
func (w *packer) trust() error {
	past, err := tuf.OpenHistory(w.state, nil)
	var none *tuf.NoHistoryError
	if errors.As(err, &none) {
		return nil // a driver that has never had trust has decisions all the same
	}
	if err != nil {
		return err
	}
	w.small["trust/history.jsonl"] = past.Text()
	named, err := past.Objects()
	for sum := range named {
		w.objects[sum] = true
	}
	return err
}

// list makes the manifest. An object that is damaged is packed like one that is
// missing: not at all.
func (w *packer) list() error {
	for sum := range w.objects {
		data, err := w.archive.Object(sum)
		var missing *archive.MissingError
		var corrupt *archive.CorruptError
		switch {
		case errors.As(err, &missing), errors.As(err, &corrupt):
			w.manifest.Missing = append(w.manifest.Missing, sum)
		case err != nil:
			return err
		default:
			w.manifest.Members = append(w.manifest.Members, Member{objectName(sum), sum, int64(len(data))})
		}
	}
	for name, data := range w.small {
		w.manifest.Members = append(w.manifest.Members, Member{name, sha256.Sum256(data), int64(len(data))})
	}
	slices.SortFunc(w.manifest.Members, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(w.manifest.Missing, func(a, b record.Digest) int { return bytes.Compare(a[:], b[:]) })
	return nil
}

func (w *packer) write(out io.Writer) error {
	text, err := w.manifest.encode()
	if err != nil {
		return err
	}
	if len(text) > maxManifest {
		return fmt.Errorf("the evidence has too many files for one pack")
	}
	if err := putMember(out, manifestName, text); err != nil {
		return err
	}
	for _, m := range w.manifest.Members {
		data, small := w.small[m.Name]
		if !small {
			if data, err = w.archive.Object(m.SHA256); err != nil {
				return err
			}
		}
		if err := putMember(out, m.Name, data); err != nil {
			return err
		}
	}
	_, err = out.Write(make([]byte, 2*tarBlock))
	return err
}

// putMember writes one member.
func putMember(out io.Writer, name string, data []byte) error {
	head, err := tarHeader(name, int64(len(data)))
	if err != nil {
		return err
	}
	for _, part := range [][]byte{head, data, make([]byte, tarPadding(int64(len(data))))} {
		if _, err := out.Write(part); err != nil {
			return err
		}
	}
	return nil
}
