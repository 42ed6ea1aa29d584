// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package disk

import "io/fs"

// Stamp changes when a file does, as far as its folder tells. It is comparable.
type Stamp struct {
	inode             uint64
	size              int64
	modified, changed int64 // in nanoseconds
}

// StampOf returns the stamp of a file that Lstat or Stat described.
func StampOf(info fs.FileInfo) Stamp {
	s := Stamp{size: info.Size(), modified: info.ModTime().UnixNano()}
	s.inode, s.changed = identity(info)
	return s
}

// Changed orders stamps by when the files were last changed: by the inode's own time
// where there is one, which nobody can set.
func (s Stamp) Changed() int64 {
	if s.changed != 0 {
		return s.changed
	}
	return s.modified
}
