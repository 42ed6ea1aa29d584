// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// ages accepts three states a day apart and returns the times of acceptance.
func ages(t *testing.T) (*subject, *tuftest.Repo, []time.Time) {
	t.Helper()
	repo := newRepo(t)
	s := newSubject(t, repo)
	var times []time.Time
	for i := range 3 {
		repo.SetTarget("authorities.json", fmt.Appendf(nil, "age %d", i))
		repo.Rotate("root")
		if i == 1 {
			repo.Rotate("targets")
			repo.Publish()
			repo.Rotate("root") // two roots between acceptances
		}
		repo.Publish()
		times = append(times, s.accept().AcceptedAt)
		repo.Advance(24 * time.Hour)
	}
	return s, repo, times
}

func TestAsOf(t *testing.T) {
	s, _, times := ages(t)
	state := filepath.Dir(s.cfg.Dir)
	export := filepath.Join(t.TempDir(), "export.tar")
	writeExport(t, state, export)
	for _, dir := range []string{s.cfg.Dir, state, export} {
		for i, at := range times {
			for _, when := range []time.Time{at, at.Add(time.Hour), at.Add(24*time.Hour - 1)} {
				got, note, err := AsOf(dir, s.cfg.Root, when)
				if err != nil {
					t.Fatalf("%s at %s: %v", filepath.Base(dir), when, err)
				}
				if body := string(got.Targets["authorities.json"]); body != fmt.Sprintf("age %d", i) || !reflect.DeepEqual(note, s.note(uint64(i+1))) {
					t.Errorf("%s at %s: %s, %+v", filepath.Base(dir), when, body, note)
				}
				if !got.AcceptedAt.Equal(at) {
					t.Errorf("accepted at %s, want %s", got.AcceptedAt, at)
				}
			}
		}
		provePast(t, dir, s.cfg.Root, times)
		var none *NoHistoryError
		if _, _, err := AsOf(dir, s.cfg.Root, times[0].Add(-1)); !errors.As(err, &none) {
			t.Errorf("before everything: %v", err)
		}
		last, note, err := LoadOffline(dir, s.cfg.Root, times[2].Add(1000*time.Hour))
		live, liveNote, _ := s.Accepted()
		if err != nil || !reflect.DeepEqual(last, live) || !reflect.DeepEqual(note, liveNote) {
			t.Errorf("LoadOffline: %v %v, %v", last, note, err)
		}
	}
}

// provePast holds each line of a History against AsOf, and its list against both.
func provePast(t *testing.T, dir string, root []byte, times []time.Time) {
	t.Helper()
	p, err := OpenHistory(dir, root)
	if err != nil {
		t.Fatal(err)
	}
	lines := p.Lines()
	if len(lines) != len(times) {
		t.Fatalf("%d lines, want %d", len(lines), len(times))
	}
	named, err := p.Objects()
	if err != nil || !named[sha256.Sum256(root)] && !named[lines[0].Roles[RoleTimestamp].SHA256] {
		t.Errorf("objects: %v, %v", named, err)
	}
	for i, l := range lines {
		got, note, err := p.Prove(i)
		want, wantNote, err2 := AsOf(dir, root, times[i])
		if err != nil || err2 != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(note, wantNote) {
			t.Errorf("line %d: %v %v", i, err, err2)
			continue
		}
		if !l.AcceptedAt.Equal(got.AcceptedAt) || l.Epoch != note.Epoch || l.Root != got.Roles[RoleRoot].Version || l.Line != uint64(i)+1 {
			t.Errorf("line %d is listed as %+v", i, l)
		}
		for role, f := range l.Roles {
			if got.Roles[role].SHA256 != f.SHA256 || got.Roles[role].Version != f.Version || !named[f.SHA256] {
				t.Errorf("line %d: role %s is listed as %+v", i, role, f)
			}
		}
	}
	if h, err := readHistory("text", p.Text()); err != nil || len(h.lines) != len(lines) {
		t.Errorf("the text: %v", err)
	}
}

func writeExport(t *testing.T, state, name string) {
	t.Helper()
	var buf, again bytes.Buffer
	if err := errors.Join(Export(state, &buf), Export(filepath.Join(state, "trust"), &again)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(buf.Bytes(), again.Bytes()) {
		t.Error("the same history gave two exports")
	}
	if err := os.WriteFile(name, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Every object of the archive is proven again: without it, or with another byte in
// it, the past is refused, not believed.
func TestEditedPast(t *testing.T) {
	s, _, times := ages(t)
	s.Close()
	export := filepath.Join(t.TempDir(), "export.tar")
	writeExport(t, filepath.Dir(s.cfg.Dir), export)
	original := readTar(t, export)
	edited := 0
	for i := range original {
		if bytes.Equal(original[i].data, s.cfg.Root) {
			continue // the auditor brings his own
		}
		for _, how := range []string{"edited", "removed"} {
			files := append([]tarFile{}, original...)
			files[i].data = bytes.Clone(files[i].data)
			if how == "edited" {
				files[i].data[len(files[i].data)/2] ^= 1
			} else {
				files = append(files[:i:i], files[i+1:]...)
			}
			name := filepath.Join(t.TempDir(), "x.tar")
			writeTar(t, name, files)
			believed := 0
			for _, at := range times {
				if _, _, err := AsOf(name, s.cfg.Root, at); err == nil {
					believed++
				} else if Code(err) == "" {
					t.Errorf("%s %s: %v has no code", original[i].name, how, err)
				}
			}
			if believed == len(times) {
				t.Errorf("%s %s: nobody noticed", original[i].name, how)
			}
			edited++
		}
	}
	if edited < 20 {
		t.Errorf("only %d edits", edited)
	}
}

// A history that was made up from honest files does not prove what never was.
func TestForgedHistory(t *testing.T) {
	s, repo, times := ages(t)
	s.Close()
	export := filepath.Join(t.TempDir(), "export.tar")
	writeExport(t, filepath.Dir(s.cfg.Dir), export)
	forge := func(edit func(lines []line)) error {
		files := readTar(t, export)
		c, err := readHistory("history", files[0].data)
		if err != nil {
			t.Fatal(err)
		}
		edit(c.lines)
		fresh := &chain{}
		var text []byte
		for _, l := range c.lines {
			l.Previous = fresh.last
			one, err := encodeStrict(l)
			if err != nil {
				t.Fatal(err)
			}
			fresh.add(l, one)
			text = append(append(text, one...), '\n')
		}
		files[0].data = text
		name := filepath.Join(t.TempDir(), "x.tar")
		writeTar(t, name, files)
		_, _, err = AsOf(name, s.cfg.Root, times[2])
		return err
	}
	if err := forge(func([]line) {}); err != nil {
		t.Fatalf("an honest history, encoded again: %v", err)
	}
	forgeries := map[string]func([]line){
		"targets of an older line": func(l []line) { l[2].Targets = l[0].Targets },
		"role of an older line":    func(l []line) { l[2].Roles["targets"] = l[0].Roles["targets"] },
		"timestamp that came back": func(l []line) { l[2].Roles["timestamp"] = l[0].Roles["timestamp"] },
		"root skipped":             func(l []line) { l[1].Roots = l[1].Roots[1:] },
		"root of another version":  func(l []line) { l[2].Root++ },
		"no attestations":          func(l []line) { l[2].Attestations = digest{} },
		"accepted after expiry":    func(l []line) { l[2].AcceptedAt = times[2].Add(400 * 24 * time.Hour); times[2] = l[2].AcceptedAt },
	}
	for name, edit := range forgeries {
		at := times[2]
		if err := forge(edit); err == nil || Code(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		times[2] = at
	}
	// Another first root proves nothing of this.
	other := tuftest.New(t)
	other.SetKeys("root", 1, tuftest.Key("somebody else"))
	other.Publish()
	if _, _, err := AsOf(export, other.File("metadata/2.root.json"), times[2]); err == nil {
		t.Error("proven from a stranger's root")
	}
	_ = repo
}

func TestExportThatIsNone(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{"empty": nil, "text": []byte("hello"), "zeros": make([]byte, 4096)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadOffline(file, newRepo(t).Root(), tuftest.Start); Code(err) != CodeCorrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	subject, _, times := ages(t)
	export := filepath.Join(dir, "export")
	writeExport(t, filepath.Dir(subject.cfg.Dir), export)
	files := append(readTar(t, export), tarFile{"etc/passwd", []byte("x")})
	foreign := filepath.Join(dir, "foreign")
	writeTar(t, foreign, files)
	if _, _, err := LoadOffline(foreign, subject.cfg.Root, times[2]); Code(err) != CodeCorrupt {
		t.Errorf("a foreign file in it: %v", err)
	}
	twice := filepath.Join(dir, "twice")
	writeTar(t, twice, append(files[:len(files)-1:len(files)-1], files[0]))
	if _, _, err := LoadOffline(twice, subject.cfg.Root, times[2]); Code(err) != CodeCorrupt {
		t.Errorf("two histories in it: %v", err)
	}
	// A kilobyte that unpacks to three gigabytes must not be unpacked.
	var before, after runtime.MemStats
	sparse := filepath.Join(dir, "sparse")
	if err := os.WriteFile(sparse, sparseTar("sha256/"+strings.Repeat("ab", 32), 3<<30), 0o600); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&before)
	_, _, err := LoadOffline(sparse, subject.cfg.Root, times[2])
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; Code(err) != CodeCorrupt || used > 1<<20 {
		t.Errorf("a sparse file in it: %v, %d bytes of memory", err, used)
	}
	for _, missing := range []string{filepath.Join(dir, "nothing"), t.TempDir()} {
		if _, _, err := LoadOffline(missing, newRepo(t).Root(), tuftest.Start); err == nil {
			t.Errorf("%s: no error", missing)
		}
	}
}

func TestLoadOfflineRepository(t *testing.T) {
	repo := newRepo(t)
	repo.Rotate("root")
	repo.Publish()
	got, note, err := LoadOffline(repo.Dir(), repo.Root(), repo.Now())
	if err != nil || string(got.Targets["authorities.json"]) != `{"v":1}` || len(got.Targets) != 3 || note.Epoch != 0 {
		t.Errorf("%v %v %v", got, note, err)
	}
	if got.Roles[RoleRoot].Version != 2 || len(got.Roles) != 6 {
		t.Errorf("roles %v", got.Roles)
	}
	if _, _, err := LoadOffline(repo.Dir(), repo.Root(), repo.Now().Add(25*time.Hour)); Code(err) != CodeExpired {
		t.Errorf("a day later: %v", err)
	}
	repo.FlipByte(repo.Path("targets"))
	if _, _, err := LoadOffline(repo.Dir(), repo.Root(), repo.Now()); err == nil {
		t.Error("a flipped byte went unnoticed")
	}
}

type tarFile struct {
	name string
	data []byte
}

func readTar(t *testing.T, name string) []tarFile {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var files []tarFile
	in := tar.NewReader(f)
	for {
		h, err := in.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, tarFile{h.Name, data})
	}
}

func writeTar(t *testing.T, name string, files []tarFile) {
	t.Helper()
	var buf bytes.Buffer
	out := tar.NewWriter(&buf)
	for _, f := range files {
		if err := addFile(out, f.name, f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(out.Close(), os.WriteFile(name, buf.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// sparseTar is an archive with one file of zeros in the old form of GNU tar: only
// its size is written, at the offsets of that form.
func sparseTar(name string, size int64) []byte {
	block := make([]byte, 512)
	copy(block, name)
	for at, n := range map[int]int64{124: 0, 386: size, 398: 0, 483: size} {
		copy(block[at:], fmt.Sprintf("%011o", n))
	}
	copy(block[148:], "        ") // the checksum counts itself as blanks
	block[156] = tar.TypeGNUSparse
	copy(block[257:], "ustar  \x00")
	sum := 0
	for _, b := range block {
		sum += int(b)
	}
	copy(block[148:], fmt.Sprintf("%06o\x00", sum))
	return append(block, make([]byte, 1024)...)
}

// Each rule of the history, broken in a chain that is otherwise whole.
func TestHistoryRules(t *testing.T) {
	write := func(edit func(i int, l *line)) ([]byte, *chain) {
		c := &chain{}
		var text []byte
		for i := range 3 {
			l := line{Schema: historySchema, Line: uint64(i) + 1, Epoch: 5, AcceptedAt: tuftest.Start, Root: 1, Previous: c.last,
				Roles: map[string]fileRef{}, Targets: map[string]digest{}}
			edit(i, &l)
			one, err := encodeStrict(l)
			if err != nil {
				t.Fatal(err)
			}
			c.add(l, one)
			text = append(append(text, one...), '\n')
		}
		return text, c
	}
	for name, edit := range map[string]func(*line){
		"":         func(*line) {},
		"schema":   func(l *line) { l.Schema = "sigdriver.history/v2" },
		"number":   func(l *line) { l.Line = 9 },
		"previous": func(l *line) { l.Previous[0] ^= 1 },
		"carried":  func(l *line) { l.Carried = l.Line },
		"epoch":    func(l *line) { l.Epoch-- },
		"time":     func(l *line) { l.AcceptedAt = l.AcceptedAt.Add(-1) },
	} {
		for at := 1; at < 3; at++ {
			text, _ := write(func(i int, l *line) {
				if i == at {
					edit(l)
				}
			})
			c, err := readHistory("history", text)
			if (name == "") != (err == nil) || err != nil && (Code(err) != CodeCorrupt || c != nil) {
				t.Errorf("%s in line %d: %v", name, at+1, err)
			}
		}
	}
	text, c := write(func(int, *line) {})
	if _, err := readHistory("history", bytes.Replace(text, []byte(`{"schema"`), []byte(`{"x":1,"schema"`), 1)); Code(err) != CodeCorrupt {
		t.Errorf("an unknown member: %v", err)
	}
	floor := historyFloor{Lines: 2, SHA256: c.lines[2].Previous}
	if err := floor.check("history", c); err != nil {
		t.Errorf("a history that went on: %v", err)
	}
	floor.SHA256[0] ^= 1
	if err := floor.check("history", c); Code(err) != CodeCorrupt {
		t.Errorf("another line 2: %v", err)
	}
	floor.Lines = 3
	if err := floor.check("history", c); Code(err) != CodeCorrupt {
		t.Errorf("another last line: %v", err)
	}
}
