// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// ownKey opens a key that the driver itself signs with: a file, or a link to one, that
// nobody else can read; the driver's own group may. The remedy is how one is made.
func (c *Config) ownKey(setting, path, remedy string) (*keys.Key, error) {
	info, err := disk.OS{}.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, c.Fault(setting, err, "make it readable to the driver's user")
	case err != nil:
		return nil, c.Fault(setting, err, remedy)
	case !info.Mode().IsRegular():
		return nil, c.fault(setting, "name the file itself", "%q is not a regular file", path)
	case othersMode(info) != 0 || info.Mode().Perm()&0o020 != 0:
		return nil, c.fault(setting, "chmod 0600 "+path, "%q has mode %04o: others can read it", path, info.Mode().Perm())
	case int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() && info.Sys().(*syscall.Stat_t).Uid != 0:
		return nil, c.fault(setting, fmt.Sprintf("chown %d %s", os.Geteuid(), path), "%q belongs to another user", path)
	}
	key, err := keys.Load(path, nil)
	var format *keys.FormatError
	switch {
	case errors.Is(err, keys.ErrNoPassphrase):
		return nil, c.fault(setting, "give the driver an unencrypted copy, for example as a systemd credential", "%q is encrypted, and there is nobody to ask for its passphrase", path)
	case errors.As(err, &format):
		return nil, c.Fault(setting, err, remedy)
	case err != nil:
		return nil, c.Fault(setting, err, "make it readable to the driver's user")
	}
	return key, nil
}
