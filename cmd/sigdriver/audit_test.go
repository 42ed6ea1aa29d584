// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay/replaytest"
)

// auditor runs the real program as somebody else would years later: in another
// folder, time zone and language, and without a network where that is possible.
type auditor struct {
	dir    string
	prefix []string
}

func newAuditor(t *testing.T) *auditor {
	t.Helper()
	a := &auditor{dir: t.TempDir()}
	if err := exec.Command("unshare", "-n", "true").Run(); err == nil {
		a.prefix = []string{"unshare", "-n"}
	} else if os.Getenv("SIGDRIVER_NEED_UNSHARE") != "" {
		t.Fatalf("no empty network namespace: %v", err)
	} else {
		t.Logf("with a network: %v", err)
	}
	return a
}

func (a *auditor) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	line := append(append([]string{}, a.prefix...), append([]string{"sigdriver"}, args...)...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = a.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TZ=Pacific/Chatham", "LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8", "HOME=" + a.dir}
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), out.String(), problems.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String(), problems.String()
}

// copyOf copies what an auditor is given.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestAudit has an auditor replay 10,000 decisions over five root rotations, three
// revocations and an expiry; 500 in the short form.
func TestAudit(t *testing.T) {
	decisions := 10_000
	if testing.Short() {
		decisions = 500
	}
	w := replaytest.New(t, 5)
	begin := time.Now()
	life := w.Live(decisions)
	t.Logf("%d decisions in %v: %v", life.Decisions, time.Since(begin).Round(time.Millisecond), life.Reasons)
	if len(life.Reasons) < 10 {
		t.Errorf("only %d reasons", len(life.Reasons))
	}
	if w.Repo.Version("root") != 1+replaytest.RootRotations || len(w.Revoked) != replaytest.Revocations {
		t.Errorf("root %d, %d revocations", w.Repo.Version("root"), len(w.Revoked))
	}
	a := newAuditor(t)
	state := copyOf(t, w.Dir)
	t.Run("replay", func(t *testing.T) { a.replays(t, state, w.Root, life.Decisions) })
}

// replays expects every decision to be identical, and the speed.
func (a *auditor) replays(t *testing.T, state, root string, decisions int) {
	file := filepath.Join(t.TempDir(), "replay.json")
	code, text, speed := a.run(t, "audit", "replay", "--state", state, "--root", root, "-o", "text", "-o", "json="+file)
	if code != 0 || !strings.Contains(text, fmt.Sprintf("identical      %d\n", decisions)) {
		t.Fatalf("exit %d\n%s%s", code, text, speed)
	}
	t.Logf("%s%s", text, speed)
	if !regexp.MustCompile(`(?m)^Replayed \d+ decisions in [0-9.]+ s on \d+ processors?: \d+ a second$`).MatchString(strings.TrimSpace(speed)) {
		t.Errorf("no speed: %q", speed)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Counts    map[string]int
		Today     map[string]int
		Trust     []struct{ Epoch string }
		Decisions []struct{ Outcome, Verdict, Today string }
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Decisions) != decisions || r.Counts["identical"] != decisions || len(r.Trust) < 10 {
		t.Errorf("%d decisions, %v, %d trusts", len(r.Decisions), r.Counts, len(r.Trust))
	}
	for _, d := range r.Decisions {
		if d.Outcome != "identical" || (d.Verdict == "ALLOW") != (d.Today != "") {
			t.Fatalf("%+v", d)
		}
	}
	for _, change := range []string{"revoked", "rotated", "expired", "superseded"} {
		if r.Today[change] == 0 {
			t.Errorf("nothing %s: %v", change, r.Today)
		}
	}
}
