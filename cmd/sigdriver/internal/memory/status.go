// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// Status is how a memory stands, as a driver's role sees it.
type Status struct {
	Memory   string         `json:"memory"` // its id
	Format   int            `json:"format"`
	Revision uint64         `json:"revision,string"`
	Sum      record.Digest  `json:"sum"`
	Took     float64        `json:"seconds"` // of one question
	Drivers  []StatusDriver `json:"drivers"` // that have raised, by id
}

// StatusDriver is what a driver has raised.
type StatusDriver struct {
	ID      string `json:"id"`
	Rows    int64  `json:"rows"`
	Last    int64  `json:"last,string"`    // revision
	Session int64  `json:"session,string"` // of that
}

// ReadStatus asks a memory how it stands. It checks the role as a driver does.
func ReadStatus(ctx context.Context, db *Database) (*Status, error) {
	c := New(Config{Database: db})
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(conn)
	begin := time.Now()
	h, err := readHead(ctx, conn)
	if err == nil {
		err = h.spoken()
	}
	if err != nil {
		return nil, err
	}
	s := &Status{Memory: h.id, Format: h.format, Revision: h.revision, Sum: h.sum, Took: time.Since(begin).Seconds(), Drivers: []StatusDriver{}}
	rows, err := conn.Query(ctx, `select driver, count(*), max(revision), max(session) from sigdriver.raised group by driver order by driver`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d StatusDriver
		if err := rows.Scan(&d.ID, &d.Rows, &d.Last, &d.Session); err != nil {
			return nil, err
		}
		s.Drivers = append(s.Drivers, d)
	}
	return s, rows.Err()
}
