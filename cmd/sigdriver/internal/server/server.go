// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package server answers the contract of proto/signing/v1.
//
// A Verify call reads the outermost fields of the encoded request, which say who
// asks about which gateway, and takes a fingerprint of the rest. If the same question was
// decided under the same trust, index and floors, the encoded answer is sent
// again; nothing is parsed and no signature is checked. Otherwise the request is
// evaluated: parsed, judged by verifier.Verify, and recorded before it is
// answered. Equal questions under way share one evaluation.
//
// Attest goes the same way and then has the answer signed. What is signed is what
// that evaluation recorded: no member of it comes from the caller but the nonce.
package server

//go:generate go run ./gen -o vectors.go -plain ../../../../gateway-patch/openshell-policy-signing/src/document-vectors.sha256 ../../../../testdata/vectors/documents

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// Limits of the server.
const (
	// maxCache bounds the verdict cache in bytes, where Config does not.
	maxCache = 64 << 20
	// maxConflicts bounds how often one request is decided again because the
	// floors moved under it.
	maxConflicts = 16

	handshakeTimeout = 5 * time.Second
	maxStreams       = 128
	maxHeaderList    = 16 << 10
	// A request of 64 KiB or an answer should not wait for a window update. Every
	// call may hold a window of bytes that nobody has asked for yet.
	streamWindow = 128 << 10
	connWindow   = 4 << 20
	// watchTick is how often WatchTrust and health look whether time alone
	// changed something.
	watchTick = time.Second
)

// Trust is where the trust in use comes from.
type Trust interface {
	// Current returns the trust in use; never nil.
	Current() *trust.Snapshot
	// Changed returns a channel that is closed at the next swap.
	Changed() <-chan struct{}
}

// Clock tells the time that decisions are made at.
type Clock interface {
	// Now returns an error while the time cannot be believed.
	Now() (time.Time, error)
}

// Index is where attestations come from that are not in the request.
type Index interface {
	Current() *trust.IndexView
	// Settled returns a channel that is closed once it is worth no more waiting for the
	// index to be built.
	Settled() <-chan struct{}
}

// Record is the durable record: the journal, and the floors and places that it
// adds up to.
type Record interface {
	// View returns the state as one decision sees it.
	View() *record.View
	// Holds reports whether what a decision saw is still so.
	Holds(record.Seen) bool
	// Revision rises with every change of the state.
	Revision() uint64
	// Commit makes a decision durable with what it raises.
	Commit(e record.Entry, req *verifier.Request, d *verifier.Decision) (uint64, record.Digest, error)
	// Count makes durable how often answers were given again.
	Count(s record.Served) (left record.Served, err error)
	// InPlace returns why nothing may leave that stands on an entry: the files on
	// the disk are not those that are open.
	InPlace() error
	// Ready returns why no ALLOW could be recorded now.
	Ready() error
}

// Metrics hears what happens. Its methods must not block.
type Metrics interface {
	Decided(v verifier.Verdict, r verifier.Reason, cached bool, took time.Duration)
	// Shadowed hears of a decision that a rule in shadow mode would have denied.
	Shadowed()
	// Unapproved hears of a refusal of what nobody has approved.
	Unapproved(what verifier.Unapproved)
	Faulted(reason string)
	Panicked()
	// Ahead hears of a decision that was made before it was asked for.
	Ahead()
	// Unrecorded hears of a refusal that goes out without an entry, and why.
	Unrecorded(why string)
}

// Log is the transparency log over the journal.
type Log interface {
	// MayAllow returns why no ALLOW may leave although it is recorded.
	MayAllow() error
	// Well reports whether the log keeps up. Decisions do not depend on it.
	Well() bool
}

// Attester signs receipts: a *ReceiptSigner.
type Attester interface {
	// Sign makes a receipt of what the server fills in: everything but who signs,
	// and the receipt's number.
	Sign(p receipt.Predicate, effective [32]byte) ([]byte, error)
	// Err returns what stopped it, nil while it works.
	Err() error
}

// Config is what a Server is made of. All fields but Log, Attester, Refused, Memory, Admission and
// AnswerBytes are required.
type Config struct {
	Peers   func() *socket.PeerList
	Trust   Trust
	Clock   Clock
	Index   Index
	Record  Record
	Metrics Metrics
	Logger  hclog.Logger
	// Log is nil where the driver keeps no transparency log.
	Log Log
	// Attester is nil where the driver signs no receipts.
	Attester Attester
	// Refused, if set, hears of each refusal that is in the journal.
	Refused func(Refusal)
	// Memory is nil where the driver remembers alone.
	Memory Memory
	// Admission is shared with the other listeners of the process; nil is one of its
	// own.
	Admission *Admission
	// AnswerBytes bounds the answers that are kept; 0 is 64 MiB.
	AnswerBytes int
}

// Server implements the contract.
type Server struct {
	signingv1.UnimplementedPolicySigningDriverServer
	Config
	cache *fairCache[key, *answer]
	hot   *fairCache[hotKey, *hot]

	renewing sync.Mutex
	kept     atomic.Uint64 // generation of the newest trust that an answer is kept of

	flight flight
	trust  trustBytes
	served served
	done   chan struct{}
	place  placeCheck

	unrecorded unrecorded
	watched    watched
	digests    verifier.AttestationDigests // of what is asked with

	printer *printer
}

// New makes a server.
func New(c Config) *Server {
	if c.Admission == nil {
		c.Admission = NewAdmission()
	}
	if c.AnswerBytes == 0 {
		c.AnswerBytes = maxCache
	}
	return &Server{
		Config: c,
		cache:  newFairCache[key, *answer](c.AnswerBytes),
		hot:    newFairCache[hotKey, *hot](c.AnswerBytes / hotShare),
		done:   make(chan struct{}),

		printer: newPrinter(),
	}
}

// GRPC returns a gRPC server that serves the contract and health, and nothing
// else: no reflection, no compression, no TCP.
func (s *Server) GRPC() *grpc.Server {
	g := grpc.NewServer(append(s.Admission.Options(),
		grpc.Creds(socket.Transport{}),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.stream))...)
	desc := signingv1.PolicySigningDriver_ServiceDesc
	desc.Methods = slices.Clone(desc.Methods)
	for i := range desc.Methods {
		switch desc.Methods[i].MethodName {
		case "Verify":
			desc.Methods[i].Handler = handler((*Server).answerCall)
		case "Attest":
			desc.Methods[i].Handler = handler((*Server).attestCall)
		}
	}
	g.RegisterService(s.Admission.Admit(desc, false), s)
	g.RegisterService(s.Admission.Admit(grpc_health_v1.Health_ServiceDesc, false), &health{server: s})
	return g
}

// Options are the limits of every connection: what a benchmark gives to the echo
// that it compares with.
func Options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaderList),
		grpc.MaxRecvMsgSize(verifier.MaxRequest),
		grpc.MaxSendMsgSize(verifier.MaxResponse + maxAttestMore),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connWindow),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: handshakeTimeout, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
		// A goroutine that has answered before has a stack of the right size: without
		// workers each call grows one anew. Where all of them work, calls get a
		// goroutine each, as they would without.
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))),
	}
}

// Cold returns the number of evaluations under way.
func (s *Server) Cold() int { return s.Admission.cold.Held() }

// Cached returns the number of answers in the verdict cache and their bytes.
func (s *Server) Cached() (entries, bytes int) { return s.cache.Stats() }

// Stop ends the streams that would otherwise last for ever. Call it once,
// before the gRPC server's GracefulStop.
func (s *Server) Stop() { close(s.done) }

// unary turns a panic into INTERNAL and an error into its status.
func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = s.recovered(p, "method", info.FullMethod)
		}
	}()
	out, err = next(ctx, req)
	return out, s.report(err, "method", info.FullMethod)
}

func (s *Server) stream(srv any, st grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = s.recovered(p, "method", info.FullMethod)
		}
	}()
	return s.report(next(srv, st), "method", info.FullMethod)
}

// recovered makes an error of a panic, and says so loudly. What was thrown may
// hold what a caller sent, so only its type and where it happened are logged.
func (s *Server) recovered(thrown any, about ...any) error {
	s.Metrics.Panicked()
	s.Metrics.Faulted(reasonInternal)
	s.Logger.Error("panic while answering: please report it", append(about, "panic", fmt.Sprintf("%T", thrown), "stack", string(debug.Stack()))...)
	return internal(nil)
}

// report counts a fault and returns the status for it. Our own faults are logged
// in full; their cause does not leave the process.
func (s *Server) report(err error, about ...any) error {
	if err == nil {
		return nil
	}
	out := callFault(err)
	var f *fault
	if !errors.As(out, &f) {
		s.Metrics.Faulted(status.Code(out).String())
		return out
	}
	s.Metrics.Faulted(f.reason)
	if f.cause != nil && f.code != codes.InvalidArgument {
		s.Logger.Error("no decision", append(about, "reason", f.reason, "cause", f.cause)...)
	}
	return f
}

// GetCapabilities says what the driver speaks. Whether that is enough is the caller's
// to decide; of its vectors only the log hears.
func (s *Server) GetCapabilities(_ context.Context, req *signingv1.GetCapabilitiesRequest) (*signingv1.GetCapabilitiesResponse, error) {
	if err := checkMetadata(req.GetPeer(), s.offers()); err != nil {
		return nil, err
	}
	if n := len(req.GetVectorsSha256()); n != 0 && n != sha256.Size {
		return nil, malformed("vectors_sha256", "has 32 bytes, or none")
	}
	peer := req.GetPeer()
	s.Logger.Info("a gateway introduced itself", "implementation", hclog.Quote(peer.GetImplementationName()), "version", hclog.Quote(peer.GetImplementationVersion()),
		"protocol", peer.GetProtocolVersion(), "document_vectors", vectorsOf(req))
	return capabilities(version.Driver, s.offers()), nil
}

// offers lists the driver's capabilities.
func (s *Server) offers() []string {
	if s.Attester == nil {
		return []string{capabilityContract}
	}
	return []string{capabilityContract, capabilityReceipts}
}

// WatchTrust sends the trust in use, at once and on each change, also a change
// that time alone makes.
func (s *Server) WatchTrust(_ *signingv1.WatchTrustRequest, out grpc.ServerStreamingServer[signingv1.TrustState]) error {
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	var last []byte
	for {
		changed := s.Trust.Changed()
		now, err := s.Clock.Now()
		if err != nil {
			return err
		}
		state, text := watchMessage(s.Trust.Current().Trust, now)
		if string(text) != string(last) {
			if err := out.Send(state); err != nil {
				return err
			}
			last = text
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-out.Context().Done():
			return out.Context().Err()
		case <-s.done:
			return status.Error(codes.Unavailable, "the driver shuts down")
		}
	}
}
