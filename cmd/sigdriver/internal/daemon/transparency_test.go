// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// transparent gives the driver a log, and returns the key that auditors pin.
func (w *world) transparent(more string) note.Verifier {
	w.t.Helper()
	w.write("log.key", verifiertest.NewKey("log", verifier.Ed25519).PrivatePEM())
	w.configure(fmt.Sprintf("[transparency]\nkey = %q\norigin = \"example.com/sigdriver/gw-east\"\n%s\n", w.path("log.key"), more))
	notes, err := checked(w.path("sigdriver.toml"))
	if err != nil {
		w.t.Fatal(err)
	}
	if len(notes) != 1 {
		w.t.Fatal(notes)
	}
	_, vkey, _ := strings.Cut(notes[0], "auditors pin ")
	v, err := note.NewVerifier(vkey)
	if err != nil {
		w.t.Fatalf("%q: %v", notes, err)
	}
	return v
}

func (w *world) serves(service string) bool {
	w.t.Helper()
	got, err := grpc_health_v1.NewHealthClient(w.conn).Check(w.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		w.t.Fatal(err)
	}
	return got.Status == grpc_health_v1.HealthCheckResponse_SERVING
}

func TestTransparencyLog(t *testing.T) {
	w := newWorld(t)
	key := w.transparent("")
	w.start()
	first := w.expect(compose(5), verifier.Allowed)
	for range 40 {
		w.expect(compose(5), verifier.Allowed) // cached
	}
	w.eventually("a checkpoint covers the decision", func() bool { return w.metric("sigdriver_log_checkpoint_entries") == "2" }) // the start is entry 0
	if first.Receipt.LogIndex != 1 || w.metric("sigdriver_log_up") != "1" || w.metric("sigdriver_log_entries") != "2" || !w.serves("audit") {
		t.Errorf("index %d, up %s, entries %s", first.Receipt.LogIndex, w.metric("sigdriver_log_up"), w.metric("sigdriver_log_entries"))
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	r, err := evidence.Verify(w.path("state"), evidence.VerifyOptions{LogKeys: []note.Verifier{key}})
	if err != nil || !r.Well() || len(r.Unchecked) > 0 || r.Starts != 1 || r.Decisions != 1 || r.Served != 1 || !r.Checkpoint.Signed {
		t.Errorf("%+v, %v", r, err)
	}
	w.start() // and it goes on from there
	w.expect(compose(6), verifier.Allowed)
	w.eventually("the next one too", func() bool { return w.metric("sigdriver_log_checkpoint_entries") == "5" })
}

// Without a key there is no log, and the driver says so.
func TestNoTransparencyLog(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	if !strings.Contains(w.log.String(), "there is no transparency log") || w.metric("sigdriver_log_up") != "" || !w.serves("audit") {
		t.Error("it says nothing, or has one")
	}
	if _, err := os.Stat(w.path("state/log")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if notes, err := checked(w.path("sigdriver.toml")); err != nil || len(notes) != 1 || notes[0] != "transparency log: there is none: [transparency] names no key" {
		t.Error(notes, err)
	}
}

// RC-06, for the log's key.
func TestLogKeyThatApproves(t *testing.T) {
	w := newWorld(t)
	w.auth.Principals["alice"].Keys = append(w.auth.Principals["alice"].Keys, verifiertest.PublicKey{PEM: verifiertest.NewKey("log", verifier.Ed25519).PEM()})
	w.publish()
	w.start() // accepts trust in which that key approves
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.transparent("")
	err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log})
	var setting *ConfigError
	if !errors.As(err, &setting) || setting.Key != "transparency.key" || !strings.Contains(err.Error(), tuf.CodeConfig) || !strings.Contains(err.Error(), "alice") {
		t.Fatalf("Run: %v", err)
	}
}

// AU-05: an old copy of the journal beside the log it has grown to is not served
// over, and neither is an old copy of the log's folder with another history.
func TestRestoredCopies(t *testing.T) {
	w := newWorld(t)
	w.transparent("")
	w.start()
	w.expect(compose(5), verifier.Allowed)
	w.stop()
	copyDir(t, w.path("state"), w.path("old"))
	w.start()
	for v := 6; v < 9; v++ {
		w.expect(compose(v), verifier.Allowed)
	}
	w.stop()
	refused := func(part, finding string) {
		t.Helper()
		copyDir(t, w.path("state"), w.path("now"))
		if err := os.RemoveAll(w.path("state/" + part)); err != nil {
			t.Fatal(err)
		}
		copyDir(t, w.path("old/"+part), w.path("state/"+part))
		err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log})
		var start *StartError
		if !errors.As(err, &start) || !strings.Contains(err.Error(), finding) {
			t.Errorf("an old copy of %s: %v", part, err)
		}
		if err := os.RemoveAll(w.path("state")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(w.path("now"), w.path("state")); err != nil {
			t.Fatal(err)
		}
	}
	refused("audit", "LOG_FORK")
	// An old copy of the log itself is the journal's own past: it catches up.
	if err := os.RemoveAll(w.path("state/log")); err != nil {
		t.Fatal(err)
	}
	copyDir(t, w.path("old/log"), w.path("state/log"))
	w.start()
	w.eventually("the log catches up", func() bool {
		return w.metric("sigdriver_log_checkpoint_entries") == w.metric("sigdriver_journal_entries")
	})
	w.stop()
	// Journal and log of a while ago, the driver's memory of now.
	for _, part := range []string{"audit", "log"} {
		if err := os.RemoveAll(w.path("state/" + part)); err != nil {
			t.Fatal(err)
		}
		copyDir(t, w.path("old/"+part), w.path("state/"+part))
	}
	if err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log}); err == nil || !strings.Contains(err.Error(), "LOG_FORK") {
		t.Errorf("old journal and log: %v", err)
	}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
}

// A second driver on the same folder is refused, at whichever lock it meets first.
func TestTwoDriversOneLog(t *testing.T) {
	w := newWorld(t)
	w.transparent("")
	w.start()
	w.expect(compose(5), verifier.Allowed)
	if err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: io.Discard}); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Error(err)
	}
	w.expect(compose(6), verifier.Allowed)
}

// While something else stands where tiles belong the log stands still: decisions
// go on, health and metrics say so, and when it is gone the log goes on.
func TestLogStandsStill(t *testing.T) {
	w := newWorld(t)
	w.transparent("")
	w.start()
	tiles := w.path("state/log/tile")
	w.expect(compose(5), verifier.Allowed)
	w.eventually("a first checkpoint", func() bool { return w.metric("sigdriver_log_checkpoint_entries") == "2" })
	if err := os.Rename(tiles, w.path("aside")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tiles, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.expect(compose(6), verifier.Allowed)
	w.eventually("the log stands still", func() bool { return w.metric("sigdriver_log_up") == "0" })
	w.expect(compose(7), verifier.Allowed)
	if code, text := w.admin("/ready"); w.serves("audit") || code != 200 || w.metric("sigdriver_journal_up") != "1" || !strings.Contains(w.log.String(), "stands still") {
		t.Errorf("ready: %d %s; journal up %s", code, text, w.metric("sigdriver_journal_up"))
	}
	if err := os.Remove(tiles); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.path("aside"), tiles); err != nil {
		t.Fatal(err)
	}
	w.eventually("it goes on", func() bool {
		return w.metric("sigdriver_log_up") == "1" && w.metric("sigdriver_log_checkpoint_entries") == "4"
	})
	if !w.serves("audit") {
		t.Error("it is still ill")
	}
}

func TestShareOfDescriptors(t *testing.T) {
	for _, c := range []struct {
		limit   uint64
		sockets int
		want    int
	}{{minFiles - 1, 1, 0}, {minFiles, 1, 64}, {minFiles, 2, 32}, {1024, 1, 768}, {1024, 2, 384}, {1 << 20, 1, 1024}} {
		got, err := share(c.limit, c.sockets)
		if got != c.want || (err != nil) != (c.want == 0) || err != nil && !strings.Contains(err.Error(), "LimitNOFILE") {
			t.Errorf("%d files, %d sockets: %d, %v", c.limit, c.sockets, got, err)
		}
		if uint64(got*c.sockets+128) > c.limit && err == nil {
			t.Errorf("%d files, %d sockets: %d connections leave less than 128", c.limit, c.sockets, got)
		}
	}
}

// A driver that may open few files is asked for connections by everybody, on
// every socket: decisions and the log go on, and enough descriptors stay free. The
// log's writer would end the process the first time that it gets none.
func TestDescriptorsRunOut(t *testing.T) {
	if file := os.Getenv("SIGDRIVER_TEST_FEW_FILES"); file != "" {
		fewFiles(t, file)
		return
	}
	w := newWorld(t)
	w.transparent(fmt.Sprintf("[interceptor]\npath = %q\ngateway_id = \"gw-east\"\n", w.path("run/i")))
	cmd := exec.Command(os.Args[0], "-test.run=^TestDescriptorsRunOut$", "-test.v")
	cmd.Env = append(os.Environ(), "SIGDRIVER_TEST_FEW_FILES="+w.path("sigdriver.toml"))
	cmd.Stdout, cmd.Stderr = &w.log, &w.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	defer cmd.Process.Kill()
	w.eventually("the driver serves", func() bool { return strings.Contains(w.log.String(), "serving") })
	w.dial(w.path("run/s"))
	w.expect(compose(4), verifier.Allowed) // it has a connection, and keeps it
	most, opened := 0, 0
	for range 300 {
		for _, name := range []string{"run/s", "run/i", "run/admin"} {
			if c, err := net.DialTimeout("unix", w.path(name), time.Second); err == nil {
				opened++
				defer c.Close()
			}
		}
		if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid)); err == nil {
			most = max(most, len(open))
		}
	}
	for v := 5; v < 15; v++ {
		w.expect(compose(v), verifier.Allowed)
		if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid)); err == nil {
			most = max(most, len(open))
		}
	}
	size := func() int {
		data, _ := os.ReadFile(filepath.Join(w.path("state/log"), "checkpoint"))
		if lines := strings.Split(string(data), "\n"); len(lines) > 1 {
			n, _ := strconv.Atoi(lines[1])
			return n
		}
		return 0
	}
	w.eventually("the log covers them", func() bool { return size() >= 11 })
	select {
	case err := <-done:
		t.Fatalf("the driver ended: %v", err)
	default:
	}
	t.Logf("%d connections made, at most %d of %d descriptors open", opened, most, minFiles)
	if opened < 300 || most == 0 || most > minFiles-128 {
		t.Errorf("%d connections, %d of %d descriptors: less than 128 are free", opened, most, minFiles)
	}
}

// fewFiles is the driver of the test above.
func fewFiles(t *testing.T, file string) {
	limit := unix.Rlimit{Cur: minFiles, Max: minFiles}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := Run(context.Background(), Options{ConfigFile: file, Log: os.Stderr}); err != nil {
		t.Fatal(err)
	}
}

// With witnesses required, no ALLOW leaves while they refuse: neither a new one
// nor a cached one. A refusal does.
func TestRequiredWitnessRefuses(t *testing.T) {
	asked := make(chan struct{}, 100)
	witness := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		select {
		case asked <- struct{}{}:
		default:
		}
	}))
	defer witness.Close()
	_, vkey, err := note.GenerateKey(rand.Reader, "witness.example")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.transparent(fmt.Sprintf("witness_required = true\n[[transparency.witness]]\nkey = %q\nurl = %q\n", vkey, witness.URL))
	w.start()
	<-asked
	s := compose(5)
	w.eventually("an ALLOW is held back", func() bool {
		_, err := w.client().Verify(t.Context(), requestOf(s))
		return status.Code(err) == codes.Unavailable && strings.Contains(w.log.String(), "refuses the checkpoint")
	})
	if _, err := w.client().Verify(t.Context(), requestOf(s)); status.Code(err) != codes.Unavailable {
		t.Errorf("once more: %v", err)
	}
	denied := compose(6)
	denied.Request.Documents[0].Attestations = nil
	w.expect(denied, verifier.CompositionPartUnattested)
	if code, _ := w.admin("/ready"); code != 503 || w.metric("sigdriver_journal_up") != "0" || w.serves("audit") {
		t.Errorf("ready: %d, journal up %s", code, w.metric("sigdriver_journal_up"))
	}
}
