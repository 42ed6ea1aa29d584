// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// RequestSHA256 is request_sha256 of the contract, written a second time from
// its specification. Only the digests of attestations are asked of the verifier:
// they need its strict parser.
func RequestSHA256(req *verifier.Request) string { return vt.SHA256(requestSummary(req)) }

// AskedSHA256 is asked_sha256 of the contract.
func AskedSHA256(req *verifier.Request) string { return vt.SHA256(summaryWith(req, false)) }

func requestSummary(req *verifier.Request) []byte { return summaryWith(req, true) }

func summaryWith(req *verifier.Request, attested bool) []byte {
	documents := vt.List{}
	for _, d := range req.Documents {
		attestations := vt.List{}
		for _, a := range d.Attestations {
			if !attested {
				break
			}
			attestations = append(attestations, verifier.AttestationDigest(a))
		}
		document := vt.Tree{
			"role": vt.RoleNames[d.Role], "workspace": d.Workspace, "provider": d.Provider,
			"sha256": vt.SHA256(d.Body), "attestations": attestations,
		}
		if d.NoLayer == verifier.BaseURLElsewhere {
			document["no_layer"] = "BASE_URL_ELSEWHERE"
		}
		documents = append(documents, document)
	}
	effective := ""
	if len(req.Effective) > 0 {
		effective = vt.SHA256(req.Effective)
	}
	summary := vt.Tree{
		"purpose": invert(purposes)[req.Purpose],
		"target": vt.Tree{"gateway_id": req.Target.GatewayID, "workspace": req.Target.Workspace,
			"sandbox_id": req.Target.SandboxID, "name": req.Target.Name},
		"recipe": req.Recipe, "providers_v2_enabled": req.ProvidersV2,
		"documents": documents, "effective_sha256": effective,
	}
	if len(req.WithoutProfile) > 0 {
		without := vt.List{}
		for _, provider := range req.WithoutProfile {
			without = append(without, provider)
		}
		summary["providers_without_profile"] = without
	}
	return vt.Canonical(summary)
}
