// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/internal/printable"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

const historySchema = "sigdriver.history/v1"

// fileRef names one version of a file of metadata.
type fileRef struct {
	Version int64  `json:"version"`
	SHA256  digest `json:"sha256"`
}

// line is one entry of history.jsonl: what was in force from AcceptedAt on. All
// files it names are in the archive. Each line holds the SHA-256 of the one before
// it (without its newline), so that a line cannot be edited or dropped unnoticed.
type line struct {
	Schema     string             `json:"schema"`
	Line       uint64             `json:"line"` // counts from 1
	Epoch      uint64             `json:"epoch"`
	AcceptedAt time.Time          `json:"acceptedAt"`
	Roots      []fileRef          `json:"roots,omitempty"` // new since the line before
	Root       int64              `json:"root"`            // version in force
	Roles      map[string]fileRef `json:"roles"`           // the other roles, also delegated ones
	Targets    map[string]digest  `json:"targets"`         // but for attestations/
	// Attestations is the archived list {path: sha256} of the files below
	// attestations/; zero when there is none. When the role could not be used it
	// was carried over from the line with number Carried, as that line proves it.
	Attestations digest `json:"attestations,omitzero"`
	Carried      uint64 `json:"carried,omitempty"`
	Ratchet      digest `json:"ratchet,omitzero"` // archived; zero when there is none
	// RevocationsExpire is that of the Note.
	RevocationsExpire time.Time `json:"revocationsExpire,omitzero"`
	Previous          digest    `json:"previous"` // zero in the first line
}

// same reports whether two lines say the same, whenever they say it.
func (l *line) same(o *line) bool {
	a, b := *l, *o
	a.Schema, a.Line, a.AcceptedAt, a.Roots, a.Previous = b.Schema, b.Line, b.AcceptedAt, b.Roots, b.Previous
	x, errX := encodeStrict(a)
	y, errY := encodeStrict(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// encodeStrict writes one of our own files, always in the same order.
func encodeStrict(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// decodeStrict reads one of our own files: no unknown, no duplicate members.
func decodeStrict(data []byte, v any) error {
	return json.Unmarshal(data, v, json.RejectUnknownMembers(true))
}

// chain is a history that was read and holds together.
type chain struct {
	lines []line
	last  digest // of the last line's text
	size  int64  // bytes of whole lines; what follows is a torn tail
	root  int64  // the highest version in any Roots
}

// readHistory checks a history. A last line without its newline is what a crash
// leaves of an append that was never reported: it does not count. Anything else
// that is wrong is a *CorruptError.
func readHistory(name string, data []byte) (*chain, error) {
	c := &chain{}
	for {
		text, rest, whole := bytes.Cut(data[c.size:], []byte("\n"))
		if !whole {
			return c, nil
		}
		var l line
		if err := decodeStrict(text, &l); err != nil {
			return nil, &CorruptError{name, fmt.Sprintf("line %d cannot be read", len(c.lines)+1)}
		}
		if fault := c.fits(&l); fault != "" {
			return nil, &CorruptError{name, fmt.Sprintf("line %d %s", len(c.lines)+1, fault)}
		}
		c.add(l, text)
		if len(rest) == 0 {
			return c, nil
		}
	}
}

// fits says why a line cannot be the next one, "" if it can.
func (c *chain) fits(l *line) string {
	switch {
	case l.Schema != historySchema:
		return "has the schema " + printable.Quote(l.Schema)
	case l.Line != uint64(len(c.lines))+1:
		return "has another number"
	case l.Previous != c.last:
		return "does not continue the line before it"
	case l.Carried >= l.Line:
		return "carries over from a later line"
	}
	if before := c.newest(); before != nil && (l.Epoch < before.Epoch || l.AcceptedAt.Before(before.AcceptedAt)) {
		return "goes back in time or epoch"
	}
	return ""
}

func (c *chain) add(l line, text []byte) {
	c.lines = append(c.lines, l)
	c.last = digestOf(text)
	c.size += int64(len(text)) + 1
	for _, r := range l.Roots {
		c.root = max(c.root, r.Version)
	}
}

// newest returns the last line, nil if there is none.
func (c *chain) newest() *line {
	if len(c.lines) == 0 {
		return nil
	}
	return &c.lines[len(c.lines)-1]
}

// at returns the index of the line in force at t, -1 if there was none.
func (c *chain) at(t time.Time) int {
	i := len(c.lines) - 1
	for i >= 0 && c.lines[i].AcceptedAt.After(t) {
		i--
	}
	return i
}

// history is the file behind a chain. broken is set when the file may end in
// something we did not mean: then only a new start may write to it.
type historyLog struct {
	files  disk.FS
	path   string
	chain  *chain
	broken error
}

func openHistory(files disk.FS, path string) (*historyLog, error) {
	data, err := readOptional(files, path, MaxExport)
	if err != nil {
		return nil, err
	}
	c, err := readHistory(path, data)
	if err != nil {
		return nil, err
	}
	h := &historyLog{files: files, path: path, chain: c}
	if len(data) > 0 {
		err = h.cut()
	}
	return h, err
}

// cut removes what follows the last whole line, and makes the rest durable: it may
// have been written by a process that died before it was.
func (h *historyLog) cut() error {
	f, err := h.open()
	if err != nil {
		return &StoreError{"open", h.path, err}
	}
	defer f.Close()
	if err := f.Truncate(h.chain.size); err != nil {
		return &StoreError{"cut", h.path, err}
	}
	if err := f.Sync(); err != nil {
		return &StoreError{"sync", h.path, err}
	}
	dir := filepath.Dir(h.path)
	return storeFault("sync", dir, h.files.SyncDir(dir))
}

// append writes a line durably. Its number and Previous are filled in.
func (h *historyLog) append(l line) error {
	if h.broken != nil {
		return h.broken
	}
	l.Schema, l.Line, l.Previous = historySchema, uint64(len(h.chain.lines))+1, h.chain.last
	text, err := encodeStrict(l)
	if err != nil {
		return err
	}
	if len(text) > maxHistoryLine {
		return &LengthError{File: filepath.Base(h.path), Want: maxHistoryLine, Got: int64(len(text))}
	}
	if err := h.write(append(text, '\n')); err != nil {
		// A failed fsync is never repeated; the tail goes, or writing ends here.
		if cutErr := h.cut(); cutErr != nil {
			h.broken = cutErr
		}
		return err
	}
	h.chain.add(l, text)
	return nil
}

func (h *historyLog) open() (disk.File, error) {
	return h.files.Open(h.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, privateFile)
}

func (h *historyLog) write(text []byte) error {
	f, err := h.open()
	if err != nil {
		return &StoreError{"open", h.path, err}
	}
	if err := disk.WriteAll(f, text); err != nil {
		return &StoreError{"append", h.path, err}
	}
	if len(h.chain.lines) > 0 {
		return nil
	}
	dir := filepath.Dir(h.path)
	return storeFault("sync", dir, h.files.SyncDir(dir))
}
