// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// format is the version of a state folder. A folder of release 0.1.0 has no file
// that says so.
const format = "sigdriver.state/v2"

// maxFormat bounds that file in bytes.
const maxFormat = 64

// FormatError says that a state folder is of a format that this build does not know.
type FormatError struct {
	Dir    string
	Format string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("the state folder %q is of format %.40q, this driver reads %s: run the release that wrote it, or restore a copy from before that release", e.Dir, e.Format, format)
}

// checkFormat refuses a folder of another format, before anything in it is touched.
func checkFormat(fsys disk.FS, dir string) error {
	have, err := disk.Read(fsys, filepath.Join(dir, fileFormat), maxFormat)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case string(have) != format+"\n":
		return &FormatError{dir, string(have)}
	}
	return nil
}
