// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// patience is how long a test waits for what must happen, on whatever machine. It
// only ends a test that would wait for ever.
const patience = time.Minute

// world is a driver with its configuration, and the repository that it follows.
type world struct {
	t    *testing.T
	dir  string
	repo *tuftest.Repo
	auth *verifiertest.Authorities
	uid  int
	log  buffer

	stop func() error
	conn *grpc.ClientConn
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sd") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{t: t, dir: dir, repo: tuftest.New(t, tuftest.At(time.Now())), auth: verifiertest.BaseAuthorities(), uid: os.Getuid()}
	w.publish()
	w.write("root.json", w.repo.Root())
	if err := os.Mkdir(w.path("attestations"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.configure("")
	t.Cleanup(func() {
		if w.stop != nil {
			w.stop()
		}
		if t.Failed() {
			t.Log(w.log.String())
		}
	})
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name string, data []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), data, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// configure writes the configuration, with more at its end.
func (w *world) configure(more string) {
	w.t.Helper()
	w.write("sigdriver.toml", fmt.Appendf(nil, `state_dir = %[1]q
socket.path = %[2]q
peer = [{uid = %[3]d, gateway_ids = ["gw-east"]}]
trust = {root = %[4]q, source = %[5]q, refresh_interval = "1h"}
attestations.dir = %[6]q
admin.listen = %[7]q
%[8]s
`, w.path("state"), w.path("run/s"), w.uid, w.path("root.json"), w.repo.URL(), w.path("attestations"), w.path("run/admin"), more))
}

// stateIn has the driver keep its state in another folder.
func (w *world) stateIn(dir string) {
	w.t.Helper()
	config, err := os.ReadFile(w.path("sigdriver.toml"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("sigdriver.toml", bytes.Replace(config, []byte(w.path("state")), []byte(dir), 1))
}

// checked returns what would keep a driver from starting, or what else there is to say.
func checked(configFile string) (notes []string, err error) {
	for _, l := range Preflight(context.Background(), configFile) {
		switch {
		case l.Err != nil && err == nil:
			err = l.Err
		case l.Condition != StatusWell && l.Name != "user" || l.Name == "transparency log":
			notes = append(notes, l.Name+": "+l.Text)
		}
	}
	return notes, err
}

// publish signs the authorities at the time of now.
func (w *world) publish() {
	w.t.Helper()
	w.repo.Advance(time.Now().Truncate(time.Second).Sub(w.repo.Now()))
	w.repo.SetTarget("authorities.json", w.auth.JSON())
	w.repo.Publish()
}

// start runs the driver until stop, and connects to it.
func (w *world) start(change ...func(*Options)) {
	w.t.Helper()
	o := Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log}
	for _, c := range change {
		c(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	o.Ready = func() { close(ready) }
	go func() { done <- Run(ctx, o) }()
	select {
	case <-ready:
	case err := <-done:
		w.t.Fatalf("Run: %v", err)
	case <-time.After(patience):
		w.t.Fatal("the driver is never ready")
	}
	w.dial(w.socket(o))
	w.stop = func() error {
		w.stop = nil
		w.conn.Close()
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			return fmt.Errorf("the driver does not stop")
		}
	}
}

// dial connects to a driver.
func (w *world) dial(path string) {
	w.t.Helper()
	var err error
	w.conn, err = grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) socket(o Options) string {
	if o.BindSocket != "" {
		return o.BindSocket
	}
	return w.path("run/s")
}

func (w *world) client() signingv1.PolicySigningDriverClient {
	return signingv1.NewPolicySigningDriverClient(w.conn)
}

// approvedAt is when every document was approved. It is one instant: an approval
// made a second later is another attestation, and so another question.
var approvedAt = time.Now()

// fresh approves a document of a scenario from an hour before approvedAt for two.
func fresh(s *verifiertest.Scenario, document, version int, names ...string) {
	a := s.Approval(document)
	a.Version = fmt.Sprint(version)
	a.NotBefore = approvedAt.Add(-time.Hour).UTC().Format(time.RFC3339)
	a.NotAfter = approvedAt.Add(time.Hour).UTC().Format(time.RFC3339)
	s.ApproveAs(document, a, names...)
}

// compose is a question that is allowed now: a policy with two providers.
func compose(version int) *verifiertest.Scenario {
	s := verifiertest.ComposeLayers()
	tree := verifiertest.Policy()
	tree["note"] = fmt.Sprintf("policy %d", version)
	s.Request.Documents[0].Body = verifiertest.Canonical(tree)
	s.Recompose()
	fresh(s, 0, version, "alice", "bob")
	fresh(s, 1, 1, "dave")
	fresh(s, 2, 1, "erin")
	return s
}

func requestOf(s *verifiertest.Scenario) *signingv1.VerifyRequest {
	r := &s.Request
	out := &signingv1.VerifyRequest{
		RequestId: "r-1", Purpose: signingv1.Purpose(r.Purpose),
		Target:    &signingv1.Target{GatewayId: r.Target.GatewayID, Workspace: r.Target.Workspace, SandboxId: r.Target.SandboxID, Name: r.Target.Name},
		Effective: r.Effective, Recipe: r.Recipe, ProvidersV2Enabled: r.ProvidersV2,
	}
	for _, d := range r.Documents {
		out.Documents = append(out.Documents, &signingv1.Document{
			Role: signingv1.Role(d.Role), Workspace: d.Workspace, Provider: d.Provider, Body: d.Body, Attestations: d.Attestations,
		})
	}
	return out
}

// expect asks and compares verdict and reason.
func (w *world) expect(s *verifiertest.Scenario, want verifier.Reason) *signingv1.VerifyResponse {
	w.t.Helper()
	got, err := w.ask(s)
	if err != nil {
		w.t.Fatalf("want %v, got %v", want, err)
	}
	if (got.Verdict == signingv1.Verdict_VERDICT_ALLOW) != (want == verifier.Allowed) || got.Reason != signingv1.Reason(want) || got.RequestId != "r-1" {
		w.t.Fatalf("got %v %v, want %v: %v", got.Verdict, got.Reason, want, got.Findings)
	}
	return got
}

// verdict asks and returns what is decided.
func (w *world) verdict(s *verifiertest.Scenario) signingv1.Verdict {
	w.t.Helper()
	got, err := w.ask(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.Verdict
}

// ask asks as a gateway does: again, where the driver has not read every attestation
// yet or is behind the memory, which may take it long on a busy machine.
func (w *world) ask(s *verifiertest.Scenario) (*signingv1.VerifyResponse, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		got, err := w.client().Verify(ctx, requestOf(s))
		if err == nil || ctx.Err() != nil || reasonOf(err) != "INDEX_UNAVAILABLE" && reasonOf(err) != "MEMORY_STALE" {
			return got, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// eventually waits for something that happens in the background.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("it never happens: %s", what)
}

// admin gets a page of the admin listener.
func (w *world) admin(path string) (int, string) {
	w.t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer(w.path("run/admin"))}}
	resp, err := c.Get("http://driver" + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// metric returns the value of a series, "" for none.
func (w *world) metric(series string) string {
	w.t.Helper()
	_, text := w.admin("/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
