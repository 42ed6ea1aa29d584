// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestChangedRowIsAnAlert: what nobody has approved is counted as new or changed,
// and a change is an error in the log.
func TestChangedRowIsAnAlert(t *testing.T) {
	s := verifiertest.ComposePlain()
	w := newWorld(t, s)
	var log bytes.Buffer
	w.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
	counts := func() [2]int64 {
		return [2]int64{w.metrics.unapproved[verifier.UnapprovedNew].Load(), w.metrics.unapproved[verifier.UnapprovedChanged].Load()}
	}
	edited := func() *verifiertest.Scenario {
		e := verifiertest.ComposePlain()
		e.Request.Documents[0].Body = verifiertest.Edit(e.Body(0), `"/tmp"`, `"/"`)
		return e.Recompose()
	}
	w.expect(edited(), signingv1.Reason_REASON_SUBJECT_MISMATCH)
	if got := counts(); got != [2]int64{1, 0} || strings.Contains(log.String(), "[ERROR]") {
		t.Errorf("before anything was in force: new and changed are %v\n%s", got, &log)
	}
	w.expect(s, allowed)
	w.expect(edited(), signingv1.Reason_REASON_SUBJECT_MISMATCH)
	if got := counts(); got != [2]int64{1, 1} {
		t.Errorf("new and changed are %v", got)
	}
	for _, part := range []string{`verdict=DENY reason=SUBJECT_MISMATCH`, `finding="`, "document_sha256=" + edited().SHA256(0), "[ERROR] a document was changed and nobody has approved it", "web-1", s.SHA256(0), edited().SHA256(0)} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log does not say %q:\n%s", part, &log)
		}
	}
	if strings.Contains(log.String()[strings.Index(log.String(), "[ERROR]"):], "sigdriver sign") {
		t.Errorf("the log advises to sign what was found:\n%s", &log)
	}
}
