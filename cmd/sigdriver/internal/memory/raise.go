// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// raise is one session: it begins, settles what earlier ones left open, and raises what
// is asked until the connection ends.
//
// The session before is over once this one has begun: what it had under way is in the
// rows, or never will be. So when everything was read since, an ask of it that is in no
// row was lost.
func (c *Client) raise(ctx context.Context, well func()) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	results, err := call(ctx, conn, c.Driver, 0, nil)
	if err != nil {
		return err
	}
	session := uint64(results[0])
	if err := c.settle(ctx, session); err != nil {
		return err
	}
	well()
	c.begin(session)
	defer c.over(session)
	for swept := time.Now(); ; {
		if time.Since(swept) > time.Second { // an entry may have come after its session was over
			if err := c.lose(session); err != nil {
				return err
			}
			swept = time.Now()
		}
		batch, err := c.take(ctx, session)
		if err == nil && len(batch) == 0 {
			err = alive(ctx, conn)
		}
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			continue
		}
		if err := c.send(ctx, conn, session, batch); err != nil {
			for _, a := range batch {
				a.end(&record.MemoryError{Err: errSessionOver})
			}
			return err
		}
	}
}

// settle waits until everything was read that earlier sessions can have raised, and
// records what they have lost.
func (c *Client) settle(ctx context.Context, session uint64) error {
	began := time.Now()
	limit, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	for !c.AsOf().After(began) {
		c.nudge()
		select {
		case <-limit.Done():
			return errors.New("its rows cannot be read")
		case <-time.After(2 * time.Millisecond):
		}
	}
	return c.lose(session)
}

// lose records as lost what earlier sessions have open, once everything was read that
// they can have raised.
func (c *Client) lose(session uint64) error {
	var open []record.AskID
	for _, id := range c.Store.Position().Open {
		if id.Session < session {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return c.Store.Lose(time.Now(), record.LostOutage, open)
}

func (c *Client) begin(session uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.said = session, ""
	c.Logger.Info("the shared memory takes raises", "driver", c.Driver, "session", session, "revision", c.Store.Position().Revision)
}

// over ends the session for whoever asks or waits in it. What was not sent raised
// nothing, and settle of the next session says so.
func (c *Client) over(session uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = 0
	for id, a := range c.waiting {
		if id.Session == session {
			a.end(&record.MemoryError{Err: errSessionOver})
		}
	}
}

// take waits for asks of the session and takes what there is. A connection that is idle
// is tried now and then.
func (c *Client) take(ctx context.Context, session uint64) ([]*asked, error) {
	var batch []*asked
	add := func(a *asked) {
		if a.id.Session == session {
			batch = append(batch, a)
		}
	}
	idle := time.NewTimer(time.Second)
	defer idle.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-idle.C:
		return nil, nil
	case a := <-c.queue:
		add(a)
	}
	for len(batch) < maxRaise {
		select {
		case a := <-c.queue:
			add(a)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// send has the function raise a batch. An ask that won ends when its row is learned.
func (c *Client) send(ctx context.Context, conn *pgx.Conn, session uint64, batch []*asked) error {
	results, err := call(ctx, conn, c.Driver, session, batch)
	if err != nil {
		return err
	}
	c.mu.Lock()
	for i, a := range batch {
		if results[i] == 0 {
			a.refused = time.Now()
		}
	}
	c.mu.Unlock()
	c.nudge()
	return nil
}

// alive tries a connection that is idle.
func alive(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	return conn.Ping(ctx)
}

// call calls the function, for a new session with session 0.
func call(ctx context.Context, conn *pgx.Conn, driver string, session uint64, batch []*asked) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	bodies, signatures := make([]string, len(batch)), make([][]byte, len(batch))
	for i, a := range batch {
		bodies[i], signatures[i] = string(a.body), a.signature
	}
	rows, err := conn.Query(ctx, `select got from sigdriver.raise($1, $2, $3, $4)`, driver, int64(session), bodies, signatures)
	if err != nil {
		return nil, err
	}
	results, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, err
	}
	if want := max(len(batch), 1); session == 0 && len(results) != 1 || session != 0 && len(results) != len(batch) {
		return nil, fmt.Errorf("the function raise returned %d rows for %d", len(results), want)
	}
	return results, nil
}
