// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// systemd hears when the socket takes calls, then again and again, and when the driver
// stops.
func TestSystemdHears(t *testing.T) {
	w := newWorld(t)
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: w.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	t.Setenv("NOTIFY_SOCKET", w.path("notify"))
	t.Setenv("WATCHDOG_USEC", "20000")
	next := func() string {
		t.Helper()
		if err := heard.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 64)
		n, err := heard.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	w.start()
	if got := next(); got != "READY=1" {
		t.Fatalf("heard %q first", got)
	}
	for range 3 {
		if got := next(); got != "WATCHDOG=1" {
			t.Fatalf("heard %q", got)
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	got := next()
	for got == "WATCHDOG=1" {
		got = next()
	}
	if got != "STOPPING=1" {
		t.Errorf("heard %q last", got)
	}
}

// The example that is installed is one, with every key of the manual.
func TestExampleOfAConfiguration(t *testing.T) {
	const example = "../../../../packaging/sigdriver.toml"
	conf, err := LoadConfig(mustAbs(t, example))
	if err != nil {
		t.Fatal(err)
	}
	if conf.StateDir != "/var/lib/sigdriver/state" || len(conf.Peer) != 1 {
		t.Errorf("%+v", conf)
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder // with what is commented out
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") {
			line = line[1:]
		}
		all.WriteString(line)
	}
	var whole Config
	if err := toml.NewDecoder(strings.NewReader(all.String())).DisallowUnknownFields().Decode(&whole); err != nil {
		t.Fatalf("with every line taken in: %v", err)
	}
	manual, err := os.ReadFile("../../../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for line := range strings.Lines(string(manual)) {
		if key, ok := strings.CutPrefix(line, "- `"); ok {
			key, _, _ = strings.Cut(key, "`")
			if keys++; !strings.Contains(all.String(), "\n"+key+" = ") {
				t.Errorf("the example does not have %s", key)
			}
		}
	}
	if keys < 20 {
		t.Errorf("the manual has %d keys", keys)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
