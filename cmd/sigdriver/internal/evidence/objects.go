// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/archive"
)

// wholeObjects remembers which objects of the archive are whole: decisions share them.
type wholeObjects struct{ whole map[record.Digest]bool }

// foundRecord is the decision record of an entry as the archive has it.
type foundRecord struct {
	err     error // why it is not there whole
	record  *record.DecisionRecord
	fault   error // why it is no decision record
	request record.Digest
}

// findRecord reads the decision record of an entry.
func (v *verification) findRecord(e *record.Entry) (f foundRecord) {
	data, err := v.archive.Get(e.Record)
	if err != nil {
		return foundRecord{err: err}
	}
	if f.record, f.fault = record.ParseDecisionRecord(data); f.fault == nil {
		f.request = sha256.Sum256(f.record.Request)
	}
	return f
}

// checkArchive looks for everything that a decision was made from: its record,
// the attestations that counted, the metadata and the trust files of then.
func (v *verification) checkArchive(e *record.Stored, found *foundRecord) {
	d := e.Decision
	if v.whole(e, d.Record, "the decision record", found.err) {
		v.checkRecord(e, found)
	}
	for _, role := range slices.Sorted(maps.Keys(d.Trust.Roles)) {
		sum := d.Trust.Roles[role].SHA256
		if v.objects.whole[sum] {
			continue
		}
		for name, file := range trustFiles(v.object(e, sum, "the TUF metadata of "+role)) {
			if !v.objects.whole[file] {
				v.object(e, file, "the trust file "+name)
			}
		}
	}
}

// object reads one object that an entry names, nil if it is not there whole.
func (v *verification) object(e *record.Stored, sum record.Digest, what string) []byte {
	data, err := v.archive.Get(sum)
	if !v.whole(e, sum, what, err) {
		return nil
	}
	return data
}

// whole notes what came of reading an object, and reports whether it is there whole.
func (v *verification) whole(e *record.Stored, sum record.Digest, what string, err error) bool {
	var missing *archive.MissingError
	switch {
	case err == nil:
		if v.objects.whole == nil {
			v.objects.whole = map[record.Digest]bool{}
		}
		v.objects.whole[sum] = true
		v.report.Objects++
	case errors.As(err, &missing):
		v.find(Finding{record.LogGap, objectName(sum), -1, int64(e.Seq), what + " is not in the archive"})
	default:
		path := v.archive.File(sum)
		var corrupt *archive.CorruptError
		if errors.As(err, &corrupt) {
			path = corrupt.Path
		}
		v.find(Finding{record.LogTampered, v.below(path), -1, int64(e.Seq), what + " is not what its name says"})
	}
	return err == nil
}

// below is the name of a file as findings have it.
func (v *verification) below(path string) string {
	name, err := filepath.Rel(v.dir, path)
	if err != nil {
		name = path
	}
	return filepath.ToSlash(name)
}

// checkRecord holds a decision record against its entry, and looks for the
// attestations that counted.
func (v *verification) checkRecord(e *record.Stored, found *foundRecord) {
	wrong := func(format string, args ...any) {
		v.find(Finding{record.LogTampered, v.below(v.archive.File(e.Decision.Record)), -1, int64(e.Seq), fmt.Sprintf(format, args...)})
	}
	if found.fault != nil {
		wrong("it is no decision record: %v", found.fault)
		return
	}
	decided, d := found.record, e.Decision
	switch {
	case found.request != d.RequestSHA256:
		wrong("the decision record is about another request")
	case decided.Decision.Verdict.String() != d.Verdict || decided.Decision.Reason.String() != d.Reason:
		wrong("the decision record says %s %s, the entry %s %s", decided.Decision.Verdict, decided.Decision.Reason, d.Verdict, d.Reason)
	}
	for _, sum := range counted(decided) {
		if !v.objects.whole[sum] {
			v.object(e, sum, "an attestation that counted")
		}
	}
}

// counted lists the attestations that bore on a decision, which are archived.
func counted(r *record.DecisionRecord) []record.Digest {
	var out []record.Digest
	for _, at := range r.Decision.Evidence {
		if at[0] >= 0 && at[0] < len(r.Attestations) && at[1] >= 0 && at[1] < len(r.Attestations[at[0]]) {
			out = append(out, r.Attestations[at[0]][at[1]])
		}
	}
	return out
}

// trustFiles are the trust files with fixed names that TUF metadata lists. What
// the metadata says is believed only as far as looking for files goes.
func trustFiles(metadata []byte) map[string]record.Digest {
	var m struct {
		Signed struct {
			Targets map[string]struct {
				Hashes struct {
					SHA256 record.Digest `json:"sha256"`
				} `json:"hashes"`
			} `json:"targets"`
		} `json:"signed"`
	}
	if json.Unmarshal(metadata, &m) != nil {
		return nil
	}
	files := map[string]record.Digest{}
	for _, name := range []string{"authorities.json", "trusted_root.json", "revocations.json", "drivers.json"} {
		if t, ok := m.Signed.Targets[name]; ok {
			files[name] = t.Hashes.SHA256
		}
	}
	return files
}
