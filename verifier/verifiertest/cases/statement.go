// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"fmt"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// statementCases are refusals of what was signed. Each changes the payload
// before it is signed, so that the signature is good.
func statementCases() []*Case {
	here := func(r verifier.Reason) Want { return at(r, 0, 0) }
	// text edits the payload that dave signs.
	text := func(old, new string) func(*vt.Scenario) {
		return func(s *vt.Scenario) { s.Payload(0, vt.Edit(s.Approval(0).Of(s.Body(0)).JSON(), old, new), "dave") }
	}
	// state changes the Statement that dave signs.
	state := func(change func(*vt.Statement, *vt.Scenario)) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			statement := s.Approval(0).Of(s.Body(0))
			change(&statement, s)
			s.State(0, statement, "dave")
		}
	}
	typed := func(value string) func(*vt.Scenario) {
		return state(func(st *vt.Statement, _ *vt.Scenario) { st.Type = value })
	}
	predicate := func(value string) func(*vt.Scenario) {
		return state(func(st *vt.Statement, _ *vt.Scenario) { st.PredicateType = value })
	}
	// digest changes the hex sha256 of the only subject.
	digest := func(change func(string) string) func(*vt.Scenario) {
		return state(func(st *vt.Statement, s *vt.Scenario) {
			st.Subject[0].Digest["sha256"] = change(s.SHA256(0))
		})
	}
	approve := func(change func(*vt.Approval)) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			a := s.Approval(0)
			change(&a)
			s.ApproveAs(0, a, "dave")
		}
	}
	before := func(value string) func(*vt.Scenario) { return approve(func(a *vt.Approval) { a.NotBefore = value }) }
	until := func(value string) func(*vt.Scenario) { return approve(func(a *vt.Approval) { a.NotAfter = value }) }
	version := func(value string) func(*vt.Scenario) { return approve(func(a *vt.Approval) { a.Version = value }) }
	invalid := here(verifier.PredicateInvalid)
	malformed := here(verifier.StatementMalformed)
	mismatch := here(verifier.SubjectMismatch)
	cases := []*Case{
		denies("statement-type-empty", admitProfile, "A Statement without a type.", typed(""), here(verifier.StatementType)).attack("ST-01"),
		denies("statement-type-v9", admitProfile, "A Statement of a version to come.", typed("https://in-toto.io/Statement/v9"), here(verifier.StatementType)).attack("ST-01"),
		denies("statement-type-space", admitProfile, "A space after the type.", typed(vt.StatementV1+" "), here(verifier.StatementType)).attack("ST-01"),
		denies("statement-type-case", admitProfile, "The type in another case.", typed("https://in-toto.io/statement/v1"), here(verifier.StatementType)).attack("ST-01"),
		denies("predicate-type-empty", admitProfile, "An empty predicate type.", predicate(""), here(verifier.PredicateType)).attack("ST-02"),
		denies("predicate-type-other", admitProfile, "A predicate type that no rule asks for.", predicate(vt.ProvenanceType), here(verifier.PredicateType)).attack("ST-02"),
		denies("predicate-type-prefix", admitProfile, "The type with its end cut off.", predicate(strings.TrimSuffix(vt.ApprovalType, "/v1")), here(verifier.PredicateType)).attack("ST-02"),
		denies("predicate-type-suffix", admitProfile, "The type with something after it.", predicate(vt.ApprovalType+"/x"), here(verifier.PredicateType)).attack("ST-02"),
		denies("predicate-type-homoglyph", admitProfile, "The type with a Cyrillic letter.", predicate(strings.Replace(vt.ApprovalType, "policy", "pоlicy", 1)), here(verifier.PredicateType)).attack("ST-02"),
		denies("statement-malformed-case-beside", admitProfile, "A second member that folds to subject.",
			text(`"subject":`, `"SUBJECT":[],"subject":`), malformed).attack("ST-05"),
		denies("statement-malformed-case", admitProfile, "subject in another case.", text(`"subject":`, `"Subject":`), malformed).attack("ST-05"),
		denies("statement-malformed-duplicate-subject", admitProfile, "subject twice.", text(`"subject":`, `"subject":[],"subject":`), malformed).attack("ST-06"),
		denies("statement-malformed-duplicate-predicate-type", admitProfile, "predicateType twice.",
			text(`"predicateType":`, `"predicateType":"x","predicateType":`), malformed).attack("ST-06"),
		denies("statement-malformed-duplicate-digest", admitProfile, "sha256 twice.",
			text(`"digest":{`, `"digest":{"sha256":"00","\u0073ha256":"00",`), malformed).attack("ST-06"),
		denies("statement-malformed-duplicate-scope", admitProfile, "A member of the scope twice.",
			text(`"scope":{`, `"scope":{"name":"x",`), malformed),
		denies("statement-malformed-digest-case", admitProfile, "Digest for digest.", text(`"digest":`, `"Digest":`), malformed).attack("ST-08"),
		denies("statement-malformed-type", admitProfile, "_type is no string.", text(`"_type":"https://in-toto.io/Statement/v1"`, `"_type":1`), malformed),
		denies("statement-type-absent", admitProfile, "No _type.", text(`"_type":"https://in-toto.io/Statement/v1",`, ``), here(verifier.StatementType)).attack("ST-01"),
		denies("statement-malformed-predicate-type", admitProfile, "predicateType is no string.", text(`"predicateType":"`+vt.ApprovalType+`"`, `"predicateType":["`+vt.ApprovalType+`"]`), malformed),
		denies("predicate-type-absent", admitProfile, "No predicateType.", text(`"predicateType":"`+vt.ApprovalType+`",`, ``), here(verifier.PredicateType)).attack("ST-02"),
		denies("statement-malformed-subjects", admitProfile, "subject is an object.", func(s *vt.Scenario) {
			st := s.Approval(0).Of(s.Body(0))
			one := string(vt.Compact(st.Subject[0]))
			s.Payload(0, vt.Edit(st.JSON(), `[`+one+`]`, one), "dave")
		}, malformed),
		denies("statement-malformed-subject", admitProfile, "A subject is a string.", func(s *vt.Scenario) {
			st := s.Approval(0).Of(s.Body(0))
			s.Payload(0, vt.Edit(st.JSON(), string(vt.Compact(st.Subject[0])), `"`+s.SHA256(0)+`"`), "dave")
		}, malformed),
		denies("statement-malformed-name", admitProfile, "A subject's name is a number.", text(`"name":"policy.json"`, `"name":1`), malformed),
		denies("statement-malformed-digest", admitProfile, "A digest set is a string.", func(s *vt.Scenario) {
			s.Payload(0, vt.Edit(s.Approval(0).Of(s.Body(0)).JSON(), `{"sha256":"`+s.SHA256(0)+`"}`, `"`+s.SHA256(0)+`"`), "dave")
		}, malformed),
		denies("statement-malformed-digest-value", admitProfile, "A digest is a list.", func(s *vt.Scenario) {
			s.Payload(0, vt.Edit(s.Approval(0).Of(s.Body(0)).JSON(), `"`+s.SHA256(0)+`"`, `["`+s.SHA256(0)+`"]`), "dave")
		}, malformed),
		denies("predicate-invalid-absent", admitProfile, "An approval without a predicate.", func(s *vt.Scenario) {
			st := s.Approval(0).Of(s.Body(0))
			s.Payload(0, vt.Edit(st.JSON(), `,"predicate":`+string(vt.Compact(st.Predicate)), ""), "dave")
		}, invalid),
		denies("statement-malformed-read-twice-type", admitProfile, "type beside _type: a reader of protobuf JSON sees the member twice.",
			text(`"_type":`, `"type":"https://in-toto.io/Statement/v0.1","_type":`), malformed).attack("ST-06"),
		denies("statement-malformed-read-twice-predicate-type", admitProfile, "predicate_type beside predicateType.",
			text(`"predicateType":`, `"predicate_type":"x","predicateType":`), malformed).attack("ST-06"),
		denies("statement-malformed-read-twice-media-type", admitProfile, "media_type beside mediaType, in a subject.",
			text(`"digest":`, `"media_type":"x","mediaType":"y","digest":`), malformed).attack("ST-06"),
		denies("statement-malformed-read-twice-location", admitProfile, "download_location in a subject.",
			text(`"digest":`, `"download_location":"x","digest":`), malformed).attack("ST-06"),
		denies("envelope-too-deep-payload", admitProfile, "A payload that nests deeper than the limit.",
			text(`"predicate":`, `"more":`+nested(33)+`,"predicate":`), here(verifier.EnvelopeTooDeep)),
		denies("subject-mismatch-name", "allow-subject-name", "A subject of another name, where the rule asks for the document's.",
			func(s *vt.Scenario) { s.Approve(0, "dave") }, mismatch),
		denies("subject-mismatch-name-case", "allow-subject-name", "The name in another case.", func(s *vt.Scenario) {
			st := s.Approval(0).Of(s.Body(0))
			st.Subject[0].Name = "Forge"
			s.State(0, st, "dave")
		}, mismatch),
		denies("subject-mismatch-name-absent", "allow-subject-name", "A subject without a name.", func(s *vt.Scenario) {
			st := s.Approval(0).Of(s.Body(0))
			st.Subject[0].Name = ""
			s.State(0, st, "dave")
		}, mismatch),
		denies("subject-mismatch-name-beside", "allow-subject-name-provenance", "The document's name stands beside another digest.", func(s *vt.Scenario) {
			p := vt.Provenance(s.Body(0))
			other := vt.SubjectOf([]byte("another"))
			other.Name = "forge"
			p.Subject = append(p.Subject, other)
			s.State(0, p, "dave")
		}, mismatch),
		denies("subject-mismatch-name-spoiled", "allow-subject-name-provenance", "The subject of that name has another document's sha512.", func(s *vt.Scenario) {
			p := vt.Provenance(s.Body(0))
			spoiled := vt.SubjectOf(s.Body(0))
			spoiled.Name, spoiled.Digest["sha512"] = "forge", vt.SHA512([]byte("another"))
			p.Subject = append(p.Subject, spoiled)
			s.State(0, p, "dave")
		}, mismatch),
		denies("statement-malformed-json", admitProfile, "A payload that is no JSON.",
			func(s *vt.Scenario) { s.Payload(0, []byte("approved"), "dave") }, malformed),
		denies("statement-malformed-array", admitProfile, "A payload that is no object.",
			func(s *vt.Scenario) { s.Payload(0, []byte("[]"), "dave") }, malformed),
		denies("statement-malformed-trailing", admitProfile, "Something after the Statement.",
			func(s *vt.Scenario) { s.Payload(0, append(s.Approval(0).Of(s.Body(0)).JSON(), " {}"...), "dave") }, malformed),
		denies("statement-malformed-65-subjects", "allow-provenance-64-subjects", "One subject more than the limit.",
			func(s *vt.Scenario) {
				p := vt.Provenance(s.Body(0))
				for i := range verifier.MaxSubjects {
					p.Subject = append(p.Subject, vt.SubjectOf(fmt.Append(nil, i)))
				}
				s.Offer(0, s.Attestation(0, 0), p.Seal(vt.Person("erin")).JSON())
			}, at(verifier.StatementMalformed, 0, 1)).attack("ST-13"),
		denies("subject-digest-alg", admitProfile, "A subject with a sha512 alone.",
			state(func(st *vt.Statement, s *vt.Scenario) {
				st.Subject[0].Digest = map[string]string{"sha512": vt.SHA512(s.Body(0))}
			}), here(verifier.SubjectDigestAlg)),
		denies("subject-digest-alg-case", admitProfile, "SHA256 for sha256.", text(`"sha256":`, `"SHA256":`), here(verifier.SubjectDigestAlg)).attack("ST-08"),
		denies("subject-mismatch-bit", admitProfile, "The digest off by one bit.", digest(func(d string) string {
			last := map[bool]string{true: "0", false: "1"}[strings.HasSuffix(d, "1")]
			return d[:63] + last
		}), mismatch).attack("ST-09"),
		denies("subject-mismatch-short", admitProfile, "63 hex digits.", digest(func(d string) string { return d[:63] }), mismatch).attack("ST-09"),
		denies("subject-mismatch-long", admitProfile, "65 hex digits.", digest(func(d string) string { return d + "0" }), mismatch).attack("ST-09"),
		denies("subject-mismatch-upper-case", admitProfile, "The digest in upper case.", digest(strings.ToUpper), mismatch).attack("ST-09"),
		denies("subject-mismatch-other-digest", "allow-subject-other-digest", "The right sha256 beside the sha512 of another document.",
			state(func(st *vt.Statement, _ *vt.Scenario) {
				st.Subject[0].Digest["sha512"] = vt.SHA512([]byte("another document"))
			}), mismatch),
		denies("subject-mismatch-other-document", admitProfile, "An approval of another document.",
			func(s *vt.Scenario) { s.State(0, s.Approval(0).Of(vt.Canonical(vt.MirrorProfile())), "dave") }, mismatch),
		denies("subject-mismatch-provenance", "allow-provenance", "A provenance of another document beside a good approval.",
			func(s *vt.Scenario) {
				s.Offer(0, s.Attestation(0, 0), vt.Provenance([]byte("another document")).Seal(vt.Person("erin")).JSON())
			}, at(verifier.SubjectMismatch, 0, 1)),
		denies("subject-mismatch-envelope", admitProfile, "An attestation about an attestation.",
			func(s *vt.Scenario) { s.State(0, s.Approval(0).Of(s.Attestation(0, 0)), "dave") }, mismatch).attack("ST-23"),
		denies("subject-missing", admitProfile, "No subject.", state(func(st *vt.Statement, _ *vt.Scenario) { st.Subject = []vt.Subject{} }), here(verifier.SubjectMissing)).attack("ST-10"),
		denies("subject-missing-member", admitProfile, "No subject member.", func(s *vt.Scenario) {
			st := s.Approval(0).Of(s.Body(0))
			s.Payload(0, vt.Edit(st.JSON(), `"subject":`+string(vt.Compact(st.Subject))+`,`, ""), "dave")
		}, here(verifier.SubjectMissing)).attack("ST-10"),
		denies("subject-missing-digest", admitProfile, "A subject without digests.",
			state(func(st *vt.Statement, _ *vt.Scenario) { st.Subject[0].Digest = map[string]string{} }), here(verifier.SubjectMissing)).attack("ST-10"),
		denies("subject-ambiguous", admitProfile, "An approval of two documents.",
			state(func(st *vt.Statement, _ *vt.Scenario) {
				st.Subject = append(st.Subject, vt.SubjectOf([]byte("another document")))
			}), here(verifier.SubjectAmbiguous)).attack("ST-13"),
		denies("attestation-expired", admitProfile, "An approval at its notAfter.", until("2026-09-01T12:00:00Z"), here(verifier.AttestationExpired)).attack("ST-17"),
		denies("attestation-not-yet-valid", admitProfile, "An approval one second before its notBefore.", before("2026-09-01T12:00:01Z"), here(verifier.AttestationNotYetValid)).attack("ST-17"),
		denies("predicate-invalid-leap-second", admitProfile, "A leap second.", until("2026-12-31T23:59:60Z"), invalid).attack("ST-17"),
		denies("predicate-invalid-day", admitProfile, "The 30th of February.", until("2027-02-30T00:00:00Z"), invalid).attack("ST-17"),
		denies("predicate-invalid-offset", admitProfile, "An offset of a day.", until("2027-01-01T00:00:00+24:00"), invalid).attack("ST-17"),
		denies("predicate-invalid-offset-zero", admitProfile, "UTC in another spelling.", until("2027-01-01T00:00:00+00:00"), invalid).attack("ST-17"),
		denies("predicate-invalid-year", admitProfile, "The year 10000.", until("10000-01-01T00:00:00Z"), invalid).attack("ST-17"),
		denies("predicate-invalid-window", admitProfile, "notAfter before notBefore.", until("2025-12-31T00:00:00Z"), invalid),
		denies("predicate-invalid-empty-window", admitProfile, "notAfter at notBefore.", until("2026-01-01T00:00:00Z"), invalid),
		denies("predicate-invalid-scope-type", admitProfile, "A scope that is a string.", text(`"scope":{"gateway":"*","workspace":"*","name":"*"}`, `"scope":"*"`), invalid),
		denies("predicate-invalid-scope-member", admitProfile, "A member that scopes do not have.", text(`"scope":{`, `"scope":{"cluster":"*",`), invalid),
		denies("predicate-invalid-surface-empty", admitProfile, "An empty surface.", approve(func(a *vt.Approval) { a.Surface = "" }), invalid),
		denies("predicate-invalid-surface-null", admitProfile, "A surface that is null.", text(`"surface":"`+vt.ProfileSurface+`"`, `"surface":null`), invalid),
		denies("predicate-invalid-member", admitProfile, "A member that approvals do not have.", text(`"surface":`, `"priority":1,"surface":`), invalid),
		denies("predicate-invalid-case", admitProfile, "A member in another case.", text(`"version":`, `"Version":`), invalid),
		denies("predicate-invalid-no-scope-member", admitProfile, "A scope without its name: absent is not any.", text(`,"name":"*"`, ``), invalid),
		denies("predicate-invalid-no-not-after", admitProfile, "An approval for ever.", text(`"notAfter":"2027-01-01T00:00:00Z",`, ``), invalid),
		denies("predicate-invalid-version-number", admitProfile, "The version as a number.", text(`"version":"42"`, `"version":42`), invalid).attack("ST-16"),
		denies("predicate-invalid-role", admitProfile, "A role that there is not.", text(`"role":"PROVIDER_PROFILE"`, `"role":"EVERYTHING"`), invalid),
		denies("scope-mismatch-surface", admitProfile, "An approval for another surface.",
			approve(func(a *vt.Approval) { a.Surface, a.Role = vt.PolicySurface, "SANDBOX_POLICY" }), here(verifier.ScopeMismatch)).attack("ST-04"),
		denies("scope-mismatch-surface-only", admitProfile, "An approval for the right role of another surface.",
			approve(func(a *vt.Approval) { a.Surface = vt.PolicySurface }), here(verifier.ScopeMismatch)).attack("ST-04"),
		denies("scope-mismatch-role", composeGlobal, "Approvals for the sandbox's policy offered for the global policy.",
			func(s *vt.Scenario) { s.ApproveAs(0, vt.ApprovalFor(verifier.SandboxPolicy), "alice", "carol") },
			at(verifier.ScopeMismatch, 0, 0, finding(verifier.ScopeMismatch, 0, 1))).attack("SE-06"),
		denies("scope-mismatch-gateway", "allow-scope-exact", "An approval for another gateway.", elsewhere(func(s *vt.Scope) { s.Gateway = "gw-west" }),
			at(verifier.ScopeMismatch, 0, 0, finding(verifier.ScopeMismatch, 0, 1))),
		denies("scope-mismatch-workspace", "allow-scope-exact", "An approval for another workspace.", elsewhere(func(s *vt.Scope) { s.Workspace = "dev" }),
			at(verifier.ScopeMismatch, 0, 0, finding(verifier.ScopeMismatch, 0, 1))),
		denies("scope-mismatch-name", "allow-scope-exact", "An approval for another sandbox.", elsewhere(func(s *vt.Scope) { s.Name = "web-2" }),
			at(verifier.ScopeMismatch, 0, 0, finding(verifier.ScopeMismatch, 0, 1))),
		denies("scope-mismatch-case", "allow-scope-globs", "Globs are case-sensitive.", elsewhere(func(s *vt.Scope) { s.Name = "WEB-*" }),
			at(verifier.ScopeMismatch, 0, 0, finding(verifier.ScopeMismatch, 0, 1))),
		denies("scope-mismatch-whole", "allow-scope-globs", "Globs match whole names.", elsewhere(func(s *vt.Scope) { s.Name = "web-" }),
			at(verifier.ScopeMismatch, 0, 0, finding(verifier.ScopeMismatch, 0, 1))),
		denies("scope-mismatch-literal", "allow-scope-globs", "A question mark is itself.", elsewhere(func(s *vt.Scope) { s.Name = "web-?" }),
			at(verifier.ScopeMismatch, 0, 0, finding(verifier.ScopeMismatch, 0, 1))),
	}
	for name, value := range map[string]string{
		"leap-second": "2025-12-31T23:59:60Z", "day": "2026-02-30T00:00:00Z", "offset": "2026-01-01T00:00:00+24:00",
		"lower-case": "2026-01-01t00:00:00z", "space": "2026-01-01 00:00:00Z", "date": "2026-01-01", "empty": "", "before-1970": "1969-12-31T23:59:59Z",
		"fraction-empty": "2026-01-01T00:00:00.Z", "fraction-comma": "2026-01-01T00:00:00,5Z", "fraction-long": "2026-01-01T00:00:00.0000000001Z",
		"fraction-letters": "2026-01-01T00:00:00.5xZ", "no-zone": "2026-01-01T00:00:00", "arabic": "٢٠٢٦-01-01T00:00:00Z",
	} {
		cases = append(cases, denies("predicate-invalid-not-before-"+name, admitProfile,
			"A notBefore that is no instant in the one spelling: "+name+".", before(value), invalid).attack("ST-17"))
	}
	for name, value := range map[string]string{
		"zero": "0", "negative": "-1", "leading-zero": "042", "plus": "+42", "space": " 42", "fraction": "42.0",
		"exponent": "4e1", "hex": "0x2a", "too-big": "9223372036854775808", "empty": "", "arabic": "٤٢",
	} {
		cases = append(cases, denies("predicate-invalid-version-"+name, admitProfile,
			"A version that is no decimal from 1 to 2^63−1 in its one spelling: "+name+".", version(value), invalid).attack("ST-16"))
	}
	return sorted(cases)
}

// elsewhere approves for another scope.
func elsewhere(change func(*vt.Scope)) func(*vt.Scenario) {
	return func(s *vt.Scenario) {
		a := s.Approval(0)
		a.Scope = vt.Scope{Gateway: "gw-east", Workspace: "prod", Name: "web-1"}
		change(&a.Scope)
		s.ApproveAs(0, a, "alice", "bob")
	}
}
