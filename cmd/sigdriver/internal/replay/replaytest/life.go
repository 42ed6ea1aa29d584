// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package replaytest

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// The events of a life, which Live spreads over it.
const (
	RootRotations = 5
	Revocations   = 3
)

// Lived is what a life came to.
type Lived struct {
	Decisions int // in the journal
	Reasons   map[signingv1.Reason]int
}

// phase is a stretch of a life: first what happens, then questions.
type phase struct {
	name  string
	event func(w *World, p *papers)
}

// phases are five root rotations, three revocations and an expiry, with other
// signers, a signed floor, a reset and metadata that is only signed anew between.
var phases = []phase{
	{"first trust", func(*World, *papers) {}},
	{"root rotated", func(w *World, _ *papers) { w.Repo.Rotate("root") }},
	{"a document revoked", func(w *World, p *papers) { w.revoke("document", p.policies[3].sha256) }},
	{"signed anew", func(*World, *papers) {}},
	{"root rotated", func(w *World, _ *papers) { w.Repo.Rotate("root") }},
	{"a signer rotated", func(w *World, p *papers) {
		p.carol = verifiertest.NewKey("carol since autumn", verifier.Ed25519)
		w.Authorities.Principals["carol"] = verifiertest.HeldBy(p.carol)
	}},
	{"an attestation revoked", func(w *World, p *papers) { w.revoke("attestation", p.policies[5].attestation) }},
	{"root rotated", func(w *World, _ *papers) { w.Repo.Rotate("root") }},
	{"a signed floor", func(w *World, _ *papers) {
		w.Authorities.Floors = append(w.Authorities.Floors, verifiertest.SignedFloor{Role: "PROVIDER_PROFILE", Subject: "forge", Version: "7"})
	}},
	{"trust expires", func(w *World, _ *papers) { w.Advance(5 * 24 * time.Hour) }},
	{"root rotated", func(w *World, _ *papers) { w.Repo.Rotate("root") }},
	{"a key revoked", func(w *World, _ *papers) { w.revoke("key", verifiertest.Person("bob").SHA256()) }},
	{"floors reset", func(w *World, _ *papers) {
		w.Authorities.Floors = append(w.Authorities.Floors, verifiertest.SignedFloor{Role: "SANDBOX_POLICY", Workspace: "prod", Subject: "web-1*", Version: "2", Reset: true})
	}},
	{"root rotated", func(w *World, _ *papers) { w.Repo.Rotate("root") }},
}

func (w *World) revoke(kind, sum string) {
	w.Revoked = append(w.Revoked, verifiertest.Revoke(kind, sum))
}

// others is how many entries of a life are no decision: the reset.
const others = 1

// Live lets the driver make a number of decisions at least, over all phases.
func (w *World) Live(decisions int) Lived {
	w.t.Helper()
	life := Lived{Reasons: map[signingv1.Reason]int{}}
	p := newPapers(w.rand)
	for i, phase := range phases {
		w.Advance(36 * time.Hour)
		phase.event(w, p)
		if phase.name != "trust expires" {
			w.Publish()
		}
		w.askUntil((decisions+others)*(i+1)/len(phases), p, &life)
	}
	w.Close()
	for e, err := range record.Read(disk.OS{}, filepath.Join(w.Dir, "audit"), 0) {
		w.must(err)
		if e.Decision != nil {
			life.Decisions++
		}
	}
	return life
}

// askUntil asks until the journal has a number of entries.
func (w *World) askUntil(size int, p *papers, life *Lived) {
	w.t.Helper()
	const callers = 16
	var mu sync.Mutex
	var wg sync.WaitGroup
	var asked atomic.Int64
	limit := int64(20 * (size + 100))
	for range callers {
		r := rand.New(rand.NewPCG(w.rand.Uint64(), w.rand.Uint64()))
		wg.Go(func() {
			for w.Size() < size && !w.t.Failed() && asked.Add(1) < limit {
				reason := w.Ask(p.question(r))
				mu.Lock()
				life.Reasons[reason]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if w.Size() < size {
		w.t.Fatalf("%d entries after %d questions, want %d", w.Size(), asked.Load(), size)
	}
}

// papers are the documents of a gateway with their approvals: a few, each used by
// many sandboxes.
type papers struct {
	policies []paper
	forge    []paper
	carol    *verifiertest.Key
}

type paper struct {
	body        []byte
	offered     [][]byte
	sha256      string // of the body
	attestation string // digest of the first approval
}

func newPapers(r *rand.Rand) *papers {
	p := &papers{carol: verifiertest.Person("carol")}
	alice, bob, dave := verifiertest.Person("alice"), verifiertest.Person("bob"), verifiertest.Person("dave")
	for i := range 24 {
		tree := verifiertest.Policy()
		tree["note"] = fmt.Sprintf("revision %d of %d", i, r.Uint32())
		body := verifiertest.Canonical(tree)
		a := verifiertest.ApprovalFor(verifier.SandboxPolicy)
		a.Version = strconv.Itoa(i + 1)
		if i%4 == 1 {
			a.NotAfter = Start.AddDate(0, 0, 14).Format(time.RFC3339) // in the midst of it
		}
		second := bob
		if i%3 == 0 {
			second = p.carol
		}
		p.policies = append(p.policies, approved(body, a, alice, second))
	}
	for i := range 6 {
		tree := verifiertest.ForgeProfile()
		tree["description"] = fmt.Sprintf("revision %d", i)
		body := verifiertest.Canonical(tree)
		a := verifiertest.ApprovalFor(verifier.ProviderProfile)
		a.Version = strconv.Itoa(4 + i)
		p.forge = append(p.forge, approved(body, a, dave))
	}
	return p
}

func approved(body []byte, a verifiertest.Approval, by ...*verifiertest.Key) paper {
	p := paper{body: body, sha256: verifiertest.SHA256(body)}
	for _, key := range by {
		e := a.Of(body).Seal(key)
		p.offered, p.attestation = append(p.offered, e.JSON()), e.SHA256()
	}
	return p
}

// question is what the gateway asks next: mostly about honest compositions, of
// which a third has something wrong with it.
func (p *papers) question(r *rand.Rand) *verifiertest.Scenario {
	n := r.IntN(400)
	policy := p.policies[r.IntN(len(p.policies))]
	s := verifiertest.ComposePlain()
	s.Request.Target.Name, s.Request.Target.SandboxID = fmt.Sprintf("web-%d", n), fmt.Sprintf("sb-%04d", n)
	s.Request.Documents[0].Body = policy.body
	s.Offer(0, policy.offered...)
	if r.IntN(3) == 0 {
		forge := p.forge[r.IntN(len(p.forge))]
		s.Attach("my-forge", verifiertest.Parse(forge.body)).Offer(1, forge.offered...)
	}
	s.Recompose()
	if r.IntN(3) == 0 {
		troubles[r.IntN(len(troubles))](s, p, r)
	}
	return s
}

// troubles are the ways in which a question is wrong, or another kind of question.
var troubles = []func(s *verifiertest.Scenario, p *papers, r *rand.Rand){
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) { s.Offer(0, s.Attestation(0, 0)) },
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) { s.Offer(0) },
	func(s *verifiertest.Scenario, _ *papers, r *rand.Rand) { // a stranger, every time another one
		a := s.Approval(0).Of(s.Body(0))
		s.Offer(0, s.Attestation(0, 0), a.Seal(verifiertest.Person(fmt.Sprintf("mallory %d", r.IntN(50)))).JSON())
	},
	func(s *verifiertest.Scenario, p *papers, _ *rand.Rand) { // one signature that counts and one that does not
		a := s.Approval(0)
		a.Version = "30"
		s.Offer(0, verifiertest.Seal(a.Of(s.Body(0)).JSON(), verifiertest.Person("mallory"), verifiertest.Person("alice"), p.carol).JSON())
	},
	func(s *verifiertest.Scenario, _ *papers, r *rand.Rand) { // widened in the database
		s.EditEffective(func(t verifiertest.Tree) { t["note"] = fmt.Sprintf("widened %d", r.IntN(9)) })
	},
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) { // a row that nobody approved
		s.Request.Documents[0].Body = append([]byte(" "), s.Body(0)...)
	},
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) {
		s.Request.Documents[0].Body = []byte(`{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","id":"x"}`)
	},
	func(s *verifiertest.Scenario, _ *papers, r *rand.Rand) { // a sandbox under another name
		s.Request.Target.Name = fmt.Sprintf("web-%d", 5000+r.IntN(50))
	},
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) { s.Request.Target.Workspace = "dev" }, // no rule
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) { s.Request.Effective = nil },
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) {
		s.Offer(0, []byte("no envelope"), s.Attestation(0, 0))
	},
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) { // a digest of another document beside the right one
		st := s.Approval(0).Of(s.Body(0))
		st.Subject[0].Digest["sha512"] = verifiertest.SHA256([]byte("x")) + verifiertest.SHA256([]byte("y"))
		s.Offer(0, s.Attestation(0, 0), st.Seal(verifiertest.Person("alice")).JSON())
	},
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) { admit(s) },
	func(s *verifiertest.Scenario, _ *papers, _ *rand.Rand) { admit(s) },
}

// admit asks about the first document alone.
func admit(s *verifiertest.Scenario) {
	s.Request = verifier.Request{Purpose: verifier.Admit, Target: s.Request.Target, Documents: s.Request.Documents[:1]}
}
