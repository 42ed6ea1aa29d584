// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/verifier"
)

// What one uid may hold, and all of them together, whatever the listener. One gateway
// needs a fraction of a uid's part, and no uid can take another's.
const (
	// A message under way counts as the longest one until it is there, and as what
	// it is until it is answered.
	receiveUID = 2 * verifier.MaxRequest
	receiveAll = 16 * verifier.MaxRequest
	// Streams hold a window of bytes each even where nobody reads them.
	streamsUID = 256
	streamsAll = 1024
	// Evaluations hold what they judge; more wait, as long as their callers do.
	coldUID = 96
	maxCold = 256
	// receiveTime is how long a message may take from when its call begins.
	receiveTime = 5 * time.Second
)

// Admission bounds what the callers of all listeners hold: streams, bytes of messages
// under way, evaluations, and turns to compute. It is safe for concurrent use.
type Admission struct {
	streams   *shares
	receiving *shares
	cold      *shares
	turns     *shares
	patience  time.Duration // receiveTime but in tests
}

// NewAdmission makes the bounds of one process.
func NewAdmission() *Admission {
	a := &Admission{
		streams: newShares(streamsUID, streamsAll), receiving: newShares(receiveUID, receiveAll),
		cold: newShares(coldUID, maxCold), patience: receiveTime,
	}
	// A turn is the time in which a request is parsed and judged, on one processor.
	// One uid alone may have them all; where others ask, half, so that nobody waits
	// in a queue behind work that somebody else made large.
	processors := runtime.GOMAXPROCS(0)
	a.turns = newShares(processors, 8*processors)
	a.turns.crowded = max(1, processors/2)
	return a
}

// errSlow ends a call whose message does not arrive.
var errSlow = errors.New("the request was not received in time")

// errStreams refuses a call more than a uid may have open.
var errStreams error = &fault{code: codes.Unavailable, reason: reasonOverloaded, text: "this uid has too many calls open: end some"}

// Open is how many calls are under way, on all listeners.
func (a *Admission) Open() int { return a.streams.Held() }

// Busy reports whether an evaluation is under way: it wants a processor, or will as soon as
// the disk has answered.
func (a *Admission) Busy() bool { return a.cold.Held() > 0 }

// beginKey finds how a call began, in its context.
type beginKey struct{}

// beginning is of a call whose message is not read yet.
type beginning struct {
	at    time.Time
	end   context.CancelCauseFunc // ends the call
	leave func()                  // gives its place back; the end of its context does so too
}

// begun is when a call began, the zero Time where nobody knows.
func begun(ctx context.Context) time.Time {
	if b, ok := ctx.Value(beginKey{}).(*beginning); ok {
		return b.at
	}
	return time.Time{}
}

// Options are those of a gRPC server whose callers are admitted here.
func (a *Admission) Options() []grpc.ServerOption {
	return append(Options(), grpc.InTapHandle(a.tap))
}

// tap takes a place for each call before anything is read of it.
func (a *Admission) tap(ctx context.Context, _ *tap.Info) (context.Context, error) {
	caller, ok := socket.PeerFromContext(ctx)
	if !ok {
		return ctx, foreign(nil)
	}
	if !a.streams.try(caller.UID, 1) {
		return ctx, errStreams
	}
	give := func() { a.streams.give(caller.UID, 1) }
	waiting := context.AfterFunc(ctx, give)
	leave := func() {
		if waiting() { // sooner than the context, without a goroutine for it
			give()
		}
	}
	ctx, end := context.WithCancelCause(ctx)
	return context.WithValue(ctx, beginKey{}, &beginning{time.Now(), end, leave}), nil
}

// Admit returns a description of a service that receives messages within the bounds.
// Whole says that what is made of a message is many times its size, so that it counts
// as the longest one until it is answered.
func (a *Admission) Admit(desc grpc.ServiceDesc, whole bool) *grpc.ServiceDesc {
	desc.Methods, desc.Streams = slices.Clone(desc.Methods), slices.Clone(desc.Streams)
	for i := range desc.Methods {
		next := desc.Methods[i].Handler
		desc.Methods[i].Handler = func(srv any, ctx context.Context, dec func(any) error, in grpc.UnaryServerInterceptor) (any, error) {
			m := a.message(ctx, whole)
			defer m.leave()
			return next(srv, ctx, func(v any) error { return m.receive(v, dec) }, in)
		}
	}
	for i := range desc.Streams {
		next := desc.Streams[i].Handler
		desc.Streams[i].Handler = func(srv any, st grpc.ServerStream) error {
			m := a.message(st.Context(), false)
			defer m.leave()
			return next(srv, &admitted{st, m})
		}
	}
	return &desc
}

// admitted is a stream whose messages are received within the bounds.
type admitted struct {
	grpc.ServerStream
	message *received
}

func (s *admitted) RecvMsg(v any) error { return s.message.receive(v, s.ServerStream.RecvMsg) }

// received is a message on its way to its answer.
type received struct {
	admission *Admission
	ctx       context.Context
	begin     *beginning // nil where nobody took a place for the call
	uid       uint32
	whole     bool
	held      int
}

func (a *Admission) message(ctx context.Context, whole bool) *received {
	caller, _ := socket.PeerFromContext(ctx) // tap has seen it
	begin, _ := ctx.Value(beginKey{}).(*beginning)
	return &received{admission: a, ctx: ctx, begin: begin, uid: caller.UID, whole: whole}
}

// receive takes room for the longest message there is, since nobody knows before what
// is announced, and gives back what the message does not need.
func (m *received) receive(v any, dec func(any) error) error {
	m.end() // of the message before
	if b := m.begin; b != nil {
		late := time.AfterFunc(m.admission.patience, func() { b.end(errSlow) })
		defer late.Stop()
	}
	err := m.admission.receiving.take(m.ctx, m.uid, verifier.MaxRequest)
	if err == nil {
		m.held = verifier.MaxRequest
		err = dec(v)
	}
	if errors.Is(context.Cause(m.ctx), errSlow) {
		return status.Error(codes.DeadlineExceeded, fmt.Sprintf("the request was not received within %s", m.admission.patience))
	}
	if err == nil && m.whole {
		return nil
	}
	keep := 0
	if encoded, ok := v.(*message); ok && err == nil {
		keep = encoded.data.Len()
	}
	m.give(m.held - keep)
	return err
}

func (m *received) give(n int) {
	m.held -= n
	if n > 0 {
		m.admission.receiving.give(m.uid, n)
	}
}

// end gives back all that is left.
func (m *received) end() { m.give(m.held) }

// leave is end, once the call has been handled.
func (m *received) leave() {
	m.end()
	if m.begin != nil {
		m.begin.leave()
	}
}
