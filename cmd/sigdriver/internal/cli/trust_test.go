// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// stateFolder is what a driver keeps after it has accepted one publication.
func stateFolder(t *testing.T, repo *tuftest.Repo) (state, root string) {
	t.Helper()
	state, root = filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "root.json")
	if err := os.WriteFile(root, repo.Root(), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := tuf.Open(tuf.Config{Root: repo.Root(), Source: tuf.DirSource(repo.Dir()), Dir: state, Now: repo.Now})
	if err != nil {
		t.Fatal(err)
	}
	update, err := client.Refresh(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Accept(update, tuf.Note{Epoch: 7}); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	return state, root
}

// runAt runs a command line with the clock at now.
func runAt(now time.Time, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	env := &Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: func() time.Time { return now }, Getenv: func(string) string { return "" }}
	code = exitCode(run(env, args), &errs)
	return code, out.String(), errs.String()
}

func TestTrustStatusOfAStateFolderAndItsExport(t *testing.T) {
	repo := tuftest.New(t)
	repo.SetTarget("authorities.json", verifiertest.BaseAuthorities().JSON())
	repo.Publish()
	state, root := stateFolder(t, repo)
	export := filepath.Join(t.TempDir(), "export.tar")
	if code, _, stderr := runAt(repo.Now(), "trust", "export", "--dir", state, "--out", export); code != ExitOK {
		t.Fatalf("export: exit code %d: %s", code, stderr)
	}
	for _, dir := range []string{state, export} {
		if code, _, stderr := runAt(repo.Now(), "trust", "status", "--dir", dir); code != ExitUsage || !strings.Contains(stderr, "--root") {
			t.Errorf("%s without --root: exit code %d: %s", dir, code, stderr)
		}
		code, stdout, stderr := runAt(repo.Now(), "trust", "status", "--dir", dir, "--root", root, "-o", "json")
		var r trustReport
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != ExitOK {
			t.Fatalf("%s: exit code %d, %v: %s", dir, code, err, stderr)
		}
		if len(r.Roles) < 4 || r.Roles[0].Role != tuf.RoleRoot || r.Roles[0].Version != 1 || !strings.Contains(stdout, "epoch 7") {
			t.Errorf("%s: %s", dir, stdout)
		}
		code, stdout, _ = runAt(repo.Now().Add(48*time.Hour), "trust", "status", "--dir", dir, "--root", root)
		if code != ExitInconclusive || !strings.Contains(stdout, "EXPIRED") {
			t.Errorf("%s two days later: exit code %d\n%s", dir, code, stdout)
		}
	}
	if code, _, stderr := runAt(repo.Now(), "trust", "export", "--dir", repo.Dir(), "--out", export); code != ExitUsage || !strings.Contains(stderr, "there is no history") {
		t.Errorf("export of a repository: exit code %d: %s", code, stderr)
	}
}

// What is damaged is said, with a remedy, and not exported.
func TestTrustOfADamagedArchive(t *testing.T) {
	repo := tuftest.New(t)
	authorities := verifiertest.BaseAuthorities().JSON()
	repo.SetTarget("authorities.json", authorities)
	repo.Publish()
	state, root := stateFolder(t, repo)
	sum := fmt.Sprintf("%x", sha256.Sum256(authorities))
	if err := os.WriteFile(filepath.Join(state, "archive", "sha256", sum[:2], sum), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	export := filepath.Join(t.TempDir(), "export.tar")
	for _, c := range []struct {
		code int
		args []string
		text string
	}{
		{ExitDenied, []string{"trust", "export", "--dir", state, "--out", export}, "nothing was written; restore the state folder"},
		{ExitInconclusive, []string{"trust", "status", "--dir", state, "--root", root}, "TRUST_CORRUPT"},
		{ExitInconclusive, []string{"trust", "status", "--dir", state, "--root", root}, "or restore the trust from a backup"},
		{ExitInconclusive, []string{"trust", "lint", "--trust", state, "--root", root}, "or restore the trust from a backup"},
	} {
		if code, stdout, stderr := runAt(repo.Now(), c.args...); code != c.code || !strings.Contains(stderr, c.text) || stdout != "" {
			t.Errorf("%v: exit code %d: %s%s", c.args, code, stdout, stderr)
		}
	}
	if exists(export) {
		t.Error("there is an export")
	}
}

// TestInterruptedPublicationIsCompleted puts back the old timestamp and the stage,
// as a crash before the last rename leaves them.
func TestInterruptedPublicationIsCompleted(t *testing.T) {
	dir, rules := filepath.Join(t.TempDir(), "t"), filepath.Join(t.TempDir(), "authorities.json")
	if err := os.WriteFile(rules, verifiertest.BaseAuthorities().JSON(), 0o600); err != nil {
		t.Fatal(err)
	}
	must := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := runAt(tuftest.Start, args...)
		if code != ExitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		return stdout
	}
	must("trust", "init", "--dir", dir, "--authorities", rules)
	timestamp := filepath.Join(dir, "published", "metadata", "timestamp.json")
	before, err := os.ReadFile(timestamp)
	if err != nil {
		t.Fatal(err)
	}
	must("trust", "stage", "--dir", dir, "--renew", "root", "--renew", "timestamp", "--authorities", rules)
	must("trust", "sign", "--dir", dir, "--yes")
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.CopyFS(kept, os.DirFS(filepath.Join(dir, "staged"))); err != nil {
		t.Fatal(err)
	}
	must("trust", "publish", "--dir", dir)
	if err := os.WriteFile(timestamp, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "staged"), os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	if stdout := must("trust", "publish", "--dir", dir); !strings.Contains(stdout, "root          v2") {
		t.Errorf("not completed:\n%s", stdout)
	}
}

func TestLeftText(t *testing.T) {
	for seconds, want := range map[int64]string{
		0: "EXPIRED 0 minutes ago", 60: "1 minute", 3599: "59 minutes", 3600: "1 hour", 47 * 3600: "47 hours",
		48 * 3600: "2 days", -7200: "EXPIRED 2 hours ago",
	} {
		if got := leftText(seconds); got != want {
			t.Errorf("%d: %q, want %q", seconds, got, want)
		}
	}
}
