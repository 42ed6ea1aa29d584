// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	protobuf "google.golang.org/protobuf/proto"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// The fleet of TestPolledSandboxes: `make fleet` gives it 10,000 sandboxes and 50,000, and holds
// its calls against a deadline.
var (
	fleetSize     = flag.Int("fleet", 200, "sandboxes that TestPolledSandboxes polls for")
	fleetPolicies = flag.Int("fleet-policies", 0, "distinct source policies among them; 0 is a tenth as many")
	fleetEvery    = flag.Duration("fleet-every", 0, "how often each is polled for; 0 is as fast as the driver answers, and nothing is held against the clock")
	fleetDeadline = flag.Duration("fleet-deadline", time.Second, "what a call may take where polls have a pace")
	fleetOnly     = flag.String("fleet-event", "", "the one event that is played; all of them by default")
)

const (
	// fleetProfiles are the profiles that all sandboxes choose three of.
	fleetProfiles = 12
	// fleetConns is how many connections the gateway has, and fleetStreams how many
	// calls it has open on all of them.
	fleetConns, fleetStreams = 2, 240
)

// TestPolledSandboxes polls for a fleet of sandboxes, each with a source and three profiles, while
// something happens: an attestation that is about none of them, one about some, a
// timestamp signed anew, a new epoch, a revocation, a restart. It prints what each event
// costs, and fails where an answer is wrong, or more is decided again than the event
// touched. The driver is a process of its own.
func TestPolledSandboxes(t *testing.T) {
	if testing.Short() && *fleetEvery == 0 {
		*fleetSize = 60
	}
	f := newFleet(t)
	f.launch()
	f.rounds(1, 0) // everything is decided once
	if n := f.evaluations(); n != len(f.sandboxes) {
		t.Errorf("%d evaluations of %d questions", n, len(f.sandboxes))
	}
	t.Logf("%d sandboxes of %d policies; %s", len(f.sandboxes), len(f.policies), f.memory())
	for _, e := range fleetEvents {
		if *fleetOnly == "" || *fleetOnly == e.name {
			f.play(e)
		}
	}
}

// fleet is the sandboxes of one gateway.
type fleet struct {
	*world
	driver    *child
	policies  []fleetPolicy
	sandboxes []fleetSandbox
	entries   []verifiertest.Revocation
	conns     []*grpc.ClientConn
	open      chan struct{} // a place for each call under way

	inUse    atomic.Uint64 // an epoch that is known to have been swapped in
	restarts atomic.Bool   // a call that finds nobody asks again
	mu       sync.Mutex    // guards what follows
	calls    []fleetCall
	wrong    int
}

// fleetPolicy is a source policy with its profiles, as the documents of a request.
type fleetPolicy struct {
	request []byte // without target and request id
	sha256  string
	revoked atomic.Uint64 // the epoch from which on it is; 0 for never
}

type fleetSandbox struct {
	policy *fleetPolicy
	target []byte // what stands beside the policy in its request
}

// fleetCall is one poll.
type fleetCall struct {
	due  time.Time
	took time.Duration
	code codes.Code
}

// fleetEvent is something that happens while the fleet is polled for.
type fleetEvent struct {
	name string
	// do has it happen and returns when the driver has taken it up.
	do func(*fleet)
	// touches is how many questions have to be decided again.
	touches func(*fleet) int
}

var fleetEvents = []fleetEvent{
	{"attestation", func(f *fleet) {
		before := f.metric("sigdriver_index_files")
		f.write(fmt.Sprintf("attestations/other-%d.json", time.Now().UnixNano()), soakQuestion("web-other", "alice").Attestation(0, 0))
		f.until("the file is checked", func() bool {
			return f.metric("sigdriver_index_files") != before && f.metric("sigdriver_index_waiting") == "0"
		})
	}, func(*fleet) int { return 0 }},
	{"attestation-of-one", func(f *fleet) {
		before := f.metric("sigdriver_index_attestations")
		f.write("attestations/third.json", fleetScenario(0, "carol").Attestation(0, 0))
		f.until("the approval is known", func() bool { return f.metric("sigdriver_index_attestations") != before })
	}, func(f *fleet) (n int) {
		for i := range f.sandboxes {
			if f.sandboxes[i].policy == &f.policies[0] {
				n++
			}
		}
		return n
	}},
	{"timestamp", func(f *fleet) {
		before := f.metric(`sigdriver_trust_refreshes_total{result="ok"}`)
		f.repo.Advance(0)
		f.repo.PublishTimestamp()
		f.kick()
		f.until("trust is refreshed", func() bool { return f.metric(`sigdriver_trust_refreshes_total{result="ok"}`) != before })
	}, func(*fleet) int { return 0 }},
	{"epoch", func(f *fleet) {
		f.auth.Principals["nobody-yet"] = verifiertest.HeldBy(verifiertest.Person("zoe"))
		f.repo.SetTarget("authorities.json", f.auth.JSON())
		f.epoch()
	}, func(f *fleet) int { return len(f.sandboxes) }},
	{"revocation", func(f *fleet) {
		p := &f.policies[len(f.policies)-1]
		p.revoked.Store(f.inUse.Load() + 1)
		f.entries = append(f.entries, verifiertest.Revoke("document", p.sha256))
		f.repo.SetTarget("revocations.json", verifiertest.Revocations(f.entries...))
		f.epoch()
	}, func(f *fleet) int { return len(f.sandboxes) }},
	{"restart", func(f *fleet) {
		f.restarts.Store(true)
		f.halt()
		f.launch()
	}, func(f *fleet) int { return len(f.sandboxes) }},
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{world: newWorld(t), open: make(chan struct{}, fleetStreams)}
	answers := max(64, *fleetSize/256) // room for twice the answers, as docs/config.md counts them
	f.configure(fmt.Sprintf("log.level = \"warn\"\nlimits.answers_mib = %d", answers))
	f.inUse.Store(1)
	if *fleetPolicies == 0 {
		*fleetPolicies = max(1, *fleetSize/10)
	}
	f.policies = make([]fleetPolicy, *fleetPolicies)
	for i := range f.policies {
		s := fleetScenario(i, "alice", "bob")
		for d := range s.Request.Documents {
			name := "policy-" + fmt.Sprint(i)
			if d > 0 {
				name = s.Request.Documents[d].Provider
			}
			f.write("attestations/"+name+".json", bytes.Join(s.Request.Documents[d].Attestations, []byte("\n")))
			s.Offer(d)
		}
		ask := requestOf(s)
		ask.Target, ask.RequestId = nil, ""
		request, err := protobuf.Marshal(ask)
		if err != nil {
			t.Fatal(err)
		}
		f.policies[i].request, f.policies[i].sha256 = request, s.SHA256(0)
	}
	for i := range *fleetSize {
		beside, err := protobuf.Marshal(&signingv1.VerifyRequest{RequestId: fmt.Sprint("r-", i), Target: &signingv1.Target{
			GatewayId: "gw-east", Workspace: "prod", SandboxId: fmt.Sprint("sb-", i), Name: fmt.Sprint("web-", i)}})
		if err != nil {
			t.Fatal(err)
		}
		f.sandboxes = append(f.sandboxes, fleetSandbox{&f.policies[i%len(f.policies)], beside})
	}
	params := backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond}
	for range fleetConns {
		conn, err := grpc.NewClient("unix:"+f.path("run/s"), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: params, MinConnectTimeout: patience}), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(fleetCodec{})))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		f.conns = append(f.conns, conn)
	}
	t.Cleanup(f.halt)
	return f
}

// fleetScenario is a question about a policy that nobody else has, with three profiles
// that many have, approved.
func fleetScenario(policy int, approvers ...string) *verifiertest.Scenario {
	s := verifiertest.ComposePlain()
	tree := verifiertest.Policy()
	tree["note"] = fmt.Sprint("policy ", policy)
	s.Request.Documents[0].Body = verifiertest.Canonical(tree)
	fresh(s, 0, 1, approvers...)
	for i := range 3 {
		n := (policy + i*(1+policy%3)) % fleetProfiles
		profile := verifiertest.ForgeProfile()
		profile["id"] = fmt.Sprint("profile-", n)
		s.Attach(fmt.Sprint("profile-", n), profile)
		fresh(s, i+1, 1, "dave")
	}
	return s.Recompose()
}

// fleetCodec sends what is encoded already and leaves answers encoded: the gateway must
// not take the time that is measured.
type fleetCodec struct{}

func (fleetCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (fleetCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func (fleetCodec) Name() string { return proto.Name }

// launch starts the driver as a process and returns when it takes connections.
func (f *fleet) launch() {
	f.t.Helper()
	f.launchSoon(50 * time.Millisecond)
}

// launchSoon is launch; it looks as often as it is told whether the driver is ready.
func (f *fleet) launchSoon(every time.Duration) {
	f.t.Helper()
	f.driver = &child{exec.Command(os.Args[0], "-test.run=^TestFlood$", "-test.timeout=0"), make(chan error, 1)}
	f.driver.Env = append(os.Environ(), "SIGDRIVER_TEST_DRIVER="+f.path("sigdriver.toml"))
	f.driver.Stdout, f.driver.Stderr = &f.log, &f.log
	f.driver.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := f.driver.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func(c *child) { c.done <- c.Wait() }(f.driver)
	for _, path := range []string{"run/s", "run/admin"} { // the second is made after the first
		f.polled("the driver takes connections", every, func() bool {
			conn, err := net.Dial("unix", f.path(path))
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	}
	f.polled("it is ready", every, func() bool { code, _ := f.admin("/ready"); return code == 200 })
}

// halt ends the driver.
func (f *fleet) halt() {
	if f.driver == nil {
		return
	}
	f.driver.Process.Signal(syscall.SIGTERM)
	if err := <-f.driver.done; err != nil {
		f.t.Errorf("the driver: %v", err)
	}
	f.driver = nil
}

func (f *fleet) kick() { f.driver.Process.Signal(syscall.SIGHUP) }

// epoch publishes what was changed and returns when it is in use.
func (f *fleet) epoch() {
	next := f.inUse.Load() + 1
	f.repo.Publish()
	f.kick()
	f.until("the epoch is in use", func() bool { return f.metric("sigdriver_trust_epoch") == fmt.Sprint(next) })
	f.inUse.Store(next)
}

// until is eventually, but asks no more often than the driver hardly notices.
func (f *fleet) until(what string, ok func() bool) {
	f.t.Helper()
	f.polled(what, 50*time.Millisecond, ok)
}

// polled waits until something is so.
func (f *fleet) polled(what string, every time.Duration, ok func() bool) {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(every) {
		if ok() {
			return
		}
	}
	f.t.Fatalf("it never happens: %s", what)
}

// evaluations is how many questions the driver has decided.
func (f *fleet) evaluations() (n int) {
	_, text := f.admin("/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "sigdriver_decisions_ahead_total ") || strings.HasPrefix(line, "sigdriver_decisions_total{") && strings.Contains(line, `cached="false"`) {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
			if err != nil {
				f.t.Fatal(err)
			}
			n += int(v)
		}
	}
	return n
}

// rounds polls for each sandbox so often, each time within a while or, for 0, as fast as
// it is answered, and returns when the last call has ended.
func (f *fleet) rounds(n int, every time.Duration) {
	var all sync.WaitGroup
	begin := time.Now()
	for i := range n * len(f.sandboxes) {
		due := begin.Add(time.Duration(float64(every) * float64(i) / float64(len(f.sandboxes))))
		if early := time.Until(due); early > 0 {
			time.Sleep(early)
		}
		f.open <- struct{}{}
		deadline := due.Add(*fleetDeadline)
		if every == 0 {
			due = time.Now()
			deadline = due.Add(patience)
		}
		all.Go(func() {
			f.ask(i, due, deadline)
			<-f.open
		})
	}
	all.Wait()
}

// ask polls once. What it takes counts from when it was due.
func (f *fleet) ask(i int, due, deadline time.Time) {
	s := &f.sandboxes[i%len(f.sandboxes)]
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	request := append(bytes.Clone(s.target), s.policy.request...)
	var reply []byte
	least := f.inUse.Load()
	err := f.conns[i%len(f.conns)].Invoke(ctx, signingv1.PolicySigningDriver_Verify_FullMethodName, &request, &reply)
	for *fleetEvery == 0 && f.restarts.Load() && status.Code(err) == codes.Unavailable && ctx.Err() == nil { // as a supervisor does
		time.Sleep(5 * time.Millisecond)
		err = f.conns[i%len(f.conns)].Invoke(ctx, signingv1.PolicySigningDriver_Verify_FullMethodName, &request, &reply)
	}
	call := fleetCall{due, time.Since(due), status.Code(err)}
	var fault error
	if err == nil {
		fault = f.judge(s, reply, least)
	} else if *fleetEvery == 0 {
		fault = err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	if fault != nil {
		if f.wrong++; f.wrong <= 5 {
			f.t.Errorf("%s: %v", s.target, fault)
		}
	}
}

// judge holds an answer against the trust that it names, which may be no older than one
// that was in use when it was asked for.
func (f *fleet) judge(s *fleetSandbox, reply []byte, least uint64) error {
	var got signingv1.VerifyResponse
	if err := protobuf.Unmarshal(reply, &got); err != nil {
		return err
	}
	epoch, revoked := got.Trust.GetEpoch(), s.policy.revoked.Load()
	want := verifier.Allowed
	if revoked != 0 && epoch >= revoked {
		want = verifier.DocumentRevoked
	}
	if epoch < least || got.Reason != signingv1.Reason(want) || (got.Verdict == signingv1.Verdict_VERDICT_ALLOW) != (want == verifier.Allowed) {
		return fmt.Errorf("epoch %d after %d says %v %v, want %v: %v", epoch, least, got.Verdict, got.Reason, want, got.Findings)
	}
	return nil
}

// play has an event happen between two rounds of polls and after them, and tells what it
// cost.
func (f *fleet) play(e fleetEvent) {
	before, after := 2, 3
	if *fleetEvery == 0 {
		before, after = 1, 1
	}
	f.take()
	f.rounds(before, *fleetEvery)
	calm := f.take()
	evaluated, entries, written := f.evaluations(), f.metric("sigdriver_journal_entries"), f.written()
	begin := time.Now()
	done := make(chan struct{})
	pid := f.driver.Process.Pid
	go func() { defer close(done); e.do(f) }()
	f.rounds(after, *fleetEvery)
	<-done
	taken := time.Now()
	if *fleetEvery == 0 {
		f.rounds(1, 0) // each is asked about afterwards
	}
	calls := f.take()
	if f.driver.Process.Pid != pid {
		evaluated, written = 0, 0
	}
	evaluated = f.evaluations() - evaluated
	if want := e.touches(f); evaluated != want && (*fleetEvery == 0 || want == 0) {
		f.t.Errorf("%s: %d evaluations, of %d questions that it touched", e.name, evaluated, want)
	}
	r := newFleetReport(e.name, begin, calm, calls)
	r.Evaluations, r.TakenUpAfter = evaluated, taken.Sub(begin).Seconds()
	was, _ := strconv.Atoi(entries)
	is, _ := strconv.Atoi(f.metric("sigdriver_journal_entries"))
	r.Entries, r.WrittenMiB = is-was, float64(f.written()-written)/(1<<20)
	f.t.Logf("%s; %s", r, f.memory())
}

// take returns the calls since it was last asked, in the order in which they were due.
func (f *fleet) take() []fleetCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	slices.SortFunc(calls, func(a, b fleetCall) int { return a.due.Compare(b.due) })
	return calls
}

// written is how many bytes the driver has had written to the disk.
func (f *fleet) written() int {
	return f.proc("io", "write_bytes:")
}

func (f *fleet) memory() string {
	return fmt.Sprintf("RSS %d MiB, at most %d MiB", f.proc("status", "VmRSS:")>>10, f.proc("status", "VmHWM:")>>10)
}

// proc reads a number that the kernel keeps of the driver.
func (f *fleet) proc(file, name string) (n int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", f.driver.Process.Pid, file))
	_, line, ok := strings.Cut(string(text), name)
	if _, scan := fmt.Sscan(line, &n); !ok || scan != nil || err != nil {
		f.t.Fatal(name, errors.Join(err, scan))
	}
	return n
}

// fleetReport is what an event cost the callers, times in milliseconds but where said.
type fleetReport struct {
	Event                               string
	Calls, Failed                       int
	Codes                               map[string]int `json:",omitempty"`
	LastErrorAfter, TakenUpAfter        float64        // seconds
	P50Before, P99Before                float64
	P50After, P99After, WorstP99, Worst float64 // P50After and P99After of the ten seconds after it
	Evaluations, Entries                int
	WrittenMiB                          float64
}

func (r fleetReport) String() string {
	text, _ := json.Marshal(r)
	return string(text)
}

func newFleetReport(event string, begin time.Time, calm, calls []fleetCall) fleetReport {
	r := fleetReport{Event: event, Calls: len(calls), Codes: map[string]int{}}
	r.P50Before, r.P99Before = percentile(calm, 50), percentile(calm, 99)
	soon := calls[:sortedBefore(calls, begin.Add(10*time.Second))]
	r.P50After, r.P99After = percentile(soon, 50), percentile(soon, 99)
	for len(calls) > 0 {
		n := sortedBefore(calls, calls[0].due.Add(time.Second))
		r.WorstP99 = max(r.WorstP99, percentile(calls[:n], 99))
		r.Worst = max(r.Worst, percentile(calls[:n], 100))
		for _, c := range calls[:n] {
			if c.code != codes.OK {
				r.Failed++
				r.Codes[c.code.String()]++
				r.LastErrorAfter = c.due.Add(c.took).Sub(begin).Seconds()
			}
		}
		calls = calls[n:]
	}
	return r
}

// sortedBefore is how many calls were due before a time.
func sortedBefore(calls []fleetCall, t time.Time) int {
	n, _ := slices.BinarySearchFunc(calls, t, func(c fleetCall, t time.Time) int { return c.due.Compare(t) })
	return max(n, min(1, len(calls)))
}

// percentile is of what calls took, in milliseconds.
func percentile(calls []fleetCall, p int) float64 {
	if len(calls) == 0 {
		return 0
	}
	took := make([]time.Duration, len(calls))
	for i, c := range calls {
		took[i] = c.took
	}
	slices.Sort(took)
	return float64(took[(len(took)-1)*p/100].Microseconds()) / 1e3
}
