// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"strings"
	"unicode/utf8"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// maxPassword bounds the file of a password, in bytes.
const maxPassword = 1024

func (c *Config) checkMemory() error {
	m := c.Memory
	switch {
	case m == MemoryConfig{}:
		return nil
	case m.Postgres == "":
		return c.fault("memory.postgres", "name the database as postgres://ROLE@HOST/DATABASE?sslmode=verify-full&sslrootcert=FILE", "is required")
	case c.DriverID() == "":
		return c.fault("memory.driver_id", "choose a name for this driver that no other driver of the memory has", "is required")
	case m.DriverID != "" && c.Attest.DriverID != "" && m.DriverID != c.Attest.DriverID:
		return c.fault("memory.driver_id", "leave it out: attest.driver_id says it", "%q is not attest.driver_id", m.DriverID)
	case len(m.DriverID) > verifier.MaxName || !utf8.ValidString(m.DriverID) || !printableID(m.DriverID):
		return c.fault("memory.driver_id", "choose a short name", "must be 1 to %d bytes without spaces and control characters", verifier.MaxName)
	}
	if _, err := memory.ParseURL(m.Postgres, ""); err != nil {
		return c.Fault("memory.postgres", err, "see docs/memory.md for what belongs here")
	}
	return c.checkPath("memory.password_file", m.PasswordFile, false)
}

// DriverID is the driver's own name, empty for none.
func (c *Config) DriverID() string {
	if c.Memory.DriverID != "" {
		return c.Memory.DriverID
	}
	return c.Attest.DriverID
}

// Database is where the shared memory is; nil where the driver remembers alone.
func (c *Config) Database() (*memory.Database, error) {
	if c.Memory.Postgres == "" {
		return nil, nil
	}
	password, err := c.password()
	if err != nil {
		return nil, err
	}
	db, err := memory.ParseURL(c.Memory.Postgres, password)
	if err != nil {
		return nil, c.Fault("memory.postgres", err, "see docs/memory.md for what belongs here")
	}
	return db, nil
}

func (c *Config) password() (string, error) {
	path := c.Memory.PasswordFile
	if path == "" {
		return "", nil
	}
	info, err := disk.OS{}.Stat(path)
	if err != nil {
		return "", c.Fault("memory.password_file", err, "write the password of the database role into it, readable to the driver's user")
	}
	if mode := othersMode(info); mode != 0 {
		return "", c.fault("memory.password_file", "chmod 0600 "+path, "%q has mode %04o: others can read it", path, info.Mode().Perm())
	}
	data, err := disk.ReadInput(disk.OS{}, path, maxPassword)
	if err != nil {
		return "", c.Fault("memory.password_file", err, "write the password of the database role into it, readable to the driver's user")
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
