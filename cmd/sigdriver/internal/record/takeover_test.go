// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
)

// old is a state folder of release 0.1.0, and what its floors.db held.
type old struct {
	dir    string
	floors map[verifier.FloorKey]verifier.Floor
	places map[verifier.SandboxKey]verifier.Place
	resets map[string]uint64
	rev    uint64
	high   time.Time
	head   Head
}

// unpackOld unpacks one of the folders of testdata/state-0.1.0.
func unpackOld(t testing.TB, name, folder string) old {
	t.Helper()
	base := filepath.Join("..", "..", "..", "..", "testdata", "state-0.1.0")
	dir := t.TempDir()
	packed, err := os.Open(filepath.Join(base, name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		below, ok := strings.CutPrefix(h.Name, folder+"/")
		if !ok || h.Typeflag != tar.TypeReg || !filepath.IsLocal(below) {
			continue
		}
		path := filepath.Join(dir, below)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(base, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]json.RawMessage
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	var of struct {
		Floors struct {
			Revision    uint64    `json:"revision,string"`
			HighWater   time.Time `json:"highWater"`
			JournalSize uint64    `json:"journalSize,string"`
			JournalSum  Digest    `json:"journalSum"`
			Floors      []struct {
				GatewayID, Role, Workspace, Name, SHA256 string
				Version                                  uint64 `json:",string"`
			}
			Places []struct{ GatewayID, SandboxID, Workspace, Name string }
			Resets []struct {
				ID      string
				Version uint64 `json:",string"`
			}
		}
	}
	if err := json.Unmarshal(expected[name], &of); err != nil {
		t.Fatal(err)
	}
	f := of.Floors
	o := old{dir, map[verifier.FloorKey]verifier.Floor{}, map[verifier.SandboxKey]verifier.Place{}, map[string]uint64{}, f.Revision, f.HighWater, Head{f.JournalSize, f.JournalSum}}
	for _, x := range f.Floors {
		role, ok := verifier.RoleByName(x.Role)
		sum, err := hex.DecodeString(x.SHA256)
		if !ok || err != nil {
			t.Fatalf("%+v", x)
		}
		floor := verifier.Floor{Version: x.Version}
		copy(floor.SHA256[:], sum)
		o.floors[verifier.FloorKey{GatewayID: x.GatewayID, Role: role, Workspace: x.Workspace, Name: x.Name}] = floor
	}
	for _, x := range f.Places {
		o.places[verifier.SandboxKey{GatewayID: x.GatewayID, SandboxID: x.SandboxID}] = verifier.Place{Workspace: x.Workspace, Name: x.Name}
	}
	for _, x := range f.Resets {
		o.resets[x.ID] = x.Version
	}
	if len(o.floors) < 10 || len(o.places) < 5 || o.head.Size == 0 {
		t.Fatalf("%d floors, %d places", len(o.floors), len(o.places))
	}
	return o
}

// openOld opens the record of such a folder.
func openOld(dir string, fsys disk.FS, rebuild bool) (*Store, error) {
	objects, err := archive.Open(filepath.Join(dir, "archive"), nil)
	if err != nil {
		return nil, err
	}
	return Open(dir, Options{Archive: objects, FS: fsys, Rebuild: rebuild})
}

// taken holds an open record against what 0.1.0 remembered: every floor, place and
// reset, no more, and all of it in the journal.
func (o old) taken(t *testing.T, what string, s *Store) {
	t.Helper()
	for k, f := range o.floors {
		if got := s.View().Floor(k); got != f {
			t.Errorf("%s: %s %q is at %v, was at %v", what, k.Role, k.Name, got, f)
		}
	}
	for k, p := range o.places {
		if got, ok := s.View().Place(k); !ok || got != p {
			t.Errorf("%s: sandbox %q is in %v, was in %v", what, k.SandboxID, got, p)
		}
	}
	for id := range o.resets {
		if done, err := s.state.WasReset(id); !done || err != nil {
			t.Errorf("%s: the reset %s is not remembered: %v", what, id, err)
		}
	}
	if s.Revision() < o.rev || s.HighWater().Before(o.high) {
		t.Errorf("%s: revision %d, was %d; the clock's mark %v, was %v", what, s.Revision(), o.rev, s.HighWater(), o.high)
	}
	state := folded(t, o.dir, s.opts.Archive)
	if len(state.top.floors) != len(o.floors) || len(state.top.places) != len(o.places) || len(state.top.resets) != len(o.resets) {
		t.Errorf("%s: the journal adds up to %d floors, %d places and %d resets, there were %d, %d and %d", what,
			len(state.top.floors), len(state.top.places), len(state.top.resets), len(o.floors), len(o.places), len(o.resets))
	}
	for k, f := range o.floors {
		if state.top.floors[k] != f {
			t.Errorf("%s: the journal adds up to %v for %s %q", what, state.top.floors[k], k.Role, k.Name)
		}
	}
}

// A folder of release 0.1.0 is taken over once: nothing that it remembered is lost,
// what it wrote stays as it was, and a copy of its floors is kept.
func TestTakeover(t *testing.T) {
	for name, folder := range map[string]string{"main": "state", "killed": "killed"} {
		o := unpackOld(t, name, folder)
		segment := filepath.Join(o.dir, dirJournal, SegmentFile(0))
		wrote, err := os.ReadFile(segment)
		if err != nil {
			t.Fatal(err)
		}
		floors, err := os.ReadFile(filepath.Join(o.dir, fileFloors))
		if err != nil {
			t.Fatal(err)
		}
		for round := range 3 {
			s, err := openOld(o.dir, nil, round == 2)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if s.TakenOver() != (round == 0) {
				t.Errorf("%s: start %d took over: %v", name, round, s.TakenOver())
			}
			o.taken(t, fmt.Sprintf("%s, start %d", name, round), s)
			if s.Head().Size <= o.head.Size {
				t.Errorf("%s: no entry says what was taken over", name)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := os.ReadFile(segment); err != nil || !bytes.Equal(kept, wrote) {
			t.Errorf("%s: the segment of 0.1.0 was changed: %v", name, err)
		}
		if kept, err := os.ReadFile(filepath.Join(o.dir, OldFloors)); err != nil || !bytes.Equal(kept, floors) {
			t.Errorf("%s: the copy of the floors: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(o.dir, fileFloors)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: 0.1.0 would start on it: %v", name, err)
		}
	}
}

// A takeover that fails, dies or loses power at any operation is carried on by the
// next start, and nothing is taken over twice.
func TestTakeoverAtEveryOperation(t *testing.T) {
	o := unpackOld(t, "killed", "killed")
	if at, err := strconv.Atoi(os.Getenv("SIGDRIVER_TEST_AT")); err == nil {
		_, err := openOld(os.Getenv("SIGDRIVER_TEST_DIR"), &disktest.FS{At: at}, false)
		t.Fatalf("still alive: %v", err)
	}
	var count disktest.FS
	s, err := openOld(copied(t, o.dir), &count, false)
	if err != nil {
		t.Fatal(err)
	}
	ops := count.Operations()
	entries := s.Head().Size
	s.Close()
	for _, kind := range []string{"create", "write", "sync", "rename"} {
		if !slices.Contains(ops, kind) {
			t.Fatalf("no %s among %v", kind, ops)
		}
	}
	again := func(what, dir string) {
		t.Helper()
		s, err := openOld(dir, nil, false)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		defer s.Close()
		after := o
		after.dir = dir
		after.taken(t, what, s)
		if s.Head().Size != entries {
			t.Errorf("%s: %d entries, want %d", what, s.Head().Size, entries)
		}
		if _, err := os.Stat(filepath.Join(dir, OldFloors)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for at := 1; at <= len(ops); at++ {
		for _, power := range []bool{false, true} {
			dir := copied(t, o.dir)
			fsys := &disktest.FS{At: at, Err: syscall.EIO, After: true}
			what := fmt.Sprintf("a fault at %d (%s), power %v", at, ops[at-1], !power)
			s, err := openOld(dir, fsys, false)
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("%s: %v", what, err)
			}
			if s != nil {
				s.Close()
			}
			if power {
				fsys.PowerLoss()
			}
			again(what, copied(t, dir))
		}
		dir := copied(t, o.dir)
		killed(t, "TestTakeoverAtEveryOperation", "SIGDRIVER_TEST_DIR="+dir, "SIGDRIVER_TEST_AT="+strconv.Itoa(at))
		again(fmt.Sprintf("killed at %d (%s)", at, ops[at-1]), dir)
	}
}

// Floors of 0.1.0 that do not fit their journal, are lost or damaged are refused, with
// a remedy that works.
func TestTakeoverRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		spoil   func(t *testing.T, dir string)
		want    string
		rebuild bool // the remedy is --rebuild-floors
	}{
		{"lost floors", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, fileFloors)) }, "neither format nor floors.db is there", true},
		{"lost journal", func(t *testing.T, dir string) { os.RemoveAll(filepath.Join(dir, dirJournal)) }, "the floors remember", false},
		{"another journal", func(t *testing.T, dir string) {
			another(t, filepath.Join(dir, dirJournal))
		}, "", false},
		{"cut journal", func(t *testing.T, dir string) {
			path := filepath.Join(dir, dirJournal, SegmentFile(0))
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all := records(t, data)
			if err := os.WriteFile(path, slices.Concat(all[:len(all)-1]...), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "the floors remember", false},
		{"damaged floors", func(t *testing.T, dir string) {
			path := filepath.Join(dir, fileFloors)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 2 * 4096; i < len(data); i += 512 {
				data[i] ^= 0xff
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is damaged", false},
	} {
		o := unpackOld(t, "killed", "killed")
		c.spoil(t, o.dir)
		s, err := openOld(o.dir, nil, false)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if s != nil {
			s.Close()
		}
		if !c.rebuild {
			continue
		}
		if s, err = openOld(o.dir, nil, true); err != nil {
			t.Errorf("%s: with the remedy: %v", c.name, err)
			continue
		}
		s.Close()
		if s, err = openOld(o.dir, nil, false); err != nil {
			t.Errorf("%s: after the remedy: %v", c.name, err)
			continue
		}
		s.Close()
	}
}

// Whatever is in the file, reading it ends, and what is read is sealed: a byte that was
// changed anywhere is noticed or bears on nothing.
func TestOldFloorsDamage(t *testing.T) {
	o := unpackOld(t, "killed", "killed")
	path := filepath.Join(o.dir, fileFloors)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for at := 0; at < len(good); at += 7 {
		bad := bytes.Clone(good)
		bad[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readOldFloors(disk.OS{}, path)
		if err != nil {
			noticed++
			continue
		}
		if got.revision != o.rev {
			continue // the transaction before, whole; the journal shows that it is an old copy
		}
		for k, f := range o.floors {
			if got.floors[k] != f {
				t.Fatalf("byte %d: %v is at %v", at, k, got.floors[k])
			}
		}
		if len(got.floors) != len(o.floors) || len(got.places) != len(o.places) || len(got.resets) != len(o.resets) {
			t.Fatalf("byte %d: %d floors", at, len(got.floors))
		}
	}
	if noticed < 50 {
		t.Errorf("only %d of %d changes were noticed", noticed, len(good)/7)
	}
}

// FuzzOldFloors: a hostile file never panics and never takes for ever.
func FuzzOldFloors(f *testing.F) {
	o := unpackOld(f, "killed", "killed")
	good, err := os.ReadFile(filepath.Join(o.dir, fileFloors))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, byte(1), len(good))
	f.Add(4096*2+8, byte(3), len(good))
	f.Add(0, byte(0), 8192)
	f.Fuzz(func(t *testing.T, at int, flip byte, size int) {
		bad := bytes.Clone(good[:min(max(size, 0), len(good))])
		if len(bad) > 0 {
			bad[((at%len(bad))+len(bad))%len(bad)] ^= flip
		}
		readBolt(bad, func(string, []byte, []byte) error { return nil })
	})
}
