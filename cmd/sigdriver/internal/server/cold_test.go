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

// BenchmarkColdFleet is what a decision costs that has to be made: a source and three
// profiles, five signatures, its record and entry durable; many under way.
func BenchmarkColdFleet(b *testing.B) {
	s := verifiertest.ComposePlain()
	for i := range 3 {
		profile := verifiertest.ForgeProfile()
		profile["id"] = fmt.Sprint("profile-", i)
		s.Attach(fmt.Sprint("profile-", i), profile).Approve(i+1, "dave")
	}
	s.Recompose()
	w := newWorld(b, s)
	for i := range s.Request.Documents {
		if err := os.WriteFile(filepath.Join(w.dir, fmt.Sprint(i)), bytes.Join(s.Request.Documents[i].Attestations, []byte("\n")), 0o600); err != nil {
			b.Fatal(err)
		}
		s.Offer(i)
	}
	w.index.Fill(context.Background())
	m := requestOf(s, "r-1")
	t := m.Target
	m.Target = nil
	request := encode(b, m)
	b.ResetTimer()
	work := make(chan int)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := range work {
				target, err := proto.Marshal(&signingv1.VerifyRequest{Target: &signingv1.Target{GatewayId: t.GatewayId, Workspace: t.Workspace, SandboxId: fmt.Sprint("sb-", i), Name: fmt.Sprint("web-", i)}})
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
	for i := range b.N {
		work <- i
	}
	close(work)
	all.Wait()
}
