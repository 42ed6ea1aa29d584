// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// coldFleet is a world whose index has what its one question needs, a source and three
// profiles, and that question without a target.
func coldFleet(b testing.TB) (w *world, s *verifiertest.Scenario, request []byte) {
	s = verifiertest.ComposePlain()
	for i := range 3 {
		profile := verifiertest.ForgeProfile()
		profile["id"] = fmt.Sprint("profile-", i)
		s.Attach(fmt.Sprint("profile-", i), profile).Approve(i+1, "dave")
	}
	s.Recompose()
	w = newWorld(b, s)
	for i := range s.Request.Documents {
		if err := os.WriteFile(filepath.Join(w.dir, fmt.Sprint(i)), bytes.Join(s.Request.Documents[i].Attestations, []byte("\n")), 0o600); err != nil {
			b.Fatal(err)
		}
		s.Offer(i)
	}
	w.index.Fill(context.Background())
	m := requestOf(s, "r-1")
	m.Target = nil
	return w, s, encode(b, m)
}

// askFleet asks the question for n sandboxes, 64 at a time.
func (w *world) askFleet(b testing.TB, s *verifiertest.Scenario, request []byte, n int) {
	w.askBy(b, s, request, 64, 0, n)
}

// askBy has callers ask the question for sandboxes from one to before another.
func (w *world) askBy(b testing.TB, s *verifiertest.Scenario, request []byte, callers, from, to int) {
	work := make(chan int)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := range work {
				t := &signingv1.Target{GatewayId: s.Request.Target.GatewayID, Workspace: s.Request.Target.Workspace, SandboxId: fmt.Sprint("sb-", i), Name: fmt.Sprint("web-", i)}
				target, err := proto.Marshal(&signingv1.VerifyRequest{Target: t})
				if err != nil {
					b.Error(err)
				}
				got, err := w.askRaw(context.Background(), append(target, request...))
				if err != nil || got.Verdict != signingv1.Verdict_VERDICT_ALLOW {
					b.Error(got, err)
				}
			}
		})
	}
	for i := from; i < to; i++ {
		work <- i
	}
	close(work)
	all.Wait()
}

// BenchmarkColdFleet is what a decision costs that has to be made: a source and three
// profiles, five signatures, its record and entry durable; many under way.
func BenchmarkColdFleet(b *testing.B) {
	w, s, request := coldFleet(b)
	b.ResetTimer()
	w.askFleet(b, s, request, b.N)
}

// BenchmarkEpochFleet is what the same decision costs again and again, because each time
// the trust that it stands on is another.
func BenchmarkEpochFleet(b *testing.B) {
	const sandboxes = 2000
	w, s, request := coldFleet(b)
	w.askFleet(b, s, request, sandboxes)
	before := w.record.appends.Load()
	b.ResetTimer()
	for n := b.N; n > 0; n -= sandboxes {
		s.Epoch++
		w.swap(s)
		w.askFleet(b, s, request, min(n, sandboxes))
	}
	if n := w.record.appends.Load() - before; n != int64(b.N) {
		b.Errorf("%d decisions of %d questions", n, b.N)
	}
}
