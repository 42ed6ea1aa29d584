// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence/evidencetest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// auditedState is the state folder of a driver with a transparency log over one
// decision, and the key that auditors pin.
func auditedState(t *testing.T) (dir, vkey string) {
	t.Helper()
	s := verifiertest.ComposeLayers()
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	d := evidencetest.New(t, trust)
	d.Decide(s, s.Now)
	d.Close()
	store, err := archive.Open(filepath.Join(d.Dir, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := record.Open(d.Dir, record.Options{Archive: store})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	private, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	key, err := tilelog.NewKey("example.com/log", private)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tilelog.Open(filepath.Join(d.Dir, "log"), j.Journal, tilelog.Options{Key: key, Interval: tilelog.MinInterval, Logger: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(time.Minute); l.Status().Covered == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("there is no checkpoint")
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return d.Dir, key.VKey()
}

func TestAuditVerify(t *testing.T) {
	dir, vkey := auditedState(t)
	keyFile := filepath.Join(t.TempDir(), "log.pub")
	if err := os.WriteFile(keyFile, []byte(vkey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := Main(append([]string{"audit", "verify"}, args...), nil, &out, &errs); got != want {
			t.Fatalf("%q: exit %d, want %d\n%s%s", args, got, want, out.String(), errs.String())
		}
		return out.String()
	}
	whole := run(0, dir, "--log-key", vkey)
	for _, line := range []string{"✓ journal        1 entries: 1 decisions", "✓ tile log", "✓ signature      example.com/log", "✓ archive", "The log is whole"} {
		if !strings.Contains(whole, line) {
			t.Errorf("no %q in\n%s", line, whole)
		}
	}
	if again := run(0, "--state", dir, "--log-key", keyFile); again != whole {
		t.Errorf("with the key in a file:\n%s", again)
	}
	if text := run(4, dir); !strings.Contains(text, "signature was not checked") || strings.Contains(text, "✓ signature") {
		t.Errorf("without the key:\n%s", text)
	}
	other, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := tilelog.NewKey("example.com/log", other)
	if err != nil {
		t.Fatal(err)
	}
	if text := run(1, dir, "--log-key", stranger.VKey()); !strings.Contains(text, "LOG_TAMPERED log/checkpoint: it carries no signature by the log's key") {
		t.Errorf("with another key:\n%s", text)
	}

	segment := filepath.Join(dir, "audit", record.SegmentFile(0))
	data, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	data[100] ^= 1
	if err := os.WriteFile(segment, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if text := run(1, dir, "--log-key", vkey); !strings.Contains(text, "LOG_TAMPERED audit/00000000000000000000.seg, byte 100, entry 0:") || !strings.Contains(text, "✗ journal") {
		t.Errorf("a flip:\n%s", text)
	}
	var report struct {
		MediaType string
		Findings  []struct {
			Code, File    string
			Offset, Entry int64
		}
	}
	if err := json.Unmarshal([]byte(run(1, dir, "--log-key", vkey, "-o", "json")), &report); err != nil {
		t.Fatal(err)
	}
	if report.MediaType != "application/vnd.sigdriver.audit.v1+json" || len(report.Findings) != 1 || report.Findings[0].Offset != 100 || report.Findings[0].Code != "LOG_TAMPERED" {
		t.Errorf("%+v", report)
	}
}
