// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
)

// The files of the tile log beside its tiles.
const (
	fileCheckpoint = "log/checkpoint"
	fileTree       = "log/.state/treeState"
)

// logTree is the size and root that the tile log's writer remembers.
type logTree struct {
	Size uint64 `json:"size"`
	Root []byte `json:"root"`
}

// readCheckpoint reads what the tile log says of itself.
func (v *verification) readCheckpoint() error {
	if !exists(v.path("log")) {
		v.unchecked("there is no tile log, so nothing but the journal's own chain binds its entries: configure [transparency]")
		return nil
	}
	data, err := v.read(fileCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		v.find(Finding{record.LogGap, fileCheckpoint, -1, -1, "the tile log has no checkpoint"})
		return nil
	}
	if err != nil {
		return err
	}
	keys := slices.Concat(v.options.LogKeys, v.options.Witnesses)
	c, err := tilelog.ParseCheckpoint(data, keys...)
	if err != nil {
		f := Finding{record.LogTampered, fileCheckpoint, 0, -1, err.Error()}
		var at *tilelog.CheckpointError
		if errors.As(err, &at) {
			f.Offset, f.Detail = int64(at.Offset), at.Text
		}
		v.find(f)
		return nil
	}
	v.report.Checkpoint = &Checkpoint{Origin: c.Origin, Size: c.Size, Root: c.Root}
	v.judgeSigners(c)
	var ask []uint64
	if t := v.readTree(); t != nil {
		ask = append(ask, t.Size)
	}
	v.log = newTiles(v, c.Size, ask...)
	return nil
}

// judgeSigners sees whether those signed who had to.
func (v *verification) judgeSigners(c *tilelog.Checkpoint) {
	wrong := func(format string, args ...any) {
		v.find(Finding{record.LogTampered, fileCheckpoint, -1, -1, fmt.Sprintf(format, args...)})
	}
	is := func(list []note.Verifier, name string) bool {
		return slices.ContainsFunc(list, func(k note.Verifier) bool { return k.Name() == name })
	}
	for _, name := range c.Signers {
		switch {
		case is(v.options.LogKeys, name):
			v.report.Checkpoint.Signed = v.report.Checkpoint.Signed || name == c.Origin
		case is(v.options.Witnesses, name):
			v.report.Checkpoint.Cosigs = append(v.report.Checkpoint.Cosigs, name)
		}
	}
	switch {
	case len(v.options.LogKeys) == 0:
		v.unchecked("the checkpoint's signature was not checked: give the log's key with --log-key")
	case !v.report.Checkpoint.Signed:
		wrong("it carries no signature by the log's key: another key made it, or a byte of the signature was changed")
	}
	switch cosigs := len(v.report.Checkpoint.Cosigs); {
	case len(v.options.Witnesses) == 0:
		if len(v.options.LogKeys) > 0 && len(c.Unknown) > 0 {
			v.unchecked("the signatures of witnesses were not checked: give their keys with --witness")
		}
	case len(c.Unknown) > 0:
		wrong("%.80q signed it, which is neither the log nor a witness", c.Unknown[0])
	case cosigs < v.options.Quorum:
		wrong("%d of the %d witnesses that have to signed it", cosigs, v.options.Quorum)
	}
}

func (v *verification) unchecked(sentence string) {
	v.report.Unchecked = append(v.report.Unchecked, sentence)
}

// readTree reads what the writer remembers, nil when there is nothing to compare.
func (v *verification) readTree() *logTree {
	data, err := v.read(fileTree)
	if err != nil {
		v.find(Finding{record.LogGap, fileTree, -1, -1, fmt.Sprintf("it cannot be read: %v", withoutPath(err))})
		return nil
	}
	t := &logTree{}
	err = json.Unmarshal(data, t, json.RejectUnknownMembers(true))
	again, encodeErr := json.Marshal(t)
	if err != nil || encodeErr != nil || !bytes.Equal(again, data) {
		v.find(Finding{record.LogTampered, fileTree, int64(differ(data, again)), -1, "it is not what the log's writer writes"})
		return nil
	}
	v.tree = t
	return t
}

// finishLog compares roots, once every entry was seen.
func (v *verification) finishLog() {
	if v.log == nil {
		return
	}
	c := v.report.Checkpoint
	v.compareRoot(fileCheckpoint, c.Size, c.Root[:])
	if v.tree == nil {
		return
	}
	v.compareRoot(fileTree, v.tree.Size, v.tree.Root)
	if v.tree.Size < c.Size {
		v.find(Finding{record.LogFork, fileTree, -1, -1, fmt.Sprintf("the log's writer remembers %d entries, the checkpoint covers %d: an old copy", v.tree.Size, c.Size)})
	}
}

// compareRoot holds a size and root against the journal.
func (v *verification) compareRoot(file string, size uint64, root []byte) {
	have := v.log.roots[size]
	switch {
	case size > v.log.next && v.broken:
		// The journal could not be read as far; that is a finding already.
	case size > v.log.next:
		v.find(Finding{record.LogFork, file, -1, int64(v.log.next), fmt.Sprintf("it covers %d entries and the journal has %d: entries were cut off, or the journal is an old copy", size, v.log.next)})
	case !bytes.Equal(have, root):
		v.find(Finding{record.LogTampered, file, -1, -1, fmt.Sprintf("at %d entries its root is %x, the journal's is %x", size, root, have)})
	}
}

// withoutPath is an error without the path, which the finding has.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
