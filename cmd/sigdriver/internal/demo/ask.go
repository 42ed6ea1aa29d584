// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"strings"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
)

const (
	gatewayID = "gw-1"
	workspace = "prod"
	recipe    = "openshell.compose/2026-08"
)

// expect announces a verdict, asks, and says whether it came.
func (p *play) expect(reason signingv1.Reason, what string, req *signingv1.VerifyRequest) error {
	verdict := signingv1.Verdict_VERDICT_DENY
	if reason == signingv1.Reason_REASON_ALLOWED {
		verdict = signingv1.Verdict_VERDICT_ALLOW
	}
	resp, err := p.gateway.Ask(p.ctx, req)
	if err != nil {
		return err
	}
	p.entries[resp.GetReceipt().GetLogIndex()] = true
	mark := "✓"
	if resp.GetVerdict() != verdict || resp.GetReason() != reason {
		mark, p.differs = "✗", p.differs+1
	}
	p.say("   %s %-5s %-28s %s\n", mark, short(resp.GetVerdict().String()), short(resp.GetReason().String()), what)
	if mark == "✗" {
		p.say("     announced was %s %s\n", short(verdict.String()), short(reason.String()))
		for _, f := range resp.GetFindings() {
			p.say("     finding: %s: %s\n", short(f.GetReason().String()), f.GetDetail())
		}
	}
	if text := resp.GetNearestMiss().GetText(); text != "" {
		p.say("       nearest miss: %s\n", text)
	}
	return nil
}

// short drops the prefix that protobuf's style puts before an enum value.
func short(enum string) string {
	return strings.TrimPrefix(strings.TrimPrefix(enum, "REASON_"), "VERDICT_")
}

// shell quotes an argument when a shell would not take it as it is.
func shell(arg string) string {
	if strings.ContainsAny(arg, " *'\"$") {
		return "'" + arg + "'"
	}
	return arg
}

// row is a sandbox as the gateway's database has it.
type row struct {
	id, name  string
	policy    stored
	providers []provider
}

// stored is a document with the attestations that the gateway sends along.
type stored struct {
	body         []byte
	attestations [][]byte
}

// provider is one attached provider.
type provider struct {
	name    string
	profile stored
}

// web1 is the sandbox of the demo: two approvals of its policy travel in the
// request, those of the profiles come through TUF.
func (p *play) web1() *row {
	return &row{
		id: "sb-1", name: "web-1",
		policy:    stored{p.docs.policy, [][]byte{p.docs.byAlice, p.docs.byBob}},
		providers: []provider{{"My Forge", stored{body: p.docs.forge}}, {"mirror", stored{body: p.docs.mirror}}},
	}
}

func (r *row) target() *signingv1.Target {
	return &signingv1.Target{GatewayId: gatewayID, Workspace: workspace, SandboxId: r.id, Name: r.name}
}

// admit asks before the row's policy is stored.
func (r *row) admit() *signingv1.VerifyRequest {
	return &signingv1.VerifyRequest{Purpose: signingv1.Purpose_PURPOSE_ADMIT, Target: r.target(),
		Documents: []*signingv1.Document{r.policy.document(signingv1.Role_ROLE_SANDBOX_POLICY, "")}}
}

// compose builds the effective policy as the gateway does and asks about it.
func (r *row) compose() (*signingv1.VerifyRequest, error) {
	req := &signingv1.VerifyRequest{Purpose: signingv1.Purpose_PURPOSE_COMPOSE, Target: r.target(),
		Recipe: recipe, ProvidersV2Enabled: true,
		Documents: []*signingv1.Document{r.policy.document(signingv1.Role_ROLE_SANDBOX_POLICY, "")}}
	var layers []Layer
	for _, a := range r.providers {
		req.Documents = append(req.Documents, a.profile.document(signingv1.Role_ROLE_PROVIDER_PROFILE, a.name))
		layers = append(layers, Layer{Provider: a.name, Profile: a.profile.body})
	}
	var err error
	req.Effective, err = Compose(r.policy.body, layers)
	return req, err
}

func (s stored) document(role signingv1.Role, provider string) *signingv1.Document {
	return &signingv1.Document{Role: role, Provider: provider, Body: s.body, Attestations: s.attestations}
}

// expectCompose asks about the composition of a row.
func (p *play) expectCompose(reason signingv1.Reason, what string, r *row) error {
	req, err := r.compose()
	if err != nil {
		return err
	}
	return p.expect(reason, what, req)
}

func (p *play) askHonestly() error {
	p.act("4. The gateway asks about what was approved")
	if err := p.expect(signingv1.Reason_REASON_ALLOWED, "admission: the policy, before it is stored", p.web1().admit()); err != nil {
		return err
	}
	return p.expectCompose(signingv1.Reason_REASON_ALLOWED, "composition: policy + 2 profiles = effective policy", p.web1())
}

// askDishonestly changes one thing at a time in what the gateway's database has.
func (p *play) askDishonestly() error {
	p.act("5. Somebody changes one thing in the gateway's database")
	for _, lie := range []struct {
		reason signingv1.Reason
		what   string
		tell   func(r *row)
	}{
		{signingv1.Reason_REASON_SUBJECT_MISMATCH, "one flipped byte in the stored policy", func(r *row) {
			r.policy.body = bytes.Replace(r.policy.body, []byte("/v2/orders"), []byte("/v3/orders"), 1)
		}},
		{signingv1.Reason_REASON_COMPOSITION_PART_UNATTESTED, "a profile swapped for one that nobody approved", func(r *row) {
			r.providers[1].profile.body = bytes.Replace(r.providers[1].profile.body, []byte("packages.shop.example"), []byte("packages.evil.example"), 1)
		}},
		{signingv1.Reason_REASON_THRESHOLD, "one of the two approvals taken away", func(r *row) {
			r.policy.attestations = r.policy.attestations[:1]
		}},
		{signingv1.Reason_REASON_SCOPE_MISMATCH, "approvals that were given for another workspace", func(r *row) {
			r.policy.attestations = p.docs.forStaging
		}},
		{signingv1.Reason_REASON_VERSION_ROLLBACK, "the old version 6 put back, with its real approvals", func(r *row) {
			r.policy = p.docs.old
		}},
	} {
		r := p.web1()
		lie.tell(r)
		if err := p.expectCompose(lie.reason, lie.what, r); err != nil {
			return err
		}
	}
	req, err := p.web1().compose()
	if err != nil {
		return err
	}
	req.Effective, err = Compose(req.Effective, []Layer{{Provider: "extra", Profile: p.docs.mirror}})
	if err != nil {
		return err
	}
	if err := p.expect(signingv1.Reason_REASON_COMPOSITION_PART_EXTRA, "an extra rule in the effective policy", req); err != nil {
		return err
	}
	return p.expectCompose(signingv1.Reason_REASON_ALLOWED, "everything as it was", p.web1())
}

// changeTrust publishes new trust twice while the driver runs.
func (p *play) changeTrust() error {
	p.act("7. The security team changes trust; the driver keeps running")
	r := p.web1()
	r.policy.attestations = [][]byte{p.docs.byAlice, p.docs.byCarol}
	if err := p.expectCompose(signingv1.Reason_REASON_THRESHOLD, "alice and carol approve, but nobody knows carol", r); err != nil {
		return err
	}
	if err := p.publishSigner(); err != nil {
		return err
	}
	if err := p.expectCompose(signingv1.Reason_REASON_ALLOWED, "the same question, carol being a signer now", r); err != nil {
		return err
	}
	if err := p.publishRevocation(); err != nil {
		return err
	}
	return p.expectCompose(signingv1.Reason_REASON_THRESHOLD, "the same question, carol's key being revoked", r)
}
