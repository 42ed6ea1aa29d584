// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/verifier"
)

const (
	// hotShare is how much of the memory for answers questions may take, as a divisor.
	hotShare = 4
	// hotFor is how long ago a question was last asked at most that is decided ahead: a
	// sandbox that is polled for is asked about every few seconds.
	hotFor = 30 * time.Second
	// aheadAtOnce is how many questions are decided ahead side by side: all but one of
	// them wait for the disk.
	aheadAtOnce = 8
	// aheadPause is how long is waited where callers want the processors.
	aheadPause = time.Millisecond
)

// hotKey is a question of one peer.
type hotKey struct {
	question fingerprint
	uid      uint32
}

func (k hotKey) owner() uint32 { return k.uid }

// hot is a question that is asked again and again, and what was answered last.
type hot struct {
	data   []byte
	caller socket.Credentials
	answer *answer
}

// errDeclined ends an evaluation that nobody has asked for and whose outcome is for
// whoever asks.
var errDeclined = errors.New("nobody has asked yet")

// heat keeps the question of an ALLOW that was just made.
func (s *Server) heat(c *call, k key, a *answer) {
	if a.verdict == verifier.Allow && c.encoded != nil {
		s.hot.Put(hotKey{k.question, k.uid}, &hot{c.encoded, c.caller, a}, len(c.encoded))
	}
}

// DecideAhead decides after each change of trust what was allowed and is asked again and
// again, before it is asked, with processors that no caller waits for. Only an ALLOW that
// raises and binds nothing comes of it; whatever else is left to whoever asks. It returns
// when ctx ends.
func (s *Server) DecideAhead(ctx context.Context) {
	for done := uint64(0); ; {
		changed := s.Trust.Changed()
		if now := s.Trust.Current().Generation; now != done {
			done = now
			s.decideHot(ctx)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) decideHot(ctx context.Context) {
	var list []*hot
	var keys []hotKey
	for k, h := range s.hot.Hottest() {
		list, keys = append(list, h), append(keys, k)
	}
	work := make(chan int)
	var all sync.WaitGroup
	for range aheadAtOnce {
		all.Go(func() {
			for i := range work {
				s.decideAhead(ctx, keys[i], list[i])
			}
		})
	}
	defer all.Wait()
	defer close(work)
	for i := range list {
		select {
		case work <- i:
		case <-ctx.Done():
			return
		}
	}
}

// decideAhead decides one question by the trust that is in use now.
func (s *Server) decideAhead(ctx context.Context, name hotKey, h *hot) {
	defer func() {
		if p := recover(); p != nil {
			s.recovered(p, "asked", "ahead")
		}
	}()
	data := mem.BufferSlice{mem.SliceBuffer(h.data)}
	q, err := readQuestion(data)
	now, wrong := s.Clock.Now()
	if err != nil || wrong != nil || !s.Peers().MaySpeakFor(h.caller, string(q.gatewayID)) {
		return
	}
	c := &call{server: s, caller: h.caller, data: data, question: &q, now: now, trust: s.Trust.Current(), index: s.Index.Current(), ahead: true}
	k := key{question: name.question, uid: name.uid, condition: c.trust.Trust.State(now).Condition, trust: c.trust.Generation}
	if now.Sub(time.Unix(h.answer.asked.Load(), 0)) > hotFor || !h.answer.holds(now, c.index, s.Record) || k.condition == verifier.Refused {
		return // nobody asks it any more, or it would not be what it was
	}
	if _, ok := s.cache.Get(k); ok {
		return
	}
	turns := s.Admission.turns
	for !turns.spare(name.uid, 1) {
		select {
		case <-time.After(aheadPause):
		case <-ctx.Done():
			return
		}
	}
	c.turn = true
	defer c.rest()
	if a, made, err := s.once(ctx, k, c); err == nil && made {
		a.asked.CompareAndSwap(0, h.answer.asked.Load())
		s.Metrics.Ahead()
	}
}

// rest gives back a turn that was taken before the evaluation began.
func (c *call) rest() {
	if c.turn {
		c.turn = false
		c.server.Admission.turns.give(c.caller.UID, 1)
	}
}
