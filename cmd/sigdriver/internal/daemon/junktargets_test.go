// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

var junkTargets = flag.Int("junk-targets", 256, "junk targets of TestJunkTargetsHoldNothingBack; trust may list 4096 attestations")

// junkEnvelope is an envelope whose signatures are nobody's and have the shape of
// everybody's, so that each takes a check for every key of trust.
func junkEnvelope(i int) []byte {
	e := verifiertest.Seal(fmt.Appendf(nil, `{"junk":%d}`, i))
	for range verifier.MaxSignatures {
		sig := append([]byte{0x30, 0x44, 0x02, 0x20}, make([]byte, 66)...)
		copy(sig[4:], strings.Repeat("\x11", 32))
		sig[36], sig[37] = 0x02, 0x20
		copy(sig[38:], strings.Repeat("\x22", 32))
		e.Signatures = append(e.Signatures, verifiertest.Signature{Sig: base64.StdEncoding.EncodeToString(sig)})
	}
	return e.JSON()
}

// crowd gives trust so many more people that a junk envelope is dear to check.
func (w *world) crowd() {
	for i := range 32 {
		name := fmt.Sprintf("clerk-%d", i)
		w.auth.Principals[name] = verifiertest.HeldBy(verifiertest.NewKey(name, verifier.ECDSAP256))
	}
}

// reload has the driver refresh at once.
func reload() { syscall.Kill(os.Getpid(), syscall.SIGHUP) }

// swapped publishes and returns how long the driver went on answering as before.
func (w *world) swapped(s *verifiertest.Scenario, before signingv1.Verdict) time.Duration {
	w.t.Helper()
	if got := w.verdict(s); got != before {
		w.t.Fatalf("%v before anything is published", got)
	}
	w.publish()
	begin, last := time.Now(), time.Now()
	reload()
	w.eventually("other answers", func() bool {
		if w.verdict(s) != before {
			return true
		}
		last = time.Now()
		return false
	})
	return last.Sub(begin)
}

// What lies in the folder and is not used is named in the log, in a metric, by `serve --check`
// and in the refusals that it may be about.
func TestPassedOverIsTold(t *testing.T) {
	w := newWorld(t)
	s := compose(5)
	w.write("attestations/README.md", []byte("# Approvals"))
	w.write("attestations/stranger.json", s.Approval(0).Of(s.Body(0)).Seal(verifiertest.Person("mallory")).JSON())
	if err := os.Symlink("nowhere", w.path("attestations/bob.json")); err != nil {
		t.Fatal(err)
	}
	told := func(when string, want int) {
		t.Helper()
		notes, err := checked(w.path("sigdriver.toml"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(strings.Join(notes, "\n"), w.path("attestations/")); got != want {
			t.Errorf("%s: serve --check names %d paths, want %d: %q", when, got, want, notes)
		}
	}
	told("before there is trust", 1) // what files prove is not known yet
	w.start()
	s.Offer(0, s.Attestation(0, 0))
	w.eventually("the refusal says so", func() bool {
		text := w.expect(s, verifier.Threshold).NearestMiss.GetText()
		s = again(s)
		return strings.Contains(text, "3 files in attestations.dir were passed over")
	})
	for _, reason := range []string{"not_attestation", "unproven", "unreadable"} {
		if got := w.metric(`sigdriver_index_passed_over{reason="` + reason + `"}`); got != "1" {
			t.Errorf("%s: %q", reason, got)
		}
		if n := strings.Count(w.log.String(), "reason="+reason); n != 1 {
			t.Errorf("%s is in the log %d times", reason, n)
		}
	}
	told("by the trust in use", 3)
	other := compose(5)
	other.EditEffective(func(tree verifiertest.Tree) { tree["note"] = "other" })
	if text := w.expect(other, verifier.CompositionMismatch).NearestMiss.GetText(); strings.Contains(text, "passed over") {
		t.Errorf("a refusal that no attestation could change says so too: %s", text)
	}
}

// again is the same question about another sandbox, which no cache knows.
func again(s *verifiertest.Scenario) *verifiertest.Scenario {
	next := *s
	next.Request.Target.SandboxID += "x"
	return &next
}

// fetched counts the attestations that were asked for since the last call.
func (w *world) fetched() (n int) {
	for _, name := range w.repo.Requests() {
		if strings.HasPrefix(name, "targets/attestations/") {
			n++
		}
	}
	return n
}

// Whoever may publish attestations, a role that adds no authority, cannot hold back
// trust: a key that was removed stops counting as soon as without its junk targets,
// and a driver that starts with them is as soon there.
func TestJunkTargetsHoldNothingBack(t *testing.T) {
	junk := *junkTargets
	w := newWorld(t)
	w.crowd()
	w.publish()
	w.start()
	s := compose(5)
	bob := w.auth.Principals["bob"]
	leave := func() {
		w.auth.Principals["bob"] = verifiertest.HeldBy(verifiertest.NewKey("bob's next", verifier.ECDSAP256))
	}
	leave()
	quiet := w.swapped(s, signingv1.Verdict_VERDICT_ALLOW)
	w.auth.Principals["bob"] = bob
	w.swapped(s, signingv1.Verdict_VERDICT_DENY)
	for i := range junk {
		w.repo.SetTarget(fmt.Sprintf("attestations/%064x/junk.json", i), junkEnvelope(i))
	}
	leave()
	w.fetched()
	flooded := w.swapped(s, signingv1.Verdict_VERDICT_ALLOW)
	n := w.fetched()
	t.Logf("from publication to the last wrong answer: %.3f s with %d junk targets, %.3f s without", flooded.Seconds(), junk, quiet.Seconds())
	if n >= junk {
		t.Errorf("the swap waited until all %d junk targets were fetched", n)
	}
	w.eventually("the junk is there to be checked", func() bool {
		waiting := w.metric("sigdriver_index_waiting")
		return waiting != "" && waiting != "0"
	})
	w.stop()
	begin := time.Now()
	w.start()
	t.Logf("started in %.3f s", time.Since(begin).Seconds())
	if waiting := w.metric("sigdriver_index_waiting"); waiting == "" || waiting == "0" {
		t.Error("the start waited until the junk was checked")
	}
	// A refusal waits until the junk was checked; nothing is allowed meanwhile that must not be.
	w.eventually("the removed key is refused", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		got, err := w.client().Verify(ctx, requestOf(s))
		if err == nil && got.Reason != signingv1.Reason_REASON_THRESHOLD || err != nil && status.Code(err) != codes.Unavailable {
			t.Fatalf("got %v, %v", got, err)
		}
		return err == nil
	})
	t.Logf("the first refusal %.3f s after the start", time.Since(begin).Seconds())
	fresh(s, 0, 5, "alice", "carol")
	w.expect(s, verifier.Allowed)
}
