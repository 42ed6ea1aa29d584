// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"slices"
	"sync"
	"time"
)

// shares are places, or bytes, of which each uid may hold so many and all together so
// many. No uid alone can take all of them. Of those that wait the uid that holds least
// comes first, and within one uid whoever came first. It is safe for concurrent use.
type shares struct {
	each, all int
	// crowded is what a uid may hold while others have taken a share within the last
	// second; 0 is the same as each. What is held then is not taken away.
	crowded int

	mu      sync.Mutex
	held    int
	by      map[uint32]int
	last    map[uint32]time.Time // when a uid took a share last, where that matters
	waiting []*waiter            // in the order in which they came
}

type waiter struct {
	uid   uint32
	n     int
	ready chan struct{} // closed when it holds its n
}

func newShares(each, all int) *shares {
	return &shares{each: each, all: all, crowded: each, by: map[uint32]int{}, last: map[uint32]time.Time{}}
}

// Held is how much is held by all.
func (s *shares) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// Waiting is how many wait for a share.
func (s *shares) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// try takes n at once, false when that is too much.
func (s *shares) try(uid uint32, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant(uid, n)
}

// spare takes n that nobody else wants now. A uid that takes no more than that does not
// count as one that asks.
func (s *shares) spare(uid uint32, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 || !s.fits(uid, n) || s.by[uid]+n > max(1, s.crowded) {
		return false
	}
	s.held += n
	s.by[uid] += n
	return true
}

func (s *shares) grant(uid uint32, n int) bool {
	if !s.fits(uid, n) {
		return false
	}
	s.held += n
	s.by[uid] += n
	if s.crowded < s.each {
		s.last[uid] = time.Now()
	}
	return true
}

func (s *shares) fits(uid uint32, n int) bool {
	each := s.each
	if s.crowded < s.each && s.others(uid) {
		each = s.crowded
	}
	return s.by[uid]+n <= each && s.held+n <= s.all
}

// others reports whether another uid has taken a share within the last second.
func (s *shares) others(uid uint32) bool {
	now := time.Now()
	for other, at := range s.last {
		if now.Sub(at) > time.Second {
			delete(s.last, other)
		} else if other != uid {
			return true
		}
	}
	return false
}

// take waits for n. The error is the context's, and then nothing is held.
func (s *shares) take(ctx context.Context, uid uint32, n int) error {
	s.mu.Lock()
	same := func(w *waiter) bool { return w.uid == uid }
	if !slices.ContainsFunc(s.waiting, same) && s.grant(uid, n) {
		s.mu.Unlock()
		return nil
	}
	w := &waiter{uid, n, make(chan struct{})}
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, w); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	} else {
		s.release(uid, n) // it had been granted meanwhile
	}
	return ctx.Err()
}

// give gives n back.
func (s *shares) give(uid uint32, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(uid, n)
}

func (s *shares) release(uid uint32, n int) {
	s.held -= n
	if s.by[uid] -= n; s.by[uid] == 0 {
		delete(s.by, uid)
	}
	for s.grantNext() {
	}
}

// grantNext grants the next of those that wait, false when nobody can be granted.
func (s *shares) grantNext() bool {
	next := -1
	for i, w := range s.waiting {
		if s.fits(w.uid, w.n) && (next < 0 || s.by[w.uid] < s.by[s.waiting[next].uid]) {
			next = i
		}
	}
	if next < 0 {
		return false
	}
	w := s.waiting[next]
	s.waiting = slices.Delete(s.waiting, next, next+1)
	s.grant(w.uid, w.n)
	close(w.ready)
	return true
}
