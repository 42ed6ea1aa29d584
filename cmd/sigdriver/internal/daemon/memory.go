// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// openMemory has the record share its memory, before trust can order a reset. Nothing
// raises alone what others shall know.
func (d *driver) openMemory(context.Context) error {
	db, err := d.conf.Database()
	if err != nil {
		return err
	}
	is := d.record.Position()
	if db == nil {
		if is.Memory != "" {
			return d.conf.Fault("memory.postgres", fmt.Errorf("the state folder shares a memory as %q", is.Driver), "name the database again: what this driver raised alone, the others would not know")
		}
		return nil
	}
	var sign func([]byte) ([]byte, error)
	if d.attest != nil {
		sign = d.attest.SignRow
	}
	d.memory = memory.New(memory.Config{
		Sign: sign, Database: db, Driver: d.conf.DriverID(), Store: d.record, Metrics: d.metrics, Logger: d.logger.Named("memory"),
		Ordered: func(r *record.AskedReset) bool {
			if memory.Orders(d.keeper.Current().Trust, r) {
				return true
			}
			d.keeper.Kick() // it may have been published a moment ago
			return false
		},
	})
	d.record.Share(d.memory)
	return nil
}

// followMemory begins to follow the memory once there is trust to judge its rows by.
func (d *driver) followMemory(context.Context) error {
	if d.memory != nil {
		d.background.Go(func() { d.memory.Run(d.inner) })
	}
	return nil
}

func (d *driver) memoryReading() func() MemoryReading {
	if d.memory == nil {
		return nil
	}
	return func() MemoryReading {
		is := d.record.Position()
		_, err := d.memory.Session()
		r := MemoryReading{Revision: is.Revision, Open: len(is.Open), Well: err == nil && d.server.Remembering()}
		if asOf := d.memory.AsOf(); !asOf.IsZero() {
			r.Age = time.Since(asOf)
		} else {
			r.Age = time.Since(d.started)
		}
		return r
	}
}
