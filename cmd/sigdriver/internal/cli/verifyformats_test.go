// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// hostileReport has names that end a line, a workflow command, an attribute and a string.
func hostileReport() *report {
	name := "a\n::set-output name=x::\",%<&>]]>.json"
	return &report{
		question: &question{
			Request: verifier.Request{Purpose: verifier.Admit, Documents: []verifier.Document{{Role: verifier.SandboxPolicy}}},
			files:   []string{name}, offered: [][]string{{name}},
		},
		decision: &verifier.Decision{
			Verdict: verifier.Deny, Reason: verifier.Threshold, Documents: []verifier.DocumentResult{{}},
			Findings: []verifier.Finding{{Reason: verifier.SignatureInvalid, Document: 0, Attestation: 0, Detail: "bad\r\n::error::x"}},
		},
		now: time.Now(),
	}
}

func TestFormatsOfHostileNames(t *testing.T) {
	r := hostileReport()
	var b bytes.Buffer
	r.github(&b)
	for _, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		if !strings.HasPrefix(line, "::error file=a%0A%3A%3Aset-output name=x%3A%3A\"%2C%25<&>]]>.json,title=SIGNATURE_INVALID::") && !strings.HasPrefix(line, "::error title=DENY THRESHOLD::") {
			t.Errorf("a line of its own: %q", line)
		}
	}
	b.Reset()
	if err := r.junit(&b); err != nil {
		t.Fatal(err)
	}
	var suite junitSuite
	if err := xml.Unmarshal(b.Bytes(), &suite); err != nil || suite.Failures != 2 || suite.Tests != 2 || suite.Cases[0].Name != r.files[0] {
		t.Errorf("%v: %s", err, b.String())
	}
	b.Reset()
	if err := r.sarif(&b); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil || len(log.Runs) != 1 || len(log.Runs[0].Results) != 1 || log.Runs[0].Results[0].Level != "error" {
		t.Fatalf("%v: %s", err, b.String())
	}
	if at, err := url.Parse(log.Runs[0].Results[0].Locations[0].Physical.Artifact.URI); err != nil || path.Clean(at.Path) != r.files[0] || at.Scheme != "" {
		t.Errorf("the file is at %v: %v", at, err)
	}
}

// A refusal without a finding still fails everywhere.
func TestFormatsOfABareRefusal(t *testing.T) {
	r := hostileReport()
	r.decision.Findings = nil
	faults := r.faults()
	if len(faults) != 1 || !faults[0].refuses || faults[0].code != "THRESHOLD" {
		t.Errorf("%+v", faults)
	}
}
