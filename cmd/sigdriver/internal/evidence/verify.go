// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// maxFindings bounds what is listed: the first tell where to look.
const maxFindings = 100

// Finding is one thing that is wrong, and where. Its Code is of list (d) of
// docs/reasons.md.
type Finding struct {
	Code   string `json:"code"`   // LOG_GAP, LOG_TAMPERED or LOG_FORK
	File   string `json:"file"`   // below the state folder
	Offset int64  `json:"offset"` // of the first byte that is wrong, -1 where no byte is
	Entry  int64  `json:"entry"`  // the log index, -1 where no entry is
	Detail string `json:"detail"`
}

// VerifyOptions say what to check against.
type VerifyOptions struct {
	// LogKeys are the keys that may have signed the checkpoint. Without one its
	// signature is not checked, and Report.Unchecked says so.
	LogKeys []note.Verifier
	// Witnesses are the keys of witnesses. With any, each signature on the
	// checkpoint has to be by one of them or by a log key, and Quorum of them
	// have to be there.
	Witnesses []note.Verifier
	Quorum    int
	// Entry, if set, sees every entry of the journal in turn.
	Entry func(record.Stored) error
}

// Report is what was checked and what was found.
type Report struct {
	Entries    uint64        `json:"entries"`          // of the journal, of which
	Decisions  uint64        `json:"decisions"`        // decided something,
	Served     uint64        `json:"served"`           // count answers given again, and
	Suppressed uint64        `json:"suppressed"`       // count refusals without an entry
	Starts     uint64        `json:"starts,omitempty"` // of drivers
	Resets     uint64        `json:"resets,omitempty"` // signed resets that were carried out
	Head       record.Digest `json:"head"`             // sha256 of the last entry
	// Bundled are the first entries, whose segments were moved away, read from
	// their bundles. Movable are the segments that may be moved away.
	Bundled uint64   `json:"bundled,omitempty"`
	Movable []string `json:"movable,omitempty"`
	// Torn is the end of an append under way, or of one that was killed.
	Torn *record.TornError `json:"torn,omitempty"`

	Checkpoint *Checkpoint `json:"checkpoint,omitempty"` // nil: none that can be read
	Tiles      int         `json:"tiles"`                // hash tiles and entry bundles that were compared
	Objects    int         `json:"objects"`              // of the archive, each read and hashed

	Findings []Finding `json:"findings"`
	More     int       `json:"more,omitempty"` // findings beyond those listed
	// Unchecked are the things that nothing was there to check with, one sentence each.
	Unchecked []string `json:"unchecked"`
}

// Checkpoint is the checkpoint as the folder has it.
type Checkpoint struct {
	Origin string        `json:"origin"`
	Size   uint64        `json:"size"`
	Root   record.Digest `json:"root"`
	Signed bool          `json:"signed"` // by a log key
	Cosigs []string      `json:"cosigs"` // the witnesses whose signature verified
}

// Well reports whether everything was there and nothing was wrong.
func (r *Report) Well() bool { return len(r.Findings) == 0 }

// NoStateError says that a folder is no driver's state folder.
type NoStateError struct{ Dir string }

func (e *NoStateError) Error() string {
	return fmt.Sprintf("%q is no state folder of a driver: it has no journal in audit/", e.Dir)
}

// Verify checks a state folder, or a copy of one. What is wrong in it is a
// finding; an error is a folder that cannot be read.
func Verify(dir string, o VerifyOptions) (*Report, error) {
	info, err := (disk.OS{}).Stat(filepath.Join(dir, "audit"))
	if errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	if err != nil || !info.IsDir() {
		return nil, &NoStateError{dir}
	}
	v := &verification{dir: dir, options: o, report: &Report{Findings: []Finding{}, Unchecked: []string{}}, archive: archive.Reader(filepath.Join(dir, "archive"))}
	v.state = record.NewState(v.archive.Get)
	if err := v.readMemory(); err != nil {
		return nil, err
	}
	defer v.closeMemory()
	// The checkpoint first: entries come before it, so what is read after it has
	// them all, also while a driver appends.
	if err := v.readCheckpoint(); err != nil {
		return nil, err
	}
	if err := v.readJournal(); err != nil {
		return nil, err
	}
	v.finishLog()
	return v.report, nil
}

// verification is one Verify under way.
type verification struct {
	dir     string
	options VerifyOptions
	report  *Report
	log     *tiles   // nil: there is no tile log that can be compared
	tree    *logTree // nil: it cannot be compared
	broken  bool     // the journal could not be read to its end

	state    *record.State    // what the entries add up to; nil where that cannot be said
	snapshot *record.Snapshot // nil: there is none
	head     record.Head      // what the driver remembers of its journal's end

	archive *archive.Store
	objects wholeObjects
}

func (v *verification) find(f Finding) {
	if len(v.report.Findings) >= maxFindings {
		v.report.More++
		return
	}
	v.report.Findings = append(v.report.Findings, f)
}

func (v *verification) path(name string) string {
	return filepath.Join(v.dir, filepath.FromSlash(name))
}

// maxFile bounds a file of the folder in bytes; a segment has less than a thousandth.
const maxFile = 1 << 40

func (v *verification) read(name string) ([]byte, error) {
	return disk.Read(disk.OS{}, v.path(name), maxFile)
}

// asCorrupt returns what a journal reader found, nil if it could not read at all.
func asCorrupt(err error) *record.CorruptError {
	var corrupt *record.CorruptError
	if errors.As(err, &corrupt) {
		return corrupt
	}
	return nil
}
