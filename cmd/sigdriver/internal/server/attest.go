// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// The fields of AttestRequest and AttestResponse.
const (
	fieldRequest  = 1
	fieldNonce    = 2
	fieldResponse = 1
	fieldEnvelope = 2
)

// maxAttestMore is what an AttestResponse may have over a VerifyResponse: the
// envelope, and the tags and lengths of both.
const maxAttestMore = receipt.MaxEnvelope + 16

// grounds are what a receipt says about a decision: made where the decision was
// evaluated and recorded, and nowhere else. What differs from receipt to receipt
// is still empty.
type grounds struct {
	receipt.Predicate
	effective  [32]byte
	validUntil time.Time // of the decision, zero for never
}

// size is about what the grounds cost in the cache.
func (g *grounds) size() int {
	if g == nil {
		return 0
	}
	n := 512
	for i := range g.Inputs {
		n += 256 + len(g.Inputs[i].Provider) + len(g.Inputs[i].Workspace)
		for _, name := range g.Inputs[i].Principals {
			n += 16 + len(name)
		}
	}
	return n
}

// groundsOf collects what a receipt of this decision says. SPEC: design, section
// 11: only an ALLOW for COMPOSE that the driver has made and recorded itself.
func (c *call) groundsOf(d *verifier.Decision) *grounds {
	t, v := &c.req.Target, c.trust.Trust.Versions()
	g := &grounds{effective: d.EffectiveSHA256, validUntil: d.ValidUntil, Predicate: receipt.Predicate{
		Verdict: d.Verdict.String(), Purpose: c.req.Purpose.String(),
		Recipe: c.req.Recipe, ProvidersV2: c.req.ProvidersV2, RequestSHA256: receipt.Digest(c.entry.RequestSHA256),
		Target: receipt.Target{GatewayID: t.GatewayID, Workspace: t.Workspace, SandboxID: t.SandboxID, Name: t.Name},
		Trust: receipt.Trust{Epoch: c.trust.Trust.Epoch(), Stale: d.Stale,
			Root: v.Root, Timestamp: v.Timestamp, Snapshot: v.Snapshot, Targets: v.Targets, Revocation: v.Revocation},
		Log: receipt.Log{Index: c.logged.index, EntrySHA256: c.logged.sum},
	}}
	for i := range d.Documents {
		doc, learned := &c.req.Documents[i], &d.Documents[i]
		if doc.Role == verifier.Settings {
			g.SettingsSHA256 = learned.SHA256
		}
		shown := min(len(learned.Principals), maxPrincipals)
		g.Inputs = append(g.Inputs, receipt.Input{
			Role: doc.Role.String(), Workspace: doc.Workspace, Provider: doc.Provider, SHA256: learned.SHA256, Version: learned.Version,
			Principals: append([]string{}, learned.Principals[:shown]...), Omitted: len(learned.Principals) - shown,
		})
	}
	return g
}

// attestCall is attest with its faults counted and logged.
func (s *Server) attestCall(ctx context.Context, caller socket.Credentials, data mem.BufferSlice) (*reply, error) {
	return s.reported(func(q *question) (*reply, error) { return s.attest(ctx, caller, data, q) })
}

// attest answers as verify does, and has an ALLOW signed.
func (s *Server) attest(ctx context.Context, caller socket.Credentials, data mem.BufferSlice, q *question) (*reply, error) {
	if s.Attester == nil {
		return nil, noReceipts()
	}
	request, nonce, err := readAttest(data)
	if err != nil {
		return nil, err
	}
	if *q, err = readQuestion(request); err != nil {
		return nil, err
	}
	if q.purpose != uint64(verifier.Compose) {
		return nil, malformed("request.purpose", "must be PURPOSE_COMPOSE: only what is about to be served gets a receipt")
	}
	v, err := s.judge(ctx, caller, request, q)
	if err != nil {
		return nil, err
	}
	var envelope []byte
	if v.verdict == verifier.Allow {
		if envelope, err = s.sign(v, nonce); err != nil {
			return nil, err
		}
	}
	out := appendBytes(nil, fieldResponse, join(q.requestID, v.body, v.trust))
	if envelope != nil {
		out = appendBytes(out, fieldEnvelope, envelope)
	}
	return &reply{data: mem.BufferSlice{mem.SliceBuffer(out)}}, nil
}

// sign has the receipt of an answer made. One with too many names in it loses
// principals, which the decision record has.
func (s *Server) sign(v judged, nonce []byte) ([]byte, error) {
	if v.grounds == nil {
		return nil, internal(errors.New("an ALLOW for COMPOSE without grounds")) // evaluate gives them
	}
	p := v.grounds.Predicate
	p.Nonce = nonce
	p.IssuedAt, p.NotAfter = v.grounds.lifetime(v.now)
	for most := maxPrincipals; ; most /= 2 {
		p.Inputs = v.grounds.inputs(most)
		envelope, err := s.Attester.Sign(p, v.grounds.effective)
		var size *receipt.SizeError
		switch {
		case err == nil:
			return envelope, nil
		case !errors.As(err, &size):
			return nil, receiptUnavailable(err)
		case most == 0:
			return nil, tooLarge("request.documents: names in a receipt", receipt.MaxEnvelope, "bytes")
		}
	}
}

// lifetime is from when until when a receipt of now holds: short, never beyond
// the instant at which time alone would change the decision. Whole seconds.
func (g *grounds) lifetime(now time.Time) (from, until time.Time) {
	from = now.UTC().Truncate(time.Second)
	until = from.Add(receipt.MaxLifetime)
	if end := g.validUntil.UTC().Truncate(time.Second); !g.validUntil.IsZero() && end.Before(until) {
		until = end
	}
	return from, until
}

// inputs are the documents with at most so many principals each.
func (g *grounds) inputs(most int) []receipt.Input {
	out := append([]receipt.Input{}, g.Inputs...)
	for i := range out {
		if cut := len(out[i].Principals) - most; cut > 0 {
			out[i].Principals, out[i].Omitted = out[i].Principals[:most], out[i].Omitted+cut
		}
	}
	return out
}

// readAttest takes an encoded AttestRequest apart. A field that occurs twice is
// refused: protobuf would merge the two.
func readAttest(data mem.BufferSlice) (request mem.BufferSlice, nonce []byte, err error) {
	whole := data.Materialize()
	w := wire{rest: mem.BufferSlice{mem.SliceBuffer(whole)}}
	seen := [3]bool{}
	for w.off < len(whole) {
		f, ok := w.next(len(whole))
		switch {
		case !ok:
			return nil, nil, malformed("request", "is not a protobuf message")
		case f.number > fieldNonce:
		case seen[f.number]:
			return nil, nil, malformed("request", "has field %d twice", f.number)
		case f.kind != kindBytes:
			return nil, nil, malformed("request", "is not an AttestRequest")
		default:
			seen[f.number] = true
		}
		if f.kind != kindBytes {
			continue
		}
		value := whole[f.body : f.body+f.size]
		switch f.number {
		case fieldRequest:
			request = mem.BufferSlice{mem.SliceBuffer(value)}
		case fieldNonce:
			nonce = value
		}
		w.skip(f.size)
	}
	if len(nonce) < receipt.MinNonce || len(nonce) > receipt.MaxNonce {
		return nil, nil, malformed("nonce", "must be %d to %d bytes, chosen at random for this call", receipt.MinNonce, receipt.MaxNonce)
	}
	return request, nonce, nil
}

// appendBytes appends one length-delimited field.
func appendBytes(out []byte, field int, value []byte) []byte {
	out = append(out, byte(field<<3|kindBytes))
	out = binary.AppendUvarint(out, uint64(len(value)))
	return append(out, value...)
}
