// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"os"

	"google.golang.org/protobuf/encoding/protojson"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
)

// Ask decides a question as Verify would at this moment, by the trust, the index and the
// state in use. Nothing comes of it: it is in no journal and no cache, and neither a
// floor nor a sandbox's place moves. It is for operators.
func (s *Server) Ask(req *verifier.Request) (*verifier.Decision, error) {
	own := uint32(os.Geteuid()) // operators have the driver's own part
	if !s.Admission.cold.try(own, 1) {
		return nil, overloaded("as many questions of operators are decided as may be at once")
	}
	defer s.Admission.cold.give(own, 1)
	if err := s.Admission.turns.take(context.Background(), own, 1); err != nil {
		return nil, err
	}
	defer s.Admission.turns.give(own, 1)
	now, err := s.Clock.Now()
	if err != nil {
		return nil, err
	}
	merge(req, s.Index.Current())
	d := verifier.Verify(req, s.Trust.Current().Trust, s.Record.View(), now)
	d.Raises, d.Binding = nil, nil // nothing is raised or bound
	return &d, nil
}

// RequestText is a request as ParseRequest reads it.
func RequestText(r *verifier.Request) ([]byte, error) {
	m := &signingv1.VerifyRequest{
		RequestId: "ask", Purpose: signingv1.Purpose(r.Purpose),
		Target:    &signingv1.Target{GatewayId: r.Target.GatewayID, Workspace: r.Target.Workspace, SandboxId: r.Target.SandboxID, Name: r.Target.Name},
		Effective: r.Effective, Recipe: r.Recipe, ProvidersV2Enabled: r.ProvidersV2,
		ProvidersWithoutProfile: r.WithoutProfile,
	}
	for _, d := range r.Documents {
		m.Documents = append(m.Documents, &signingv1.Document{
			Role: signingv1.Role(d.Role), Workspace: d.Workspace, Provider: d.Provider, NoLayer: signingv1.NoLayer(d.NoLayer), Body: d.Body, Attestations: d.Attestations,
		})
	}
	return protojson.Marshal(m)
}
