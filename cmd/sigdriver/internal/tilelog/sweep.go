// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// sweep removes the temporary files that a killed writer left: the name of the
// file that they were to become, with a random number appended.
func sweep(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !temporary(filepath.Base(filepath.Dir(path)), e.Name()) {
			return err
		}
		return os.Remove(path)
	})
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
