// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// othersMode are the bits of a mode that let in others than we and, where the file is of
// one of our own groups, its group: what the kubelet makes of volumes has group bits.
func othersMode(info fs.FileInfo) fs.FileMode {
	others := info.Mode().Perm() & 0o077
	groups, err := os.Getgroups()
	gid := groupOf(info)
	if err == nil && (gid == os.Getegid() || slices.Contains(groups, gid)) {
		others &^= 0o070
	}
	return others
}

func groupOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }

// tighten takes the group's bits from the state folder: whoever is in the group does not
// get past it, whatever is in it.
func (d *driver) tighten(dir string) error {
	info, err := disk.OS{}.Lstat(dir)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	d.logger.Warn("the state folder had bits for its group, which are taken away", "mode", info.Mode().Perm().String())
	return disk.OS{}.Chmod(dir, 0o700)
}
