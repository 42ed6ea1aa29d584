// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tilelog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// How long the log waits before it tries again.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// run follows the journal until ctx ends. After any failure it drops what it had
// in memory and reads the folder again; what cannot be an accident stops it.
func (l *Log) run(ctx context.Context) {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		began := time.Now()
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		var wrong *Error
		var corrupt *record.CorruptError
		stopped := errors.As(err, &wrong) || errors.As(err, &corrupt)
		l.say(err, stopped)
		if stopped {
			<-ctx.Done()
			return
		}
		if time.Since(began) > lastRetry {
			pause = firstRetry
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// follow feeds the log until ctx ends, which is nil, or something fails.
func (l *Log) follow(ctx context.Context) error {
	g, err := l.examine()
	if err != nil {
		return err
	}
	defer g.close()
	if err := sweep(disk.OS{}, l.dir); err != nil {
		return err
	}
	f := &feeder{log: l, guard: g}
	if l.witness != nil {
		g.tell = l.witness.begin
	}
	if f.cursor, err = l.journal.Follow(g.size); err != nil {
		return err
	}
	if err := f.rejoin(); err != nil {
		return err
	}
	if err := f.open(); err != nil {
		return err
	}
	defer f.close()
	return f.feed(ctx)
}

// feeder is one appender of the log's writer and what it is fed from.
type feeder struct {
	log    *Log
	guard  *guard
	cursor *record.Cursor

	add      tessera.AddFn
	shutdown func(context.Context) error
	cancel   context.CancelFunc
	healthy  bool // what was added was not lost
}

// rejoin tells the guard what is in tiles and not yet covered, and has it look at
// once: what was changed is not built upon.
func (f *feeder) rejoin() error {
	tree := f.log.entries.Load()
	for at := f.guard.size; at < tree; {
		raws, err := f.cursor.Next(int(min(tree-at, batch)))
		if err != nil {
			return err
		}
		if len(raws) == 0 {
			return errors.New("the journal ends before its tiles do") // examine has seen that it does not
		}
		for _, r := range raws {
			f.guard.expect(r.Entry)
		}
		at += uint64(len(raws))
	}
	_, err := f.guard.extend(tree)
	return err
}

// open starts an appender. Its context ends only when none of its futures is
// waited for: they would never come.
func (f *feeder) open() error {
	ctx, cancel := context.WithCancel(context.Background())
	driver, err := posix.New(ctx, posix.Config{Path: f.log.dir, HTTPClient: f.log.witness.client()})
	if err == nil {
		o := tessera.NewAppendOptions().
			WithCheckpointSigner(f.guard).
			WithCheckpointInterval(f.log.opts.Interval).
			WithBatching(batch, batchAge).
			WithShutdownTimeout(closing)
		f.log.witness.configure(o)
		var a *tessera.Appender
		if a, f.shutdown, _, err = tessera.NewAppender(ctx, driver, o); err == nil {
			f.add, f.cancel = a.Add, cancel
			return nil
		}
	}
	cancel()
	return err
}

func (f *feeder) close() {
	if f.healthy { // a last checkpoint; without it the next start goes on all the same
		_ = f.shutdown(context.Background())
	}
	f.guard.close()
	f.cancel()
	settle(f.log.dir)
}

// feed puts what becomes durable into tiles. When ctx ends it does so once more.
func (f *feeder) feed(ctx context.Context) error {
	f.healthy = true
	for {
		n, err := f.step()
		if err != nil {
			f.healthy = false
			return err
		}
		if f.log.Status().Err != nil {
			f.log.say(nil, false)
		}
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(poll):
		}
	}
}

// step puts the next entries into tiles and returns how many.
func (f *feeder) step() (int, error) {
	if err := f.guard.err(); err != nil {
		return 0, err
	}
	raws, err := f.cursor.Next(batch)
	if err != nil {
		return 0, err
	}
	futures := make([]tessera.IndexFuture, len(raws))
	for i, r := range raws {
		f.guard.expect(r.Entry)
		futures[i] = f.add(context.Background(), tessera.NewEntry(r.Entry))
	}
	for i, wait := range futures {
		index, waitErr := wait()
		if waitErr == nil && index.Index != raws[i].Seq {
			waitErr = &Error{record.LogFork, "", int64(raws[i].Seq), fmt.Sprintf("the log gave it the index %d", index.Index)}
		}
		err = errors.Join(err, waitErr)
	}
	if err != nil {
		return 0, err
	}
	if len(raws) > 0 {
		f.log.entries.Store(raws[len(raws)-1].Seq + 1)
	}
	return len(raws), nil
}

// settle waits until the writer's goroutine that publishes, which ends when it
// notices, has put down what it holds. Its lock is of the kind that does not hold
// against the same process; one on an open file description does.
func settle(dir string) {
	file, err := disk.OS{}.OpenOS(filepath.Join(dir, stateDir, "publish.lock"), os.O_RDWR, 0)
	if err != nil {
		return // it never published
	}
	defer file.Close()
	whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	for unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLKW, &whole) == unix.EINTR {
	}
}
