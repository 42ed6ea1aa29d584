// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory

import (
	"context"
	"fmt"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// Look connects and checks the role.
func Look(ctx context.Context, db *Database) error {
	c := &Client{Config: Config{Database: db}}
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	hangUp(conn)
	return nil
}

// Rows reads every row.
func Rows(ctx context.Context, db *Database) ([]record.Row, error) {
	c := &Client{Config: Config{Database: db}}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(conn)
	var out []record.Row
	for is := (record.MemoryPosition{}); ; {
		rows, err := readRows(ctx, conn, is)
		if err != nil || len(rows) == 0 {
			return out, err
		}
		out = append(out, rows...)
		is.Revision, is.Sum = rows[len(rows)-1].Revision, rows[len(rows)-1].Sum
	}
}

// Settings are what a connection is made with.
func Settings(db *Database) string {
	c := db.conf
	return fmt.Sprint(c.Host, " ", c.Port, " ", c.Database, " ", c.User, " ", c.Password, " ", c.RuntimeParams, " ", len(c.Fallbacks), " ", c.TLSConfig != nil, " ", c.ValidateConnect != nil)
}

// CheckRolesAlways has clients ask at every poll what their role may do, until the
// returned function is called.
func CheckRolesAlways() (restore func()) {
	was := roleEvery
	roleEvery = 0
	return func() { roleEvery = was }
}
