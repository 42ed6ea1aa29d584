// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record/recordtest"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// What TestEverAllowed is about; `make restart` gives it a million.
var (
	everAllowed = flag.Int("ever-allowed", 5000, "sandboxes that TestEverAllowed's driver has allowed before it starts")
	everAsked   = flag.Int("ever-asked", 400, "sandboxes that it is asked for after that, each for the first time")
)

// mostEver bounds the memory of a driver that is told to use somewhat less, in MiB. What is longer
// than the short form is a measurement, and fails nothing.
const (
	mostEver   = 256
	toldMemory = 230
)

// TestEverAllowed starts a driver that has allowed many sandboxes before, and asks it for many
// more. It prints what a start takes and what memory the driver has, and fails where that is too
// much, or the driver has forgotten where a sandbox was allowed. The driver is a process of
// its own.
func TestEverAllowed(t *testing.T) {
	defer func(size, policies int) { *fleetSize, *fleetPolicies = size, policies }(*fleetSize, *fleetPolicies)
	*fleetSize, *fleetPolicies = 20, 20
	f := newFleet(t)
	f.configure(fmt.Sprintf("log.level = \"warn\"\nlimits.memory_mib = %d", toldMemory))
	f.launch()
	f.rounds(1, 0)
	f.halt()
	f.everAllowed(*everAllowed)
	f.started("folded the journal")
	f.halt() // and has written its snapshot
	for range 5 {
		f.started("opened its snapshot")
		f.remembers(7)
		f.halt()
	}
	f.started("opened its snapshot")
	for part := 1; part <= 4; part++ {
		begin := time.Now()
		f.askedFirst((part-1)**everAsked/4, part**everAsked/4)
		t.Logf("%d asked for, in %v: %s", part**everAsked/4, time.Since(begin).Round(time.Millisecond), f.memory())
	}
	if most := f.proc("status", "VmHWM:") >> 10; most > mostEver && *everAllowed <= 5000 && !raceDetector {
		t.Errorf("it had %d MiB of memory, at most %d are allowed", most, mostEver)
	}
	f.driver.Process.Kill()
	<-f.driver.done
	f.started("was killed")
	f.remembers(7)
}

// everAllowed has the journal say that n sandboxes were allowed.
func (f *fleet) everAllowed(n int) {
	f.t.Helper()
	const together = 200
	var revision uint64
	for e, err := range record.Read(disk.OS{}, f.path("state/audit"), 0) {
		if err != nil {
			f.t.Fatal(err)
		}
		if e.Decision != nil {
			revision = e.Decision.Revision
		}
	}
	var entries []record.Content
	for i := 0; i < n; {
		revision++
		t := &record.Takeover{From: "sigdriver.test/v1", Revision: revision}
		for ; i < n && len(t.Floors) < together; i++ {
			name := fmt.Sprint("ever-", i)
			t.Floors = append(t.Floors, record.TakenFloor{GatewayID: "gw-east", Role: "SANDBOX_POLICY", Workspace: "prod", Name: name, Floor: record.Floor{Version: 1}})
			t.Places = append(t.Places, record.TakenPlace{GatewayID: "gw-east", SandboxID: "sb-" + name, Workspace: "prod", Name: name})
		}
		entries = append(entries, record.Content{Takeover: t})
	}
	recordtest.Append(f.t, f.path("state"), entries...)
}

// started launches the driver, and reports how long it took to be ready and what the processors
// spent on it.
func (f *fleet) started(what string) {
	f.t.Helper()
	begin := time.Now()
	f.launchSoon(time.Millisecond)
	took := time.Since(begin)
	var user, system int // in hundredths of a second
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", f.driver.Process.Pid))
	if err != nil {
		f.t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		f.t.Fatal(err)
	}
	f.t.Logf("a driver that %s was ready after %v, of which processors worked %v; %s", what, took.Round(time.Millisecond), time.Duration(user+system)*10*time.Millisecond, f.memory())
}

// remembers fails where the driver does not know the place of a sandbox that was allowed before.
func (f *fleet) remembers(i int) {
	f.t.Helper()
	for _, at := range []struct {
		name string
		want signingv1.Verdict
	}{{fmt.Sprint("ever-", i), signingv1.Verdict_VERDICT_ALLOW}, {"elsewhere", signingv1.Verdict_VERDICT_DENY}} {
		got := f.first(fmt.Sprint("sb-ever-", i), at.name, i)
		if got.GetVerdict() != at.want {
			f.t.Errorf("the sandbox of ever-%d asked for as %s: %v %v, want %v", i, at.name, got.GetVerdict(), got.GetReason(), at.want)
		}
	}
}

// askedFirst asks for sandboxes that were never asked for.
func (f *fleet) askedFirst(from, to int) {
	var all sync.WaitGroup
	for i := from; i < to; i++ {
		f.open <- struct{}{}
		all.Go(func() {
			if got := f.first(fmt.Sprint("sb-first-", i), fmt.Sprint("first-", i), i); got.GetVerdict() != signingv1.Verdict_VERDICT_ALLOW {
				f.t.Errorf("first-%d: %v %v", i, got.GetVerdict(), got.GetReason())
			}
			<-f.open
		})
	}
	all.Wait()
}

// first asks for a sandbox.
func (f *fleet) first(id, name string, i int) *signingv1.VerifyResponse {
	target, err := protobuf.Marshal(&signingv1.VerifyRequest{RequestId: "r", Target: &signingv1.Target{GatewayId: "gw-east", Workspace: "prod", SandboxId: id, Name: name}})
	if err != nil {
		f.t.Error(err)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request := append(target, f.policies[i%len(f.policies)].request...)
	var reply []byte
	var got signingv1.VerifyResponse
	if err := f.conns[i%len(f.conns)].Invoke(ctx, signingv1.PolicySigningDriver_Verify_FullMethodName, &request, &reply); err != nil {
		f.t.Errorf("%s: %v", name, err)
	} else if err := protobuf.Unmarshal(reply, &got); err != nil {
		f.t.Error(err)
	}
	return &got
}
