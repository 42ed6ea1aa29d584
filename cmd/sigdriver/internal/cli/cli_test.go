// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":           "plain",
		"žluťoučký ✓":     "žluťoučký ✓",
		"a\nb":            `a\nb`,
		"\x1b[31mred":     `\x1b[31mred`,
		"\xff":            `\xff`,
		"a\u202eb":        `a\u202eb`, // reorders the line
		"a\u200bb\u00ad":  `a\u200bb\u00ad`,
		"tab\tand\x00nul": `tab\tand\x00nul`,
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	if got := clip("žž", 4); got != "žž" {
		t.Errorf("at the limit: %q", got)
	}
	if got := clip("žž", 3); got != "ž…" {
		t.Errorf("inside a character: %q", got)
	}
}

// TestExitCode checks what each kind of error ends a process with.
func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		said string
	}{
		{nil, ExitOK, ""},
		{&ExitError{Code: ExitDenied}, ExitDenied, ""},
		{usageError(errors.New("bad\nthing"), "mend it"), ExitUsage, "sigdriver: bad\\nthing\n  mend it\n"},
		{fmt.Errorf("wrapped: %w", usageError(errors.New("bad"), "")), ExitUsage, "sigdriver: bad\n"},
		{io.ErrUnexpectedEOF, ExitFault, "sigdriver: unexpected EOF\n"},
	} {
		var b bytes.Buffer
		if got := exitCode(c.err, &b); got != c.code || b.String() != c.said {
			t.Errorf("%v: code %d, %q; want %d, %q", c.err, got, b.String(), c.code, c.said)
		}
	}
}

// TestVerdictCode checks that nothing but an ALLOW ends well.
func TestVerdictCode(t *testing.T) {
	for _, c := range []struct {
		decision verifier.Decision
		code     int
	}{
		{verifier.Decision{Verdict: verifier.Allow, Reason: verifier.Allowed}, ExitOK},
		{verifier.Decision{Verdict: verifier.Deny, Reason: verifier.Threshold}, ExitDenied},
		{verifier.Decision{Verdict: verifier.Deny, Reason: verifier.DriverTooOld}, ExitDenied},
		{verifier.Decision{Verdict: verifier.Deny, Reason: verifier.TrustStale}, ExitInconclusive},
		{verifier.Decision{Verdict: verifier.Deny, Reason: verifier.TrustUnavailable}, ExitInconclusive},
		{verifier.Decision{}, ExitFault},
		{verifier.Decision{Verdict: 3}, ExitFault},
	} {
		if got := exitCode(verdictCode(&c.decision), io.Discard); got != c.code {
			t.Errorf("%+v: %d, want %d", c.decision, got, c.code)
		}
	}
}

func TestColour(t *testing.T) {
	variables := map[string]string{}
	env := &Env{Getenv: func(name string) string { return variables[name] }}
	if env.colour(&bytes.Buffer{}) {
		t.Error("colour in a buffer")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if env.colour(&stickyWriter{w: null}) {
		t.Error("colour on a device that is no terminal")
	}
	var plain, coloured bytes.Buffer
	(&printer{w: &plain}).check(passed, "scope", "x")
	(&printer{w: &coloured, colour: true}).check(passed, "scope", "x")
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b[32m✓\x1b[0m") {
		t.Errorf("plain %q, coloured %q", plain.String(), coloured.String())
	}
}

func TestNearest(t *testing.T) {
	codes := allCodes()
	if len(codes) < 80 {
		t.Fatalf("only %d codes", len(codes))
	}
	for word, want := range map[string]string{
		"THRESHOL": "THRESHOLD", "CERT_": "CERT_CHAIN", "SIGNR_UNKNOWN": "SIGNER_UNKNOWN", "": "", "QQQQQQQQ": "",
	} {
		got := ""
		if near := nearest(word, codes); len(near) > 0 {
			got = near[0]
		}
		if got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if d := editDistance("kitten", "sitting"); d != 3 {
		t.Errorf("editDistance = %d, want 3", d)
	}
}

func TestReaders(t *testing.T) {
	if d, err := readDuration("--x", "90d"); err != nil || d != 90*24*time.Hour {
		t.Errorf("90d: %v, %v", d, err)
	}
	for _, bad := range []string{"", "0d", "-1h", "1y", "99999d", "d", "1.5d"} {
		if d, err := readDuration("--x", bad); err == nil {
			t.Errorf("%q is %v", bad, d)
		}
	}
	if got, err := readTarget("gw:prod/web/1"); err != nil || got.Name != "web/1" || got.Workspace != "prod" || got.GatewayID != "gw" {
		t.Errorf("target %+v, %v", got, err)
	}
	for _, bad := range []string{"", "web", "prod/", ":prod/web"} {
		if got, err := readTarget(bad); err == nil {
			t.Errorf("%q is %+v", bad, got)
		}
	}
	for d, want := range map[time.Duration]string{
		50 * time.Hour: "2d", 47 * time.Hour: "47h", 2 * time.Minute: "2m", 90 * time.Second: "90s", time.Second: "1s", 0: "0s",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %s, want %s", d, got, want)
		}
	}
}

// TestInspectSegment shows a journal segment with one bad and one torn record.
func TestInspectSegment(t *testing.T) {
	record := func(entry string) []byte {
		sum := sha256.Sum256([]byte(entry))
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(entry))), entry...), sum[:]...)
	}
	bad := record(`{"seq":"1"}`)
	bad[len(bad)-1] ^= 1
	data := append(append(record(`{"seq":"0","name":"<b>"}`), bad...), 0, 0, 1)
	var b bytes.Buffer
	if err := inspect(&b, "0.seg", data); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		`Not verified: this is what "0.seg" says`, "Journal segment", `{"seq":"0","name":"\u003cb\u003e"}`, `{"seq":"1"}`,
		"this entry's bytes are not those of its digest", "3 bytes at the end are no whole record",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Count(text, "not those of its digest") != 1 {
		t.Errorf("the good record is called bad:\n%s", text)
	}
}

// TestInspectNeverPanics feeds it pieces of everything it knows.
func TestInspectNeverPanics(t *testing.T) {
	whole := []string{
		`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"certificate":{"rawBytes":"AAAA"},"tlogEntries":[{}]},"dsseEnvelope":{"payload":"e30=","signatures":[{}]}}`,
		`{"payload":"e30=","payloadType":"x","signatures":[{"sig":"!"}]}`, `{"payload":1,"signatures":2}`,
		`{"_type":"x","predicateType":"y","subject":[{"digest":{"sha256":"z"}}],"predicate":{"a":[1,"\ud800"]}}`,
		`{"signed":{"_type":"root","version":1},"signatures":[{"keyid":"k"}]}`, `{"@type":7}`, `{"schema":"s"}`,
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	}
	for _, s := range whole {
		for end := range len(s) + 1 {
			_ = inspect(io.Discard, "x", []byte(s[:end])) // whatever it says, it must come back
		}
	}
}

// TestLostOutput ends with a fault when nobody could read the result.
func TestLostOutput(t *testing.T) {
	var stderr bytes.Buffer
	if code := Main([]string{"explain", "THRESHOLD"}, strings.NewReader(""), failingWriter{}, &stderr); code != ExitFault {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
	var stdout bytes.Buffer
	if code := Main([]string{"explain", "THRESHOLD"}, strings.NewReader(""), &stdout, &stderr); code != ExitOK {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
