// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package evidence_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay/replaytest"
)

func writePack(t *testing.T, state string) ([]byte, *evidence.Manifest) {
	t.Helper()
	var b bytes.Buffer
	m, err := evidence.WritePack(&b, state)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m
}

// TestPack packs a life, twice to the same bytes, and replays what comes out.
func TestPack(t *testing.T) {
	w := replaytest.New(t, 3)
	w.Live(40)
	text, m := writePack(t, w.Dir)
	again, _ := writePack(t, w.Dir)
	if !bytes.Equal(text, again) {
		t.Error("the same evidence made two packs")
	}
	if int(m.Entries) != w.Size() || len(m.Missing) > 0 {
		t.Errorf("%d entries, %d missing", m.Entries, len(m.Missing))
	}
	for _, body := range bodies(t, w.Bodies) {
		if bytes.Contains(text, body) {
			t.Error("a body is in the pack")
		}
	}
	dir := t.TempDir()
	got, err := evidence.Unpack(bytes.NewReader(text), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got.Head != m.Head {
		t.Error("another manifest came out")
	}
	r, err := replay.Run(t.Context(), replay.Options{Dir: dir, Root: w.Repo.Root(), Now: w.Now().Add(time.Hour)})
	if err != nil || r.Counts[replay.Identical] != len(r.Results) || r.Entries != w.Size() || r.Head != m.Head {
		t.Errorf("replayed as %+v, %v", r, err)
	}
	if out, _ := writePack(t, dir); !bytes.Equal(out, text) {
		t.Error("what came out makes another pack")
	}
}

func bodies(t *testing.T, dir string) (list [][]byte) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		if len(data) > 100 {
			list = append(list, data)
		}
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("%d bodies: %v", len(list), err)
	}
	return list
}
