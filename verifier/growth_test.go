// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package verifier_test

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/internal/cputime"
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// growths are the dimensions of a request and of trust that others can make larger,
// each with the size from which it is doubled, and the largest that is taken.
var growths = []struct {
	name       string
	from, most int
	make       func(n int) *vt.Scenario
}{
	{"documents", 24, 48, func(n int) *vt.Scenario {
		s := vt.ComposePlain()
		attachMany(s, n)
		return s.Recompose()
	}},
	{"body", 64, 8192, func(n int) *vt.Scenario {
		s := vt.AdmitPolicy()
		tree := vt.Parse(s.Body(0))
		var paths []any
		for i := range n {
			paths = append(paths, fmt.Sprint("/srv/data/", i))
		}
		tree["filesystem"] = vt.Tree{"readOnly": paths}
		s.Request.Documents[0].Body = vt.Canonical(tree)
		return s.Approve(0, "alice", "bob")
	}},
	{"attestations", 32, 64, func(n int) *vt.Scenario { return approveOften(n, func(int) string { return "42" }) }},
	{"versions", 32, 64, func(n int) *vt.Scenario { return approveOften(n, strconv.Itoa) }},
	{"expiries", 32, 64, func(n int) *vt.Scenario {
		s := vt.AdmitPolicy()
		var offered [][]byte
		for i := range n {
			a := s.Approval(0)
			a.NotAfter = vt.Now.Add(time.Duration(i+1) * time.Minute).Format(time.RFC3339)
			offered = append(offered, a.Of(s.Body(0)).Seal(vt.Person("alice"), vt.Person("bob")).JSON())
		}
		return s.Offer(0, offered...)
	}},
	{"findings", 32, 64, func(n int) *vt.Scenario {
		s := vt.AdmitPolicy()
		var offered [][]byte
		for i := range n {
			a := s.Approval(0)
			a.Reason, a.Scope.Name = fmt.Sprint("reason ", i), "elsewhere"
			offered = append(offered, a.Of(s.Body(0)).Seal(vt.Person("alice")).JSON())
		}
		return s.Offer(0, offered...)
	}},
	{"sets", 16, 64, func(n int) *vt.Scenario { return distinctSets(n, 20) }},
	{"documents of sets", 16, 32, func(n int) *vt.Scenario { return distinctSets(16, n) }},
	{"sets that miss a document", 16, 32, func(n int) *vt.Scenario { return partialSets(n, 20) }},
	{"rules", 64, 128, func(n int) *vt.Scenario {
		s := vt.AdmitPolicy()
		for i := range n {
			s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: fmt.Sprint("rule ", i), Surface: vt.PolicySurface, Mode: "enforce",
				Require: []vt.Requirement{{Authority: "security", PredicateType: vt.ApprovalType}}})
		}
		return s
	}},
	{"principals", 256, 512, func(n int) *vt.Scenario {
		s := vt.AdmitPolicy()
		for i := range n {
			name := fmt.Sprint("p", i)
			s.Authorities.Principals[name] = &vt.Principal{Identities: []vt.Identity{{Issuer: "https://issuer.example", SAN: name + "@corp.example"}}}
			s.Authorities.Authorities["security"].Principals = append(s.Authorities.Authorities["security"].Principals, name)
		}
		return s
	}},
}

var growthDoublings = flag.Int("growth", 1, "how often TestGrowth doubles each dimension at most, where it counts bytes")

// TestGrowth doubles each dimension: what a decision costs must not grow faster than
// what it is about. Bytes allocated are the same on any machine, so that their exponent is
// held to a bound; the processor's time is held to a wide one, over one doubling.
func TestGrowth(t *testing.T) {
	const most = 2.5
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, g := range growths {
		t.Run(g.name, func(t *testing.T) {
			small, large := newQuestion(t, g.make(g.from)), newQuestion(t, g.make(2*g.from))
			var of [2]time.Duration
			// Whatever else the machine does can only add to a round.
			for round := 0; round < 40; round++ {
				for i, q := range []*question{small, large} {
					if took := q.cost(t); of[i] == 0 || took < of[i] {
						of[i] = took
					}
				}
				if round >= 4 && float64(of[1]) <= most*float64(of[0]) {
					break
				}
			}
			ratio := float64(of[1]) / float64(of[0])
			t.Logf("%d: %v, %d: %v, ratio %.2f", g.from, of[0], 2*g.from, of[1], ratio)
			if ratio > most {
				t.Errorf("twice the %s cost %.2f times as much, at most %v is allowed", g.name, ratio, most)
			}
			var sizes, bytes []float64
			for n := g.from; n <= min(g.most, g.from<<*growthDoublings); n *= 2 {
				sizes, bytes = append(sizes, float64(n)), append(bytes, newQuestion(t, g.make(n)).allocated(t))
			}
			fitted := vt.Exponent(sizes, bytes)
			t.Logf("bytes allocated at %v: %v, exponent %.2f", sizes, bytes, fitted)
			if fitted > vt.MostExponent {
				t.Errorf("what is allocated grows with the %s to the power %.2f, at most %v is allowed", g.name, fitted, vt.MostExponent)
			}
		})
	}
}

// allocated is how many bytes one decision allocates by trust that remembers nothing: the
// least of three, since what runs beside it can only add.
func (q *question) allocated(t *testing.T) float64 {
	least := math.Inf(1)
	for range 3 {
		trust := mustTrust(t, q.source)
		least = min(least, vt.Allocated(func() { verifier.Verify(q.request, trust, q.floors, vt.Now) }))
	}
	runtime.GC()
	return least
}

// question is a scenario with what its trust is parsed from.
type question struct {
	request *verifier.Request
	source  *vt.Scenario
	floors  verifier.Floors
}

func newQuestion(t *testing.T, s *vt.Scenario) *question {
	t.Helper()
	if err := verifier.CheckRequest(&s.Request); err != nil {
		t.Fatal(err)
	}
	return &question{&s.Request, s, s.Floors}
}

// cost is the time that the processor spent on one decision, in this thread, by trust that
// remembers nothing.
func (q *question) cost(t *testing.T) time.Duration {
	trust := mustTrust(t, q.source)
	runtime.GC()
	return cputime.Of(func() { verifier.Verify(q.request, trust, q.floors, vt.Now) })
}

// attachMany attaches n providers with a profile each that dave approved.
func attachMany(s *vt.Scenario, n int) {
	for i := range n {
		profile := vt.MirrorProfile()
		profile["id"] = fmt.Sprint("mirror-", i)
		s.Attach(fmt.Sprint("provider ", i), profile).Approve(len(s.Request.Documents)-1, "dave")
	}
}

// approveOften offers a policy n approvals by alice and bob, with a version each.
func approveOften(n int, version func(int) string) *vt.Scenario {
	s := vt.AdmitPolicy()
	var offered [][]byte
	for i := range n {
		a := s.Approval(0)
		a.Reason, a.Version = fmt.Sprint("reason ", i), version(i+1)
		offered = append(offered, a.Of(s.Body(0)).Seal(vt.Person("alice"), vt.Person("bob")).JSON())
	}
	return s.Offer(0, offered...)
}

// setsOf is a sandbox under a rule that wants two sets, by people of whom there are
// fewer than the rule wants, so that every pair of sets has to be looked at.
func setsOf(documents int) *vt.Scenario {
	s := vt.ComposePlain()
	attachMany(s, documents-1)
	s.Authorities.Authorities["owners"] = &vt.Authority{Principals: []string{"alice", "bob"}, Threshold: 1}
	s.Authorities.Authorities["reviewers"] = &vt.Authority{Principals: []string{"alice", "bob"}, Threshold: 1}
	rule := vt.SetRule()
	rule.Require = []vt.Requirement{{Authority: "owners", PredicateType: vt.SetType}, {Authority: "reviewers", PredicateType: vt.SetType}}
	rule.Distinct = [][]string{{"owners", "reviewers"}}
	s.Authorities.Rules = []*vt.Rule{rule}
	return s.Recompose()
}

// distinctSets offers n sets by one person to every one of some documents.
func distinctSets(n, documents int) *vt.Scenario {
	s := setsOf(documents)
	var offered [][]byte
	for i := range n {
		set := s.Set(fmt.Sprint("set ", i))
		set.Version = strconv.Itoa(i + 1)
		offered = append(offered, set.By("alice")...)
	}
	return s.OfferAll(offered...)
}

// partialSets offers n sets, each of which lacks the last document.
func partialSets(n, documents int) *vt.Scenario {
	s := setsOf(documents)
	var offered [][]byte
	for i := range n {
		set := s.Set(fmt.Sprint("set ", i))
		set.Members = set.Members[:len(set.Members)-1]
		offered = append(offered, set.By("alice", "bob")...)
	}
	return s.OfferAll(offered...)
}
