// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package recordtest writes journals by hand, also ones that no driver writes. It
// knows the format of segments from package record's description, and shares no code
// with its writer.
package recordtest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// Append adds entries to the journal in a state folder, whether or not they follow
// from those before them, and returns the sha256 of each. No driver may be at work.
func Append(t testing.TB, state string, contents ...record.Content) []record.Digest {
	t.Helper()
	dir := filepath.Join(state, "audit")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var seq uint64
	var prev record.Digest
	segments, err := record.Segments(disk.OS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(segments) > 0 {
		for e, err := range record.Read(disk.OS{}, dir, segments[0]) {
			if err != nil {
				t.Fatal(err)
			}
			seq, prev = e.Seq+1, e.Sum
		}
	} else {
		segments = []uint64{0}
	}
	segment := segments[len(segments)-1]
	var out []byte
	var sums []record.Digest
	for i := range contents {
		if len(out) >= segmentSize {
			appendTo(t, filepath.Join(dir, record.SegmentFile(segment)), out)
			segment, out = seq, out[:0]
		}
		entry := encode(t, &contents[i], seq, prev)
		seq, prev = seq+1, sha256.Sum256(entry)
		out = binary.BigEndian.AppendUint32(out, uint32(len(entry)))
		out = append(append(out, entry...), prev[:]...)
		sums = append(sums, prev)
	}
	appendTo(t, filepath.Join(dir, record.SegmentFile(segment)), out)
	return sums
}

// segmentSize is when a new segment is begun, in bytes, as a driver does.
const segmentSize = 64 << 20

func appendTo(t testing.TB, name string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// encode is an entry as it stands in a segment: RFC 8785 JSON.
func encode(t testing.TB, c *record.Content, seq uint64, prev record.Digest) []byte {
	t.Helper()
	data, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	members["prev"] = fmt.Appendf(nil, "%q", prev)
	members["seq"] = fmt.Appendf(nil, `"%d"`, seq)
	members["schema"] = jsontext.Value(`"sigdriver.journal/v1"`)
	data, err = json.Marshal(members, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	text := jsontext.Value(data)
	if err := text.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return text
}

// Decision is an entry that archives its record and evidence first.
func Decision(t testing.TB, archive record.Archive, e record.Entry, r record.DecisionRecord, evidence ...[]byte) record.Content {
	t.Helper()
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range append(evidence, text) {
		if e.Record, err = archive.Put(data); err != nil {
			t.Fatal(err)
		}
	}
	e.Time = e.Time.UTC()
	return record.Content{Decision: &e}
}
