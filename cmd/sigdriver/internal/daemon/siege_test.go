// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// siegeFor is how long TestSiege runs: `make siege` gives it ten minutes, and
// holds the answers against the clock too.
var (
	siegeFor   = flag.Duration("siege", 30*time.Second, "how long TestSiege runs")
	siegeQuiet = flag.Bool("siege-in-time", false, "TestSiege fails where fewer than 99.9 % of the answers are in time: for a machine with nothing else to do")
)

const (
	siegeSandboxes = 200
	siegeDeadline  = 250 * time.Millisecond // what a gateway waits for an answer
)

// besiegers are the uids of two listed gateways that only make noise.
var besiegers = []int{20001, 20002}

// TestSiege has an honest gateway ask about 200 sandboxes while everybody else makes
// all the noise that they can: two listed gateways, whoever writes the attestation
// folder and the attestations role, the repository's mirror, the clock, the disk, and
// somebody who moves the journal away. No answer is wrong, and every refusal of the
// honest gateway is recorded, but while the disk or the journal forbid it.
func TestSiege(t *testing.T) {
	if testing.Short() {
		t.Skip("runs for -siege, 15 s by default")
	}
	if os.Getuid() != 0 {
		t.Skip("takes root: gateways of several uids call")
	}
	w := newWorld(t)
	state := filepath.Join(disktest.SmallDisk(t, 400<<10), "state")
	if err := os.Chmod(w.dir, 0o711); err != nil { // the besiegers come by
		t.Fatal(err)
	}
	var peers strings.Builder
	for _, uid := range besiegers {
		fmt.Fprintf(&peers, "[[peer]]\nuid = %d\ngateway_ids = [\"gw-%d\"]\n", uid, uid)
	}
	w.write("sigdriver.toml", fmt.Appendf(nil, `state_dir = %q
attestations.dir = %q
admin.listen = %q
log.level = "warn"
trust = {root = %q, source = %q, refresh_interval = "1h"}
socket = {path = %q, group = "0"}
%s[[peer]]
uid = 0
gateway_ids = ["gw-east"]
`, state, w.path("attestations"), w.path("run/admin"), w.path("root.json"), w.repo.URL(), w.path("run/s"), &peers))

	s := &siege{soak: newSoak(w), hands: newHands(), state: state}
	w.start(func(o *Options) { o.Clock = s.hands.now })
	w.expect(compose(5), verifier.Allowed)
	s.run()
	s.report()
	if err := w.stop(); err != nil {
		t.Error(err)
	}
}

// siege is a soak with noise.
type siege struct {
	*soak
	hands *hands
	state string

	// trouble is odd while the disk, the journal or the clock forbid an answer.
	trouble atomic.Int64

	asked, calm, late, excused, unrecorded atomic.Int64
	slowest                                atomic.Int64
	residents                              []int // of memory, in MiB, over time
}

// run lets the gateway poll while each kind of noise is made.
func (s *siege) run() {
	ctx, stop := context.WithTimeout(s.t.Context(), *siegeFor)
	defer stop()
	var all sync.WaitGroup
	const callers = 8
	for c := range callers {
		all.Go(func() { s.poll(ctx, c, callers) })
	}
	for _, uid := range besiegers {
		all.Go(func() { s.besiege(ctx, uid) })
	}
	for _, noise := range []func(context.Context){s.fillFolder, s.publishNoise, s.disturb, s.measure} {
		all.Go(func() { noise(ctx) })
	}
	all.Wait()
}

// poll asks about its share of the sandboxes, each about once in two seconds.
func (s *siege) poll(ctx context.Context, caller, callers int) {
	conn, err := grpc.NewClient("unix:"+s.path("run/s"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	client := signingv1.NewPolicySigningDriverClient(conn)
	pace := time.NewTicker(2 * time.Second * time.Duration(callers) / siegeSandboxes)
	defer pace.Stop()
	for n := caller; ; n = (n + callers) % siegeSandboxes {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		q := s.questions[n%len(s.questions)]
		q.ask = requestIn(q.ask, fmt.Sprint("sb-", n), fmt.Sprint("r-", n))
		s.ask(client, q)
	}
}

// ask asks once and holds the answer against what it must be.
func (s *siege) ask(client signingv1.PolicySigningDriverClient, q question) {
	least, before := s.inUse.Load(), s.trouble.Load()
	began := time.Now()
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, err := client.Verify(within, q.ask)
	took := time.Since(began)
	troubled := before%2 == 1 || s.trouble.Load() != before
	s.asked.Add(1)
	if !troubled {
		s.calm.Add(1)
		if took > siegeDeadline || status.Code(err) == codes.ResourceExhausted {
			s.late.Add(1)
		}
	}
	for was := s.slowest.Load(); int64(took) > was && !s.slowest.CompareAndSwap(was, int64(took)); was = s.slowest.Load() {
	}
	switch {
	case err != nil && troubled:
		s.excused.Add(1)
	case err != nil && status.Code(err) != codes.ResourceExhausted:
		s.t.Errorf("%s: %v", q.name, err)
	case err == nil && troubled && got.Verdict != signingv1.Verdict_VERDICT_ALLOW:
		s.excused.Add(1)
	case err == nil:
		denied := got.Verdict != signingv1.Verdict_VERDICT_ALLOW
		if denied && got.Receipt == nil && !troubled {
			s.unrecorded.Add(1)
		}
		if err := s.judge(q, got, least); err != nil {
			s.t.Errorf("%s: %v", q.name, err)
		}
	}
}

// besiege runs a process of another uid that floods the driver.
func (s *siege) besiege(ctx context.Context, uid int) {
	binary := s.path(fmt.Sprint("besieger-", uid))
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(binary, self, 0o755)
	}
	if err != nil {
		s.t.Error(err)
		return
	}
	cmd := exec.Command(binary, "-test.run", "^TestBesieger$")
	cmd.Env = []string{besiegerSocket + "=" + s.path("run/s"), besiegerGateway + "=" + fmt.Sprint("gw-", uid), "TMPDIR=/tmp"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: 0, NoSetGroups: true}, Pdeathsig: syscall.SIGKILL}
	cmd.Dir = "/"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Error(err)
		return
	}
	<-ctx.Done()
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		s.t.Errorf("the besieger %d: %v\n%s", uid, err, &out)
	}
	s.t.Logf("the besieger %d: %s", uid, strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(out.String()), "PASS")))
}

const (
	besiegerSocket  = "SIGDRIVER_TEST_BESIEGED"
	besiegerGateway = "SIGDRIVER_TEST_BESIEGER"
)

// TestBesieger is the process that besiege runs: it floods until its input ends.
func TestBesieger(t *testing.T) {
	path, gateway := os.Getenv(besiegerSocket), os.Getenv(besiegerGateway)
	if path == "" {
		t.Skip("it is a process of TestSiege")
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var answered, refused atomic.Int64
	for c := range 24 {
		all.Go(func() {
			conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			client := signingv1.NewPolicySigningDriverClient(conn)
			for n := 0; ctx.Err() == nil; n++ {
				q := floodQuestion(gateway, c, n)
				within, cancel := context.WithTimeout(ctx, time.Second)
				if _, err := client.Verify(within, q); err == nil {
					answered.Add(1)
				} else {
					refused.Add(1)
				}
				cancel()
			}
		})
	}
	io.Copy(io.Discard, os.Stdin)
	stop()
	all.Wait()
	fmt.Printf("%d answers, %d refused or late\n", answered.Load(), refused.Load())
}

// floodQuestion is never asked twice: signatures that cost a search each, a body of
// seven megabytes that is nothing but objects, and names that nobody has.
func floodQuestion(gateway string, caller, n int) *signingv1.VerifyRequest {
	s := verifiertest.ComposePlain()
	s.Request.Target = verifier.Target{GatewayID: gateway, Workspace: "prod", SandboxID: fmt.Sprint("sb-", caller, "-", n), Name: fmt.Sprint("web-", caller, "-", n)}
	switch n % 4 {
	case 0:
		s.Request.Documents[0].Body = []byte("[" + strings.Repeat("{},", 330_000) + "{}]")
	case 1:
		s.Request.Effective = []byte(`{"a":[` + strings.Repeat("{},", 650_000) + `{}]}`)
	default:
		statement := s.Approval(0)
		statement.Reason = fmt.Sprint(caller, "-", n)
		junk := statement.Of(s.Body(0)).Seal(verifiertest.Person("mallory")).JSON()
		var offered [][]byte
		for i := range verifier.MaxAttestations {
			offered = append(offered, append(bytes.Clone(junk), strings.Repeat(" ", i)...))
		}
		s.Offer(0, offered...)
	}
	return requestOf(s)
}

// fillFolder writes what silences approvals where it can: copies that are padded,
// approvals that no longer count, junk signatures, and files about nothing.
func (s *siege) fillFolder(ctx context.Context) {
	doc := soakQuestion("web-stays", "alice", "carol")
	good := doc.Attestation(0, 0)
	for n := 0; ; n++ {
		name := fmt.Sprintf("attestations/noise-%d.json", n%24)
		var data []byte
		switch n % 4 {
		case 0:
			data = append(bytes.Clone(good), bytes.Repeat([]byte(" "), 200<<10+n%100)...)
		case 1:
			old := doc.Approval(0)
			old.Version, old.NotAfter = "999999", "2026-01-02T00:00:00Z"
			data = old.Of(doc.Body(0)).Seal(verifiertest.Person("alice")).JSON()
		case 2:
			junk := doc.Approval(0)
			junk.Reason = fmt.Sprint(n)
			data = junk.Of(doc.Body(0)).Seal(verifiertest.Person("mallory")).JSON()
		case 3:
			data = fmt.Appendf(nil, "%d", n)
		}
		if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
			s.t.Error(err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(150 * time.Millisecond):
		}
	}
}

// publishNoise rotates and revokes with junk targets by the attestations role in
// between, and serves something bad after each.
func (s *siege) publishNoise(ctx context.Context) {
	pace := max(2*time.Second, *siegeFor/60)
	for i := 0; ctx.Err() == nil && !s.t.Failed(); i++ {
		for j := range 32 {
			junk := verifiertest.AdmitPolicy().Approval(0)
			junk.Reason = fmt.Sprint(i, "-", j)
			body := fmt.Appendf(nil, "%d-%d", i, j)
			s.author.SetTarget(fmt.Sprintf("attestations/%s/junk.json", verifiertest.SHA256(body)), junk.Of(body).Seal(verifiertest.Person("mallory")).JSON())
		}
		r := rotations[i%len(rotations)]
		if r.name == "revocations" && i/len(rotations) >= len(s.entries) {
			r = rotations[0]
		}
		s.publish(r)
		s.suffer(badPublications[i%len(badPublications)])
		select {
		case <-ctx.Done():
		case <-time.After(pace):
		}
	}
	s.repo.Heal()
}

// disturb fills the disk, moves the journal away and puts the clock wrong, one after
// another, and each back again.
func (s *siege) disturb(ctx context.Context) {
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(2*time.Second, *siegeFor/60)):
		}
		s.trouble.Add(1)
		var back func()
		switch i % 4 {
		case 0: // less than the reserve is left: refusals go unrecorded, ALLOWs are
			back = disktest.Fill(s.t, filepath.Dir(s.state), 8000)
		case 1:
			if err := os.Rename(filepath.Join(s.state, "audit"), filepath.Join(s.state, "away")); err != nil {
				s.t.Error(err)
				return
			}
			back = func() { os.Rename(filepath.Join(s.state, "away"), filepath.Join(s.state, "audit")) }
		case 2:
			s.hands.set(30 * 24 * time.Hour)
			back = func() { s.hands.set(0) }
		case 3:
			s.hands.set(-2 * time.Minute)
			back = func() { s.hands.set(0) }
		}
		time.Sleep(500 * time.Millisecond)
		back()
		// It is over when the driver says so: it comes back by itself.
		s.wait("the driver is ready again", func() bool { code, _ := s.admin("/ready"); return code == 200 })
		time.Sleep(1500 * time.Millisecond) // a refusal that was not recorded is given for a second more
		s.trouble.Add(1)
	}
}

// measure notes how much memory is held. The driver, its besieged gateway and the
// repository are one process here.
func (s *siege) measure(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(*siegeFor / 50):
		}
		data, err := os.ReadFile("/proc/self/statm")
		var size, resident int
		if err == nil {
			_, err = fmt.Sscan(string(data), &size, &resident)
		}
		if err != nil {
			s.t.Error(err)
			return
		}
		s.residents = append(s.residents, resident*os.Getpagesize()>>20)
	}
}

func (s *siege) report() {
	calm, late := s.calm.Load(), s.late.Load()
	inTime := 100 * float64(calm-late) / float64(max(calm, 1))
	s.t.Logf("%d questions, %d allowed, %d denied, %d excused by disk, journal or clock; of %d while these were well %.3f %% in time, the slowest after %v; %d refusals unrecorded; %d rotations, %d bad publications; at most %d MiB, %d goroutines",
		s.asked.Load(), s.allowed.Load(), s.denied.Load(), s.excused.Load(), calm, inTime, time.Duration(s.slowest.Load()), s.unrecorded.Load(),
		s.rotations, s.refusals, slices.Max(append(s.residents, 0)), runtime.NumGoroutine())
	if s.unrecorded.Load() > 0 {
		s.t.Errorf("%d refusals of the honest gateway are not recorded", s.unrecorded.Load())
	}
	if s.allowed.Load() == 0 || s.denied.Load() == 0 {
		s.t.Error("hardly anything was answered")
	}
	if *siegeQuiet && inTime < 99.9 {
		s.t.Errorf("%.3f %% of the answers were in time", inTime)
	}
}
