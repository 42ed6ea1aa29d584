// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// fsck is tessera's own check of a log.
func (s *state) fsck() error {
	hash := func(bundle []byte) ([][]byte, error) {
		var b api.EntryBundle
		if err := b.UnmarshalText(bundle); err != nil {
			return nil, err
		}
		var out [][]byte
		for _, e := range b.Entries {
			out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
		}
		return out, nil
	}
	tilelog.Quiet()
	return fsck.New(origin, logKey(s.t), client.FileFetcher{Root: filepath.Join(s.dir, "log")}, hash, fsck.Opts{N: 2}).Check(context.Background())
}

func TestTesseraChecksIt(t *testing.T) {
	s := finished(t, 2, 700)
	if err := s.fsck(); err != nil {
		t.Error(err)
	}
	path := filepath.Join(s.dir, "log", "tile", "0", "000")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[100] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.fsck() == nil {
		t.Error("it would accept anything")
	}
}

// tileReader reads tiles for golang.org/x/mod/sumdb/tlog from a folder.
type tileReader struct{ dir string }

func (r tileReader) Height() int { return 8 }
func (r tileReader) ReadTiles(tiles []tlog.Tile) (out [][]byte, err error) {
	for _, t := range tiles {
		// That package spells the height, which tlog-tiles fixes at 8.
		data, err := os.ReadFile(filepath.Join(r.dir, strings.Replace(t.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}
func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// The checksum database's reader reads the log: note and tlog know nothing of
// tessera. Every entry of the journal is proved to be in it.
func TestSumdbReadsIt(t *testing.T) {
	s := finished(t, 2, 700)
	dir := filepath.Join(s.dir, "log")
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(logKey(t).VKey())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(data, note.VerifierList(v))
	if err != nil || len(n.Sigs) != 1 {
		t.Fatal(err)
	}
	lines := strings.Split(n.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || lines[0] != origin || size != 702 {
		t.Fatal(lines, err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	hashes := tlog.TileHashReader(tlog.Tree{N: size, Hash: tlog.Hash(root)}, tileReader{dir})
	entries := bundles(t, dir, size)
	checked := 0
	for e, err := range record.Read(disk.OS{}, filepath.Join(s.dir, "audit"), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if string(entries[e.Seq]) != string(e.Raw) {
			t.Fatalf("entry %d of the bundles is not the journal's", e.Seq)
		}
		p, err := tlog.ProveRecord(size, int64(e.Seq), hashes)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(p, size, tlog.Hash(root), int64(e.Seq), tlog.RecordHash(e.Raw)); err != nil {
			t.Fatalf("entry %d: %v", e.Seq, err)
		}
		checked++
	}
	if checked != 702 {
		t.Errorf("%d entries", checked)
	}
}

// bundles reads the entry bundles as c2sp.org/tlog-tiles says.
func bundles(t *testing.T, dir string, size int64) (all [][]byte) {
	t.Helper()
	for n := int64(0); n*256 < size; n++ {
		name := fmt.Sprintf("tile/entries/%03d", n)
		if left := size - n*256; left < 256 {
			name += fmt.Sprintf(".p/%d", left)
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for len(data) > 0 {
			n := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+n])
			data = data[2+n:]
		}
	}
	if int64(len(all)) != size {
		t.Fatalf("%d entries in the bundles of %d", len(all), size)
	}
	return all
}
