// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
)

// Gateway plays the gateway's side of the socket.
type Gateway struct {
	signingv1.PolicySigningDriverClient
	conn *grpc.ClientConn
	asks int
}

// Dial connects to a driver's socket.
func Dial(socket string) (*Gateway, error) {
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &Gateway{PolicySigningDriverClient: signingv1.NewPolicySigningDriverClient(conn), conn: conn}, nil
}

// Close ends the connection.
func (g *Gateway) Close() error { return g.conn.Close() }

// Ask sends one request under a fresh id and refuses an answer to another one,
// as a gateway must.
func (g *Gateway) Ask(ctx context.Context, req *signingv1.VerifyRequest) (*signingv1.VerifyResponse, error) {
	g.asks++
	req.RequestId = fmt.Sprintf("ask-%d", g.asks)
	resp, err := g.Verify(ctx, req)
	if err != nil {
		return nil, err
	}
	if resp.GetRequestId() != req.GetRequestId() {
		return nil, fmt.Errorf("asked %q and was answered %q", req.GetRequestId(), resp.GetRequestId())
	}
	return resp, nil
}

// AskReceipt is Ask by way of Attest.
func (g *Gateway) AskReceipt(ctx context.Context, req *signingv1.VerifyRequest, nonce []byte) (*signingv1.AttestResponse, error) {
	g.asks++
	req.RequestId = fmt.Sprintf("ask-%d", g.asks)
	resp, err := g.Attest(ctx, &signingv1.AttestRequest{Request: req, Nonce: nonce})
	if err != nil {
		return nil, err
	}
	if got := resp.GetResponse().GetRequestId(); got != req.GetRequestId() {
		return nil, fmt.Errorf("asked %q and was answered %q", req.GetRequestId(), got)
	}
	return resp, nil
}

// Layer is one attached provider as the gateway's database has it.
type Layer struct {
	Provider string // the provider record's name
	Profile  []byte // the document of its profile
}

// Compose builds the effective policy from a source and its layers, the
// gateway's part of the recipe, and returns its document.
func Compose(source []byte, layers []Layer) ([]byte, error) {
	var policy map[string]any
	if err := json.Unmarshal(source, &policy); err != nil {
		return nil, err
	}
	rules, _ := policy["networkPolicies"].(map[string]any)
	if rules == nil {
		rules = map[string]any{}
	}
	for _, l := range layers {
		var profile map[string]any
		if err := json.Unmarshal(l.Profile, &profile); err != nil {
			return nil, err
		}
		name := ruleName(l.Provider)
		key := name
		for i := 2; rules[key] != nil; i++ {
			key = name + "_" + strconv.Itoa(i)
		}
		rules[key] = layerRule(name, profile)
	}
	if len(rules) > 0 {
		policy["networkPolicies"] = rules
	}
	data, err := json.Marshal(policy)
	if err != nil {
		return nil, err
	}
	return verifier.Canonical(data)
}

// ruleName is the name of the rule that a provider's layer inserts.
func ruleName(provider string) string {
	var b strings.Builder
	for _, r := range provider {
		switch {
		case 'A' <= r && r <= 'Z':
			b.WriteRune(r - 'A' + 'a')
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '_':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	if name := strings.Trim(b.String(), "_"); name != "" {
		return "_provider_" + name
	}
	return "_provider_unnamed"
}

// layerRule is the rule of one profile. Endpoints of a profile with credentials
// are marked; the lab's profiles have plain host names only.
func layerRule(name string, profile map[string]any) map[string]any {
	rule := map[string]any{"name": name}
	if binaries, ok := profile["binaries"]; ok {
		rule["binaries"] = binaries
	}
	credentials, _ := profile["credentials"].([]any)
	endpoints, _ := profile["endpoints"].([]any)
	for _, e := range endpoints {
		if endpoint, ok := e.(map[string]any); ok && len(credentials) > 0 {
			endpoint["providerCredentialed"] = true
		}
	}
	if len(endpoints) > 0 {
		rule["endpoints"] = endpoints
	}
	return rule
}
