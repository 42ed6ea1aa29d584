// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/interceptor/wire"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// The listed peers that flood: one with calls that never end, one with calls that cost.
const (
	stuckUID = 12345
	costUID  = 12346
)

// maxFlooded is what a driver may take of memory, whatever comes over its sockets.
const maxFlooded = 512 << 20

// Two listed peers send what costs most, on both sockets and as much at once as they
// can: messages that stop a byte short, millions of empty values, junk signatures. The
// driver's memory stays bounded, and a third is answered.
func TestFlood(t *testing.T) {
	switch {
	case os.Getenv("SIGDRIVER_TEST_DRIVER") != "":
		if err := Run(context.Background(), Options{ConfigFile: os.Getenv("SIGDRIVER_TEST_DRIVER"), Log: os.Stderr}); err != nil {
			t.Fatal(err)
		}
		return
	case os.Getenv("SIGDRIVER_TEST_STUCK") != "":
		floodStuck(t, os.Getenv("SIGDRIVER_TEST_STUCK"))
		return
	case os.Getenv("SIGDRIVER_TEST_COST") != "":
		floodCost(t, os.Getenv("SIGDRIVER_TEST_COST"))
		return
	case os.Getuid() != 0:
		t.Skip("only root can be several peers")
	}
	w := newWorld(t)
	w.configure(fmt.Sprintf("interceptor = {path = %q, gateway_id = \"gw-flood\"}", w.path("run/i")))
	w.peers()
	driver := w.child("SIGDRIVER_TEST_DRIVER="+w.path("sigdriver.toml"), "serving")
	w.dial(w.path("run/s"))
	w.expect(compose(1), verifier.Allowed)
	before := peak(t, driver)
	const deadline = 250 * time.Millisecond
	asked := 22
	if testing.Short() {
		asked = 8
	}
	version := 1
	ask := func() (late int, worst time.Duration) {
		for range asked {
			version++
			begin := time.Now()
			w.expect(compose(version), verifier.Allowed) // a new decision each
			took := time.Since(begin)
			if worst = max(worst, took); took > deadline {
				late++
			}
		}
		return late, worst
	}
	_, quiet := ask()
	floods := []*child{
		w.child("SIGDRIVER_TEST_STUCK="+w.path("run"), "calls are stuck"),
		w.child("SIGDRIVER_TEST_COST="+w.path("run"), "calls cost"),
	}
	for _, what := range []string{
		`sigdriver_faults_total{reason="REQUEST_TOO_LARGE"}`, // the empty values
		`sigdriver_decisions_total{cached="false",reason="SIGNATURE_INVALID",verdict="DENY"}`,
	} {
		w.eventually("the flood comes to "+what, func() bool { n := w.metric(what); return n != "" && n != "0" })
	}
	for _, f := range floods {
		// What a flood costs to make is not the driver's: it gets what processor time is left.
		if err := syscall.Setpriority(syscall.PRIO_PGRP, f.Process.Pid, 19); err != nil {
			t.Fatal(err)
		}
	}
	late, worst := ask()
	after := peak(t, driver)
	t.Logf("another uid is answered %d of %d times within %s, at worst after %s, and %s before the flood; the driver's memory peaks at %d MiB, before the flood at %d MiB",
		asked-late, asked, deadline, worst.Round(time.Millisecond), quiet.Round(time.Millisecond), after>>20, before>>20)
	if after > maxFlooded && !raceDetector { // which takes some times as much
		t.Errorf("the driver takes %d MiB", after>>20)
	}
	for _, f := range floods {
		select {
		case err := <-f.done:
			t.Errorf("a flood ended: %v", err)
		default:
		}
	}
}

// peers lists the others, and opens the sockets to their group.
func (w *world) peers() {
	w.t.Helper()
	if err := os.Chmod(w.dir, 0o711); err != nil {
		w.t.Fatal(err)
	}
	config, err := os.ReadFile(w.path("sigdriver.toml"))
	if err != nil {
		w.t.Fatal(err)
	}
	socket := fmt.Sprintf("socket.path = %q\n", w.path("run/s"))
	config = bytes.Replace(config, []byte(socket), fmt.Appendf(nil, "%ssocket.group = \"%d\"\n", socket, stuckUID), 1)
	inline := fmt.Sprintf("peer = [{uid = %d, gateway_ids = [\"gw-east\"]}]\n", w.uid)
	config = bytes.Replace(config, []byte(inline), nil, 1)
	for _, p := range []struct {
		uid     int
		gateway string
	}{{w.uid, "gw-east"}, {stuckUID, "gw-flood"}, {costUID, "gw-flood"}} {
		config = fmt.Appendf(config, "\n[[peer]]\nuid = %d\ngateway_ids = [%q]\n", p.uid, p.gateway)
	}
	w.write("sigdriver.toml", config)
}

type child struct {
	*exec.Cmd
	done chan error
}

// child runs this test in another process, until it says what is expected.
func (w *world) child(env, says string) *child {
	w.t.Helper()
	c := &child{exec.Command(os.Args[0], "-test.run=^TestFlood$"), make(chan error, 1)}
	c.Env = append(os.Environ(), env)
	c.Stdout, c.Stderr = &w.log, &w.log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { c.done <- c.Wait(); close(ended) }()
	w.t.Cleanup(func() { c.Process.Kill(); <-ended })
	w.eventually(says, func() bool { return strings.Contains(w.log.String(), says) })
	return c
}

// peak is the most memory that a process has had.
func peak(t *testing.T, c *child) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	kib := 0
	if _, err := fmt.Sscan(line, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// become takes the uid of a peer, in the group that may open the sockets.
func become(t *testing.T, uid int) {
	t.Helper()
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(stuckUID), syscall.Setuid(uid)); err != nil {
		t.Fatal(err)
	}
}

// floodConns is how many connections a flood opens to each socket.
const floodConns = 4

// floodStuck says when its calls are stuck, and goes on.
func floodStuck(t *testing.T, dir string) {
	become(t, stuckUID)
	var sent [2]atomic.Int64
	for range floodConns {
		stuck(dir+"/s", signingv1.PolicySigningDriver_Verify_FullMethodName, &sent[0])
		stuck(dir+"/i", wire.GatewayInterceptor_Evaluate_FullMethodName, &sent[1])
	}
	begun(sent[:], 64)
	fmt.Println("calls are stuck")
	select {}
}

// floodCost says when every kind of costly call has been made, and goes on.
func floodCost(t *testing.T, dir string) {
	become(t, costUID)
	var sent [3]atomic.Int64
	for range floodConns {
		go repeat(t, dir+"/s", signingv1.PolicySigningDriver_Verify_FullMethodName, 4, empties(), &sent[0])
		go repeat(t, dir+"/s", signingv1.PolicySigningDriver_Verify_FullMethodName, 32, junkSignatures(), &sent[1])
		go repeat(t, dir+"/i", wire.GatewayInterceptor_Evaluate_FullMethodName, 4, manyValues(), &sent[2])
	}
	begun(sent[:], 4)
	fmt.Println("calls cost")
	select {}
}

// begun waits until every kind of call has been answered, or begun, so often.
func begun(counts []atomic.Int64, often int64) {
	for i := range counts {
		for counts[i].Load() < often {
			time.Sleep(time.Millisecond)
		}
	}
}

// stuck opens as many calls as a connection may have, each with a message of the
// longest kind that lacks its last byte.
func stuck(path, method string, sent *atomic.Int64) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialContext: dialer(path)}
	prefix := binary.BigEndian.AppendUint32([]byte{0}, verifier.MaxRequest)
	for range 128 {
		go func() {
			for {
				body := io.MultiReader(bytes.NewReader(prefix), io.LimitReader(zeros{sent}, verifier.MaxRequest-1), never{})
				r, _ := http.NewRequest(http.MethodPost, "http://driver"+method, body)
				r.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
				if resp, err := transport.RoundTrip(r); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
}

type zeros struct{ sent *atomic.Int64 }

func (z zeros) Read(p []byte) (int, error) { z.sent.Add(1); clear(p); return len(p), nil }

type never struct{}

func (never) Read([]byte) (int, error) { select {} }

// calls numbers those that repeat has made, so that no two are equal.
var calls atomic.Int64

// repeat asks over one connection, from so many callers, until the process ends.
func repeat(t *testing.T, path, method string, callers int, request func(n int64) any, sent *atomic.Int64) {
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Error(err)
		return
	}
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // of a machine that has other work
				var out signingv1.VerifyResponse
				conn.Invoke(ctx, method, request(calls.Add(1)), &out)
				cancel()
				sent.Add(1)
				time.Sleep(time.Millisecond)
			}
		})
	}
	wg.Wait()
}

// empties are requests of millions of empty values, each of three bytes.
func empties() func(n int64) any {
	body := []byte("[" + strings.Repeat("{},", verifier.MaxBody/3-8) + "{}]")
	return func(n int64) any {
		r := &signingv1.VerifyRequest{
			RequestId: fmt.Sprint(n), Purpose: signingv1.Purpose_PURPOSE_COMPOSE,
			Target: &signingv1.Target{GatewayId: "gw-flood", Workspace: "prod", SandboxId: fmt.Sprint("x", n), Name: "web-1"},
			Recipe: verifiertest.Recipe, Effective: body,
		}
		for range 6 {
			r.Documents = append(r.Documents, &signingv1.Document{Role: signingv1.Role_ROLE_SANDBOX_POLICY, Body: body})
		}
		return r
	}
}

// junkSignatures are requests whose approvals have as many wrong signatures as they
// may have, none of them seen before.
func junkSignatures() func(n int64) any {
	s := verifiertest.AdmitPolicy()
	approval := s.Approval(0)
	wrong := approval.Of([]byte("another document")).Seal(slices.Repeat([]*verifiertest.Key{verifiertest.Person("alice")}, verifier.MaxSignatures)...).Signatures
	for i := range wrong {
		wrong[i].KeyID = ""
	}
	return func(n int64) any {
		r := &signingv1.VerifyRequest{
			RequestId: fmt.Sprint(n), Purpose: signingv1.Purpose_PURPOSE_ADMIT,
			Target:    &signingv1.Target{GatewayId: "gw-flood", Workspace: "prod", SandboxId: fmt.Sprint("x", n), Name: "web-1"},
			Documents: []*signingv1.Document{{Role: signingv1.Role_ROLE_SANDBOX_POLICY, Body: s.Body(0)}},
		}
		for i := range verifier.MaxAttestations {
			approval := approval
			approval.Reason = fmt.Sprint(n, i)
			e := approval.Of(s.Body(0)).Seal()
			e.Signatures = wrong
			r.Documents[0].Attestations = append(r.Documents[0].Attestations, e.JSON())
		}
		return r
	}
}

// manyValues are writes of millions of empty values, each of two bytes.
func manyValues() func(int64) any {
	list := bytes.Repeat([]byte{0x0a, 0x00}, 3<<20)
	field := func(number byte, body []byte) []byte {
		return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(body))), body...)
	}
	value := field(6, list)
	entry := append(field(1, []byte("policy")), field(2, value)...)
	validate := field(1, field(1, entry))
	raw := append(append(field(3, []byte("openshell.v1.OpenShell")), field(4, []byte("UpdateConfig"))...), field(7, validate)...)
	in := &wire.InterceptorEvaluation{}
	in.ProtoReflect().SetUnknown(raw)
	return func(int64) any { return in }
}
