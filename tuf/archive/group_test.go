// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
)

// together puts objects as those are put that come at the same time.
func together(s *Store, texts ...string) error {
	var batch []*putting
	for _, text := range texts {
		batch = append(batch, &putting{sum: sha256.Sum256([]byte(text)), data: []byte(text)})
	}
	s.putTogether(batch)
	var err error
	for _, p := range batch {
		err = errors.Join(err, p.err)
	}
	return err
}

// groupFiles are the files of groups, each with the objects that it has, read by what the
// package says of the format.
func groupFiles(t *testing.T, dir string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "groups", "*"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if sum := sha256.Sum256(data); err != nil || filepath.Base(file) != hex.EncodeToString(sum[:]) {
			t.Errorf("%s is not whole: %v", file, err)
		}
		for len(data) > 0 {
			size := binary.BigEndian.Uint32(data[32:36])
			text := data[36 : 36+size]
			if sha256.Sum256(text) != [32]byte(data) {
				t.Errorf("%s: %q stands under another name", file, text)
			}
			out[file] = append(out[file], string(text))
			data = data[36+size:]
		}
	}
	return out
}

// What comes together is one file, durable before anybody is told; what is there already,
// twice, or alone, is as it was.
func TestTogether(t *testing.T) {
	var f disktest.FS
	s, err := Open(t.TempDir(), &f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put([]byte("there")); err != nil {
		t.Fatal(err)
	}
	before := len(f.Operations())
	if err := together(s, "one", "two", "one", "three"); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(f.Operations()[before:]); got != "[mkdir syncdir create write sync rename syncdir]" {
		t.Errorf("a group does %s", got)
	}
	before = len(f.Operations())
	if _, err := s.Put([]byte("two")); err != nil {
		t.Fatal(err)
	}
	if err := together(s, "there", "four"); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(f.Operations()[before:]); got != "[syncdir mkdir syncdir create write sync rename syncdir]" {
		t.Errorf("what is there, and one alone, does %s", got)
	}
	files := groupFiles(t, s.dir)
	if len(files) != 1 {
		t.Errorf("%v", files)
	}
	for file, texts := range files {
		if fmt.Sprint(texts) != "[one two three]" || s.File(sha256.Sum256([]byte("two"))) != file {
			t.Errorf("%s has %v", file, texts)
		}
	}
	for _, from := range []*Store{s, open(t, s.dir), Reader(s.dir)} {
		for _, text := range []string{"one", "two", "three", "four", "there"} {
			sum := sha256.Sum256([]byte(text))
			if got, err := from.Get(sum); err != nil || string(got) != text {
				t.Errorf("%s: %q, %v", text, got, err)
			}
		}
		var missing *MissingError
		if _, err := from.Get(sha256.Sum256([]byte("never"))); !errors.As(err, &missing) {
			t.Error(err)
		}
	}
	// A reader finds what came after it first looked.
	r := Reader(s.dir)
	later := sha256.Sum256([]byte("later"))
	if _, err := r.Get(later); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := together(s, "later", "still later"); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Get(later); string(got) != "later" {
		t.Error(got, err)
	}
	// But not once it has been told that nothing comes.
	if err := r.Settle(); err != nil {
		t.Fatal(err)
	}
	if err := together(s, "too late", "as well"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(sha256.Sum256([]byte("too late"))); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if got, err := r.Get(later); string(got) != "later" {
		t.Error(got, err)
	}
}

// gated is a file system on which the first file waits to be made.
type gated struct {
	disk.OS
	once    sync.Once
	reached chan struct{}
	open    chan struct{}
}

func (g *gated) Open(name string, flag int, perm fs.FileMode) (disk.File, error) {
	if flag&os.O_CREATE != 0 {
		first := false
		g.once.Do(func() { first = true })
		if first {
			close(g.reached)
			<-g.open
		}
	}
	return g.OS.Open(name, flag, perm)
}

// What is put while the disk is busy shares a file, as far as one may be large. An object
// that is large has its own, and waits for nobody.
func TestBusyDiskMakesGroups(t *testing.T) {
	g := &gated{reached: make(chan struct{}), open: make(chan struct{})}
	s, err := Open(t.TempDir(), g)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var texts [][]byte
	put := func(data []byte) {
		texts = append(texts, data)
		wg.Go(func() {
			if _, err := s.Put(data); err != nil {
				t.Error(err)
			}
		})
	}
	put([]byte("first"))
	<-g.reached
	const small, large = 20, 40
	for i := range small {
		put(fmt.Appendf(nil, "small %d", i))
	}
	for i := range large {
		put(append(bytes.Repeat([]byte("x"), maxGrouped-8), fmt.Sprintf("%08d", i)...))
	}
	huge := bytes.Repeat([]byte("y"), maxGrouped+1)
	if _, err := s.Put(huge); err != nil {
		t.Fatal(err)
	}
	for waiting := 0; waiting < small+large; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		waiting = len(s.waiting)
		s.mu.Unlock()
	}
	close(g.open)
	wg.Wait()
	n, alone := 0, 0
	files := groupFiles(t, s.dir)
	for file, objects := range files {
		size := 0
		for _, text := range objects {
			size += len(text)
			n++
		}
		if size > maxGroup || len(objects) < 2 {
			t.Errorf("%s has %d objects of %d bytes", file, len(objects), size)
		}
	}
	r := Reader(s.dir)
	for _, data := range append(texts, huge) {
		sum := sha256.Sum256(data)
		if got, err := r.Get(sum); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%.20q: %v", data, err)
		}
		if s.alone(sum) {
			alone++
		}
	}
	if alone < 2 || n+alone != len(texts)+1 || len(files) < 3 || len(files) > 5 {
		t.Errorf("%d objects in %d groups, %d alone, of %d", n, len(files), alone, len(texts)+1)
	}
}

// Whichever byte of a group is changed, and wherever it is cut: an object is read as it was,
// or the group is damaged. It is never said to be missing, and never another.
func TestDamagedGroup(t *testing.T) {
	s := open(t, t.TempDir())
	texts := []string{"one", "two", "three"}
	if err := together(s, texts...); err != nil {
		t.Fatal(err)
	}
	path := s.File(sha256.Sum256([]byte("one")))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{append(bytes.Clone(data), 0), {}}
	for i := range data {
		c := bytes.Clone(data)
		c[i] ^= 1
		damaged = append(damaged, c, data[:i])
	}
	for _, c := range damaged {
		if err := os.WriteFile(path, c, 0o600); err != nil {
			t.Fatal(err)
		}
		r := Reader(s.dir)
		lost := 0
		for _, text := range texts {
			got, err := r.Get(sha256.Sum256([]byte(text)))
			var corrupt *CorruptError
			if err == nil && string(got) != text || err != nil && (!errors.As(err, &corrupt) || corrupt.Path != path) {
				t.Errorf("%q: %s: %q, %v", c, text, got, err)
			}
			if err != nil {
				lost++
			}
		}
		if lost == 0 && len(c) <= len(data) {
			t.Errorf("%q: nothing is lost", c)
		}
	}
	if err := os.Truncate(path, 1<<42); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if _, err := Reader(s.dir).Get(sha256.Sum256([]byte("one"))); !errors.As(err, &corrupt) {
		t.Errorf("an endless group: %v", err)
	}
}
