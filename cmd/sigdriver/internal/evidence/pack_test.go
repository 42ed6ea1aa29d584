// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence/evidencetest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func packOf(t *testing.T, state string) ([]byte, *Manifest) {
	t.Helper()
	var b bytes.Buffer
	m, err := WritePack(&b, state)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m
}

// smallPack is the pack of one decision.
func smallPack(t *testing.T) (string, []byte, *Manifest) {
	t.Helper()
	trust, err := verifier.ParseTrust(verifiertest.AdmitPolicy().Source())
	if err != nil {
		t.Fatal(err)
	}
	d := evidencetest.New(t, trust)
	d.Decide(verifiertest.AdmitProfile(), verifiertest.Now)
	d.Close()
	text, m := packOf(t, d.Dir)
	return d.Dir, text, m
}

// refusePack expects a pack to be refused with a place, and nothing to be written
// outside of its folder.
func refusePack(t *testing.T, name string, text []byte) *PackError {
	t.Helper()
	base, err := os.MkdirTemp("/dev/shm", "pack-")
	if err != nil {
		base = t.TempDir()
	}
	defer os.RemoveAll(base)
	dir := filepath.Join(base, "in")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Unpack(bytes.NewReader(text), dir)
	var fault *PackError
	if err == nil {
		t.Errorf("%s: taken (%v)", name, err)
		return nil
	}
	var none *NoPackError
	if errors.As(err, &none) && !bytes.HasPrefix(text, []byte(manifestName+"\x00")) {
		return nil
	}
	if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > int64(len(text)) {
		t.Errorf("%s: %v has no place", name, err)
	}
	if left, _ := os.ReadDir(base); len(left) != 1 {
		t.Errorf("%s: wrote outside of its folder", name)
	}
	return fault
}

// TestPackFlips flips a bit of every single byte: each such pack is refused, and the
// place is the byte or the member that it is in.
func TestPackFlips(t *testing.T) {
	_, text, m := smallPack(t)
	if len(m.Members) < 3 {
		t.Fatalf("%d members", len(m.Members))
	}
	head, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	first := tarBlock + len(head) // what the manifest says shows where it is not so
	step := 1
	if testing.Short() {
		step = 31
	}
	for i := 0; i < len(text); i += step {
		bad := bytes.Clone(text)
		bad[i] ^= 1 << (i % 8)
		fault := refusePack(t, "flip", bad)
		if fault != nil && i >= first && fault.Offset > int64(i) {
			t.Errorf("byte %d is found only at %d, in %s", i, fault.Offset, fault.Member)
		}
	}
	for i := 0; i < len(text); i += 64 * step { // and every cut
		refusePack(t, "cut", text[:i])
	}
	refusePack(t, "more", append(bytes.Clone(text), 0))
	refusePack(t, "compressed", append([]byte{0x1f, 0x8b, 8, 0}, text...))
	refusePack(t, "nothing", nil)
	t.Logf("%d bytes", len(text))
}

// TestHostilePacks makes up whole packs with manifests of their own.
func TestHostilePacks(t *testing.T) {
	state, text, m := smallPack(t)
	object := m.Members[0]
	data, err := os.ReadFile(filepath.Join(state, object.Name))
	if err != nil {
		t.Fatal(err)
	}
	member := func(name string, size int64) Member { return Member{name, object.SHA256, size} }
	for name, members := range map[string][]Member{
		"outside":           {member("../../x", object.Size)},
		"absolute":          {member("/etc/x", object.Size)},
		"inside and out":    {member("log/tile/../../../x", object.Size)},
		"a name of no pack": {member("floors.db", object.Size)},
		"a key":             {member("receipt.key", object.Size)},
		"another's object":  {member("archive/sha256/00/"+strings.Repeat("0", 64), object.Size)},
		"there twice":       {object, object},
		"out of order":      {member("audit/00000000000000000000.seg", object.Size), object},
		"larger than it is": {member(object.Name, 1<<40)},
		"below zero":        {member(object.Name, -1)},
	} {
		bad := &Manifest{Schema: packSchema, Members: members, Missing: []record.Digest{}}
		head, err := bad.encode()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := putMember(&b, manifestName, head); err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			if h, err := tarHeader(strings.TrimPrefix(m.Name, "/"), max(m.Size, 0)); err == nil {
				b.Write(h)
				b.Write(data)
				b.Write(make([]byte, tarPadding(int64(len(data)))))
			}
		}
		b.Write(make([]byte, 2*tarBlock))
		refusePack(t, name, b.Bytes())
	}
	whole, err := Unpack(bytes.NewReader(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m *Manifest){
		"a member less":  func(m *Manifest) { m.Members = m.Members[1:] },
		"a member more":  func(m *Manifest) { m.Members = append(m.Members, member("trust/history.jsonl", 3)) },
		"another schema": func(m *Manifest) { m.Schema = "sigdriver.pack/v2" },
	} {
		bad := *whole
		bad.Members = append([]Member{}, whole.Members...)
		change(&bad)
		head, err := bad.encode()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := putMember(&b, manifestName, head); err != nil {
			t.Fatal(err)
		}
		old, _ := whole.encode()
		b.Write(text[tarBlock+int64(len(old))+tarPadding(int64(len(old))):])
		refusePack(t, name, b.Bytes())
	}
}

// TestPackWithAGap says what the archive did not have.
func TestPackWithAGap(t *testing.T) {
	state, _, m := smallPack(t)
	for _, spoil := range []func(name string) error{
		os.Remove,
		func(name string) error { return os.WriteFile(name, []byte("damaged"), 0o600) },
	} {
		sum := m.Members[0].SHA256
		path := filepath.Join(state, objectName(sum))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(path); err != nil {
			t.Fatal(err)
		}
		text, got := packOf(t, state)
		if len(got.Missing) != 1 || got.Missing[0] != sum {
			t.Errorf("missing: %v", got.Missing)
		}
		if back, err := Unpack(bytes.NewReader(text), t.TempDir()); err != nil || len(back.Missing) != 1 {
			t.Errorf("%v", err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	segment := filepath.Join(state, "audit", "00000000000000000000.seg")
	data, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(segment, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var corrupt *record.CorruptError
	if _, err := WritePack(&bytes.Buffer{}, state); !errors.As(err, &corrupt) {
		t.Errorf("a damaged journal: %v", err)
	}
}

// FuzzUnpack: whatever it is given, it is a pack or an error with a place.
func FuzzUnpack(f *testing.F) {
	var b bytes.Buffer
	m := &Manifest{Schema: packSchema, Members: []Member{}, Missing: []record.Digest{}}
	head, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	if err := putMember(&b, manifestName, head); err != nil {
		f.Fatal(err)
	}
	b.Write(make([]byte, 2*tarBlock))
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		m, err := Unpack(bytes.NewReader(text), dir)
		var fault *PackError
		var none *NoPackError
		if err != nil && !errors.As(err, &fault) && !errors.As(err, &none) {
			t.Fatal(err)
		}
		if err == nil && m == nil {
			t.Fatal("neither a manifest nor an error")
		}
	})
}
