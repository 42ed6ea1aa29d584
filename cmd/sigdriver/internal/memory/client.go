// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

const (
	// pollEvery is how often the rows are asked for without being told of one.
	pollEvery = 250 * time.Millisecond
	// floodPause is how long it waits to be told again where it was told of nothing new.
	// Whoever may connect to the database may tell.
	floodPause = 10 * time.Millisecond
	// minPause and maxPause are how long it waits before it connects again.
	minPause = 50 * time.Millisecond
	maxPause = 2 * time.Second
	// maxRaise is how many asks one call of the function has.
	maxRaise = 64
	// raiseTime is how long an answer waits for its raise in all.
	raiseTime = 5 * time.Second
)

// roleEvery is how often it is asked what the role may do while a connection stands. A
// variable for tests.
var roleEvery = time.Minute

// Store is the record that a Client learns into: a *record.Store.
type Store interface {
	Position() record.MemoryPosition
	Join(record.Joined) (uint64, record.Digest, error)
	WasReset(id string) (bool, error)
	Learn([]record.Row) error
	Lose(now time.Time, why string, asks []record.AskID) error
	// Revision is zero for a state that holds nothing.
	Revision() uint64
}

// Metrics hears what happens. Its methods must not block.
type Metrics interface {
	// Learned hears of rows, up to a revision.
	Learned(revision uint64, rows int)
	// Raised hears how an ask ended, "raised", "conflict" or "outage", and how long it took.
	Raised(result string, took time.Duration)
}

// Config is what a Client is made of. All fields are required but Sign.
type Config struct {
	Database *Database
	Driver   string // its id
	Store    Store
	// Ordered reports whether the trust in use orders a reset.
	Ordered func(r *record.AskedReset) bool
	// Sign signs a row with the driver's own key; nil where it has none.
	Sign    func(message []byte) ([]byte, error)
	Metrics Metrics
	Logger  hclog.Logger
}

// Client follows a memory and raises in it. It implements record.Shared and is safe for
// concurrent use.
type Client struct {
	Config
	asOf    atomic.Pointer[time.Time]
	stopped atomic.Pointer[error] // a *RollbackError; it stays
	kick    chan struct{}         // the follower reads at once
	queue   chan *asked
	told    atomic.Bool // there may be something new

	mu      sync.Mutex // guards what follows
	session uint64     // 0: none
	waiting map[record.AskID]*asked
	said    string
}

// asked is an ask under way.
type asked struct {
	id        record.AskID
	body      []byte
	signature []byte // nil for none
	done      chan error
	// refused is when the memory refused it: whoever asked decides again once the store
	// has learned why.
	refused time.Time
}

// end tells how it ended, once.
func (a *asked) end(err error) {
	select {
	case a.done <- err:
	default:
	}
}

// New makes a client. Run has it work.
func New(c Config) *Client {
	return &Client{Config: c, kick: make(chan struct{}, 1), queue: make(chan *asked, 1024), waiting: map[record.AskID]*asked{}}
}

// Run follows the memory and raises in it until ctx ends.
func (c *Client) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { c.again(ctx, c.follow) })
	both.Go(func() { c.again(ctx, c.raise) })
	both.Wait()
}

// again does work that ends with an error, time and again, with a pause that grows.
func (c *Client) again(ctx context.Context, work func(ctx context.Context, well func()) error) {
	pause := minPause
	for ctx.Err() == nil {
		err := work(ctx, func() { pause = minPause })
		if ctx.Err() != nil {
			return
		}
		c.say(err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// say logs what is wrong when it is something new. The text of a database's error may
// hold anything.
func (c *Client) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	c.mu.Lock()
	news := text != c.said
	c.said = text
	c.mu.Unlock()
	if news && text != "" {
		c.Logger.Error("the shared memory", "error", hclog.Quote(text))
	}
}

func (c *Client) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conf := c.Database.conf.Copy()
	// What a notification says is not kept: of a flood of them each query would bring all.
	conf.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) { c.told.Store(true) }
	conn, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		return nil, err
	}
	standby := false
	if err = checkRole(ctx, conn, c.Database.User); err == nil {
		err = conn.QueryRow(ctx, "select pg_is_in_recovery()").Scan(&standby)
	}
	if err == nil && standby {
		err = errors.New("the database is a standby, which may be behind: name its primary")
	}
	if err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn.Close(ctx)
}

// follow learns rows until the connection ends.
func (c *Client) follow(ctx context.Context, well func()) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	if _, err := conn.Exec(ctx, "listen sigdriver"); err != nil {
		return err
	}
	checked := time.Now() // by connect
	for {
		if now := time.Now(); now.Sub(checked) >= roleEvery {
			if err := c.mayStillLittle(ctx, conn); err != nil {
				return err
			}
			checked = now
		}
		c.told.Store(false)
		was := c.Store.Position().Revision
		if err := c.catchUp(ctx, conn); err != nil {
			var back *RollbackError
			if errors.As(err, &back) {
				c.stopped.CompareAndSwap(nil, &err)
			}
			return err
		}
		well()
		if err := c.await(ctx, conn, was != c.Store.Position().Revision); err != nil {
			return err
		}
	}
}

// mayStillLittle is checkRole for a role that was granted something since it connected,
// and a database that was told to forget.
func (c *Client) mayStillLittle(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	return checkRole(ctx, conn, c.Database.User)
}

// await waits until there may be something new. learned says whether there was before.
func (c *Client) await(ctx context.Context, conn *pgx.Conn, learned bool) error {
	if c.told.Load() {
		if !learned {
			select {
			case <-c.kick:
			case <-ctx.Done():
			case <-time.After(floodPause):
			}
		}
		return ctx.Err()
	}
	wait, cancel := context.WithTimeout(ctx, pollEvery)
	defer cancel()
	var kicked sync.WaitGroup
	kicked.Go(func() {
		select {
		case <-c.kick:
			cancel()
		case <-wait.Done():
		}
	})
	err := conn.PgConn().WaitForNotification(wait)
	over := wait.Err() != nil
	cancel()
	kicked.Wait() // or it would take the next kick
	if over && ctx.Err() == nil && !conn.IsClosed() {
		return nil
	}
	return err
}

func (c *Client) nudge() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// catchUp learns every row there is, and notes as of when that is all.
func (c *Client) catchUp(ctx context.Context, conn *pgx.Conn) error {
	if err := c.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	asOf := time.Now() // before it is asked: what comes later may be missing
	h, err := readHead(ctx, conn)
	if err != nil {
		return err
	}
	if err := c.belongs(ctx, conn, &h); err != nil {
		return err
	}
	for {
		is := c.Store.Position()
		if is.Revision == h.revision {
			if is.Sum != h.sum {
				return rolledBack("row %d is another one than this driver has learned", is.Revision)
			}
			break
		}
		if is.Revision > h.revision {
			return rolledBack("it has %d rows and this driver has learned %d", h.revision, is.Revision)
		}
		rows, err := readRows(ctx, conn, is)
		if err != nil {
			return err
		}
		if err := c.learn(rows); err != nil {
			return err
		}
		if last := c.Store.Position().Revision; last > h.revision { // rows that came since
			break
		} else if last == is.Revision {
			return rolledBack("it says that it has %d rows, and none follows row %d", h.revision, last)
		}
	}
	c.asOf.Store(&asOf)
	c.tellRefused(asOf)
	return nil
}

// tellRefused ends the waiting for what was refused before everything was learned.
func (c *Client) tellRefused(asOf time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.waiting {
		if !a.refused.IsZero() && a.refused.Before(asOf) {
			a.end(&record.RefusedError{})
		}
	}
}

// belongs refuses another memory than the driver has joined, and joins the first one.
func (c *Client) belongs(ctx context.Context, conn *pgx.Conn, h *head) error {
	if err := h.spoken(); err != nil {
		return err
	}
	is := c.Store.Position()
	switch {
	case is.Memory == "" && c.Store.Revision() > 0:
		return errors.New("the driver remembers floors that the shared memory has not: stop it and run `sigdriver memory import`")
	case is.Memory == "":
		lost, err := readLost(ctx, conn, c.Driver)
		if err != nil {
			return err
		}
		if _, _, err := c.Store.Join(record.Joined{Time: time.Now().UTC(), Memory: h.id, Driver: c.Driver}); err != nil {
			return err
		}
		if lost.rows > 0 {
			c.Logger.Warn("the journal begins anew, and this driver has raised before: the entries that asked for it are lost, and whatever else it had decided; floors and places are learned from the memory",
				"rows", lost.rows, "first", lost.first, "last", lost.last, "entries", lost.entries)
		}
		return nil
	case is.Memory != h.id:
		return rolledBack("it is memory %.40q and this driver shares %s", h.id, is.Memory)
	case is.Driver != c.Driver:
		return fmt.Errorf("the driver has joined as %q and is configured as %q", is.Driver, c.Driver)
	}
	return nil
}

// learn makes rows part of the state, up to one that lowers floors and that nobody has
// ordered: it waits until trust does. Whoever waits for a row is told.
func (c *Client) learn(rows []record.Row) error {
	n := slices.IndexFunc(rows, func(r record.Row) bool { return r.Ask.Reset != nil && !c.mayLower(r.Ask.Reset) })
	known := rows
	if n >= 0 {
		known = rows[:n]
	}
	if len(known) > 0 {
		if err := c.Store.Learn(known); err != nil {
			return err
		}
		c.Metrics.Learned(known[len(known)-1].Revision, len(known))
		c.tell(known)
	}
	if n >= 0 {
		return fmt.Errorf("row %d of driver %q lowers floors by order %q, which authorities.json does not have: no further row counts until it has", rows[n].Revision, rows[n].Driver, rows[n].Ask.Reset.ID)
	}
	return nil
}

// mayLower reports whether a reset changes nothing any more, or is ordered by trust.
func (c *Client) mayLower(r *record.AskedReset) bool {
	done, err := c.Store.WasReset(r.ID)
	return err == nil && done || c.Ordered(r)
}

// tell ends the waiting for rows of this driver.
func (c *Client) tell(rows []record.Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range rows {
		if rows[i].Driver != c.Driver {
			continue
		}
		if a, ok := c.waiting[record.AskID{Session: rows[i].Session, Number: rows[i].Ask.Number}]; ok {
			a.end(nil)
		}
	}
}

// Err returns what stops the memory for good, nil while it works: a *RollbackError.
func (c *Client) Err() error {
	if p := c.stopped.Load(); p != nil {
		return *p
	}
	return nil
}

// AsOf implements record.Shared.
func (c *Client) AsOf() time.Time {
	if p := c.asOf.Load(); p != nil {
		return *p
	}
	return time.Time{}
}

// Session implements record.Shared.
func (c *Client) Session() (record.Session, error) {
	if err := c.Err(); err != nil {
		return record.Session{}, &record.MemoryError{Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == 0 {
		return record.Session{}, &record.MemoryError{Err: errors.New("there is no connection to it")}
	}
	return record.Session{Driver: c.Driver, Number: c.session, Signs: c.Sign != nil}, nil
}

// Raise implements record.Shared.
func (c *Client) Raise(s record.Session, ask record.Ask) error {
	begin := time.Now()
	err := c.wait(s, ask)
	result := "raised"
	var refused *record.RefusedError
	switch {
	case errors.As(err, &refused):
		result = "conflict"
	case err != nil:
		result = "outage"
	}
	c.Metrics.Raised(result, time.Since(begin))
	return err
}

func (c *Client) wait(s record.Session, ask record.Ask) error {
	a := &asked{id: record.AskID{Session: s.Number, Number: ask.Number}, done: make(chan error, 1)}
	if err := c.write(a, &ask); err != nil { // it is never sent: no later session needs to find that out
		return cmp.Or(c.Store.Lose(time.Now(), record.LostOutage, []record.AskID{a.id}), error(&record.MemoryError{Err: err}))
	}
	c.mu.Lock()
	if c.session != s.Number {
		c.mu.Unlock()
		return &record.MemoryError{Err: errSessionOver}
	}
	c.waiting[a.id] = a
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, a.id)
	}()
	late := time.NewTimer(raiseTime)
	defer late.Stop()
	select {
	case c.queue <- a:
	case <-late.C:
		return &record.MemoryError{Err: errors.New("it is slow")}
	}
	select {
	case err := <-a.done:
		return err
	case <-late.C:
		return &record.MemoryError{Err: errors.New("it is slow")}
	}
}

// write puts an ask into the form in which it is sent.
func (c *Client) write(a *asked, ask *record.Ask) (err error) {
	if a.body, err = ask.Body(); err == nil && len(a.body) > maxBody {
		err = fmt.Errorf("a raise of %d bytes", len(a.body))
	}
	if err == nil {
		a.signature, err = c.sign(a.id.Session, a.body)
	}
	return err
}

// sign signs what is asked for, where the driver has a key.
func (c *Client) sign(session uint64, body []byte) ([]byte, error) {
	if c.Sign == nil {
		return nil, nil
	}
	return c.Sign(record.RowMessage(c.Store.Position().Memory, c.Driver, session, body))
}

var errSessionOver = errors.New("the connection was lost")
