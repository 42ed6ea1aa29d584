// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// overwrite replaces the only segment of a journal.
func overwrite(t testing.TB, dir string, data []byte) {
	t.Helper()
	if err := os.WriteFile(segmentName(dir, 0), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func contents(t testing.TB, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(segmentName(dir, 0))
	if err != nil || len(data) == 0 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	return data
}

// records splits a segment that is whole.
func records(t testing.TB, data []byte) [][]byte {
	t.Helper()
	var list [][]byte
	for len(data) > 0 {
		entry, _, ok := split(data)
		if !ok {
			t.Fatal("the segment is not whole")
		}
		n := 4 + len(entry) + sha256.Size
		list = append(list, data[:n])
		data = data[n:]
	}
	return list
}

// A journal cut off at any byte loses the torn record and nothing else, and
// goes on from there.
func TestTornTail(t *testing.T) {
	dir := fill(t, 3, Options{})
	data := contents(t, dir)
	parts := records(t, data)
	whole := len(data) - len(parts[2])
	for size := whole; size <= len(data); size += 1 + size%31 {
		overwrite(t, dir, data[:size])
		_, err := readAll(dir)
		var torn *TornError
		if inside := size > whole && size < len(data); inside != errors.As(err, &torn) || !inside && err != nil {
			t.Fatalf("%d bytes: read: %v", size, err)
		}
		j := start(t, dir, Options{})
		want := uint64(2)
		if size == len(data) {
			want = 3
		}
		if cut := j.Cut(); j.Head().Size != want || (cut != nil) != (size > whole && size < len(data)) || cut != nil && (cut.Offset != int64(whole) || cut.Seq != 2) {
			t.Fatalf("%d bytes: head %v, cut %v", size, j.Head(), cut)
		}
		if seq, _ := add(t, j, allowed("next")); seq != want {
			t.Fatalf("%d bytes: the next entry is %d", size, seq)
		}
		j.Close()
		if all, err := readAll(dir); err != nil || uint64(len(all)) != want+1 {
			t.Fatalf("%d bytes: %d entries afterwards, %v", size, len(all), err)
		}
	}
}

// After a loss of power some file systems show zeros where the end of an append
// was never written.
func TestUnwrittenTail(t *testing.T) {
	dir := fill(t, 3, Options{})
	data := contents(t, dir)
	last := len(data) - len(records(t, data)[2])
	for _, c := range []struct {
		name string
		tail []byte
	}{
		{"zeros to the end of a sector", make([]byte, sector)},
		{"half a record and zeros", append(bytes.Clone(data[last:last+200]), make([]byte, len(data)-last-200)...)},
		{"many zeros", make([]byte, 100_000)},
	} {
		overwrite(t, dir, append(bytes.Clone(data[:last]), c.tail...))
		j := start(t, dir, Options{})
		if j.Head().Size != 2 || j.Cut() == nil {
			t.Errorf("%s: head %v, cut %v", c.name, j.Head(), j.Cut())
		}
		j.Close()
	}
}

// frozen is a folder with one segment in memory that must not be changed.
type frozen struct {
	disk.OS
	t    *testing.T
	data []byte
}

func (f frozen) MakeDir(string, fs.FileMode) error { return nil }
func (f frozen) SyncDir(string) error              { return nil }
func (f frozen) Lock(string) (io.Closer, error)    { return io.NopCloser(nil), nil }
func (f frozen) List(string) ([]string, error)     { return []string{"00000000000000000000.seg"}, nil }
func (f frozen) Open(string, int, fs.FileMode) (disk.File, error) {
	return frozenFile{Reader: bytes.NewReader(f.data), t: f.t}, nil
}

type frozenFile struct {
	inherited
	*bytes.Reader
	t *testing.T
}

// inherited is what a frozenFile does not do.
type inherited struct{ disk.File }

func (f frozenFile) Size() (int64, error)        { return f.Reader.Size(), nil }
func (f frozenFile) Close() error                { return nil }
func (f frozenFile) Stat() (fs.FileInfo, error)  { return nil, nil } // nobody asks for its place
func (f frozenFile) Sync() error                 { return nil }
func (f frozenFile) Write(p []byte) (int, error) { f.t.Error("written"); return len(p), nil }
func (f frozenFile) Truncate(int64) error        { f.t.Error("cut off"); return nil }

// Every single byte changed, in any of three ways, is found, by the reader and
// by Open, and nothing is cut off for it.
func TestEveryByte(t *testing.T) {
	data := contents(t, fill(t, 3, Options{}))
	for i := range data {
		for _, flip := range []byte{1, 0x80, data[i]} { // data[i]: becomes zero
			if flip == 0 {
				continue
			}
			bad := bytes.Clone(data)
			bad[i] ^= flip
			folder := frozen{t: t, data: bad}
			var corrupt *CorruptError
			n := 0
			for _, err := range Read(folder, "audit", 0) {
				if err == nil {
					n++
				} else if !errors.As(err, &corrupt) || corrupt.Finding != LogTampered && corrupt.Finding != LogGap {
					t.Fatalf("byte %d ^ %#x: read %d entries, %v", i, flip, n, err)
				}
			}
			if corrupt == nil {
				t.Fatalf("byte %d ^ %#x: read without an error", i, flip)
			}
			if j, err := openSegments("audit", Options{FS: folder}); !errors.As(err, &corrupt) {
				t.Fatalf("byte %d ^ %#x: opened at %v, cut %v, %v", i, flip, j.Head(), j.Cut(), err)
			}
		}
	}
	j, err := openSegments("audit", Options{FS: frozen{t: t, data: data}})
	if err != nil || j.Head().Size != 3 {
		t.Fatalf("as it was: %v", err)
	}
	j.Close()
}

// AU-03: entries taken away, moved, put in twice or forged are found.
func TestChain(t *testing.T) {
	dir := fill(t, 4, Options{})
	data := contents(t, dir)
	r := records(t, data)
	forge := func(entry []byte) []byte { return appendRecord(nil, entry, sha256.Sum256(entry)) }
	entry := func(record []byte) []byte { e, _, _ := split(record); return e }
	for _, c := range []struct {
		name    string
		records [][]byte
		finding string
	}{
		{"as it was", [][]byte{r[0], r[1], r[2], r[3]}, ""},
		{"first taken away", [][]byte{r[1], r[2], r[3]}, LogGap},
		{"one taken away", [][]byte{r[0], r[2], r[3]}, LogGap},
		{"two changed places", [][]byte{r[0], r[2], r[1], r[3]}, LogGap},
		{"one twice", [][]byte{r[0], r[1], r[1], r[2], r[3]}, LogTampered},
		{"one changed, with a new sum", [][]byte{r[0], forge(bytes.Replace(entry(r[1]), []byte("web-1"), []byte("web-9"), 1)), r[2], r[3]}, LogTampered},
		{"another schema", [][]byte{r[0], r[1], r[2], forge(bytes.Replace(entry(r[3]), []byte("journal/v1"), []byte("journal/v2"), 1))}, LogTampered},
		{"not an entry", [][]byte{r[0], r[1], r[2], forge([]byte("{}"))}, LogTampered},
	} {
		overwrite(t, dir, bytes.Join(c.records, nil))
		_, err := readAll(dir)
		j, openErr := openSegments(dir, Options{})
		if c.finding == "" {
			if err != nil || openErr != nil {
				t.Fatalf("%s: %v, %v", c.name, err, openErr)
			}
			j.Close()
			continue
		}
		for _, err := range []error{err, openErr} {
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.Finding != c.finding {
				t.Errorf("%s: %v, want %s", c.name, err, c.finding)
			}
		}
	}
}

// AU-03 over segments: one taken away, one emptied, one cut off in the middle.
func TestSegmentsChain(t *testing.T) {
	dir := fill(t, 12, Options{SegmentSize: 2500})
	firsts, err := list(disk.OS{}, dir)
	if err != nil || len(firsts) < 4 {
		t.Fatal(firsts, err)
	}
	for i, first := range firsts {
		name := segmentName(dir, first)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		last := i == len(firsts)-1
		for what, spoil := range map[string]func() error{
			"removed": func() error { return os.Remove(name) },
			"emptied": func() error { return os.WriteFile(name, nil, 0o600) },
			"cut off": func() error { return os.WriteFile(name, data[:len(data)-1], 0o600) },
		} {
			if last && what != "cut off" {
				continue // a shorter journal: the floors remember, see floors.Check
			}
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			_, err := readAll(dir)
			var corrupt *CorruptError
			var torn *TornError
			if last && !errors.As(err, &torn) || !last && !errors.As(err, &corrupt) {
				t.Errorf("segment %d %s: %v", first, what, err)
			}
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if all, err := readAll(dir); err != nil || len(all) != 12 {
		t.Errorf("%d entries, %v", len(all), err)
	}
}

// A folder or a link in a segment's place is no journal that cannot be read: it is
// one that somebody changed.
func TestNoFileInASegmentsPlace(t *testing.T) {
	kept := filepath.Join(t.TempDir(), "kept")
	for name, place := range map[string]func(path string) error{
		"a folder":         func(path string) error { return os.Mkdir(path, 0o700) },
		"a link to itself": func(path string) error { return os.Symlink(path, path) },
		"a link to it":     func(path string) error { return os.Symlink(kept, path) },
		"a device":         func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		dir := fill(t, 3, Options{})
		path := segmentName(dir, 0)
		if err := errors.Join(os.Rename(path, kept), place(path)); err != nil {
			t.Fatal(err)
		}
		var corrupt *CorruptError
		if _, err := readAll(dir); !errors.As(err, &corrupt) || corrupt.Finding != LogTampered {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A damaged record with whole ones behind it was not torn: somebody was told.
func TestTornOnlyAtTheEnd(t *testing.T) {
	dir := fill(t, 3, Options{})
	data := contents(t, dir)
	r := records(t, data)
	hole := bytes.Clone(data)
	clear(hole[len(r[0]) : len(r[0])+len(r[1])-10])
	longer := bytes.Clone(data)
	binary.BigEndian.PutUint32(longer[len(r[0])+len(r[1]):], MaxEntry) // the last, with a length past the end
	for name, bad := range map[string][]byte{"a hole in the middle": hole, "a whole record under a longer length": longer} {
		overwrite(t, dir, bad)
		var corrupt *CorruptError
		if j, err := openSegments(dir, Options{}); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v, opened at %v", name, err, j.Head())
		}
	}
}

// A segment that stands under another's name, and an empty one that begins
// somewhere else, are found too, and one that no driver writes is not read.
func TestSegmentNames(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"renamed": func(dir string) error { return os.Rename(segmentName(dir, 0), segmentName(dir, 5)) },
		"an empty one after a gap": func(dir string) error {
			return os.WriteFile(segmentName(dir, 9), nil, 0o600)
		},
		"one longer than memory may be": func(dir string) error { return os.Truncate(segmentName(dir, 0), 1<<42) },
	} {
		dir := fill(t, 3, Options{})
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		var corrupt *CorruptError
		if j, err := openSegments(dir, Options{}); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v, opened at %v", name, err, j.Head())
		}
		for _, err := range Read(disk.OS{}, dir, 5) {
			if !errors.As(err, &corrupt) {
				t.Errorf("%s: read without an error: %v", name, err)
			}
		}
	}
}

// A zero at the edge of a sector is a changed byte, not an unwritten sector.
func TestZeroAtSectorEdge(t *testing.T) {
	for pad := 1; ; pad++ {
		e := allowed(strings.Repeat("x", pad))
		body, err := e.body()
		if err != nil {
			t.Fatal(err)
		}
		entry := frame(kindDecision, body, 0, Digest{})
		data := appendRecord(nil, entry, sha256.Sum256(entry))
		if last := len(data) - 1; last%sector == 0 && data[last] != 0 {
			if _, _, ok := split(data); !ok {
				t.Fatal("the record is not whole")
			}
			data[last] = 0
			if torn(data, 0) {
				t.Error("a changed byte is taken for a torn tail")
			}
			if clear(data[last-sector:]); !torn(data, 0) {
				t.Error("unwritten bytes are taken for a change")
			}
			return
		}
	}
}

func FuzzSegment(f *testing.F) {
	dir := fill(f, 2, Options{})
	data := contents(f, dir)
	f.Add(data)
	f.Add(data[:len(data)-9])
	f.Add(append(bytes.Clone(data), make([]byte, 600)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := segment{name: "fuzz", last: true, data: data}
		var c chain
		end := int64(0)
		err := s.follow(&c, func(r record) (bool, error) {
			end = r.offset + 4 + int64(len(r.entry)) + sha256.Size
			return true, nil
		})
		var torn *TornError
		var corrupt *CorruptError
		switch {
		case err == nil && end != int64(len(data)):
			t.Errorf("read %d of %d bytes without an error", end, len(data))
		case errors.As(err, &torn) && (torn.Offset != end || torn.Offset+torn.Bytes != int64(len(data))):
			t.Errorf("read to %d of %d, %v", end, len(data), torn)
		case err != nil && torn == nil && !errors.As(err, &corrupt):
			t.Errorf("%T", err)
		}
	})
}

func FuzzEntry(f *testing.F) {
	for _, e := range []Entry{allowed("web-1"), denied("web-1")} {
		body, err := e.body()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame(kindDecision, body, 17, Digest{1}))
	}
	body, err := canonical(&Suppressed{Peer: Peer{UID: 1}, Target: Target{GatewayID: "gw"}, Count: 3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame(kindSuppressed, body, 0, Digest{}))
	for _, k := range otherKinds() {
		body, err := canonical(k.value)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame(k.kind, body, 3, Digest{2}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			return
		}
		again, err := canonical(&struct {
			Content
			Prev   Digest `json:"prev"`
			Schema string `json:"schema"`
			Seq    uint64 `json:"seq,string"`
		}{s.Content, s.Prev, schema, s.Seq})
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q reads as %q", data, again)
		}
		if seq, prev, ok := position(data); !ok || seq != s.Seq || prev != s.Prev {
			t.Errorf("%q: position %d %v, parsed %d", data, seq, ok, s.Seq)
		}
		if bytes.ContainsAny(data, "\n\r\x00\x1b") {
			t.Errorf("%q holds a control character", data)
		}
	})
}

// otherKinds is one entry of each kind that is neither a decision nor a count.
func otherKinds() []struct {
	kind  kind
	value any
} {
	noon, all := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), "*"
	return []struct {
		kind  kind
		value any
	}{
		{kindClock, &ClockMark{HighWater: noon}},
		{kindReset, &SignedReset{Time: noon, ID: "id", Version: 5, Pattern: FloorPattern{Role: "SANDBOX_POLICY", Name: &all}, Epoch: 3, Revision: 9}},
		{kindStart, &Start{Time: noon, Driver: "0.2.0", Config: Digest{1}, Trust: Trust{Epoch: 3}}},
		{kindTakeover, &Takeover{From: oldFormat, HighWater: noon, Revision: 7,
			Floors: []TakenFloor{{"gw", "SANDBOX_POLICY", "prod", "web-1", Floor{Digest{2}, 42}}},
			Places: []TakenPlace{{"gw", "sb-1", "prod", "web-1"}}, Resets: []TakenReset{{"id", 5}}}},
	}
}

// Every kind reads back as it was written, and its position is found.
func TestKinds(t *testing.T) {
	for _, k := range otherKinds() {
		body, err := canonical(k.value)
		if err != nil {
			t.Fatal(err)
		}
		entry := frame(k.kind, body, 3, Digest{2})
		s, err := Parse(entry)
		if err != nil {
			t.Errorf("%s: %v", k.kind, err)
			continue
		}
		if seq, prev, ok := position(entry); !ok || seq != 3 || prev != (Digest{2}) || s.Seq != 3 {
			t.Errorf("%s: position %d %v %v", k.kind, seq, prev, ok)
		}
		two := append(bytes.Clone(entry[:len(entry)-1]), []byte(`,"zero":1}`)...)
		if _, err := Parse(two); err == nil {
			t.Errorf("%s: an unknown member is accepted", k.kind)
		}
	}
	if _, err := Parse([]byte(`{"clock":{"highWater":"2026-11-23T12:00:00Z"},"prev":"` + Digest{}.String() + `","schema":"` + schema + `","seq":"0","start":{"configSha256":"` + Digest{}.String() + `","driver":"x","time":"2026-11-23T12:00:00Z","trust":{"epoch":"0"}}}`)); err == nil {
		t.Error("an entry of two kinds is accepted")
	}
}

// The seeds of FuzzEntry must be entries, or it fuzzes nothing.
func TestEntrySeeds(t *testing.T) {
	for _, e := range []Entry{allowed("web-1"), denied("web-1")} {
		body, err := e.body()
		if err != nil {
			t.Fatal(err)
		}
		good := frame(kindDecision, body, 17, Digest{1})
		if _, err := Parse(good); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string][]byte{
			"an unknown member":   bytes.Replace(good, []byte(`"prev"`), []byte(`"pref":1,"prev"`), 1),
			"a duplicate":         bytes.Replace(good, []byte(`"seq":"17"`), []byte(`"seq":"17","seq":"17"`), 1),
			"white space":         append(bytes.Clone(good), ' '),
			"trailing data":       append(bytes.Clone(good), '1'),
			"a number unquoted":   bytes.Replace(good, []byte(`"seq":"17"`), []byte(`"seq":17`), 1),
			"a leading zero":      bytes.Replace(good, []byte(`"seq":"17"`), []byte(`"seq":"017"`), 1),
			"another case":        bytes.Replace(good, []byte(`"verdict"`), []byte(`"Verdict"`), 1),
			"upper-case hex":      bytes.Replace(good, []byte(`"prev":"01`), []byte(`"prev":"0A`), 1),
			"another schema":      bytes.Replace(good, []byte(schema), []byte("sigdriver.journal/v2"), 1),
			"a time with offset":  bytes.Replace(good, []byte(`12:00:00Z`), []byte(`14:00:00+02:00`), 1),
			"an empty list":       bytes.Replace(good, []byte(`"documents":[`), []byte(`"attestations":[],"documents":[`), 1),
			"nothing decided":     []byte(`{"prev":"` + Digest{}.String() + `","schema":"` + schema + `","seq":"0"}`),
			"an unknown verdict":  bytes.Replace(good, []byte(`"verdict":"`), []byte(`"verdict":"X`), 1),
			"an unknown reason":   bytes.Replace(good, []byte(`"reason":"`), []byte(`"reason":"X`), 1),
			"a negative sequence": bytes.Replace(good, []byte(`"seq":"17"`), []byte(`"seq":"-17"`), 1),
		} {
			if bytes.Equal(bad, good) {
				t.Errorf("%s: the case changes nothing", name)
			}
			if _, err := Parse(bad); err == nil {
				t.Errorf("%s is accepted", name)
			}
		}
	}
}
