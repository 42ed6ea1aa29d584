// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/verifier"
)

func get(t *testing.T, h http.Handler, method, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.String()
}

func readings() Readings {
	n := func() int { return 3 }
	return Readings{
		Cold: n, CacheEntries: n, CacheBytes: n, IndexEntries: n, IndexFiles: n, IndexWaiting: n, Connections: n,
		PassedOver:  func() map[trust.Reason]int { return map[trust.Reason]int{trust.Unproven: 5} },
		JournalSize: func() uint64 { return 12 }, JournalWorks: func() bool { return true },
		Trust: func() (uint64, verifier.TrustState) {
			return 41, verifier.TrustState{Condition: verifier.Stale, Left: 90 * time.Second}
		},
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("1.2.3")
	m.Watch(readings())
	for range 2 {
		m.Decided(verifier.Allow, verifier.Allowed, true, 20*time.Microsecond)
	}
	m.Decided(verifier.Allow, verifier.Allowed, false, time.Millisecond)
	m.Decided(verifier.Deny, verifier.Threshold, false, time.Millisecond)
	m.Unapproved(verifier.UnapprovedChanged)
	m.Shadowed()
	m.Faulted("OVERLOADED")
	m.Refreshed("ok")
	m.Refreshed("TUF_EXPIRED")
	m.Refused("not_allowed")
	m.Panicked()
	code, text := get(t, adminHandler(m, nil), "GET", "/metrics")
	if code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	for _, want := range []string{
		`sigdriver_decisions_total{cached="true",reason="ALLOWED",verdict="ALLOW"} 2`,
		`sigdriver_decisions_total{cached="false",reason="ALLOWED",verdict="ALLOW"} 1`,
		`sigdriver_decisions_total{cached="false",reason="THRESHOLD",verdict="DENY"} 1`,
		`sigdriver_unapproved_total{document="changed"} 1`,
		`sigdriver_unapproved_total{document="new"} 0`,
		`sigdriver_decision_seconds_count{cached="true"} 2`,
		`sigdriver_shadow_denials_total 1`,
		`sigdriver_faults_total{reason="OVERLOADED"} 1`,
		`sigdriver_trust_refreshes_total{result="TUF_EXPIRED"} 1`,
		`sigdriver_connections_refused_total{why="not_allowed"} 1`,
		`sigdriver_panics_total 1`,
		`sigdriver_trust_epoch 41`,
		`sigdriver_trust_seconds_left 90`,
		`sigdriver_trust_state{condition="stale"} 1`,
		`sigdriver_trust_state{condition="fresh"} 0`,
		`sigdriver_journal_entries 12`,
		`sigdriver_journal_up 1`,
		`sigdriver_cold_evaluations 3`,
		`sigdriver_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is not there", want)
		}
	}
}

// DM-28: whatever is decided, the number of series has a bound.
func TestSeriesAreBounded(t *testing.T) {
	m := NewMetrics("x")
	for r := verifier.Reason(-10); r < 2000; r++ {
		m.Decided(verifier.Deny, r, r%2 == 0, time.Second)
	}
	_, text := get(t, adminHandler(m, nil), "GET", "/metrics")
	if n := strings.Count(text, "\nsigdriver_decisions_total{"); n == 0 || n > 2*maxReason {
		t.Errorf("%d series", n)
	}
}

func TestProbes(t *testing.T) {
	trust, audit := true, true
	h := adminHandler(NewMetrics("x"), []probe{{"trust", func() bool { return trust }}, {"audit", func() bool { return audit }}})
	expect := func(path string, want int, text string) {
		t.Helper()
		if code, got := get(t, h, "GET", path); code != want || got != text {
			t.Errorf("%s: %d %q, want %d %q", path, code, got, want, text)
		}
	}
	expect("/ready", 200, "trust ok\naudit ok\n")
	trust = false
	expect("/ready", 503, "trust failing\naudit ok\n")
	expect("/live", 200, "live\n") // live never depends on trust
	trust, audit = true, false
	expect("/ready", 503, "trust ok\naudit failing\n")
	if code, _ := get(t, h, "POST", "/live"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
	if code, _ := get(t, h, "GET", "/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("pprof: %d", code)
	}
}

func TestAdminServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveAdmin(l, adminHandler(NewMetrics("x"), nil), hclog.NewNullLogger())
	resp, err := http.Get("http://" + l.Addr().String() + "/live")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(body) != "live\n" {
		t.Errorf("got %q", body)
	}
	s.Close()
	if _, err := http.Get("http://" + l.Addr().String() + "/live"); err == nil {
		t.Error("it answers after Close")
	}
}

// TestAdminListenerIsCrowded opens many connections that send half a request, and some
// that are being answered: a probe is answered, and so are those.
func TestAdminListenerIsCrowded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := adminHandler(NewMetrics("x"), nil)
	entered, release := make(chan bool), make(chan bool)
	mux.HandleFunc("GET /slow", func(http.ResponseWriter, *http.Request) {
		entered <- true
		<-release
	})
	s := adminServer(mux, hclog.NewNullLogger())
	s.ReadTimeout = 0 // which would make room in time
	go runAdmin(s, l, hclog.NewNullLogger())
	defer s.Close()
	slow := make(chan error)
	fetch := func(path string) error {
		r, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + l.Addr().String() + path)
		if err == nil {
			r.Body.Close()
		}
		return err
	}
	go func() { slow <- fetch("/slow") }()
	<-entered
	var half []net.Conn
	for range 4 * maxAdminConns {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("GET /live HT")); err != nil {
			t.Fatal(err)
		}
		half = append(half, c)
	}
	if n, err := half[0].Read(make([]byte, 1)); err == nil || n > 0 {
		t.Errorf("the oldest reads %d bytes, %v", n, err)
	}
	if err := fetch("/live"); err != nil {
		t.Error(err)
	}
	last := half[len(half)-1]
	if _, err := last.Write([]byte("TP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Error(err)
	}
	if answer, err := io.ReadAll(io.LimitReader(last, 15)); err != nil || string(answer) != "HTTP/1.1 200 OK" {
		t.Errorf("the newest is answered %q, %v", answer, err)
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("the one that was being answered: %v", err)
	}
}
