// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// file is what is known of one file of the local folder.
type file struct {
	stamp   disk.Stamp
	checked bool  // by the trust in use
	item    *item // nil when it proves nothing
}

// Scan makes one pass over the local folder: it forgets files that are gone,
// and checks those that are new or changed, newest first, for at most passTime.
// It reports whether everything that it found is checked.
func (x *Index) Scan() bool {
	end := time.Now().Add(x.pass)
	return x.scan(func() bool { return time.Now().After(end) })
}

// scan makes one pass until it is over.
func (x *Index) scan(over func() bool) bool {
	if x.dir == "" {
		return true
	}
	found, err := list(x.dir)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.note(err)
	changed := x.forget(found)
	all := true
	for i, f := range x.due(found) {
		if i > 0 && over() {
			x.Rescan() // the rest is due at once
			all = false
			break
		}
		changed = x.check(f) || changed
	}
	if changed {
		x.publish()
	}
	return all
}

// note logs trouble with the folder once, and its end.
func (x *Index) note(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == x.trouble {
		return
	}
	x.trouble = text
	if text != "" {
		x.logger.Warn("attestation folder", "problem", text)
	} else {
		x.logger.Info("attestation folder is well again")
	}
}

// found is a regular file of the folder.
type found struct {
	path  string
	stamp disk.Stamp
}

// forget drops what is gone. It reports whether something that was kept is.
func (x *Index) forget(now []found) bool {
	there := make(map[string]bool, len(now))
	for _, f := range now {
		there[f.path] = true
	}
	changed := false
	for path, f := range x.files {
		if !there[path] {
			changed = x.drop(f) || changed
			delete(x.files, path)
		}
	}
	return changed
}

// drop lets go of what a file proved.
func (x *Index) drop(f *file) bool {
	if f.item == nil {
		return false
	}
	x.kept -= len(f.item.raw)
	f.item = nil
	return true
}

// due lists the files to check, newest first: a flood of old ones must not hide
// the one that was just put there.
func (x *Index) due(now []found) []found {
	var out []found
	for _, f := range now {
		if known, ok := x.files[f.path]; !ok || !known.checked || known.stamp != f.stamp {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b found) int {
		if c := cmp.Compare(b.stamp.Changed(), a.stamp.Changed()); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	return out
}

// check reads one file and keeps it if it proves something.
func (x *Index) check(in found) bool {
	f := x.files[in.path]
	if f == nil {
		f = &file{}
		x.files[in.path] = f
	}
	changed := x.drop(f)
	f.stamp, f.checked = in.stamp, true
	raw, err := read(in.path)
	if err != nil || x.kept+len(raw) > maxBytes {
		return changed
	}
	if evidence, _ := x.trust.Evidence(raw); len(evidence) > 0 {
		f.item = &item{raw: raw, evidence: evidence}
		x.kept += len(raw)
		changed = true
	}
	return changed
}

// crowdedError says that a folder has more entries than the index looks at.
type crowdedError struct{ dir string }

func (e *crowdedError) Error() string {
	return fmt.Sprintf("%q has more than %d entries: the others are ignored, remove some", e.dir, maxFiles)
}

// lister collects the regular files of a folder and of its subfolders, not
// deeper, among the first maxFiles entries.
type lister struct {
	entries int
	files   []found
}

func list(dir string) ([]found, error) {
	var l lister
	err := l.folder(dir, true)
	return l.files, err
}

// folder lists one folder, a few entries at a time. Names that begin with a dot
// are files in the making.
func (l *lister) folder(dir string, top bool) error {
	d, err := disk.OS{}.Open(dir, os.O_RDONLY|disk.Directory, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(512)
		for _, e := range entries {
			if l.entries++; l.entries > maxFiles {
				return &crowdedError{dir}
			}
			path := filepath.Join(dir, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), "."):
			case e.Type().IsRegular():
				l.file(path)
			case e.IsDir() && top:
				var crowded *crowdedError
				if err := l.folder(path, false); errors.As(err, &crowded) {
					return err
				} // one that cannot be read hides nothing but itself
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (l *lister) file(path string) {
	info, err := disk.OS{}.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return // it changed meanwhile
	}
	l.files = append(l.files, found{path, disk.StampOf(info)})
}

// read returns a regular file of acceptable size; it never waits for a pipe.
func read(path string) ([]byte, error) {
	f, err := disk.OS{}.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return disk.ReadRegular(f, path, verifier.MaxAttestation)
}
