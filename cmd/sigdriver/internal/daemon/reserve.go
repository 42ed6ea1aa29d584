// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"fmt"
	"path/filepath"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// reserve is the room that is kept for ALLOWs, in bytes.
func (c *Config) reserve() uint64 { return uint64(c.Audit.ReserveMiB) << 20 }

// volume is a folder on the volume of the state: state_dir may still have to be made.
func (c *Config) volume() string {
	if _, err := (disk.OS{}).Stat(c.StateDir); err == nil {
		return c.StateDir
	}
	return filepath.Dir(c.StateDir)
}

// checkReserve refuses a reserve that the volume cannot hold: no refusal would ever be
// recorded.
func (c *Config) checkReserve() error {
	size, err := disk.OS{}.Capacity(c.volume())
	if err != nil {
		return c.Fault("state_dir", err, "make it readable to the driver's user")
	}
	if c.reserve() < size {
		return nil
	}
	return c.fault("audit.reserve_mib", fmt.Sprintf("choose less, such as %d, or give state_dir a larger volume", max(size>>22, 1)),
		"%d MiB is kept for ALLOWs and the volume of %q holds %d: no refusal would ever be recorded", c.Audit.ReserveMiB, c.StateDir, size>>20)
}

// lowOnDisk says that refusals are not recorded now, for lack of room; "" when they are.
func (c *Config) lowOnDisk() string {
	free, err := disk.OS{}.Free(c.volume())
	if err != nil || free >= c.reserve() {
		return ""
	}
	return fmt.Sprintf("refusals are not recorded: %d MiB are free and audit.reserve_mib = %d of them are kept for ALLOWs", free>>20, c.Audit.ReserveMiB)
}
