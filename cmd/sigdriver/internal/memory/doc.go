// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package memory is the memory that several drivers share, in PostgreSQL.
//
// The database holds rows, each one raise: the floors it raised, the place it bound, or
// the signed reset it carried out, as the driver asked for it in one piece of RFC 8785
// JSON. Rows have revisions, from 1 on with no gap, and each has the sha256 of the one
// before it in its sum:
//
//	sum = sha256(sum before ‖ "revision driver session ask " ‖ body)
//
// A driver with a key signs each row: the id of the memory, its own, the session and the
// body. The signature is no part of the sum, so that rows of drivers without one are rows
// like any other; audit checks it, and drivers do not.
//
// Nothing adds a row but the function raise, which compares what a driver saw with what
// stands and adds all of it or nothing, one call at a time. Nothing changes a row.
//
// A Client follows the rows into the driver's journal, where they become part of the state
// that decisions are made by, and has the function raise what decisions ask for. Reads
// cost no query: the Client says as of when everything was known.
//
// The database is trusted with nothing else. A row can raise a floor or bind a sandbox,
// which refuses; one that lowers floors counts where the driver's own trust has ordered
// it. Rows that were seen and are gone or differ are a *RollbackError.
package memory
