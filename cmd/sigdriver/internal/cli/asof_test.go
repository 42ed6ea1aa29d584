// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestVerifyAsOf asks about one approval under trust that demanded two people
// first and one an hour later.
func TestVerifyAsOf(t *testing.T) {
	dir := t.TempDir()
	repo := tuftest.New(t)
	state := filepath.Join(dir, "state")
	client, err := tuf.Open(tuf.Config{Root: repo.Root(), Source: tuf.DirSource(repo.Dir()), Dir: state, Now: repo.Now})
	if err != nil {
		t.Fatal(err)
	}
	rules := verifiertest.BaseAuthorities()
	for i, threshold := range []int{2, 1} {
		rules.Authorities["security"].Threshold = threshold
		repo.SetTarget("authorities.json", rules.JSON())
		repo.Publish()
		update, err := client.Refresh(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Accept(update, tuf.Note{Epoch: uint64(i) + 1}); err != nil {
			t.Fatal(err)
		}
		repo.Advance(time.Hour)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	s := verifiertest.AdmitPolicy()
	for name, data := range map[string][]byte{"root.json": repo.Root(), "policy.json": s.Body(0), "alice.json": s.Attestation(0, 0)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		after time.Duration
		code  int
		said  string
	}{
		{30 * time.Minute, ExitDenied, "DENY THRESHOLD"},
		{90 * time.Minute, ExitOK, "ALLOW"},
		{100 * time.Hour, ExitInconclusive, "DENY TRUST_STALE"},
		{-time.Hour, ExitInconclusive, ""}, // before there was any trust
	} {
		at := tuftest.Start.Add(c.after).Format("2006-01-02T15:04:05Z")
		var stdout, stderr bytes.Buffer
		code := Main([]string{
			"verify", "--target", "gw-1:prod/web-1", "--document", filepath.Join(dir, "policy.json"), "--attestation", filepath.Join(dir, "alice.json"),
			"--trust", state, "--root", filepath.Join(dir, "root.json"), "--as-of", at,
		}, strings.NewReader(""), &stdout, &stderr)
		if code != c.code || !strings.Contains(stdout.String(), c.said) {
			t.Errorf("as of %s: exit code %d, want %d %s\n%s%s", at, code, c.code, c.said, &stdout, &stderr)
		}
		if c.code == ExitInconclusive && strings.Contains(stdout.String(), passed) {
			t.Errorf("as of %s a check passed, though nothing was verified:\n%s", at, &stdout)
		}
	}
	// A published repository is today's: the remedy says who knows what was before.
	var stdout, stderr bytes.Buffer
	code := Main([]string{
		"verify", "--target", "gw-1:prod/web-1", "--document", filepath.Join(dir, "policy.json"), "--attestation", filepath.Join(dir, "alice.json"),
		"--trust", repo.Dir(), "--root", filepath.Join(dir, "root.json"), "--as-of", "2026-01-01T00:00:00Z",
	}, strings.NewReader(""), &stdout, &stderr)
	if said := stderr.String(); code != ExitInconclusive || !strings.Contains(said, "give its state folder, or an export of one") || strings.Contains(said, "CORRUPT") {
		t.Errorf("as of a published repository: exit code %d\n%s%s", code, &stdout, &stderr)
	}
}
