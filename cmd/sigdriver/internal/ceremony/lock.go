// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// maxHolder bounds what the lock's file says about who holds it.
const maxHolder = 256

// LockedError says that another step is under way in the same folder.
type LockedError struct {
	Dir    string
	Holder string // what it says of itself; empty while it has not yet
}

func (e *LockedError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "another command"
	}
	return fmt.Sprintf("%q is in use by %.*q", e.Dir, maxHolder, holder)
}

// hold is lock in a folder that a ceremony has begun in.
func (f *Folder) hold(step string) (release func(), err error) {
	if !f.Begun() {
		return nil, f.unpublished()
	}
	return f.lock(step)
}

// lock makes a step the only one that changes the folder, until release: what it has
// read is then what it builds on. Nobody waits for it, and who comes meanwhile is told
// who it is. It ends with the process, too.
func (f *Folder) lock(step string) (release func(), err error) {
	fsys, name := disk.OrOS(f.FS), filepath.Join(f.Dir, ".lock")
	held, err := fsys.Lock(name)
	var locked *disk.LockedError
	if errors.As(err, &locked) {
		said, _ := disk.Read(fsys, name, maxHolder)
		return nil, &LockedError{f.Dir, strings.TrimSpace(string(said))}
	}
	if err != nil {
		return nil, err
	}
	file, err := fsys.Open(name, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	_, err = fmt.Fprintf(file, "sigdriver trust %s, process %d, since %s\n", step, os.Getpid(), f.Now().UTC().Format(time.RFC3339))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return func() { _ = held.Close() }, nil // nothing was written through it
}
