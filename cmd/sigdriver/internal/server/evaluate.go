// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/verifier"
)

// call is one Verify call with the state that it is judged by: one trust, one
// index, one instant, whatever happens meanwhile.
type call struct {
	server   *Server
	caller   socket.Credentials
	data     mem.BufferSlice
	question *question
	now      time.Time
	trust    *trust.Snapshot
	index    *trust.IndexView

	ahead bool // nobody has asked yet
	turn  bool // it holds one for the first thing that it computes

	encoded []byte // the message, where it was read
	req     *verifier.Request
	summary *verifier.Summary // of req
	indexed []indexed         // what the index has about its documents
	host    record.Host
	entry   record.Entry
	logged  *place
	asOf    time.Time // of the shared memory that the answer is held against
}

// evaluate decides the question and records the decision. It waits for its turn as long
// as the caller does. From then on nothing is thrown away: the decision is made and
// recorded whole, even if the caller hangs up.
func (c *call) evaluate(ctx context.Context) (*answer, error) {
	slots := c.server.Admission.cold
	if c.ahead && !slots.try(c.caller.UID, 1) {
		return nil, errDeclined
	}
	if !c.ahead {
		if err := slots.take(ctx, c.caller.UID, 1); err != nil {
			return nil, err
		}
	}
	defer slots.give(c.caller.UID, 1)
	d, err := c.decide(ctx)
	if err != nil {
		return nil, err
	}
	c.notePassedOver(d)
	a, err := c.remember(d)
	if err != nil {
		return nil, err
	}
	c.server.watched.note(c, d)
	if len(d.Shadow) > 0 {
		c.server.Metrics.Shadowed()
	}
	c.log(a, missed(d)...)
	c.alert(d)
	return a, nil
}

// notePassedOver adds to a refusal that an attestation could change how many files may
// hold one and are not used. It is no part of what is recorded.
func (c *call) notePassedOver(d *verifier.Decision) {
	stage := d.Reason.Stage()
	if d.Verdict == verifier.Allow || stage < verifier.StageParse || stage > verifier.StageRequirement && d.Reason != verifier.CompositionPartUnattested {
		return
	}
	n := 0
	for _, count := range c.index.PassedOver() {
		n += count
	}
	if n == 0 {
		return
	}
	note := fmt.Sprintf("%d files in attestations.dir were passed over: `sigdriver serve --check` names them", n)
	if n == 1 {
		note = "1 file in attestations.dir was passed over: `sigdriver serve --check` names it"
	}
	d.NearestMiss.Text = strings.TrimPrefix(strings.TrimSuffix(d.NearestMiss.Text, ".")+". "+note, ". ")
}

// alert counts what nobody has approved, and speaks up where it stands in place of
// something that somebody had: a row was changed.
func (c *call) alert(d *verifier.Decision) {
	what := d.Unapproved()
	if what == 0 {
		return
	}
	c.server.Metrics.Unapproved(what)
	if what == verifier.UnapprovedChanged {
		c.server.Logger.Error("a document was changed and nobody has approved it: treat it as an incident unless it was meant",
			append([]any{"gateway", hclog.Quote(c.req.Target.GatewayID), "workspace", hclog.Quote(c.req.Target.Workspace), "name", hclog.Quote(c.req.Target.Name),
				"sandbox", hclog.Quote(c.req.Target.SandboxID), "reason", d.Reason.String()}, missed(d)...)...)
	}
}

// missed is what ended in a refusal, about which document, and what would have allowed
// it, for the operator's log: whoever asks the gateway is not told.
func missed(d *verifier.Decision) []any {
	if d.Verdict == verifier.Allow {
		return nil
	}
	leading := d.Leading()
	args := []any{"finding", hclog.Quote(sentence(leading.Detail, maxSentence))}
	if i := leading.Document; i >= 0 && i < len(d.Documents) {
		args = append(args, "document_sha256", record.Digest(d.Documents[i].SHA256).String())
	}
	if text := d.NearestMiss.Text; text != "" {
		args = append(args, "nearest_miss", hclog.Quote(sentence(text, maxSentence)))
	}
	if command := d.NearestMiss.Command; command != "" {
		args = append(args, "command", hclog.Quote(sentence(command, maxSentence)))
	}
	return args
}

// compute waits for a turn of the caller's uid and does what it is for.
func (c *call) compute(ctx context.Context, work func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.turn {
		defer c.rest()
		return work()
	}
	turns := c.server.Admission.turns
	if err := turns.take(ctx, c.caller.UID, 1); err != nil {
		return err
	}
	defer turns.give(c.caller.UID, 1)
	return work()
}

// read parses the request and adds what the index knows about its documents.
func (c *call) read() error {
	if _, err := countAttestations(c.data); err != nil {
		return err
	}
	c.encoded = c.data.Materialize()
	req, host, err := decodeRequest(c.encoded)
	if err != nil {
		return err
	}
	if req.Target.GatewayID != string(c.question.gatewayID) {
		return malformed("target.gateway_id", "is ambiguous") // two readers of one message disagree
	}
	if err := verifier.CheckRequest(req); err != nil {
		return err
	}
	c.indexed = merge(req, c.index)
	c.req, c.host, c.summary = req, host, c.server.digests.Summarize(req)
	return nil
}

// decide reads and judges the request, in one turn, and makes the decision durable with
// what it raises. When another decision moved the state meanwhile, it is judged again by
// the new one.
func (c *call) decide(ctx context.Context) (*verifier.Decision, error) {
	for range maxConflicts {
		var d verifier.Decision
		if err := c.compute(ctx, func() error {
			if c.req == nil {
				if err := c.read(); err != nil {
					return err
				}
			}
			d = verifier.Verify(c.req, c.trust.Trust, c.server.Record.View(), c.now)
			return nil
		}); err != nil {
			return nil, err
		}
		if d.Verdict == verifier.VerdictUnspecified || d.Reason == verifier.ReasonUnspecified {
			return nil, errors.New("a decision without a verdict") // CheckRequest took the request
		}
		if d.Verdict != verifier.Allow && !c.index.Built() && c.trust.Trust.State(c.now).Condition != verifier.Refused {
			return nil, errIndexUnavailable // what is missing may not have been read yet
		}
		if c.ahead && (d.Verdict != verifier.Allow || len(d.Raises) > 0 || d.Binding != nil) {
			return nil, errDeclined
		}
		err := c.record(&d)
		if err == nil {
			return &d, nil
		}
		var conflict *record.ConflictError
		if !errors.As(err, &conflict) {
			return nil, err
		}
		ctx = context.WithoutCancel(ctx)
	}
	return nil, overloaded("the floors that it stands on keep changing")
}

// record makes the decision durable. A refusal that the journal declines to keep
// may go out without an entry; an ALLOW never.
func (c *call) record(d *verifier.Decision) error {
	e := record.NewSummarizedEntry(c.summary, c.req, d)
	e.Time, e.Driver, e.Host = c.now, version.Driver, c.host
	e.Peer = record.Peer{UID: c.caller.UID, GID: c.caller.GID}
	if c.trust.Trust != nil {
		e.Trust = record.Trust{Epoch: c.trust.Trust.Epoch(), Roles: c.trust.Roles, Stale: d.Stale}
	}
	c.entry, c.asOf = e, c.server.asOf()
	index, sum, err := c.server.Record.Commit(e, c.req, d)
	var conflict *record.ConflictError
	var suppressed *record.SuppressedError
	var full *record.FullError
	var memory *record.MemoryError
	switch {
	case err == nil:
		c.logged = &place{index, sum}
		return nil
	case errors.As(err, &conflict):
		return err
	case d.Verdict == verifier.Deny && errors.As(err, &suppressed):
		c.server.unrecorded.hear(c.server, unrecordedBudget, c.caller.UID, err)
		return nil
	case d.Verdict == verifier.Deny && errors.As(err, &full):
		c.server.unrecorded.hear(c.server, unrecordedFull, c.caller.UID, err)
		return nil
	}
	if errors.As(err, &memory) {
		return memoryUnavailable(err)
	}
	return auditUnavailable(err)
}

// unrecordedHolds is how long a refusal that is not in the journal is given again
// before it is decided, and perhaps recorded, once more.
const unrecordedHolds = time.Second

// remember makes the answer, with the state as it is once its own entry holds.
func (c *call) remember(d *verifier.Decision) (*answer, error) {
	body, err := encodeDecision(c.req, c.summary, d, c.logged)
	if err != nil {
		return nil, err
	}
	a := &answer{
		body: body, verdict: d.Verdict, reason: d.Reason, recheck: d.HoldsUntil, entry: c.logged, indexed: c.indexed,
		seen: record.SeenBy(c.req, d).After(d),
	}
	// It says valid_until, by the expiries of then. Trust that was signed anew does not
	// refuse at that instant, and an answer must not be given after it.
	if end := d.ValidUntil; !end.IsZero() && (a.recheck.IsZero() || end.Before(a.recheck)) {
		a.recheck = end
	}
	if c.logged == nil { // what kept it out of the journal may be over soon
		if until := c.now.Add(unrecordedHolds); a.recheck.IsZero() || until.Before(a.recheck) {
			a.recheck = until
		}
	}
	if c.server.Attester != nil && d.Verdict == verifier.Allow && c.req.Purpose == verifier.Compose && c.logged != nil {
		a.grounds = c.groundsOf(d)
	}
	return a, nil
}

// log writes one line about a decision. It holds digests, names and reasons.
func (c *call) log(a *answer, more ...any) {
	args := append([]any{"verdict", a.verdict.String(), "reason", a.reason.String(), "request_id", hclog.Quote(c.question.requestID), "gateway", hclog.Quote(c.question.gatewayID), "uid", c.caller.UID}, more...)
	if c.req != nil {
		args = append(args, "purpose", c.req.Purpose.String(), "workspace", hclog.Quote(c.req.Target.Workspace),
			"sandbox", hclog.Quote(c.req.Target.SandboxID), "name", hclog.Quote(c.req.Target.Name),
			"request_sha256", c.entry.RequestSHA256.String(), "epoch", c.entry.Trust.Epoch)
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
