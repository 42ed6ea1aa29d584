// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// page is how many rows one query brings.
const page = 500

// maxBody bounds what one row asked for, in bytes.
const maxBody = record.MaxEntry - 4096

// RollbackError says that the memory is not the one that the driver has seen, or an
// older state of it.
type RollbackError struct{ Detail string }

func (e *RollbackError) Error() string {
	return "MEMORY_ROLLBACK: " + e.Detail + "; find out which copy of the database this is. When it is to be gone on with, stop the driver and have it bring back what it knows: `sigdriver memory import`"
}

func rolledBack(format string, args ...any) error {
	return &RollbackError{fmt.Sprintf(format, args...)}
}

// head is what the memory says of itself.
type head struct {
	id       string
	format   int
	oldest   int
	revision uint64
	sum      record.Digest
}

func readHead(ctx context.Context, c *pgx.Conn) (h head, err error) {
	var revision int64
	var sum []byte
	err = c.QueryRow(ctx, `select id::text, format, oldest, revision, sum from sigdriver.memory`).Scan(&h.id, &h.format, &h.oldest, &revision, &sum)
	h.revision = uint64(revision)
	copy(h.sum[:], sum)
	return h, err
}

// spoken refuses a schema that this build does not speak.
func (h *head) spoken() error {
	if h.format < Format || h.oldest > Format {
		return fmt.Errorf("the database has schema %d, for drivers from %d on, and this build speaks %d", h.format, h.oldest, Format)
	}
	return nil
}

// readRows reads rows from a revision on, a page at most, and holds each against the sum
// of the one before. The row at is has to be the one that was seen. Rows are what the
// database's owner makes of them: of one that is too long no more is read than shows it.
func readRows(ctx context.Context, c *pgx.Conn, is record.MemoryPosition) ([]record.Row, error) {
	rows, err := c.Query(ctx, `select revision, left(driver, $3), session, ask, left(body, $3), substring(signature for $3), substring(sum for 33)
		from sigdriver.raised where revision >= $1 order by revision limit $2`, int64(is.Revision), page, maxBody+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	seen := is.Revision == 0
	at, sum := is.Revision, is.Sum
	var out []record.Row
	for rows.Next() {
		var r record.Row
		var revision, session, ask int64
		var body string
		var digest []byte
		if err := rows.Scan(&revision, &r.Driver, &session, &ask, &body, &r.Signature, &digest); err != nil {
			return nil, err
		}
		r.Revision, r.Session = uint64(revision), uint64(session)
		copy(r.Sum[:], digest)
		if !seen {
			if r.Revision != is.Revision || r.Sum != is.Sum {
				return nil, rolledBack("row %d is gone or is not the one that this driver has learned", is.Revision)
			}
			seen = true
			continue
		}
		if r.Ask, err = parseAsk(body); err != nil {
			return nil, rolledBack("row %d is not one that a driver asked for: %v", r.Revision, err)
		}
		if at++; r.Revision != at || r.Ask.Number != uint64(ask) {
			return nil, rolledBack("row %d is in the place of row %d", r.Revision, at)
		}
		if sum = record.RowSum(sum, &r, []byte(body)); sum != r.Sum {
			return nil, rolledBack("row %d does not match its sum", r.Revision)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if !seen {
		return nil, rolledBack("row %d, which this driver has learned, is gone", is.Revision)
	}
	return out, nil
}

// parseAsk reads what a row asked for, which has one encoding.
func parseAsk(body string) (record.Ask, error) {
	var a record.Ask
	if len(body) > maxBody {
		return a, fmt.Errorf("it is longer than %d bytes", maxBody)
	}
	if err := json.Unmarshal([]byte(body), &a, json.RejectUnknownMembers(true)); err != nil {
		return a, err
	}
	again, err := a.Body()
	if err == nil && !bytes.Equal(again, []byte(body)) {
		err = fmt.Errorf("it is not in canonical form")
	}
	return a, err
}

// lost is what a driver with an empty journal has raised before.
type lost struct {
	rows, first, last int64
	entries           int64 // of its journal then, at least
}

func readLost(ctx context.Context, c *pgx.Conn, driver string) (l lost, err error) {
	err = c.QueryRow(ctx, `select count(*), coalesce(min(revision), 0), coalesce(max(revision), 0), coalesce(max((body::jsonb ->> 'index')::bigint) + 1, 0)
		from sigdriver.raised where driver = $1`, driver).Scan(&l.rows, &l.first, &l.last, &l.entries)
	return l, err
}
