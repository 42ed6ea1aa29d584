// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Format is the version of the schema that this build speaks.
const Format = 1

//go:embed schema.sql
var schema string

//go:embed grants.sql
var grants string

// Schema is what an administrator applies once: the schema, and the role of drivers with
// what it may do. limit is how many connections it may have, two for each driver.
func Schema(role string, limit int) string {
	r := strings.NewReplacer("ROLE", pgx.Identifier{role}.Sanitize(), "LIMIT", fmt.Sprint(limit))
	return "begin;\n\n" + schema + r.Replace(grants) + "\ncommit;\n"
}
