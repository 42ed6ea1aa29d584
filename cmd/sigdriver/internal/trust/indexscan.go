// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

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

// found is a regular file of the folder, or a path that is passed over.
type found struct {
	path   string
	stamp  disk.Stamp
	passed Reason
	detail string
}

// folder is one that is to be listed.
type folder struct {
	path  string
	depth int
	left  *int // entries that may still be looked at here
}

// lister collects the files of a folder and of those below it. Links are followed:
// nothing in it is trusted anyway, and the volumes of Kubernetes are made of them. Folders
// that a link brings in from elsewhere come last, each with a bound of its own, so
// that they crowd out nothing.
type lister struct {
	left   int             // entries
	seen   map[string]bool // folders, by where they really are
	inside []folder
	linked []folder
	files  []found
}

func list(dir string) ([]found, error) { return listSome(dir, maxFiles) }

func listSome(dir string, most int) ([]found, error) {
	l := &lister{left: most, seen: map[string]bool{}}
	l.inside = []folder{{dir, 0, &l.left}}
	if real, err := (disk.OS{}).Real(dir); err == nil {
		l.seen[real] = true
	}
	err := l.next(&l.inside)
	for len(l.inside)+len(l.linked) > 0 {
		queue := &l.inside
		if len(l.inside) == 0 {
			queue = &l.linked
		}
		at := (*queue)[0].path
		if failed := l.next(queue); failed != nil {
			l.pass(at, Unreadable, cause(failed))
		}
	}
	return l.files, err
}

func (l *lister) pass(path string, why Reason, detail string) {
	l.files = append(l.files, found{path: path, passed: why, detail: detail})
}

// next lists the next folder of a queue, a few entries at a time.
func (l *lister) next(queue *[]folder) error {
	f := (*queue)[0]
	*queue = (*queue)[1:]
	d, err := disk.OS{}.Open(f.path, os.O_RDONLY|disk.Directory|disk.Follow, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(512)
		for _, e := range entries {
			*f.left--
			if f.left != &l.left {
				l.left--
			}
			if *f.left < 0 || l.left < 0 {
				l.pass(f.path, Crowded, fmt.Sprintf("more than %d entries: the others are ignored, remove some", maxFiles))
				return nil
			}
			l.entry(f, e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// entry takes one entry of a folder.
func (l *lister) entry(f folder, e fs.DirEntry) {
	path := filepath.Join(f.path, e.Name())
	switch {
	case strings.HasPrefix(e.Name(), ".."):
		return // what a volume of Kubernetes keeps behind its links
	case strings.HasPrefix(e.Name(), "."):
		l.pass(path, Hidden, "its name begins with a dot")
		return
	}
	info, err := disk.OS{}.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.Type()&fs.ModeSymlink == 0:
		return // it is gone meanwhile
	case err != nil:
		l.pass(path, Unreadable, cause(err))
	case info.Mode().IsRegular() && info.Size() == 0: // also what the kernel makes up when it is read, and some of that never ends
		l.pass(path, NotAttestation, "it is empty")
	case info.Mode().IsRegular():
		l.files = append(l.files, found{path: path, stamp: disk.StampOf(info)})
	case !info.IsDir():
		l.pass(path, NotRegular, "neither a file nor a folder")
	case f.depth+1 >= maxDepth:
		l.pass(path, TooDeep, fmt.Sprintf("more than %d folders deep", maxDepth))
	default:
		l.below(f, path, e.Type()&fs.ModeSymlink != 0)
	}
}

// below queues a folder, once however many links lead to it.
func (l *lister) below(f folder, path string, link bool) {
	real, err := disk.OS{}.Real(path)
	if err != nil || l.seen[real] {
		return // it is gone meanwhile, or known
	}
	l.seen[real] = true
	next := folder{path, f.depth + 1, f.left}
	if link && f.left == &l.left {
		most := maxLinked
		next.left = &most
	}
	if next.left == &l.left {
		l.inside = append(l.inside, next)
	} else {
		l.linked = append(l.linked, next)
	}
}

// cause is the text of an error without the path, which is said beside it.
func cause(err error) string {
	var named *fs.PathError
	if errors.As(err, &named) {
		return named.Err.Error()
	}
	return err.Error()
}

// read returns a regular file of acceptable size; it never waits for a pipe.
func read(path string) ([]byte, Reason, error) {
	raw, err := disk.Read(disk.OS{}, path, maxFile)
	var long *disk.TooLongError
	if errors.As(err, &long) {
		return nil, TooLarge, err
	}
	return raw, Unreadable, err
}
