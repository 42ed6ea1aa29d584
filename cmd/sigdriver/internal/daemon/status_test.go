// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
)

// A port is open to everybody on the machine: it has metrics and probes, and nothing
// about sandboxes.
func TestStatusIsForTheSocketAlone(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().String()
	l.Close()
	config, err := os.ReadFile(w.path("sigdriver.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("sigdriver.toml", []byte(strings.Replace(string(config), w.path("run/admin"), port, 1)))
	w.start()
	for path, want := range map[string]int{"/live": http.StatusOK, "/status": http.StatusNotFound, "/ask": http.StatusNotFound} {
		resp, err := http.Get("http://" + port + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

// A status names what is in force and ends, and what was refused.
func TestStatus(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.expect(compose(1), verifier.Allowed)
	status := func() *Status {
		t.Helper()
		code, text := w.admin("/status")
		var s Status
		if err := json.Unmarshal([]byte(text), &s); err != nil || code != http.StatusOK {
			t.Fatalf("%d, %v: %s", code, err, text)
		}
		return &s
	}
	s := status()
	if len(s.Peers) != 1 || *s.Peers[0].UID != uint32(w.uid) || s.Peers[0].Connections != 1 || s.Floors != nil {
		t.Errorf("%+v, floors %v", s.Peers, s.Floors)
	}
	if s.Condition != StatusWell || len(s.Problems) != 0 || len(s.Ending) == 0 || s.Ending[0].Name != "web-1" || len(s.Refusals) != 0 || s.Journal.Entries != 2 {
		t.Errorf("%+v", s)
	}
	code, text := w.admin("/status?floors=2")
	var more Status
	if err := json.Unmarshal([]byte(text), &more); err != nil || code != http.StatusOK || more.Floors == nil {
		t.Fatalf("%d, %v: %s", code, err, text)
	}
	if f := more.Floors; f.Total != 3 || len(f.Listed) != 2 || f.Listed[0].Role != "SANDBOX_POLICY" || f.Listed[0].Name != "web-1" || f.Listed[0].Version != 1 || len(f.Listed[0].SHA256) != 64 {
		t.Errorf("%+v", f)
	}
	bad := compose(2)
	fresh(bad, 0, 2, "alice")
	w.expect(bad, verifier.Threshold)
	if s = status(); len(s.Refusals) != 1 || s.Refusals[0].Reason != "THRESHOLD" || s.Refusals[0].Index == nil || *s.Refusals[0].Index != 2 {
		t.Errorf("%+v", s.Refusals)
	}
}
