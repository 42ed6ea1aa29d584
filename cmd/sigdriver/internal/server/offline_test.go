// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestParseRequest reads from ProtoJSON what Verify reads from bytes.
func TestParseRequest(t *testing.T) {
	s := verifiertest.ComposeLayers()
	m := &signingv1.VerifyRequest{
		RequestId: "r", Purpose: signingv1.Purpose_PURPOSE_COMPOSE, Effective: s.Request.Effective, Recipe: s.Request.Recipe, ProvidersV2Enabled: true,
		Target: &signingv1.Target{GatewayId: "gw-east", Workspace: "prod", SandboxId: "sb-0001", Name: "web-1"},
	}
	for _, d := range s.Request.Documents {
		m.Documents = append(m.Documents, &signingv1.Document{Role: signingv1.Role(d.Role), Provider: d.Provider, Body: d.Body, Attestations: d.Attestations})
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseRequest(text)
	if err != nil || !reflect.DeepEqual(got, &s.Request) {
		t.Fatalf("%v: %+v", err, got)
	}
	for name, edit := range map[string][2]string{
		"no JSON":         {`{`, `[`},
		"unknown field":   {`"recipe"`, `"recepte"`},
		"duplicate field": {`"recipe"`, `"recipe":"x","recipe"`},
		"bad recipe":      {verifier.Recipes()[0], "other"},
		"no body":         {`"body":"`, `"body":"","provider":"`},
	} {
		bad := strings.Replace(strings.ReplaceAll(string(text), `": `, `":`), edit[0], edit[1], 1)
		if got, err := ParseRequest([]byte(bad)); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
	m.Documents = append(m.Documents, &signingv1.Document{Role: signingv1.Role_ROLE_SETTINGS, Body: make([]byte, verifier.MaxRequest)})
	if text, err = protojson.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseRequest(text); err == nil || !strings.HasPrefix(err.Error(), "REQUEST_TOO_LARGE") {
		t.Errorf("over 8 MiB: %v", err)
	}
}
