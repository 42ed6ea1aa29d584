// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// A second implementation of R5 to R8, as slow and plain as can be, to hold the
// verifier against on random rules and approvals of one policy.
type (
	model struct {
		rules         []modelRule
		said          []modelClaim
		floor, signed int
		revoked       string
	}
	modelRule struct {
		*vt.Rule
		enforced, matches, pinned bool
		authorities               map[string]*vt.Authority
	}
	modelClaim struct {
		by      []string
		typ     string
		good    bool
		version int
		age     time.Duration
	}
)

var modelPeople = []string{"alice", "bob", "carol", "dave", "erin"}

// count is who speaks for a requirement of a rule at a version.
func (m *model) count(r modelRule, q vt.Requirement, version int) map[string]bool {
	who := map[string]bool{}
	for _, c := range m.said {
		approval := c.typ == vt.ApprovalType
		aged := r.MaxAge != "" && (!approval || c.age >= time.Hour)
		if !c.good || c.typ != q.PredicateType || approval && c.version < version || aged {
			continue
		}
		for _, name := range c.by {
			if name != m.revoked && slices.Contains(r.authorities[q.Authority].Principals, name) {
				who[name] = true
			}
		}
	}
	return who
}

func (m *model) holds(r modelRule, version int) bool {
	if r.pinned || len(r.Require) == 0 {
		return r.pinned
	}
	for _, q := range r.Require {
		if len(m.count(r, q, version)) < r.authorities[q.Authority].Threshold {
			return false
		}
	}
	return len(r.Distinct) == 0 || m.splits(r, version)
}

// splits tries every way of giving each person to one of the two authorities.
func (m *model) splits(r modelRule, version int) bool {
	for ways := range 1 << len(modelPeople) {
		var have [2]int
		for i, name := range modelPeople {
			side := ways >> i & 1
			if m.count(r, r.Require[side], version)[name] {
				have[side]++
			}
		}
		if have[0] >= r.authorities[r.Require[0].Authority].Threshold && have[1] >= r.authorities[r.Require[1].Authority].Threshold {
			return true
		}
	}
	return false
}

// decide returns the version that is agreed on, 0 where none is asked for, whether
// there is agreement at all, and what shadow rules would deny.
func (m *model) decide() (version int, agreed bool, shadows int) {
	asked, some := false, false
	for _, r := range m.rules {
		some = some || r.enforced && r.matches
		for _, q := range r.Require {
			asked = asked || r.enforced && r.matches && !r.pinned && q.PredicateType == vt.ApprovalType
		}
		if !r.enforced && r.matches && !m.holds(r, 1) {
			shadows++
		}
	}
	for v := 4; v >= 1 && some; v-- {
		if !slices.ContainsFunc(m.rules, func(r modelRule) bool { return r.enforced && r.matches && !m.holds(r, v) }) {
			if !asked {
				v = 0
			}
			return v, true, shadows
		}
	}
	return 0, false, shadows
}

// randomRule makes a rule, for a sandbox policy of web-1 in prod on gw-east.
func randomRule(r *rand.Rand, s *vt.Scenario, i int) modelRule {
	w := &vt.Rule{Name: fmt.Sprint("rule ", i), Surface: vt.PolicySurface, Mode: "enforce", Require: []vt.Requirement{}}
	m := modelRule{Rule: w, enforced: r.Intn(5) > 0, matches: r.Intn(6) > 0, authorities: s.Authorities.Authorities}
	if !m.enforced {
		w.Mode = "shadow"
	}
	switch {
	case m.matches && r.Intn(2) == 0:
		w.Gateway, w.Workspace, w.Target, w.Subject = "*east", "p*d", "web-*", "*"
	case !m.matches:
		*[]*string{&w.Gateway, &w.Workspace, &w.Target, &w.Subject}[r.Intn(4)] = "*-2"
	}
	for range r.Intn(3) {
		q := vt.Requirement{Authority: fmt.Sprint(r.Intn(3)), PredicateType: []string{vt.ApprovalType, vt.ApprovalType, vt.ProvenanceType}[r.Intn(3)]}
		if !slices.Contains(w.Require, q) {
			w.Require = append(w.Require, q)
		}
	}
	if len(w.Require) == 2 && w.Require[0].Authority != w.Require[1].Authority && r.Intn(2) == 0 {
		w.Distinct = [][]string{{w.Require[1].Authority, w.Require[0].Authority}}
	}
	if r.Intn(4) == 0 {
		w.MaxAge = "1h"
	}
	if m.pinned = r.Intn(8) == 0; m.pinned {
		w.Pinned = []string{s.SHA256(0)}
	} else if len(w.Require) == 0 {
		w.Pinned = []string{vt.SHA256([]byte("another"))}
	}
	return m
}

// randomClaim makes an attestation that is good or has one fault.
func randomClaim(r *rand.Rand, s *vt.Scenario) (modelClaim, []byte) {
	c := modelClaim{typ: vt.ApprovalType, good: true, version: 1 + r.Intn(4), age: time.Duration(r.Intn(3)) * 45 * time.Minute}
	a := s.Approval(0)
	a.Version, a.NotBefore = strconv.Itoa(c.version), vt.Now.Add(-c.age).Format(time.RFC3339)
	body := s.Body(0)
	fault := r.Intn(8)
	c.good = fault > 3
	switch fault {
	case 0:
		a.Scope.Name = "web-2"
	case 1:
		a.NotBefore, a.NotAfter = "2025-01-01T00:00:00Z", vt.Now.Format(time.RFC3339)
	case 2:
		a.Role = "GLOBAL_POLICY"
	case 3:
		body = []byte("another document")
	}
	st := a.Of(body)
	if r.Intn(4) == 0 {
		c.typ, c.good = vt.ProvenanceType, fault != 3
		st = vt.Provenance(body)
	}
	c.by = slices.Clone(modelPeople)
	r.Shuffle(len(c.by), func(i, j int) { c.by[i], c.by[j] = c.by[j], c.by[i] })
	c.by = c.by[:1+r.Intn(3)]
	signers := []*vt.Key{vt.Person("mallory"), vt.Person(c.by[0])} // a stranger, and one who signs twice
	for _, name := range c.by {
		signers = append(signers, vt.Person(name))
	}
	return c, st.Seal(signers...).JSON()
}

// randomCase fills a scenario and its model.
func randomCase(r *rand.Rand) (*vt.Scenario, *model) {
	s, m := vt.AdmitPolicy(), &model{floor: r.Intn(4), signed: r.Intn(3)}
	s.Authorities.Authorities = map[string]*vt.Authority{}
	for i := range 3 {
		people := slices.Clone(modelPeople)
		r.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
		people = people[:1+r.Intn(4)]
		s.Authorities.Authorities[fmt.Sprint(i)] = &vt.Authority{Principals: people, Threshold: 1 + r.Intn(min(2, len(people)))}
	}
	s.Authorities.Rules = nil
	for i := range 1 + r.Intn(3) {
		m.rules = append(m.rules, randomRule(r, s, i))
		s.Authorities.Rules = append(s.Authorities.Rules, m.rules[i].Rule)
	}
	s.Offer(0)
	for range r.Intn(6) {
		c, raw := randomClaim(r, s)
		m.said = append(m.said, c)
		s.Offer(0, append(s.Request.Documents[0].Attestations, raw)...)
	}
	if m.floor > 0 {
		s.SetFloor(0, uint64(m.floor), "")
	}
	if m.signed > 0 {
		s.Authorities.Floors = []vt.SignedFloor{{Role: "SANDBOX_POLICY", Subject: "web-*", Version: strconv.Itoa(m.signed)}}
	}
	if r.Intn(5) == 0 {
		m.revoked = modelPeople[r.Intn(len(modelPeople))]
		s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person(m.revoked).SHA256()))
	}
	return s, m
}

// TestRulesAreCountedAsTheModelSays: the same verdict, version and shadows, in
// whatever order the attestations are offered.
func TestRulesAreCountedAsTheModelSays(t *testing.T) {
	seen, cases := map[verifier.Reason]int{}, int64(400)
	if testing.Short() {
		cases = 150
	}
	for seed := range cases {
		r := rand.New(rand.NewSource(seed))
		s, m := randomCase(r)
		version, agreed, shadows := m.decide()
		rollback := version > 0 && version < max(m.floor, m.signed)
		for range 2 {
			d := decide(t, s)
			seen[d.Reason]++
			if (d.Verdict == verifier.Allow) != (agreed && !rollback) || (d.Reason == verifier.VersionRollback) != (agreed && rollback) ||
				d.Documents[0].Version != uint64(version) || len(d.Shadow) != shadows {
				t.Fatalf("seed %d: %v %v at version %d with %d shadows; the model has agreed %t, version %d, rollback %t, %d shadows",
					seed, d.Verdict, d.Reason, d.Documents[0].Version, len(d.Shadow), agreed, version, rollback, shadows)
			}
			offered := s.Request.Documents[0].Attestations
			r.Shuffle(len(offered), func(i, j int) { offered[i], offered[j] = offered[j], offered[i] })
		}
	}
	for _, reason := range []verifier.Reason{verifier.Allowed, verifier.VersionRollback, verifier.Threshold, verifier.Distinct, verifier.AttestationTooOld, verifier.RuleMissing} {
		if seen[reason] == 0 {
			t.Errorf("no case came to %v: %v", reason, slices.Sorted(maps.Keys(seen)))
		}
	}
}
