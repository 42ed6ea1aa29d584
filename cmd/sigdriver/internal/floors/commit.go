// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"errors"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
)

// operation is one change waiting for the committer. A change that returns an
// error has left the draft as it was.
type operation struct {
	change func(*draft) error
	done   chan error
}

// submit hands a change to the committer and waits until it is durable, or
// refused. Changes that wait together share one commit.
func (s *Store) submit(change func(*draft) error) error {
	op := &operation{change: change, done: make(chan error, 1)}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.pending = append(s.pending, op)
	s.mu.Unlock()
	s.nudge()
	return <-op.done
}

func (s *Store) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already, and takes all that is pending
	}
}

// run is the committer: the only writer of the file.
func (s *Store) run() {
	defer close(s.done)
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.wake:
		case <-tick.C:
			s.save()
		}
		s.mu.Lock()
		batch, closed := s.pending, s.closed
		s.pending = nil
		s.mu.Unlock()
		if len(batch) > 0 {
			s.commit(batch)
		}
		if closed {
			s.save()
			return
		}
	}
}

// commit carries out a batch in one transaction. An operation that is refused
// leaves the others alone; a failed transaction fails them all.
func (s *Store) commit(batch []*operation) {
	d := s.snap.Load().draft()
	results := make([]error, len(batch))
	for i, op := range batch {
		results[i] = op.change(d)
	}
	if err := s.write(d); err != nil {
		for i := range results {
			results[i] = err
		}
	}
	for i, op := range batch {
		op.done <- results[i]
	}
}

// write makes the changes of a draft durable and then visible.
func (s *Store) write(d *draft) error {
	if err := s.Err(); err != nil {
		return err
	}
	if len(d.rows) == 0 && !d.touched {
		return nil
	}
	d.revision++
	if err := s.update(d.rows, s.memory(&d.Snapshot)); err != nil {
		return err
	}
	s.snap.Store(&d.Snapshot)
	return nil
}

// save writes the clock and the journal's head when they moved.
func (s *Store) save() {
	next := s.memory(s.snap.Load())
	if s.Err() == nil && next != s.saved {
		s.update(nil, next) // the error stays in Err
	}
}

// memory is what there is to save besides floors.
func (s *Store) memory(of *Snapshot) saved {
	next := s.saved
	next.revision, next.total, next.high = of.revision, of.total, s.high.Load()
	if s.head != nil {
		next.head = s.head()
	}
	return next
}

// update is one transaction. Its failure is remembered and never retried.
func (s *Store) update(rows []row, next saved) error {
	err := s.transact(rows, next)
	if err != nil {
		err = &CommitError{Err: err}
		s.failed.Store(&err)
		return err
	}
	s.saved = next
	return nil
}

func (s *Store) transact(rows []row, next saved) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(s.path, &err)
	return s.fs.Change(s.path, func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			for _, r := range rows {
				if err := tx.Bucket(r.bucket).Put(r.key, r.sealed()); err != nil {
					return err
				}
			}
			return putSaved(tx, next)
		})
	})
}

// Close writes what is left and releases the file. It returns the error that
// stopped the store, if any.
func (s *Store) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return ErrClosed
	}
	s.nudge()
	<-s.done
	if err := s.Err(); err != nil {
		// After a failed commit bbolt may hold its locks for ever: the file
		// stays open until the process ends.
		return errors.Join(err, s.lock.Close())
	}
	return errors.Join(s.db.Close(), s.lock.Close())
}
