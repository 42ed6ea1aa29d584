// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestFullDisk runs a driver whose state is on a disk that fills up: first refusals
// go unrecorded, then nothing is allowed that cannot be recorded, and with room
// again it goes on. What it allowed is in its log.
func TestFullDisk(t *testing.T) {
	disk := disktest.SmallDisk(t, 80<<10) // the reserve for ALLOWs is 64 MiB
	state := filepath.Join(disk, "state")
	w := newWorld(t)
	w.stateIn(state)
	w.start()
	recorded := map[uint64]bool{}
	allowed := func(s *verifiertest.Scenario) {
		t.Helper()
		recorded[w.expect(s, verifier.Allowed).GetReceipt().GetLogIndex()] = true
	}
	refused := func(version int) *signingv1.Receipt {
		t.Helper()
		s := compose(version)
		s.Request.Documents[0].Attestations = nil
		return w.expect(s, verifier.CompositionPartUnattested).GetReceipt()
	}
	unavailable := func(version int) {
		t.Helper()
		got, err := w.client().Verify(t.Context(), requestOf(compose(version)))
		if status.Code(err) != codes.Unavailable || reasonOf(err) != "AUDIT_UNAVAILABLE" {
			t.Fatalf("on a full disk: %v, %v", got, err)
		}
	}
	allowed(compose(1))
	recorded[refused(2).GetLogIndex()] = true

	free := disktest.Fill(t, disk, 2000) // 8 MB: less than the reserve
	if r := refused(3); r != nil {
		t.Errorf("a refusal was recorded on the room for ALLOWs: %v", r)
	}
	four := compose(4)
	allowed(four)
	free()

	free = disktest.Fill(t, disk, 100)
	unavailable(5)
	allowed(four) // as it was recorded; what had no answer has not taken its place
	free()
	free = disktest.Fill(t, disk, 0)
	unavailable(6)
	free()
	allowed(compose(5))

	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.start()
	allowed(compose(7))
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	r, err := evidence.Verify(state, evidence.VerifyOptions{})
	if err != nil || !r.Well() || r.Decisions != uint64(len(recorded)) || r.Torn != nil {
		t.Errorf("%d answers point at entries: %+v, %v", len(recorded), r, err)
	}
}
