// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/internal/cputime"
)

func TestCompositionFindingsAreBounded(t *testing.T) {
	c := sampleComposition()
	effective := gatewayCompose(t, c, c.names())
	rules := effective["networkPolicies"].(map[string]any)
	for i := range maxDifferences {
		rules[fmt.Sprintf("evil%02d", i)] = map[string]any{}
		if i == maxDifferences-1 {
			break
		}
		c.effective = encoded(t, effective)
		if got := c.check(t); len(got) != i+1 || strings.Contains(got[i].Detail, "more differences") {
			t.Fatalf("%d extra rules: %d findings", i+1, len(got))
		}
	}
	c.effective = encoded(t, effective)
	if got := c.check(t); len(got) != maxDifferences || strings.Contains(got[maxDifferences-1].Detail, "more differences") {
		t.Errorf("at the limit: %d findings, the last is %s", len(got), got[len(got)-1].Detail)
	}
	rules["x"+strings.Repeat("y", 100_000)] = map[string]any{}
	effective["version"] = 7
	c.effective = encoded(t, effective)
	if got := c.check(t); len(got) != maxDifferences || !strings.Contains(got[maxDifferences-1].Detail, "and 3 more differences") {
		t.Errorf("past the limit: %d findings, the last is %s", len(got), got[len(got)-1].Detail)
	}
}

// largeComposition is 32 layers on a source, with so many endpoints altogether.
func largeComposition(t testing.TB, endpoints int) (*Request, []*parsedDocument) {
	const layers = 32
	list := func(n int, marked bool) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"host":"host-%d.corp.example","port":443,"protocol":"rest","providerCredentialed":true}`, i)
		}
		if marked {
			return b.String()
		}
		return strings.ReplaceAll(b.String(), `,"providerCredentialed":true`, "")
	}
	own := endpoints / 2
	each := (endpoints - own) / layers
	const head = `"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy"`
	policy := fmt.Sprintf(`{%s,"networkPolicies":{"own":{"endpoints":[%s]}}}`, head, list(own, false))
	effective := strings.TrimSuffix(fmt.Sprintf(`{%s,"networkPolicies":{"own":{"endpoints":[%s]}}}`, head, list(own, true)), "}}")
	req := &Request{Purpose: Compose, Target: *sampleTarget, Recipe: recipe, ProvidersV2: true}
	req.Documents = append(req.Documents, Document{Role: SandboxPolicy, Body: sample(t, policy)})
	for i := range layers {
		profile := fmt.Sprintf(`{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","id":"p%d","credentials":[{}],"endpoints":[%s]}`, i, list(each, false))
		req.Documents = append(req.Documents, Document{Role: ProviderProfile, Provider: fmt.Sprintf("p%d", i), Body: sample(t, profile)})
		effective += fmt.Sprintf(`,"_provider_p%d":{"name":"_provider_p%d","endpoints":[%s]}`, i, i, list(each, true))
	}
	req.Effective = sample(t, effective+"}}")
	var docs []*parsedDocument
	for i := range req.Documents {
		docs = append(docs, mustParse(t, &req.Documents[i]))
	}
	return req, docs
}

// SPEC: PO-26 32 layers and 10,000 endpoints within the time budget.
func TestCompositionAtTheLimits(t *testing.T) {
	req, docs := largeComposition(t, 10_000)
	if len(req.Effective) > MaxEffective {
		t.Fatalf("the effective policy has %d bytes", len(req.Effective))
	}
	took := cputime.Of(func() {
		if got := checkComposition(req, docs); len(got) > 0 {
			t.Errorf("%v", got)
		}
	})
	if took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	i := strings.LastIndex(string(req.Effective), `"port":443`)
	req.Effective[i+len(`"port":44`)] = '4'
	if got := checkComposition(req, docs); len(got) != 1 || got[0].Reason != CompositionMismatch {
		t.Errorf("one port of 10,000 changed: %v", got)
	}
}

func BenchmarkCheckComposition(b *testing.B) {
	for _, n := range []int{64, 10_000} {
		b.Run(fmt.Sprintf("%dEndpoints", n), func(b *testing.B) {
			req, docs := largeComposition(b, n)
			b.SetBytes(int64(len(req.Effective)))
			b.ReportAllocs()
			for b.Loop() {
				if got := checkComposition(req, docs); len(got) > 0 {
					b.Fatal(got)
				}
			}
		})
	}
}
