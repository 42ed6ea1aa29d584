// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// ImportMemory has the driver of a configuration, which is stopped, join its memory and
// raise there what it remembers beyond.
func ImportMemory(ctx context.Context, configFile string) (*memory.Imported, error) {
	var out *memory.Imported
	err := stopped(configFile, func(conf *Config, store *record.Store) error {
		db, err := conf.sharedDatabase()
		if err != nil {
			return err
		}
		key, err := conf.AttestKey()
		if err != nil {
			return err
		}
		var sign func([]byte) ([]byte, error)
		if key != nil {
			sign = key.Sign
		}
		trust, err := conf.acceptedTrust()
		if err != nil {
			trust = nil // nothing was accepted yet, so nothing was ordered
		}
		out, err = memory.Import(ctx, memory.Config{
			Sign: sign, Database: db, Driver: conf.DriverID(), Store: store, Metrics: NewMetrics(""), Logger: hclog.NewNullLogger(),
			Ordered: func(r *record.AskedReset) bool { return memory.Orders(trust, r) },
		}, store, trust)
		return err
	})
	return out, err
}

// LeaveMemory has the driver of a configuration, which is stopped, go on alone with what
// it has learned, and returns how far that is.
func LeaveMemory(configFile string) (is record.MemoryPosition, err error) {
	err = stopped(configFile, func(_ *Config, store *record.Store) error {
		is = store.Position()
		if is.Memory == "" {
			return errors.New("the driver shares no memory")
		}
		return store.Leave(time.Now())
	})
	return is, err
}

// MemoryStatus asks the memory of a configuration how it stands, as the driver would.
func MemoryStatus(ctx context.Context, configFile string) (*memory.Status, error) {
	conf, err := LoadConfig(configFile)
	if err != nil {
		return nil, &StartError{err}
	}
	db, err := conf.sharedDatabase()
	if err != nil {
		return nil, &StartError{err}
	}
	return memory.ReadStatus(ctx, db)
}

func (c *Config) sharedDatabase() (*memory.Database, error) {
	db, err := c.Database()
	if err == nil && db == nil {
		err = c.fault("memory.postgres", "name the database that the drivers share", "is required")
	}
	return db, err
}

// stopped does something to the record of a driver that is not running.
func stopped(configFile string, do func(*Config, *record.Store) error) error {
	conf, err := LoadConfig(configFile)
	if err != nil {
		return &StartError{err}
	}
	if err := conf.checkState(); err != nil {
		return &StartError{err}
	}
	if err := (disk.OS{}).MakeDir(conf.StateDir, 0o700); err != nil {
		return &StartError{conf.Fault("state_dir", err, "create it for the driver's user with mode 0700")}
	}
	lock, err := (disk.OS{}).Lock(filepath.Join(conf.StateDir, "lock"))
	if err != nil {
		return &StartError{conf.Fault("state_dir", err, "stop the driver first")}
	}
	a, err := archive.Open(filepath.Join(conf.StateDir, "archive"), nil)
	if err != nil {
		return errors.Join(&StartError{conf.Fault("state_dir", err, "make it writable to the driver's user")}, lock.Close())
	}
	store, err := record.Open(conf.StateDir, record.Options{Archive: a, Reserve: conf.reserve()})
	if err != nil {
		return errors.Join(&StartError{err}, lock.Close())
	}
	return errors.Join(do(conf, store), store.Close(), lock.Close())
}
