// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"bytes"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// documentCases are refusals because of a document's own bytes, or because it
// is not there.
func documentCases() []*Case {
	// body replaces the first document by other bytes, approved as they are.
	body := func(change func([]byte) []byte) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			s.Request.Documents[0].Body = change(s.Body(0))
			s.Approve(0, "alice", "bob")
		}
	}
	edit := func(old, new string) func(*vt.Scenario) {
		return body(func(b []byte) []byte { return vt.Edit(b, old, new) })
	}
	here := func(r verifier.Reason) Want { return at(r, 0, -1) }
	nowhere := func() Want { return at(verifier.DocumentMissing, -1, -1) }
	gone := nowhere()
	gone.Docs = []Doc{}
	noSource := nowhere()
	noSource.Docs = []Doc{by(42, "dave"), by(42, "erin")}
	noSettings := nowhere()
	noSettings.Docs = []Doc{by(42, "alice", "bob")}
	return []*Case{
		denies("document-missing", admitPolicy, "ADMIT without a document.",
			func(s *vt.Scenario) { s.Request.Documents = nil }, gone).attack("SE-15"),
		denies("document-missing-body", admitPolicy, "A document with an empty body.",
			body(func([]byte) []byte { return nil }), here(verifier.DocumentMissing)).attack("SE-15"),
		denies("document-missing-source", composeLayers, "COMPOSE without a source policy: the image would supply one.",
			func(s *vt.Scenario) { s.Request.Documents = s.Request.Documents[1:] }, noSource).attack("PO-04", "SE-15"),
		denies("document-missing-effective", composeLayers, "COMPOSE without the effective policy.",
			func(s *vt.Scenario) { s.Request.Effective = nil }, nowhere()),
		denies("document-missing-settings", "allow-compose-settings", "A rule asks for the gateway's settings and they are not there.",
			func(s *vt.Scenario) { s.Request.Documents = s.Request.Documents[:1] }, noSettings),
		denies("document-missing-profile", "allow-compose-without-profile", "A rule that holds here is about profiles, and an attached provider has none: its credentials would be bound to nothing.",
			func(s *vt.Scenario) { s.Authorities.Rule("profiles").AllowWithoutProfile = false }, noSettings),
		denies("document-missing-profile-of-one-rule", "allow-compose-without-profile", "One rule allows it and another that holds here does not.",
			func(s *vt.Scenario) { s.Authorities.Rule("profiles elsewhere").Workspace = "" }, noSettings),
		denies("document-missing-profile-of-one-name", "allow-compose-without-profile", "A rule for profiles of another name: one that is not there has no name.",
			func(s *vt.Scenario) {
				r := s.Authorities.Rule("profiles elsewhere")
				r.Workspace, r.Subject = "prod", "other"
			}, noSettings),
		denies("document-missing-profile-of-any-surface", "allow-compose-without-profile", "A rule for every surface is about profiles too.",
			func(s *vt.Scenario) {
				r := s.Authorities.Rule("profiles elsewhere")
				r.Workspace, r.Surface, r.Subject = "prod", "*", "other"
			}, noSettings),
		denies("document-noncanonical-space", admitPolicy, "A space that RFC 8785 does not write.", edit(`"version":1`, `"version": 1`), here(verifier.DocumentNoncanonical)),
		denies("document-noncanonical-order", admitPolicy, "Members in another order.",
			edit(`"runAsGroup":"sandbox","runAsUser":"sandbox"`, `"runAsUser":"sandbox","runAsGroup":"sandbox"`), here(verifier.DocumentNoncanonical)).attack("PO-20"),
		denies("document-noncanonical-number", admitPolicy, "A number in another spelling.", edit(`"version":1`, `"version":1.0`), here(verifier.DocumentNoncanonical)).attack("PO-22"),
		denies("document-noncanonical-exponent", admitPolicy, "A number out of a double's range.", edit(`"version":1`, `"version":1e400`), here(verifier.DocumentNoncanonical)).attack("PO-22"),
		denies("document-noncanonical-big-integer", admitPolicy, "An integer that a double rounds.", edit(`"version":1`, `"version":9007199254740993`), here(verifier.DocumentNoncanonical)).attack("PO-22"),
		denies("document-noncanonical-negative-zero", admitPolicy, "Minus zero.", edit(`"version":1`, `"version":-0`), here(verifier.DocumentNoncanonical)).attack("PO-22"),
		denies("document-noncanonical-nan", admitPolicy, "NaN is no JSON.", edit(`"version":1`, `"version":NaN`), here(verifier.DocumentNoncanonical)).attack("PO-22"),
		denies("document-noncanonical-escape", admitPolicy, "An escape where RFC 8785 writes the character.", edit(`"best_effort"`, `"best\u005feffort"`), here(verifier.DocumentNoncanonical)),
		denies("document-noncanonical-utf8", admitPolicy, "A byte that is not UTF-8.", edit(`best_effort`, "best\xffeffort"), here(verifier.DocumentNoncanonical)),
		denies("document-noncanonical-trailing", admitPolicy, "A line feed after the end.",
			body(func(b []byte) []byte { return append(bytes.Clone(b), '\n') }), here(verifier.DocumentNoncanonical)),
		denies("document-noncanonical-depth", admitPolicy, "Nesting deeper than the limit.",
			edit(`"version":1`, `"version":1,"zz":`+nested(32)), here(verifier.DocumentNoncanonical)),
		denies("document-noncanonical-marker", admitPolicy, "The gateway's own marker in an approved document: it must be cleared first.",
			edit(`"port":6379`, `"port":6379,"providerCredentialed":true`), here(verifier.DocumentNoncanonical)),
		denies("document-duplicate-key", admitPolicy, "A name twice in one object.", edit(`"version":1`, `"version":1,"version":1`), here(verifier.DocumentDuplicateKey)),
		denies("document-duplicate-key-escaped", admitPolicy, "A name twice, once in escapes.", edit(`"version":1`, `"version":1,"\u0076ersion":1`), here(verifier.DocumentDuplicateKey)),
		denies("document-duplicate-key-deep", admitPolicy, "A name twice, three levels down.", edit(`"port":6379`, `"port":6379,"port":6380`), here(verifier.DocumentDuplicateKey)),
		denies("document-surface", admitPolicy, "A provider profile offered as a sandbox policy.",
			body(func([]byte) []byte { return vt.Canonical(vt.ForgeProfile()) }), here(verifier.DocumentSurface)).attack("ST-04"),
		denies("document-surface-absent", admitPolicy, "A document without @type.", edit(`"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy",`, ``), here(verifier.DocumentSurface)),
		denies("document-surface-array", admitPolicy, "A document that is no object.",
			body(func([]byte) []byte { return []byte(`[]`) }), here(verifier.DocumentSurface)),
		denies("document-surface-prefix", admitPolicy, "Another type URL prefix.", edit(`type.googleapis.com/`, `type.example.com/`), here(verifier.DocumentSurface)),
		denies("document-reserved-name", composePlain, "A source policy that already has a rule under a reserved key.",
			func(s *vt.Scenario) {
				s.Request.Documents[0].Body = vt.Edit(s.Body(0), `"tickets":{`, `"_provider_tickets":{`)
				s.Request.Documents[0].Body = vt.Canonical(vt.Parse(s.Body(0)))
				s.Approve(0, "alice", "bob").Recompose()
			}, here(verifier.DocumentReservedName)).attack("PO-14"),
		denies("document-noncanonical-layer", composeLayers, "One of three documents is not canonical: it is the one that is named.",
			func(s *vt.Scenario) {
				s.Request.Documents[2].Body = append(bytes.Clone(s.Body(2)), ' ')
				s.Approve(2, "erin")
			}, at(verifier.DocumentNoncanonical, 2, -1)),
		denies("document-noncanonical-source", composeLayers, "The first of three is not: nothing is composed from the rest.",
			func(s *vt.Scenario) {
				s.Request.Documents[0].Body = append(bytes.Clone(s.Body(0)), ' ')
				s.Approve(0, "alice", "bob")
			}, here(verifier.DocumentNoncanonical)),
		denies("rule-missing", admitPolicy, "No enforced rule speaks about sandboxes of this workspace.",
			func(s *vt.Scenario) { s.Request.Target.Workspace = "dev" }, here(verifier.RuleMissing)),
		denies("rule-missing-shadow", admitPolicy, "A rule in shadow mode does not allow.",
			func(s *vt.Scenario) { s.Authorities.Rule("prod sandboxes").Mode = "shadow" }, here(verifier.RuleMissing)),
	}
}

// nested is an array inside an array, depth times.
func nested(depth int) string {
	return string(bytes.Repeat([]byte("["), depth)) + string(bytes.Repeat([]byte("]"), depth))
}
