// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/daemon"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// patience ends a test that would wait for ever.
const patience = time.Minute

// season is a driver, a ceremony and a gateway that asks, by one clock that the test
// turns.
type season struct {
	t        *testing.T
	dir      string
	passed   atomic.Int64 // since tuftest.Start
	mu       sync.Mutex
	log      bytes.Buffer
	client   signingv1.PolicySigningDriverClient
	question *signingv1.VerifyRequest
}

func (s *season) now() time.Time { return tuftest.Start.Add(time.Duration(s.passed.Load())) }

func (s *season) path(name string) string { return filepath.Join(s.dir, name) }

// Write takes the driver's log.
func (s *season) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *season) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func newSeason(t *testing.T) *season {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sd") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &season{t: t, dir: dir}
	auth := verifiertest.BaseAuthorities()
	auth.MaxStale = "72h"
	s.run("trust", "init", "--dir", s.path("t"), "--authorities", put(t, "a.json", auth.JSON()))
	config := fmt.Appendf(nil, `state_dir = %q
socket.path = %q
peer = [{uid = %d, gateway_ids = ["gw-east"]}]
trust = {root = %q, source = %q, refresh_interval = "24h"}
admin.listen = %q
`, s.path("state"), s.path("run/s"), os.Getuid(), s.path("t/published/metadata/1.root.json"), s.path("t/published"), s.path("run/admin"))
	if err := os.WriteFile(s.path("c.toml"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	s.ask()
	s.serve()
	return s
}

// ask makes the question that the gateway repeats.
func (s *season) ask() {
	scenario := verifiertest.AdmitPolicy()
	a := scenario.Approval(0)
	a.NotBefore, a.NotAfter = tuftest.Start.Format(time.RFC3339), tuftest.Start.Add(90*day).Format(time.RFC3339)
	scenario.ApproveAs(0, a, "alice", "bob")
	r := &scenario.Request
	s.question = &signingv1.VerifyRequest{
		RequestId: "r-1", Purpose: signingv1.Purpose(r.Purpose),
		Target: &signingv1.Target{GatewayId: r.Target.GatewayID, Workspace: r.Target.Workspace, SandboxId: r.Target.SandboxID, Name: r.Target.Name},
	}
	for _, d := range r.Documents {
		s.question.Documents = append(s.question.Documents, &signingv1.Document{Role: signingv1.Role(d.Role), Body: d.Body, Attestations: d.Attestations})
	}
}

func (s *season) serve() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- daemon.Run(ctx, daemon.Options{
			ConfigFile: s.path("c.toml"), Log: s, Ready: func() { close(ready) },
			Clock: func() (time.Time, time.Duration) { return s.now(), time.Duration(s.passed.Load()) },
		})
	}()
	select {
	case <-ready:
	case err := <-done:
		s.t.Fatalf("Run: %v", err)
	}
	conn, err := grpc.NewClient("unix:"+s.path("run/s"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Fatal(err)
	}
	s.client = signingv1.NewPolicySigningDriverClient(conn)
	s.t.Cleanup(func() {
		conn.Close()
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
		if s.t.Failed() {
			s.t.Log(s.said())
		}
	})
}

func (s *season) run(args ...string) string {
	s.t.Helper()
	code, stdout, stderr := runAt(s.now(), args...)
	if code != ExitOK {
		s.t.Fatalf("after %s: %v: exit code %d: %s", time.Duration(s.passed.Load()), args, code, stderr)
	}
	return stdout
}

// expires is when the published timestamp does.
func (s *season) expires() time.Time {
	s.t.Helper()
	repo, err := author.OpenRepository(nil, s.path("t/published"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range repo.States() {
		if r.Role == "timestamp" {
			return r.Expires
		}
	}
	s.t.Fatal("no timestamp")
	return time.Time{}
}

// metric is a series of the driver.
func (s *season) metric(series string) float64 {
	s.t.Helper()
	dial := func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", s.path("run/admin")) }
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}).Get("http://driver/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return f
		}
	}
	s.t.Fatalf("there is no %s", series)
	return 0
}

// catchUp has the driver refresh, until it knows what is published.
func (s *season) catchUp() {
	s.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	left := max(0, s.expires().Sub(s.now()).Seconds())
	s.eventually("the driver knows the published timestamp", func() bool { return s.metric(`sigdriver_trust_role_seconds_left{role="timestamp"}`) == left })
}

func (s *season) eventually(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("it never happens: %s", what)
		}
	}
}

// answers compares the driver's answer.
func (s *season) answers(want verifier.Reason) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, err := s.client.Verify(ctx, s.question)
	if err != nil || got.GetReason() != signingv1.Reason(want) || (got.GetVerdict() == signingv1.Verdict_VERDICT_ALLOW) != (want == verifier.Allowed) {
		s.t.Fatalf("after %s: %v %v, %v, want %v", time.Duration(s.passed.Load()), got.GetVerdict(), got.GetReason(), err, want)
	}
}

// Nine days with nobody but the timer, then without it.
func TestNineDaysOfTheTimer(t *testing.T) {
	s := newSeason(t)
	const step = 3 * time.Hour
	renewed := 0
	for ; time.Duration(s.passed.Load()) < 9*day; s.passed.Add(int64(step)) {
		if text := s.run("trust", "renew", "--dir", s.path("t"), "--due", "60%"); strings.HasPrefix(text, "Published") {
			renewed++
			s.catchUp()
		}
		s.answers(verifier.Allowed)
		if share := s.metric(`sigdriver_trust_role_life_left_ratio{role="timestamp"}`); share < 0.5 {
			t.Fatalf("after %s: %v of the timestamp's life is left", time.Duration(s.passed.Load()), share)
		}
	}
	if renewed != 3 || strings.Contains(s.said(), "of a role's life is left") || strings.Contains(s.said(), "TRUST_STALE") {
		t.Fatalf("renewed %d times, want 3 and no warning", renewed)
	}

	// The timer stands still.
	expires := s.expires()
	refused := expires.Add(3 * day)
	for _, c := range []struct {
		left time.Duration // of the timestamp
		said string
		want verifier.Reason
	}{
		{84*time.Hour - time.Second, "less than half of a role's life is left", verifier.Allowed},
		{42*time.Hour - time.Second, "less than a quarter of a role's life is left", verifier.Allowed},
		{0, "a role has expired", verifier.Allowed},
		{-3*day + time.Second, "", verifier.Allowed},
		{-3 * day, "", verifier.TrustStale},
	} {
		if c.said != "" && strings.Contains(s.said(), c.said) {
			t.Errorf("%q is said too early", c.said)
		}
		s.passed.Store(int64(expires.Add(-c.left).Sub(tuftest.Start)))
		s.catchUp()
		s.eventually(c.said, func() bool { return strings.Contains(s.said(), c.said) })
		s.answers(c.want)
	}
	if !strings.Contains(s.said(), "refused_from="+refused.Format(time.RFC3339)) {
		t.Errorf("the driver does not say that it refuses from %s on", refused)
	}
	if n := strings.Count(s.said(), "is left: is `sigdriver trust renew`"); n != 2 {
		t.Errorf("%d warnings", n)
	}

	// And on again: one renewal is enough.
	s.run("trust", "renew", "--dir", s.path("t"))
	s.catchUp()
	s.answers(verifier.Allowed)
}
