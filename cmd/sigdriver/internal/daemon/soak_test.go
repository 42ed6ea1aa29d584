// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// soakFor is how long TestSoak runs: `make soak` gives it a minute.
var soakFor = flag.Duration("soak", 8*time.Second, "how long TestSoak runs; a minute has all 30 rotations")

const (
	soakCallers = 64
	// soakPlaces is how many sandboxes ask each question, so that some callers
	// ask the same and some do not.
	soakPlaces = 8
	// soakFull is how many rotations a full run has, soakLeast a short one.
	soakFull, soakLeast = 30, 12
)

// TestSoak lets 64 gateways ask over the socket while a repository rotates its
// keys, changes its rules and revokes, and after each of these is served wrong.
// Every answer names its epoch, and every epoch has one right verdict.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("runs for -soak, 8 s by default")
	}
	w := newWorld(t)
	w.configure(`log.level = "warn"`)
	w.start() // what a process makes once is made now
	w.expect(compose(5), verifier.Allowed)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	before := held(t)

	s := newSoak(w)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	serving := held(t)
	s.run()
	s.returnsTo("while it serves", serving)
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	t.Logf("%d requests, %d allowed and %d denied, over %d epochs; %d rotations and %d bad publications: %v",
		s.allowed.Load()+s.denied.Load(), s.allowed.Load(), s.denied.Load(), s.inUse.Load(), s.rotations, s.refusals, s.codes)
	if s.allowed.Load() < soakCallers || s.denied.Load() < soakCallers {
		t.Error("hardly anything was asked")
	}
	s.returnsTo("when it has stopped", before)
}

// run lets the callers ask while everything is published.
func (s *soak) run() {
	calling, stop := context.WithCancel(s.t.Context())
	var callers sync.WaitGroup
	defer callers.Wait()
	defer stop()
	for i := range soakCallers {
		callers.Go(func() { s.call(calling, i) })
	}
	callers.Go(func() { s.watch(calling) })
	s.publishAll()
	s.wait("the last epoch is told", func() bool { return s.told.Load() == s.inUse.Load() })
}

// holding is what leaks would add to.
type holding struct{ goroutines, files int }

// held counts when everything that is ending has ended: it wants the same twice.
func held(t *testing.T) holding {
	t.Helper()
	for last := (holding{}); ; time.Sleep(100 * time.Millisecond) {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skipf("descriptors cannot be counted: %v", err)
		}
		now := holding{runtime.NumGoroutine(), len(open)}
		if now == last {
			return now
		}
		last = now
	}
}

// returnsTo waits until no more is held than before.
func (s *soak) returnsTo(when string, before holding) {
	s.t.Helper()
	var now holding
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if now = held(s.t); now.goroutines <= before.goroutines && now.files <= before.files {
			return
		}
	}
	var stacks strings.Builder
	pprof.Lookup("goroutine").WriteTo(&stacks, 1)
	s.t.Fatalf("%s there are %+v, before %+v: %s", when, now, before, stacks.String())
}

// soak is the repository's author, what is served of it, and what every epoch
// must answer.
type soak struct {
	*world
	author    *tuftest.Repo // what is published; w.repo serves it, or something worse
	questions []question
	entries   []verifiertest.Revocation

	known sync.Map      // epoch → soakState
	inUse atomic.Uint64 // an epoch that has been swapped in
	told  atomic.Uint64 // the last one that WatchTrust told
	weak  []byte        // authorities.json of every bad publication, by which one approval is enough

	allowed, denied     atomic.Int64
	rotations, refusals int
	codes               map[string]int
}

// soakState is what a published trust says about what the callers ask.
type soakState struct {
	bob     bool // is one of security's
	revoked int  // so many of the questions' documents are
}

// question is asked again and again.
type question struct {
	name string
	ask  *signingv1.VerifyRequest
	// want is the reason that a published trust must give.
	want func(soakState) verifier.Reason
}

func newSoak(w *world) *soak {
	s := &soak{world: w, author: w.repo.Fork(), codes: map[string]int{}}
	s.weak = verifiertest.Edit(w.auth.JSON(), `"threshold":2`, `"threshold":1`)
	s.known.Store(uint64(1), soakState{bob: true})
	s.inUse.Store(1)
	always := func(r verifier.Reason) func(soakState) verifier.Reason {
		return func(soakState) verifier.Reason { return r }
	}
	s.add("approved by people who stay", soakQuestion("web-stays", "alice", "carol"), always(verifier.Allowed))
	s.add("approved by one", soakQuestion("web-one", "carol"), always(verifier.Threshold))
	edited := soakQuestion("web-edited", "alice", "carol")
	edited.EditEffective(func(tree verifiertest.Tree) { tree["note"] = "other" })
	s.add("composed of something else", edited, always(verifier.CompositionMismatch))
	s.add("approved by bob too", soakQuestion("web-bob", "alice", "bob"), func(at soakState) verifier.Reason {
		if at.bob {
			return verifier.Allowed
		}
		return verifier.Threshold
	})
	for i := range (soakFull + 5) / 6 {
		doomed := soakQuestion(fmt.Sprint("web-doomed-", i), "alice", "carol")
		s.entries = append(s.entries, verifiertest.Revoke("document", doomed.SHA256(0)))
		s.add(fmt.Sprint("to be revoked as number ", i), doomed, func(at soakState) verifier.Reason {
			if i < at.revoked {
				return verifier.DocumentRevoked
			}
			return verifier.Allowed
		})
	}
	return s
}

// soakQuestion asks about a sandbox whose policy nobody else has.
func soakQuestion(name string, approvers ...string) *verifiertest.Scenario {
	q := verifiertest.ComposePlain()
	tree := verifiertest.Policy()
	tree["note"] = name
	q.Request.Documents[0].Body = verifiertest.Canonical(tree)
	q.Request.Target.Name = name
	q.Recompose()
	fresh(q, 0, 5, approvers...)
	return q
}

func (s *soak) add(name string, q *verifiertest.Scenario, want func(soakState) verifier.Reason) {
	s.questions = append(s.questions, question{name, requestOf(q), want})
}

// dial connects a caller. Each has a connection of its own; the first takes the
// one that is there, because more than 64 of one user are refused.
func (s *soak) dial(caller int) (client signingv1.PolicySigningDriverClient, closeConn func() error) {
	if caller == 0 {
		return s.client(), func() error { return nil }
	}
	conn, err := grpc.NewClient("unix:"+s.path("run/s"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Error(err)
	}
	return signingv1.NewPolicySigningDriverClient(conn), conn.Close
}

// call asks one question after another until the context ends.
func (s *soak) call(ctx context.Context, caller int) {
	client, closeConn := s.dial(caller)
	defer closeConn()
	last := uint64(0)
	for n := caller; ctx.Err() == nil; n++ {
		q := s.questions[n%len(s.questions)]
		q.ask = requestIn(q.ask, fmt.Sprint(q.ask.Target.Name, "-", caller%soakPlaces), fmt.Sprint("r-", caller, "-", n))
		least := max(last, s.inUse.Load())
		within, cancel := context.WithTimeout(context.Background(), patience)
		got, err := client.Verify(within, q.ask)
		cancel()
		if err != nil {
			s.t.Errorf("%s: %v", q.name, err)
			return
		}
		if err := s.judge(q, got, least); err != nil {
			s.t.Errorf("%s: %v", q.name, err)
			return
		}
		last = got.Trust.Epoch
		time.Sleep(5 * time.Millisecond)
	}
}

func requestIn(ask *signingv1.VerifyRequest, sandbox, id string) *signingv1.VerifyRequest {
	t := ask.Target
	return &signingv1.VerifyRequest{
		RequestId: id, Purpose: ask.Purpose, Effective: ask.Effective, Recipe: ask.Recipe, ProvidersV2Enabled: ask.ProvidersV2Enabled, Documents: ask.Documents,
		Target: &signingv1.Target{GatewayId: t.GatewayId, Workspace: t.Workspace, SandboxId: sandbox, Name: t.Name},
	}
}

// judge holds an answer against the trust that it names. That trust may not be
// older than one known to be in use when the question was asked: a revocation
// bites on the first request after the swap.
func (s *soak) judge(q question, got *signingv1.VerifyResponse, least uint64) error {
	epoch := got.Trust.GetEpoch()
	at, ok := s.known.Load(epoch)
	switch {
	case !ok:
		return fmt.Errorf("epoch %d was never published", epoch)
	case epoch < least:
		return fmt.Errorf("epoch %d after %d", epoch, least)
	case got.RequestId != q.ask.RequestId:
		return fmt.Errorf("the answer is to %q", got.RequestId)
	}
	want := q.want(at.(soakState))
	allowed := got.Verdict == signingv1.Verdict_VERDICT_ALLOW
	if allowed != (want == verifier.Allowed) || got.Reason != signingv1.Reason(want) {
		return fmt.Errorf("epoch %d says %v %v, want %v: %v", epoch, got.Verdict, got.Reason, want, got.Findings)
	}
	if !allowed {
		s.denied.Add(1)
		return nil
	}
	if got.Receipt == nil {
		return errors.New("an ALLOW without a receipt")
	}
	s.allowed.Add(1)
	return nil
}

// watch follows WatchTrust: no epoch goes back, every one was published, and
// trust is fresh throughout.
func (s *soak) watch(ctx context.Context) {
	stream, err := s.client().WatchTrust(ctx, &signingv1.WatchTrustRequest{})
	if err != nil {
		s.t.Error(err)
		return
	}
	for {
		got, err := stream.Recv()
		if err != nil {
			if ctx.Err() == nil {
				s.t.Error(err)
			}
			return
		}
		_, ok := s.known.Load(got.Epoch)
		if last := s.told.Swap(got.Epoch); !ok || got.Epoch < last || got.Condition != signingv1.TrustCondition_TRUST_CONDITION_FRESH {
			s.t.Errorf("after epoch %d: %v", last, got)
		}
	}
}

// rotation is one honest publication.
type rotation struct {
	name string
	do   func(s *soak, at *soakState)
}

var rotations = []rotation{
	{"root", func(s *soak, _ *soakState) { s.author.Rotate("root") }},
	{"targets", func(s *soak, _ *soakState) { s.author.Rotate("targets") }},
	{"timestamp", func(s *soak, _ *soakState) { s.author.Rotate("timestamp") }},
	{"authorities", func(s *soak, at *soakState) {
		at.bob = !at.bob
		security := s.auth.Authorities["security"]
		security.Principals = []string{"alice", "carol"}
		if at.bob {
			security.Principals = []string{"alice", "bob", "carol"}
		}
		s.author.SetTarget("authorities.json", s.auth.JSON())
	}},
	{"revocations", func(s *soak, at *soakState) {
		at.revoked++
		s.author.SetTarget("revocations.json", verifiertest.Revocations(s.entries[:at.revoked]...))
	}},
	{"snapshot", func(s *soak, _ *soakState) { s.author.Rotate("snapshot") }},
}

// publishAll spreads the rotations over the time of the soak, each followed by
// something bad that is served in its place.
func (s *soak) publishAll() {
	count := min(soakFull, max(soakLeast, int(soakFull**soakFor/time.Minute)))
	pace := *soakFor / time.Duration(count)
	begin := time.Now()
	for i := 0; i < count && !s.t.Failed(); i++ {
		s.publish(rotations[i%len(rotations)])
		s.suffer(badPublications[i%len(badPublications)])
		time.Sleep(time.Until(begin.Add(time.Duration(i+1) * pace)))
	}
	s.publish(rotations[3]) // it is followed to the end
}

// weakest is where a bad publication's authorities.json is served.
func (s *soak) weakest() string { return tuftest.TargetFile("authorities.json", s.weak) }

// publish makes the next epoch.
func (s *soak) publish(r rotation) {
	last := s.inUse.Load()
	now, _ := s.known.Load(last)
	next := now.(soakState)
	r.do(s, &next)
	s.known.Store(last+1, next)
	s.author.Publish()
	s.repo.Heal()
	s.repo.ServeFrom(s.author)
	s.kick()
	s.wait("a rotation of "+r.name+" is in use", func() bool { return s.metric("sigdriver_trust_epoch") == fmt.Sprint(last+1) })
	s.inUse.Store(last + 1)
	s.rotations++
}

// suffer serves something bad until it has been refused. What the author signs
// next is numbered after it, as whoever mends a repository must.
func (s *soak) suffer(b bad) {
	series := fmt.Sprintf("sigdriver_trust_refreshes_total{result=%q}", b.code)
	before, epoch := s.metric(series), s.metric("sigdriver_trust_epoch")
	served := s.author.Fork()
	served.SetTarget("authorities.json", s.weak)
	b.do(s, served)
	s.repo.ServeFrom(served)
	s.kick()
	s.wait(b.name+" is refused with "+b.code, func() bool { return s.metric(series) != before })
	if now := s.metric("sigdriver_trust_epoch"); now != epoch {
		s.t.Errorf("%s: epoch %s after %s", b.name, now, epoch)
	}
	for _, role := range []string{"timestamp", "snapshot", "targets", "revocation"} {
		s.author.SetVersion(role, max(s.author.Version(role), served.Version(role))+1)
	}
	s.refusals++
	s.codes[b.code]++
}

// kick asks for a refresh at once.
func (s *soak) kick() {
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

// wait is eventually on a machine that the callers keep busy.
func (s *soak) wait(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	s.t.Fatalf("it never happens: %s", what)
}

// bad is something that a repository may not serve.
type bad struct {
	name, code string
	do         func(s *soak, r *tuftest.Repo) // r is a copy of the author's, served afterwards
}

var badPublications = []bad{
	{"root by strangers", tuf.CodeSignature, func(_ *soak, r *tuftest.Repo) {
		r.SignWith("root", tuftest.Strangers(2)...)
		r.Publish()
	}},
	{"expired timestamp", tuf.CodeExpired, func(_ *soak, r *tuftest.Repo) { r.Expire("timestamp"); r.Publish() }},
	{"rolled back targets", tuf.CodeRollback, func(_ *soak, r *tuftest.Repo) { r.SetVersion("targets", 1); r.Publish() }},
	{"truncated snapshot", tuf.CodeDownload, func(s *soak, r *tuftest.Repo) {
		r.Publish()
		file := r.File(r.Path("snapshot"))
		s.repo.Fault(r.Path("snapshot"), tuftest.Truncated(file, len(file)/2))
	}},
	{"oversized timestamp", tuf.CodeLength, func(s *soak, r *tuftest.Repo) {
		r.Publish()
		s.repo.Fault("metadata/timestamp.json", tuftest.Oversize(tuf.MaxTimestamp+1))
	}},
	{"targets by a stranger", tuf.CodeSignature, func(_ *soak, r *tuftest.Repo) {
		r.SignWith("targets", tuftest.Strangers(1)...)
		r.Publish()
	}},
	{"expired targets", tuf.CodeExpired, func(_ *soak, r *tuftest.Repo) { r.Expire("targets"); r.Publish() }},
	{"rolled back timestamp", tuf.CodeRollback, func(_ *soak, r *tuftest.Repo) { r.SetVersion("timestamp", 1); r.Publish() }},
	{"truncated authorities", tuf.CodeLength, func(s *soak, r *tuftest.Repo) {
		r.Publish()
		r.Edit(s.weakest(), func(b []byte) []byte { return b[:len(b)/2] })
	}},
	{"endless timestamp", tuf.CodeLength, func(s *soak, r *tuftest.Repo) {
		r.Publish()
		s.repo.Fault("metadata/timestamp.json", tuftest.Endless)
	}},
	{"unsigned revocations", tuf.CodeSignature, func(_ *soak, r *tuftest.Repo) {
		r.SetTarget("revocations.json", verifiertest.Revocations(verifiertest.Revoke("key", verifiertest.Person("alice").SHA256())))
		r.SignWith("revocation")
		r.Publish()
	}},
	{"expired snapshot", tuf.CodeExpired, func(_ *soak, r *tuftest.Repo) { r.Expire("snapshot"); r.Publish() }},
	{"rolled back revocations", tuf.CodeRollback, func(_ *soak, r *tuftest.Repo) { r.SetVersion("revocation", 1); r.Publish() }},
	{"authorities that fail the self-check", tuf.CodeCorrupt, func(s *soak, r *tuftest.Repo) {
		r.SetTarget("authorities.json", verifiertest.Edit(s.auth.JSON(), `"threshold":2`, `"threshold":0`))
		r.Publish()
	}},
	{"oversized authorities", tuf.CodeLength, func(s *soak, r *tuftest.Repo) {
		r.Publish()
		r.Edit(s.weakest(), func(b []byte) []byte { return append(b, ' ') })
	}},
	{"timestamp by a stranger", tuf.CodeSignature, func(_ *soak, r *tuftest.Repo) {
		r.SignWith("timestamp", tuftest.Strangers(1)...)
		r.Publish()
	}},
	{"changed authorities", tuf.CodeHash, func(s *soak, r *tuftest.Repo) {
		r.Publish()
		r.FlipByte(s.weakest())
	}},
}
