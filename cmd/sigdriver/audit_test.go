// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

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
	t.Run("report", func(t *testing.T) { a.reports(t, state, w, life.Decisions) })
	t.Run("pack", func(t *testing.T) {
		file := a.packs(t, state, w.Size())
		code, text, problems := a.run(t, "audit", "verify", file, "--root", w.Root, "--log-key", w.LogKey)
		if code != 0 || !strings.Contains(text, fmt.Sprintf("identical      %d\n", life.Decisions)) || !strings.Contains(text, "The log is whole") || strings.Contains(text, "who wrote it") {
			t.Errorf("exit %d\n%s%s", code, text, problems)
		}
		t.Log(text)
	})
}

// TestAuditCommands goes through what an auditor may ask, over a short life.
func TestAuditCommands(t *testing.T) {
	w := replaytest.New(t, 6)
	life := w.Live(60)
	a := newAuditor(t)
	state := copyOf(t, w.Dir)
	t.Run("bodies", func(t *testing.T) { a.readsBodies(t, state, w, life.Decisions) })
	t.Run("page", func(t *testing.T) { a.follows(t, "../../docs/evidence.md", state, w) })
	t.Run("pack", func(t *testing.T) { a.readsPacks(t, a.packs(t, state, w.Size()), w, life.Decisions) })
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

// readsBodies replays with an export of the gateway: nothing about bodies is then
// taken from the records.
func (a *auditor) readsBodies(t *testing.T, state string, w *replaytest.World, decisions int) {
	code, text, _ := a.run(t, "audit", "replay", "--state", state, "--root", w.Root, "--documents", copyOf(t, w.Bodies))
	if code != 0 || strings.Contains(text, "what only bodies show") || !strings.Contains(text, fmt.Sprintf("identical      %d\n", decisions)) {
		t.Errorf("exit %d\n%s", code, text)
	}
	for _, c := range []struct {
		args []string
		code int
		said string
	}{
		{[]string{"--root", w.Root, "--state", state, "--gateway", "nobody"}, 4, "Nothing was replayed"},
		{[]string{"--root", w.Root, "--state", state, "--since", "yesterday"}, 2, "2026-01-02T15:04:05Z, 30d or 36h"},
		{[]string{"--root", w.Root, "--state", state, "--since", "2999-01-01T00:00:00Z"}, 4, "Nothing was replayed"},
		{[]string{"--root", w.Root, "--state", state, "--until", "2000-01-01T00:00:00Z"}, 4, "Nothing was replayed"},
		{[]string{"--root", w.Root, "--state", state, "--workspace", "nobody"}, 4, "Nothing was replayed"},
		{[]string{"--root", w.Root, "--state", state, "--sandbox", "nobody"}, 4, "Nothing was replayed"},
		{[]string{"--root", w.Root, "--state", state, "--documents", t.TempDir()}, 2, "has no document"},
		{[]string{"--root", w.Root, "--state", t.TempDir()}, 2, "no state folder"},
		{[]string{"--root", filepath.Join(state, "floors.db"), "--state", state}, 2, "pinned root"},
		{[]string{"--state", state}, 2, "required flag"},
	} {
		code, text, problems := a.run(t, append([]string{"audit", "replay"}, c.args...)...)
		if code != c.code || !strings.Contains(strings.ToLower(text+problems), strings.ToLower(c.said)) {
			t.Errorf("%v: exit %d, want %d\n%s%s", c.args, code, c.code, text, problems)
		}
	}
}

// packs puts the evidence into one file.
func (a *auditor) packs(t *testing.T, state string, decisions int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "evidence.pack")
	if code, text, problems := a.run(t, "audit", "export", "--state", state, "-o", file); code != 0 || !strings.Contains(problems, fmt.Sprintf("Packed %d entries", decisions)) {
		t.Fatalf("exit %d\n%s%s", code, text, problems)
	}
	return file
}

// readsPacks checks a pack with less than everything, and a pack with one bit changed.
func (a *auditor) readsPacks(t *testing.T, file string, w *replaytest.World, decisions int) {
	code, text, problems := a.run(t, "audit", "verify", file, "--root", w.Root)
	if code != 4 || !strings.Contains(text, fmt.Sprintf("identical      %d\n", decisions)) || !strings.Contains(text, "Not proven by this:\n  who wrote it") {
		t.Errorf("without a log key: exit %d\n%s%s", code, text, problems)
	}
	if code, text, _ := a.run(t, "audit", "verify", file, "--log-key", w.LogKey); code != 4 || !strings.Contains(text, "without --root none was decided again") {
		t.Errorf("without a root: exit %d\n%s", code, text)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)*2/3] ^= 4
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	code, text, problems = a.run(t, "audit", "verify", file, "--root", w.Root)
	if code != 1 || text != "" || !regexp.MustCompile(`LOG_TAMPERED: the pack .* is not as it was written: byte \d+, in "`).MatchString(problems) {
		t.Errorf("one bit: exit %d\n%s%s", code, text, problems)
	}
}

// follows runs the commands that a page shows, in order, in a folder with what
// they name.
func (a *auditor) follows(t *testing.T, page, state string, w *replaytest.World) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	here := *a
	here.dir = t.TempDir()
	root, err := os.ReadFile(w.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Symlink(state, filepath.Join(here.dir, "state")), os.WriteFile(filepath.Join(here.dir, "root.json"), root, 0o600),
		os.WriteFile(filepath.Join(here.dir, "log.pub"), []byte(w.LogKey+"\n"), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	commands := regexp.MustCompile(`(?m)^\$ sigdriver (audit (?:replay --state state|export --state state|verify evidence\.pack|report) .*)$`).FindAllStringSubmatch(string(text), -1)
	if len(commands) != 4 {
		t.Errorf("the page shows %d commands", len(commands))
	}
	for _, c := range commands {
		if code, text, problems := here.run(t, strings.Fields(c[1])...); code != 0 {
			t.Errorf("%s: exit %d\n%s%s", c[1], code, text, problems)
		}
	}
}
