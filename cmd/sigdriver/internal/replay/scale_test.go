// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package replay_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay/replaytest"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

var scale = flag.Int("scale", 200, "decisions that TestScale checks and replays")

// fleetQuestion is a sandbox's composition of a source and three profiles, five
// signatures in all. Sandboxes share their documents with some others.
func fleetQuestion(n int) *verifiertest.Scenario {
	s := verifiertest.ComposePlain()
	s.Request.Target.Name, s.Request.Target.SandboxID = fmt.Sprint("web-", n), fmt.Sprint("sb-", n)
	for i := range 3 {
		profile := verifiertest.ForgeProfile()
		profile["id"] = fmt.Sprintf("profile-%d-of-team-%d", i, n%20)
		s.Attach(fmt.Sprint("profile-", i), profile).Approve(i+1, "dave")
	}
	return s.Recompose()
}

// TestScale checks and replays the evidence of a fleet of which each sandbox was decided
// once, and reports how quickly: -scale 10000 for figures.
func TestScale(t *testing.T) {
	w := replaytest.New(t, 3)
	work := make(chan int)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for n := range work {
				if got := w.Ask(fleetQuestion(n)); got != signingv1.Reason_REASON_ALLOWED {
					t.Errorf("sandbox %d: %v", n, got)
				}
			}
		})
	}
	for n := range *scale {
		work <- n
	}
	close(work)
	callers.Wait()
	w.Close()

	o := options(t, w)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("a machine is named by this"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		measured(t, "a bare P-256 check", func() int {
			n := *scale / 4
			for range n {
				if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature) {
					t.Fatal("it does not verify")
				}
			}
			return n
		})
		measured(t, "audit verify", func() int {
			report, err := evidence.Verify(w.Dir, evidence.VerifyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !report.Well() || report.Decisions != uint64(*scale) {
				t.Fatalf("%d decisions, %v", report.Decisions, report.Findings)
			}
			return int(report.Entries)
		})
		measured(t, "audit replay", func() int {
			r := run(t, o)
			if r.Counts[replay.Identical] != *scale {
				t.Fatalf("%v", r.Counts)
			}
			return len(r.Results)
		})
	}
}

// TestSameOnAnyNumberOfProcessors: what is found, and in which order, is the journal's
// doing. Half of the files with records are spoilt, so that there is much to find.
func TestSameOnAnyNumberOfProcessors(t *testing.T) {
	w, o, whole := lived(t, size(300, 120))
	var files []string // records may share one
	for _, x := range whole.Results {
		if file := object(w, x.Entry.Record); !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	for i, file := range files {
		if i%4 < 2 {
			spoil(t, file, []string{"removed", "damaged"}[i%2])
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var checked, replayed []byte
	for _, n := range []int{1, 2, 5, 16} {
		runtime.GOMAXPROCS(n)
		report, err := evidence.Verify(w.Dir, evidence.VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Findings) < 20 {
			t.Fatalf("%d findings", len(report.Findings))
		}
		again := run(t, o)
		if again.Counts[replay.Unreplayable] < 20 || again.Counts[replay.Identical] < 20 {
			t.Fatalf("%v", again.Counts)
		}
		var now [2][]byte
		for i, v := range []any{report, again} {
			if now[i], err = json.Marshal(v, json.Deterministic(true)); err != nil {
				t.Fatal(err)
			}
		}
		if n == 1 {
			checked, replayed = now[0], now[1]
		}
		if !bytes.Equal(now[0], checked) || !bytes.Equal(now[1], replayed) {
			t.Errorf("another report on %d processors", n)
		}
	}
}

// measured reports how many of something are done a second, by the clock and by what
// processors spent on each. The second is what a machine with nothing else to do comes to.
func measured(t *testing.T, what string, work func() int) {
	t.Helper()
	spent := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	runtime.GC()
	began, before := time.Now(), spent()
	n := work()
	took, each := time.Since(began), (spent()-before)/time.Duration(n)
	t.Logf("%s: %d in %v, %.0f a second; %v of a processor for each, which is %.0f a second on two",
		what, n, took.Round(time.Millisecond), float64(n)/took.Seconds(), each.Round(time.Microsecond), 2*float64(time.Second)/float64(each))
}
