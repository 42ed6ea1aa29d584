// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "fmt"

// sandbox names the request's sandbox across renames.
func (h *evaluation) sandbox() SandboxKey {
	return SandboxKey{h.req.Target.GatewayID, h.req.Target.SandboxID}
}

// source returns the index of the source policy, -1 for none.
func (h *evaluation) source() int {
	for i, d := range h.req.Documents {
		if d.Role == SandboxPolicy || d.Role == GlobalPolicy {
			return i
		}
	}
	return -1
}

// find looks up where the sandbox was first allowed. A row that keeps its id
// and takes another name would otherwise choose among approvals by glob.
func (h *evaluation) checkBinding(floors Floors) {
	was, ok := floors.Place(h.sandbox())
	if !ok {
		return
	}
	h.binding = &Binding{h.sandbox(), was}
	// SPEC: R6 another pair later is a scope mismatch.
	if is := (Place{h.req.Target.Workspace, h.req.Target.Name}); is != was {
		h.bindingFault = &Finding{Reason: ScopeMismatch, Attestation: -1,
			Detail: fmt.Sprintf("sandbox %s was first allowed as %s in workspace %s, and now asks as %s in %s",
				quote(h.req.Target.SandboxID), quote(was.Name), quote(was.Workspace), quote(is.Name), quote(is.Workspace))}
	}
}

// absent names a document without which the question cannot be answered.
// SPEC: R2 a missing document or source is DENY.
func (h *evaluation) missingDocument() *Finding {
	missing := func(what string) *Finding {
		return &Finding{Reason: DocumentMissing, Document: -1, Attestation: -1, Detail: what}
	}
	if h.req.Purpose != Compose {
		if len(h.req.Documents) == 0 {
			return missing("the request has no document")
		}
		return nil
	}
	if h.source() < 0 {
		return missing("the request has no source policy: without one the sandbox image would supply its own")
	}
	if _, some := h.effectiveSHA256(); !some {
		return missing("the request has no effective policy to compare with")
	}
	// SPEC: R2 where an enforce rule for SETTINGS matches, COMPOSE without it is DENY.
	for _, d := range h.req.Documents {
		if d.Role == Settings {
			return nil
		}
	}
	probe := &parsedDocument{role: Settings, surface: surfaceSettings}
	probe.subject.name = h.req.Target.Name
	for _, r := range h.trust.authorities.rules {
		if !r.shadow && r.matches(probe, &h.req.Target) {
			return missing(fmt.Sprintf("the rule %s asks for the SETTINGS of this sandbox", quote(r.name)))
		}
	}
	return nil
}
