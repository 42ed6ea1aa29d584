// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

const day = 24 * time.Hour

// renewable is a ceremony with every key at hand, made at tuftest.Start.
func renewable(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(memoryDir(t), "t")
	ok(t, "trust", "init", "--dir", dir, "--authorities", put(t, "a.json", verifiertest.BaseAuthorities().JSON()))
	return dir
}

// versions are those of the roles that are published.
func versions(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	repo, err := author.OpenRepository(nil, filepath.Join(dir, "published"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, s := range repo.States() {
		out[s.Role] = s.Version
	}
	return out
}

func TestTrustRenewsWhatIsDue(t *testing.T) {
	dir := renewable(t)
	want := versions(t, dir)
	for _, c := range []struct {
		after   time.Duration
		args    []string
		renewed []string
	}{
		{0, nil, nil},
		{3*day + 11*time.Hour, nil, nil},
		{3*day + 12*time.Hour, nil, []string{"timestamp"}},
		{3*day + 12*time.Hour, nil, nil},
		{7 * day, []string{"--due", "70%"}, []string{"timestamp", "revocation", "snapshot"}},
		{7 * day, nil, nil},
		{46 * day, nil, []string{"timestamp", "revocation", "snapshot", "targets", "attestations"}},
	} {
		args := append([]string{"trust", "renew", "--dir", dir}, c.args...)
		code, stdout, stderr := runAt(tuftest.Start.Add(c.after), args...)
		if code != ExitOK || strings.HasPrefix(stdout, "Nothing due in ") == (c.renewed != nil) || strings.HasPrefix(stdout, "Published in ") != (c.renewed != nil) {
			t.Fatalf("after %s: exit code %d: %s%s", c.after, code, stdout, stderr)
		}
		for _, role := range c.renewed {
			want[role]++
		}
		if got := versions(t, dir); !maps.Equal(got, want) {
			t.Fatalf("after %s: versions %v, want %v", c.after, got, want)
		}
	}
	if code, _, stderr := runAt(tuftest.Start, "trust", "renew", "--dir", dir, "--due", "0.5"); code != ExitUsage || !strings.Contains(stderr, "write it like 50%") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// Roles whose keys are elsewhere do not hold up the others, and are an error only when
// it is late for them.
func TestTrustRenewWithoutEveryKey(t *testing.T) {
	dir := renewable(t)
	if err := os.Remove(filepath.Join(dir, "keys", "targets.key")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		code  int
		said  string
	}{{40 * day, ExitOK, ""}, {46 * day, ExitOK, "note: targets is due"}, {68 * day, ExitInconclusive, "less than a quarter of its life is left of what cannot be renewed here: targets"}} {
		before := versions(t, dir)
		code, stdout, stderr := runAt(tuftest.Start.Add(c.after), "trust", "renew", "--dir", dir)
		after := versions(t, dir)
		if code != c.code || !strings.Contains(stdout+stderr, c.said) || after["timestamp"] != before["timestamp"]+1 || after["targets"] != 1 {
			t.Errorf("after %s: exit code %d, versions %v: %s%s", c.after, code, after, stdout, stderr)
		}
	}
}

// What is staged and waits for people does not hold up what machines sign.
func TestTrustRenewBesideWhatIsStaged(t *testing.T) {
	dir := renewable(t)
	ok(t, "trust", "stage", "--dir", dir, "--renew", "targets", "--renew", "revocation")
	code, stdout, stderr := runAt(tuftest.Start.Add(12*day), "trust", "renew", "--dir", dir)
	got := versions(t, dir)
	if code != ExitOK || got["timestamp"] != 2 || got["snapshot"] != 2 || got["revocation"] != 1 || !strings.Contains(stdout, "note: revocation is due") || !exists(filepath.Join(dir, "staged")) {
		t.Errorf("exit code %d, versions %v: %s%s", code, got, stdout, stderr)
	}
}

// One step at a time changes a ceremony's folder, and says who it is.
func TestTrustStepsTakeTurns(t *testing.T) {
	dir := renewable(t)
	held, err := disk.OS{}.Lock(filepath.Join(dir, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	before := versions(t, dir)
	steps := [][]string{
		{"publish"}, {"publish", "--renew", "targets"}, {"renew"}, {"stage", "--renew", "targets"},
		{"rotate-root", "--generate", "1"}, {"revoke", "--document", strings.Repeat("0", 64), "--reason", "test"},
	}
	for _, holder := range []string{"", "sigdriver trust renew, process 7, since 2026-06-01T12:00:00Z\n"} {
		if err := os.WriteFile(filepath.Join(dir, ".lock"), []byte(holder), 0o600); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("is in use by %q", strings.TrimSpace(holder))
		if holder == "" {
			want = `is in use by "another command"`
		}
		for _, step := range steps {
			args := slices.Concat([]string{"trust", step[0], "--dir", dir}, step[1:])
			if code, _, stderr := runAt(tuftest.Start, args...); code != ExitUsage || !strings.Contains(stderr, want) {
				t.Errorf("%v: exit code %d: %s", step, code, stderr)
			}
		}
	}
	if got := versions(t, dir); !maps.Equal(got, before) || exists(filepath.Join(dir, "staged")) {
		t.Errorf("versions %v, want %v", got, before)
	}
	held.Close()
	ok(t, "trust", "publish", "--dir", dir)
}

// A new repository says how long it lasts by itself.
func TestTrustInitSaysHowLongItLasts(t *testing.T) {
	auth := verifiertest.BaseAuthorities()
	for stale, want := range map[string][]string{
		"72h": {"maxStale      3 days", "from 2026-06-11T12:00:00Z on"},
		"":    {"maxStale      none", `"maxStale": "72h" in authorities.json`, "from 2026-06-08T12:00:00Z on"},
	} {
		auth.MaxStale = stale
		dir := filepath.Join(memoryDir(t), "t")
		text := ok(t, "trust", "init", "--dir", dir, "--authorities", put(t, "a.json", auth.JSON()))
		for _, line := range append(want, "timestamp     7 days", "snapshot      21 days", "revocation    21 days", "sigdriver trust renew --dir "+dir) {
			if !strings.Contains(text, line) {
				t.Errorf("maxStale %q: no %q in\n%s", stale, line, text)
			}
		}
	}
}
