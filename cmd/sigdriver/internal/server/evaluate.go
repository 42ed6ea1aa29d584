// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/floors"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/index"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/peer"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trustkeeper"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/verifier"
)

// call is one Verify call with the state that it is judged by: one trust, one
// index, one instant, whatever happens meanwhile.
type call struct {
	server   *Server
	caller   peer.Credentials
	data     mem.BufferSlice
	question *question
	now      time.Time
	trust    *trustkeeper.Snapshot
	index    *index.View

	req    *verifier.Request
	host   journal.Host
	entry  journal.Entry
	logged *place
}

// evaluate decides the question and records the decision. Once the decision is
// made it is recorded whole, even if the caller hangs up.
func (c *call) evaluate(ctx context.Context) (*answer, error) {
	select {
	case c.server.cold <- struct{}{}:
		defer func() { <-c.server.cold }()
	default:
		return nil, overloaded()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.read(); err != nil {
		return nil, err
	}
	d, before, err := c.decide()
	if err != nil {
		return nil, err
	}
	if err := c.record(context.WithoutCancel(ctx), d, before); err != nil {
		return nil, err
	}
	a, err := c.remember(d, before)
	if err != nil {
		return nil, err
	}
	if len(d.Shadow) > 0 {
		c.server.Metrics.Shadowed()
	}
	c.log(a)
	return a, nil
}

// read parses the request and adds what the index knows about its documents.
func (c *call) read() error {
	if err := countAttestations(c.data); err != nil {
		return err
	}
	var err error
	if c.req, c.host, err = decodeRequest(c.data.Materialize()); err != nil {
		return err
	}
	if c.req.Target.GatewayID != string(c.question.gatewayID) {
		return malformed("target.gateway_id", "is ambiguous") // two readers of one message disagree
	}
	if err := verifier.CheckRequest(c.req); err != nil {
		return err
	}
	merge(c.req, c.index.For)
	return nil
}

// decide judges the request and makes what it raises durable. When another
// decision moved the floors meanwhile, it is judged again by the new ones.
func (c *call) decide() (*verifier.Decision, *floors.Snapshot, error) {
	for range maxConflicts {
		before := c.server.Floors.Snapshot()
		d := verifier.Verify(c.req, c.trust.Trust, before, c.now)
		if d.Verdict == verifier.VerdictUnspecified || d.Reason == verifier.ReasonUnspecified {
			return nil, nil, errors.New("a decision without a verdict") // CheckRequest took the request
		}
		// What cannot be recorded raises nothing: on a full disk the version that
		// is in force would be refused, and the new one would have no answer.
		if d.Verdict == verifier.Allow {
			if err := c.server.Journal.Room(); err != nil {
				return nil, nil, auditUnavailable(err)
			}
		}
		err := c.server.Floors.Apply(&d)
		if err == nil {
			return &d, before, nil
		}
		var conflict *floors.ConflictError
		if !errors.As(err, &conflict) {
			return nil, nil, auditUnavailable(err)
		}
	}
	return nil, nil, overloaded()
}

// record makes the decision durable in the journal. A refusal that the journal
// declines to keep may go out without a receipt; an ALLOW never.
func (c *call) record(ctx context.Context, d *verifier.Decision, before *floors.Snapshot) error {
	e := journal.NewEntry(c.req, d, before)
	e.Time, e.Driver, e.Host = c.now, version.Driver, c.host
	e.Peer = journal.Peer{UID: c.caller.UID, GID: c.caller.GID}
	if c.trust.Trust != nil {
		e.Trust = journal.Trust{Epoch: c.trust.Trust.Epoch(), Roles: c.trust.Roles, Stale: d.Stale}
	}
	e.Revision = c.server.Floors.Snapshot().Revision()
	c.entry = e
	record, err := journal.NewRecord(c.req, d).JSON()
	if err != nil {
		return auditUnavailable(err)
	}
	index, sum, err := c.server.Journal.Append(ctx, e, record, evidence(c.req, d)...)
	if err == nil {
		c.logged = &place{index, sum}
		return nil
	}
	var suppressed *journal.SuppressedError
	var full *journal.FullError
	if d.Verdict == verifier.Deny && (errors.As(err, &suppressed) || errors.As(err, &full)) {
		return nil
	}
	return auditUnavailable(err)
}

// evidence lists the attestations that bore on the decision. Nobody can make one
// without a key that trust knows, so that no caller can fill the disk with them.
func evidence(req *verifier.Request, d *verifier.Decision) [][]byte {
	var out [][]byte
	for _, at := range d.Evidence {
		out = append(out, req.Documents[at[0]].Attestations[at[1]])
	}
	return out
}

// remember makes the answer, with the floors as they are once its raises hold.
func (c *call) remember(d *verifier.Decision, before *floors.Snapshot) (*answer, error) {
	body, err := encodeDecision(c.req, d, c.logged)
	if err != nil {
		return nil, err
	}
	a := &answer{body: body, verdict: d.Verdict, reason: d.Reason, recheck: d.Recheck, entry: c.logged}
	if c.server.Attester != nil && d.Verdict == verifier.Allow && c.req.Purpose == verifier.Compose && c.logged != nil {
		a.grounds = c.groundsOf(d)
	}
	for _, seen := range d.Consulted {
		for _, r := range d.Raises {
			if r.Key == seen.Key {
				seen = r
			}
		}
		a.consulted = append(a.consulted, seen)
	}
	if c.req.Purpose == verifier.Compose {
		a.sandbox = verifier.SandboxKey{GatewayID: c.req.Target.GatewayID, SandboxID: c.req.Target.SandboxID}
		if place, ok := before.Place(a.sandbox); ok {
			a.place = &verifier.Binding{Key: a.sandbox, Place: place}
		}
		if d.Binding != nil {
			a.place = d.Binding
		}
	}
	return a, nil
}

// log writes one line about a decision. It holds digests, names and reasons.
func (c *call) log(a *answer, more ...any) {
	args := append([]any{"verdict", a.verdict.String(), "reason", a.reason.String(), "request_id", hclog.Quote(c.question.requestID), "gateway", hclog.Quote(c.question.gatewayID), "uid", c.caller.UID}, more...)
	if c.req != nil {
		args = append(args, "purpose", c.req.Purpose.String(), "workspace", hclog.Quote(c.req.Target.Workspace),
			"sandbox", hclog.Quote(c.req.Target.SandboxID), "name", hclog.Quote(c.req.Target.Name),
			"request_sha256", journal.Digest(c.entry.RequestSHA256).String(), "epoch", c.entry.Trust.Epoch)
	}
	if c.logged != nil {
		args = append(args, "log_index", c.logged.index)
	}
	if c.req == nil {
		c.server.Logger.Debug("decision", args...)
		return
	}
	c.server.Logger.Info("decision", args...)
}
