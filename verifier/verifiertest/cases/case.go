// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// Case is one entry of the catalogue: an allowed scenario, or one mutation of it
// and what must come of that. Expectations are written by hand; nothing here
// asks the verifier.
type Case struct {
	Name, About string
	Attacks     []string
	// PerRun cases hold certificates and are made anew by each run instead of
	// being committed.
	PerRun bool
	// Positive is the case that is allowed and that Change makes one change to.
	Positive string
	// From makes an allowed scenario; Change mutates the one of Positive.
	From   func() *vt.Scenario
	Change func(*vt.Scenario)
	Want   Want
}

// Want is what must come out of a case.
type Want struct {
	// Reason is the leading one, found at Document and Attestation (-1: none).
	Reason                verifier.Reason
	Document, Attestation int
	// More are the findings beside the leading one.
	More []ExpectFinding
	// Docs are what each document must show, without digests. A case with a
	// Positive inherits them, and those in Blank, and the one the leading
	// finding is about, show nothing.
	Docs  []Doc
	Blank []int

	Shadow []ExpectFinding
	Stale  bool
	// RaisesIn is the workspace in which floors of subjects of the whole gateway
	// rise, "" for everywhere.
	RaisesIn string
}

// Doc is the version at which a document was allowed, 0 for none, and who
// counted.
type Doc struct {
	Version    uint64
	Principals []string
}

// allows is a case that must be allowed. Each document is given as its version
// and who counted.
func allows(name, about string, from func() *vt.Scenario, docs ...Doc) *Case {
	return &Case{Name: name, About: about, From: from, Want: Want{Reason: verifier.Allowed, Docs: docs}}
}

// denies is a case that one change to an allowed one must lead to.
func denies(name, positive, about string, change func(*vt.Scenario), want Want) *Case {
	return &Case{Name: name, Positive: positive, About: about, Change: change, Want: want}
}

// attack notes the ids of the attack catalogue that a case stands for.
func (c *Case) attack(ids ...string) *Case { c.Attacks = ids; return c }

// perRun marks a case that is not committed.
func (c *Case) perRun() *Case { c.PerRun = true; return c }

// raisesIn says in which workspace the floors of what belongs to the whole gateway rise.
//
//nolint:unparam // the name of the workspace belongs in the case
func (c *Case) raisesIn(workspace string) *Case { c.Want.RaisesIn = workspace; return c }

// at is a denial with its place.
func at(reason verifier.Reason, document, attestation int, more ...ExpectFinding) Want {
	return Want{Reason: reason, Document: document, Attestation: attestation, More: more}
}

// by is what an allowed document shows.
func by(version uint64, principals ...string) Doc { return Doc{version, principals} }

// Catalogue is every case, positives first.
func Catalogue() []*Case {
	return slices.Concat(allowCases(), trustCases(), documentCases(), envelopeCases(), statementCases(),
		ruleCases(), setCases(), compositionCases(), keylessCases(), floorCases())
}

// Find returns the case of a name.
func Find(name string) *Case {
	for _, c := range Catalogue() {
		if c.Name == name {
			return c
		}
	}
	panic("cases: no case " + name)
}

// Scenario makes the case's scenario.
func (c *Case) Scenario() *vt.Scenario {
	if c.Positive == "" {
		return c.From()
	}
	s := Find(c.Positive).Scenario()
	c.Change(s)
	return s
}

// Vector makes the case's vector.
func (c *Case) Vector() *Vector {
	s := c.Scenario()
	v := record(s)
	v.Name, v.About, v.Attacks, v.Positive = c.Name, c.About, c.Attacks, c.Positive
	v.Expect = c.expect(s)
	return v
}

// docs returns what each document must show.
func (c *Case) docs() []Doc {
	if c.Want.Docs != nil || c.Positive == "" {
		return c.Want.Docs
	}
	docs := slices.Clone(Find(c.Positive).docs())
	for i := range docs {
		if slices.Contains(c.Want.Blank, i) || c.hides(i) {
			docs[i] = Doc{}
		}
	}
	return docs
}

// hides reports whether the leading reason leaves nothing to show of a document:
// trust that does not hold is about all of them, a version that is too low was
// reached, and a wrong composition takes nothing from its parts.
func (c *Case) hides(document int) bool {
	switch stage := c.Want.Reason.Stage(); {
	case stage == verifier.StageTrust:
		return true
	case stage >= verifier.StageVersion && c.Want.Reason != verifier.CompositionPartUnattested || c.Want.Reason == verifier.Allowed:
		return false
	}
	return document == c.Want.Document
}

func (c *Case) expect(s *vt.Scenario) Expect {
	w := c.Want
	e := Expect{Verdict: "DENY", Reason: w.Reason.String(), Documents: []ExpectDocument{}, Findings: append([]ExpectFinding{}, w.More...),
		Shadow: w.Shadow, Stale: w.Stale, NearestMiss: true, RequestSHA256: RequestSHA256(&s.Request)}
	docs := c.docs()
	if len(docs) != len(s.Request.Documents) {
		panic(fmt.Sprintf("cases: %s: %d documents, %d expected", c.Name, len(s.Request.Documents), len(docs)))
	}
	for i, d := range docs {
		e.Documents = append(e.Documents, d.expect(s.SHA256(i)))
	}
	if s.Request.Purpose == verifier.Compose {
		e.EffectiveSHA256 = vt.SHA256(s.Request.Effective)
	}
	if w.Reason == verifier.Allowed {
		e.Verdict, e.NearestMiss = "ALLOW", false
		e.Raises, e.Binding = consequences(s, docs, w.RaisesIn)
	} else {
		e.Findings = append(e.Findings, finding(w.Reason, w.Document, w.Attestation))
	}
	slices.SortStableFunc(e.Findings, compareFindings)
	return e
}

func (d Doc) expect(sha256 string) ExpectDocument {
	out := ExpectDocument{SHA256: sha256, Principals: append([]string{}, d.Principals...)}
	if d.Version > 0 {
		out.Version = strconv.FormatUint(d.Version, 10)
	}
	return out
}

// consequences are the floors that an ALLOW raises and the place that it binds.
func consequences(s *vt.Scenario, docs []Doc, workspace string) ([]VectorFloor, *VectorPlace) {
	if s.Request.Purpose != verifier.Compose {
		return nil, nil
	}
	var raises []VectorFloor
	for i, d := range docs {
		key := s.FloorKey(i)
		if key.Workspace == "" {
			key.Workspace = workspace
		}
		floor := verifier.Floor{Version: d.Version}
		sum, _ := hex.DecodeString(s.SHA256(i))
		copy(floor.SHA256[:], sum)
		raise := floorFile(key, floor)
		if d.Version > 0 && s.Floors.Versions[key] != floor && !slices.Contains(raises, raise) {
			raises = append(raises, raise)
		}
	}
	sandbox := verifier.SandboxKey{GatewayID: s.Request.Target.GatewayID, SandboxID: s.Request.Target.SandboxID}
	if _, bound := s.Floors.Places[sandbox]; bound {
		return raises, nil
	}
	place := placeFile(sandbox, verifier.Place{Workspace: s.Request.Target.Workspace, Name: s.Request.Target.Name})
	return raises, &place
}

// compareFindings is the order of the contract: document, attestation, reason.
func compareFindings(a, b ExpectFinding) int {
	index := func(p *int) int {
		if p == nil {
			return -1
		}
		return *p
	}
	number := func(name string) int {
		reason, _ := verifier.ReasonByName(name)
		return int(reason)
	}
	return cmp.Or(cmp.Compare(index(a.Document), index(b.Document)), cmp.Compare(index(a.Attestation), index(b.Attestation)),
		cmp.Compare(number(a.Reason), number(b.Reason)))
}

// sorted orders cases by name, where a map made some of them.
func sorted(cases []*Case) []*Case {
	slices.SortFunc(cases, func(a, b *Case) int { return cmp.Compare(a.Name, b.Name) })
	return cases
}
