// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// ApprovalPredicateType is the predicate by which people approve a policy:
//
//	{"surface": "openshell.sandbox.v1.SandboxPolicy",
//	 "role":    "SANDBOX_POLICY",
//	 "scope":   {"gateway": "*", "workspace": "prod", "name": "web-*"},
//	 "version": "42",
//	 "notBefore": "2026-01-02T15:04:05Z", "notAfter": "2027-01-02T15:04:05Z",
//	 "reason": "optional"}
const ApprovalPredicateType = "https://sigdriver.dev/policy-approval/v1"

// approvalPredicate is a policy-approval. It says what was approved; whether
// that is the document at hand is checked by checkScope.
type approvalPredicate struct {
	surface   string // message type of the document, without the type URL's prefix
	role      string // name of a Role
	scope     approvalScope
	version   uint64 // 1 to 2^63-1
	notBefore time.Time
	notAfter  time.Time // exclusive, after notBefore
	reason    string    // for people, never parsed
}

// approvalScope are globs: of an approval over the document's subject, of a set
// over where it would be enforced.
type approvalScope struct{ gateway, workspace, name string }

// parseApprovalPredicate reads the predicate of a policy-approval. It is our own format:
// every member is known, spelled exactly, present and not null; only the reason
// may be left out.
func parseApprovalPredicate(predicate []byte) (*approvalPredicate, *Finding) {
	if err := checkJSON(predicate); err != nil {
		return nil, refuseAttestation(PredicateInvalid, "the approval: %v", err)
	}
	var version, notBefore, notAfter string
	var scope []byte
	a := &approvalPredicate{}
	err := closedObject(predicate, map[string]any{
		"surface": &a.surface, "role": &a.role, "scope": &scope, "version": &version,
		"notBefore": &notBefore, "notAfter": &notAfter, "reason": &a.reason,
	}, "reason")
	if err == nil {
		err = a.scope.read(scope)
	}
	if err != nil {
		return nil, refuseAttestation(PredicateInvalid, "the approval: %v", err)
	}
	var f *Finding
	if a.version, a.notBefore, a.notAfter, f = readTerms(version, notBefore, notAfter); f != nil {
		return nil, f
	}
	if a.surface == "" {
		return nil, refuseAttestation(PredicateInvalid, "surface is empty")
	}
	if _, ok := RoleByName(a.role); !ok {
		return nil, refuseAttestation(PredicateInvalid, "role %s is none that we know", quote(a.role))
	}
	return a, nil
}

// checkScope checks that an approval is about this kind of document and subject.
func (p *approvalPredicate) checkScope(c *claim, doc *parsedDocument) *Finding {
	// SPEC: R6 surface, role and scope match the document and its subject.
	switch s := doc.subject; {
	case p.surface != doc.surface:
		return refuse(c, ScopeMismatch, "approves surface %s, the document is %s", quote(p.surface), doc.surface)
	case p.role != doc.role.String():
		return refuse(c, ScopeMismatch, "approves role %s, the document is a %s", quote(p.role), doc.role)
	case !matchGlob(p.scope.gateway, s.gateway):
		return refuse(c, ScopeMismatch, "approves gateway %s, the subject is on %s", quote(p.scope.gateway), quote(s.gateway))
	case !matchGlob(p.scope.workspace, s.workspace):
		return refuse(c, ScopeMismatch, "approves workspace %s, the subject is in %s", quote(p.scope.workspace), quote(s.workspace))
	case !matchGlob(p.scope.name, s.name):
		return refuse(c, ScopeMismatch, "approves name %s, the subject is %s", quote(p.scope.name), quote(s.name))
	}
	return nil
}

func (s *approvalScope) read(object []byte) error {
	return closedObject(object, map[string]any{"gateway": &s.gateway, "workspace": &s.workspace, "name": &s.name})
}

// readTerms reads the version and the window that both kinds of approval have.
func readTerms(version, notBefore, notAfter string) (v uint64, from, until time.Time, f *Finding) {
	var ok bool
	if v, ok = readVersion(version); !ok {
		return v, from, until, refuseAttestation(PredicateInvalid, "version %s is not a decimal string from 1 to 9223372036854775807 without sign or leading zero", quote(version))
	}
	if from, ok = parseInstant(notBefore); !ok {
		return v, from, until, refuseAttestation(PredicateInvalid, "notBefore %s is not a UTC time like 2026-01-02T15:04:05Z", quote(notBefore))
	}
	if until, ok = parseInstant(notAfter); !ok {
		return v, from, until, refuseAttestation(PredicateInvalid, "notAfter %s is not a UTC time like 2026-01-02T15:04:05Z", quote(notAfter))
	}
	if !from.Before(until) {
		return v, from, until, refuseAttestation(PredicateInvalid, "notBefore %s is not before notAfter %s", quote(notBefore), quote(notAfter))
	}
	return v, from, until, nil
}

// closedObject reads an object whose members are all named in want, where a
// *string takes a string and a *[]byte any value. A member that is missing and
// not in optional is an error.
func closedObject(object []byte, want map[string]any, optional ...string) error {
	list, ok := membersOf(object)
	if !ok {
		return errors.New("expected a JSON object")
	}
	have := make(map[string]bool, len(list))
	for _, m := range list {
		switch into := want[m.name].(type) {
		case *string:
			if *into, ok = stringOf(m.value); !ok {
				return errors.New(m.name + " is not a string")
			}
		case *[]byte:
			*into = m.value
		default:
			return errors.New("unknown member " + quote(m.name))
		}
		have[m.name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !have[name] && !slices.Contains(optional, name) {
			return errors.New(name + " is missing")
		}
	}
	return nil
}

// parseInstant reads an RFC 3339 time in UTC, spelled with T and Z, from 1970 to
// 9999, with a fraction of at most nine digits. A leap second and a day that its
// month does not have are refused.
func parseInstant(text string) (time.Time, bool) {
	const seconds = "2006-01-02T15:04:05"
	body, utc := strings.CutSuffix(text, "Z")
	if !utc || len(body) < len(seconds) {
		return time.Time{}, false
	}
	t, err := time.Parse(seconds, body[:len(seconds)])
	if err != nil || t.Format(seconds) != body[:len(seconds)] || t.Unix() < 0 {
		return time.Time{}, false
	}
	fraction, ok := parseFraction(body[len(seconds):])
	return t.Add(fraction), ok
}

// parseFraction reads "" or a point and one to nine digits.
func parseFraction(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(text, ".")
	if !ok || len(digits) < 1 || len(digits) > 9 {
		return 0, false
	}
	var n time.Duration
	for i := range 9 {
		c := byte('0')
		if i < len(digits) {
			c = digits[i]
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + time.Duration(c-'0')
	}
	return n, true
}
