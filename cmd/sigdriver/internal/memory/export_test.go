// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import "context"

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
