// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// sweep removes the temporary files that a killed writer left: the name of the
// file that they were to become, with a random number appended.
func sweep(fsys disk.FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := fsys.Lstat(path)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			err = sweep(fsys, path)
		case temporary(filepath.Base(dir), name):
			err = fsys.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// temporary tells a temporary file by its name and its folder's.
func temporary(folder, name string) bool {
	for _, known := range []string{"checkpoint", "treeState", "gcState", "version"} {
		if digits, ok := strings.CutPrefix(name, known); ok {
			return digits != "" && number(digits)
		}
	}
	switch {
	case !number(name):
		return false
	case strings.HasSuffix(folder, ".p"): // a partial tile is called by its nodes, 1 to 255
		n, err := strconv.ParseUint(name, 10, 64)
		return err != nil || n > 255
	}
	return len(name) > 3
}

func number(s string) bool {
	return strings.Trim(s, "0123456789") == "" && s != ""
}

// quiet keeps the log's writer from writing to standard error by itself: what
// matters of what it says, the log finds out and says.
var quiet = sync.OnceFunc(func() { klog.SetLogger(logr.Discard()) })
