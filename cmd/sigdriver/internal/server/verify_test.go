// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

const allowed = signingv1.Reason_REASON_ALLOWED

// reasonOf returns the reason in the ErrorInfo of a status.
func reasonOf(st *status.Status) string {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.Domain == domain {
			return info.Reason
		}
	}
	return ""
}

// fails asserts a call fault.
func fails(t *testing.T, err error, code codes.Code, reason string) {
	t.Helper()
	if st := status.Convert(err); st.Code() != code || reasonOf(st) != reason {
		t.Fatalf("got %v (%s), want %v (%s)", err, reasonOf(st), code, reason)
	}
}

// policyAt is ComposePlain with a policy of its own for each version.
func policyAt(version int) *verifiertest.Scenario {
	s := verifiertest.ComposePlain()
	tree := verifiertest.Policy()
	tree["note"] = fmt.Sprintf("policy %d", version)
	s.Request.Documents[0].Body = verifiertest.Canonical(tree)
	a := s.Approval(0)
	a.Version = fmt.Sprint(version)
	return s.ApproveAs(0, a, "alice", "bob").Recompose()
}

func TestEqualQuestionsAreDecidedOnce(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := newWorld(t, s)
	first := w.expect(s, allowed)
	second, err := w.askRaw(t.Context(), encode(t, requestOf(s, "another id")))
	if err != nil {
		t.Fatal(err)
	}
	if second.RequestId != "another id" {
		t.Errorf("request_id is %q", second.RequestId)
	}
	second.RequestId = first.RequestId
	if !proto.Equal(first, second) {
		t.Errorf("first  %v\nsecond %v", first, second)
	}
	if w.metrics.cached.Load() != 1 || w.record.appends.Load() != 1 {
		t.Errorf("%d cached, %d recorded; want 1, 1", w.metrics.cached.Load(), w.record.appends.Load())
	}
	if first.Receipt == nil || len(first.Receipt.EntrySha256) != 32 {
		t.Errorf("receipt is %v", first.Receipt)
	}
}

func TestAnswerSaysWhatWasJudged(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := newWorld(t, s)
	got := w.expect(s, allowed)
	if want := verifier.RequestSHA256(&s.Request); !bytes.Equal(got.RequestSha256, want[:]) {
		t.Error("request_sha256 differs")
	}
	if want := verifier.AskedSHA256(&s.Request); !bytes.Equal(got.AskedSha256, want[:]) || bytes.Equal(got.AskedSha256, got.RequestSha256) {
		t.Error("asked_sha256 differs, or is request_sha256")
	}
	for i, d := range got.Documents {
		if fmt.Sprintf("%x", d.Sha256) != s.SHA256(i) {
			t.Errorf("digest of document %d differs", i)
		}
	}
	if fmt.Sprintf("%x", got.EffectiveSha256) != verifiertest.SHA256(s.Request.Effective) {
		t.Error("effective_sha256 differs")
	}
	if got.Trust.GetEpoch() != 41 || got.Trust.GetTimestampVersion() != 900 || got.Trust.GetStale() {
		t.Errorf("trust is %v", got.Trust)
	}
}

// SE-14: refused before the bodies are parsed: this one is no document at all.
func TestForeignGateway(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	w.expect(s, allowed)
	r := requestOf(s, "r")
	r.Target.GatewayId = "gw-west"
	r.Documents[0].Body = []byte("{")
	_, err := w.askRaw(t.Context(), encode(t, r))
	fails(t, err, codes.PermissionDenied, reasonPeerNotAllowed)
	if _, err := w.answerCall(t.Context(), socket.Credentials{UID: 1, GID: 1, PID: 1}, pieces(encode(t, requestOf(s, "r")), 999)); err == nil {
		t.Error("another uid got the cached answer")
	}
	if w.record.appends.Load() != 1 {
		t.Error("a foreign request was recorded")
	}
}

func TestCallFaults(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	w.expect(s, allowed)
	for name, c := range map[string]struct {
		change func(*signingv1.VerifyRequest)
		reason string
	}{
		"no purpose":   {func(r *signingv1.VerifyRequest) { r.Purpose = 0 }, reasonRequestInvalid},
		"unknown role": {func(r *signingv1.VerifyRequest) { r.Documents[0].Role = 9 }, reasonRequestInvalid},
		"no body":      {func(r *signingv1.VerifyRequest) { r.Documents[0].Body = nil }, reasonRequestInvalid},
		"large body":   {func(r *signingv1.VerifyRequest) { r.Documents[0].Body = make([]byte, verifier.MaxBody+1) }, reasonRequestTooLarge},
		"large hash": {func(r *signingv1.VerifyRequest) {
			r.Host = &signingv1.Host{PolicyHash: strings.Repeat("h", verifier.MaxName+1)}
		}, reasonRequestTooLarge},
		"effective":      {func(r *signingv1.VerifyRequest) { r.Effective = []byte("{}") }, reasonRequestInvalid},
		"two documents":  {func(r *signingv1.VerifyRequest) { r.Documents = append(r.Documents, r.Documents[0]) }, reasonRequestInvalid},
		"many proofs":    {func(r *signingv1.VerifyRequest) { r.Documents[0].Attestations = make([][]byte, 17) }, reasonRequestTooLarge},
		"long workspace": {func(r *signingv1.VerifyRequest) { r.Target.Workspace = strings.Repeat("w", verifier.MaxName+1) }, reasonRequestTooLarge},
	} {
		r := requestOf(s, "r")
		c.change(r)
		_, err := w.askRaw(t.Context(), encode(t, r))
		if st := status.Convert(err); st.Code() != codes.InvalidArgument || reasonOf(st) != c.reason {
			t.Errorf("%s: %v (%s), want %s", name, err, reasonOf(st), c.reason)
		}
	}
	if w.record.appends.Load() != 1 {
		t.Error("a call fault was recorded")
	}
}

func TestClockThatCannotBeBelieved(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	w.expect(s, allowed)
	w.now.set(s.Now, &record.ClockError{Wall: s.Now, Expected: s.Now.Add(time.Hour)})
	_, err := w.ask(s) // also what is cached
	fails(t, err, codes.Unavailable, reasonClockUntrusted)
	w.now.set(s.Now, nil)
	w.expect(s, allowed)
}

// SPEC: R1 is checked on every answer, also a cached one.
func TestTrustExpiresUnderACachedAnswer(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	if w.expect(s, allowed).Trust.Stale {
		t.Fatal("fresh trust is stale")
	}
	w.now.set(s.Expires.Timestamp, nil)
	if !w.expect(s, allowed).Trust.Stale {
		t.Error("trust past its expiry is not stale")
	}
	w.now.set(s.Expires.Timestamp.Add(24*time.Hour), nil)
	w.expect(s, signingv1.Reason_REASON_TRUST_STALE)
}

// What was decided stands over a re-signing that moves nothing but expiries, past the
// expiry that it was decided by too; and it dies with the trust that is in use.
func TestResigningDecidesNothing(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	first := w.expect(s, allowed).Receipt.GetLogIndex()
	was := s.Expires.Timestamp
	s.Expires.Timestamp = was.AddDate(0, 0, 7)
	s.Versions.Timestamp++
	w.resign(s)
	for _, at := range []time.Time{s.Now, was.Add(time.Second)} {
		w.now.set(at, nil)
		got := w.expect(s, allowed)
		if got.Receipt.GetLogIndex() != first || got.Trust.Stale {
			t.Errorf("at %s: entry %d after %d, stale %t", at, got.Receipt.GetLogIndex(), first, got.Trust.Stale)
		}
	}
	if n := w.record.appends.Load(); n != 1 {
		t.Errorf("%d entries", n)
	}
	end := w.expect(s, allowed).ValidUntil.AsTime()
	w.now.set(end, nil)
	if got := w.expect(s, allowed).ValidUntil; got != nil && !got.AsTime().After(end) {
		t.Errorf("at %s an answer is valid until %s", end, got.AsTime())
	}
	w.now.set(s.Expires.Timestamp.Add(24*time.Hour), nil)
	before := w.expect(s, signingv1.Reason_REASON_TRUST_STALE).Findings[0].Detail
	s.Expires.Timestamp = s.Expires.Timestamp.Add(time.Minute) // it is too late, but says when
	w.resign(s)
	if now := w.expect(s, signingv1.Reason_REASON_TRUST_STALE).Findings[0].Detail; now == before {
		t.Errorf("signed anew, it still says %q", now)
	}
}

func TestNoTrust(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	w.expect(s, allowed)
	w.trust.swap(nil)
	got := w.expect(s, signingv1.Reason_REASON_TRUST_UNAVAILABLE)
	if got.Trust != nil || got.Receipt == nil {
		t.Errorf("trust %v, receipt %v", got.Trust, got.Receipt)
	}
}

// DM-22, PO-29: an allowed answer does not outlive its trust.
func TestRevocationBitesOnTheFirstRequestAfterTheSwap(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	w.expect(s, allowed)
	s.Epoch++
	s.Revocations = verifiertest.Revocations(verifiertest.Revoke("document", s.SHA256(0)))
	w.swap(s)
	w.expect(s, signingv1.Reason_REASON_DOCUMENT_REVOKED)
}

// What older trust answered is never given again, so newer trust keeps none of it.
func TestNewerTrustMakesRoom(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	for range 3 {
		w.expect(s, allowed)
		w.resign(s) // keeps it
		w.expect(s, allowed)
		if n, _ := w.Cached(); n != 1 {
			t.Fatalf("%d answers are kept", n)
		}
		s.Epoch++
		w.swap(s)
	}
}

// SE-01: the cache does not remember what a floor forbids.
func TestRollbackAfterACachedAllow(t *testing.T) {
	v42, v43 := policyAt(42), policyAt(43)
	w := newWorld(t, v42)
	w.expect(v42, allowed)
	w.expect(v42, allowed)
	w.expect(v43, allowed)
	w.expect(v42, signingv1.Reason_REASON_VERSION_ROLLBACK)
	w.expect(v43, allowed)
}

// SE-05: only COMPOSE raises floors.
func TestAdmitRaisesNothing(t *testing.T) {
	v42, admit := policyAt(42), policyAt(43)
	admit.Request.Purpose, admit.Request.Effective, admit.Request.Recipe, admit.Request.ProvidersV2 = verifier.Admit, nil, "", false
	w := newWorld(t, v42)
	w.expect(admit, allowed)
	w.expect(v42, allowed)
}

// SE-08: a sandbox that moves is noticed, also when the answer for its new
// place was made before.
func TestMovedSandbox(t *testing.T) {
	s := verifiertest.ComposePlain()
	w := newWorld(t, s)
	w.expect(s, allowed)
	moved := verifiertest.ComposePlain()
	moved.Request.Target.Name = "web-2"
	w.expect(moved, signingv1.Reason_REASON_SCOPE_MISMATCH)
	w.expect(s, allowed)
}

// SE-02: a denial does not outlive the arrival of what was missing.
func TestMissingApprovalArrives(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	second := s.Attestation(0, 1)
	s.Offer(0, s.Attestation(0, 0))
	w.expect(s, signingv1.Reason_REASON_THRESHOLD)
	w.expect(s, signingv1.Reason_REASON_THRESHOLD)
	if err := os.WriteFile(filepath.Join(w.dir, "bob.json"), second, 0o600); err != nil {
		t.Fatal(err)
	}
	for !w.index.Scan() {
	}
	w.expect(s, allowed)
}

// What comes and goes in the folder about other documents has nothing decided again; what
// is about this one has.
func TestForeignFilesKeepTheCache(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	other := verifiertest.AdmitProfile()
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		for !w.index.Scan() {
		}
	}
	w.expect(s, allowed)
	cached := w.metrics.cached.Load()
	for name, data := range map[string][]byte{"foreign": other.Attestation(0, 0), "junk": []byte("junk"), "again": append(other.Attestation(0, 0), ' ')} {
		put(name, data)
		w.expect(s, allowed)
		if n := w.metrics.cached.Load(); n != cached+1 {
			t.Errorf("%s: the question was decided again", name)
		}
		cached = w.metrics.cached.Load()
	}
	put("own", s.Attestation(0, 0))
	w.expect(s, allowed)
	if w.metrics.cached.Load() != cached {
		t.Error("what came about its document had nothing decided again")
	}
}

// DM-21: nothing that matters is left out of the key.
func TestSameBodyOtherQuestion(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	w.expect(s, allowed)
	other := verifiertest.AdmitPolicy()
	other.Request.Target.Workspace = "dev"
	w.expect(other, signingv1.Reason_REASON_RULE_MISSING)
	other.Request.Target.Workspace = "prod"
	w.expect(other, allowed)
}

func TestUnrecordedAllowDoesNotLeave(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	broken := errors.New("the disk is gone")
	for _, err := range []error{broken, &record.FullError{}, &record.SuppressedError{}} {
		w.record.fail.Store(&err)
		_, got := w.ask(s)
		fails(t, got, codes.Unavailable, reasonAuditUnavailable)
	}
	w.record.fail.Store(nil)
	w.expect(s, allowed)
}

// A refusal that a full disk kept out of the journal is recorded once there is room,
// though its answer was kept meanwhile.
func TestUnrecordedRefusalIsRecordedLater(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	s.Offer(0)
	w := newWorld(t, s)
	var full error = &record.FullError{}
	w.record.fail.Store(&full)
	for range 2 {
		if got := w.expect(s, signingv1.Reason_REASON_ATTESTATION_MISSING); got.Receipt != nil {
			t.Fatalf("recorded on a full disk: %v", got.Receipt)
		}
	}
	if n := w.metrics.cached.Load(); n != 1 {
		t.Errorf("%d answers were kept, want 1: noise is decided once", n)
	}
	w.record.fail.Store(nil)
	w.now.set(s.Now.Add(unrecordedHolds), nil)
	if got := w.expect(s, signingv1.Reason_REASON_ATTESTATION_MISSING); got.Receipt == nil {
		t.Error("with room again it is not recorded")
	}
}

func TestSuppressedDenialHasNoReceipt(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	s.Offer(0)
	w := newWorld(t, s)
	for _, err := range []error{&record.FullError{}, &record.SuppressedError{}} {
		w.cache.Clear()
		w.record.fail.Store(&err)
		if got := w.expect(s, signingv1.Reason_REASON_ATTESTATION_MISSING); got.Receipt != nil {
			t.Error("a receipt without an entry")
		}
	}
	broken := errors.New("the disk is gone")
	w.cache.Clear()
	w.record.fail.Store(&broken)
	_, err := w.ask(s)
	fails(t, err, codes.Unavailable, reasonAuditUnavailable)
}

// Callers that ask the same at once share one evaluation.
func TestEqualQuestionsUnderWayShareOneEvaluation(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := newWorld(t, s)
	hold := make(chan struct{})
	w.record.before = func() { <-hold }
	data := encode(t, requestOf(s, "r"))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if got, err := w.askRaw(context.Background(), data); err != nil || got.Reason != allowed {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	close(hold)
	wg.Wait()
	if n := w.record.appends.Load(); n != 1 {
		t.Errorf("%d evaluations", n)
	}
}

func TestOverload(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	uid := gateway.UID
	for range coldUID {
		w.Admission.cold.try(uid, 1)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := w.askRaw(ctx, encode(t, requestOf(s, "r-1"))); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("one evaluation too many: %v", err)
	}
	waiting := make(chan error)
	go func() {
		_, err := w.askRaw(context.Background(), encode(t, requestOf(s, "r-1")))
		waiting <- err
	}()
	for w.Admission.cold.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	w.Admission.cold.give(uid, 1)
	if err := <-waiting; err != nil {
		t.Errorf("one that waited: %v", err)
	}
	w.Admission.cold.try(uid, 1)
	w.expect(s, allowed) // cached answers need no slot
}

// DM-14: a panic is an error of one call.
func TestPanic(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	w.record.before = func() { panic("boom") }
	_, err := w.ask(s)
	fails(t, err, codes.Internal, reasonInternal)
	if strings.Contains(err.Error(), "boom") {
		t.Errorf("the panic leaves the process: %v", err)
	}
	if w.metrics.panics.Load() != 1 {
		t.Error("no alarm")
	}
	w.record.before = nil
	w.expect(s, allowed) // neither a slot nor the question is lost
	if n := w.Cold(); n != 0 {
		t.Errorf("%d slots are lost", n)
	}
}

// DM-13: callers that hang up leave neither goroutines nor half a record.
func TestCancelledCalls(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := newWorld(t, s)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 500 {
		ctx, cancel := context.WithCancel(t.Context())
		data := encode(t, requestOf(policyAt(i+1), "r"))
		wg.Go(func() { w.askRaw(ctx, data) })
		if i%2 == 0 {
			cancel()
		}
		defer cancel()
		if i%50 == 49 {
			wg.Wait()
		}
	}
	wg.Wait()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before+2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	for _, err := range w.record.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A caller that waits for an evaluation that was cancelled evaluates itself.
func TestWaitingForACancelledCall(t *testing.T) {
	var f flight
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	go f.do(ctx, key{}, func() (*answer, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	<-begun
	time.AfterFunc(10*time.Millisecond, cancel)
	want := &answer{}
	got, err := f.do(t.Context(), key{}, func() (*answer, error) { return want, nil })
	if got != want || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// cachedSteps is how long TestCachedIsUncached goes on.
var cachedSteps = flag.Int("cached-steps", 1500, "steps of TestCachedIsUncached")

// TestCachedIsUncached interleaves everything that an answer depends on and
// compares each answer with a decision made from nothing.
func TestCachedIsUncached(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	asked := []*verifiertest.Scenario{
		verifiertest.ComposeLayers(), verifiertest.AdmitProfile(), policyAt(41), policyAt(43), policyAt(44), policyAt(44),
	}
	moved := policyAt(50)
	moved.Request.Target.Name = "web-9"
	half := verifiertest.ComposePlain()
	half.Offer(0, half.Attestation(0, 0))
	other := policyAt(44)
	other.Request.Documents[0].Body = policyAt(45).Body(0)
	asked = append(asked, moved, half, other)
	base := verifiertest.AdmitPolicy()
	w := newWorld(t, base)
	missing := filepath.Join(w.dir, "bob.json")
	trusts := []func(*verifiertest.Scenario){
		func(s *verifiertest.Scenario) {},
		func(s *verifiertest.Scenario) { s.Authorities.Authorities["security"].Threshold = 1 },
		func(s *verifiertest.Scenario) { s.Authorities.Authorities["platform"].Threshold = 2 },
		func(s *verifiertest.Scenario) {
			s.Revocations = verifiertest.Revocations(verifiertest.Revoke("key", verifiertest.Person("bob").SHA256()))
		},
	}
	now, epoch, last := base.Now, base.Epoch, base
	for range *cachedSteps {
		switch r.IntN(15) {
		case 0:
			s := verifiertest.AdmitPolicy()
			epoch++
			s.Epoch = epoch
			trusts[r.IntN(len(trusts))](s)
			last = s
			w.swap(s)
			for !w.index.Scan() {
			}
		case 1:
			if os.Remove(missing) != nil {
				if err := os.WriteFile(missing, verifiertest.ComposePlain().Attestation(0, 1), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for !w.index.Scan() {
			}
		case 2:
			now = now.Add(time.Duration(r.IntN(120)) * time.Second)
			w.now.set(now, nil)
		case 3: // signed anew
			last.Versions.Timestamp++
			last.Expires.Timestamp = last.Expires.Timestamp.Add(time.Minute)
			w.resign(last)
		case 4:
			w.decideHot(t.Context())
		case 5:
			w.cache.Drop(w.anyKey(r))
		default:
			w.compare(asked[r.IntN(len(asked))], now)
		}
	}
	if hits, all := w.metrics.cached.Load(), w.metrics.decided.Load(); hits < all/4 || hits == all {
		t.Errorf("%d of %d answers were cached: the test shows nothing", hits, all)
	}
	if w.metrics.ahead.Load() == 0 {
		t.Error("nothing was decided ahead")
	}
}

// anyKey is of some answer that is kept, the zero key where none is.
func (w *world) anyKey(r *rand.Rand) (k key) {
	n := r.IntN(8)
	for k = range w.cache.Hottest() {
		if n--; n < 0 {
			break
		}
	}
	return k
}

// compare asks, and decides the same from nothing.
func (w *world) compare(s *verifiertest.Scenario, now time.Time) {
	w.t.Helper()
	req := s.Request
	req.Documents = append([]verifier.Document{}, req.Documents...)
	merge(&req, w.index.Current())
	trust, err := verifier.ParseTrust(w.source) // which remembers nothing
	if err != nil {
		w.t.Fatal(err)
	}
	d := verifier.Verify(&req, trust, w.record.View(), now)
	body, err := encodeDecision(&req, verifier.Summarize(&req), &d, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	want := &signingv1.VerifyResponse{}
	if err := proto.Unmarshal(body, want); err != nil {
		w.t.Fatal(err)
	}
	got, err := w.ask(s)
	if err != nil {
		w.t.Fatal(err)
	}
	if got.Verdict == signingv1.Verdict_VERDICT_ALLOW && got.Receipt == nil {
		w.t.Fatal("an ALLOW without a receipt")
	}
	got.RequestId, got.Receipt, got.Trust = "", nil, nil
	if end := got.ValidUntil; end != nil && end.AsTime().After(now) && (want.ValidUntil == nil || end.AsTime().Before(want.ValidUntil.AsTime())) {
		got.ValidUntil = want.ValidUntil // trust was signed anew since: it says less than it could
	}
	if !proto.Equal(got, want) {
		w.t.Fatalf("cached differs from uncached:\ngot  %v\nwant %v", got, want)
	}
}

// A hit costs little: it parses nothing and checks no signature.
func TestHitAllocates(t *testing.T) {
	w, data := hit(t)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := w.answerCall(context.Background(), gateway, data); err != nil {
			t.Fatal(err)
		}
	})
	if n > 20 {
		t.Errorf("%v allocations, want at most 20", n)
	}
}

func BenchmarkHit(b *testing.B) {
	w, data := hit(b)
	b.ReportAllocs()
	b.SetBytes(int64(data.Len()))
	for b.Loop() {
		if _, err := w.answerCall(context.Background(), gateway, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCold(b *testing.B) {
	w, data := hit(b)
	b.ReportAllocs()
	for b.Loop() {
		w.cache.Clear()
		if _, err := w.answerCall(context.Background(), gateway, data); err != nil {
			b.Fatal(err)
		}
	}
}
