// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/demo"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
)

const benchGateway = "gw-bench"

// serve starts a driver whose trust lets anna approve everything, and returns
// with it an encoded COMPOSE request of about each size in bytes that it has
// already allowed, a source and four profiles, each approved, and how many bytes its
// answers have.
func serve(ctx context.Context, l *demo.Lab, sizes []int) (d *demo.Driver, encoded map[int][]byte, reply int, err error) {
	if err := os.Mkdir(l.Path("attestations"), 0o700); err != nil {
		return nil, nil, 0, err
	}
	if err := trustAnna(ctx, l); err != nil {
		return nil, nil, 0, err
	}
	requests := map[int]*signingv1.VerifyRequest{}
	for i, size := range sizes {
		var err error
		if requests[size], err = benchRequest(ctx, l, i, size); err != nil {
			return nil, nil, 0, err
		}
	}
	config, socket, err := l.WriteConfig(benchGateway, "")
	if err != nil {
		return nil, nil, 0, err
	}
	d, err = l.Start(ctx, config, socket)
	if err != nil {
		return nil, nil, 0, err
	}
	if encoded, reply, err = askAll(ctx, socket, requests); err != nil {
		return nil, nil, 0, errors.Join(err, d.Stop())
	}
	return d, encoded, reply, nil
}

// askAll asks each request once, so that it is allowed and cached, and encodes it.
func askAll(ctx context.Context, socket string, requests map[int]*signingv1.VerifyRequest) (encoded map[int][]byte, reply int, err error) {
	g, err := demo.Dial(socket)
	if err != nil {
		return nil, 0, err
	}
	defer g.Close()
	encoded = map[int][]byte{}
	for _, size := range slices.Sorted(maps.Keys(requests)) { // the order numbers them
		req := requests[size]
		resp, err := g.Ask(ctx, req)
		if err != nil {
			return nil, 0, err
		}
		if resp.GetVerdict() != signingv1.Verdict_VERDICT_ALLOW {
			return nil, 0, fmt.Errorf("the driver must allow what is measured, not %v: %v", resp.GetReason(), resp.GetFindings())
		}
		reply = proto.Size(resp)
		if encoded[size], err = proto.Marshal(req); err != nil {
			return nil, 0, err
		}
	}
	return encoded, reply, nil
}

func trustAnna(ctx context.Context, l *demo.Lab) error {
	pem, err := l.Person("anna")
	if err != nil {
		return err
	}
	require := []any{map[string]any{"authority": "anna", "predicateType": verifier.ApprovalPredicateType}}
	data, err := json.Marshal(map[string]any{
		"schema":      "sigdriver.authorities/v1",
		"principals":  map[string]any{"anna": map[string]any{"keys": []any{map[string]any{"pem": pem}}}},
		"authorities": map[string]any{"anna": map[string]any{"principals": []string{"anna"}, "threshold": 1}},
		"rules": []any{
			map[string]any{"name": "policies", "surface": "openshell.sandbox.v1.SandboxPolicy", "mode": "enforce", "require": require},
			map[string]any{"name": "profiles", "surface": "openshell.v1.ProviderProfile", "mode": "enforce", "require": require},
		},
	})
	if err != nil {
		return err
	}
	if _, err := l.Write("authorities.json", data); err != nil {
		return err
	}
	_, err = l.Run(ctx, "trust", "init", "--dir", "trust", "--authorities", "authorities.json")
	return err
}

// benchRequest composes a source with many rules and four small profiles, so that
// the encoded request has about size bytes. The approvals are not in it: the
// driver's index finds them.
func benchRequest(ctx context.Context, l *demo.Lab, n, size int) (*signingv1.VerifyRequest, error) {
	target := &signingv1.Target{GatewayId: benchGateway, Workspace: "bench", SandboxId: fmt.Sprintf("sb-%d", n), Name: fmt.Sprintf("bench-%d", n)}
	padding := 0
	for {
		req, err := composeBench(ctx, l, target, n, padding)
		if err != nil {
			return nil, err
		}
		// The padding stands in the source and again in the effective policy.
		missing := (size - proto.Size(req)) / 2
		if missing < 64 || padding > 0 {
			return req, nil
		}
		padding = missing
	}
}

func composeBench(ctx context.Context, l *demo.Lab, target *signingv1.Target, n, padding int) (*signingv1.VerifyRequest, error) {
	req := &signingv1.VerifyRequest{Purpose: signingv1.Purpose_PURPOSE_COMPOSE, Target: target, Recipe: "openshell.compose/2026-08", ProvidersV2Enabled: true}
	source, err := approved(ctx, l, "sandbox-policy", fmt.Sprintf("policy-%d-%d", n, padding), benchPolicy(padding))
	if err != nil {
		return nil, err
	}
	source.Role = signingv1.Role_ROLE_SANDBOX_POLICY
	req.Documents = append(req.Documents, source)
	var layers []demo.Layer
	for i := range benchProfiles {
		id := fmt.Sprintf("p%d-%d-%d", i, n, padding)
		profile, err := approved(ctx, l, "provider-profile", id, map[string]any{
			"id": id, "endpoints": []any{map[string]any{"host": id + ".example", "port": 443}}})
		if err != nil {
			return nil, err
		}
		profile.Role, profile.Provider = signingv1.Role_ROLE_PROVIDER_PROFILE, id
		req.Documents = append(req.Documents, profile)
		layers = append(layers, demo.Layer{Provider: id, Profile: profile.Body})
	}
	req.Effective, err = demo.Compose(source.Body, layers)
	return req, err
}

// benchProfiles is how many providers the measured sandbox has.
const benchProfiles = 4

// benchPolicy is a policy with about this many bytes of path rules on top.
func benchPolicy(padding int) map[string]any {
	rules := []any{}
	for i := 0; padding > 0; i++ {
		rule := map[string]any{"allow": map[string]any{"method": "GET", "path": fmt.Sprintf("/v1/objects/%06d/**", i)}}
		text, _ := json.Marshal(rule)
		padding -= len(text) + 1
		rules = append(rules, rule)
	}
	return map[string]any{"version": 1, "networkPolicies": map[string]any{"api": map[string]any{
		"name":      "api",
		"endpoints": []any{map[string]any{"host": "api.example", "port": 443, "protocol": "rest", "rules": rules}},
		"binaries":  []any{map[string]any{"path": "/usr/bin/curl"}},
	}}}
}

// approved makes a document and anna's approval of it, with the command line.
func approved(ctx context.Context, l *demo.Lab, typeName, name string, body map[string]any) (*signingv1.Document, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if _, err := l.Write(name+".protojson", data); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"canonicalize", "--type", typeName, name + ".protojson", "--out", name + ".json"},
		{"sign", "--yes", "--document", name + ".json", "--key", "keys/anna.key", "--workspace", "*", "--name", "*", "--version", "1", "--out", "attestations/" + name + ".bundle"},
	} {
		if _, err := l.Run(ctx, args...); err != nil {
			return nil, err
		}
	}
	document, err := os.ReadFile(l.Path(name + ".json"))
	if err != nil {
		return nil, err
	}
	return &signingv1.Document{Body: document}, nil
}
