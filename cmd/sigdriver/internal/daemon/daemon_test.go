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
	"io/fs"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func dialer(path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
}

func TestServe(t *testing.T) {
	w := newWorld(t)
	w.start()
	first := w.expect(compose(5), verifier.Allowed)
	if first.Receipt == nil || first.Trust.GetEpoch() != 1 {
		t.Errorf("receipt %v, trust %v", first.Receipt, first.Trust)
	}
	flipped := compose(5)
	flipped.EditEffective(func(tree verifiertest.Tree) { tree["note"] = "other" })
	w.expect(flipped, verifier.CompositionMismatch)
	w.expect(compose(4), verifier.VersionRollback)
	caps, err := w.client().GetCapabilities(t.Context(), &signingv1.GetCapabilitiesRequest{
		Peer: &signingv1.PeerMetadata{ProtocolVersion: 1, ImplementationName: "test", RequiredCapabilities: []string{"openshell.policy-signing.contract"}},
	})
	if err != nil || caps.Peer.ImplementationName != "sigdriver" || caps.CanonicalForm == "" || len(caps.Recipes) == 0 || caps.Limits.Documents != 64 {
		t.Errorf("capabilities %v, %v", caps, err)
	}
	_, err = w.client().GetCapabilities(t.Context(), &signingv1.GetCapabilitiesRequest{
		Peer: &signingv1.PeerMetadata{RequiredCapabilities: []string{"openshell.other"}},
	})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a capability we have not: %v", err)
	}
	_, err = w.client().Attest(t.Context(), &signingv1.AttestRequest{Request: requestOf(compose(5)), Nonce: make([]byte, 16)})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("Attest: %v", err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(w.path("run/s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// No body, in whole or in part, and no line of a caller's making is in the log.
func TestLogAndMetricsHoldNoBody(t *testing.T) {
	w := newWorld(t)
	w.configure(`log.level = "debug"`)
	w.start()
	s := compose(5)
	s.Request.Target.Name = "web-1\nsigdriver: forged \x1b[31m line"
	w.expect(s, verifier.Allowed)
	w.expect(s, verifier.Allowed)
	broken := compose(5)
	broken.Request.Documents[0].Body = append([]byte("secret-body-text "), broken.Body(0)...)
	w.expect(broken, verifier.DocumentNoncanonical)
	_, metrics := w.admin("/metrics")
	w.stop()
	log := w.log.String()
	if !strings.Contains(log, "verdict=ALLOW") || !strings.Contains(log, "cached=true") {
		t.Fatal("the decisions are not in the log")
	}
	for _, secret := range []string{"secret-body-text", "tickets.corp.example", "/usr/bin/curl"} {
		if strings.Contains(log, secret) || strings.Contains(metrics, secret) {
			t.Errorf("%q is in the log or the metrics", secret)
		}
	}
	if strings.Contains(log, "\nsigdriver: forged") || strings.Contains(log, "\x1b") {
		t.Error("a name wrote a line of its own")
	}
	if strings.Contains(metrics, "web-1") || strings.Contains(metrics, "gw-east") {
		t.Error("a name is in the metrics")
	}
}

// ST-19: floors and places outlive the process.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	w.stop()
	w.repo.Fault("metadata/timestamp.json", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) })
	w.start() // trust too: the repository is gone
	w.expect(compose(4), verifier.VersionRollback)
	if got := w.expect(compose(5), verifier.Allowed); got.Trust.GetEpoch() != 1 || got.Receipt.GetLogIndex() < 1 {
		t.Errorf("epoch %d, index %d", got.Trust.GetEpoch(), got.Receipt.GetLogIndex())
	}
	moved := compose(6)
	moved.Request.Target.Name = "web-2"
	w.expect(moved, verifier.ScopeMismatch)
}

// New trust is in use without a restart, on SIGHUP at once.
func TestTrustChangesUnderway(t *testing.T) {
	w := newWorld(t)
	w.start()
	stream, err := w.client().WatchTrust(t.Context(), &signingv1.WatchTrustRequest{})
	if err != nil {
		t.Fatal(err)
	}
	expectState := func(epoch uint64, condition signingv1.TrustCondition) {
		t.Helper()
		got, err := stream.Recv()
		if err != nil || got.Epoch != epoch || got.Condition != condition || got.RefusedAfter == nil {
			t.Fatalf("got %v, %v", got, err)
		}
	}
	expectState(1, signingv1.TrustCondition_TRUST_CONDITION_FRESH)
	s := compose(5)
	w.expect(s, verifier.Allowed)
	w.repo.SetTarget("revocations.json", verifiertest.Revocations(verifiertest.Revoke("key", verifiertest.Person("bob").SHA256())))
	w.publish()
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	expectState(2, signingv1.TrustCondition_TRUST_CONDITION_FRESH)
	w.expect(s, verifier.Threshold)
	fresh(s, 0, 5, "alice", "carol")
	w.expect(s, verifier.Allowed)
	w.stop()
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable && status.Code(err) != codes.Canceled {
		t.Errorf("the stream ends with %v", err)
	}
}

// The driver starts before the folder is read, however much is in it, and finds what
// is there soon. Until then it asks for patience: it does not deny.
func TestStartDoesNotWaitForTheFolder(t *testing.T) {
	w := newWorld(t)
	s := compose(5)
	w.write("attestations/bob.json", s.Attestation(0, 1))
	for i := range 500 { // newer, and each takes a check for every key
		w.write(fmt.Sprintf("attestations/junk-%d.json", i), junkEnvelope(i))
	}
	s.Offer(0, s.Attestation(0, 0))
	w.start()
	w.expect(s, verifier.Allowed)
}

// A question is the same whenever it is made: two that differ in a second are
// decided and recorded apart.
func TestQuestionsAreEqualLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := requestOf(compose(5))
		time.Sleep(time.Second)
		if !proto.Equal(first, requestOf(compose(5))) {
			t.Error("made a second later it is another question")
		}
	})
}

// A timestamp that is signed anew, as one is every day, has nothing decided again.
func TestResigningDecidesNothing(t *testing.T) {
	w := newWorld(t)
	w.start()
	s := compose(5)
	first := w.expect(s, verifier.Allowed).Receipt.GetLogIndex()
	left := w.metric("sigdriver_trust_seconds_left")
	w.repo.Advance(0)
	w.repo.PublishTimestamp()
	refreshed := `sigdriver_trust_refreshes_total{result="ok"}`
	before := w.metric(refreshed)
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	w.eventually("trust is refreshed", func() bool { return w.metric(refreshed) != before })
	if again := w.expect(s, verifier.Allowed).Receipt.GetLogIndex(); again != first {
		t.Errorf("entry %d after %d (%s s left before)", again, first, left)
	}
	if n := w.metric("sigdriver_trust_epoch"); n != "1" {
		t.Errorf("epoch %s: the case is another", n)
	}
}

func TestAttestationArrivesInTheFolder(t *testing.T) {
	w := newWorld(t)
	w.start()
	s := compose(5)
	second := s.Attestation(0, 1)
	s.Offer(0, s.Attestation(0, 0))
	w.expect(s, verifier.Threshold)
	w.write("attestations/bob.json", second)
	w.eventually("the approval is found", func() bool {
		got, err := w.client().Verify(t.Context(), requestOf(s))
		return err == nil && got.Verdict == signingv1.Verdict_VERDICT_ALLOW
	})
}

func TestReload(t *testing.T) {
	w := newWorld(t)
	w.start()
	s := compose(5)
	w.expect(s, verifier.Allowed)
	before, _ := os.ReadFile(w.path("sigdriver.toml"))
	w.write("sigdriver.toml", append(bytes.Clone(before), "unknown = 1\n"...))
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	w.eventually("the mistake is said", func() bool { return strings.Contains(w.log.String(), "was not read again") })
	w.expect(s, verifier.Allowed)
	w.write("sigdriver.toml", bytes.Replace(before, []byte("gw-east"), []byte("gw-west"), 1))
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	w.eventually("the peer may no longer ask about gw-east", func() bool {
		_, err := w.client().Verify(t.Context(), requestOf(s))
		return status.Code(err) == codes.PermissionDenied && reasonOf(err) == "PEER_NOT_ALLOWED"
	})
	w.uid++
	w.configure("")
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	w.eventually("the peer may no longer call", func() bool {
		_, err := w.client().Verify(t.Context(), requestOf(s))
		return status.Code(err) == codes.Unavailable && reasonOf(err) == ""
	})
}

func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}

// DM-01: a stranger is closed before anything is read.
func TestStranger(t *testing.T) {
	w := newWorld(t)
	w.uid++
	w.configure("")
	w.start()
	conn, err := net.Dial("unix", w.path("run/s"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	conn.SetDeadline(time.Now().Add(patience))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d, %v", n, err)
	}
	if got := w.metric(`sigdriver_connections_refused_total{why="not_allowed"}`); got != "1" {
		t.Errorf("%q refusals counted", got)
	}
}

func TestHealthAndProbes(t *testing.T) {
	w := newWorld(t)
	w.start()
	health := grpc_health_v1.NewHealthClient(w.conn)
	check := func(service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
		t.Helper()
		got, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		return got.Status
	}
	for _, service := range []string{"", "trust", "audit"} {
		if check(service) != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("%q is not serving", service)
		}
	}
	if _, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown service: %v", err)
	}
	if code, text := w.admin("/ready"); code != 200 {
		t.Errorf("ready: %d %s", code, text)
	}
	if w.metric("sigdriver_trust_epoch") != "1" || w.metric(`sigdriver_trust_state{condition="fresh"}`) != "1" {
		t.Error("the metrics say otherwise")
	}
	w.stop()

	// Without trust: alive, not ready, refusing.
	w = newWorld(t)
	w.repo.SetTarget("authorities.json", []byte("{"))
	w.repo.Publish()
	w.start()
	health = grpc_health_v1.NewHealthClient(w.conn)
	if check("") != grpc_health_v1.HealthCheckResponse_SERVING || check("trust") != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Error("health without trust")
	}
	if code, _ := w.admin("/ready"); code != 503 {
		t.Errorf("ready without trust: %d", code)
	}
	if code, _ := w.admin("/live"); code != 200 {
		t.Errorf("live without trust: %d", code)
	}
	w.expect(compose(5), verifier.TrustUnavailable)
}

func TestBindSocket(t *testing.T) {
	w := newWorld(t)
	w.uid++ // the list does not matter
	w.configure("")
	w.start(func(o *Options) { o.BindSocket = w.path("dev/s") })
	w.expect(compose(5), verifier.Allowed)
	info, err := os.Lstat(w.path("dev/s"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if !strings.Contains(w.log.String(), "no trust boundary") {
		t.Error("it does not say what it is for")
	}
}

// DM-02, DM-20 and "Bad input": what the driver does not start with.
func TestStartErrors(t *testing.T) {
	for name, c := range map[string]struct {
		breakIt func(w *world)
		text    string
		check   bool // --check finds it too
	}{
		"unknown key":     {func(w *world) { w.configure("colour = 1") }, "sigdriver.toml:7: colour: unknown key", true},
		"no config":       {func(w *world) { os.Remove(w.path("sigdriver.toml")) }, "no such file", true},
		"open socket dir": {func(w *world) { os.Mkdir(w.path("run"), 0o700); os.Chmod(w.path("run"), 0o777) }, "chmod 0750", true},
		"file at socket":  {func(w *world) { os.Mkdir(w.path("run"), 0o750); w.write("run/s", nil) }, "something other than a socket", true},
		"no root":         {func(w *world) { os.Remove(w.path("root.json")) }, "trust.root", true},
		"root is no root": {func(w *world) { w.write("root.json", []byte("{}")) }, "trust.root", true},
		"open state":      {func(w *world) { os.Mkdir(w.path("state"), 0o755) }, "chmod 0700", true},
		"admin taken":     {func(w *world) { os.Mkdir(w.path("run"), 0o750); w.write("run/admin", nil) }, "admin.listen", true},
		"garbled floors": {func(w *world) {
			os.Mkdir(w.path("state"), 0o700)
			w.write("state/floors.db", bytes.Repeat([]byte("garbage "), 4096))
		}, "floors.db", false},
		"a file for trust": {func(w *world) {
			os.Mkdir(w.path("state"), 0o700)
			w.write("state/trust", nil)
		}, "state_dir", false},
		"another repository's state": {func(w *world) {
			w.start()
			w.stop()
			w.write("root.json", tuftest.New(w.t, tuftest.At(tuftest.Start.Add(-time.Hour))).Root())
		}, "give it an empty state folder", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if _, err := checked(w.path("sigdriver.toml")); err != nil {
				t.Fatalf("before: %v", err)
			}
			if _, err := os.Stat(w.path("state")); err == nil {
				t.Fatal("Check made the state folder")
			}
			c.breakIt(w)
			var start *StartError
			if _, err := checked(w.path("sigdriver.toml")); c.check != errors.As(err, &start) {
				t.Errorf("Check: %v", err)
			}
			err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log})
			if !errors.As(err, &start) || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("Run: %v, want a *StartError with %q", err, c.text)
			}
			var fault *ConfigError
			if errors.As(err, &fault) && fault.Remedy == "" {
				t.Errorf("no remedy: %v", err)
			}
		})
	}
}

func TestSecondDriver(t *testing.T) {
	w := newWorld(t)
	w.start()
	var start *StartError
	err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: io.Discard})
	if !errors.As(err, &start) || !strings.Contains(err.Error(), "state_dir") {
		t.Errorf("Run: %v", err)
	}
	w.expect(compose(5), verifier.Allowed)
}

// DM-08, DM-10, DM-12: what does not reach a handler.
func TestTransportLimits(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	large := requestOf(compose(5))
	large.Effective = make([]byte, 64<<20)
	if _, err := w.client().Verify(ctx, large, grpc.MaxCallSendMsgSize(128<<20)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("64 MiB: %v", err)
	}
	large.Effective = make([]byte, verifier.MaxEffective+1)
	if _, err := w.client().Verify(ctx, large); status.Code(err) != codes.InvalidArgument || reasonOf(err) != "REQUEST_TOO_LARGE" {
		t.Errorf("an effective policy over its limit: %v", err)
	}
	fat := metadata.AppendToOutgoingContext(ctx, "x-fat", strings.Repeat("a", 17<<10))
	if _, err := w.client().Verify(fat, requestOf(compose(5))); err == nil {
		t.Error("17 KiB of headers were taken")
	}
	for _, method := range []string{
		"/openshell.signing.v1.PolicySigningDriver/Nothing",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/grpc.channelz.v1.Channelz/GetServers",
		"/nothing",
	} {
		var out signingv1.VerifyResponse
		if err := w.conn.Invoke(ctx, method, requestOf(compose(5)), &out); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
	w.expect(compose(5), verifier.Allowed)
}

// raw sends one gRPC message by hand and returns the grpc-status.
func (w *world) raw(path string, flag byte, header http.Header) string {
	w.t.Helper()
	var clear http.Protocols
	clear.SetUnencryptedHTTP2(true)
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{Protocols: &clear, DialContext: dialer(w.path("run/s"))}}
	body := []byte{flag, 0, 0, 0, 3, 1, 2, 3}
	binary.BigEndian.PutUint32(body[1:], 3)
	req, err := http.NewRequest(http.MethodPost, "http://driver"+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	resp, err := c.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	if s := resp.Trailer.Get("Grpc-Status"); s != "" {
		return s
	}
	return resp.Header.Get("Grpc-Status")
}

// DM-10: no compressor is known, so a bomb is never unpacked.
func TestCompressionIsUnimplemented(t *testing.T) {
	w := newWorld(t)
	w.start()
	const verify = "/openshell.signing.v1.PolicySigningDriver/Verify"
	if got := w.raw(verify, 0, http.Header{}); got != fmt.Sprint(int(codes.InvalidArgument)) {
		t.Fatalf("uncompressed nonsense: %s", got)
	}
	if got := w.raw(verify, 1, http.Header{"Grpc-Encoding": {"gzip"}}); got != fmt.Sprint(int(codes.Unimplemented)) {
		t.Errorf("gzip: %s", got)
	}
}

// DM-13: callers that give up leave nothing behind.
func TestImpatientCallers(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 60 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+i%3)*time.Millisecond)
				s := compose(5)
				s.Request.Target.SandboxID = fmt.Sprint(i, "-", j)
				w.client().Verify(ctx, requestOf(s))
				cancel()
			}
		})
	}
	wg.Wait()
	w.eventually("the goroutines end", func() bool { return runtime.NumGoroutine() <= before+2 })
	w.expect(compose(5), verifier.Allowed)
}

// DM-06: a peer that says nothing is closed after the handshake timeout, and
// cannot have more than its share of connections.
func TestSilentConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the handshake timeout of 5 s")
	}
	w := newWorld(t)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	var conns []net.Conn
	for range 200 {
		c, err := net.Dial("unix", w.path("run/s"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	begin := time.Now()
	w.expect(compose(5), verifier.Allowed) // on its old connection
	for _, c := range conns {
		c.SetReadDeadline(begin.Add(patience)) // gRPC's own handshake timeout is twice that
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a silent connection is open")
		}
	}
	w.eventually("a new connection is taken", func() bool {
		conn, err := grpc.NewClient("unix:"+w.path("run/s"), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return false
		}
		defer conn.Close()
		_, err = signingv1.NewPolicySigningDriverClient(conn).Verify(t.Context(), requestOf(compose(5)))
		return err == nil
	})
}

// DM-18: SIGTERM finishes what is under way, also when a stream would last for ever.
func TestTerminate(t *testing.T) {
	w := newWorld(t)
	w.start()
	stream, err := w.client().WatchTrust(t.Context(), &signingv1.WatchTrustRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const callers, calls = 8, 50
	answered := make(chan struct{}, callers*calls)
	for i := range callers {
		wg.Go(func() {
			for j := range calls {
				s := compose(5)
				s.Request.Target.SandboxID = fmt.Sprint(i, "-", j)
				got, err := w.client().Verify(context.Background(), requestOf(s))
				if err != nil && status.Code(err) != codes.Unavailable && status.Code(err) != codes.Canceled {
					t.Errorf("%v", err)
				}
				if err == nil && got.Verdict == signingv1.Verdict_VERDICT_ALLOW && got.Receipt == nil {
					t.Error("an ALLOW without a receipt")
				}
				answered <- struct{}{}
			}
		})
	}
	<-answered // the others are under way
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	w.eventually("the socket is gone", func() bool {
		_, err := os.Lstat(w.path("run/s"))
		return errors.Is(err, fs.ErrNotExist)
	})
	if err := w.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if strings.Contains(w.log.String(), "did not finish in time") {
		t.Error("the stream held the driver up until it was cut off")
	}
	wg.Wait()
	w.start() // the state is whole
	w.expect(compose(6), verifier.Allowed)
}

// A gateway that is stopped in its tracks holds a connection and answers nothing. Where no
// call is under way the driver does not wait for it: callers of the next one do.
func TestTerminateBesideAStoppedGateway(t *testing.T) {
	w := newWorld(t)
	w.start()
	conn, err := net.Dial("unix", w.path("run/s"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	settings := []byte{0, 0, 0, 4, 0, 0, 0, 0, 0}
	if _, err := conn.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings...)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 9)); err != nil { // the driver's settings: it is connected
		t.Fatal(err)
	}
	w.expect(compose(5), verifier.Allowed)
	if err := w.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if strings.Contains(w.log.String(), "did not finish in time") {
		t.Error("a connection without calls held the driver up until it was cut off")
	}
}

// TU-37: whatever is swapped meanwhile, an answer is of one trust that was in
// use during the call.
func TestRefreshRacesVerify(t *testing.T) {
	w := newWorld(t)
	w.start()
	s := compose(5)
	w.expect(s, verifier.Allowed)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			last := uint64(0)
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				q := requestOf(s)
				q.Target.SandboxId = fmt.Sprint(i, "-", j%3) // some cached, some not
				got, err := w.client().Verify(context.Background(), q)
				if err != nil {
					t.Errorf("%v", err)
					return
				}
				// Odd epochs know bob, even ones have revoked nothing but need three.
				want := signingv1.Reason_REASON_ALLOWED
				if got.Trust.Epoch%2 == 0 {
					want = signingv1.Reason_REASON_THRESHOLD
				}
				if got.Reason != want || got.Trust.Epoch < last {
					t.Errorf("epoch %d after %d: %v", got.Trust.Epoch, last, got.Reason)
					return
				}
				last = got.Trust.Epoch
			}
		})
	}
	for epoch := 2; epoch <= 7; epoch++ {
		w.auth.Authorities["security"].Threshold = 2 + (epoch+1)%2
		w.publish()
		syscall.Kill(os.Getpid(), syscall.SIGHUP)
		w.eventually("the next epoch", func() bool { return w.metric("sigdriver_trust_epoch") == fmt.Sprint(epoch) })
	}
	close(stop)
	wg.Wait()
}

// SE-17: a sandbox that pushes one policy after another fills neither the disk
// nor the way of others.
func TestFloodOfRefusals(t *testing.T) {
	w := newWorld(t)
	w.configure("audit.deny_per_minute = 5")
	w.start()
	const flood = 300
	recorded := 0
	for i := range flood {
		s := compose(5)
		tree := verifiertest.Policy()
		tree["note"] = fmt.Sprint("random ", i)
		s.Request.Documents[0].Body = verifiertest.Canonical(tree)
		s.Recompose()
		if w.expect(s, verifier.SubjectMismatch).Receipt != nil {
			recorded++
		}
	}
	if recorded < 5 || recorded > 10 { // a minute may turn meanwhile
		t.Errorf("%d of %d refusals have an entry", recorded, flood)
	}
	if got := w.expect(compose(5), verifier.Allowed); got.Receipt == nil {
		t.Error("an ALLOW without a receipt")
	}
}
