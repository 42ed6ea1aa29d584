// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/demo"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// gatewayTimeout bounds each step of a script's gateway.
const gatewayTimeout = time.Minute

// gateway is a script's gateway. It keeps one connection and one stream, which a
// driver that is started again would break.
type gateway struct {
	*demo.Gateway
	trust grpc.ServerStreamingClient[signingv1.TrustState]
}

// gatewayKey is where a script keeps its gateway.
type gatewayKey struct{}

// gatewayCommand is the script command:
//
//	gateway connects SOCKET
//	gateway sees EPOCH — waits until fresh trust of that epoch is in use, and no later one
//	gateway asks EPOCH REASON POLICY [ATTESTATION…] — may prod/web-1 of gw-1 have this policy?
//	gateway fails CODE POLICY [ATTESTATION…] — the same, and the driver cannot decide
//	gateway allows EPOCH FOLDER — each FOLDER/NAME.json is allowed for the sandbox prod/NAME
//	gateway attests NONCE RECEIPT POLICY [ATTESTATION…] — the same, and the receipt goes to a file
func gatewayCommand(ts *testscript.TestScript, neg bool, args []string) {
	g := ts.Value(gatewayKey{}).(*gateway)
	switch {
	case neg || len(args) < 2:
		ts.Fatalf("usage: gateway connects SOCKET, sees EPOCH, asks EPOCH REASON POLICY [ATTESTATION…], attests NONCE RECEIPT POLICY [ATTESTATION…]")
	case args[0] == "connects" && len(args) == 2:
		g.connect(ts, ts.MkAbs(args[1]))
	case g.Gateway == nil:
		ts.Fatalf("gateway connects SOCKET comes first")
	case args[0] == "sees" && len(args) == 2:
		g.see(ts, epoch(ts, args[1]))
	case args[0] == "asks" && len(args) >= 4:
		g.ask(ts, epoch(ts, args[1]), args[2], policyRequest(ts, args[3], args[4:]))
	case args[0] == "fails" && len(args) >= 3:
		g.fail(ts, args[1], policyRequest(ts, args[2], args[3:]))
	case args[0] == "allows" && len(args) == 3:
		g.allow(ts, epoch(ts, args[1]), args[2])
	case args[0] == "attests" && len(args) >= 4:
		g.attest(ts, args[1], ts.MkAbs(args[2]), policyRequest(ts, args[3], args[4:]))
	default:
		ts.Fatalf("gateway cannot do %q", args)
	}
}

func epoch(ts *testscript.TestScript, text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	ts.Check(err)
	return n
}

// connect waits until the driver takes connections.
func (g *gateway) connect(ts *testscript.TestScript, socket string) {
	ctx, cancel := context.WithCancel(context.Background())
	ts.Defer(cancel)
	late := time.AfterFunc(gatewayTimeout, cancel)
	defer late.Stop()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			break
		}
		if ctx.Err() != nil {
			ts.Fatalf("nobody listens on %s", socket)
		}
		time.Sleep(20 * time.Millisecond)
	}
	var err error
	g.Gateway, err = demo.Dial(socket)
	ts.Check(err)
	ts.Defer(func() { g.Close() })
	g.trust, err = g.WatchTrust(ctx, &signingv1.WatchTrustRequest{})
	ts.Check(err)
}

func (g *gateway) see(ts *testscript.TestScript, want uint64) {
	late := time.AfterFunc(gatewayTimeout, func() { g.Close() })
	defer late.Stop()
	for {
		got, err := g.trust.Recv()
		switch {
		case err != nil:
			ts.Fatalf("waiting for epoch %d: %v", want, err)
		case got.GetEpoch() > want || got.GetCondition() != signingv1.TrustCondition_TRUST_CONDITION_FRESH:
			ts.Fatalf("waiting for epoch %d: %v", want, got)
		case got.GetEpoch() == want:
			return
		}
	}
}

// ask expects the reason, from trust of the epoch. A memory that is shared may not be read
// yet.
func (g *gateway) ask(ts *testscript.TestScript, want uint64, reason string, req *signingv1.VerifyRequest) {
	if _, ok := signingv1.Reason_value["REASON_"+reason]; !ok {
		ts.Fatalf("there is no reason %q", reason)
	}
	ctx, cancel := context.WithTimeout(context.Background(), gatewayTimeout)
	defer cancel()
	got, err := g.Ask(ctx, req)
	for ; err != nil && ctx.Err() == nil && strings.Contains(fmt.Sprint(status.Convert(err).Details()...), "MEMORY_"); got, err = g.Ask(ctx, req) {
		time.Sleep(20 * time.Millisecond)
	}
	ts.Check(err)
	if got.GetReason().String() != "REASON_"+reason || got.GetTrust().GetEpoch() != want {
		ts.Fatalf("epoch %d says %v, want %s of epoch %d: %v", got.GetTrust().GetEpoch(), got.GetReason(), reason, want, got.GetFindings())
	}
	if allowed := got.GetVerdict() == signingv1.Verdict_VERDICT_ALLOW; allowed != (reason == "ALLOWED") {
		ts.Fatalf("%v with %v", got.GetVerdict(), got.GetReason())
	}
}

// fail expects a fault with the code, and no answer.
func (g *gateway) fail(ts *testscript.TestScript, code string, req *signingv1.VerifyRequest) {
	ctx, cancel := context.WithTimeout(context.Background(), gatewayTimeout)
	defer cancel()
	got, err := g.Ask(ctx, req)
	if status.Code(err) != codes.Unavailable || !strings.Contains(fmt.Sprint(status.Convert(err).Details()...), code) {
		ts.Fatalf("%v, %v, want %s", got, err, code)
	}
}

// allow expects an ALLOW for every policy of a folder, by what the driver has itself,
// once it has read that.
func (g *gateway) allow(ts *testscript.TestScript, want uint64, folder string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(folder), "*.json"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("%s has no policy", folder)
	}
	for _, file := range files {
		req := policyRequest(ts, file, nil)
		req.Target.Name = strings.TrimSuffix(filepath.Base(file), ".json")
		req.Target.SandboxId = "sb-" + req.Target.Name
		for end := time.Now().Add(gatewayTimeout); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			ctx, cancel := context.WithTimeout(context.Background(), gatewayTimeout)
			got, err := g.Ask(ctx, req)
			cancel()
			ts.Check(err)
			if got.GetVerdict() == signingv1.Verdict_VERDICT_ALLOW {
				break
			}
		}
		g.ask(ts, want, "ALLOWED", req)
	}
	ts.Logf("%d policies allowed", len(files))
}

// attest expects an ALLOW, and writes its receipt and the effective policy,
// effective.json, into files.
func (g *gateway) attest(ts *testscript.TestScript, nonce, file string, req *signingv1.VerifyRequest) {
	raw, err := hex.DecodeString(nonce)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), gatewayTimeout)
	defer cancel()
	got, err := g.AskReceipt(ctx, req, raw)
	ts.Check(err)
	if got.GetResponse().GetVerdict() != signingv1.Verdict_VERDICT_ALLOW {
		ts.Fatalf("%v %v: %v", got.GetResponse().GetVerdict(), got.GetResponse().GetReason(), got.GetResponse().GetFindings())
	}
	ts.Check(os.WriteFile(file, got.GetEnvelope(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("effective.json"), req.Effective, 0o600))
}

// policyRequest is a composition without providers. The host's own digest of the
// policy is made of its file's name.
func policyRequest(ts *testscript.TestScript, policy string, attestations []string) *signingv1.VerifyRequest {
	d := &signingv1.Document{Role: signingv1.Role_ROLE_SANDBOX_POLICY, Body: []byte(ts.ReadFile(policy))}
	for _, file := range attestations {
		d.Attestations = append(d.Attestations, []byte(ts.ReadFile(file)))
	}
	effective, err := demo.Compose(d.Body, nil)
	ts.Check(err)
	return &signingv1.VerifyRequest{
		Purpose: signingv1.Purpose_PURPOSE_COMPOSE, Recipe: verifiertest.Recipe, ProvidersV2Enabled: true,
		Target:    &signingv1.Target{GatewayId: "gw-1", Workspace: "prod", SandboxId: "sb-1", Name: "web-1"},
		Documents: []*signingv1.Document{d}, Effective: effective,
		Host: &signingv1.Host{PolicyHash: "host-" + policy},
	}
}
