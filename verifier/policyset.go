// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// SetPredicateType is the predicate by which people approve documents together,
// as one named and versioned set: a policy with the profiles that it was
// reviewed with.
//
//	{"bundleId": "web-stack",
//	 "version":  "7",
//	 "scope":    {"gateway": "*", "workspace": "prod", "name": "web-*"},
//	 "members":  [{"role": "SANDBOX_POLICY", "name": "web-*", "sha256": "…"},
//	              {"role": "PROVIDER_PROFILE", "name": "github", "sha256": "…"}],
//	 "notBefore": "2026-01-02T15:04:05Z", "notAfter": "2027-01-02T15:04:05Z",
//	 "reason": "optional"}
//
// The members' digests are exactly those of the Statement's subjects.
const SetPredicateType = "https://sigdriver.dev/policy-bundle/v1"

// versioned reports whether statements of a predicate type say a version.
func versioned(predicateType string) bool {
	return predicateType == ApprovalPredicateType || predicateType == SetPredicateType
}

// policySet is a policy-bundle predicate. It says what was approved together;
// whether that is the document at hand is checked by checkScope.
type policySet struct {
	name      setName
	members   []setMember   // 1 to MaxSubjects, sorted
	scope     approvalScope // globs over where the set would be enforced
	notBefore time.Time
	notAfter  time.Time // exclusive, after notBefore
	reason    string    // for people, never parsed
}

// setName is what makes two statements be about one set: scope, times and reason
// are each signer's own. The zero value is no set.
type setName struct {
	id      string
	version uint64   // 1 to 2^63-1
	members [32]byte // sha256 over all of them
}

// setMember is one document of a set.
type setMember struct {
	role   string // name of a Role
	name   string // glob over the name of the document's subject
	sha256 string // 64 lower-case hex digits
}

// parseSet reads the predicate of a policy-bundle, as strictly as an approval:
// every member is known, spelled exactly, present and not null; only the reason
// may be left out.
func parseSet(predicate []byte) (*policySet, *Finding) {
	if err := checkJSON(predicate); err != nil {
		return nil, refuseAttestation(PredicateInvalid, "the policy bundle: %v", err)
	}
	var version, notBefore, notAfter string
	var scope, members []byte
	s := &policySet{}
	err := closedObject(predicate, map[string]any{
		"bundleId": &s.name.id, "version": &version, "scope": &scope, "members": &members,
		"notBefore": &notBefore, "notAfter": &notAfter, "reason": &s.reason,
	}, "reason")
	if err == nil {
		err = s.scope.read(scope)
	}
	if err == nil {
		err = s.readMembers(members)
	}
	if err != nil {
		return nil, refuseAttestation(PredicateInvalid, "the policy bundle: %v", err)
	}
	if s.name.id == "" || len(s.name.id) > MaxName {
		return nil, refuseAttestation(PredicateInvalid, "bundleId must have 1 to %d bytes", MaxName)
	}
	var f *Finding
	if s.name.version, s.notBefore, s.notAfter, f = readTerms(version, notBefore, notAfter); f != nil {
		return nil, f
	}
	s.name.members = s.fingerprint()
	return s, nil
}

// readMembers reads the documents of the set, sorted. One role and name stands
// for one document: a set that has two of them says nothing.
func (s *policySet) readMembers(array []byte) error {
	elements, ok := elementsOf(array, MaxSubjects)
	if !ok || len(elements) == 0 || len(elements) > MaxSubjects {
		return fmt.Errorf("members is not a list of 1 to %d documents", MaxSubjects)
	}
	for i, e := range elements {
		m, err := readMember(e)
		if err != nil {
			return fmt.Errorf("members[%d]: %w", i, err)
		}
		s.members = append(s.members, m)
	}
	slices.SortFunc(s.members, setMember.compare)
	for i, m := range s.members[1:] {
		if before := s.members[i]; before.role == m.role && before.name == m.name {
			return fmt.Errorf("members has two of role %s and name %s", m.role, quote(m.name))
		}
	}
	return nil
}

func readMember(element jsontext.Value) (m setMember, err error) {
	err = closedObject(element, map[string]any{"role": &m.role, "name": &m.name, "sha256": &m.sha256})
	if err != nil {
		return m, err
	}
	role, known := RoleByName(m.role)
	switch {
	case !known:
		return m, fmt.Errorf("role %s is none that we know", quote(m.role))
	case m.name == "" && role != GlobalPolicy:
		return m, fmt.Errorf("the name is empty, and only a GLOBAL_POLICY has none")
	case !isHexSHA256(m.sha256):
		return m, fmt.Errorf("sha256 is not 64 lower-case hex digits")
	}
	return m, nil
}

func (m setMember) compare(other setMember) int {
	return cmp.Or(strings.Compare(m.role, other.role), strings.Compare(m.name, other.name), strings.Compare(m.sha256, other.sha256))
}

// fingerprint is one digest over all members, whatever their order was.
func (s *policySet) fingerprint() [32]byte {
	h := sha256.New()
	for _, m := range s.members {
		fmt.Fprintf(h, "%d:%s%d:%s%s", len(m.role), m.role, len(m.name), m.name, m.sha256)
	}
	return [32]byte(h.Sum(nil))
}

// parseSetStatement reads a policy-bundle with the subjects that it stands
// beside: tools that look at subjects alone must see the same documents.
func parseSetStatement(s *statement) (*policySet, *Finding) {
	set, f := parseSet(s.predicate)
	if f != nil {
		return nil, f
	}
	subjects := map[string]bool{}
	for _, sub := range s.subjects {
		subjects[sub.digest["sha256"]] = true
	}
	members := map[string]bool{}
	for _, m := range set.members {
		members[m.sha256] = true
		if !subjects[m.sha256] {
			return nil, refuseAttestation(PredicateInvalid, "the member %s %s is no subject of the Statement", m.role, quote(m.name))
		}
	}
	if len(members) != len(subjects) || len(subjects) != len(s.subjects) {
		return nil, refuseAttestation(PredicateInvalid, "the Statement has %d subjects and the policy bundle %d documents", len(s.subjects), len(members))
	}
	return set, nil
}

// checkScope checks that the document is a member of the set, and that the set is
// approved for the place where it would be enforced.
func (s *policySet) checkScope(c *claim, doc *parsedDocument, where *Target, purpose Purpose) *Finding {
	digest, role, fits := hex.EncodeToString(doc.sha256[:]), doc.role.String(), false
	for _, m := range s.members {
		fits = fits || m.sha256 == digest && m.role == role && matchGlob(m.name, doc.subject.name)
	}
	// What ADMIT leaves open is not checked: nothing is enforced there yet.
	open := func(place string) bool { return purpose == Admit && place == "" }
	// SPEC: R6 a member's role and name match the document and its subject, the scope where it would be enforced.
	switch {
	case !fits:
		return refuse(c, ScopeMismatch, "the set %s has this document in another part than as the %s %s", quote(s.name.id), role, quote(doc.subject.name))
	case !matchGlob(s.scope.gateway, where.GatewayID):
		return refuse(c, ScopeMismatch, "approves a set for gateway %s, this is %s", quote(s.scope.gateway), quote(where.GatewayID))
	case !open(where.Workspace) && !matchGlob(s.scope.workspace, where.Workspace):
		return refuse(c, ScopeMismatch, "approves a set for workspace %s, the sandbox is in %s", quote(s.scope.workspace), quote(where.Workspace))
	case !open(where.Name) && !matchGlob(s.scope.name, where.Name):
		return refuse(c, ScopeMismatch, "approves a set for sandboxes named %s, this one is %s", quote(s.scope.name), quote(where.Name))
	}
	return nil
}

// String names a set for people.
func (n setName) String() string { return fmt.Sprintf("%s version %d", quote(n.id), n.version) }
