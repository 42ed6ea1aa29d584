// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestRequestAtItsLimits: each limit of a request is taken, one more is not.
func TestRequestAtItsLimits(t *testing.T) {
	name := func(n int) string { return strings.Repeat("n", n) }
	for _, c := range []struct {
		field string
		limit int
		set   func(*verifier.Request, int)
	}{
		{"documents", verifier.MaxDocuments, func(r *verifier.Request, n int) {
			for i := len(r.Documents); i < n; i++ {
				r.Documents = append(r.Documents, verifier.Document{Role: verifier.ProviderProfile, Provider: fmt.Sprint(i)})
			}
		}},
		{"effective", verifier.MaxEffective, func(r *verifier.Request, n int) { r.Effective = make([]byte, n) }},
		{"documents[1].body", verifier.MaxBody, func(r *verifier.Request, n int) { r.Documents[1].Body = make([]byte, n) }},
		{"documents[1].attestations", verifier.MaxAttestations + verifier.MaxIndexed, func(r *verifier.Request, n int) { r.Documents[1].Attestations = make([][]byte, n) }},
		{"documents[1].provider", verifier.MaxName, func(r *verifier.Request, n int) { r.Documents[1].Provider = name(n) }},
		{"documents[1].workspace", verifier.MaxName, func(r *verifier.Request, n int) {
			r.Documents[1].Workspace, r.Target.Workspace = name(n), name(min(n, verifier.MaxName))
		}},
		{"target.gateway_id", verifier.MaxName, func(r *verifier.Request, n int) { r.Target.GatewayID = name(n) }},
		{"target.workspace", verifier.MaxName, func(r *verifier.Request, n int) { r.Target.Workspace = name(n) }},
		{"target.sandbox_id", verifier.MaxName, func(r *verifier.Request, n int) { r.Target.SandboxID = name(n) }},
		{"target.name", verifier.MaxName, func(r *verifier.Request, n int) { r.Target.Name = name(n) }},
	} {
		req := vt.ComposeLayers().Request
		c.set(&req, c.limit)
		if err := verifier.CheckRequest(&req); err != nil {
			t.Errorf("%s at its limit: %v", c.field, err)
		}
		req = vt.ComposeLayers().Request
		c.set(&req, c.limit+1)
		var fault *verifier.RequestError
		if err := verifier.CheckRequest(&req); !errors.As(err, &fault) || fault.Reason != "REQUEST_TOO_LARGE" || fault.Field != c.field {
			t.Errorf("%s one past its limit: %v", c.field, err)
		}
	}
}
