// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// ReceiptMediaType names the JSON form of what receipt verify found.
const ReceiptMediaType = "application/vnd.sigdriver.receipt.v1+json"

// receiptReport is what is said about one receipt. A statement is there only when
// it verified.
type receiptReport struct {
	MediaType string             `json:"mediaType"`
	Result    string             `json:"result"` // VERIFIED or REFUSED
	Finding   string             `json:"finding,omitempty"`
	Detail    string             `json:"detail,omitempty"`
	Statement *receipt.Statement `json:"statement,omitempty"`

	refusal *receipt.Refusal
}

func (r *receiptReport) print(p *printer) {
	if r.refusal != nil {
		p.check(failed, "receipt", "%s", r.Detail)
		p.line("REFUSED %s", r.Finding)
		p.line("    sigdriver explain %s", r.Finding)
		return
	}
	s := &r.Statement.Predicate
	build := s.Driver.Version
	if s.Driver.Revision != "" {
		build += ", " + s.Driver.Revision
	}
	p.check(passed, "driver", "%q (%s), its receipt %d, log entry %d", s.Driver.ID, build, s.Sequence, s.Log.Index)
	p.check(passed, "target", "gateway %q, workspace %q, sandbox %q with the id %q", s.Target.GatewayID, s.Target.Workspace, s.Target.Name, s.Target.SandboxID)
	p.check(passed, "effective", "sha256:%s by %s", r.Statement.Subject[0].Digest.SHA256, s.Recipe)
	for _, in := range s.Inputs {
		p.check(passed, "input", "%s", describeInput(in))
	}
	stale := ""
	if s.Trust.Stale {
		stale = ", past an expiry"
	}
	p.check(passed, "trust", "epoch %d, root %d, targets %d%s", s.Trust.Epoch, s.Trust.Root, s.Trust.Targets, stale)
	p.check(passed, "lifetime", "%s until %s", s.IssuedAt.Format(time.RFC3339), s.NotAfter.Format(time.RFC3339))
	p.line("VERIFIED ALLOW for COMPOSE")
}

// describeInput is one document of the composition on one line.
func describeInput(in receipt.Input) string {
	var b strings.Builder
	b.WriteString(in.Role)
	if in.Provider != "" {
		fmt.Fprintf(&b, " of %q", in.Provider)
	}
	fmt.Fprintf(&b, " sha256:%s", in.SHA256)
	if in.Version > 0 {
		fmt.Fprintf(&b, " version %d", in.Version)
	}
	if len(in.Principals) > 0 {
		fmt.Fprintf(&b, " by %s", strings.Join(in.Principals, ", "))
	}
	if in.Omitted > 0 {
		fmt.Fprintf(&b, " and %d more", in.Omitted)
	}
	return b.String()
}
