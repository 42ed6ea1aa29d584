// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/verifier"
)

// key is everything an answer depends on, except what the answer itself names: the
// floors it looked at, what the index had about its documents, and the instant at
// which it may change.
type key struct {
	question  fingerprint // of the request without request_id and host
	uid       uint32
	condition verifier.Condition // of trust, by the clock
	trust     uint64             // generation: of its epoch
	// refusing is the trust that refuses everything, however it is signed: what it says of
	// itself is in the answer. Nil while it does not.
	refusing *trust.Snapshot
}

func (k key) owner() uint32 { return k.uid }

// answer is a decision as it is sent, and what it stands on.
type answer struct {
	body    []byte // VerifyResponse without request_id and trust
	verdict verifier.Verdict
	reason  verifier.Reason
	recheck time.Time // when it dies; zero for never

	indexed  []indexed     // what the index had
	seen     record.Seen   // what it stands on, its own entry included
	revision atomic.Uint64 // of the state at which it was last seen to hold

	entry   *place        // the journal entry that made it; nil for a refusal without one
	asked   atomic.Int64  // when it was last given, in seconds since 1970
	served  atomic.Uint64 // how often it was given again and that was not counted yet
	grounds *grounds      // of a receipt; nil where none may be signed
}

// size is what the answer costs in the cache.
func (a *answer) size() int {
	n := len(a.body) + 256 + 64*len(a.indexed)
	for i := range a.seen.Consulted {
		k := &a.seen.Consulted[i].Key
		n += 128 + len(k.GatewayID) + len(k.Workspace) + len(k.Name)
	}
	return n + a.grounds.size()
}

// indexed is what the index had about a document. An answer stands on no more of it:
// what comes and goes about other documents has nothing decided again.
type indexed struct{ document, offer [32]byte }

// holds reports whether evaluating anew would give the same answer. Trust and
// question are in the key.
func (a *answer) holds(now time.Time, index *trust.IndexView, state Record) bool {
	if !a.recheck.IsZero() && !now.Before(a.recheck) {
		return false
	}
	for _, had := range a.indexed {
		if index.Sum(had.document) != had.offer {
			return false
		}
	}
	revision := state.Revision() // before it is looked at: what changes meanwhile has another
	if a.revision.Load() == revision {
		return true
	}
	if !state.Holds(a.seen) {
		return false
	}
	a.revision.Store(revision)
	return true
}

// handler takes the place of a generated one: it leaves the request encoded.
func handler(call func(*Server, context.Context, socket.Credentials, mem.BufferSlice) (*reply, error)) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		s := srv.(*Server)
		var m message
		if err := decode(&m); err != nil {
			return nil, s.report(err)
		}
		defer m.free()
		caller, ok := socket.PeerFromContext(ctx)
		if !ok {
			return nil, s.report(foreign(nil))
		}
		r, err := call(s, ctx, caller, m.data)
		if err != nil {
			return nil, err // not a nil *reply in an interface
		}
		return r, nil
	}
}

// answerCall is verify with its faults counted and logged.
func (s *Server) answerCall(ctx context.Context, caller socket.Credentials, data mem.BufferSlice) (*reply, error) {
	return s.reported(func(q *question) (*reply, error) { return s.verify(ctx, caller, data, q) })
}

// reported answers one call with its faults counted and logged.
func (s *Server) reported(answer func(q *question) (*reply, error)) (r *reply, err error) {
	var q question
	defer func() {
		if p := recover(); p != nil {
			err = s.recovered(p, "request_id", hclog.Quote(q.requestID))
		}
	}()
	if r, err = answer(&q); err != nil {
		return nil, s.report(err, "request_id", hclog.Quote(q.requestID))
	}
	return r, nil
}

// verify answers one encoded request, and tells what it is asked.
func (s *Server) verify(ctx context.Context, caller socket.Credentials, data mem.BufferSlice, q *question) (*reply, error) {
	var err error
	if *q, err = readQuestion(data); err != nil {
		return nil, err
	}
	v, err := s.judge(ctx, caller, data, q)
	if err != nil {
		return nil, err
	}
	return &reply{data: mem.BufferSlice{mem.SliceBuffer(join(q.requestID, v.answer.body, v.trust))}}, nil
}

// judged is an answer that holds, for one caller at one instant.
type judged struct {
	*answer
	now   time.Time
	trust []byte // the encoded trust submessage
}

// judge finds or makes the answer to a question that was read. It is the only way
// to an answer, for Verify and for Attest.
func (s *Server) judge(ctx context.Context, caller socket.Credentials, data mem.BufferSlice, q *question) (judged, error) {
	begin := time.Now()
	if !s.Peers().MaySpeakFor(caller, string(q.gatewayID)) {
		return judged{}, foreign(q.gatewayID)
	}
	built := s.Index.Current().Built()
	if !built && !bringsAttestations(data) {
		if err := s.awaitIndex(ctx); err != nil {
			return judged{}, err
		}
		built = true // or waited for long enough
	}
	now, err := s.Clock.Now()
	if err != nil {
		return judged{}, err
	}
	c := &call{server: s, caller: caller, data: data, question: q, now: now, trust: s.Trust.Current(), index: s.Index.Current()}
	// SPEC: R1 is judged before any cached answer is looked for.
	state := c.trust.Trust.State(now)
	k := key{uid: caller.UID, condition: state.Condition, trust: c.trust.Generation}
	if state.Condition == verifier.Refused {
		k.refusing = c.trust
	}
	if err := c.printed(ctx, &k.question); err != nil {
		return judged{}, err
	}
	a, cached, err := s.answer(ctx, k, c)
	if !built && errors.Is(err, errIndexUnavailable) { // what it brings is not enough
		if err = s.awaitIndex(ctx); err == nil {
			c.req, c.index = nil, s.Index.Current()
			a, cached, err = s.answer(ctx, k, c)
		}
	}
	if err == nil {
		err = s.remembers(c.asOf, c.trust.Trust)
	}
	if err != nil {
		return judged{}, err
	}
	if err := s.mayLeave(ctx, a, cached); err != nil {
		return judged{}, err
	}
	a.asked.Store(now.Unix())
	if cached {
		s.served.add(a)
	}
	trust, err := s.trust.encoded(c.trust, state.Condition == verifier.Stale)
	if err != nil {
		return judged{}, err
	}
	s.Metrics.Decided(a.verdict, a.reason, cached, time.Since(begin))
	if cached && s.Logger.IsDebug() {
		c.log(a, "cached", true)
	}
	return judged{a, now, trust}, nil
}

// awaitIndex waits while a driver that has just started reads its attestations: what is
// decided now would be decided again. Trust that refuses waits for nothing, and what
// brings attestations is tried with those first.
func (s *Server) awaitIndex(ctx context.Context) error {
	if s.Index.Current().Built() || s.Trust.Current().Trust == nil {
		return nil
	}
	select {
	case <-s.Index.Settled():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// largeQuestion is from how many bytes on a question takes a turn to be hashed.
const largeQuestion = 256 << 10

// printed takes the fingerprint of the question.
func (c *call) printed(ctx context.Context, to *fingerprint) error {
	take := func() error { *to = c.server.printer.print(c.question, c.data); return nil }
	if c.data.Len() < largeQuestion {
		return take()
	}
	return c.compute(ctx, take)
}

// mayLeave holds back what stands on an entry of a journal that is not in its place
// any more, and an ALLOW while the log says that none may leave.
func (s *Server) mayLeave(ctx context.Context, a *answer, cached bool) error {
	if a.entry != nil || a.verdict == verifier.Allow {
		var since time.Time // an entry that was just made is looked for
		if cached {
			since = begun(ctx)
		}
		if err := s.place.check(since, s.Record.InPlace); err != nil {
			return auditUnavailable(err)
		}
	}
	if s.Log == nil || a.verdict != verifier.Allow {
		return nil
	}
	if err := s.Log.MayAllow(); err != nil {
		return auditUnavailable(err)
	}
	return nil
}

// answer finds or makes the answer to a question. An answer that was found, or
// made by an equal call under way, is cached. The other call may have read the
// floors before this one began, so its answer is held against them once more; or it may
// have seen a newer index, which is then the one that this call is judged by.
func (s *Server) answer(ctx context.Context, k key, c *call) (a *answer, cached bool, err error) {
	for {
		c.asOf = s.asOf()
		if a, ok := s.cache.Get(k); ok {
			if a.holds(c.now, c.index, s.Record) {
				return a, true, nil
			}
			if c.index = s.Index.Current(); a.holds(c.now, c.index, s.Record) {
				return a, true, nil
			}
			s.cache.Drop(k)
		}
		a, made, err := s.once(ctx, k, c)
		if err != nil {
			return nil, false, err
		}
		if made {
			return a, false, nil
		}
		c.asOf = s.asOf()
		if a.holds(c.now, c.index, s.Record) {
			return a, true, nil
		}
		c.index = s.Index.Current()
	}
}

// once makes the answer to a question, unless an equal call makes it or has just made it,
// and keeps it.
func (s *Server) once(ctx context.Context, k key, c *call) (a *answer, made bool, err error) {
	a, err = s.flight.do(ctx, k, func() (*answer, error) {
		if a, ok := s.cache.Get(k); ok && a.holds(c.now, c.index, s.Record) {
			return a, nil // since it was looked for
		}
		a, err := c.evaluate(ctx)
		if err != nil {
			return nil, err
		}
		made = true
		s.keep(k, a)
		s.heat(c, k, a)
		return a, nil
	})
	return a, made, err
}

// keep stores an answer. The first under newer trust makes room: nobody is given what older
// trust answered any more.
func (s *Server) keep(k key, a *answer) {
	if s.kept.Load() < k.trust {
		s.renew(k.trust)
	}
	s.cache.Put(k, a, a.size())
}

func (s *Server) renew(trust uint64) {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	if s.kept.Load() < trust {
		s.cache.Clear()
		s.kept.Store(trust)
	}
}

// join makes an encoded VerifyResponse of its parts.
func join(requestID, body, trust []byte) []byte {
	out := make([]byte, 0, 4+len(requestID)+len(body)+len(trust))
	out = append(out, fieldRequestID<<3|kindBytes)
	out = binary.AppendUvarint(out, uint64(len(requestID)))
	out = append(out, requestID...)
	out = append(out, body...)
	return append(out, trust...)
}
