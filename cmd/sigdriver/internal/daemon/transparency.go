// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"path/filepath"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
)

// openLog opens the transparency log over the journal. One that does not fit the
// journal is not served over: one of the two is an old copy, or was changed.
func (d *driver) openLog(context.Context) error {
	key, err := d.conf.LogKey()
	if err != nil {
		return err
	}
	if key == nil {
		d.logger.Warn("there is no transparency log: [transparency] names no key, so nothing but the journal's own chain binds its entries")
		return nil
	}
	witnesses, err := d.conf.Witnesses()
	if err != nil {
		return err
	}
	d.log, err = tilelog.Open(filepath.Join(d.conf.StateDir, "log"), d.record.Journal, tilelog.Options{
		Key: key, Witnesses: witnesses, Logger: d.logger.Named("log"),
	})
	if err != nil {
		return err
	}
	d.reserve("transparency.key", key.SPKI())
	d.logger.Info("keeping a transparency log", "key", key.VKey(), "witnesses", len(d.conf.Transparency.Witness))
	return nil
}

// logReading is how metrics read the log; nil where there is none.
func (d *driver) logReading() func() LogReading {
	if d.log == nil {
		return nil
	}
	return func() LogReading {
		s, now := d.log.Status(), time.Now()
		r := LogReading{Entries: s.Entries, Covered: s.Covered, Well: s.Well(now)}
		if !s.Since.IsZero() {
			r.Waiting = now.Sub(s.Since)
		}
		return r
	}
}
