// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

const (
	// servedPeriod is how often it is recorded what was given again.
	servedPeriod = 5 * time.Minute
	// maxServed bounds the answers that are counted apart in one period; the
	// others share a number.
	maxServed = 2048
)

// served counts the answers that were given again since the last entry that says
// so. A count costs an atomic addition; nothing is written. Its zero value is ready.
type served struct {
	mu      sync.Mutex
	since   time.Time
	answers []*answer // whose count is not zero
	others  uint64
}

// begin starts the first period.
func (s *served) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = now
	}
}

// add counts one.
func (s *served) add(a *answer) {
	if a.served.Add(1) > 1 {
		return // it is on the list already
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.entry == nil || len(s.answers) >= maxServed {
		s.others += a.served.Swap(0)
		return
	}
	s.answers = append(s.answers, a)
}

// take takes out what was counted until now.
func (s *served) take(now time.Time) record.Served {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := record.Served{From: s.since, To: now, Others: s.others}
	for _, a := range s.answers {
		if n := a.served.Swap(0); n > 0 {
			out.Answers = append(out.Answers, record.ServedAnswer{Index: a.entry.index, Count: n})
		}
	}
	s.since, s.answers, s.others = now, nil, 0
	slices.SortFunc(out.Answers, func(a, b record.ServedAnswer) int { return cmp.Compare(a.Index, b.Index) })
	out.Answers = merged(out.Answers)
	return out
}

// merged adds up the counts of one entry: an answer that left the cache and came
// back without being decided anew has two.
func merged(list []record.ServedAnswer) []record.ServedAnswer {
	var out []record.ServedAnswer
	for _, a := range list {
		if n := len(out); n > 0 && out[n-1].Index == a.Index {
			out[n-1].Count += a.Count
			continue
		}
		out = append(out, a)
	}
	return out
}

// putBack returns what could not be recorded: as a number only.
func (s *served) putBack(left record.Served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others += left.Others
	for _, a := range left.Answers {
		s.others += a.Count
	}
	s.since = left.From
}

// CountServed records every few minutes how often answers were given again, and
// once more when ctx ends. Counts that the journal does not take wait.
func (s *Server) CountServed(ctx context.Context) {
	tick := time.NewTicker(servedPeriod)
	defer tick.Stop()
	s.served.begin(time.Now())
	for {
		select {
		case <-tick.C:
			s.count()
		case <-ctx.Done():
			s.count()
			return
		}
	}
}

func (s *Server) count() {
	left, err := s.Record.Count(s.served.take(time.Now()))
	if err != nil {
		s.served.putBack(left)
		s.Logger.Warn("it could not be recorded how often answers were given again; the counts wait", "error", err)
	}
}
